using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Audit;

/// <summary>The hash-chained audit records of one tenant, key <see cref="Key"/>. An append answers only when the record is durable.</summary>
[Alias("ivr.IAuditGrain")]
public interface IAuditGrain : IGrainWithStringKey
{
    static string Key(string tenant) => "ledger-" + tenant;

    /// <summary>Stands in place of a tenant for records that belong to none: operators and their sign-ins. No tenant may have this name.</summary>
    const string Cluster = "cluster";

    /// <summary>Appends a record and answers with its number. Throws when it could not be written: what cannot be audited is not done.</summary>
    [Alias("Append")]
    Task<long> Append(AuditEntry entry);

    [Requires(Permission.SearchAudit), Alias("Search")]
    Task<AuditPage> Search(AuditQuery query);

    /// <summary>Checks the chain from the first record to the last.</summary>
    [Requires(Permission.SearchAudit), Alias("Verify")]
    Task<AuditVerdict> Verify();

    /// <summary>An act of an operator at the dashboard or the command line that no grain method records by itself (sign-in, sign-out, export).</summary>
    [Requires(Permission.SignIn), Alias("AppendOperatorAct")]
    Task<long> AppendOperatorAct(AuditEntry entry);
}

/// <summary>Who, what, result, origin, object (PCI DSS 10.2.2). Pseudonyms only: no number, account, digit or address of a caller in clear.</summary>
[GenerateSerializer, Immutable, Alias("ivr.AuditEntry")]
public sealed class AuditEntry
{
    /// <summary><c>caller</c> pseudonym, operator name, or <c>system</c>.</summary>
    [Id(0)] public required string Actor { get; init; }

    /// <summary>Dotted verb: <c>call.admitted</c>, <c>call.rejected</c>, <c>factor.verified</c>, <c>lockout.locked</c>, <c>operator.unlock</c>, <c>flow.published</c> …</summary>
    [Id(1)] public required string Action { get; init; }
    [Id(2)] public required AuditResult Result { get; init; }

    /// <summary>Trunk and origin class, or the operator's network.</summary>
    [Id(3)] public string Origin { get; init; } = "";

    /// <summary>Call id, lockout key, flow version …</summary>
    [Id(4)] public string Object { get; init; } = "";

    /// <summary>Reason or detail from a closed vocabulary.</summary>
    [Id(5)] public string Detail { get; init; } = "";
}

[GenerateSerializer, Alias("ivr.AuditResult")]
public enum AuditResult
{
    Success = 0,
    Failure = 1,
    Denied = 2,
}

[GenerateSerializer, Immutable, Alias("ivr.AuditRecord")]
public sealed class AuditRecord
{
    [Id(0)] public required string Tenant { get; init; }

    /// <summary>1, 2, 3 … without a gap within the tenant.</summary>
    [Id(1)] public required long Number { get; init; }

    /// <summary>UTC.</summary>
    [Id(2)] public required DateTimeOffset At { get; init; }
    [Id(3)] public required AuditEntry Entry { get; init; }

    /// <summary>Keyed hash over the previous record's hash and this record.</summary>
    [Id(4)] public required byte[] Hash { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.AuditQuery")]
public sealed class AuditQuery
{
    [Id(0)] public string? Action { get; init; }
    [Id(1)] public string? Actor { get; init; }
    [Id(2)] public string? Object { get; init; }
    [Id(3)] public DateTimeOffset? From { get; init; }
    [Id(4)] public DateTimeOffset? To { get; init; }

    /// <summary>Only records with a smaller number (newest first paging); null starts at the end.</summary>
    [Id(5)] public long? Before { get; init; }

    /// <summary>1 to 500.</summary>
    [Id(6)] public int Limit { get; init; } = 100;
}

[GenerateSerializer, Immutable, Alias("ivr.AuditPage")]
public sealed class AuditPage
{
    [Id(0)] public required List<AuditRecord> Records { get; init; }

    /// <summary>Value for <see cref="AuditQuery.Before"/> of the next page, or null at the end.</summary>
    [Id(1)] public long? Next { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.AuditVerdict")]
public sealed class AuditVerdict
{
    [Id(0)] public required long Records { get; init; }

    /// <summary>Null when the chain holds; otherwise the first record that does not, and why.</summary>
    [Id(1)] public string? Fault { get; init; }
}
