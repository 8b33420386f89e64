using System.Security.Cryptography;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Calls;

public enum CollectorInputKind
{
    /// <summary>The prompt of this collect ended or was stopped: the first-digit time-out runs from here.</summary>
    PromptEnded,

    /// <summary>A key that counts: what is pressed during a prompt without barge-in was discarded by <see cref="PlayQueue"/>.</summary>
    Key,
    Timer,
}

/// <summary>Input of a <see cref="DigitCollector"/>; never prints its key.</summary>
public readonly struct CollectorInput(CollectorInputKind kind, char key = '\0')
{
    public CollectorInputKind Kind { get; } = kind;

    public char Key { get; } = key;

    public override string ToString() => Kind.ToString();
}

/// <summary>
/// Gathers the keys of one <see cref="Collect"/>: a machine of keys and time. Keys are kept in pinned memory, so that no copy of a PIN is left
/// behind by the garbage collector, and zeroed at the end.
/// </summary>
public sealed class DigitCollector : IDisposable
{
    /// <summary>No input that a person types is longer; a flow that asks for more gets this many.</summary>
    public const int MostDigits = 64;

    /// <summary>Longest pause that a caller is left in.</summary>
    private const long MostWait = TimeSpan.TicksPerHour;

    private readonly Collect _ask;
    private readonly int _most;
    private readonly byte[] _keys;
    private int _count;
    private bool _pressed;

    public DigitCollector(Collect ask)
    {
        _ask = ask;
        _most = Math.Clamp(ask.MaxDigits, 1, MostDigits);
        _keys = GC.AllocateArray<byte>(_most, pinned: true);
    }

    public CollectOutcome? Outcome { get; private set; }

    public long NextDeadline { get; private set; } = SipTimes.Never;

    /// <summary>Whether the keys came to the most and the caller may still press the terminator out of habit.</summary>
    public bool TerminatorMayFollow { get; private set; }

    /// <summary>Takes one input; the outcome is null while the collect goes on.</summary>
    public CollectOutcome? Handle(long now, CollectorInput input)
    {
        if (Outcome is not null) return Outcome;
        switch (input.Kind)
        {
            case CollectorInputKind.PromptEnded:
                if (!_pressed && NextDeadline == SipTimes.Never) NextDeadline = After(now, _ask.FirstDigitTimeout);
                return null;
            case CollectorInputKind.Key:
                return Press(now, input.Key);
            default:
                if (now < NextDeadline) return null;
                return End(_pressed ? Enough() : CollectOutcome.NoInput);
        }
    }

    /// <summary>The digits as text, for a plain collect.</summary>
    public string TakeDigits() => System.Text.Encoding.ASCII.GetString(_keys, 0, _count);

    /// <summary>The digits as a secret that owns the only copy besides this collector's, which is zeroed with it.</summary>
    public Secret<byte> TakeSecret()
    {
        var digits = GC.AllocateUninitializedArray<byte>(_count, pinned: true);
        _keys.AsSpan(0, _count).CopyTo(digits);
        return new Secret<byte>(digits);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_keys);

    private CollectOutcome? Press(long now, char key)
    {
        // A to D are no keys of a telephone in the hands of a caller.
        if (key is not (>= '0' and <= '9' or '*' or '#')) return null;
        _pressed = true;
        if (key == _ask.Terminator) return End(Enough());
        if (key == _ask.Skip && _count == 0) return End(CollectOutcome.Skipped);
        _keys[_count++] = (byte)key;
        if (_count < _most)
        {
            NextDeadline = After(now, _ask.InterDigitTimeout);
            return null;
        }
        TerminatorMayFollow = _ask.Terminator is not null;
        return End(CollectOutcome.Digits);
    }

    /// <summary>A flow cannot wait for ever, or the call would not end.</summary>
    private static long After(long now, TimeSpan timeout) => now + Math.Clamp(timeout.Ticks, 0, MostWait);

    private CollectOutcome Enough() => _count >= _ask.MinDigits ? CollectOutcome.Digits : CollectOutcome.TooFew;

    private CollectOutcome End(CollectOutcome outcome)
    {
        Outcome = outcome;
        NextDeadline = SipTimes.Never;
        return outcome;
    }
}
