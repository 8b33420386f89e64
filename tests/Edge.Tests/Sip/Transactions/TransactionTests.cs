using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Transactions;

/// <summary>The four machines of RFC 3261 17, each driven deadline by deadline.</summary>
public class TransactionTests
{
    private const long Ms = TimeSpan.TicksPerMillisecond;

    private static readonly TransactionKey s_key = TransactionKey.OfClient("z9hG4bKx", "INVITE");

    private static SipPeer Peer(bool reliable) => new(reliable ? SipTransport.Tcp : SipTransport.Udp, IPEndPoint.Parse("192.0.2.7:5060"), 1, VirtualCall.Trunk);

    private static SipRequest Request(string method)
    {
        var text = $"{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nRoute: <sip:r;lr>\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 3 {method}\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
        return (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(text)).Message!;
    }

    private static TransactionInput Response(int status, string method = "INVITE") => TransactionInput.FromUser(SipResponses.For(Request(method), status, "t"), [(byte)(status / 100)]);

    private static TransactionInput FromPeer(int status, string method = "INVITE") => TransactionInput.FromPeer(SipResponses.For(Request(method), status, "t"));

    /// <summary>Fires timers up to <paramref name="end"/> and returns the times (ms) at which something was sent.</summary>
    private static List<long> Sends(Transaction transaction, long end, out TransactionReport report)
    {
        List<long> times = [];
        report = TransactionReport.None;
        while (transaction.NextDeadline <= end)
        {
            var now = transaction.NextDeadline;
            var outcome = transaction.Handle(now, TransactionInput.Timer);
            if (outcome.Transmit is not null) times.Add(now / Ms);
            if (outcome.Report != TransactionReport.None) report = outcome.Report;
        }
        return times;
    }

    [Fact]
    public void Invite_server_repeats_a_failure_by_timer_g_until_h()
    {
        var transaction = new InviteServerTransaction(s_key, Peer(false));
        transaction.Handle(1, Response(486));
        Assert.Equal([500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500], Sends(transaction, 60_000 * Ms, out var report));
        Assert.Equal((TransactionReport.TimedOut, true), (report, transaction.IsTerminated));
    }

    [Fact]
    public void Invite_server_is_quiet_after_ack_and_ends_after_timer_i()
    {
        var transaction = new InviteServerTransaction(s_key, Peer(false));
        transaction.Handle(1, Response(486));
        transaction.Handle(100 * Ms, TransactionInput.FromPeer(Request("ACK")));
        Assert.Equal(InviteServerState.Confirmed, transaction.State);
        Assert.Equal(5100 * Ms, transaction.NextDeadline);
        Assert.Null(transaction.Handle(200 * Ms, TransactionInput.FromPeer(Request("INVITE"))).Transmit);
        Assert.Empty(Sends(transaction, 60_000 * Ms, out _));
        Assert.True(transaction.IsTerminated);
    }

    [Fact]
    public void Invite_server_over_a_stream_repeats_nothing_and_ends_with_the_ack()
    {
        var transaction = new InviteServerTransaction(s_key, Peer(true));
        transaction.Handle(1, Response(486));
        Assert.Equal(32_000 * Ms + 1, transaction.NextDeadline);
        transaction.Handle(2, TransactionInput.FromPeer(Request("ACK")));
        Assert.True(transaction.IsTerminated);
    }

    [Fact]
    public void Invite_server_absorbs_repeats_after_2xx_and_hands_acks_up_until_timer_l()
    {
        var transaction = new InviteServerTransaction(s_key, Peer(false));
        transaction.Handle(1, Response(180));
        Assert.NotNull(transaction.Handle(2, TransactionInput.FromPeer(Request("INVITE"))).Transmit);
        transaction.Handle(3, Response(200));
        Assert.Equal(InviteServerState.Accepted, transaction.State);
        Assert.Equal(TransactionOutcome.Nothing, transaction.Handle(4, TransactionInput.FromPeer(Request("INVITE"))));
        Assert.Equal(TransactionReport.Deliver, transaction.Handle(5, TransactionInput.FromPeer(Request("ACK"))).Report);
        Assert.NotNull(transaction.Handle(6, Response(200)).Transmit);
        Assert.Null(transaction.Handle(7, Response(486)).Transmit);
        Assert.Equal(3 + 32_000 * Ms, transaction.NextDeadline);
        Sends(transaction, 60_000 * Ms, out _);
        Assert.True(transaction.IsTerminated);
    }

