using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Recordings;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Recordings;

/// <summary>The lists of recordings: they lose none, however many there are, and lead to those whose time is over.</summary>
[Collection(CallersCluster.Name)]
public sealed class RecordingIndexTests(CallersCluster cluster)
{
    // An hour of its own for each test, long before and after the clock of the others.
    private static int s_hours;

    private readonly DateTimeOffset _hour = new DateTimeOffset(2001, 1, 1, 0, 0, 0, TimeSpan.Zero).AddHours(Interlocked.Increment(ref s_hours));
    private readonly string _tenant = "t" + Guid.NewGuid().ToString("N");

    private IRecordingIndexGrain Index => cluster.Grains.GetGrain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(_tenant, _hour));

    private IRecordingHoursGrain Hours => cluster.Grains.GetGrain<IRecordingHoursGrain>(IRecordingHoursGrain.Key(_tenant));

    [Fact]
    public async Task An_hour_holds_any_number_and_each_costs_one_small_write()
    {
        const int count = 3 * RecordingIndexGrain.PageSize + 5;
        var names = new List<RecordingId>();
        cluster.Storage.Writes.Clear();
        for (var i = 0; i < count; i++)
        {
            names.Add(new RecordingId($"rec-many-{i}"));
            Assert.Equal(i / RecordingIndexGrain.PageSize, await Index.Append(Entry(names[^1])));
        }
        Assert.Equal(count, cluster.Storage.Writes["recording-page"]);
        Assert.Equal(1, cluster.Storage.Writes["recording-hours"]);
        Assert.InRange(cluster.Storage.Writes["recording-hour"], 4, 5);
        await cluster.ForgetActivations();
        Assert.Equal(names, await Index.List());
        var page = GrainId.Create(((GrainReference)Index).GrainId.Type, IRecordingIndexGrain.Key(_tenant, _hour) + "/0");
        Assert.InRange(cluster.Storage.Bytes("recording-page", page).Length, 1, 64 * RecordingIndexGrain.PageSize);
    }

    [Fact]
    public async Task A_repeat_stands_there_once_and_what_is_forgotten_stands_there_no_more()
    {
        var (one, two) = (new RecordingId("rec-one-1"), new RecordingId("rec-two-1"));
        var page = await Index.Append(Entry(one));
        await Index.Append(Entry(one));
        await Index.Append(Entry(two));
        Assert.Equal([one, two], await Index.List());
        await Index.Forget(one, page);
        await Index.Forget(one, page);
        Assert.Equal([two], await Index.List());
        Assert.Equal([_hour], await Hours.List(null, 10));
        await Index.Forget(two, page);
        await cluster.ForgetActivations();
        Assert.Empty(await Index.List());
        Assert.Empty(await Hours.List(null, 10));
    }

    [Fact]
    public async Task Hours_are_due_when_the_first_of_them_is_or_when_less_is_kept_than_was_said()
    {
        await Index.Append(Entry(new RecordingId("rec-late-1"), days: 9));
        await Index.Append(Entry(new RecordingId("rec-early-1"), days: 5));
        Assert.Empty(await Hours.Due(_hour.AddDays(4), null));
        Assert.Equal([_hour], await Hours.Due(_hour.AddDays(5), null));
        Assert.Equal([_hour], await Hours.Due(_hour.AddDays(4), TimeSpan.FromDays(3)));
        Assert.Equal(["rec-early-1"], (await Index.Due(_hour.AddDays(5), null, 10)).Select(entry => entry.Recording.Value));
        Assert.Equal(2, (await Index.Due(_hour.AddDays(4), TimeSpan.FromDays(3), 10)).Count);
        Assert.Single(await Index.Due(_hour.AddDays(9), null, 1));
    }

    [Fact]
    public async Task The_keys_of_what_is_over_are_destroyed_although_no_edge_asks()
    {
        var call = CallId.New();
        var id = RecordingId.Of(call, 2);
        var recording = cluster.Grains.GetGrain<IRecordingGrain>(id.Value);
        Assert.True(await recording.Permit(new RecordingPermit { Tenant = CallersCluster.Tenant, Call = call, Owner = call.Value, Asked = true, Edge = "gone" }));
        RequestContext.Set(Interfaces.Operators.RequestActor.ContextKey, "gone");
        var key = Interfaces.Privacy.SecretSealer.Seal(cluster.Keys.SealingKey, id.Value, IRecordingGrain.KeyPurpose, RandomNumberGenerator.GetBytes(32));
        Assert.NotNull(await recording.Begin(new RecordingBegin { Edge = "gone", Key = key }));
        var began = cluster.Time.GetUtcNow();
        var index = cluster.Grains.GetGrain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(CallersCluster.Tenant, began));
        Assert.Contains(id, await index.List());

        await Sweep();
        Assert.NotNull(await recording.Get());
        cluster.Time.Advance(TimeSpan.FromDays(30));
        await cluster.ForgetActivations();
        await Sweep();
        Assert.Null(cluster.Storage.Stored<RecordingState>("recording", ((GrainReference)recording).GrainId));
        Assert.Null(cluster.Storage.Stored<CallerKeyState>("caller-key", ((GrainReference)cluster.Grains.GetGrain<ICallerKeyGrain>(call.Value)).GrainId));
        Assert.DoesNotContain(id, await index.List());
        Assert.Contains(("recording.expired", "system"), cluster.Ledger.All.Select(r => r.Entry).Where(e => e.Object == id.Value).Select(e => (e.Action, e.Actor)));
    }

    [Fact]
    public async Task One_that_cannot_be_destroyed_holds_up_no_other_and_is_tried_again()
    {
        var names = new List<IRecordingGrain>();
        for (var i = 0; i < 3; i++)
        {
            var call = CallId.New();
            names.Add(cluster.Grains.GetGrain<IRecordingGrain>(RecordingId.Of(call, 2).Value));
            Assert.True(await names[i].Permit(new RecordingPermit { Tenant = CallersCluster.Tenant, Call = call, Owner = call.Value, Asked = true, Edge = "gone" }));
        }
        cluster.Time.Advance(TimeSpan.FromDays(30));
        var failures = 1;
        cluster.Storage.Before = (what, state) =>
        {
            if (what == "clear" && state == "recording" && failures-- > 0) throw new IOException("the row cannot be removed");
        };
        try
        {
            await Assert.ThrowsAnyAsync<Exception>(Sweep);
        }
        finally
        {
            cluster.Storage.Before = (_, _) => { };
        }
        int Left() => names.Count(name => cluster.Storage.Stored<RecordingState>("recording", ((GrainReference)name).GrainId) is not null);
        Assert.InRange(Left(), 0, 1);
        await Sweep();
        Assert.Equal(0, Left());
    }

    private async Task Sweep()
    {
        while (await cluster.Grains.GetGrain<IRecordingRetentionGrain>(IRecordingRetentionGrain.Key).Sweep())
        {
        }
    }

    private RecordingEntry Entry(RecordingId id, int days = 30) => new() { Recording = id, ExpiresAt = _hour.AddDays(days) };
}
