using System.Buffers.Binary;

namespace IvrActors.Edge.Dtmf;

/// <summary>The payload of a telephone-event packet (RFC 4733 2.3).</summary>
/// <remarks>
/// <code>
///  |     event     |E|R| volume    |          duration             |
/// </code>
/// </remarks>
/// <param name="Event">0 to 15 are the DTMF keys.</param>
/// <param name="End">Whether the key was released.</param>
/// <param name="Volume">Power in -dBm0, 0 to 63.</param>
/// <param name="Duration">In timestamp units (8 per ms) since the timestamp of the packet.</param>
public readonly record struct TelephoneEvent(byte Event, bool End, byte Volume, ushort Duration)
{
    public const int Size = 4;
    private const string Keys = "0123456789*#ABCD";

    /// <summary>False when the payload is too short. What follows the first four bytes is ignored.</summary>
    public static bool TryRead(ReadOnlySpan<byte> payload, out TelephoneEvent value)
    {
        value = default;
        if (payload.Length < Size) return false;
        value = new TelephoneEvent(payload[0], (payload[1] & 0x80) != 0, (byte)(payload[1] & 0x3F), BinaryPrimitives.ReadUInt16BigEndian(payload[2..]));
        return true;
    }

    public void Write(Span<byte> payload)
    {
        payload[0] = Event;
        payload[1] = (byte)((End ? 0x80 : 0) | (Volume & 0x3F));
        BinaryPrimitives.WriteUInt16BigEndian(payload[2..], Duration);
    }

    /// <summary>The key of an event number, or null when it is no DTMF key (flash, tones).</summary>
    public static char? KeyOf(byte number) => number < Keys.Length ? Keys[number] : null;

    /// <summary>The event number of a key, or null.</summary>
    public static byte? NumberOf(char key) => Keys.IndexOf(key) is var at and >= 0 ? (byte)at : null;
}
