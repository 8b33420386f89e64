namespace IvrActors.Edge.Sip.Message;

/// <summary>Sequence number and method of a CSeq header (RFC 3261 20.16).</summary>
public readonly record struct CSeq(uint Number, string Method)
{
    /// <summary>Reads a value. The number is below 2^31.</summary>
    public static bool TryParse(ReadOnlySpan<char> value, out CSeq cseq)
    {
        cseq = default;
        var space = value.IndexOfAny(' ', '\t');
        if (space < 0 || SipGrammar.Number(value[..space]) is not (< SipLimits.CSeqBound and var number))
            return false;
        var method = value[space..].TrimStart(" \t");
        if (!SipGrammar.IsToken(method) || method.Length > SipLimits.MethodLength)
            return false;
        cseq = new CSeq(number, SipMethods.Intern(method));
        return true;
    }

    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Number} {Method}");
}