    [Fact]
    public void Non_invite_server_repeats_its_answer_for_timer_j()
    {
        var transaction = new NonInviteServerTransaction(s_key, Peer(false), "BYE");
        Assert.Null(transaction.Handle(1, TransactionInput.FromPeer(Request("BYE"))).Transmit);
        transaction.Handle(1, Response(200, "BYE"));
        Assert.NotNull(transaction.Handle(2, TransactionInput.FromPeer(Request("BYE"))).Transmit);
        Assert.Null(transaction.Handle(3, Response(500, "BYE")).Transmit);
        Assert.Equal(1 + 32_000 * Ms, transaction.NextDeadline);
        Sends(transaction, 60_000 * Ms, out _);
        Assert.True(transaction.IsTerminated);
    }

    [Fact]
    public void Non_invite_client_repeats_by_timer_e_until_f()
    {
        var transaction = new NonInviteClientTransaction(s_key, Peer(false), "BYE");
        transaction.Handle(0, TransactionInput.FromUser(Request("BYE"), [1]));
        Assert.Equal([500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500], Sends(transaction, 60_000 * Ms, out var report));
        Assert.Equal(TransactionReport.TimedOut, report);
    }

    [Fact]
    public void Non_invite_client_slows_down_after_a_provisional_answer_and_absorbs_repeats_of_the_final_one()
    {
        var transaction = new NonInviteClientTransaction(s_key, Peer(false), "BYE");
        transaction.Handle(0, TransactionInput.FromUser(Request("BYE"), [1]));
        transaction.Handle(100 * Ms, FromPeer(100, "BYE"));
        Assert.Equal([500, 4500, 8500], Sends(transaction, 9_000 * Ms, out _));
        Assert.Equal(TransactionReport.Deliver, transaction.Handle(9_000 * Ms, FromPeer(200, "BYE")).Report);
        Assert.Equal(TransactionReport.None, transaction.Handle(9_001 * Ms, FromPeer(200, "BYE")).Report);
        Assert.Equal(14_000 * Ms, transaction.NextDeadline);
    }

    [Fact]
    public void Invite_client_repeats_by_timer_a_until_b()
    {
        var transaction = new InviteClientTransaction(s_key, Peer(false));
        transaction.Handle(0, TransactionInput.FromUser(Request("INVITE"), [1]));
        Assert.Equal([500, 1500, 3500, 7500, 15500, 31500], Sends(transaction, 60_000 * Ms, out var report));
        Assert.Equal(TransactionReport.TimedOut, report);
    }

    [Fact]
    public void Invite_client_that_hears_no_more_after_a_provisional_answer_gives_up_by_timer_c()
    {
        var transaction = new InviteClientTransaction(s_key, Peer(false));
        transaction.Handle(0, TransactionInput.FromUser(Request("INVITE"), [1]));
        transaction.Handle(1, FromPeer(180));
        transaction.Handle(100_000 * Ms, FromPeer(180));
        Assert.Empty(Sends(transaction, 100_000 * Ms + SipTimes.C, out var report));
        Assert.Equal((TransactionReport.TimedOut, true), (report, transaction.IsTerminated));
    }

