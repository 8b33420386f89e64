using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace IvrActors.Grains.Interfaces;

/// <summary>
/// Secret bytes or characters (PIN, one-time code, key): cannot be printed, compared by accident or serialized; zeroed when disposed.
/// <typeparamref name="T"/> is <c>byte</c> or <c>char</c>.
/// </summary>
[JsonConverter(typeof(SecretRefusesJson))]
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

/// <summary>Without it System.Text.Json would write the length of a secret; with it the attempt fails where it is made.</summary>
internal sealed class SecretRefusesJson : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => true;

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        throw new NotSupportedException("A secret cannot be serialized.");
}
