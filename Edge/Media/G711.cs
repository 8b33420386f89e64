namespace IvrActors.Edge.Media;

/// <summary>ITU-T G.711: 8-bit companded speech, mu-law and A-law. Linear samples are 16 bits.</summary>
public static class G711
{
    /// <summary>Silence on the wire.</summary>
    public const byte MuLawSilence = 0xFF, ALawSilence = 0xD5;

    private const int MuLawBias = 0x84, MuLawClip = 32635;

    private static readonly short[] MuLawLinear = Table(DecodeMuLawSlowly);
    private static readonly short[] ALawLinear = Table(DecodeALawSlowly);
    private static readonly byte[] MuToA = Transcoding(MuLawLinear, EncodeALaw);
    private static readonly byte[] AToMu = Transcoding(ALawLinear, EncodeMuLaw);

    public static short DecodeMuLaw(byte code) => MuLawLinear[code];

    public static short DecodeALaw(byte code) => ALawLinear[code];

    public static byte MuLawToALaw(byte code) => MuToA[code];

    public static byte ALawToMuLaw(byte code) => AToMu[code];

    public static byte EncodeMuLaw(short sample)
    {
        var sign = sample < 0 ? 0x80 : 0;
        var magnitude = Math.Min(Math.Abs((int)sample), MuLawClip) + MuLawBias;
        var segment = 24 - System.Numerics.BitOperations.LeadingZeroCount((uint)magnitude); // 132..32767 gives 0..7.
        return (byte)~(sign | segment << 4 | magnitude >> (segment + 3) & 0x0F);
    }

    public static byte EncodeALaw(short sample)
    {
        // A-law is a 13-bit code; negative values are mirrored about -1/2.
        var value = sample >> 3;
        var mask = 0xD5;
        if (value < 0)
        {
            mask = 0x55;
            value = -value - 1;
        }
        var segment = Math.Max(0, 27 - System.Numerics.BitOperations.LeadingZeroCount((uint)value)); // 0..31 gives 0, 2048..4095 gives 7.
        var mantissa = segment < 2 ? value >> 1 & 0x0F : value >> segment & 0x0F;
        return (byte)((segment << 4 | mantissa) ^ mask);
    }

    private static short DecodeMuLawSlowly(byte code)
    {
        var inverted = ~code & 0xFF;
        var magnitude = (((inverted & 0x0F) << 3) + MuLawBias << (inverted >> 4 & 7)) - MuLawBias;
        return (short)((inverted & 0x80) != 0 ? -magnitude : magnitude);
    }

    private static short DecodeALawSlowly(byte code)
    {
        var inverted = code ^ 0x55;
        var segment = inverted >> 4 & 7;
        var magnitude = ((inverted & 0x0F) << 4) + 8;
        if (segment > 0) magnitude = magnitude + 0x100 << segment - 1;
        return (short)((inverted & 0x80) != 0 ? magnitude : -magnitude);
    }

    private static short[] Table(Func<byte, short> decode)
    {
        var table = new short[256];
        for (var i = 0; i < 256; i++) table[i] = decode((byte)i);
        return table;
    }

    private static byte[] Transcoding(short[] linear, Func<short, byte> encode)
    {
        var table = new byte[256];
        for (var i = 0; i < 256; i++) table[i] = encode(linear[i]);
        return table;
    }
}
