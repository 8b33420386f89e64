using IvrActors.Load.Sip;

namespace IvrActors.Load;

/// <summary>A wait within a script: until a condition holds, or a failure when it does not within a limit.</summary>
internal sealed class Pause
{
    private const long LookEvery = 10 * TimeSpan.TicksPerMillisecond;
    private readonly Func<long, bool>? _holds;
    private readonly long _limit;
    private long _until;

    private Pause(long limit, Func<long, bool>? holds)
    {
        _limit = limit;
        _holds = holds;
    }

    /// <summary>Why the script gives up at this point; null for a wait.</summary>
    public string? Failure { get; private init; }

    public bool TimedOut { get; private set; }

    public static Pause For(double seconds) => new((long)(seconds * TimeSpan.TicksPerSecond), null);

    /// <summary>Until <paramref name="holds"/> says so; see <see cref="TimedOut"/>.</summary>
    public static Pause Until(Func<long, bool> holds, double atMostSeconds) => new((long)(atMostSeconds * TimeSpan.TicksPerSecond), holds);

    public static Pause Fail(string failure) => new(0, null) { Failure = failure };

    public void Begin(long now) => _until = now + _limit;

    public bool IsOver(long now)
    {
        if (_holds is null) return now >= _until;
        if (_holds(now)) return true;
        TimedOut = now >= _until;
        return TimedOut;
    }

    public long LookAgain(long now) => _holds is null ? _until : now + LookEvery;
}

/// <summary>What callers do once their call is up.</summary>
internal static class Scripts
{
    // A prompt has ended when nothing was heard for this long; pauses between words are shorter.
    private const long PromptEnd = 700 * TimeSpan.TicksPerMillisecond;
    private const double PromptLimit = 30, AnswerLimit = 15;

    public static IEnumerable<Pause> Hold(int milliseconds)
    {
        yield return Pause.For(milliseconds / 1000.0);
    }

    /// <summary>Stays until <paramref name="enough"/>.</summary>
    public static IEnumerable<Pause> Hold(Func<bool> enough)
    {
        yield return Pause.Until(_ => enough(), 3600);
    }

    /// <summary>Listens, and is content only when packets came at their rate and most of the time something was to be heard.</summary>
    public static IEnumerable<Pause> Listen(Call call, double seconds)
    {
        yield return Pause.For(seconds);
        var expected = seconds * 50;
        if (call.Media!.Received < 0.97 * expected) yield return Pause.Fail("media: fewer packets than 50 a second");
        else if (call.Media.AudiblePackets < 0.3 * expected) yield return Pause.Fail("media: silence where a prompt should be");
    }

    /// <summary>Account, PIN, code from the authenticator, 1 for the balance, 9 to hang up.</summary>
    public static IEnumerable<Pause> Bank(Call call, Caller caller, double answerLimit)
    {
        var answered = (long)0;
        Pause wait;
        yield return wait = Pause.Until(_ => call.Media!.AudiblePackets > 0, PromptLimit);
        if (wait.TimedOut) yield return Pause.Fail("no welcome was heard");
        (string Name, Func<string?> Keys)[] inputs =
        [
            ("account", () => caller.Account + "#"), ("PIN", () => caller.Pin + "#"), ("code", () => caller.NextCode(DateTime.UtcNow)), ("menu key", () => "1"),
        ];
        for (var (i, typed) = (0, (string?)null); i < inputs.Length; i++)
        {
            var (name, keys) = inputs[i];
            yield return wait = Pause.Until(now => call.Media!.LastAudible > answered && now - call.Media.LastAudible > PromptEnd, PromptLimit);
            if (wait.TimedOut) yield return Pause.Fail("the prompt before the " + name + " did not come or did not end");
            var (asked, moves) = (call.Media!.TakeHeard(), call.Moves);
            answered = DateTime.UtcNow.Ticks;
            if ((typed ??= keys()) is null)
            {
                yield return Pause.Fail("no one-time code to use");
                yield break;
            }
            call.Media.Type(typed!, name);
            yield return wait = Pause.Until(_ => !call.Media.KeysPending && !call.Media.AwaitsPrompt, answerLimit);
            if (wait.TimedOut) yield return Pause.Fail("no prompt came after the " + name);
            if (call.Moves > moves)
            {
                // Whether the edge that is gone had taken the keys is heard by what the next one asks for.
                yield return Pause.Until(now => now - call.Media.LastAudible > PromptEnd, PromptLimit);
                if (IsAskedAgain(asked, call.Media.TakeHeard()))
                {
                    i--;
                    continue;
                }
            }
            typed = null;
        }
        for (var moves = -1; moves != call.Moves;)
        {
            moves = call.Moves;
            yield return Pause.Until(now => now - call.Media!.LastAudible > PromptEnd, PromptLimit);
            call.HangUpIsExpected = true;
            call.Media!.Type("9", null);
            yield return Pause.Until(_ => call.Moves > moves, Math.Max(10, answerLimit));
        }
        yield return Pause.Fail("the server did not hang up after 9");
    }

