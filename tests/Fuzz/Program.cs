using System.Globalization;
using IvrActors.Fuzz;

const long DefaultMessages = 10_000_000;
IFuzzTarget[] targets = [new SipTarget(), new SdpTarget(), new RtpTarget(), new DtmfTarget()];

var wanted = args.Length > 0 ? args[0] : "";
var chosen = targets.Where(target => wanted == "all" || target.Name == wanted).ToArray();
if (chosen.Length == 0 || !TryReadOption("--messages", DefaultMessages, out var messages) || !TryReadOption("--seed", 1, out var seed))
{
    Console.Error.WriteLine($"usage: fuzz {string.Join('|', targets.Select(target => target.Name))}|all [--messages N] [--seed S]");
    return 2;
}
foreach (var target in chosen)
{
    try
    {
        Console.WriteLine(FuzzRun.Run(target, Corpus.Of(target.Name), messages, (int)seed));
    }
    catch (FuzzException failure)
    {
        Console.Error.WriteLine(failure);
        Console.Error.WriteLine(Convert.ToHexString(failure.Input));
        return 1;
    }
}
return 0;

bool TryReadOption(string name, long otherwise, out long value)
{
    var index = Array.IndexOf(args, name);
    value = otherwise;
    return index < 0 || (index + 1 < args.Length && long.TryParse(args[index + 1], NumberStyles.None, CultureInfo.InvariantCulture, out value));
}
