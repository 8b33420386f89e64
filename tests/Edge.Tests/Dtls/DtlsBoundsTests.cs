using System.Net;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Rtp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Dtls;

/// <summary>What clients that never end their handshakes, or begin one after another, can take from the others.</summary>
public sealed class DtlsBoundsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly FakeTimeProvider _time = new();
    private readonly DtlsHandshakes _handshakes;
    private readonly Listener _owner = new();
    private readonly DtlsAssociation _server;

    public DtlsBoundsTests()
    {
        _handshakes = new DtlsHandshakes(_time, e => throw new InvalidOperationException("internal error", e));
        var identity = DtlsIdentity.Create(DateTimeOffset.UtcNow);
        _server = new DtlsAssociation(_handshakes, new DtlsTerms(identity, [identity.Fingerprint], WeAreClient: false, DtlsLink.Profiles), _owner) { Expected = DtlsLink.ClientAt };
    }

    public void Dispose()
    {
        _server.Dispose();
        _handshakes.Dispose();
    }

    private static MediaAddress Host(int number, int port = 5000) => MediaAddress.From(IPAddress.Parse($"198.51.100.{number}"), port);

    /// <summary>A ClientHello that our server answers with its flight.</summary>
    internal static byte[] Hello(byte random, byte[] cookie)
    {
        byte[] body =
        [
            0xFE, 0xFD, .. Enumerable.Repeat(random, 32), 0, (byte)cookie.Length, .. cookie, 0, 4, 0xC0, 0x2B, 0xC0, 0x2F, 1, 0, 0, 0x34,
            0, 10, 0, 6, 0, 4, 0, 0x1D, 0, 0x17, 0, 11, 0, 2, 1, 0, 0, 13, 0, 10, 0, 8, 4, 3, 8, 4, 8, 5, 4, 1, 0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 1, 0, 0, 23, 0, 0, 0xFF, 1, 0, 1, 0,
        ];
        var message = DtlsTests.Message(1, (ushort)(cookie.Length > 0 ? 1 : 0), body.Length, 0, body.Length);
        body.CopyTo(message, 12);
        return DtlsTests.Record(22, 0, message, (byte)(cookie.Length > 0 ? 1 : 0));
    }

    private byte[] CookieFor(byte random, MediaAddress from)
    {
        _owner.Sent.Clear();
        _server.Take(Hello(random, []), from);
        byte[]? asked = null;
        Until(() => (asked = _owner.Sent.FirstOrDefault(sent => sent.To == from && sent.Datagram[13] == 3).Datagram) is not null);
        return asked![^32..];
    }

    /// <summary>Sends a hello with its cookie, and waits until it was looked at.</summary>
    private void Begin(byte random, MediaAddress from)
    {
        _server.Take(Hello(random, CookieFor(random, from)), from);
        CookieFor(random, from); // The door is one thread: what was sent before this was taken before.
    }

    private static void Until(Func<bool> holds) => Assert.True(SpinWait.SpinUntil(holds, Patience));

    [Fact]
    public void A_client_that_says_nothing_more_gives_its_place_back_after_a_few_seconds()
    {
        Begin(1, Host(1));
        Assert.Equal(1, _handshakes.Running);
        _time.Advance(DtlsQueue.MostSilence - TimeSpan.FromMilliseconds(10));
        Assert.False(SpinWait.SpinUntil(() => _handshakes.Running == 0, TimeSpan.FromMilliseconds(600)));
        _time.Advance(TimeSpan.FromMilliseconds(20));
        Until(() => _handshakes.Running == 0);
    }

    [Fact]
    public void One_host_holds_a_quarter_of_the_places_and_all_hosts_no_more_than_there_are()
    {
        var ofOne = Enumerable.Range(1, DtlsHandshakes.MostAtOnce).Count(port => _handshakes.TryReserve(Host(1, port)));
        Assert.Equal(DtlsHandshakes.MostAtOnce / 4, ofOne);
        // Of IPv6 a host has a /64.
        var network = MediaAddress.From(IPAddress.Parse("2001:db8::1"), 5000);
        Assert.Equal(DtlsHandshakes.MostAtOnce / 4, Enumerable.Range(1, DtlsHandshakes.MostAtOnce).Count(low => _handshakes.TryReserve(network with { Low = (ulong)low })));
        var ofOthers = Enumerable.Range(2, 200).Sum(host => Enumerable.Range(1, 10).Count(_ => _handshakes.TryReserve(Host(host % 250))));
        Assert.Equal(DtlsHandshakes.MostAtOnce / 2, ofOthers);

        // What ends leaves its place.
        using var ended = new ManualResetEventSlim();
        _handshakes.Run(Host(1), ended.Set, () => Assert.Fail("no thread"));
        Assert.True(ended.Wait(Patience));
        Until(() => _handshakes.Running == DtlsHandshakes.MostAtOnce - 1);
        Assert.True(_handshakes.TryReserve(Host(1)));
    }

    [Fact]
    public async Task Who_waits_for_its_peer_computes_nothing_and_leaves_its_turn()
    {
        var turns = new DtlsTurns(1);
        var queue = new DtlsQueue(_ => { }, _time, turns);
        turns.Take();
        var received = Task.Run(() => queue.Receive(new byte[10], 60_000));
        await Task.Run(turns.Take).WaitAsync(Patience); // Only when it was left.
        queue.Put([1]);
        Assert.False(await Task.WhenAny(received, Task.Delay(100)) == received);
        turns.Give();
        Assert.Equal(1, await received.WaitAsync(Patience));
    }

    [Fact]
    public void A_client_that_alternates_between_two_hellos_begins_no_more_than_a_few_handshakes()
    {
        // Each that begins is heard before the next one ends it, which may be before it has said anything.
        void BeginHeard(int i, int heard)
        {
            Begin((byte)(1 + i % 2), DtlsLink.ClientAt);
            Until(() => _owner.ServerRandoms.Count == heard);
        }

        for (var i = 0; i < DtlsStarts.Limit.Burst; i++) BeginHeard(i, i + 1);
        for (var i = DtlsStarts.Limit.Burst; i < 10; i++) Begin((byte)(1 + i % 2), DtlsLink.ClientAt);
        _time.Advance(TimeSpan.FromSeconds(1));
        BeginHeard(DtlsStarts.Limit.Burst, DtlsStarts.Limit.Burst + 1); // The same hello again would begin nothing.
        for (var i = 0; i < 4; i++) Begin((byte)(1 + i % 2), DtlsLink.ClientAt);
        Until(() => _handshakes.Running == 1);
        Assert.Equal(DtlsStarts.Limit.Burst + 1, _owner.ServerRandoms.Count);
    }

    [Fact]
    public void Starts_of_one_source_take_nothing_from_those_of_others()
    {
        var starts = new DtlsStarts();
        for (var port = 1; port < 100; port++) starts.TryTake(0, Host(1, port), isExpected: false);
        Assert.False(starts.TryTake(0, Host(1), isExpected: false));
        Assert.True(starts.TryTake(0, Host(2), isExpected: false));
        for (var host = 3; host < 250; host++) starts.TryTake(0, Host(host), isExpected: false);
        Assert.True(starts.TryTake(0, Host(1), isExpected: true));
        Assert.False(starts.TryTake(0, Host(250), isExpected: false)); // As many as are counted at once have begun some.
        Assert.True(starts.TryTake(TimeSpan.FromSeconds(1).Ticks, Host(250), isExpected: false));
    }

    [Fact]
    public void No_handshake_is_ended_for_one_that_finds_no_place()
    {
        Begin(1, DtlsLink.ClientAt);
        while (_handshakes.TryReserve(DtlsLink.ClientAt))
        {
        }
        Begin(2, DtlsLink.ClientAt);
        Assert.False(SpinWait.SpinUntil(() => _handshakes.Running < DtlsHandshakes.MostOfSource, TimeSpan.FromMilliseconds(300)));
    }

    [Fact]
    public async Task Strangers_who_were_faster_do_not_keep_a_peer_out_whose_address_is_not_known()
    {
        // Its NAT gives it another address than it said.
        using var link = new DtlsLink(expected: Host(99));
        for (byte host = 1; host <= 5; host++)
        {
            var from = Host(host);
            link.Inject(Hello(host, []), from);
            (byte[] Datagram, MediaAddress To) asked = default;
            Until(() => (asked = link.Server.Strange.FirstOrDefault(sent => sent.To == from)).Datagram is not null);
            link.Inject(Hello(host, asked.Datagram![^32..]), from);
            Until(() => link.Server.Strange.Count(sent => sent.To == from) > 1);
        }
        Until(() => link.Running == DtlsAssociation.MostAttempts);
        link.Begin();
        var (_, peer) = await link.Server.Keyed.WaitAsync(Patience);
        Assert.Equal(DtlsLink.ClientAt, peer);
        // The first with the right certificate: the others are over.
        await link.Client.Keyed.WaitAsync(Patience);
        Until(() => link.Running == 0);
    }

    [Fact]
    public void A_host_that_tries_from_many_ports_ends_only_its_own_attempts()
    {
        Begin(1, Host(1));
        Begin(2, Host(2));
        for (var port = 6000; port < 6020; port++) Begin(3, Host(3, port));
        Until(() => _handshakes.Running == 3);
        Begin(4, DtlsLink.ClientAt);
        Until(() => _owner.ServerHellos.Any(to => to == DtlsLink.ClientAt));
        Until(() => _handshakes.Running == 3);
    }

    [Fact]
    public void Who_asks_for_a_handshake_of_ours_starts_no_thread_and_waits_for_none()
    {
        using var client = new DtlsAssociation(_handshakes, _server.Terms with { WeAreClient = true }, new Listener());
        using var closed = new ManualResetEventSlim();
        _owner.Hold = closed;
        _server.Take(Hello(1, []), Host(1)); // Its answer holds up the thread that starts the others.
        client.Begin(Host(2));
        client.Begin(Host(2));
        Assert.Equal(0, _handshakes.Running);
        closed.Set();
        Until(() => _handshakes.Running == 1);
    }

    private sealed class Listener : IDtlsOwner
    {
        public ManualResetEventSlim? Hold { get; set; }


        public System.Collections.Concurrent.ConcurrentQueue<(byte[] Datagram, MediaAddress To)> Sent { get; } = new();

        public System.Collections.Concurrent.ConcurrentDictionary<string, bool> ServerRandoms { get; } = new();

        public System.Collections.Concurrent.ConcurrentQueue<MediaAddress> ServerHellos { get; } = new();

        void IDtlsOwner.Send(ReadOnlySpan<byte> datagram, MediaAddress to)
        {
            Hold?.Wait(Patience);
            Sent.Enqueue((datagram.ToArray(), to));
            if (datagram[0] != 22 || datagram[13] != 2) return;
            ServerRandoms[Convert.ToHexString(datagram.Slice(27, 32))] = true;
            ServerHellos.Enqueue(to);
        }

        void IDtlsOwner.Keyed(DtlsAssociation association, SrtpKeys keys, MediaAddress peer) => keys.Dispose();
    }
}
