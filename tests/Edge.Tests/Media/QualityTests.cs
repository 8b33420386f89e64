using System.Net;
using System.Text;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Sdp;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>What a session knows of how its call sounds, from a peer that reports, in virtual time.</summary>
public sealed class QualityTests : IDisposable
{
    private const uint PeerSsrc = 9;
    private static readonly MediaPolicy Anything = new(SecureSignalling: true, SrtpPolicy.Preferred, SdesWithoutTls: false);
    private static readonly MediaAddress Peer = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    private static readonly MediaAddress PeerRtcp = Peer with { Port = 4001 };

    private readonly FakeTimeProvider _time = new();
    private readonly VirtualWire _wire = new();
    private readonly HeardEvents _events = new();
    private readonly MediaEngine _engine;
    private ushort _peerSequence = 100;

    public QualityTests()
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _wire, loops: 1, ownThreads: false);
        _engine.Loops[0].RunDue();
    }

    public void Dispose() => _engine.Dispose();

    private IMediaSession Open(string attributes = "")
    {
        var answer = _engine.Answer(MediaEngineTests.OfferOf("m=audio 4000 RTP/AVP 0\r\n" + attributes), Anything, _events);
        _sdp = Encoding.ASCII.GetString(answer.Sdp);
        answer.Session!.Start();
        return answer.Session;
    }

    private string _sdp = "";

    private int Port => _wire.Open.Keys.Single(p => p % 2 == 0);

    /// <summary>The call goes on for so long; the peer talks, unless every so many packets of it are lost.</summary>
    private void Run(int seconds, int loseEach = int.MaxValue, bool talks = true)
    {
        for (var i = 1; i <= seconds * 50; i++)
        {
            var packet = new byte[172];
            new RtpHeader { PayloadType = 0, Sequence = _peerSequence, Timestamp = 160u * _peerSequence++, Ssrc = PeerSsrc }.Write(packet);
            if (talks && i % loseEach != 0) _wire.Arrive(Port, packet, Peer);
            for (var step = 0; step < 10; step++)
            {
                _time.Advance(TimeSpan.FromMilliseconds(2));
                _engine.Loops[0].RunDue();
            }
        }
    }

    private List<byte[]> Reports => [.. _wire.Sent.Where(s => s.Port % 2 == 1).Select(s => s.Datagram)];

    private RtcpReport LastReport()
    {
        Assert.Equal(RtcpRejection.None, Rtcp.TryRead(Reports[^1], PeerSsrc, out var report));
        return report;
    }

    /// <summary>The peer reports, 1 s after it heard our last report, on a path of 80 ms there and back.</summary>
    private void PeerReports(int lost, uint jitter, ExtendedReport extended = default)
    {
        // Frames between, so that our last report is surely sent.
        var heard = LastReport();
        _time.Advance(TimeSpan.FromMilliseconds(1080) - (Now - _sentAt));
        var ours = RtpSent()[^1];
        var block = new ReportBlock(ours.Ssrc, 0, lost, ours.Sequence, jitter, heard.Sender is { } s ? Rtcp.Compact(s.NtpTime) : 0, 65536);
        var packet = new byte[Rtcp.MostBytes];
        var length = Rtcp.Write(packet, PeerSsrc, null, block, "peerpeerpeerpeer", bye: false, extended);
        _wire.Arrive(Port + 1, packet[..length], PeerRtcp);
        _engine.Loops[0].RunDue();
    }

    private List<RtpHeader> RtpSent() => [.. _wire.Sent.Where(s => s.Port % 2 == 0).Select(s =>
    {
        Assert.Equal(RtpRejection.None, RtpHeader.TryRead(s.Datagram, out var header));
        return header;
    })];

    private DateTimeOffset Now => _time.GetUtcNow();

    private DateTimeOffset _sentAt;

    /// <summary>Runs until a report left just now.</summary>
    private void RunToReport()
    {
        for (var before = Reports.Count; Reports.Count == before;)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine.Loops[0].RunDue();
        }
        _sentAt = Now;
    }

    [Fact]
    public void Both_directions_and_the_round_trip_are_known_once_the_peer_reports()
    {
        var session = Open();
        Run(5, loseEach: 10);
        Assert.Null(session.Statistics.AtPeer);
        Assert.Null(session.Statistics.RoundTrip);
        RunToReport();
        PeerReports(lost: 5, jitter: 80);

        var statistics = session.Statistics;
        Assert.Equal(80, statistics.RoundTrip!.Value.TotalMilliseconds, 0.1);
        Assert.Equal(10, statistics.AtPeer!.Value.JitterMs);
        Assert.InRange(statistics.AtPeer.Value.Loss, 0.01, 0.02);
        Assert.InRange(statistics.Loss, 0.095, 0.105);
        // A tenth lost of what we hear: that direction is the worse one.
        Assert.Equal(statistics.Heard!.Value.MosConversation, statistics.Mos);
        Assert.InRange(statistics.Mos!.Value, 3.0, 3.6);
        Assert.InRange(statistics.Said!.Value.MosConversation, 4.0, 4.3);
    }

    [Fact]
    public async Task How_a_call_sounded_is_counted_when_it_ends()
    {
        var before = await Counts();
        var session = Open();
        Run(5);
        RunToReport();
        PeerReports(lost: 0, jitter: 0);
        session.Dispose();
        // Other tests count as well.
        Assert.All((await Counts()).Zip(before), pair => Assert.True(pair.First > pair.Second));
    }

    private static async Task<List<double>> Counts()
    {
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        var lines = Encoding.UTF8.GetString(text.ToArray()).Split('\n');
        string[] names = ["ivr_call_mos_count", "ivr_rtp_loss_ratio_count{direction=\"in\"}", "ivr_rtp_loss_ratio_count{direction=\"out\"}", "ivr_rtp_jitter_seconds_count{direction=\"in\"}",
            "ivr_rtp_jitter_seconds_count{direction=\"out\"}", "ivr_rtp_round_trip_seconds_count"];
        return [.. names.Select(name => lines.Where(line => line.StartsWith(name + " ", StringComparison.Ordinal)).Select(line => double.Parse(line[(name.Length + 1)..], System.Globalization.CultureInfo.InvariantCulture)).SingleOrDefault())];
    }

    [Fact]
    public void What_was_measured_is_told_about_every_five_seconds()
    {
        Open();
        Run(30);
        Assert.InRange(_events.Measurements, 4, 12);
        Assert.Equal(Reports.Count, _events.Measurements);
    }

    [Fact]
    public void A_call_of_less_than_a_second_has_no_opinion()
    {
        var session = Open();
        Assert.Null(session.Statistics.Mos);
        Run(2);
        Assert.InRange(session.Statistics.Mos!.Value, 4.35, 4.41);
    }

    [Fact]
    public void A_report_from_elsewhere_says_nothing()
    {
        var session = Open();
        Run(5);
        RunToReport();
        var ours = RtpSent()[^1];
        var packet = new byte[Rtcp.MostBytes];
        var length = Rtcp.Write(packet, PeerSsrc, null, new ReportBlock(ours.Ssrc, 255, 100, ours.Sequence, 0, 0, 0), "peerpeerpeerpeer", bye: false);
        _wire.Arrive(Port + 1, packet[..length], MediaAddress.From(IPAddress.Parse("203.0.113.9"), 4001));
        _engine.Loops[0].RunDue();
        Assert.Null(session.Statistics.AtPeer);
    }

    [Fact]
    public void Packets_that_the_peer_threw_away_count_as_lost_and_holes_that_it_does_not_fill_are_heard()
    {
        var session = Open();
        Run(5);
        RunToReport();
        PeerReports(lost: 0, jitter: 0);
        var before = session.Statistics.Said!.Value.Listening;
        RunToReport();
        var voip = new VoipMetrics(RtpSent()[^1].Ssrc, 0, 8, 0, 0, 0, 0, 0, 0, 127, 127, 127, 16, 93, 127, 44, 44, 0x40, 0, 0, 0);
        PeerReports(lost: 0, jitter: 0, new ExtendedReport(null, null, voip));
        // 8/256 thrown away, nothing filled.
        Assert.Equal(EModel.EquipmentImpairment(8 / 256.0, 1, Concealment.None), before - session.Statistics.Said!.Value.Listening, 0.01);
    }

    [Fact]
    public void Extended_reports_are_not_sent_to_a_peer_that_did_not_ask()
    {
        Open();
        Run(10);
        Assert.DoesNotContain("rtcp-xr", _sdp, StringComparison.Ordinal);
        Assert.NotEmpty(Reports);
        Assert.True(LastReport().Extended.IsEmpty);
    }

    [Fact]
    public void A_peer_that_asks_gets_the_metrics_of_its_stream()
    {
        var session = Open("a=rtcp-xr:pkt-loss-rle voip-metrics stat-summary=loss\r\n");
        Assert.Contains("a=rtcp-xr:voip-metrics\r\n", _sdp, StringComparison.Ordinal);
        Run(20, loseEach: 20);
        RunToReport();
        var voip = LastReport().Extended.Voip!.Value;
        Assert.Equal((PeerSsrc, 12, 0, 12), (voip.Ssrc, voip.LossRate, voip.BurstDensity, voip.GapDensity));
        Assert.Equal((byte)Math.Round(session.Statistics.Heard!.Value.Conversation), voip.Rating);
        Assert.InRange(voip.MosConversation, 35, 42);
        Assert.Null(LastReport().Extended.ReferenceTime);
    }

    [Fact]
    public void A_side_that_sends_no_media_gets_a_round_trip_by_reference_times()
    {
        var session = Open("a=rtcp-xr:rcvr-rtt=all:10000\r\na=sendonly\r\n");
        Assert.Contains("a=rtcp-xr:rcvr-rtt=all\r\n", _sdp, StringComparison.Ordinal);
        Run(5);
        RunToReport();
        var ours = LastReport();
        Assert.Null(ours.Sender);
        _time.Advance(TimeSpan.FromMilliseconds(40 + 500 + 20));
        var packet = new byte[Rtcp.MostBytes];
        var answer = new ReferenceTimeAnswer(ours.SenderSsrc, Rtcp.Compact(ours.Extended.ReferenceTime!.Value), 32768);
        var length = Rtcp.Write(packet, PeerSsrc, null, null, "peerpeerpeerpeer", bye: false, new ExtendedReport(null, answer, null));
        _wire.Arrive(Port + 1, packet[..length], PeerRtcp);
        _engine.Loops[0].RunDue();
        Assert.Equal(60, session.Statistics.RoundTrip!.Value.TotalMilliseconds, 0.1);
    }

    [Fact]
    public void A_reference_time_is_answered_with_how_long_it_was_held()
    {
        Open("a=rtcp-xr:rcvr-rtt=sender\r\n");
        Run(1);
        var packet = new byte[Rtcp.MostBytes];
        var length = Rtcp.Write(packet, PeerSsrc, null, null, "peerpeerpeerpeer", bye: false, new ExtendedReport(0x1122334455667788, null, null));
        _wire.Arrive(Port + 1, packet[..length], PeerRtcp);
        _engine.Loops[0].RunDue();
        var came = Now;
        RunToReport();
        var answer = LastReport().Extended.Answer!.Value;
        Assert.Equal((PeerSsrc, 0x33445566u), (answer.Ssrc, answer.LastReceiverReport));
        Assert.Equal((Now - came).TotalSeconds, answer.Delay / 65536.0, 0.001);
    }

    [Fact]
    public void What_is_asked_for_the_session_holds_for_its_media_unless_they_ask_otherwise()
    {
        Assert.Equal(SdpExtendedReports.VoipMetrics, Asked("a=rtcp-xr:voip-metrics\r\nm=audio 4000 RTP/AVP 0\r\n"));
        Assert.Equal(SdpExtendedReports.None, Asked("a=rtcp-xr:voip-metrics\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp-xr:\r\n"));
        Assert.Equal(SdpExtendedReports.RoundTrip | SdpExtendedReports.VoipMetrics, Asked("m=audio 4000 RTP/AVP 0\r\na=rtcp-xr:voip-metrics  rcvr-rtt=all\r\n"));
    }

    private static SdpExtendedReports Asked(string lines)
    {
        Assert.Equal(SdpRejection.None, SdpParser.TryParse(MediaEngineTests.OfferOf(lines), out var offer));
        Assert.Equal(SdpRefusal.None, SdpNegotiator.Negotiate(offer, SdpPolicy.For(true, false, SrtpPolicy.Preferred), System.Net.Sockets.AddressFamily.InterNetwork, out var agreed));
        return agreed!.ExtendedReports;
    }
}
