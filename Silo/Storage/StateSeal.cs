using System.Buffers.Binary;
using System.Text;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Seals the state of a grain so that it opens only for the service, the state's name, the grain and the version that it was sealed for: a row copied over another, or an older one under
/// the newer version, does not open.
/// </summary>
/// <remarks>
/// Associated data: <c>purpose | service | state | grain type | grain key | version</c>, each but the last with its length (int32) before it, the version as int64; little endian. So no two
/// owners share theirs, whatever their names are.
/// </remarks>
internal sealed class StateSeal(DataKeys keys, string serviceId)
{
    private const string Purpose = "ivr.grain-state.v1";
    private const int MostOnStack = 512;

    private readonly byte[] _service = Prefix(serviceId);

    /// <exception cref="KeyRingException">The key ring has not answered for so long that its key may have been replaced.</exception>
    public byte[] Seal(string state, GrainId grain, long version, ReadOnlySpan<byte> plain)
    {
        var size = SizeOf(state, grain);
        var owner = size <= MostOnStack ? stackalloc byte[size] : new byte[size];
        Write(owner, state, grain, version);
        return keys.Seal(plain, owner);
    }

    /// <summary>The plaintext, which is the caller's to zero; null when the payload is not what was sealed for this owner and version, or its key was revoked.</summary>
    /// <exception cref="KeyRingException">The key ring cannot be asked: nothing is known of the payload.</exception>
    public byte[]? Open(string state, GrainId grain, long version, ReadOnlySpan<byte> payload)
    {
        var size = SizeOf(state, grain);
        var owner = size <= MostOnStack ? stackalloc byte[size] : new byte[size];
        Write(owner, state, grain, version);
        return keys.Open(payload, owner);
    }

    private int SizeOf(string state, GrainId grain) =>
        _service.Length + 3 * sizeof(int) + Encoding.UTF8.GetByteCount(state) + grain.Type.AsSpan().Length + grain.Key.AsSpan().Length + sizeof(long);

    private void Write(Span<byte> owner, string state, GrainId grain, long version)
    {
        _service.CopyTo(owner);
        var rest = owner[_service.Length..];
        var length = Encoding.UTF8.GetBytes(state, rest[sizeof(int)..]);
        BinaryPrimitives.WriteInt32LittleEndian(rest, length);
        rest = Append(rest[(sizeof(int) + length)..], grain.Type.AsSpan());
        rest = Append(rest, grain.Key.AsSpan());
        BinaryPrimitives.WriteInt64LittleEndian(rest, version);
    }

    private static byte[] Prefix(string serviceId)
    {
        var (purpose, service) = (Encoding.UTF8.GetBytes(Purpose), Encoding.UTF8.GetBytes(serviceId));
        var prefix = new byte[2 * sizeof(int) + purpose.Length + service.Length];
        Append(Append(prefix, purpose), service);
        return prefix;
    }

    /// <returns>What comes after it.</returns>
    private static Span<byte> Append(Span<byte> to, ReadOnlySpan<byte> field)
    {
        BinaryPrimitives.WriteInt32LittleEndian(to, field.Length);
        field.CopyTo(to[sizeof(int)..]);
        return to[(sizeof(int) + field.Length)..];
    }
}
