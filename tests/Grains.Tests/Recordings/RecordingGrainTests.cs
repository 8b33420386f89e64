using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Recordings;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Recordings;

/// <summary>Keys of recordings: who gets one, who opens with it, and what destroys it.</summary>
[Collection(CallersCluster.Name)]
public sealed class RecordingGrainTests
{
    private const string Tenant = CallersCluster.Tenant;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly CallersCluster _cluster;
    private readonly CallId _call;
    private readonly int _seq;
    private readonly CallerKey _number = CallerKey.ForNumber(RandomNumberGenerator.GetBytes(32), Tenant, "1");

    public RecordingGrainTests(CallersCluster cluster) : this(cluster, CallId.New(), 2)
    {
    }

    private RecordingGrainTests(CallersCluster cluster, CallId call, int seq) => (_cluster, _call, _seq) = (cluster, call, seq);

    private RecordingId Id => RecordingId.Of(_call, _seq);

    private IRecordingGrain Recording => As("edge");

    /// <summary>The recording's grain, called with the token of some edge.</summary>
    private IRecordingGrain As(string caller)
    {
        RequestContext.Set(RequestActor.ContextKey, caller);
        return _cluster.Grains.GetGrain<IRecordingGrain>(Id.Value);
    }

    private ICallerKeyGrain KeyOf(string caller) => _cluster.Grains.GetGrain<ICallerKeyGrain>(caller);

    [Fact]
    public async Task A_data_key_comes_back_to_who_opens_the_recording_sealed_and_after_it_is_in_the_ledger()
    {
        var wrapped = await Begun();
        Assert.Equal(-1, wrapped.AsSpan().IndexOf(_key.AsSpan(0, 8)));
        Assert.Equal(_key, await Opened(wrapped));
        Assert.Equal(["recording.permitted", "recording.opened"], Records());
    }

    [Fact]
    public async Task It_outlives_the_activations()
    {
        var wrapped = await Begun();
        await _cluster.ForgetActivations();
        Assert.Equal(_key, await Opened(wrapped));
    }

    [Fact]
    public async Task Without_a_permit_no_key_is_wrapped_and_a_second_file_of_a_name_gets_none()
    {
        Assert.Null(await Recording.Begin(Begin()));
        await Begun();
        Assert.Null(await Recording.Begin(Begin()));
    }

