using System.Buffers.Binary;
using System.Text;
using IvrActors.Grains;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class StateSealTests : IDisposable
{
    private static readonly GrainId s_grain = GrainId.Create("note", "note-1");
    private static readonly ServiceProvider s_serializers = new ServiceCollection().AddSerializer().BuildServiceProvider();

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly WatchedKeyStore _store;
    private readonly RingProtection _protection;
    private readonly KeyRing _ring;
    private readonly SqliteDatabase _database;

    public StateSealTests()
    {
        TestKeys.CopyCertificateTo(_folder);
        _protection = TestKeys.Protection(_folder, mayCreate: false);
        _store = new WatchedKeyStore(new FileKeyStore(Path.Combine(_folder, "keys")));
        _ring = KeyRing.Open(_store, _protection, "test", mayCreate: true, time: _time);
        _database = new SqliteDatabase(Path.Combine(_folder, "ivr.db"));
        _database.Migrate();
    }

    [Fact]
    public void A_state_opens_for_its_owner_and_version_and_for_no_other()
    {
        var payload = _ring.States.Seal("note", s_grain, 7, [1, 2, 3]);
        Assert.Equal([1, 2, 3], _ring.States.Open("note", s_grain, 7, payload));
        Assert.Null(_ring.States.Open("note", s_grain, 6, payload));
        Assert.Null(_ring.States.Open("scratch", s_grain, 7, payload));
        Assert.Null(_ring.States.Open("note", GrainId.Create("note", "note-2"), 7, payload));
        Assert.Null(_ring.States.Open("note", GrainId.Create("memo", "note-1"), 7, payload));
        Assert.Null(new StateSeal(_ring.DataKeys, "other").Open("note", s_grain, 7, payload));
    }

    [Fact]
    public void Owners_whose_names_are_the_same_letters_in_a_row_are_different_owners()
    {
        var payload = _ring.States.Seal("ab", GrainId.Create("cd", "ef"), 1, [1]);
        Assert.Null(_ring.States.Open("a", GrainId.Create("bcd", "ef"), 1, payload));
        Assert.Null(_ring.States.Open("ab", GrainId.Create("c", "def"), 1, payload));
        Assert.Null(_ring.States.Open("abc", GrainId.Create("d", "ef"), 1, payload));
    }

    [Fact]
    public void The_owner_is_authenticated_as_the_bytes_that_the_remarks_say()
    {
        byte[] Field(string text) => [.. BitConverter.GetBytes(Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];
        var version = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(version, 7);
        // Longer than what fits on the stack, and with letters of several bytes.
        foreach (var (state, key) in new[] { ("note", "note-1"), ("nöte", new string('ä', 1000)) })
        {
            var payload = _ring.States.Seal(state, GrainId.Create("note", key), 7, [1, 2, 3]);
            byte[] owner = [.. Field("ivr.grain-state.v1"), .. Field("test"), .. Field(state), .. Field("note"), .. Field(key), .. version];
            Assert.Equal([1, 2, 3], _ring.DataKeys.Open(payload, owner));
        }
    }

    [Fact]
    public async Task While_the_ring_does_not_answer_storage_is_unavailable_and_no_row_is_called_tampered()
    {
        using var other = KeyRing.Open(_store, _protection, "test", mayCreate: false, time: _time);
        var row = new GrainState<NoteState>(new NoteState { Text = "a" });
        other.Live.Rotate();
        await Storage(other).WriteStateAsync("note", s_grain, row);
        _store.IsAway = true;
        var tampered = StorageMetrics.Tampered.WithLabels("note").Value;
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Storage(_ring).ReadStateAsync("note", s_grain, new GrainState<NoteState>(new NoteState())));
        _time.Advance(LiveKeys.Staleness * 1.5);
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Storage(other).WriteStateAsync("note", s_grain, row));
        Assert.Equal(tampered, StorageMetrics.Tampered.WithLabels("note").Value);
        Assert.Equal("1", row.ETag);
    }

    [Fact]
    public async Task An_authentic_row_of_no_kind_that_is_known_is_no_cleared_state()
    {
        foreach (var plain in new byte[][] { [], [2], [2, 1], [0, 1] })
        {
            var grain = GrainId.Create("note", $"note-{Convert.ToHexString(plain)}");
            Assert.True(await _database.States.Write("note", grain.Key.ToString()!, _ring.States.Seal("note", grain, 1, plain), 0, 1, durable: true));
            await Assert.ThrowsAsync<TamperedStateException>(() => Storage(_ring).ReadStateAsync("note", grain, new GrainState<NoteState>(new NoteState())));
        }
    }

    [Fact]
    public async Task A_state_larger_than_the_first_buffer_comes_back_whole()
    {
        var text = string.Concat(Enumerable.Range(0, 20_000));
        var written = new GrainState<NoteState>(new NoteState { Text = text });
        await Storage(_ring).WriteStateAsync("note", s_grain, written);
        var read = new GrainState<NoteState>(new NoteState());
        await Storage(_ring).ReadStateAsync("note", s_grain, read);
        Assert.Equal(text, read.State!.Text);
    }

    public void Dispose()
    {
        _database.Dispose();
        _ring.Dispose();
        _protection.Dispose();
        _folder.Dispose();
    }

    private EncryptedGrainStorage Storage(KeyRing ring) => new(
        _database.States, new HashSet<string>(), ring.States, s_serializers.GetRequiredService<Serializer>(), s_serializers.GetRequiredService<IActivatorProvider>(),
        NullLogger<EncryptedGrainStorage>.Instance);
}
