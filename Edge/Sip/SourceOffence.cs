namespace IvrActors.Edge.Sip;

/// <summary>What a source did that an honest one does not do, or does seldom. How much each counts stands in <c>ReputationRules</c>.</summary>
public enum SourceOffence
{
    /// <summary>Bytes that are no SIP, or a message that breaks its grammar.</summary>
    Malformed,

    /// <summary>A message from a source that belongs to no trunk.</summary>
    UnknownSource,

    /// <summary>The fingerprint of a known scanner.</summary>
    Scanner,

    /// <summary>Credentials that are wrong, for whatever reason.</summary>
    DigestFailed,

    /// <summary>A number or user that is not there: one is a mistake, many are a search.</summary>
    UnknownNumber,

    /// <summary>REGISTERs above the limit of their source.</summary>
    RegisterFlood,

    /// <summary>A request in a dialog that this edge never had.</summary>
    ForgedInDialog,

    /// <summary>Requests for one user after the other, none of which came back with a password.</summary>
    ManyUsers,

    /// <summary>An operator said so.</summary>
    Operator,

    /// <summary>The cluster says that it tries PINs on many accounts. No edge finds that out by itself.</summary>
    Guessing,
}