    [Fact]
    public async Task Only_the_edge_of_the_call_begins_a_recording_and_only_in_its_own_name()
    {
        await Permitted();
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => As("another").Begin(Begin()));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => As("another").Begin(Begin("another")));
        Assert.Equal("", (await Recording.Get())!.Edge);
        Assert.NotNull(await Recording.Begin(Begin()));
    }

    [Fact]
    public async Task Only_the_edge_that_began_a_recording_ends_it()
    {
        await Permitted();
        var end = new RecordingEnd { Length = TimeSpan.FromSeconds(1), Complete = true };
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => Recording.End(end));
        Assert.NotNull(await Recording.Begin(Begin()));
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => As("another").End(end));
        Assert.Null((await Recording.Get())!.Length);
        await Recording.End(end);
        Assert.Equal(end.Length, (await Recording.Get())!.Length);
    }

    [Fact]
    public async Task An_edge_publishes_on_its_own_lane_only()
    {
        var lane = _cluster.Grains.GetGrain<IMediaLaneGrain>(IMediaLaneGrain.Key("edge"));
        var batch = new MediaEventBatch { At = default, Events = [] };
        RequestContext.Set(RequestActor.ContextKey, "another");
        await Assert.ThrowsAsync<UnauthorizedAccessException>(() => lane.Publish(batch));
        RequestContext.Set(RequestActor.ContextKey, "edge");
        await lane.Publish(batch);
    }

    [Fact]
    public async Task A_key_that_was_sealed_for_another_recording_is_not_wrapped()
    {
        await Permitted();
        var foreign = SecretSealer.Seal(_cluster.Keys.SealingKey, "rec-other-1", IRecordingGrain.KeyPurpose, _key);
        Assert.Null(await Recording.Begin(new RecordingBegin { Edge = "edge", Key = foreign }));
    }

    [Fact]
    public async Task A_wrapped_key_does_not_open_for_another_recording_nor_altered()
    {
        var wrapped = await Begun();
        var other = new RecordingGrainTests(_cluster);
        await other.Begun();
        Assert.Null(await other.Opened(wrapped));
        wrapped[20] ^= 1;
        Assert.Null(await Opened(wrapped));
        Assert.Null(await Opened([]));
    }

    [Fact]
    public async Task Erasing_the_caller_leaves_noise()
    {
        var wrapped = await Begun();
        Assert.Null((await _cluster.Grains.GetGrain<ICallerGrain>(_number.Value).Erase(Tenant)).Error);
        await _cluster.ForgetActivations();
        Assert.Null(await Opened(wrapped));
        Assert.Null(await Recording.Get());
        Assert.Contains("caller.erased", _cluster.Ledger.All.Select(r => r.Entry).Where(e => e.Object == _number.Value).Select(e => e.Action));
        // A caller who calls again has a new key, which does not open the old recording.
        var later = new RecordingGrainTests(_cluster);
        await later.Permitted(_number.Value);
        Assert.NotNull(await later.Recording.Begin(later.Begin()));
        Assert.Null(await Opened(wrapped));
    }

    [Fact]
    public async Task Erasing_who_was_verified_in_the_call_destroys_the_recordings_share()
    {
        var account = _cluster.NewCaller();
        var wrapped = await Begun();
        await Recording.Bind(account.Key);
        await Recording.Bind(account.Key);
        Assert.Null((await _cluster.Grains.GetGrain<ICallerGrain>(account.Key.Value).Erase(Tenant)).Error);
        Assert.Null(await Opened(wrapped));
        Assert.Null(await Recording.Get());
        Assert.DoesNotContain(Id, await Index().List());
    }

    [Fact]
    public async Task An_erasure_that_fails_halfway_leaves_noise_of_the_callers_own_and_does_the_rest_when_it_is_repeated()
    {
        var account = _cluster.NewCaller();
        var own = new RecordingGrainTests(_cluster);
        await own.Permitted(account.Key.Value);
        var ownWrapped = await own.Recording.Begin(own.Begin());
        var wrapped = await Begun();
        await Recording.Bind(account.Key);
        _cluster.Storage.Before = (what, state) =>
        {
            if (what == "clear" && state == "recording") throw new IOException("the row cannot be removed");
        };
        try
        {
            Assert.NotNull((await _cluster.Grains.GetGrain<ICallerGrain>(account.Key.Value).Erase(Tenant)).Error);
        }
        finally
        {
            _cluster.Storage.Before = (_, _) => { };
        }
        Assert.Null(await own.Opened(ownWrapped!));
        Assert.Equal(_key, await Opened(wrapped));
        await _cluster.ForgetActivations();
        Assert.Null((await _cluster.Grains.GetGrain<ICallerGrain>(account.Key.Value).Erase(Tenant)).Error);
        Assert.Null(await Opened(wrapped));
    }

    [Fact]
    public async Task Opening_and_erasing_at_once_wait_for_nothing_of_each_other()
    {
        var account = _cluster.NewCaller();
        var wrapped = await Begun();
        await Recording.Bind(account.Key);
        var own = new RecordingGrainTests(_cluster);
        await own.Permitted(account.Key.Value);
        var ownWrapped = await own.Recording.Begin(own.Begin());
        await own.Recording.Bind(_number);
        var work = new List<Task>();
        for (var i = 0; i < 20; i++) work.AddRange([Opened(wrapped), own.Opened(ownWrapped!)]);
        work.Add(_cluster.Grains.GetGrain<ICallerGrain>(account.Key.Value).Erase(Tenant));
        work.Add(_cluster.Grains.GetGrain<ICallerGrain>(_number.Value).Erase(Tenant));
        // Grains that wait for each other are released by the time-out of their calls only, which is 30 s and an exception.
        await Task.WhenAll(work);
        Assert.Null(await Opened(wrapped));
        Assert.Null(await own.Opened(ownWrapped!));
    }

    [Fact]
    public async Task The_number_that_called_erases_what_was_recorded_after_it_was_verified_as_somebody()
    {
        var account = _cluster.NewCaller();
        await Permitted(account.Key.Value, _number);
        var wrapped = await Recording.Begin(Begin());
        Assert.Null((await _cluster.Grains.GetGrain<ICallerGrain>(_number.Value).Erase(Tenant)).Error);
        Assert.Null(await Opened(wrapped!));
        Assert.Null(await Recording.Get());
    }

    [Fact]
    public async Task Erasing_an_account_erases_the_number_that_was_enrolled_with_it()
    {
        var account = _cluster.NewCaller();
        const string digits = "4915550777";
        await account.Enrol(number: "+" + digits);
        var number = CallerKey.ForNumber(_cluster.Keys.PseudonymKey(Tenant), Tenant, digits);
        await Permitted(number.Value);
        var wrapped = await Recording.Begin(Begin());
        Assert.Equal(_key, await Opened(wrapped!));
        Assert.Null((await _cluster.Grains.GetGrain<ICallerGrain>(account.Key.Value).Erase(Tenant)).Error);
        Assert.Null(await Opened(wrapped!));
        Assert.Equal(FactorOutcome.Refused, await account.PinOutcome(CallersCluster.Pin));
    }

    [Fact]
    public async Task An_erasure_that_cannot_be_recorded_does_not_happen()
    {
        var wrapped = await Begun();
        _cluster.Ledger.BeforeAppend = _ => throw new IOException("the ledger cannot be written");
        try
        {
            Assert.NotNull((await _cluster.Grains.GetGrain<ICallerGrain>(_number.Value).Erase(Tenant)).Error);
        }
        finally
        {
            _cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        }
        Assert.Equal(_key, await Opened(wrapped));
    }

    [Fact]
    public async Task It_stands_in_the_list_of_its_hour_with_its_length()
    {
        await Begun();
        await Recording.End(new RecordingEnd { Length = TimeSpan.FromSeconds(12), Complete = true });
        Assert.Contains(Id, await Index().List());
        var summary = await Recording.Get();
        Assert.Equal((_call, _number.Value, "edge", TimeSpan.FromSeconds(12), true), (summary!.Call, summary.Owner, summary.Edge, summary.Length, summary.Complete));
        await Recording.End(new RecordingEnd { Length = TimeSpan.FromSeconds(1), Complete = false });
        Assert.Equal(TimeSpan.FromSeconds(12), (await Recording.Get())!.Length);
    }

    [Fact]
    public async Task An_edge_cannot_expire_what_is_to_be_kept()
    {
        var wrapped = await Begun();
        // Whatever the edge says of its age.
        Assert.False(await Recording.Expire(DateTimeOffset.UnixEpoch));
        Assert.Equal(_key, await Opened(wrapped));
    }

    [Fact]
    public async Task When_its_time_is_over_it_is_destroyed_and_opens_for_nobody_before_that_is_done()
    {
        var wrapped = await Begun();
        await _cluster.ForgetActivations();
        var grain = ((GrainReference)Recording).GrainId;
        var state = _cluster.Storage.Stored<RecordingState>("recording", grain)!;
        state.At -= TimeSpan.FromDays(30);
        await _cluster.Storage.Replace("recording", grain, state);
        Assert.Null(await Opened(wrapped));
        Assert.True(await Recording.Expire(state.At));
        Assert.Null(await Recording.Get());
        Assert.Equal("recording.expired", Records().Last());
    }

    [Fact]
    public async Task The_key_of_a_call_in_which_nobody_is_known_goes_with_the_last_of_its_recordings()
    {
        var second = new RecordingGrainTests(_cluster, _call, 5);
        await Permitted(_call.Value);
        await second.Permitted(_call.Value);
        Assert.NotNull(await Recording.Begin(Begin()));
        var wrapped = await second.Recording.Begin(second.Begin());
        await Recording.Shred();
        Assert.Equal(_key.Length, (await second.Opened(wrapped!))!.Length);
        await second.Recording.Shred();
        var key = ((GrainReference)KeyOf(_call.Value)).GrainId;
        Assert.Null(_cluster.Storage.Stored<CallerKeyState>("caller-key", key));
    }

    [Fact]
    public async Task A_recording_that_is_gone_is_forgotten_by_who_was_heard_in_it()
    {
        var account = _cluster.NewCaller();
        await Begun();
        await Recording.Bind(account.Key);
        await Recording.Shred();
        Assert.Empty(await KeyOf(account.Key.Value).Destroy());
    }

    [Fact]
    public async Task A_file_that_nothing_is_known_of_goes_when_it_is_old()
    {
        Assert.False(await Recording.Expire(_cluster.Time.GetUtcNow() - TimeSpan.FromDays(29)));
        Assert.True(await Recording.Expire(_cluster.Time.GetUtcNow() - TimeSpan.FromDays(30)));
    }

    [Fact]
    public void Wrapping_is_bound_to_both_halves_and_to_the_recording()
    {
        byte[] caller = RandomNumberGenerator.GetBytes(32), share = RandomNumberGenerator.GetBytes(32);
        var wrapped = RecordingKeys.Wrap(caller, share, Id, _key);
        Assert.Equal(_key, RecordingKeys.Unwrap(caller, share, Id, wrapped)!.Expose().ToArray());
        Assert.Null(RecordingKeys.Unwrap(share, caller, Id, wrapped));
        Assert.Null(RecordingKeys.Unwrap(caller, RandomNumberGenerator.GetBytes(32), Id, wrapped));
        Assert.Null(RecordingKeys.Unwrap(RandomNumberGenerator.GetBytes(32), share, Id, wrapped));
        Assert.Null(RecordingKeys.Unwrap(caller, share, new RecordingId("rec-other-1"), wrapped));
        Assert.NotEqual(wrapped, RecordingKeys.Wrap(caller, share, Id, _key));
    }

    private RecordingBegin Begin(string edge = "edge") => new() { Edge = edge, Key = SecretSealer.Seal(_cluster.Keys.SealingKey, Id.Value, IRecordingGrain.KeyPurpose, _key) };

    private async Task Permitted(string? owner = null, CallerKey? number = null) =>
        Assert.True(await Recording.Permit(new RecordingPermit { Tenant = Tenant, Call = _call, Owner = owner ?? _number.Value, Asked = true, Edge = "edge", Number = number }));

    private async Task<byte[]> Begun()
    {
        await Permitted();
        return (await Recording.Begin(Begin()))!;
    }

    private async Task<byte[]?> Opened(byte[] wrapped)
    {
        using var own = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var answer = await Recording.Open(new RecordingOpening { WrappedKey = wrapped, To = SecretSealer.PublicKeyOf("once", own) });
        using var opened = answer is null ? null : SecretSealer.Open(own, Id.Value, IRecordingGrain.OpenPurpose, answer);
        return opened?.Expose().ToArray();
    }

    private IRecordingIndexGrain Index() => _cluster.Grains.GetGrain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(Tenant, _cluster.Time.GetUtcNow()));

    private IEnumerable<string> Records() => _cluster.Ledger.All.Select(r => r.Entry).Where(e => e.Object == Id.Value).Select(e => e.Action);
}
