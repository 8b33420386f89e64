using System.Globalization;

namespace IvrActors.Load;

/// <summary>What to do, as the command line says it: <c>NAME:key=value,key=value</c>.</summary>
internal sealed class Scenario
{
    /// <summary><c>setup</c>, <c>rejected</c>, <c>play</c>, <c>keys</c>, <c>bank</c>, <c>oracle</c>, <c>pins</c> or <c>flood</c>.</summary>
    public required string Name { get; init; }

    /// <summary>New calls per second.</summary>
    public double Rate { get; init; }

    /// <summary>Calls in all.</summary>
    public int Calls { get; init; }

    /// <summary>Calls at once that <c>keys</c> and <c>bank</c> keep up; a new one starts when one ends.</summary>
    public int AtOnce { get; init; }

    /// <summary>Calls that <c>keys</c> has listen to prompts meanwhile.</summary>
    public int Beside { get; init; }

    /// <summary>How long each call of <c>play</c> listens.</summary>
    public double Seconds { get; init; }

    /// <summary>How long each call of <c>setup</c> is held before BYE.</summary>
    public int HoldMs { get; init; }

    /// <summary>Calls that <c>rejected</c> holds first, so that the server is full.</summary>
    public int Held { get; init; }

    /// <summary>INVITEs a second that <c>flood</c> sends from another address for <see cref="Seconds"/>, after the good calls are up; 0: none.</summary>
    public double Flood { get; init; }

    /// <summary>How long <c>flood</c> waits at the end before it looks at the server's memory.</summary>
    public double After { get; init; }

    /// <summary>Milliseconds that the set-up p99 must stay below; 0: any.</summary>
    public double MostP99 { get; init; }

    /// <summary>Megabytes that the server's resident memory may grow by while the scenario runs; 0: any.</summary>
    public double MostGrowth { get; init; }

    /// <summary>Seconds that <c>keys</c> and <c>bank</c> wait for the prompt that answers an input.</summary>
    public double Answer { get; init; } = 15;

    /// <summary>Milliseconds after an input's last key within which each caller of <c>keys</c> must hear something; 0: any.</summary>
    public double MostSilence { get; init; }

    /// <summary>Milliseconds after an input's last key within which the prompt that answers it must come in 99 of 100 cases; 0: any.</summary>
    public double MostControl { get; init; }

    /// <summary>Whether two of three calls of <c>pins</c> guess PINs; else they only stay.</summary>
    public bool Guesses { get; init; }

    /// <summary>Whether <c>oracle</c> judges times, too.</summary>
    public bool Timed { get; init; }

    /// <summary>The user part that is called; null: the scenario's default.</summary>
    public string? To { get; init; }

    public const string Help = """
        setup:rate=400,seconds=30,hold=200   INVITE, 200, ACK, hold (ms), BYE at a rate
        rejected:rate=5000,seconds=20,held=8 INVITEs that a server which is full with the held calls refuses by 503
        flood:flood=2000,seconds=60,calls=50,hold=5000,after=45,p99=200,growth=32
                                             INVITEs a second from --flood-from that are never acknowledged, while good calls go on
        play:calls=500,seconds=30,rate=50    calls at once that each listen to a prompt
        keys:at-once=100,calls=300,beside=0,answer=15,silence=0,control=0
                                             calls that type account, PIN and code, hear the balance, hang up, beside others that only listen. The two last: most
                                             milliseconds from an input to anything heard, and (of 99 in 100) to the prompt that answers it
        oracle:calls=400,at-once=60,timed=1  calls each of an unknown account, a wrong PIN and a locked account, which must not be told apart
        pins:rate=24,seconds=60,guess=1      calls that key an account and hang up, among others that guess PINs (or, guess=0, only stay)
        bank:calls=1                         the same as keys, one call after the other
        """;

    public static Scenario? Parse(string text)
    {
        var parts = text.Split(':', 2);
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in (parts.Length > 1 ? parts[1] : "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            var at = pair.IndexOf('=', StringComparison.Ordinal);
            if (at <= 0 || !values.TryAdd(pair[..at], pair[(at + 1)..])) return null;
        }
        var to = values.Remove("to", out var user) ? user : null;
        double Take(string key, double otherwise) =>
            !values.Remove(key, out var v) ? otherwise : double.TryParse(v, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : double.NaN;
        var scenario = parts[0] switch
        {
            "setup" when Take("rate", 400) is var rate && Take("seconds", 20) is var seconds =>
                new Scenario { Name = "setup", Rate = rate, Calls = (int)(rate * seconds), HoldMs = (int)Take("hold", 200), To = to },
            "rejected" when Take("rate", 5000) is var rate && Take("seconds", 20) is var seconds && (int)Take("held", 8) is var held =>
                new Scenario { Name = "rejected", Rate = rate, Calls = held + (int)(rate * seconds), Held = held, HoldMs = (int)(1000 * seconds) + 3000, To = to },
            "flood" when Take("seconds", 60) is var seconds && (int)Take("calls", 50) is var atOnce && Take("hold", 5000) is var hold => new Scenario
            {
                Name = "flood",
                AtOnce = atOnce,
                HoldMs = (int)hold,
                Seconds = seconds,
                Rate = Math.Max(20, atOnce * 1000 / hold),
                Flood = Take("flood", 2000),
                After = Take("after", 45),
                MostP99 = Take("p99", 0),
                MostGrowth = Take("growth", 0),
                To = to,
                // As many as are begun from the first, 2 s before the flood, to the last, when it ends.
                Calls = (int)(atOnce + (seconds + Engine.BeforeFlood) * atOnce * 1000 / hold),
            },
            "play" => new Scenario { Name = "play", Calls = (int)Take("calls", 500), Seconds = Take("seconds", 30), Rate = Take("rate", 50), To = to },
            "keys" when (int)Take("at-once", 100) is var atOnce =>
                new Scenario
                {
                    Name = "keys",
                    AtOnce = atOnce,
                    Beside = (int)Take("beside", 0) is var beside ? beside : 0,
                    Calls = beside + (int)Take("calls", 3 * atOnce),
                    Rate = Take("rate", 20),
                    Answer = Take("answer", 15),
                    MostSilence = Take("silence", 0),
                    MostControl = Take("control", 0),
                    To = to,
                },
            "pins" when Take("rate", 24) is var rate && Take("seconds", 60) is var seconds =>
                new Scenario { Name = "pins", Rate = rate, Calls = (int)(rate * seconds), Guesses = Take("guess", 1) > 0, To = to },
            "oracle" when (int)Take("calls", 400) is var each =>
                new Scenario { Name = "oracle", AtOnce = (int)Take("at-once", 60), Calls = Oracle.Locked + 3 * each, Rate = Take("rate", 10), Timed = Take("timed", 1) > 0, To = to },
            "bank" => new Scenario { Name = "bank", AtOnce = 1, Calls = (int)Take("calls", 1), Rate = 1, To = to },
            _ => null,
        };
        return scenario is null || values.Count > 0 || double.IsNaN(scenario.Rate + scenario.Seconds) || scenario.Calls <= 0 ? null : scenario;
    }
}
