using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace IvrActors.Edge.Sip.Message;

/// <summary>One hop of a Via header (RFC 3261 20.42): <c>SIP/2.0/UDP host:port;branch=…</c>.</summary>
public sealed class Via
{
    private readonly string _text;
    private readonly Shape _shape;

    private Via(string text, in Shape shape)
    {
        (_text, _shape) = (text, shape);
        Transport = Intern(text.AsSpan(shape.TransportStart, shape.TransportEnd - shape.TransportStart));
        Parameters = SipParameters.Of(text, shape.ParametersStart, shape.End);
    }

    /// <summary>Upper case: UDP, TCP, TLS, WSS or what else the sender wrote.</summary>
    public string Transport { get; }

    /// <summary>sent-by host; IPv6 in brackets.</summary>
    public string Host => field ??= _text[_shape.HostStart.._shape.HostEnd];

    public int? Port => _shape.Port == 0 ? null : _shape.Port;

    public SipParameters Parameters { get; }

    /// <summary>Transaction id, null when the sender follows RFC 2543.</summary>
    public string? Branch => field ??= Parameters["branch"];

    /// <summary>Source address that the first receiver saw, null when it is the sent-by host.</summary>
    public string? Received => Parameters["received"];

    /// <summary>Whether the sender asks for answers to the source port (RFC 3581).</summary>
    public bool HasRPort => Parameters.Contains("rport");

    /// <summary>Source port that the first receiver filled in, null when it did not.</summary>
    public int? RPort => Parameters.TryFind("rport", out var value) && SipGrammar.Number(value) is > 0 and <= 65_535 and var port ? (int)port : null;

    /// <summary>Reads one Via value.</summary>
    public static bool TryParse(string value, [NotNullWhen(true)] out Via? via)
    {
        ArgumentNullException.ThrowIfNull(value);
        var cursor = new SipCursor(value, 0, value.Length);
        return TryTake(ref cursor, out via) && cursor.AtEnd;
    }

    /// <summary>This hop as its receiver marks it: source address where it differs from sent-by, and source port where asked for (RFC 3581 4).</summary>
    public string WithSource(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        var literal = address.ToString();
        var sentBy = Host.AsSpan().Trim("[]");
        var isSentBy = IPAddress.TryParse(sentBy, out var named) && named.Equals(address);
        var result = new System.Text.StringBuilder(Length + 48);
        var head = Parameters.ToString();
        result.Append(_text, _shape.Start, Length - head.Length);
        foreach (var parameter in Parameters)
        {
            if (parameter.Name.Equals("received", StringComparison.OrdinalIgnoreCase) || parameter.Name.Equals("rport", StringComparison.OrdinalIgnoreCase))
                continue;
            result.Append(';').Append(parameter.Name);
            if (parameter.Value.Length > 0)
                result.Append('=').Append(parameter.Value);
        }
        if (HasRPort)
            result.Append(CultureInfo.InvariantCulture, $";rport={port}");
        if (HasRPort || !isSentBy)
            result.Append(";received=").Append(literal);
        return result.ToString();
    }

    /// <summary>The exact text.</summary>
    public override string ToString() => _text[_shape.Start.._shape.End];

    internal int Length => _shape.End - _shape.Start;

    /// <summary>Reads the next hop of a comma-separated list.</summary>
    internal static bool TryTake(ref SipCursor cursor, [NotNullWhen(true)] out Via? via)
    {
        via = TrySkip(ref cursor, out var shape) ? new Via(cursor.Source, shape) : null;
        return via is not null;
    }

    /// <summary>As <see cref="TryTake"/>, without keeping a view.</summary>
    internal static bool TrySkip(ref SipCursor cursor, out Shape shape)
    {
        shape = new Shape { Start = cursor.Position };
        if (!cursor.Run(SipGrammar.Token).Equals("SIP", StringComparison.OrdinalIgnoreCase) || !cursor.TakeSeparator('/')
            || !cursor.Run(SipGrammar.Token).SequenceEqual("2.0") || !cursor.TakeSeparator('/'))
            return false;
        shape.TransportStart = cursor.Position;
        var transport = cursor.Run(SipGrammar.Token);
        shape.TransportEnd = cursor.Position;
        if (transport.Length == 0 || !SipGrammar.IsSpace(cursor.Current))
            return false;
        cursor.SkipSpace();
        shape.HostStart = cursor.Position;
        if (!cursor.TakeHost())
            return false;
        shape.HostEnd = cursor.Position;
        if (cursor.TakeSeparator(':') && !cursor.TakePort(out shape.Port))
            return false;
        if (!SipParameters.TrySkip(ref cursor, ParameterRules.Via, out shape.ParametersStart, out _))
            return false;
        shape.End = cursor.Position;
        return true;
    }

    private static string Intern(ReadOnlySpan<char> transport)
    {
        foreach (var known in (ReadOnlySpan<string>)["UDP", "TCP", "TLS", "WSS", "WS", "SCTP"])
        {
            if (transport.Equals(known, StringComparison.OrdinalIgnoreCase))
                return known;
        }
        return transport.ToString().ToUpperInvariant();
    }

    /// <summary>Where the parts stand in the text.</summary>
    internal struct Shape
    {
        public int Start, TransportStart, TransportEnd, HostStart, HostEnd, ParametersStart, End;

        /// <summary>0: none.</summary>
        public int Port;
    }
}
