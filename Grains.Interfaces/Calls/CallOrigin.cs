using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>What a verified PASSporT says of the calling number (RFC 8588 4), or that there is none that can be believed.</summary>
[GenerateSerializer, Alias("ivr.Attestation")]
public enum Attestation
{
    /// <summary>No PASSporT came, or none is asked for.</summary>
    None = 0,

    /// <summary>One came that does not verify, or says something else than the signalling.</summary>
    Failed = 1,

    /// <summary>Gateway: the signer knows only where the call came from.</summary>
    C = 2,

    /// <summary>Partial: the signer knows the customer, not that the number is theirs.</summary>
    B = 3,

    /// <summary>Full: the signer knows the customer and that they may use the number.</summary>
    A = 4,
}

/// <summary>Where a call comes from, as far as rules against fraud need it. Pseudonyms only: nothing in it is a number or an address.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallOrigin")]
public sealed class CallOrigin
{
    [Id(0)] public required string Trunk { get; init; }
    [Id(1)] public required OriginClass Class { get; init; }
    [Id(2)] public required Attestation Attestation { get; init; }

    /// <summary>Pseudonym of the calling number, or null when there is none.</summary>
    [Id(3)] public CallerKey? Calling { get; init; }

    /// <summary>Pseudonym of the address that the signalling came from: a keyed hash of an IPv4 address or an IPv6 /64.</summary>
    [Id(4)] public required string Source { get; init; }

    /// <summary>Pseudonym of the number at which we called this caller back; the call grain says so, by what it ordered itself. Null: they called us.</summary>
    [Id(5)] public CallerKey? CalledBack { get; init; }
}
