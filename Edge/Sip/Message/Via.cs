using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;

namespace IvrActors.Edge.Sip.Message;

/// <summary>One hop of a Via header (RFC 3261 20.42): <c>SIP/2.0/UDP host:port;branch=…</c>.</summary>
public sealed class Via
{
    private readonly string _text;
    private readonly int _start;
    private readonly int _end;

    private Via(string text, int start, int end, string transport, string host, int? port, SipParameters parameters)
    {
        (_text, _start, _end) = (text, start, end);
        (Transport, Host, Port, Parameters) = (transport, host, port, parameters);
    }

    /// <summary>Upper case: UDP, TCP, TLS, WSS or what else the sender wrote.</summary>
    public string Transport { get; }

    /// <summary>sent-by host; IPv6 in brackets.</summary>
    public string Host { get; }

    public int? Port { get; }

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
        var result = new System.Text.StringBuilder(_end - _start + 48);
        var head = Parameters.ToString();
        result.Append(_text, _start, _end - _start - head.Length);
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
    public override string ToString() => _text[_start.._end];

    internal int Length => _end - _start;

    /// <summary>Reads a comma-separated list of hops.</summary>
    internal static bool TryTake(ref SipCursor cursor, [NotNullWhen(true)] out Via? via)
    {
        via = null;
        var start = cursor.Position;
        if (!cursor.Run(SipGrammar.Token).Equals("SIP", StringComparison.OrdinalIgnoreCase) || !cursor.TakeSeparator('/')
            || !cursor.Run(SipGrammar.Token).SequenceEqual("2.0") || !cursor.TakeSeparator('/'))
            return false;
        var transport = cursor.Run(SipGrammar.Token);
        if (transport.Length == 0 || !SipGrammar.IsSpace(cursor.Current))
            return false;
        cursor.SkipSpace();
        var hostStart = cursor.Position;
        if (!cursor.TakeHost())
            return false;
        var host = cursor.Slice(hostStart, cursor.Position - hostStart);
        int? port = null;
        if (cursor.TakeSeparator(':'))
        {
            if (!cursor.TakePort(out var number))
                return false;
            port = number;
        }
        if (!SipParameters.TryTake(ref cursor, out var parameters) || !ParametersFit(parameters))
            return false;
        via = new Via(cursor.Source, start, cursor.Position, Intern(transport), host.ToString(), port, parameters);
        return true;
    }

    /// <summary>A branch is a token, received an address, rport empty or a port: they are echoed and used to find where to answer.</summary>
    private static bool ParametersFit(SipParameters parameters)
    {
        foreach (var parameter in parameters)
        {
            var name = parameter.Name;
            var value = parameter.Value;
            var fits = name.Length switch
            {
                5 when name.Equals("rport", StringComparison.OrdinalIgnoreCase) => value.Length == 0 || SipGrammar.Number(value) is > 0 and <= 65_535,
                6 when name.Equals("branch", StringComparison.OrdinalIgnoreCase) => SipGrammar.IsToken(value),
                8 when name.Equals("received", StringComparison.OrdinalIgnoreCase) => IPAddress.TryParse(value, out _),
                _ => true,
            };
            if (!fits)
                return false;
        }
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
}
