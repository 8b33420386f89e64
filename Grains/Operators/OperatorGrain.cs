using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Operators;

/// <summary>
/// What sign-in needs to know of one operator. Whether the operator exists and in which role is the directory's to say, in one row for all, so that the rule about the
/// last administrator holds; every read asks it.
/// </summary>
internal sealed class OperatorGrain : Grain, IOperatorGrain
{
    private readonly StoredRow<OperatorState> _row;
    private readonly string _name;

    public OperatorGrain(IGrainContext context, [FromKeyedServices(StoredRow<OperatorState>.Storage)] IGrainStorage storage)
    {
        _row = new StoredRow<OperatorState>(storage, "operator", context.GrainId);
        _name = context.GrainId.Key.ToString()![IOperatorGrain.Key("").Length..];
    }

    public async Task<OperatorRecord?> Get()
    {
        var stored = (await _row.Read()).Record;
        if (stored is null || await Directory.RoleOf(_name) is not { } role) return null;
        return WithRole(stored, role, stored.Version);
    }

    public async Task<bool> Put(OperatorRecord record)
    {
        var stored = (await _row.Read()).Record;
        if (stored is null || record.Version != stored.Version || !IsSamePerson(stored, record)) return false;
        if (await Directory.RoleOf(_name) is not { } role || !string.Equals(role, record.Role, StringComparison.Ordinal)) return false;
        await _row.Write(new OperatorState { Record = WithRole(record, role, stored.Version + 1) });
        await Directory.Note(_name, CanSignIn(record), record.TwoFactorEnabled);
        return true;
    }

    public async Task<bool> SetRole(string role)
    {
        if (!Roles.OfPersons.Contains(role) || await Directory.RoleOf(_name) is not { } before) return false;
        if (string.Equals(before, role, StringComparison.Ordinal)) return true;
        return await Change(role, "operator.role", $"{before} to {role}");
    }

    public async Task<bool> Delete()
    {
        if (await Directory.RoleOf(_name) is not { } role || !await Change(null, "operator.deleted", role)) return false;
        await _row.Read();
        if (_row.Exists) await _row.Clear();
        return true;
    }

    public async Task<bool> Create(OperatorRecord record)
    {
        var stored = (await _row.Read()).Record;
        // One without a role was left by a redemption that did not come to its end.
        if (stored is not null && await Directory.RoleOf(_name) is not null) return false;
        await _row.Write(new OperatorState { Record = record });
        return true;
    }

    /// <summary>Records before it acts, because what cannot be recorded is not done; a refusal is recorded as such.</summary>
    private async Task<bool> Change(string? role, string action, string detail)
    {
        await Append(action, AuditResult.Success, detail);
        if (await Directory.ChangeRole(_name, role)) return true;
        await Append(action, AuditResult.Denied, "the last administrator stays");
        return false;
    }

    private Task<long> Append(string action, AuditResult result, string detail) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Append(new AuditEntry
    {
        Actor = RequestActor.Current,
        Action = action,
        Result = result,
        Object = _name,
        Detail = detail,
    });

    private IOperatorDirectoryGrain Directory => GrainFactory.GetGrain<IOperatorDirectoryGrain>(IOperatorDirectoryGrain.Key);

    private static bool IsSamePerson(OperatorRecord stored, OperatorRecord record) =>
        string.Equals(stored.UserName, record.UserName, StringComparison.Ordinal) && string.Equals(stored.NormalizedUserName, record.NormalizedUserName, StringComparison.Ordinal);

    private static bool CanSignIn(OperatorRecord record) => !string.IsNullOrEmpty(record.PasswordHash);

    private static OperatorRecord WithRole(OperatorRecord record, string role, int version) => new()
    {
        UserName = record.UserName,
        NormalizedUserName = record.NormalizedUserName,
        Role = role,
        PasswordHash = record.PasswordHash,
        AuthenticatorKey = record.AuthenticatorKey,
        TwoFactorEnabled = record.TwoFactorEnabled,
        SecurityStamp = record.SecurityStamp,
        AccessFailedCount = record.AccessFailedCount,
        LockoutEnd = record.LockoutEnd,
        RecoveryCodeHashes = record.RecoveryCodeHashes,
        LastTotpStep = record.LastTotpStep,
        Version = version,
    };
}

[GenerateSerializer, Alias("ivr.state.Operator")]
internal sealed class OperatorState
{
    [Id(0)] public OperatorRecord? Record { get; set; }
}
