using System.Net;

namespace IvrActors.Edge.Stir;

/// <summary>What is done with the identity of callers of a trunk (STIR/SHAKEN, RFC 8224).</summary>
public sealed class TrunkStir
{
    public static TrunkStir Off { get; } = new();

    public StirPolicy Policy { get; init; }

    /// <summary>Whether a call without an Identity header gets 428. With <see cref="StirPolicy.Off"/> nothing is asked for.</summary>
    public bool MustHaveIdentity { get; init; }

    /// <summary>Our numbers on this trunk, canonical, for a carrier that shows them in To only.</summary>
    public IReadOnlySet<string> Numbers { get; init; } = new HashSet<string>();
}

public enum StirPolicy
{
    /// <summary>Identity headers are not looked at.</summary>
    Off = 0,

    /// <summary>The verdict is passed on to flows and rules; nothing else changes.</summary>
    Mark = 1,

    /// <summary>As <see cref="Mark"/>; and whose identity is not verified is believed no more than a stranger, whatever the trunk is trusted with.</summary>
    Downgrade = 2,

    /// <summary>As <see cref="Mark"/>; and what fails is refused with the status of RFC 8224 6.2.2.</summary>
    Reject = 3,
}

/// <summary>Whose certificates are trusted, and where they are fetched from.</summary>
public sealed class StirOptions
{
    /// <summary>PEM file of the authorities for PASSporTs. Null trusts nobody.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>Revocation lists, PEM or DER.</summary>
    public IReadOnlyList<string> CrlFiles { get; init; } = [];

    /// <summary>Private networks that certificates may be fetched from besides public ones.</summary>
    public IReadOnlyList<IPNetwork> TrustedAddresses { get; init; } = [];

    /// <summary>PEM file of the authorities of the web servers that give certificates; null: those that the system trusts.</summary>
    public string? WebAuthorityFile { get; init; }
}
