using System.Diagnostics;
using System.Runtime.InteropServices;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Storage;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>SoftHSM with tokens of its own in a folder of its own, for this process.</summary>
internal sealed class SoftToken
{
    public const string Pin = "4711-pin";
    public const string Ring = "ring";

    /// <summary>Tokens that each have a key <see cref="Ring"/>.</summary>
    public const string First = "first", Second = "second";

    /// <summary>For what is tried with keys that are not as they should be.</summary>
    public const string Bench = "bench";

    /// <summary>Its PIN is tried until it locks.</summary>
    public const string Fragile = "fragile";

    private static readonly string[] s_places = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"];
    private static readonly Lazy<SoftToken> s_one = new(() => new SoftToken());

    private readonly IPkcs11Library _library;

    private SoftToken()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-silo-test-tokens-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        var settings = Path.Combine(folder, "softhsm2.conf");
        Directory.CreateDirectory(Path.Combine(folder, "tokens"));
        File.WriteAllText(settings, $"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n");
        // The library reads the environment of the process, which is not the copy of it that .NET keeps.
        Assert.Equal(0, SetEnvironment("SOFTHSM2_CONF", settings, 1));
        foreach (var label in new[] { First, Second, Bench, Fragile }) Initialize(label, settings);
        _library = Pkcs11Module.Factories.Pkcs11LibraryFactory.LoadPkcs11Library(Pkcs11Module.Factories, Library, AppType.MultiThreaded);
        MakeKey(First, Ring);
        MakeKey(Second, Ring);
    }

    public static string Library => s_places.FirstOrDefault(File.Exists) ?? "";

    /// <summary>The one of this process. Skips the test where SoftHSM is not installed, and fails it in continuous integration.</summary>
    public static SoftToken Require()
    {
        if (Library.Length > 0) return s_one.Value;
        const string reason = "SoftHSM is not installed (Debian: softhsm2)";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
        throw new UnreachableException();
    }

    public static TokenKey Open(string token, string pin = Pin, string key = Ring)
    {
        using var secret = new Secret<char>(pin.ToCharArray());
        return TokenKey.Open(Library, token, key, secret);
    }

    /// <summary>Makes an RSA key pair in a token.</summary>
    public void MakeKey(string token, string label, bool extractable = false, int bits = 2048)
    {
        var factory = Pkcs11Module.Factories.ObjectAttributeFactory;
        In(token, session =>
        {
            using var mechanism = Pkcs11Module.Factories.MechanismFactory.Create(CKM.CKM_RSA_PKCS_KEY_PAIR_GEN);
            session.GenerateKeyPair(
                mechanism,
                [
                    factory.Create(CKA.CKA_TOKEN, true), factory.Create(CKA.CKA_LABEL, label), factory.Create(CKA.CKA_ENCRYPT, true),
                    factory.Create(CKA.CKA_MODULUS_BITS, (ulong)bits), factory.Create(CKA.CKA_PUBLIC_EXPONENT, new byte[] { 1, 0, 1 }),
                ],
                [
                    factory.Create(CKA.CKA_TOKEN, true), factory.Create(CKA.CKA_PRIVATE, true), factory.Create(CKA.CKA_LABEL, label), factory.Create(CKA.CKA_DECRYPT, true),
                    factory.Create(CKA.CKA_SENSITIVE, true), factory.Create(CKA.CKA_EXTRACTABLE, extractable),
                ],
                out _, out _);
            return true;
        });
    }

    /// <summary>Work in a session that may write.</summary>
    public T In<T>(string token, Func<ISession, T> work)
    {
        var slot = _library.GetSlotList(SlotsType.WithTokenPresent).Single(found => found.GetTokenInfo().Label.TrimEnd() == token);
        using var session = slot.OpenSession(SessionType.ReadWrite);
        session.Login(CKU.CKU_USER, Pin);
        try
        {
            return work(session);
        }
        finally
        {
            session.Logout();
        }
    }

    private static void Initialize(string label, string settings)
    {
        var start = new ProcessStartInfo("softhsm2-util", ["--init-token", "--free", "--label", label, "--so-pin", "so-" + Pin, "--pin", Pin]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["SOFTHSM2_CONF"] = settings;
        using var process = Process.Start(start)!;
        process.WaitForExit();
        Assert.Equal((0, ""), (process.ExitCode, process.StandardError.ReadToEnd()));
    }

    [DllImport("libc", EntryPoint = "setenv", CharSet = CharSet.Ansi)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int SetEnvironment(string name, string value, int overwrite);
}
