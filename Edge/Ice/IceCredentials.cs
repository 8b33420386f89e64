using IvrActors.Grains.Interfaces;

namespace IvrActors.Edge.Ice;

/// <summary>User name fragment and password of one side in one ICE session (RFC 8445 5.3).</summary>
public sealed class IceCredentials : IDisposable
{
    /// <summary>ice-chars of random that are drawn: 48 bits (at least 24) and 144 bits (at least 128).</summary>
    public const int FragmentLength = 8, PasswordLength = 24;

    private readonly Secret<byte> _password;

    /// <param name="random">At least <see cref="FragmentLength"/> + <see cref="PasswordLength"/> ice-chars; ownership is taken.</param>
    public IceCredentials(byte[] random)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(random.Length, FragmentLength + PasswordLength);
        Fragment = System.Text.Encoding.ASCII.GetString(random, 0, FragmentLength);
        _password = new Secret<byte>(random[FragmentLength..]);
        Array.Clear(random);
    }

    public string Fragment { get; }

    /// <summary>The span must not outlive the statement that uses it.</summary>
    public ReadOnlySpan<byte> ExposePassword() => _password.Expose();

    public override string ToString() => Secret<byte>.Mask;

    public void Dispose() => _password.Dispose();
}
