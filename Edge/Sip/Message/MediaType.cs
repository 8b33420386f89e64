using System.Diagnostics.CodeAnalysis;

namespace IvrActors.Edge.Sip.Message;

/// <summary>A value of Content-Type (RFC 2045 5.1), or of Content-Disposition without a subtype: <c>type/subtype;name=value</c>.</summary>
public readonly struct MediaType
{
    private MediaType(string name, SipParameters parameters) => (Name, Parameters) = (name, parameters);

    /// <summary>Lower case: "application/sdp", "multipart/mixed".</summary>
    public string Name { get; }

    public SipParameters Parameters { get; }

    public bool IsMultipart => Name.StartsWith("multipart/", StringComparison.Ordinal);

    /// <summary>Reads <c>type/subtype</c> with parameters.</summary>
    public static bool TryParse(string value, out MediaType type)
    {
        ArgumentNullException.ThrowIfNull(value);
        type = default;
        var cursor = new SipCursor(value, 0, value.Length);
        cursor.SkipSpace();
        var main = cursor.Run(SipGrammar.Token);
        if (main.Length == 0 || !cursor.TakeSeparator('/'))
            return false;
        var sub = cursor.Run(SipGrammar.Token);
        if (sub.Length == 0 || !TryTakeParameters(ref cursor, out var parameters))
            return false;
        type = new MediaType(string.Concat(main, "/", sub).ToLowerInvariant(), parameters);
        return true;
    }

    /// <summary>Reads a token with parameters, as Content-Disposition has it.</summary>
    internal static bool TryParseToken(string value, [NotNullWhen(true)] out string? token, out SipParameters parameters)
    {
        var cursor = new SipCursor(value, 0, value.Length);
        cursor.SkipSpace();
        var run = cursor.Run(SipGrammar.Token);
        token = run.ToString().ToLowerInvariant();
        parameters = default;
        return run.Length > 0 && TryTakeParameters(ref cursor, out parameters);
    }

    /// <summary>Value of a parameter without quotes and escapes, null when absent.</summary>
    internal static string? Unquoted(SipParameters parameters, string name)
    {
        if (!parameters.TryFind(name, out var value))
            return null;
        return value.Length > 1 && value[0] == '"' ? NameAddress.Unquote(value) : value.ToString();
    }

    private static bool TryTakeParameters(ref SipCursor cursor, out SipParameters parameters)
    {
        if (!SipParameters.TryTake(ref cursor, out parameters))
            return false;
        cursor.SkipSpace();
        return cursor.AtEnd;
    }
}