    /// <summary>Whether what was heard of a prompt, perhaps not to its end, is heard again. Of nothing nothing can have been answered.</summary>
    private static bool IsAskedAgain(IReadOnlySet<ulong> asked, IReadOnlySet<ulong> heard) => asked.Count == 0 || asked.Count(heard.Contains) > 0.7 * asked.Count;

    /// <summary>Account, a PIN that is refused, as often as the subject tries; hangs up when the last answer was heard.</summary>
    public static IEnumerable<Pause> Refused(Call call, Oracle.Subject subject, Oracle oracle)
    {
        var (media, answered, heard) = (call.Media!, 0L, new List<IReadOnlySet<ulong>>());
        Pause wait;
        for (var input = 0; input <= subject.Tries; input++)
        {
            yield return wait = Pause.Until(now => media.LastAudible > answered && now - media.LastAudible > PromptEnd, PromptLimit);
            if (wait.TimedOut) yield return Pause.Fail("a prompt did not come or did not end");
            heard.Add(media.TakeHeard());
            answered = DateTime.UtcNow.Ticks;
            call.HangUpIsExpected = subject.Tries > 1 && input == subject.Tries;
            media.Type((input == 0 ? subject.Account : subject.Pin) + "#", input == 0 ? "account" : "refused PIN");
            yield return wait = Pause.Until(_ => !media.KeysPending && !media.AwaitsPrompt, AnswerLimit);
            if (wait.TimedOut) yield return Pause.Fail("no prompt came after an input");
        }
        yield return wait = Pause.Until(now => media.LastAudible > answered && now - media.LastAudible > PromptEnd, PromptLimit);
        heard.Add(media.TakeHeard());
        oracle.Answered(subject, TimeSpan.FromTicks(media.LastAnswer).TotalMilliseconds, heard);
    }

    /// <summary>An account number, and the prompt that answers it: a key that costs no check.</summary>
    public static IEnumerable<Pause> Key(Call call, string input)
    {
        var media = call.Media!;
        Pause wait;
        yield return wait = Pause.Until(now => media.LastAudible > 0 && now - media.LastAudible > PromptEnd, PromptLimit);
        if (wait.TimedOut) yield return Pause.Fail("the first prompt did not come or did not end");
        // Another account each time: attempts at one are checked one after the other.
        media.Type(Random.Shared.Next(61_000_000, 69_000_000).ToString(System.Globalization.CultureInfo.InvariantCulture) + "#", input);
        yield return wait = Pause.Until(_ => !media.KeysPending && !media.AwaitsPrompt, AnswerLimit);
        if (wait.TimedOut) yield return Pause.Fail("no prompt came after the account");
    }

    /// <summary>The same, and PINs as often as the server lets it: what fills the pool of checks. However it ends is right.</summary>
    public static IEnumerable<Pause> Guess(Call call)
    {
        foreach (var pause in Key(call, "account, guessing")) yield return pause;
        var (media, answered) = (call.Media!, 0L);
        call.HangUpIsExpected = true;
        for (var tries = 0; tries < 3; tries++)
        {
            yield return Pause.Until(now => media.LastAudible > answered && now - media.LastAudible > PromptEnd, PromptLimit);
            answered = DateTime.UtcNow.Ticks;
            media.Type(Random.Shared.Next(100_000, 1_000_000).ToString("D6", System.Globalization.CultureInfo.InvariantCulture) + "#", "guessed PIN");
            yield return Pause.Until(_ => !media.KeysPending && !media.AwaitsPrompt, AnswerLimit);
        }
    }
}
