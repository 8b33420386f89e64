using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace IvrActors.Edge.Net.Tls;

/// <summary>What looking at certificate files again found.</summary>
public enum CertificateReload
{
    Unchanged,
    Replaced,

    /// <summary>The files changed and cannot be used: the certificate in use stays.</summary>
    Refused,
}

/// <summary>A certificate that <see cref="CertificateWatcher"/> reads anew when its files change.</summary>
public interface IReloadedCertificate
{
    /// <summary>Which of the process's certificates it is, as a log says it.</summary>
    string Purpose { get; }

    X509Certificate2 Current { get; }

    /// <summary>Looks at the files. What is refused once is not looked at again before it changes.</summary>
    CertificateReload Reload(DateTimeOffset now);
}

/// <summary>Something that was loaded from files, and is loaded again when their contents change.</summary>
/// <typeparam name="T">What is loaded as a whole, so that its parts always belong together.</typeparam>
public sealed class CertificateFiles<T>
    where T : class
{
    private readonly Func<T> _load;
    private readonly string[] _files;
    private readonly Lock _lock = new();
    private byte[] _seen;
    private volatile T _current;

    /// <param name="load">Throws what reading files and keys throws.</param>
    /// <param name="files">None: what was loaded never changes.</param>
    public CertificateFiles(Func<T> load, params string[] files)
    {
        ArgumentNullException.ThrowIfNull(load);
        (_load, _files) = (load, files);
        _seen = Fingerprint(files);
        _current = load();
    }

    public T Current => _current;

    /// <summary>Takes up what the files hold now, if it changed.</summary>
    /// <param name="choose">Of what is used now and what was loaded: what is used from now on, which is the latter, or the former, or what of the latter counts all the same.</param>
    public CertificateReload Reload(Func<T, T, T> choose)
    {
        ArgumentNullException.ThrowIfNull(choose);
        lock (_lock)
        {
            try
            {
                var seen = Fingerprint(_files);
                if (seen.AsSpan().SequenceEqual(_seen)) return CertificateReload.Unchanged;
                _seen = seen;
                var loaded = _load();
                _current = choose(_current, loaded); // The one before stays alive as long as a connection uses it.
                return ReferenceEquals(_current, loaded) ? CertificateReload.Replaced : CertificateReload.Refused;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                // Half written, unreadable, or a key of another certificate.
                return CertificateReload.Refused;
            }
        }
    }

    private static byte[] Fingerprint(string[] files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files)
        {
            var content = File.ReadAllBytes(file);
            hash.AppendData(SHA256.HashData(content));
            CryptographicOperations.ZeroMemory(content); // One of them holds a key.
        }
        return hash.GetHashAndReset();
    }
}
