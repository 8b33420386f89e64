using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 17.1, as RFC 6026 amends it: the two client transactions, driven deadline by deadline.</summary>
public class ClientTransactionClauseTests
{
    private const long Ms = TimeSpan.TicksPerMillisecond;

    private static readonly byte[] s_request = [1, 2, 3];

    private long _now = TimeSpan.TicksPerHour;

    [Fact]
    [Clause("17.1.1.2", "a new INVITE client transaction begins in Calling")]
    [Clause("17.1.1.2", "its request goes to the transport")]
    public void An_invite_transaction_begins_by_sending_its_request()
    {
        var (transaction, outcome) = Begun("INVITE");
        Assert.Equal(s_request, outcome.Transmit);
        Assert.Equal(InviteClientState.Calling, ((InviteClientTransaction)transaction).State);
    }

    [Fact]
    [Clause("17.1.1.2", "over UDP timer A starts with T1")]
    [Clause("17.1.1.2", "timer B starts with 64 T1 over any transport")]
    [Clause("17.1.1.2", "when timer A fires the request is sent again and the timer set to 2 T1")]
    [Clause("17.1.1.2", "when it fires 2 T1 later the request is sent again")]
    [Clause("17.1.1.2", "the pauses double as long as the transaction is in Calling")]
    [Clause("17.1.1.2", "the pauses double whatever T1 is")]
    [Clause("17.1.1.2", "a time-out makes no ACK")]
    public void An_invite_is_repeated_by_doubling_pauses_for_64_T1_and_a_time_out_sends_nothing()
    {
        var (udp, _) = Begun("INVITE");
        var sent = Run(udp, 60_000, out var report);
        Assert.Equal([500, 1500, 3500, 7500, 15500, 31500], sent.Select(send => send.At));
        Assert.All(sent, send => Assert.Equal(s_request, send.Bytes));
        Assert.Equal((TransactionReport.TimedOut, true, 32_000), (report.What, udp.IsTerminated, report.At));
        var (tcp, _) = Begun("INVITE", reliable: true);
        Assert.Empty(Run(tcp, 60_000, out report));
        Assert.Equal((TransactionReport.TimedOut, 32_000), (report.What, report.At));
    }

    [Fact]
    [Clause("17.1.1.2", "a provisional response is passed up and ends the repeating")]
    [Clause("17.1.1.2", "further provisional responses are passed up in Proceeding")]
    public void Every_provisional_response_is_passed_up_and_the_first_ends_the_repeating()
    {
        var (transaction, _) = Begun("INVITE");
        foreach (var status in (int[])[100, 180, 180, 183])
        {
            Assert.Equal(TransactionOutcome.Deliver, Answer(transaction, status, "INVITE"));
            Assert.Equal(InviteClientState.Proceeding, ((InviteClientTransaction)transaction).State);
        }
        Assert.Empty(Run(transaction, 40_000, out _));
        Assert.False(transaction.IsTerminated);
    }

