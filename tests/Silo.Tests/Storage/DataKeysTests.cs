using System.Security.Cryptography;
using IvrActors.Silo.Storage;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class DataKeysTests : IDisposable
{
    private static readonly byte[] s_owner = [4, 7, 1, 1];

    private readonly TestFolder _folder = new();
    private readonly WatchedKeyStore _store;
    private readonly RingProtection _protection;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly List<IDisposable> _opened = [];

    public DataKeysTests()
    {
        _store = new WatchedKeyStore(new FileKeyStore(Path.Combine(_folder, "keys")));
        TestKeys.CopyCertificateTo(_folder);
        _protection = TestKeys.Protection(_folder, mayCreate: false);
    }

    [Fact]
    public void What_was_sealed_opens_for_its_owner_in_every_process_of_the_cluster()
    {
        var (one, other) = (Open(), Open());
        foreach (var size in new[] { 0, 1, 500, 100_000 })
        {
            var plain = RandomNumberGenerator.GetBytes(size);
            var payload = one.DataKeys.Seal(plain, s_owner);
            Assert.Equal(plain, one.DataKeys.Open(payload, s_owner));
            Assert.Equal(plain, other.DataKeys.Open(payload, s_owner));
            Assert.Null(other.DataKeys.Open(payload, [4, 7, 1, 2]));
            Assert.Null(other.DataKeys.Open(payload, []));
        }
    }

    [Fact]
    public void A_payload_with_one_bit_or_its_length_changed_does_not_open()
    {
        var ring = Open();
        var payload = ring.DataKeys.Seal([1, 2, 3], s_owner);
        for (var i = 0; i < payload.Length; i++)
        {
            payload[i] ^= 0x10;
            Assert.Null(ring.DataKeys.Open(payload, s_owner));
            payload[i] ^= 0x10;
            Assert.Null(ring.DataKeys.Open(payload.AsSpan(0, i), s_owner));
        }
        Assert.Null(ring.DataKeys.Open([.. payload, 0], s_owner));
        Assert.Equal([1, 2, 3], ring.DataKeys.Open(payload, s_owner));
    }

    [Fact]
    public void The_bytes_are_a_wrapped_key_a_nonce_a_ciphertext_and_a_tag()
    {
        var ring = Open();
        var payload = ring.DataKeys.Seal([1, 2, 3], s_owner);
        Assert.Equal(ring.Live.Current.KeyId, ProtectedPayload.KeyOf(payload));
        using var gcm = new AesGcm(ring.Protection.CreateProtector("ivr.data-key.v1", "test").Unprotect(payload[..96]), 16);
        var plain = new byte[3];
        gcm.Decrypt(payload[96..108], payload[108..^16], payload[^16..], plain, s_owner);
        Assert.Equal([1, 2, 3], plain);
    }

    [Fact]
    public void A_key_of_another_purpose_opens_no_payload()
    {
        var ring = Open();
        var payload = ring.DataKeys.Seal([1, 2, 3], s_owner);
        var foreign = ring.Protection.CreateProtector("ivr.data-key.v1", "other").Protect(new byte[32]);
        Assert.Equal(96, foreign.Length);
        foreign.CopyTo(payload, 0);
        Assert.Null(ring.DataKeys.Open(payload, s_owner));
    }

    [Fact]
    public void A_key_seals_for_an_hour_and_so_many_times_and_each_time_with_another_nonce()
    {
        var ring = Open();
        var keys = Limited(ring, mostSealed: 3);
        var first = Enumerable.Range(0, 3).Select(_ => keys.Seal([1], s_owner)).ToList();
        Assert.Single(first.Select(KeyOf).Distinct());
        Assert.Equal(3, first.Select(payload => Convert.ToHexString(payload[96..108])).Distinct().Count());
        var second = keys.Seal([1], s_owner);
        Assert.NotEqual(KeyOf(first[0]), KeyOf(second));
        _time.Advance(DataKeys.Lifetime - TimeSpan.FromSeconds(1));
        Assert.Equal(KeyOf(second), KeyOf(keys.Seal([1], s_owner)));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotEqual(KeyOf(second), KeyOf(keys.Seal([1], s_owner)));
        Assert.All([.. first, second], payload => Assert.Equal([1], keys.Open(payload, s_owner)));
    }

    [Fact]
    public void No_process_seals_under_the_key_of_another_or_under_one_that_it_only_opened()
    {
        var (one, other) = (Open(), Open());
        var payload = one.DataKeys.Seal([1], s_owner);
        Assert.Equal([1], other.DataKeys.Open(payload, s_owner));
        Assert.NotEqual(KeyOf(payload), KeyOf(other.DataKeys.Seal([1], s_owner)));
        Assert.Equal([1], Open().DataKeys.Open(other.DataKeys.Seal([1], s_owner), s_owner));
    }

    [Fact]
    public void After_a_rotation_the_next_payload_is_under_the_new_key_here_and_elsewhere_after_their_check()
    {
        var (one, other) = (Open(), Open());
        var old = other.DataKeys.Seal([1], s_owner);
        one.DataKeys.Seal([1], s_owner);
        var made = one.Live.Rotate();
        Assert.Equal(made, ProtectedPayload.KeyOf(one.DataKeys.Seal([1], s_owner)));
        Assert.NotEqual(made, ProtectedPayload.KeyOf(other.DataKeys.Seal([1], s_owner)));
        other.Live.Check();
        Assert.Equal(made, ProtectedPayload.KeyOf(other.DataKeys.Seal([1], s_owner)));
        Assert.Equal([1], one.DataKeys.Open(old, s_owner));
    }

    [Fact]
    public void A_revoked_key_opens_nothing_though_its_data_keys_were_open_and_they_are_forgotten()
    {
        var (one, other) = (Open(), Open());
        var old = other.DataKeys.Seal([1], s_owner);
        var id = other.Live.Current.KeyId;
        Assert.Equal([1], one.DataKeys.Open(old, s_owner));
        Assert.Equal([1], other.DataKeys.Open(old, s_owner));
        one.Live.Rotate();
        one.Live.Revoke(id, "it was copied");
        Assert.Null(one.DataKeys.Open(old, s_owner));
        other.Live.Check();
        Assert.Null(other.DataKeys.Open(old, s_owner));
        Assert.NotEqual(id, ProtectedPayload.KeyOf(other.DataKeys.Seal([1], s_owner)));
        Assert.Equal(1, one.DataKeys.OpenedCount);
        one.DataKeys.Sweep();
        Assert.Equal(0, one.DataKeys.OpenedCount);
    }

    [Fact]
    public void While_the_ring_does_not_answer_nothing_is_called_forged_and_nothing_is_sealed_for_long()
    {
        var (one, other) = (Open(), Open());
        var known = other.DataKeys.Seal([1], s_owner);
        Assert.Equal([1], other.DataKeys.Open(known, s_owner));
        one.Live.Rotate();
        var unknown = one.DataKeys.Seal([2], s_owner);
        _store.IsAway = true;
        Assert.Throws<KeyRingException>(() => other.DataKeys.Open(unknown, s_owner));
        Assert.Equal([1], other.DataKeys.Open(known, s_owner));
        other.DataKeys.Seal([3], s_owner);
        _time.Advance(LiveKeys.Staleness * 1.5);
        // Its data key is at hand, but the ring's key over it may have been replaced by now.
        Assert.Throws<KeyRingException>(() => other.DataKeys.Seal([4], s_owner));
        Assert.Equal([1], other.DataKeys.Open(known, s_owner));
        _store.IsAway = false;
        _time.Advance(LiveKeys.Staleness);
        Assert.Equal([2], other.DataKeys.Open(unknown, s_owner));
        Assert.Equal([5], one.DataKeys.Open(other.DataKeys.Seal([5], s_owner), s_owner));
    }

    [Fact]
    public async Task After_a_stop_writes_that_come_together_wait_for_the_look_of_the_first()
    {
        var ring = Open();
        _time.Advance(LiveKeys.Staleness * 2);
        using var answers = _store.Answers = new ManualResetEventSlim();
        var writes = Enumerable.Range(0, 2).Select(i => Task.Run(() => ring.DataKeys.Seal([(byte)i], s_owner), TestContext.Current.CancellationToken)).ToList();
        // Time enough for the other to fail, where it does not wait.
        await Task.WhenAny([.. writes, Task.Delay(100, TestContext.Current.CancellationToken)]);
        answers.Set();
        for (var i = 0; i < writes.Count; i++) Assert.Equal(i, Assert.Single(ring.DataKeys.Open(await writes[i], s_owner)!));
    }

    [Fact]
    public void So_many_keys_stay_open_and_those_that_nobody_asks_for_do_not()
    {
        var ring = Open();
        var keys = Limited(ring, mostSealed: 1, mostOpened: 3);
        var payloads = Enumerable.Range(0, 8).Select(i => keys.Seal([(byte)i], s_owner)).ToList();
        for (var i = 0; i < payloads.Count; i++)
        {
            Assert.Equal(i, Assert.Single(keys.Open(payloads[i], s_owner)!));
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(3, keys.OpenedCount);
        _time.Advance(DataKeys.Lifetime / 2);
        Assert.Equal([7], keys.Open(payloads[7], s_owner));
        _time.Advance(DataKeys.Lifetime / 2);
        keys.Sweep();
        Assert.Equal(1, keys.OpenedCount);
        Assert.Equal([0], keys.Open(payloads[0], s_owner));
    }

    [Fact]
    public void Many_threads_seal_and_open_while_keys_come_and_go()
    {
        var ring = Open();
        var keys = Limited(ring, mostSealed: 50, mostOpened: 4);
        Parallel.For(0, 2000, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            if (i % 500 == 499) ring.Live.Rotate();
            var plain = BitConverter.GetBytes(i);
            Assert.Equal(i, BitConverter.ToInt32(keys.Open(keys.Seal(plain, s_owner), s_owner)));
            if (i % 100 == 0) keys.Sweep();
        });
    }

    [Fact]
    public void Once_disposed_it_seals_and_opens_nothing()
    {
        var ring = Open();
        var keys = Limited(ring);
        var payload = keys.Seal([1], s_owner);
        Assert.Equal([1], keys.Open(payload, s_owner));
        keys.Dispose();
        Assert.Throws<ObjectDisposedException>(() => keys.Seal([1], s_owner));
        Assert.Throws<ObjectDisposedException>(() => keys.Open(payload, s_owner));
    }

    public void Dispose()
    {
        foreach (var one in _opened) one.Dispose();
        _protection.Dispose();
        _folder.Dispose();
    }

    private KeyRing Open()
    {
        var ring = KeyRing.Open(_store, _protection, "test", mayCreate: true, time: _time);
        _opened.Add(ring);
        return ring;
    }

    private DataKeys Limited(KeyRing ring, long mostSealed = 1000, int mostOpened = 1000)
    {
        var keys = new DataKeys(ring.Protection.CreateProtector("ivr.data-key.v1", "test"), ring.Live, _time, mostSealed, mostOpened);
        _opened.Insert(0, keys);
        return keys;
    }

    private static string KeyOf(byte[] payload) => Convert.ToHexString(payload.AsSpan(0, 96));
}
