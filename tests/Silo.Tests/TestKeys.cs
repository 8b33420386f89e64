using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Tests;

/// <summary>A key ring made once for all tests: an RSA key takes seconds to find on a busy machine. Tests of the ring itself make their own.</summary>
internal static class TestKeys
{
    private static readonly Lazy<string> s_template = new(Make);

    /// <summary>Puts <c>certs</c> and <c>keys</c> into a data folder, as a first start for <paramref name="service"/> would.</summary>
    public static void CopyTo(string dataFolder, string service)
    {
        if (Directory.Exists(Path.Combine(dataFolder, "keys"))) return;
        CopyCertificateTo(dataFolder);
        // The ring's secrets are bound to the service: only the certificate is shared.
        KeyRing.Open(new FileKeyStore(Path.Combine(dataFolder, "keys")), Protection(dataFolder, mayCreate: false), service, mayCreate: true).Dispose();
    }

    /// <summary>Puts the certificate alone into a data folder.</summary>
    public static void CopyCertificateTo(string dataFolder)
    {
        foreach (var file in Directory.EnumerateFiles(Path.Combine(s_template.Value, "certs"))) Copy(file, Path.Combine(dataFolder, "certs"));
    }

    /// <summary>The ring of a data folder, as a silo opens it.</summary>
    public static KeyRing Open(string dataFolder, string service, bool first) =>
        KeyRing.Open(new FileKeyStore(Path.Combine(dataFolder, "keys")), Protection(dataFolder, first), service, first);

    public static RingProtection Protection(string dataFolder, bool mayCreate) => new(CertificateKey.Generated(Path.Combine(dataFolder, "certs"), mayCreate, DateTimeOffset.UtcNow));

    private static void Copy(string file, string folder)
    {
        Directory.CreateDirectory(folder);
        File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }

    private static string Make()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-silo-test-keys-").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        Certificates.KeyProtection(Path.Combine(folder, "certs"), mayCreate: true, DateTimeOffset.UtcNow).Dispose();
        return folder;
    }
}
