using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Admission;

/// <summary>Who is shed first: the lowest.</summary>
public enum CallClass
{
    Ordinary = 0,

    /// <summary>A caller who proved lately who they are.</summary>
    Known = 1,

    Emergency = 2,
}

/// <summary>Tells emergency calls.</summary>
public static class EmergencyCalls
{
    /// <summary>Namespaces of Resource-Priority that stand for emergencies (RFC 4412 12, RFC 7135).</summary>
    private static readonly string[] s_namespaces = ["esnet.", "ets.", "wps."];

    /// <summary>
    /// Whether an INVITE is to an emergency service: <c>urn:service:sos</c> (RFC 5031), one of the numbers, or marked so by a trunk that is trusted with
    /// who calls. What anybody may write counts too, so the gate bounds how many of them get ahead.
    /// </summary>
    public static bool Is(SipRequest invite, EdgeTrunk trunk, IReadOnlyList<string> numbers)
    {
        ArgumentNullException.ThrowIfNull(invite);
        ArgumentNullException.ThrowIfNull(trunk);
        ArgumentNullException.ThrowIfNull(numbers);
        return invite.RequestUri.IsEmergencyService || (invite.RequestUri.IsSip && invite.RequestUri.User is { } user && numbers.Contains(user))
            || (trunk.TrustsCallerIdentity && invite.Headers.All("Resource-Priority").Any(HasPriority));
    }

    private static bool HasPriority(string value) =>
        value.Split(',', StringSplitOptions.TrimEntries).Any(r => s_namespaces.Any(name => r.StartsWith(name, StringComparison.OrdinalIgnoreCase)));
}
