using System.Net;
using System.Net.Sockets;
using System.Text;
using IvrActors.Edge.Dtmf;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Rtp;
using IvrActors.Grains.Interfaces.Flows;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>The engine with its own thread and real sockets; the peer is a plain UDP socket.</summary>
public sealed class LoopbackTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_prompt_is_heard_and_keys_come_back_over_real_sockets(bool portable)
    {
        var prompts = AudioTests.Prompts();
        using var engine = new MediaEngine(
            MediaEngineTests.Options(32100, 32139), TimeProvider.System, prompts, portable ? () => new MediaSocketWire() : MediaWire.Create, loops: 2, ownThreads: true);
        using var peer = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        peer.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var offer = $"m=audio {((IPEndPoint)peer.LocalEndPoint!).Port} RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
        var events = new HeardEvents();
        var answer = engine.Answer(MediaEngineTests.OfferOf(offer, "127.0.0.1"), new MediaPolicy(false, SrtpPolicy.Off, false), events);
        Assert.Equal(0, answer.Status);
        var port = int.Parse(Encoding.ASCII.GetString(answer.Sdp).Split("m=audio ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        answer.Session!.Play([new PromptPart { Prompt = "and" }], 3);
        answer.Session.Start();

        using var patience = new CancellationTokenSource(Patience);
        var audio = new List<PromptAudio>();
        prompts.Resolve(new PromptPart { Prompt = "and" }, audio);
        var heard = new List<byte>();
        var buffer = new byte[2000];
        while (heard.Count < audio[0].Bytes(false).Length)
        {
            var length = await peer.ReceiveAsync(buffer, patience.Token);
            Assert.Equal(172, length);
            heard.AddRange(buffer[12..length]);
        }
        Assert.Equal(audio[0].Bytes(false), heard.Take(audio[0].Bytes(false).Length).ToArray());

        ushort sequence = 0;
        foreach (var (key, timestamp) in (ReadOnlySpan<(char, uint)>)[('1', 1000), ('2', 3000), ('*', 5000)])
        {
            var press = new DtmfPress(key, 60);
            while (press.TryNext(out var packet))
            {
                var bytes = new byte[16];
                new RtpHeader { PayloadType = 101, Sequence = sequence++, Timestamp = timestamp, Ssrc = 1, Marker = packet.Marker }.Write(bytes);
                packet.Event.Write(bytes.AsSpan(12));
                peer.SendTo(bytes, new IPEndPoint(IPAddress.Loopback, port));
            }
        }
        await Until(() => events.Keys.Count == 3 && events.Ended.Count == 1, patience.Token);
        Assert.Equal("12*", string.Concat(events.Keys));
        Assert.Equal([3], events.Ended);

        answer.Session.Dispose();
        using var reused = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        reused.Bind(new IPEndPoint(IPAddress.Loopback, port)); // The port is free at once.
    }

    [Fact]
    public async Task Sessions_may_be_opened_played_and_closed_from_many_threads()
    {
        using var engine = new MediaEngine(
            MediaEngineTests.Options(32200, 32599), TimeProvider.System, AudioTests.Prompts(), MediaWire.Create, loops: 2, ownThreads: true);
        var offer = MediaEngineTests.OfferOf("m=audio 32998 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n", "127.0.0.1");
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), async (i, _) =>
        {
            using var session = engine.Answer(offer, new MediaPolicy(false, SrtpPolicy.Off, false), new HeardEvents()).Session!;
            session.Start();
            session.Play([new PromptPart { Prompt = "welcome" }], i);
            await Task.Delay(i % 7);
            session.Stop();
        });
        Assert.Equal((200, 0), (engine.FreePorts, engine.Loops.Sum(l => l.Sessions)));
    }

    private static async Task Until(Func<bool> condition, CancellationToken patience)
    {
        while (!condition()) await Task.Delay(5, patience);
    }
}
