using System.Security.Cryptography;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Judges a PIN that a caller chose on the telephone, and makes the state with it.</summary>
internal sealed class PinChanges(IClusterKeys keys, PinFactor pins, PinPool pool)
{
    /// <summary>The state is there only where the outcome is <see cref="PinChangeOutcome.Changed"/>.</summary>
    public async Task<(PinChangeOutcome Outcome, CallerState? State)> Make(PinChange change, CallerState caller, string id, DateTimeOffset now)
    {
        using var first = keys.Open(change.First, change.Call.Value, change.FirstPurpose);
        using var second = keys.Open(change.Second, change.Call.Value, change.SecondPurpose);
        if (first is null || second is null) return (PinChangeOutcome.Different, null);
        if (!CryptographicOperations.FixedTimeEquals(first.Expose(), second.Expose())) return (PinChangeOutcome.Different, null);
        if (ErrorOf(first) is not null || IsPartOf(caller.Account?.Reveal(), first.Expose()) || IsPartOf(caller.Number?.Reveal(), first.Expose())) return (PinChangeOutcome.Weak, null);
        // Both computations in one turn: the pool has a place for the whole or for nothing.
        if (await pool.Run(() => new Judged(pins.IsPin(caller, first.Expose()), pins.Hash(first.Expose()))) is not { } judged) return (PinChangeOutcome.Unavailable, null);
        return judged.IsOld
            ? (PinChangeOutcome.Weak, null)
            : (PinChangeOutcome.Changed, caller.With(next => (next.Pin, next.PinSetAt, next.BoundAt, next.LastAccepted) = (judged.Hash, now, now, id)));
    }

    /// <summary>Whether the PIN that is stored has outlived its time.</summary>
    public bool IsDue(CallerState caller, DateTimeOffset now) => pins.IsExpired(caller, now);

    /// <summary>What is wrong with a PIN as such, without the value; null: nothing.</summary>
    public static string? ErrorOf(Secret<byte> pin)
    {
        if (pin.Length is < WeakPins.LeastDigits or > WeakPins.MostDigits || pin.Expose().ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            return $"a PIN has {WeakPins.LeastDigits} to {WeakPins.MostDigits} digits";
        return WeakPins.Contains(pin.Expose()) ? "this PIN is too easy to guess" : null;
    }

    /// <summary>Whether the digits stand in the text in one piece: who knows the account or number tries these first.</summary>
    private static bool IsPartOf(string? text, ReadOnlySpan<byte> pin)
    {
        Span<byte> digits = stackalloc byte[32];
        var count = 0;
        foreach (var c in text ?? "")
            if (char.IsAsciiDigit(c) && count < digits.Length) digits[count++] = (byte)c;
        return digits[..count].IndexOf(pin) >= 0;
    }

    private readonly record struct Judged(bool IsOld, PinHash Hash);
}
