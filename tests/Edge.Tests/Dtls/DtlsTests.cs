using System.Security.Cryptography;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Sdp;
using IvrActors.Edge.Srtp;
using Microsoft.Extensions.Time.Testing;
using Org.BouncyCastle.Tls;
using Xunit;

namespace IvrActors.Edge.Tests.Dtls;

/// <summary>Handshakes between our client and our server. BouncyCastle keeps its own time, so that these run in real time and wait for what happens.</summary>
public sealed class DtlsTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Both_sides_get_the_same_keys_the_other_way_round()
    {
        using var link = new DtlsLink();
        link.Begin();
        await AreKeyed(link);
        Assert.Equal(DtlsLink.ClientAt, (await link.Server.Keyed).Peer);
    }

    [Fact]
    public async Task The_server_keeps_nothing_of_a_client_hello_before_its_cookie_came_back()
    {
        // All that the server sends is lost: no cookie comes back.
        using var link = new DtlsLink((toServer, datagram) => toServer ? [datagram] : []);
        link.Begin();
        await Until(() => link.Server.Got.Count >= 3);
        Assert.Equal(1, link.Running); // The client's own.
    }

    [Fact]
    public async Task A_lost_certificate_verify_is_sent_again_and_the_handshake_goes_on()
    {
        var lost = 0;
        using var link = new DtlsLink((toServer, datagram) => toServer && datagram[0] == 22 && datagram[4] == 0 && datagram[13] == 15 && lost++ < 2 ? [] : [datagram]);
        link.Begin();
        await AreKeyed(link);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task A_path_that_loses_doubles_and_reorders_still_keys(int seed)
    {
        var random = new Random(seed);
        var late = new Queue<byte[]>[] { new(), new() };
        using var link = new DtlsLink((toServer, datagram) =>
        {
            var waiting = late[toServer ? 1 : 0];
            if (random.Next(12) == 0) return [];
            if (random.Next(8) == 0)
            {
                waiting.Enqueue(datagram);
                return [];
            }
            // What waited comes behind what was sent after it.
            var arrives = new List<byte[]> { datagram };
            if (waiting.TryDequeue(out var before)) arrives.Add(before);
            if (random.Next(4) == 0) arrives.Add(datagram);
            return arrives;
        });
        link.Begin();
        await AreKeyed(link);
    }

    [Fact]
    public async Task A_client_that_lost_the_last_flight_gets_it_again()
    {
        var lost = 0;
        using var link = new DtlsLink((toServer, datagram) => !toServer && IsLastFlight(datagram) && lost++ < 4 ? [] : [datagram]);
        link.Begin();
        await AreKeyed(link);
        Assert.True(lost > 4);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_with_another_fingerprint_than_was_signalled_gives_no_keys(bool ofServer)
    {
        var other = DtlsIdentity.Create(DateTimeOffset.UtcNow).Fingerprint;
        using var link = ofServer ? new DtlsLink(clientExpects: [other]) : new DtlsLink(serverExpects: [other]);
        link.Begin();
        // Who sees the wrong certificate gives up at once; the other one waits, since it believes no alert in clear.
        await Until(() => (ofServer ? link.Client : link.Server).Got.Any(datagram => datagram[0] == 22 && datagram[13] == 11));
        await Until(() => link.Running == 1);
        Assert.False(link.Client.Keyed.IsCompleted || link.Server.Keyed.IsCompleted);
    }

    [Fact]
    public async Task Fingerprints_by_longer_hashes_hold_as_well()
    {
        using var link = new DtlsLink();
        var certificate = link.Client.Association.Terms.Identity.Certificate;
        Assert.True(new SdpFingerprint(SdpHash.Sha384, SHA384.HashData(certificate)).IsOf(certificate));
        Assert.True(new SdpFingerprint(SdpHash.Sha512, SHA512.HashData(certificate)).IsOf(certificate));
        Assert.False(new SdpFingerprint(SdpHash.Sha512, SHA512.HashData([1])).IsOf(certificate));
        link.Begin();
        await AreKeyed(link);
    }

    [Fact]
    public async Task Alerts_in_clear_and_hellos_of_others_disturb_no_handshake()
    {
        var held = true;
        // The client's second flight is lost until all of it was thrown at the server.
        using var link = new DtlsLink((toServer, datagram) => toServer && held && !DtlsRecords.IsClientHello(datagram) ? [] : [datagram]);
        link.Begin();
        await Until(() => link.Running == 2);
        var count = 0;
        for (var i = 0; i < 50; i++)
        {
            foreach (var from in new[] { DtlsLink.ClientAt, DtlsLink.Stranger })
            {
                byte[][] all = [Record(21, 0, [2, 40]), Record(21, 0, [1, 0]), Record(23, 0, [1, 2, 3]), Record(22, 1, RandomNumberGenerator.GetBytes(40)), ClientHello((ushort)i)];
                foreach (var one in all) link.Inject(one, from);
                count += all.Length;
            }
        }
        await Until(() => link.Server.Got.Count >= count);
        held = false;
        await AreKeyed(link);
    }

    [Fact]
    public async Task After_the_handshake_nothing_on_the_wire_changes_anything()
    {
        using var link = new DtlsLink();
        link.Begin();
        await AreKeyed(link);
        var before = link.Server.Got.Count;
        for (var i = 0; i < 30; i++)
        {
            link.Inject(Record(21, 0, [2, 40]), DtlsLink.ClientAt);
            link.Inject(ClientHello((ushort)i), DtlsLink.ClientAt);
            link.Inject(ClientHello((ushort)i), DtlsLink.Stranger);
        }
        await Until(() => link.Server.Got.Count >= before + 90);
        Assert.Equal(0, link.Running);
        Assert.Empty(link.Server.Strange);
    }

    [Fact]
    public async Task A_stranger_is_sent_less_than_it_sent_and_a_flood_of_its_hellos_is_bounded()
    {
        using var link = new DtlsLink();
        for (var i = 0; i < 10 * DtlsAssociation.MostHellos; i++) link.Inject(ClientHello((ushort)i), DtlsLink.Stranger);
        await Until(() => link.Server.Got.Count == 10 * DtlsAssociation.MostHellos);
        await Until(() => !link.Server.Strange.IsEmpty);
        Assert.InRange(link.Server.Strange.Count, 1, 5 * DtlsAssociation.MostHellos); // As many for each second that the test takes.
        Assert.All(link.Server.Strange, sent => Assert.True(sent.Datagram.Length <= ClientHello(0).Length));
        Assert.Equal(0, link.Running);
    }

    [Fact]
    public async Task A_flood_of_fragments_of_large_messages_ends_within_its_budget()
    {
        using var link = new DtlsLink();
        link.Begin();
        for (var i = 0; i < 2 * DtlsQueue.MostReceived; i++)
        {
            link.Inject(Record(22, 0, Message(11, (ushort)(2 + i % 16), DtlsRecords.MostMessage, i, 1)), DtlsLink.Stranger);
            link.Inject(Record(22, 0, Message(11, (ushort)(2 + i % 16), 0xFFFFFF, i, 1)), DtlsLink.ClientAt);
        }
        // Of a stranger's address or beyond any message that is taken: both are passed over, and the client is keyed.
        await AreKeyed(link);
    }

    [Fact]
    public void A_client_hello_that_cannot_be_read_is_dropped_and_one_that_can_gets_a_cookie()
    {
        var cookies = new DtlsCookies(TimeProvider.System);
        var hello = ClientHello(0);
        Assert.Null(cookies.Verify(hello, DtlsLink.Stranger, out var answer));
        Assert.Equal((22, 3), (answer![0], answer[13]));
        hello[25] = 0xFE;
        hello[26] = 0xFE; // BouncyCastle throws an ArgumentException at this version.
        Assert.Null(cookies.Verify(hello, DtlsLink.Stranger, out answer));
        Assert.Null(answer);
    }

    [Fact]
    public void What_waits_and_what_is_taken_in_all_is_bounded()
    {
        var turns = new DtlsTurns(1);
        turns.Take();
        var queue = new DtlsQueue(_ => { }, TimeProvider.System, turns);
        for (var i = 0; i < 10 * DtlsQueue.MostWaiting; i++) queue.Put([1]);
        var buffer = new byte[DtlsQueue.MostWaiting];
        var taken = 0;
        while (queue.Receive(buffer, 1) > 0) taken++;
        Assert.Equal(DtlsQueue.MostWaiting, taken);
        Assert.Throws<IOException>(() =>
        {
            for (var i = 0; i <= DtlsQueue.MostReceived; i++)
            {
                queue.Put([1]);
                queue.Receive(buffer, 1);
            }
        });
    }

    [Fact]
    public void Each_day_has_its_own_certificate_and_the_one_of_before_stays_as_it_was()
    {
        var time = new FakeTimeProvider();
        var identities = new DtlsIdentities(time);
        var first = identities.Current;
        time.Advance(TimeSpan.FromHours(23));
        Assert.Same(first, identities.Current);
        time.Advance(TimeSpan.FromHours(1));
        var second = identities.Current;
        Assert.NotSame(first, second);
        Assert.False(first.Fingerprint.IsSameAs(second.Fingerprint));
        Assert.True(first.Fingerprint.IsOf(first.Certificate));
    }

    [Fact]
    public void Of_a_datagram_only_what_the_peers_handshake_can_hold_is_kept()
    {
        byte[] certificate = Record(22, 0, Message(11, 2, 100, 0, 20)), verify = Record(22, 0, Message(15, 4, 30, 0, 30)), finished = Record(22, 1, new byte[40]), change = Record(20, 0, [1]);
        Assert.Equal(
            (byte[])[.. certificate, .. verify, .. change, .. finished],
            Keep([.. certificate, .. Record(21, 0, [2, 40]), .. change, .. verify, .. change, .. Record(23, 1, new byte[30]), .. finished]));
        Assert.Empty(Keep(Record(22, 0, Message(12, 2, 100, 0, 20)))); // A server's message.
        Assert.Empty(Keep(Record(22, 0, Message(11, 2, 100, 90, 20)))); // Beyond its own end.
        Assert.Empty(Keep(Record(22, 0, Message(11, 2, DtlsRecords.MostMessage + 1, 0, 20))));
        Assert.Empty(Keep(Record(22, 2, new byte[40])));
        Assert.Empty(Keep([.. verify, .. Record(20, 0, [1, 1])])[verify.Length..]);
        for (var length = 0; length < certificate.Length; length++) Assert.Empty(Keep(certificate[..length]));

        static byte[] Keep(byte[] datagram)
        {
            var output = new byte[datagram.Length];
            return output[..new DtlsGate(fromClient: true).Keep(datagram, output)];
        }
    }

    [Theory]
    [InlineData(0x0001, 16, 14)]
    [InlineData(0x0007, 16, 12)]
    [InlineData(0x0008, 32, 12)]
    public void Exported_material_is_split_as_rfc_5764_says(ushort profile, int key, int salt)
    {
        var suite = SrtpSuite.ByProfile(profile)!;
        var material = Enumerable.Range(0, 2 * (key + salt)).Select(i => (byte)i).ToArray();
        using var client = SrtpKeys.Split(suite, (byte[])material.Clone(), weAreClient: true);
        using var server = SrtpKeys.Split(suite, (byte[])material.Clone(), weAreClient: false);
        Assert.Equal([.. Enumerable.Range(0, key), .. Enumerable.Range(2 * key, salt)], client.Ours.Expose().ToArray().Select(b => (int)b));
        Assert.Equal([.. Enumerable.Range(key, key), .. Enumerable.Range(2 * key + salt, salt)], client.Peers.Expose().ToArray().Select(b => (int)b));
        Assert.True(client.Ours.IsSameAs(server.Peers));
    }

    [Fact]
    public void Profiles_without_encryption_or_with_a_short_tag_are_not_among_ours() => Assert.Equal([0x0008, 0x0007, 0x0001], DtlsLink.Profiles);

    [Theory]
    [InlineData(new[] { 0x0001 }, 0x0001)]
    [InlineData(new[] { 0x0002, 0x0001, 0x0007 }, 0x0007)]
    [InlineData(new[] { 0x0001, 0x0007, 0x0008 }, 0x0008)]
    public async Task The_servers_best_profile_that_the_client_has_is_taken(int[] offered, int chosen)
    {
        using var link = new DtlsLink(clientProfiles: offered);
        link.Begin();
        await AreKeyed(link);
        Assert.Equal((ushort)chosen, (await link.Server.Keyed).Keys.Ours.Suite.Profile!.Value);
    }

    [Fact]
    public async Task Without_a_common_profile_there_are_no_keys()
    {
        using var link = new DtlsLink(clientProfiles: [0x0002, 0x0005, 0x0006]);
        link.Begin();
        await Until(() => link.Server.Got.Count >= 2);
        await Until(() => link.Running == 1);
        Assert.False(link.Server.Keyed.IsCompleted || link.Client.Keyed.IsCompleted);
    }

    private static async Task AreKeyed(DtlsLink link)
    {
        // As a session does at each frame: a handshake that failed is begun again.
        await Until(() =>
        {
            link.Begin();
            return link.Client.Keyed.IsCompleted;
        }, link.Log);
        var client = (await link.Client.Keyed.WaitAsync(Patience)).Keys;
        var server = (await link.Server.Keyed.WaitAsync(Patience)).Keys;
        Assert.True(client.Ours.IsSameAs(server.Peers));
        Assert.True(client.Peers.IsSameAs(server.Ours));
        Assert.False(client.Ours.IsSameAs(client.Peers));
    }

    private static async Task Until(Func<bool> holds, Func<string>? log = null)
    {
        var until = DateTime.UtcNow + Patience;
        while (!holds())
        {
            if (DateTime.UtcNow >= until) Assert.Fail("it did not happen\n" + log?.Invoke());
            await Task.Delay(5);
        }
    }

    // Change of cipher, then Finished.
    private static bool IsLastFlight(byte[] datagram) => datagram[0] == 20 || datagram[4] == 1;

    internal static byte[] Record(byte type, ushort epoch, byte[] fragment, byte sequence = 0) =>
        [type, 0xFE, 0xFD, (byte)(epoch >> 8), (byte)epoch, 0, 0, 0, 0, 0, sequence, (byte)(fragment.Length >> 8), (byte)fragment.Length, .. fragment];

    internal static byte[] Message(byte type, ushort sequence, int length, int offset, int size) =>
    [
        type, (byte)(length >> 16), (byte)(length >> 8), (byte)length, (byte)(sequence >> 8), (byte)sequence, (byte)(offset >> 16), (byte)(offset >> 8), (byte)offset,
        (byte)(size >> 16), (byte)(size >> 8), (byte)size, .. new byte[size],
    ];

    internal static byte[] ClientHello(ushort sequence)
    {
        byte[] body = [0xFE, 0xFD, .. new byte[32], 0, 0, 0, 2, 0xC0, 0x2B, 1, 0, 0, 9, 0, 14, 0, 5, 0, 2, 0, 1, 0];
        byte[] handshake = [1, 0, 0, (byte)body.Length, 0, 0, 0, 0, 0, 0, 0, (byte)body.Length, .. body];
        return [22, 0xFE, 0xFF, 0, 0, 0, 0, 0, 0, (byte)(sequence >> 8), (byte)sequence, 0, (byte)handshake.Length, .. handshake];
    }
}