    [Fact]
    public void Invite_client_acknowledges_a_failure_and_each_repeat_of_it()
    {
        var transaction = new InviteClientTransaction(s_key, Peer(false));
        transaction.Handle(0, TransactionInput.FromUser(Request("INVITE"), [1]));
        transaction.Handle(1, FromPeer(180));
        Assert.Equal(1 + SipTimes.C, transaction.NextDeadline);
        var outcome = transaction.Handle(2, FromPeer(486));
        Assert.Equal(TransactionReport.Deliver, outcome.Report);
        var ack = (SipRequest)SipParser.Parse(outcome.Transmit).Message!;
        Assert.Equal(("ACK", 3u, "t", "sip:r;lr", "z9hG4bKx"), (ack.Method, ack.CSeq.Number, ack.To.Tag, ack.Routes[0].Uri.ToString(), ack.TopVia.Branch));
        Assert.Equal(outcome.Transmit, transaction.Handle(3, FromPeer(486)).Transmit);
        Assert.Equal(2 + 32_000 * Ms, transaction.NextDeadline);
    }

    [Fact]
    public void Invite_client_hands_every_2xx_up_for_timer_m()
    {
        var transaction = new InviteClientTransaction(s_key, Peer(false));
        transaction.Handle(0, TransactionInput.FromUser(Request("INVITE"), [1]));
        Assert.Equal(TransactionReport.Deliver, transaction.Handle(1, FromPeer(200)).Report);
        Assert.Equal(TransactionReport.Deliver, transaction.Handle(2, FromPeer(200)).Report);
        Assert.Equal(TransactionReport.None, transaction.Handle(3, FromPeer(486)).Report);
        Assert.Equal(1 + 32_000 * Ms, transaction.NextDeadline);
    }

    [Fact]
    public void A_failed_transport_ends_a_client_transaction()
    {
        var transaction = new NonInviteClientTransaction(s_key, Peer(true), "BYE");
        transaction.Handle(0, TransactionInput.FromUser(Request("BYE"), [1]));
        Assert.Equal(TransactionReport.TransportFailed, transaction.Handle(1, TransactionInput.TransportFailed).Report);
        Assert.True(transaction.IsTerminated);
    }

    [Fact]
    public void Branch_and_sent_by_compare_without_case_and_the_method_counts()
    {
        static TransactionKey Key(string method, string via) => TransactionKey.OfRequest((SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(
            $"{method} sip:b@h SIP/2.0\r\nVia: {via}\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 3 {method}\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")).Message!);
        var key = Key("INVITE", "SIP/2.0/UDP Host;branch=z9hG4bKabc");
        Assert.Equal(key, Key("INVITE", "SIP/2.0/UDP host;branch=Z9HG4BKABC"));
        Assert.Equal(key.GetHashCode(), Key("ACK", "SIP/2.0/UDP host;branch=Z9HG4BKABC").GetHashCode());
        Assert.Equal(key, Key("ACK", "SIP/2.0/UDP host;branch=z9hG4bKabc"));
        Assert.NotEqual(key, Key("CANCEL", "SIP/2.0/UDP host;branch=z9hG4bKabc"));
        Assert.NotEqual(key, Key("INVITE", "SIP/2.0/UDP host:5061;branch=z9hG4bKabc"));
        Assert.NotEqual(key, Key("INVITE", "SIP/2.0/UDP host;branch=z9hG4bKabd"));
    }

    [Fact]
    public void A_deadline_that_moved_later_is_not_called_early_and_one_that_moved_earlier_not_late()
    {
        var queue = new TimerQueue<Alarm>();
        var alarm = new Alarm { NextDeadline = 10 };
        queue.Schedule(alarm);
        alarm.NextDeadline = 20;
        Assert.Null(queue.TakeDue(15));
        alarm.NextDeadline = 16;
        queue.Schedule(alarm);
        Assert.Same(alarm, queue.TakeDue(16));
        Assert.Null(queue.TakeDue(16));
        alarm.NextDeadline = 30;
        queue.Schedule(alarm);
        Assert.Null(queue.TakeDue(29));
        Assert.Same(alarm, queue.TakeDue(30));
        Assert.Null(queue.TakeDue(100));
    }

    private sealed class Alarm : ITimed
    {
        public long NextDeadline { get; set; }

        public long QueuedFor { get; set; } = SipTimes.Never;
    }
}
