using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Stir;

namespace IvrActors.Edge.Net.Stir;

/// <summary>The files of STIR/SHAKEN: whatever is wrong with one, its reader gives nothing.</summary>
public static class StirFiles
{
    /// <summary>The certificates of a PEM file; null when it cannot be read or holds none.</summary>
    public static X509Certificate2Collection? Certificates(string file)
    {
        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPemFile(file);
            return certificates.Count > 0 ? certificates : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return null;
        }
    }

    /// <summary>Whether a file is a revocation list, in PEM or DER.</summary>
    public static bool IsRevocationList(string file) => RevocationList(file) is not null;

    /// <summary>The private key on P-256 of a PEM file, for ES256; null when it cannot be read or is another one.</summary>
    public static ECDsa? SigningKey(string file)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(File.ReadAllText(file));
            var parameters = key.ExportParameters(includePrivateParameters: true);
            CryptographicOperations.ZeroMemory(parameters.D);
            if (parameters.Curve.Oid.FriendlyName == ECCurve.NamedCurves.nistP256.Oid.FriendlyName || parameters.Curve.Oid.Value == ECCurve.NamedCurves.nistP256.Oid.Value) return key;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            // Reported by who asks.
        }
        key.Dispose();
        return null;
    }

    internal static StirCrl? RevocationList(string file)
    {
        try
        {
            return StirCrl.Read(File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
