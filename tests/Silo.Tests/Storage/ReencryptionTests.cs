using System.Globalization;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public abstract class ReencryptionTests : IAsyncLifetime
{
    private const string Service = "test";
    private const string State = "note";

    private static readonly Dictionary<string, string> s_owners = new() { [State] = "note" };
    private static readonly ServiceProvider s_serializers = new ServiceCollection().AddSerializer().BuildServiceProvider();

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private KeyRing _ring = null!;
    private TestDatabase _test = null!;
    private IDatabase _database = null!;
    private Reencryption _rows = null!;

    public async ValueTask InitializeAsync()
    {
        TestKeys.CopyCertificateTo(_folder);
        _test = await CreateDatabase(_folder);
        _database = _test.Open();
        _ring = KeyRing.Open(new FileKeyStore(Path.Combine(_folder, "keys")), TestKeys.Protection(_folder, mayCreate: false), Service, mayCreate: true, time: _time);
        _rows = new Reencryption(_database.States, _ring, Service, s_owners, TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        _database?.Dispose();
        _ring?.Dispose();
        if (_test is not null) await _test.DisposeAsync();
        _folder.Dispose();
    }

    private protected abstract Task<TestDatabase> CreateDatabase(string folder);

    [Fact]
    public async Task Rows_go_to_the_current_key_with_their_versions_and_are_still_their_grains()
    {
        var storage = NewStorage();
        var notes = await Task.WhenAll(Enumerable.Range(0, 450).Select(i => Write(storage, i, $"text {i}")));
        var old = _ring.Live.Current.KeyId;
        var current = _ring.Live.Rotate();
        Assert.Equal(new Dictionary<Guid, long> { [old] = notes.Length }, await _rows.Count(cancellation: TestContext.Current.CancellationToken));

        Assert.Equal(new ReencryptionPass(notes.Length, 0, 0, 0), await Pass());
        Assert.Equal(new Dictionary<Guid, long> { [current] = notes.Length }, await _rows.Count(cancellation: TestContext.Current.CancellationToken));
        for (var i = 0; i < notes.Length; i++) Assert.Equal($"text {i}", (await Read(NewStorage(), i)).State!.Text);
        // A grain that has its row in memory goes on with the version that it knows.
        await Task.WhenAll(notes.Select((note, i) => storage.WriteStateAsync(State, Grain(i), note)));
        Assert.Equal(new ReencryptionPass(0, 0, 0, 0), await Pass());
    }

    [Fact]
    public async Task A_row_that_was_written_meanwhile_is_left_as_it_was_written()
    {
        var storage = NewStorage();
        var note = await Write(storage, 1, "first");
        var key = Grain(1).Key.ToString()!;
        var seen = (await _database.States.Read(State, key))!.Value;
        note.State!.Text = "second";
        await storage.WriteStateAsync(State, Grain(1), note);
        Assert.False(await _database.States.Rewrite(State, key, seen.Version, seen.Payload, [1]));
        // Nor is one that has the version and another payload: it was removed and made anew.
        Assert.False(await _database.States.Rewrite(State, key, seen.Version + 1, seen.Payload, [1]));
        Assert.Equal("second", (await Read(NewStorage(), 1)).State!.Text);
    }

    [Fact]
    public async Task Under_writes_and_rotations_at_once_no_write_is_lost_and_none_meets_a_conflict()
    {
        const int grains = 24, writes = 40;
        using var over = new CancellationTokenSource();
        // However slow the machine is: in the middle of the writes some rows are moved.
        var moved = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var storage = NewStorage();
        var moving = Task.Run(async () =>
        {
            while (!over.IsCancellationRequested)
            {
                _ring.Live.Rotate();
                if ((await Pass()).Rewritten > 0) moved.TrySetResult();
            }
        }, TestContext.Current.CancellationToken);
        await Task.WhenAll(Enumerable.Range(0, grains).Select(i => Task.Run(async () =>
        {
            var note = await Write(storage, i, "0");
            for (var count = 1; count <= writes; count++)
            {
                if (count == writes / 2) await Task.WhenAny(moved.Task, moving);
                if (count % 3 == 0) note = await Read(storage, i);
                Assert.Equal(count - 1, int.Parse(note.State!.Text, CultureInfo.InvariantCulture));
                note.State!.Text = count.ToString(CultureInfo.InvariantCulture);
                await storage.WriteStateAsync(State, Grain(i), note);
            }
        })));
        await over.CancelAsync();
        await moving;

        var current = _ring.Live.Rotate();
        await Pass();
        Assert.Equal(new Dictionary<Guid, long> { [current] = grains }, await _rows.Count(cancellation: TestContext.Current.CancellationToken));
        for (var i = 0; i < grains; i++)
        {
            var note = await Read(NewStorage(), i);
            Assert.Equal((writes.ToString(CultureInfo.InvariantCulture), (writes + 1).ToString(CultureInfo.InvariantCulture)), (note.State!.Text, note.ETag));
        }
    }

    [Fact]
    public async Task What_was_broken_off_goes_on_where_it_was()
    {
        var storage = NewStorage();
        await Task.WhenAll(Enumerable.Range(0, 450).Select(i => Write(storage, i, "text")));
        _ring.Live.Rotate();
        using var crash = new CancellationTokenSource();
        var broken = new Reencryption(_database.States, _ring, Service, s_owners, TimeProvider.System);
        broken.Progress += (rewritten, _) => { if (rewritten > 0) crash.Cancel(); };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => broken.Pass(IsOld, null, crash.Token));
        var left = (await _rows.Count(cancellation: TestContext.Current.CancellationToken)).Where(of => IsOld(of.Key)).Sum(of => of.Value);
        Assert.InRange(left, 1, 449);
        Assert.Equal(left, (await Pass()).Rewritten);
    }

    [Fact]
    public async Task A_row_that_does_not_open_and_one_of_a_state_of_another_version_are_counted_and_left()
    {
        var storage = NewStorage();
        await Write(storage, 1, "text");
        await storage.WriteStateAsync("of-a-newer-version", Grain(1), new GrainState<NoteState>(new NoteState { Text = "text" }));
        await Write(storage, 2, "text");
        _test.Sql($"UPDATE grain_state SET payload = (SELECT payload FROM grain_state WHERE state = '{State}' AND grain = '{Grain(1).Key}') WHERE state = '{State}' AND grain = '{Grain(2).Key}'");
        _ring.Live.Rotate();
        Assert.Equal(new ReencryptionPass(1, 0, 1, 1), await Pass());
    }

    [Fact]
    public async Task The_service_moves_all_rows_once_every_silo_knows_the_key_and_then_rests()
    {
        var storage = NewStorage();
        for (var i = 0; i < 3; i++) await Write(storage, i, "text");
        _ring.Secret("master", mayCreate: true, () => [1, 2, 3]);
        using var upkeep = NewUpkeep();
        var cancellation = TestContext.Current.CancellationToken;
        Assert.False(await upkeep.Move(cancellation));

        var current = _ring.Live.Rotate();
        Assert.True(await upkeep.Move(cancellation));
        Assert.DoesNotContain(current, await _rows.Count(cancellation: cancellation));
        _time.Advance(KeyUpkeep.Settling + TimeSpan.FromSeconds(1));
        Assert.True(await upkeep.Move(cancellation));
        Assert.Equal(new Dictionary<Guid, long> { [current] = 3 }, await _rows.Count(cancellation: cancellation));
        Assert.Equal(current, ProtectedPayload.KeyOf(_ring.Store.Secret("master")));
        Assert.Equal([1, 2, 3], _ring.Secret("master", mayCreate: false, () => []));
        // The pass that finds nothing ends it, for a process that starts later as well.
        Assert.False(await upkeep.Move(cancellation));
        Assert.Equal(current, await _rows.Done());
        using var later = NewUpkeep();
        Assert.False(await later.Move(cancellation));
    }

    [Fact]
    public async Task Revoking_the_current_key_moves_what_it_protects_and_loses_nothing()
    {
        var storage = NewStorage();
        for (var i = 0; i < 5; i++) await Write(storage, i, "text");
        _ring.Secret("master", mayCreate: true, () => [1, 2, 3]);
        var id = _ring.Live.Current.KeyId;
        var recorded = false;
        var result = await Revoke(id, () =>
        {
            Assert.DoesNotContain(_ring.List(), key => key.State == KeyState.Revoked);
            recorded = true;
            return Task.CompletedTask;
        });
        Assert.Equal(new RevocationResult(null, 5, 0), result);
        Assert.True(recorded);
        Assert.Equal(KeyState.Revoked, _ring.List().Single(key => key.Id == id).State);
        Assert.Equal("text", (await Read(NewStorage(), 4)).State!.Text);
        Assert.Equal([1, 2, 3], _ring.Secret("master", mayCreate: false, () => []));
    }

    [Fact]
    public async Task A_key_is_not_revoked_when_it_cannot_be_recorded_or_rows_of_a_newer_version_are_under_it()
    {
        var storage = NewStorage();
        await Write(storage, 1, "text");
        var id = _ring.Live.Current.KeyId;
        await Assert.ThrowsAsync<InvalidOperationException>(() => Revoke(id, () => throw new InvalidOperationException("no ledger")));
        Assert.Equal(KeyState.Old, _ring.List().Single(key => key.Id == id).State);

        id = _ring.Live.Current.KeyId;
        await storage.WriteStateAsync("of-a-newer-version", Grain(1), new GrainState<NoteState>(new NoteState { Text = "text" }));
        var result = await Revoke(id, () => Task.CompletedTask);
        Assert.Contains("1 rows", result.Refusal, StringComparison.Ordinal);
        Assert.DoesNotContain(_ring.List(), key => key.State == KeyState.Revoked);
        Assert.Contains("no key", (await Revoke(Guid.NewGuid(), () => Task.CompletedTask)).Refusal, StringComparison.Ordinal);
    }

    private static GrainId Grain(int i) => GrainId.Create("note", $"note-{i}");

    private bool IsOld(Guid id) => id != _ring.Live.Current.KeyId;

    private Task<ReencryptionPass> Pass() => _rows.Pass(IsOld, null, CancellationToken.None);

    private async Task<RevocationResult> Revoke(Guid id, Func<Task> record)
    {
        var revoking = new KeyRevocation(_ring, _rows, _time).Revoke(id, "test", record, TestContext.Current.CancellationToken);
        // It waits for the other silos by this clock.
        _time.Advance(KeyUpkeep.Settling + TimeSpan.FromSeconds(1));
        return await revoking;
    }

    private KeyUpkeep NewUpkeep() => new(_ring, _rows, new KeySettings(KeyRing.DefaultLifetime, 100_000), _time, NullLogger<KeyUpkeep>.Instance);

    private EncryptedGrainStorage NewStorage() => new(
        _database.States, new HashSet<string>(), _ring.States, s_serializers.GetRequiredService<Serializer>(), s_serializers.GetRequiredService<IActivatorProvider>(),
        NullLogger<EncryptedGrainStorage>.Instance);

    private static async Task<GrainState<NoteState>> Write(EncryptedGrainStorage storage, int i, string text)
    {
        var note = new GrainState<NoteState>(new NoteState { Text = text });
        await storage.WriteStateAsync(State, Grain(i), note);
        return note;
    }

    private static async Task<GrainState<NoteState>> Read(EncryptedGrainStorage storage, int i)
    {
        var note = new GrainState<NoteState>(new NoteState());
        await storage.ReadStateAsync(State, Grain(i), note);
        return note;
    }
}

public sealed class ReencryptionOnSqliteTests : ReencryptionTests
{
    private protected override Task<TestDatabase> CreateDatabase(string folder) => Task.FromResult<TestDatabase>(new TestSqlite(folder));
}

public sealed class ReencryptionOnPostgresTests : ReencryptionTests
{
    private protected override async Task<TestDatabase> CreateDatabase(string folder) => await TestPostgresDatabase.Create();
}
