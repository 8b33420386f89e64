using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Edge.Sip.Message;

/// <summary>To tags of answers that leave no state: a request that is repeated gets the same one again (RFC 3261 8.2.7), and nobody can foretell it (19.3).</summary>
/// <param name="key">Secret of this process.</param>
public sealed class StatelessTags(byte[] key)
{
    /// <summary>64 bits; 19.3 asks for 32.</summary>
    private const int TagBytes = 8;

    private readonly byte[] _key = HMACSHA256.HashData(key, "stateless tags"u8);

    /// <summary>The tag for an answer to this request, which may be malformed.</summary>
    public string Of(SipRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var headers = request.Headers;
        var text = string.Join('\n', headers.First(SipHeaderNames.CallId), headers.First(SipHeaderNames.From), headers.First(SipHeaderNames.CSeq), headers.First(SipHeaderNames.Via));
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(_key, Encoding.Latin1.GetBytes(text), hash);
        return Convert.ToHexStringLower(hash[..TagBytes]);
    }
}