    [Theory]
    [InlineData(300, false, false)]
    [InlineData(486, false, true)]
    [InlineData(699, false, false)]
    [InlineData(486, true, true)]
    [Clause("17.1.1.2", "a response of 300 to 699 in Calling or Proceeding leads to Completed")]
    [Clause("17.1.1.2", "it is passed up and acknowledged, over a stream too")]
    [Clause("17.1.1.2", "its repeats are acknowledged again and not passed up")]
    [Clause("17.1.1.2", "timer D ends Completed")]
    public void A_failure_is_acknowledged_as_often_as_it_comes_and_passed_up_once(int status, bool reliable, bool ringing)
    {
        var (transaction, _) = Begun("INVITE", reliable);
        if (ringing) Answer(transaction, 180, "INVITE");
        var outcome = Answer(transaction, status, "INVITE");
        Assert.Equal((TransactionReport.Deliver, "ACK"), (outcome.Report, ((SipRequest)SipParser.Parse(outcome.Transmit).Message!).Method));
        if (reliable)
        {
            // Timer D is zero: over a stream nothing is repeated.
            Assert.True(transaction.IsTerminated);
            return;
        }
        Assert.Equal(InviteClientState.Completed, ((InviteClientTransaction)transaction).State);
        Assert.Equal(TransactionOutcome.Send(outcome.Transmit), Answer(transaction, status, "INVITE"));
        Assert.Equal(TransactionOutcome.Send(outcome.Transmit), Answer(transaction, status, "INVITE"));
        Assert.Empty(Run(transaction, 31_999, out _));
        Assert.False(transaction.IsTerminated);
        Run(transaction, 1, out var report);
        Assert.Equal((true, TransactionReport.None), (transaction.IsTerminated, report.What));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("17.1.1.2", "the ACK of a failure goes where the INVITE went")]
    [Clause("17.1.1.2", "a transaction that is over is destroyed at once")]
    [Clause("17.1.2.2", "a transaction that is over is destroyed at once")]
    public void The_ack_goes_where_the_invite_went_and_what_is_over_is_forgotten(bool reliable)
    {
        var peer = new VirtualPeer(reliable ? SipTransport.Tcp : SipTransport.Udp);
        peer.Dial([VirtualPeer.HopAt("192.0.2.44:5099", peer.Hop.Transport, peer.Hop.Connection)], routes: ["<sip:192.0.2.30;lr>"]);
        var invite = peer.Take("INVITE");
        peer.Answer(invite.Request, 486);
        Assert.Same(invite.To, peer.Take("ACK").To);
        var call = peer.Connected();
        peer.Do(() => call.HangUp(peer.Now));
        peer.Answer(peer.Take("BYE").Request, 200, null);
        // The refused INVITE and the BYE are over at once on a stream; the answered INVITE waits for repeats of its 200.
        Assert.Equal(reliable ? 1 : 3, peer.Agent.Transactions);
        peer.Advance(4.999);
        Assert.Equal(reliable ? 1 : 3, peer.Agent.Transactions);
        peer.Advance(0.001);
        Assert.Equal(reliable ? 1 : 2, peer.Agent.Transactions);
        peer.Advance(27);
        Assert.Equal(0, peer.Agent.Transactions);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("17.1.1.2", "a 2xx is passed up and ends the transaction; by RFC 6026 repeats of it are passed up for 64 T1 more")]
    public void A_2xx_is_passed_up_each_time_and_nothing_else_is(bool ringing)
    {
        var (transaction, _) = Begun("INVITE");
        if (ringing) Answer(transaction, 180, "INVITE");
        for (var i = 0; i < 3; i++) Assert.Equal(TransactionOutcome.Deliver, Answer(transaction, 200, "INVITE"));
        Assert.Equal(TransactionOutcome.Nothing, Answer(transaction, 486, "INVITE"));
        Assert.Equal(TransactionOutcome.Nothing, Answer(transaction, 180, "INVITE"));
        Assert.Empty(Run(transaction, 31_999, out _));
        Assert.False(transaction.IsTerminated);
        Run(transaction, 1, out _);
        Assert.True(transaction.IsTerminated);
    }

