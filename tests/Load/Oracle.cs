using System.Globalization;
using System.Security.Cryptography;
using IvrActors.Load.Report;

namespace IvrActors.Load;

/// <summary>
/// Calls that must not be told apart: of an account that does not exist, with a wrong PIN, and of a locked account (with the right PIN). Accounts are locked first; then the
/// three kinds come in random order, and what each heard and when is compared.
/// </summary>
internal sealed class Oracle
{
    /// <summary>Accounts that are locked first, and used again and again: attempts during a lock change nothing.</summary>
    public const int Locked = 20;

    private const int Tries = 3;
    private const double LeastProbability = 0.01;

    private readonly List<Subject> _subjects = [];
    private readonly List<IReadOnlySet<ulong>> _prompts = [];
    private readonly Dictionary<Kind, List<double>> _times = Enum.GetValues<Kind>().ToDictionary(kind => kind, _ => new List<double>());
    private readonly Dictionary<Kind, Dictionary<string, int>> _heard = Enum.GetValues<Kind>().ToDictionary(kind => kind, _ => new Dictionary<string, int>());

    /// <param name="each">Calls of each kind. There must be so many callers and <see cref="Locked"/> more.</param>
    public Oracle(int each, IReadOnlyList<Caller> callers)
    {
        if (callers.Count < each + Locked) throw new ArgumentException($"{each + Locked} callers are needed");
        for (var i = 0; i < Locked; i++) _subjects.Add(new Subject(Kind.Locked, callers[i].Account, WrongPin(callers[i]), Tries));
        var measured = new List<Subject>();
        for (var i = 0; i < each; i++)
        {
            var (owner, locked) = (callers[Locked + i], callers[i % Locked]);
            // Of the same length as those that exist, and none of them.
            measured.Add(new Subject(Kind.Unknown, (60_000_000 + i).ToString(CultureInfo.InvariantCulture), owner.Pin, 1));
            measured.Add(new Subject(Kind.Wrong, owner.Account, WrongPin(owner), 1));
            measured.Add(new Subject(Kind.Locked, locked.Account, locked.Pin, 1));
        }
        var shuffled = measured.ToArray();
        RandomNumberGenerator.Shuffle(shuffled.AsSpan());
        _subjects.AddRange(shuffled);
    }

    public enum Kind
    {
        Unknown,
        Wrong,
        Locked,
    }

    /// <summary>One call: which account and PIN, how often it is keyed; more than once: to lock it, which is not measured.</summary>
    public sealed record Subject(Kind Kind, string Account, string Pin, int Tries);

    public Subject this[int number] => _subjects[number];

    public void Answered(Subject subject, double milliseconds, IReadOnlyList<IReadOnlySet<ulong>> heard)
    {
        if (subject.Tries > 1) return;
        _times[subject.Kind].Add(milliseconds);
        var steps = string.Join(' ', heard.Select(NameOf));
        _heard[subject.Kind][steps] = _heard[subject.Kind].GetValueOrDefault(steps) + 1;
    }

    /// <summary>
    /// A prompt by the packets that were heard. Not all need to be the same: the first may come before the phone listens, and a server whose clock was late leaves some out.
    /// </summary>
    private string NameOf(IReadOnlySet<ulong> heard)
    {
        var known = _prompts.FindIndex(prompt => prompt.Count(heard.Contains) > 0.7 * Math.Max(prompt.Count, heard.Count));
        if (known < 0)
        {
            _prompts.Add(heard);
            known = _prompts.Count - 1;
        }
        return $"prompt-{known + 1}";
    }

    /// <summary>Prints the figures, and notes as failures what tells the kinds apart.</summary>
    /// <param name="timed">Whether times are judged: with a few calls on a busy machine they are not.</param>
    public void Judge(Result result, bool timed, TextWriter output)
    {
        foreach (var (kind, times) in _times)
        {
            times.Sort();
            if (times.Count == 0)
            {
                result.Fail($"oracle: no call of the kind {kind}");
                return;
            }
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{kind,-8} {times.Count} calls, PIN to answer: median {times[times.Count / 2]:0.0} ms, 90 % {times[times.Count * 9 / 10]:0.0} ms, most {times[^1]:0.0} ms; heard: {string.Join(", ", _heard[kind].Select(h => $"{h.Value}× {h.Key}"))}"));
        }
        if (_heard.Values.SelectMany(h => h.Keys).Distinct().Count() != 1) result.Fail("oracle: not all heard the same prompts");
        foreach (var (a, b) in new[] { (Kind.Unknown, Kind.Wrong), (Kind.Unknown, Kind.Locked), (Kind.Wrong, Kind.Locked) })
        {
            var distance = KolmogorovSmirnov.Distance(_times[a], _times[b]);
            var p = KolmogorovSmirnov.Probability(distance, _times[a].Count, _times[b].Count);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{a} against {b}: D = {distance:0.000}, p = {p:0.000}"));
            if (timed && p <= LeastProbability) result.Fail($"oracle: the times of {a} and {b} can be told apart");
        }
    }

    private static string WrongPin(Caller caller)
    {
        // Another one for each account: the same for all is what the rules against spraying look for.
        string pin;
        do pin = "81" + RandomNumberGenerator.GetInt32(10_000).ToString("D4", CultureInfo.InvariantCulture);
        while (pin == caller.Pin);
        return pin;
    }
}
