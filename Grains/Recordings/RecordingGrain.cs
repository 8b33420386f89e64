using System.Security.Cryptography;
using IvrActors.Grains.Edges;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Recordings;

/// <summary>What is known of one recording. Recorded in the ledger first: what cannot be recorded there is not done.</summary>
internal sealed class RecordingGrain : Grain, IRecordingGrain
{
    private const int ShareSize = 32;

    private readonly ClusterPolicy _policy;
    private readonly TimeProvider _time;
    private readonly StoredRow<RecordingState> _row;
    private readonly RecordingId _id;

    public RecordingGrain(IGrainContext context, [FromKeyedServices(StoredRow<RecordingState>.Storage)] IGrainStorage storage, ClusterPolicy policy, TimeProvider time)
    {
        (_policy, _time, _id) = (policy, time, new RecordingId(context.GrainId.Key.ToString()!));
        _row = new StoredRow<RecordingState>(storage, "recording", context.GrainId);
    }

    public async Task<bool> Permit(RecordingPermit permit)
    {
        if (_policy.RecordingsKept is not { } kept) return false;
        var state = await _row.Read();
        // The event came again.
        if (_row.Exists) return state.Call == permit.Call;
        var now = _time.GetUtcNow();
        var page = await Index(permit.Tenant, now).Append(new RecordingEntry { Recording = _id, ExpiresAt = now + kept });
        if (permit.Number is { } number) await KeyOf(number.Value).Note(_id);
        state = new RecordingState
        {
            Tenant = permit.Tenant,
            Call = permit.Call,
            Owner = permit.Owner,
            At = now,
            Share = RandomNumberGenerator.GetBytes(ShareSize),
            ExpiresAt = now + kept,
            Page = page,
            Heard = permit.Number is { } heard ? [heard.Value] : [],
            PermittedTo = permit.Edge,
        };
        await Append(state, permit.Owner, "recording.permitted", AuditResult.Success, permit.Asked ? "the caller agreed" : "not asked");
        await _row.Write(state);
        return true;
    }

    public async Task<byte[]?> Begin(RecordingBegin begin)
    {
        EdgeName.Demand(begin.Edge);
        var state = await _row.Read();
        // Once: a second file under the same name would be of somebody else.
        if (state.Share is not { } share || state.Edge.Length > 0) return null;
        if (state.PermittedTo.Length > 0) EdgeName.Demand(state.PermittedTo);
        if (await KeyOf(state.Owner).WrapRecordingKey(_id, share, begin.Key) is not { } wrapped) return null;
        await Write(state, next => (next.Edge, next.Wrapped) = (begin.Edge, wrapped));
        return wrapped;
    }

    public async Task End(RecordingEnd end)
    {
        var state = await _row.Read();
        if (state.Share is null || state.Length is not null) return;
        EdgeName.Demand(state.Edge);
        await Append(state, state.Owner, "recording.ended", end.Complete ? AuditResult.Success : AuditResult.Failure, $"seconds={(long)end.Length.TotalSeconds}");
        await Write(state, next => (next.Length, next.Complete, next.Secret) = (end.Length, end.Complete, end.Secret));
    }

    public async Task Bind(CallerKey caller)
    {
        var state = await _row.Read();
        if (state.Share is null || state.Owner == caller.Value || state.Heard.Contains(caller.Value)) return;
        await KeyOf(caller.Value).Note(_id);
        await Write(state, next => next.Heard = [.. state.Heard, caller.Value]);
    }

    public async Task<bool> Expire(DateTimeOffset started)
    {
        var state = await _row.Read();
        // Of what is not known here the file alone says how old it is.
        return state.Share is null ? _policy.RecordingsKept is { } kept && started + kept <= _time.GetUtcNow() : await Retire();
    }

    public async Task<bool> Retire()
    {
        var state = await _row.Read();
        if (state.Share is null) return true;
        if (!IsOver(state)) return false;
        await Append(state, RequestActor.System, "recording.expired", AuditResult.Success, "");
        await Destroy(state);
        return true;
    }

    public async Task Shred()
    {
        var state = await _row.Read();
        if (state.Share is null) return;
        await Append(state, RequestActor.Current, "recording.erased", AuditResult.Success, "");
        await Destroy(state);
    }

