using System.CommandLine;
using System.Net;
using System.Text;
using IvrActors.Edge.Srtp;
using IvrActors.Load;
using IvrActors.Load.Report;

var scenarios = new Argument<string[]>("scenarios") { Description = "What to do, one after the other:\n" + Scenario.Help, Arity = ArgumentArity.OneOrMore };
var to = new Option<string>("--server") { Description = "TRANSPORT:ADDRESS:PORT, transport udp, tcp or tls", DefaultValueFactory = _ => "udp:127.0.0.1:5060" };
var from = new Option<string>("--from") { Description = "Address that the calls come from", DefaultValueFactory = _ => "127.0.0.1" };
var floodFrom = new Option<string>("--flood-from") { Description = "Address that a flood comes from", DefaultValueFactory = _ => "127.0.0.66" };
var mediaPort = new Option<int>("--media-port") { Description = "First of eight UDP ports for media", DefaultValueFactory = _ => 35500 };
var srtp = new Option<string?>("--srtp") { Description = "Offer SRTP under this suite, keyed by SDES" };
srtp.AcceptOnlyFromAmong([.. SrtpSuite.All.Select(suite => suite.Name)]);
var codec = new Option<string>("--codec") { Description = "pcmu or pcma", DefaultValueFactory = _ => "pcmu" };
codec.AcceptOnlyFromAmong("pcmu", "pcma");
var connections = new Option<int>("--connections") { Description = "TCP or TLS connections", DefaultValueFactory = _ => 4 };
var play = new Option<string>("--play") { Description = "User part that setup and play call", DefaultValueFactory = _ => "bank" };
var pid = new Option<int?>("--server-pid") { Description = "Process whose processor time and memory are reported" };
var callers = new Option<string?>("--callers") { Description = "File of enrolled callers, one JSON object a line: account, pin, totpSecret" };

var calls = new Command("calls", "Calls the server, checks the media that it sends, and reports times as a table. Ends with 1 when a call failed.")
{
    scenarios, to, from, floodFrom, mediaPort, srtp, codec, connections, play, pid, callers,
};
calls.SetAction(async (parsed, _) =>
{
    var address = parsed.GetValue(to)!.Split(':', 2);
    if (address.Length != 2 || address[0] is not ("udp" or "tcp" or "tls") || !IPEndPoint.TryParse(address[1], out var server) || !IPAddress.TryParse(parsed.GetValue(from), out var own))
    {
        Console.Error.WriteLine("--server is TRANSPORT:ADDRESS:PORT and --from an address");
        return 2;
    }
    var plan = parsed.GetValue(scenarios)!.Select(text => (Text: text, Scenario: Scenario.Parse(text))).ToList();
    if (plan.FirstOrDefault(p => p.Scenario is null).Text is { } unknown)
    {
        Console.Error.WriteLine($"\"{unknown}\" is no scenario. One of:\n{Scenario.Help}");
        return 2;
    }
    var enrolled = parsed.GetValue(callers) is { } file ? Callers.Read(file) : new Callers([]);
    if (plan.Any(p => p.Scenario!.Name is "keys" or "bank" or "oracle") && parsed.GetValue(callers) is null)
    {
        Console.Error.WriteLine("keys, bank and oracle need --callers");
        return 2;
    }
    using var engine = await Engine.Open(new LoadOptions
    {
        Transport = address[0],
        Server = server,
        From = own,
        FloodFrom = IPAddress.Parse(parsed.GetValue(floodFrom)!),
        MediaPort = parsed.GetValue(mediaPort),
        Srtp = parsed.GetValue(srtp) is { } suite ? SrtpSuite.ByName(Encoding.ASCII.GetBytes(suite)) : null,
        Codec = parsed.GetValue(codec)!,
        Connections = parsed.GetValue(connections),
        Play = parsed.GetValue(play)!,
        ServerPid = parsed.GetValue(pid),
    });
    var results = new List<Result>();
    foreach (var (text, scenario) in plan)
    {
        Console.Error.WriteLine($"{text} …");
        results.Add(engine.Run(scenario!, enrolled));
    }
    Console.Write(Result.Table(results));
    // Without and with guessing: what a full pool of PIN checks does to a key that needs none.
    if (results.Where(r => r.Name == "pins").Select(r => r.KeyToPromptOf["account, alone"].QuantileMs(0.99)).ToList() is [var before, var with])
    {
        Console.WriteLine(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"key to prompt p99 without guessing {before:0.0} ms, with {with:0.0} ms"));
        if (with > before + 10) results[^1].Fail("the pool of PIN checks raised the p99 of other calls by more than 10 ms");
    }
    return results.Any(r => r.Failed > 0) ? 1 : 0;
});

var count = new Argument<int>("count") { Description = "How many" };
var make = new Command("callers", "Makes up callers with account, PIN and authenticator key, one JSON object a line, for: ivr caller add") { count };
make.SetAction(parsed =>
{
    foreach (var line in Callers.MakeUp(parsed.GetValue(count))) Console.WriteLine(line);
    return 0;
});
return new RootCommand("The load generator of IvrActors.") { calls, make }.Parse(args).Invoke();
