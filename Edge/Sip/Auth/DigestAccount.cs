using IvrActors.Grains.Interfaces;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>A user name with what is kept of its password: H(A1) in hex for each algorithm, never the password.</summary>
public sealed class DigestAccount
{
    private readonly Secret<byte> _sha256;
    private readonly Secret<byte>? _md5;

    /// <param name="md5">Whether H(A1) for MD5 is kept as well.</param>
    public DigestAccount(string user, string realm, ReadOnlySpan<char> password, bool md5)
    {
        User = user;
        _sha256 = new Secret<byte>(DigestHash.Ha1(DigestAlgorithm.Sha256, user, realm, password));
        _md5 = md5 ? new Secret<byte>(DigestHash.Ha1(DigestAlgorithm.Md5, user, realm, password)) : null;
    }

    public string User { get; }

    /// <summary>H(A1) in hex, or null for an algorithm that the trunk does not allow.</summary>
    internal Secret<byte>? Ha1(DigestAlgorithm algorithm) => algorithm == DigestAlgorithm.Sha256 ? _sha256 : _md5;
}
