using System.Security.Cryptography;

namespace IvrActors.Grains.Interfaces;

/// <summary>
/// Secret bytes or characters (PIN, one-time code, key): cannot be printed, compared by accident or serialized; zeroed when disposed.
/// <typeparamref name="T"/> is <c>byte</c> or <c>char</c>.
/// </summary>
public sealed class Secret<T> : IDisposable where T : unmanaged
{
    public const string Mask = "[secret]";

    private readonly T[] _value;
    private bool _disposed;

    /// <summary>Takes ownership of <paramref name="value"/>: the caller must not keep or copy it.</summary>
    public Secret(T[] value) => _value = value;

    public int Length => _value.Length;

    /// <summary>The secret itself. The span must not outlive the statement that uses it.</summary>
    /// <exception cref="ObjectDisposedException">The secret was zeroed already.</exception>
    public ReadOnlySpan<T> Expose()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        return _value;
    }

    public override string ToString() => Mask;

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        CryptographicOperations.ZeroMemory(System.Runtime.InteropServices.MemoryMarshal.AsBytes(_value.AsSpan()));
    }
}
