using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>The kinds of factors that this cluster can check, and what one caller has of them.</summary>
internal sealed class FactorSet(IEnumerable<IFactor> factors)
{
    private readonly Dictionary<FactorKind, IFactor> _factors = factors.ToDictionary(f => f.Kind);

    /// <summary>Null: there is no such factor here, or nobody is asked for it.</summary>
    public IFactor? Find(FactorKind kind) => _factors.TryGetValue(kind, out var factor) && !factor.IsSilent ? factor : null;

    /// <summary>Whether the caller has it and its time is not over. PINs expire by a rule of their own, which their factor knows.</summary>
    public static bool Has(IFactor factor, CallerState caller, DateTimeOffset now) =>
        factor.IsEnrolled(caller) && (FactorTraits.Of(factor.Kind).Category is FactorCategory.Knowledge || caller.Until is null || now < caller.Until);

    /// <summary>What the caller has and could be asked for at some time.</summary>
    public List<FactorKind> EnrolledOf(CallerState caller, DateTimeOffset now) => KindsOf(f => Has(f, caller, now) && f.CanEverBeAsked(caller));

    /// <summary>What the caller can be asked for in this call.</summary>
    public List<FactorKind> AskableOf(FactorContext context, CallerState caller) => KindsOf(f => Has(f, caller, context.Now) && f.CanBeAsked(context, caller));

    /// <summary>What joins a right PIN of this call without a question.</summary>
    public List<FactorKind> SilentOf(FactorContext context, CallerState caller) =>
        KindsOf(f => f.IsSilent && Has(f, caller, context.Now) && f.Verify(context, caller, []).Accepted);

    /// <summary>Names for audit records.</summary>
    public string NamesOf(CallerState caller) => string.Join('+', _factors.Values.Where(f => f.IsEnrolled(caller)).OrderBy(f => f.Kind).Select(f => FactorTraits.NameOf(f.Kind)));

    private List<FactorKind> KindsOf(Func<IFactor, bool> which) => [.. _factors.Values.Where(which).Select(f => f.Kind).Order()];
}
