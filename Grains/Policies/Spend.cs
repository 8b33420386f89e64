using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies;

/// <summary>
/// Spending of one tenant on calls out, as pure functions. What a call may cost at most is set aside before it is dialled and trued up when it is over; what nobody
/// settles (an edge or a silo died) counts as spent in full when its time is over.
/// </summary>
public static class Spend
{
    /// <summary>What is said to the caller before it is dialled (at most two minutes), set-up, and the way of the news that a call is over.</summary>
    private static readonly TimeSpan s_slack = TimeSpan.FromMinutes(3);

    /// <summary>Between the end of the minutes that are paid and the end of the call: the way of BYE, on the clock of who bills.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);

    /// <summary>Sets aside as many minutes as the caps leave, up to the longest call; less than one is a refusal, and changes nothing.</summary>
    public static (SpendDecision Decision, SpendState State) Reserve(DateTimeOffset now, SpendRule rule, SpendState before, SpendRequest request)
    {
        var state = Expire(now, before);
        // The same name with another price is not the same call: what was set aside would not do.
        if (state.Find(request.Call) is { } known) return (known.Price == request.Price ? Granted(known.MostTalk) : Refused(OutboundRefusal.Unavailable), before);
        if (state.Open.Count >= rule.CallsAtOnce) return (Refused(OutboundRefusal.TooMany), before);
        var rate = Gcra.Decide(now.UtcTicks, rule.Calls, state.TheoreticalArrival);
        if (!rate.Allowed) return (Refused(OutboundRefusal.TooFast), before);

        var talk = rule.LongestCall;
        long amount = 0;
        if (request.Price > 0)
        {
            var ofHour = rule.PerHour - Sum(now, state, s_hour);
            var ofDay = rule.PerDay - Sum(now, state, s_day);
            var minutes = Math.Min(MinutesOf(talk), Math.Min(ofHour, ofDay) / request.Price);
            if (minutes < 1) return (Refused(ofHour <= ofDay ? OutboundRefusal.SpentOfHour : OutboundRefusal.SpentOfDay), before);
            amount = minutes * request.Price;
            var paid = TimeSpan.FromMinutes(minutes) - s_farewell;
            if (talk > paid) talk = paid;
        }
        var next = state.Copy();
        next.TheoreticalArrival = rate.TheoreticalArrival;
        next.Open.Add(new SetAside { Call = request.Call, Price = request.Price, Amount = amount, MostTalk = talk, Until = now + request.RingTime + talk + s_slack });
        return (Granted(talk), next);
    }

    /// <summary>The call is over: charged by minutes begun. Null when nothing is set aside for it.</summary>
    public static (long? Charged, SpendState State) Settle(DateTimeOffset now, SpendState before, string call, TimeSpan talked)
    {
        var state = Expire(now, before);
        if (state.Find(call) is not { } open) return (null, before);
        var next = state.Copy();
        next.Open.RemoveAll(o => o.Call == call);
        var charged = MinutesOf(talked) * open.Price;
        Charge(next, now, charged);
        return (charged, next);
    }

    public static SpendSummary Summary(DateTimeOffset now, SpendState before)
    {
        var state = Expire(now, before);
        return new SpendSummary { Hour = Sum(now, state, s_hour), Day = Sum(now, state, s_day), SetAside = state.Open.Sum(o => o.Amount), Calls = state.Open.Count };
    }

    private static SpendDecision Granted(TimeSpan talk) => new() { Refusal = OutboundRefusal.None, MostTalk = talk };

    private static SpendDecision Refused(OutboundRefusal refusal) => new() { Refusal = refusal };

    private static long MinutesOf(TimeSpan time) => time <= TimeSpan.Zero ? 0 : (time.Ticks + TimeSpan.TicksPerMinute - 1) / TimeSpan.TicksPerMinute;

    /// <summary>Spent in the time until now, and set aside. A slot that began within it counts whole.</summary>
    private static long Sum(DateTimeOffset now, SpendState state, TimeSpan time)
    {
        var since = SlotOf(now - time);
        long sum = 0;
        foreach (var slot in state.Spent)
        {
            if (slot.Number >= since) sum += slot.Amount;
        }
        foreach (var open in state.Open) sum += open.Amount;
        return sum;
    }

    /// <summary>What was not settled in its time is spent.</summary>
    private static SpendState Expire(DateTimeOffset now, SpendState state)
    {
        if (!state.Open.Exists(o => o.Until <= now)) return state;
        var next = state.Copy();
        foreach (var late in state.Open.Where(o => o.Until <= now)) Charge(next, late.Until, late.Amount);
        next.Open.RemoveAll(o => o.Until <= now);
        return next;
    }

    private static void Charge(SpendState state, DateTimeOffset at, long amount)
    {
        if (amount == 0) return;
        var number = SlotOf(at);
        var slot = state.Spent.FindIndex(s => s.Number == number);
        if (slot >= 0) state.Spent[slot] = new SpentSlot { Number = number, Amount = state.Spent[slot].Amount + amount };
        else state.Spent.Add(new SpentSlot { Number = number, Amount = amount });
        var newest = state.Spent.Max(s => s.Number);
        state.Spent.RemoveAll(s => s.Number < newest - SlotsPerDay);
    }

    private const int SlotsPerDay = 24 * 12;

    /// <summary>Slots of five minutes since the epoch.</summary>
    private static long SlotOf(DateTimeOffset time) => time.ToUnixTimeSeconds() / 300;
}

/// <summary>What is kept of one tenant. Every change adds one to <see cref="Version"/>.</summary>
[GenerateSerializer, Alias("ivr.state.Spend")]
public sealed class SpendState
{
    [Id(0)] public long Version { get; set; }

    /// <summary>What calls have cost, by five minutes, a day back.</summary>
    [Id(1)] public List<SpentSlot> Spent { get; set; } = [];

    /// <summary>Calls that go on.</summary>
    [Id(2)] public List<SetAside> Open { get; set; } = [];

    /// <summary>GCRA, in ticks of UTC: it must outlive the process, so no monotonic clock will do.</summary>
    [Id(3)] public long TheoreticalArrival { get; set; }

    internal SetAside? Find(string call) => Open.Find(o => string.Equals(o.Call, call, StringComparison.Ordinal));

    internal SpendState Copy() => new() { Version = Version + 1, Spent = [.. Spent], Open = [.. Open], TheoreticalArrival = TheoreticalArrival };
}

[GenerateSerializer, Immutable, Alias("ivr.state.SpentSlot")]
public sealed class SpentSlot
{
    [Id(0)] public required long Number { get; init; }
    [Id(1)] public required long Amount { get; init; }
}

/// <summary>The most that one call may cost.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.SetAside")]
public sealed class SetAside
{
    [Id(0)] public required string Call { get; init; }
    [Id(1)] public required int Price { get; init; }
    [Id(2)] public required long Amount { get; init; }
    [Id(3)] public required TimeSpan MostTalk { get; init; }

    /// <summary>When it counts as spent, unless it was settled.</summary>
    [Id(4)] public required DateTimeOffset Until { get; init; }
}
