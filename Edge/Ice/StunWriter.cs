using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Ice;

/// <summary>Writes one STUN message into a buffer that has room for it.</summary>
public ref struct StunWriter
{
    private readonly Span<byte> _buffer;

    public StunWriter(Span<byte> buffer, ushort type, ReadOnlySpan<byte> transaction)
    {
        _buffer = buffer;
        BinaryPrimitives.WriteUInt16BigEndian(buffer, type);
        BinaryPrimitives.WriteUInt32BigEndian(buffer[4..], Stun.Cookie);
        transaction.CopyTo(buffer[8..]);
        Length = StunMessage.HeaderSize;
        WriteLength();
    }

    public int Length { get; private set; }

    /// <summary>Adds an attribute and returns where its value is to be written; padding is zero.</summary>
    public Span<byte> Add(ushort type, int size)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[Length..], type);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[(Length + 2)..], (ushort)size);
        var padded = (size + 3) / 4 * 4;
        var value = _buffer.Slice(Length + 4, padded);
        value.Clear();
        Length += 4 + padded;
        WriteLength();
        return value[..size];
    }

    public void AddUsername(string username) => Encoding.ASCII.GetBytes(username, Add(Stun.Username, username.Length));

    /// <summary>XOR-MAPPED-ADDRESS (RFC 8489 14.2).</summary>
    public void AddMapped(MediaAddress address)
    {
        var value = Add(Stun.XorMappedAddress, address.IsV6 ? 20 : 8);
        value[1] = (byte)(address.IsV6 ? 2 : 1);
        BinaryPrimitives.WriteUInt16BigEndian(value[2..], (ushort)(address.Port ^ (Stun.Cookie >> 16)));
        address.WriteIp(value[4..]);
        Stun.Mask(value[4..], _buffer.Slice(8, 12));
    }

    /// <summary>ERROR-CODE (RFC 8489 14.8) with an empty reason.</summary>
    public void AddError(int code)
    {
        var value = Add(Stun.ErrorCode, 4);
        value[2] = (byte)(code / 100);
        value[3] = (byte)(code % 100);
    }

    public void AddUnknown(ulong types, int count)
    {
        var value = Add(Stun.UnknownAttributes, 2 * count);
        for (var i = 0; i < count; i++) BinaryPrimitives.WriteUInt16BigEndian(value[(2 * i)..], (ushort)(types >> (16 * i)));
    }

    /// <summary>MESSAGE-INTEGRITY over all so far, then FINGERPRINT.</summary>
    public void Close(IncrementalHash hmac)
    {
        var before = _buffer[..Length];
        Stun.Integrity(hmac, before, Add(Stun.MessageIntegrity, Stun.IntegritySize));
        var at = Length;
        var value = Add(Stun.Fingerprint, 4);
        BinaryPrimitives.WriteUInt32BigEndian(value, Stun.FingerprintOf(_buffer[..at]));
    }

    private readonly void WriteLength() => BinaryPrimitives.WriteUInt16BigEndian(_buffer[2..], (ushort)(Length - StunMessage.HeaderSize));
}
