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
        foreach (var file in Directory.EnumerateFiles(Path.Combine(s_template.Value, "certs"))) Copy(file, Path.Combine(dataFolder, "certs"));
        // The ring's secrets are bound to the service: only the certificate is shared.
        KeyRing.Open(Path.Combine(dataFolder, "keys"), Certificates.KeyProtection(Path.Combine(dataFolder, "certs"), mayCreate: false, DateTimeOffset.UtcNow), service, mayCreate: true).Dispose();
    }

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
