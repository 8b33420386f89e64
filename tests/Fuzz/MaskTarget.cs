using System.Text;
using System.Text.RegularExpressions;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Tracing;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// What a trace shows of a message. Oracle: printable text that reads as a message of the same kind with the same CSeq number, in which regular expressions find no international number,
/// key, answer to a challenge or pressed key; of what the parser refuses nothing is shown.
/// </summary>
public sealed partial class MaskTarget : IFuzzTarget
{
    private readonly SipMasker _masker = new();

    public string Name => "mask";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. MessageTarget.Words,
        .. new[]
        {
            "+4930123456", "%2B4930123456", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:", "a=ice-pwd:", "Digest username=\"", "response=\"", "Signal=5", "application/dtmf-relay", "application/sdp", "multipart/mixed;boundary=b",
            "--b\r\n", "--b--", "Refer-To: ", "Diversion: ", "P-Asserted-Identity: ", "?Replaces=", "%3B", "Authorization: ", "Identity: ", "User-Agent: ", "Content-Type: ", "Replaces: ",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var original = SipParser.Parse(input).Message;
        var masked = _masker.Mask(input.Span);
        Require(masked.Length == input.Length, "another length");
        Require(masked.Bytes.Length == 0 || original is not null, "what the parser refused is shown");
        if (original is null || masked.Bytes.Length == 0)
            return false;
        var text = Encoding.Latin1.GetString(masked.Bytes);
        Require(!text.AsSpan().ContainsAnyExceptInRange('\n', '~') && !text.Any(c => c is < ' ' and not '\r' and not '\n'), "not printable");
        var shown = SipParser.ParseFramed(masked.Bytes).Message;
        Require(shown is not null && shown.GetType() == original.GetType(), "not a message of the same kind");
        Require(shown!.CSeq.Number == original.CSeq.Number, "another CSeq");
        Require((shown as SipResponse)?.Status == (original as SipResponse)?.Status, "another status");
        foreach (Match secret in Secrets().Matches(text))
            Require(false, $"shown: {secret.Value}");
        return true;
    }

    // A Call-ID is shown as it is, and mutation writes anything into it.
    [GeneratedRegex(@"(\+|%2[bB])\d{5,}|^a=crypto:.*inline:(?!x{40})|^a=ice-pwd:(?!xxxx\r)|^(?!Call-ID|Replaces)[\w-]+: .*(?i:(response|nonce|username)=""(?!xxxx""))|^Signal=(?!x\r)", RegexOptions.Multiline)]
    private static partial Regex Secrets();
}
