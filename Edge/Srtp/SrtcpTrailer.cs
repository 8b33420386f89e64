namespace IvrActors.Edge.Srtp;

/// <summary>
/// What stands behind the encrypted part of an SRTCP packet:
/// <code>
/// | E flag, index (4) | tag |   HMAC-SHA1 (RFC 3711 3.4)
/// | tag | E flag, index (4) |   GCM (RFC 7714 9.4)
/// </code>
/// </summary>
internal readonly ref struct SrtcpTrailer(Span<byte> word, Span<byte> tag)
{
    /// <summary>The header and the source of the first report, which stay in clear.</summary>
    public const int HeaderSize = 8;

    /// <summary>The E flag.</summary>
    public const uint Encrypted = 0x8000_0000;

    private const int WordSize = 4;

    public Span<byte> Word { get; } = word;

    public Span<byte> Tag { get; } = tag;

    public static SrtcpTrailer Of(Span<byte> trailer, SrtpSuite suite) =>
        suite.IsAead ? new SrtcpTrailer(trailer[^WordSize..], trailer[..^WordSize]) : new SrtcpTrailer(trailer[..WordSize], trailer[WordSize..]);
}
