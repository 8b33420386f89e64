using System.Security.Cryptography;
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
        if (_policy.RecordingsKept is null) return false;
        var state = await _row.Read();
        // The event came again.
        if (_row.Exists) return state.Call == permit.Call;
        var now = _time.GetUtcNow();
        if (!await GrainFactory.Grain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(permit.Tenant, now)).Add(_id)) return false;
        state = new RecordingState { Tenant = permit.Tenant, Call = permit.Call, Owner = permit.Owner, At = now, Share = RandomNumberGenerator.GetBytes(ShareSize) };
        await Append(state, permit.Owner, "recording.permitted", AuditResult.Success, permit.Asked ? "the caller agreed" : "not asked");
        await _row.Write(state);
        return true;
    }

    public async Task<byte[]?> Begin(RecordingBegin begin)
    {
        var state = await _row.Read();
        // Once: a second file under the same name would be of somebody else.
        if (state.Share is not { } share || state.Edge.Length > 0) return null;
        if (await Owner(state).WrapRecordingKey(_id, share, begin.Key) is not { } wrapped) return null;
        await _row.Write(state.With(edge: begin.Edge));
        return wrapped;
    }

    public async Task End(RecordingEnd end)
    {
        var state = await _row.Read();
        if (state.Share is null || state.Length is not null) return;
        await Append(state, state.Owner, "recording.ended", end.Complete ? AuditResult.Success : AuditResult.Failure, $"seconds={(long)end.Length.TotalSeconds}");
        await _row.Write(state.With(length: end.Length, complete: end.Complete));
    }

    public async Task<bool> Expire(DateTimeOffset started)
    {
        var state = await _row.Read();
        var now = _time.GetUtcNow();
        if (_policy.RecordingsKept is not { } kept || (state.Share is null ? started : state.At) + kept > now) return false;
        if (state.Share is null) return true;
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
        return state.Share is null ? null : new RecordingSummary
        {
            Recording = _id,
            Call = state.Call,
            Owner = state.Owner,
            Edge = state.Edge,
            At = state.At,
            Length = state.Length,
            Complete = state.Complete,
        };
    }

    public async Task<SealedSecret?> Open(RecordingOpening opening)
    {
        var state = await _row.Read();
        var isKept = state.Share is not null && _policy.RecordingsKept is { } kept && state.At + kept > _time.GetUtcNow();
        var key = isKept ? await Owner(state).UnwrapRecordingKey(_id, state.Share!, opening.WrappedKey, opening.To) : null;
        await Append(state, RequestActor.Current, "recording.opened", key is null ? AuditResult.Denied : AuditResult.Success, key is null ? "no key" : "");
        return key;
    }

    private async Task Destroy(RecordingState state)
    {
        CryptographicOperations.ZeroMemory(state.Share);
        await _row.Clear();
        await GrainFactory.Grain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(state.Tenant, state.At)).Remove(_id);
    }

    private ICallerKeyGrain Owner(RecordingState state) => GrainFactory.Grain<ICallerKeyGrain>(state.Owner);

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

    public RecordingState With(string? edge = null, TimeSpan? length = null, bool complete = false) => new()
    {
        Tenant = Tenant,
        Call = Call,
        Owner = Owner,
        At = At,
        Share = Share,
        Edge = edge ?? Edge,
        Length = length ?? Length,
        Complete = complete || Complete,
    };
}
