using System.Globalization;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>How signs name what they speak against.</summary>
internal static class RiskSubjects
{
    public const string Tenant = "all";

    private const string PinPrefix = "pin:";

    /// <summary>A number in its origin class: what others do in its name by a false one does not stick to the number where it is signed for.</summary>
    public static string? NumberOf(CallOrigin from) => from.Calling is { } number ? $"number:{number.Value}/{(from.Attestation is Attestation.A ? OriginClass.Attested : from.Class)}" : null;

    public static string SourceOf(CallOrigin from) => "source:" + from.Source;

    public static string Trunk(string trunk) => "trunk:" + trunk;

    public static string Pin(ulong tag) => PinPrefix + tag.ToString("x16", CultureInfo.InvariantCulture);

    public static bool IsPin(string subject) => subject.StartsWith(PinPrefix, StringComparison.Ordinal);
}
