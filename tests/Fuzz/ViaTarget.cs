using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Message;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>One Via value. Oracle: a regular expression of the grammar agrees; marked with its source it is readable and says that source.</summary>
public sealed class ViaTarget : IFuzzTarget
{
    private static readonly IPAddress[] Sources = [IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::9:255")];

    public string Name => "via";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "SIP/2.0/UDP ", "SIP / 2.0 / TCP ", "sip/2.0/tls ", "SIP/2.0/WSS ", "SIP/2.1/UDP ", ";branch=z9hG4bK", ";branch=", ";rport", ";rport=5060", ";rport=0", ";rport=65536",
            ";received=192.0.2.1", ";received=[2001:db8::1]", ";received=2001:db8::1", ";received=x", ";maddr=224.0.0.1", ";ttl=255", ";a=\"b;c\"", ";a=\"\\\"\"", "\"",
            "[::1]", "[2001:db8::9:1]:6050", "127.0.0.1:5060", "host", ".1", ":0", ":", ";", "=", ",", " ", "\t", "%", "\\", "\0", "\u00ff",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        var accepted = Via.TryParse(text, out var via);
        CheckAgainstGrammar(text, accepted ? via : null);
        if (!accepted)
            return false;
        Require(via!.ToString() == text, "a Via is written otherwise than it was read");
        foreach (var source in Sources)
            CheckMarked(via, source);
        return true;
    }

    private static void CheckMarked(Via via, IPAddress source)
    {
        const int Port = 40_000;
        var marked = via.WithSource(source, Port);
        Require(Via.TryParse(marked, out var read), $"a marked Via is refused: {marked}");
        Require(read!.Host == via.Host && read.Port == via.Port && read.Branch == via.Branch && read.Transport == via.Transport, "marking a Via changed it");
        Require(read.RPort == (via.HasRPort ? Port : null), "the source port is not what was marked");
        Require(read.Received == source.ToString() || (!via.HasRPort && IPAddress.TryParse(via.Host.Trim('[', ']'), out var host) && host.Equals(source)), "the source is not marked");
        Require(read.WithSource(source, Port) == marked, "marking twice is not the same as once");
    }

    private static void CheckAgainstGrammar(string text, Via? via)
    {
        var match = ObviousGrammar.Via.Match(text);
        var host = match.Groups["host"].Value;
        var port = match.Groups["port"];
        var parameters = ObviousGrammar.Parameters(match.Groups["parameters"].Value);
        var expected = match.Success && ObviousGrammar.IsHost(host) && (!port.Success || ObviousGrammar.IsPort(port.Value)) && parameters is not null && Fit(parameters);
        Require(expected == via is not null, expected ? "a Via of the grammar was refused" : "no Via of the grammar was accepted");
        if (via is null)
            return;
        Require(via.Host == host && via.Transport == match.Groups["transport"].Value.ToUpperInvariant(), "another host or transport was read");
        foreach (var (name, value) in parameters!)
            Require(via.Parameters[name] == value, "another parameter was read");
    }

    private static bool Fit(Dictionary<string, string> parameters) =>
        parameters.Keys.Count(name => name.ToLowerInvariant() is not ("rport" or "received")) <= SipLimits.Parameters - 2
        && (!parameters.TryGetValue("rport", out var rport) || rport == "" || (rport.Length <= 20 && rport.All(char.IsAsciiDigit) && decimal.Parse(rport, System.Globalization.CultureInfo.InvariantCulture) is > 0 and <= 65_535))
        && (!parameters.TryGetValue("branch", out var branch) || (branch != "" && branch.All(c => char.IsAsciiLetterOrDigit(c) || "-.!%*_+`'~".Contains(c, StringComparison.Ordinal))))
        && (!parameters.TryGetValue("received", out var received) || IPAddress.TryParse(received, out _));
}
