using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// One kind of proof. Decides from what it is given; what it needs to be remembered comes back in the result and is stored before anybody hears of it. Each implementation says
/// by what rule a proof counts once.
/// </summary>
internal interface IFactor
{
    FactorKind Kind { get; }

    /// <summary>Whether it computes so long that it must not run on a grain's scheduler.</summary>
    bool IsCostly => false;

    /// <summary>Whether nobody is asked for it: it is looked at after a right PIN, and joins that proof.</summary>
    bool IsSilent => false;

    /// <summary>Whether the caller has this factor.</summary>
    bool IsEnrolled(CallerState caller);

    /// <summary>Whether who has it could be asked for it at some time.</summary>
    bool CanEverBeAsked(CallerState caller) => !IsSilent;

    /// <summary>Whether it can be asked for in this call.</summary>
    bool CanBeAsked(FactorContext context, CallerState caller) => !IsSilent && IsEnrolled(caller);

    /// <summary>Checks the digits. Without a caller (null) or without this factor it does the same work and refuses.</summary>
    FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits);
}

/// <summary>A factor for which something is sent before it can be asked for.</summary>
internal interface IBegunFactor : IFactor
{
    FactorStart Begin(FactorContext context, CallerState caller);
}

/// <summary>The circumstances of a check.</summary>
/// <param name="From">Null from a cluster of an older version.</param>
internal readonly record struct FactorContext(DateTimeOffset Now, CallId Call, CallOrigin? From, string Language = "en")
{
    /// <summary>Whether the attempt may be accepted at all. Where not, what is right costs no more time than what is wrong.</summary>
    public bool Permitted { get; init; } = true;
}

/// <summary>The result of a check.</summary>
/// <param name="Next">The state to persist before this is answered, or null when it stays.</param>
/// <param name="Expired">It was right, and its time is over.</param>
/// <param name="Unknown">It cannot be told: a key is missing here.</param>
internal readonly record struct FactorCheck(bool Accepted, CallerState? Next = null, bool Expired = false, bool Unknown = false)
{
    public static readonly FactorCheck Refused;

    public static readonly FactorCheck CannotTell = new(false, Unknown: true);

    public override string ToString() => Accepted ? "accepted" : "refused";
}

/// <summary>What the begin of a factor comes to.</summary>
/// <param name="Next">The state to persist first.</param>
/// <param name="Send">Then to be run; false: nothing was sent.</param>
/// <param name="Secret">What <paramref name="Send"/> carries, to be disposed when it has run or will not.</param>
internal readonly record struct FactorStart(BeginOutcome Outcome, CallerState? Next = null, Func<CancellationToken, Task<bool>>? Send = null, IDisposable? Secret = null)
{
    public override string ToString() => Outcome.ToString();
}
