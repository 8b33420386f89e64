namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>How sure it is that the caller is who they say. Ordered: more is surer.</summary>
[GenerateSerializer, Alias("ivr.Assurance")]
public enum Assurance
{
    /// <summary>Nothing was proven.</summary>
    None = 0,

    /// <summary>One factor.</summary>
    Low = 1,

    /// <summary>Something the caller knows, and a sign that the telephone is theirs.</summary>
    Medium = 2,

    /// <summary>Something the caller knows and something they have, each verified by itself (NIST SP 800-63B-4 2.2: AAL2). A PIN alone, or with a number that was only signalled, never is.</summary>
    High = 3,
}
