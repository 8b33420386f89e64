namespace IvrActors.Edge.Sip.Message;

/// <summary>RSeq of a reliable provisional response and RAck of its PRACK (RFC 3262 7.1, 7.2).</summary>
/// <param name="Number">The RSeq.</param>
/// <param name="CSeq">Of the request that the response was to.</param>
public readonly record struct RAck(uint Number, CSeq CSeq)
{
    /// <summary>The RSeq of a response that asks for a PRACK: one with <c>Require: 100rel</c>. Null for any other.</summary>
    public static uint? NumberOf(SipResponse response) =>
        response.Status is > 100 and < 200 && response.Lists(SipHeaderNames.Require, OptionTags.Reliable) && SipGrammar.Number(response.Headers.First("RSeq")) is > 0 and var number ? number : null;

    public static RAck? Read(SipRequest prack)
    {
        var value = prack.Headers.First("RAck").AsSpan();
        var space = value.IndexOfAny(' ', '\t');
        return space > 0 && SipGrammar.Number(value[..space]) is { } number && CSeq.TryParse(value[space..].TrimStart(" \t"), out var cseq) ? new RAck(number, cseq) : null;
    }

    public override string ToString() => FormattableString.Invariant($"{Number} {CSeq}");
}
