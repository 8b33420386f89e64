using IvrActors.Bench;

var benches = new Dictionary<string, Action> { ["sip"] = SipBench.Run, ["srtp"] = SrtpBench.Run, ["batch"] = BatchBench.Run, ["opus"] = OpusBench.Run, ["risk"] = () => RiskBench.Run(), ["attack"] = () => Environment.ExitCode = AttackBench.Run() };
if (args.Length != 1 || !benches.TryGetValue(args[0], out var run))
{
    Console.Error.WriteLine($"usage: bench {string.Join('|', benches.Keys)}   (build with -c Release)");
    return 2;
}
run();
return Environment.ExitCode;