    public async Task<RecordingSummary?> Get()
    {
        var state = await _row.Read();
        if (state.Share is not { } share || IsOver(state)) return null;
        // Its owner was erased: nothing opens it, and nothing is to be said of it.
        if (state.Edge.Length > 0 && !await KeyOf(state.Owner).Holds(_id, share, state.Wrapped)) return null;
        return new RecordingSummary
        {
            Recording = _id,
            Call = state.Call,
            Owner = state.Owner,
            Edge = state.Edge,
            At = state.At,
            Length = state.Length,
            Complete = state.Complete,
            Secret = state.Secret,
        };
    }

    public async Task<SealedSecret?> Open(RecordingOpening opening)
    {
        var state = await _row.Read();
        var isKept = state.Share is not null && !IsOver(state);
        var key = isKept ? await KeyOf(state.Owner).UnwrapRecordingKey(_id, state.Share!, opening.WrappedKey, opening.To) : null;
        await Append(state, RequestActor.Current, "recording.opened", key is null ? AuditResult.Denied : AuditResult.Success, key is null ? "no key" : opening.Reason);
        return key;
    }

    /// <summary>By what was said when it began, or by what is kept now, whichever is sooner.</summary>
    private bool IsOver(RecordingState state)
    {
        var now = _time.GetUtcNow();
        return state.ExpiresAt <= now || (_policy.RecordingsKept is { } kept && state.At + kept <= now);
    }

    /// <summary>In an order in which what fails is found again: by this row while it is there, then by who was heard, and by the list of its hour.</summary>
    private async Task Destroy(RecordingState state)
    {
        await KeyOf(state.Owner).Forget(_id);
        await _row.Clear();
        CryptographicOperations.ZeroMemory(state.Share);
        foreach (var caller in state.Heard) await KeyOf(caller).Forget(_id);
        await Index(state.Tenant, state.At).Forget(_id, state.Page);
    }

    private Task Write(RecordingState state, Action<RecordingState> change)
    {
        var next = state.Copy();
        change(next);
        return _row.Write(next);
    }

    private ICallerKeyGrain KeyOf(string caller) => GrainFactory.Grain<ICallerKeyGrain>(caller);

    private IRecordingIndexGrain Index(string tenant, DateTimeOffset at) => GrainFactory.Grain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(tenant, at));

    /// <summary>One that is not known here belongs to no tenant that we know of.</summary>
    private Task Append(RecordingState state, string actor, string action, AuditResult result, string detail) =>
        GrainFactory.Grain<IAuditGrain>(IAuditGrain.Key(state.Tenant.Length > 0 ? state.Tenant : IAuditGrain.Cluster)).Append(new AuditEntry
        {
            Actor = actor,
            Action = action,
            Result = result,
            Object = _id.Value,
            Detail = detail,
        });
}

[GenerateSerializer, Alias("ivr.state.Recording")]
internal sealed class RecordingState
{
    [Id(0)] public string Tenant { get; set; } = "";
    [Id(1)] public CallId Call { get; set; }
    [Id(2)] public string Owner { get; set; } = "";
    [Id(3)] public DateTimeOffset At { get; set; }

    /// <summary>Half of the wrapping key; null in a row that is empty.</summary>
    [Id(4)] public byte[]? Share { get; set; }
    [Id(5)] public string Edge { get; set; } = "";
    [Id(6)] public TimeSpan? Length { get; set; }
    [Id(7)] public bool Complete { get; set; }

    /// <summary>Null in a row of an older version: by what is kept now.</summary>
    [Id(8)] public DateTimeOffset? ExpiresAt { get; set; }

    /// <summary>Where it stands in the list of its hour.</summary>
    [Id(9)] public int Page { get; set; }

    /// <summary>Callers besides the owner with whom it is erased.</summary>
    [Id(10)] public List<string> Heard { get; set; } = [];

    /// <summary>The edge of its call; empty in a row of an older version.</summary>
    [Id(11)] public string PermittedTo { get; set; } = "";

    /// <summary>The data key as it stands in the file; empty until it began. Shows whether the owner's key is still the one that it was.</summary>
    [Id(12)] public byte[] Wrapped { get; set; } = [];
    [Id(13)] public TimeSpan Secret { get; set; }

    public RecordingState Copy() => (RecordingState)MemberwiseClone();
}