    [Fact]
    [Clause("17.1.1.3", "Call-ID, From and Request-URI of the ACK are those of the INVITE")]
    [Clause("17.1.1.3", "To of the ACK is that of the response")]
    [Clause("17.1.1.3", "the only Via of the ACK is the top one of the INVITE")]
    [Clause("17.1.1.3", "CSeq of the ACK has the number of the INVITE and the method ACK")]
    [Clause("17.1.1.3", "the Route headers of the INVITE stand in the ACK")]
    public void The_ack_of_a_failure_is_made_of_the_invite_and_the_to_of_its_response()
    {
        var peer = new VirtualPeer();
        peer.Dial(routes: ["<sip:192.0.2.30;lr;x=1>", "<sip:192.0.2.31;lr>"], headers: [new("P-Asserted-Identity", "<sip:a@h>")]);
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 486, "far");
        var ack = peer.Take("ACK").Request;
        Assert.Equal(invite.RequestUri, ack.RequestUri);
        foreach (var name in (string[])["Call-ID", "From", "Via", "Route"]) Assert.Equal(invite.Headers.All(name), ack.Headers.All(name));
        Assert.Equal("<sip:+4930123@example.com>;tag=far", ack.To.ToString());
        Assert.Equal((invite.CSeq.Number, "ACK"), (ack.CSeq.Number, ack.CSeq.Method));
        Assert.Single(ack.Vias);
    }

    [Fact]
    [Clause("17.1.2.2", "the request goes to the transport")]
    [Clause("17.1.2.2", "over UDP timer E fires after T1")]
    [Clause("17.1.2.2", "in Proceeding timer E sends the request again and is set to T2")]
    [Clause("17.1.2.2", "timer F in Proceeding tells the user of a time-out and ends the transaction")]
    public void A_request_is_repeated_until_64_T1_and_every_T2_once_it_is_being_worked_on()
    {
        var (silent, outcome) = Begun("BYE");
        Assert.Equal(s_request, outcome.Transmit);
        Assert.Equal([500, 1500, 3500, 7500, 11500], Run(silent, 12_000, out _).Select(send => send.At));
        var (slow, _) = Begun("BYE");
        Run(slow, 600, out _);
        Assert.Equal(TransactionOutcome.Deliver, Answer(slow, 100, "BYE"));
        // The pause that runs goes on, those after it are T2.
        var sent = Run(slow, 60_000, out var report);
        Assert.Equal([900, 4900, 8900, 12900, 16900, 20900, 24900, 28900], sent.Select(send => send.At));
        Assert.All(sent, send => Assert.Equal(s_request, send.Bytes));
        Assert.Equal((TransactionReport.TimedOut, 31_400, true), (report.What, report.At, slow.IsTerminated));
        Assert.Empty(Run(Begun("BYE", reliable: true).Transaction, 60_000, out report));
        Assert.Equal(TransactionReport.TimedOut, report.What);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("17.1.2.2", "a provisional response in Trying is passed up")]
    [Clause("17.1.2.2", "a final response in Trying is passed up and leads to Completed")]
    [Clause("17.1.2.2", "a final response in Proceeding is passed up and leads to Completed")]
    [Clause("17.1.2.2", "in Completed timer K is T4 over UDP and zero over a stream")]
    [Clause("17.1.2.2", "timer K ends the transaction")]
    public void A_final_response_is_passed_up_once_and_its_repeats_are_absorbed_for_T4(bool reliable)
    {
        foreach (var worked in (bool[])[false, true])
        {
            var (transaction, _) = Begun("BYE", reliable);
            if (worked) Assert.Equal(TransactionOutcome.Deliver, Answer(transaction, 100, "BYE"));
            Assert.Equal(TransactionOutcome.Deliver, Answer(transaction, 200, "BYE"));
            Assert.Equal(reliable, transaction.IsTerminated);
            if (reliable) continue;
            Assert.Equal(NonInviteClientState.Completed, ((NonInviteClientTransaction)transaction).State);
            Assert.Equal(TransactionOutcome.Nothing, Answer(transaction, 200, "BYE"));
            Assert.Empty(Run(transaction, 4_999, out _));
            Assert.False(transaction.IsTerminated);
            Run(transaction, 1, out var report);
            Assert.Equal((true, TransactionReport.None), (transaction.IsTerminated, report.What));
        }
    }

    private (Transaction Transaction, TransactionOutcome Outcome) Begun(string method, bool reliable = false)
    {
        var key = TransactionKey.OfClient("z9hG4bKx", method);
        var peer = new SipPeer(reliable ? SipTransport.Tcp : SipTransport.Udp, IPEndPoint.Parse("192.0.2.7:5060"), reliable ? 1 : 0, VirtualPeer.Trunk);
        Transaction transaction = method == "INVITE" ? new InviteClientTransaction(key, peer) : new NonInviteClientTransaction(key, peer, method);
        return (transaction, transaction.Handle(_now, TransactionInput.FromUser(Request(method), s_request)));
    }

    private TransactionOutcome Answer(Transaction transaction, int status, string method) => transaction.Handle(_now, TransactionInput.FromPeer(SipResponses.For(Request(method), status, "t")));

    /// <summary>Lets time pass; what was sent and reported, each with its time in ms since the call.</summary>
    private List<(int At, byte[] Bytes)> Run(Transaction transaction, int ms, out (TransactionReport What, int At) report)
    {
        List<(int, byte[])> sent = [];
        var (start, end) = (_now, _now + ms * Ms);
        report = default;
        while (transaction.NextDeadline <= end)
        {
            _now = transaction.NextDeadline;
            var outcome = transaction.Handle(_now, TransactionInput.Timer);
            if (outcome.Transmit is { } bytes) sent.Add(((int)((_now - start) / Ms), bytes));
            if (outcome.Report != TransactionReport.None) report = (outcome.Report, (int)((_now - start) / Ms));
        }
        _now = end;
        return sent;
    }

    private static SipRequest Request(string method) => (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(
        $"{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 3 {method}\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")).Message!;
}
