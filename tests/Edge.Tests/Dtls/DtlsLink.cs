using System.Globalization;
using System.Net;
using System.Text;
using System.Threading.Channels;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;

namespace IvrActors.Edge.Tests.Dtls;

/// <summary>A client and a server association of ours, and a network in memory between them that can lose, double and reorder.</summary>
internal sealed class DtlsLink : IDisposable
{
    public static readonly int[] Profiles = [.. SdpPolicy.For(true, false, SrtpPolicy.Required).DtlsSuites.Select(suite => (int)suite.Profile!)];

    public static readonly MediaAddress ClientAt = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    public static readonly MediaAddress ServerAt = MediaAddress.From(IPAddress.Parse("192.0.2.2"), 20000);
    public static readonly MediaAddress Stranger = MediaAddress.From(IPAddress.Parse("203.0.113.9"), 6000);

    private readonly DtlsHandshakes _handshakes = new(TimeProvider.System, e => throw new InvalidOperationException("internal error", e));
    private readonly Channel<(bool ToServer, byte[] Datagram, MediaAddress From)> _wire = Channel.CreateUnbounded<(bool, byte[], MediaAddress)>();
    private readonly StringBuilder _log = new();
    private readonly Func<bool, byte[], IEnumerable<byte[]>> _fate;

    /// <param name="fate">What becomes of a datagram to the server (true) or the client; null: it arrives.</param>
    /// <param name="clientSends">Largest datagram of the client.</param>
    public DtlsLink(Func<bool, byte[], IEnumerable<byte[]>>? fate = null, IReadOnlyList<SdpFingerprint>? clientExpects = null, IReadOnlyList<SdpFingerprint>? serverExpects = null,
        int[]? clientProfiles = null, int[]? serverProfiles = null, int clientSends = DtlsQueue.MostSent, bool anyAddress = false, MediaAddress? expected = null)
    {
        _fate = fate ?? ((_, datagram) => [datagram]);
        var (client, server) = (DtlsIdentity.Create(DateTimeOffset.UtcNow), DtlsIdentity.Create(DateTimeOffset.UtcNow));
        Client = new Owner(this, isServer: false);
        Server = new Owner(this, isServer: true);
        Client.Association = new DtlsAssociation(_handshakes, new DtlsTerms(client, clientExpects ?? [server.Fingerprint], WeAreClient: true, clientProfiles ?? Profiles), Client) { MostSent = clientSends };
        Server.Association = new DtlsAssociation(_handshakes, new DtlsTerms(server, serverExpects ?? [client.Fingerprint], WeAreClient: false, serverProfiles ?? Profiles), Server)
        {
            Expected = expected ?? ClientAt,
            AnyAddress = anyAddress,
        };
        _ = Task.Run(Carry);
    }

    public Owner Client { get; }

    public Owner Server { get; }

    /// <summary>What was sent and how often it arrived, to be printed by a test that fails.</summary>
    public string Log()
    {
        lock (_wire) return _log.ToString();
    }

    public int Running => _handshakes.Running;

    public void Begin() => Client.Association.Begin(ServerAt);

    /// <summary>Sends to the server as if from somewhere else; past the network's moods.</summary>
    public void Inject(byte[] datagram, MediaAddress from) => _wire.Writer.TryWrite((true, datagram, from));

    public void Dispose()
    {
        Client.Association.Dispose();
        Server.Association.Dispose();
        _wire.Writer.TryComplete();
        _handshakes.Dispose();
    }

    private async Task Carry()
    {
        await foreach (var (toServer, datagram, from) in _wire.Reader.ReadAllAsync())
        {
            (toServer ? Server : Client).Got.Enqueue(datagram);
            (toServer ? Server : Client).Association.Take(datagram, from);
        }
    }

    private void Send(bool toServer, byte[] datagram)
    {
        lock (_wire)
        {
            var arriving = _fate(toServer, datagram).ToList();
            _log.AppendLine(CultureInfo.InvariantCulture, $"{Environment.TickCount64} {(toServer ? "to server" : "to client")} type {datagram[0]} epoch {datagram[4]} message {datagram[13]}, {datagram.Length} bytes; arriving: {string.Join(' ', arriving.Select(one => $"{one[0]}/{one[4]}/{one[13]}"))}");
            foreach (var one in arriving) _wire.Writer.TryWrite((toServer, one, toServer ? ClientAt : ServerAt));
        }
    }

    internal sealed class Owner(DtlsLink link, bool isServer) : IDtlsOwner
    {
        private readonly TaskCompletionSource<(SrtpKeys Keys, MediaAddress Peer)> _keyed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public DtlsAssociation Association { get; set; } = null!;

        public System.Collections.Concurrent.ConcurrentQueue<byte[]> Got { get; } = new();

        public System.Collections.Concurrent.ConcurrentQueue<(byte[] Datagram, MediaAddress To)> Strange { get; } = new();

        public Task<(SrtpKeys Keys, MediaAddress Peer)> Keyed => _keyed.Task;

        void IDtlsOwner.Send(ReadOnlySpan<byte> datagram, MediaAddress to)
        {
            if (to == (isServer ? ClientAt : ServerAt)) link.Send(!isServer, datagram.ToArray());
            else Strange.Enqueue((datagram.ToArray(), to));
        }

        void IDtlsOwner.Keyed(DtlsAssociation association, SrtpKeys keys, MediaAddress peer) => _keyed.SetResult((keys, peer));
    }
}
