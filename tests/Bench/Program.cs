using System.Globalization;
using IvrActors.Bench;

// Two that take something: how many kills, and the folder of the process that is killed.
if (args is ["kills", var kills] && int.TryParse(kills, NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return await KillBench.Run(count);
if (args is ["kill-target", var folder])
{
    await KillTarget.Run(folder);
    return 0;
}
var benches = new Dictionary<string, Action> { ["sip"] = SipBench.Run, ["srtp"] = SrtpBench.Run, ["batch"] = BatchBench.Run, ["opus"] = OpusBench.Run, ["lockout"] = LockoutBench.Run, ["postgres"] = PostgresBench.Run, ["backup"] = BackupBench.Run, ["sqlite"] = StorageBench.RunSqlite, ["seal"] = SealBench.Run, ["limits"] = LimitBench.Run, ["risk"] = () => RiskBench.Run(), ["attack"] = () => Environment.ExitCode = AttackBench.Run() };
if (args.Length != 1 || !benches.TryGetValue(args[0], out var run))
{
    Console.Error.WriteLine($"usage: bench {string.Join('|', benches.Keys)}|kills COUNT   (build with -c Release)");
    return 2;
}
run();
return Environment.ExitCode;
