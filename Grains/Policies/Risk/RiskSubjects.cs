using System.Globalization;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>How signs name what they speak against.</summary>
internal static class RiskSubjects
{
    public const string Tenant = "all";

    private const string PinPrefix = "pin:", NumberPrefix = "number:", SourcePrefix = "source:";

    /// <summary>A number in its origin class: what others do in its name by a false one does not stick to the number where it is signed for.</summary>
    public static string? NumberOf(CallOrigin from) => from.Calling is { } number ? $"{NumberPrefix}{number.Value}/{(from.Attestation is Attestation.A ? OriginClass.Attested : from.Class)}" : null;

    public static string SourceOf(CallOrigin from) => SourcePrefix + from.Source;

    /// <summary>All who show no number over a trunk: they share what is known against them, so it is never more than a reason to ask for more and to answer slowly.</summary>
    public static string NumberlessOf(CallOrigin from) => $"numberless:{from.Trunk}/{from.Class}";

    public static string Trunk(string trunk) => "trunk:" + trunk;

    public static string Pin(ulong tag) => PinPrefix + tag.ToString("x16", CultureInfo.InvariantCulture);

    /// <summary>Whether what a subject does may keep it out: a number that nobody answers for shows who is meant to be harmed as readily as who calls.</summary>
    public static bool MayBeBlocked(string subject) =>
        subject.StartsWith(SourcePrefix, StringComparison.Ordinal)
        || (subject.StartsWith(NumberPrefix, StringComparison.Ordinal) && !subject.EndsWith($"/{OriginClass.Unattested}", StringComparison.Ordinal));

    public static bool IsPin(string subject) => subject.StartsWith(PinPrefix, StringComparison.Ordinal);
}
