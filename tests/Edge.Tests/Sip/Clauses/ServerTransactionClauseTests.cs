using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 17.2, as RFC 6026 amends it: the two server transactions, driven deadline by deadline.</summary>
public class ServerTransactionClauseTests
{
    private const long Ms = TimeSpan.TicksPerMillisecond;

    private long _now = TimeSpan.TicksPerHour;

    [Fact]
    [Clause("17.2.1", "a 100 goes out unless the user answers within 200 ms")]
    [Clause("17.2.1", "the request is passed to the user")]
    public void An_invite_and_a_re_invite_get_their_100_at_once_and_go_to_the_user()
    {
        var peer = new VirtualPeer();
        peer.Invite();
        Assert.Equal((0d, CallSignalKind.Offered), (peer.Take("100").At, Assert.Single(peer.Signals).Kind));
        var call = peer.Signals[0].Call;
        peer.Do(() => call.Answer(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.Request(call, "ACK", 1);
        peer.Request(call, "INVITE", 2, VirtualPeer.Offer);
        peer.Take("100 INVITE");
        Assert.Equal(CallSignalKind.Reoffered, peer.Signals[^1].Kind);
    }

    [Fact]
    [Clause("17.2.1", "each provisional response of the user goes out")]
    [Clause("17.2.1", "a repeat of the request gets the last provisional response again")]
    public void In_proceeding_every_provisional_goes_out_and_a_repeat_gets_the_last()
    {
        var transaction = Invite();
        Assert.Null(Repeat(transaction, "INVITE").Transmit);
        foreach (var status in (int[])[100, 180, 183])
        {
            Assert.Equal<byte>([(byte)(status - 90)], Respond(transaction, status, "INVITE").Transmit!);
            Assert.Equal<byte>([(byte)(status - 90)], Repeat(transaction, "INVITE").Transmit!);
        }
        Assert.Equal(InviteServerState.Proceeding, transaction.State);
        Assert.Empty(Run(transaction, 100_000, out _));
    }

    [Fact]
    [Clause("17.2.1", "a 2xx of the user goes out")]
    [Clause("17.2.1", "a 2xx ends the transaction; by RFC 6026 it absorbs repeats of the request for 64 T1 more")]
    public void A_2xx_goes_out_and_repeats_of_the_request_are_absorbed_for_64_T1()
    {
        var transaction = Invite();
        Assert.NotNull(Respond(transaction, 200, "INVITE").Transmit);
        Assert.Equal(TransactionOutcome.Nothing, Repeat(transaction, "INVITE"));
        Assert.Equal(TransactionReport.Deliver, Repeat(transaction, "ACK").Report);
        Assert.NotNull(Respond(transaction, 200, "INVITE").Transmit);
        Assert.Null(Respond(transaction, 500, "INVITE").Transmit);
        Assert.Empty(Run(transaction, 31_999, out _));
        Assert.False(transaction.IsTerminated);
        Run(transaction, 1, out _);
        Assert.True(transaction.IsTerminated);
    }

    [Theory]
    [InlineData(300, false)]
    [InlineData(486, false)]
    [InlineData(699, true)]
    [Clause("17.2.1", "a failure of the user goes out and leads to Completed")]
    [Clause("17.2.1", "in Completed timer H is 64 T1 over any transport")]
    [Clause("17.2.1", "timer H in Completed ends the transaction and tells the user of the failure")]
    public void A_failure_goes_out_and_without_an_ack_the_user_is_told_after_64_T1(int status, bool reliable)
    {
        var transaction = Invite(reliable);
        var first = Respond(transaction, status, "INVITE").Transmit;
        Assert.NotNull(first);
        Assert.Equal(InviteServerState.Completed, transaction.State);
        Assert.Equal(first, Repeat(transaction, "INVITE").Transmit);
        var sent = Run(transaction, 60_000, out var report);
        Assert.Equal(reliable ? [] : [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500], sent);
        Assert.Equal((TransactionReport.TimedOut, 32_000, true), (report.What, report.At, transaction.IsTerminated));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("17.2.1", "an ACK in Completed leads to Confirmed")]
    [Clause("17.2.1", "timer I ends the transaction")]
    public void An_ack_ends_the_repeating_and_timer_i_the_transaction(bool reliable)
    {
        var transaction = Invite(reliable);
        Respond(transaction, 486, "INVITE");
        Assert.Equal(TransactionOutcome.Nothing, Repeat(transaction, "ACK"));
        Assert.Equal(reliable ? InviteServerState.Terminated : InviteServerState.Confirmed, transaction.State);
        if (reliable) return;
        Assert.Equal(TransactionOutcome.Nothing, Repeat(transaction, "ACK"));
        Assert.Empty(Run(transaction, 4_999, out _));
        Assert.False(transaction.IsTerminated);
        Run(transaction, 1, out var report);
        Assert.Equal((true, TransactionReport.None), (transaction.IsTerminated, report.What));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("17.2.1", "a transaction that is over is destroyed at once")]
    [Clause("17.2.2", "a transaction that is over is destroyed at once")]
    public void A_transaction_that_is_over_is_forgotten(bool reliable)
    {
        var peer = new VirtualPeer(reliable ? SipTransport.Tcp : SipTransport.Udp);
        peer.Invite(branch: "refused");
        peer.Do(() => peer.Signals[0].Call.Reject(peer.Now, 486, null));
        peer.Request("ACK", 1, toTag: peer.Signals[0].Call.Dialog.Id.LocalTag, branch: "refused");
        peer.Request("OPTIONS", 1, callId: "options");
        Assert.Equal(reliable ? 0 : 2, peer.Agent.Transactions);
        peer.Advance(5);
        Assert.Equal(reliable ? 0 : 1, peer.Agent.Transactions);
        peer.Advance(27);
        Assert.Equal(0, peer.Agent.Transactions);
    }

    [Fact]
    [Clause("17.2.2", "a provisional response of the user leads to Proceeding")]
    [Clause("17.2.2", "it goes out")]
    [Clause("17.2.2", "further provisional responses go out in Proceeding")]
    [Clause("17.2.2", "a repeat of the request in Proceeding gets the last provisional response again")]
    public void A_request_that_takes_time_gets_its_provisional_responses_again_when_repeated()
    {
        var transaction = Other();
        Assert.Equal(TransactionOutcome.Nothing, Repeat(transaction, "BYE"));
        foreach (var status in (int[])[100, 182])
        {
            Assert.Equal<byte>([(byte)(status - 90)], Respond(transaction, status, "BYE").Transmit!);
            Assert.Equal(NonInviteServerState.Proceeding, transaction.State);
            Assert.Equal<byte>([(byte)(status - 90)], Repeat(transaction, "BYE").Transmit!);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Clause("17.2.2", "a final response in Proceeding goes out and leads to Completed")]
    [Clause("17.2.2", "in Completed timer J is 64 T1 over UDP and zero over a stream")]
    [Clause("17.2.2", "a repeat of the request in Completed gets the final response again")]
    [Clause("17.2.2", "other final responses of the user are discarded in Completed")]
    [Clause("17.2.2", "timer J ends the transaction")]
    public void A_final_response_is_given_again_to_repeats_for_64_T1(bool reliable)
    {
        var transaction = Other(reliable);
        Respond(transaction, 100, "BYE");
        var final = Respond(transaction, 200, "BYE").Transmit;
        Assert.NotNull(final);
        Assert.Equal(reliable, transaction.IsTerminated);
        if (reliable) return;
        Assert.Equal(NonInviteServerState.Completed, transaction.State);
        Assert.Equal(TransactionOutcome.Nothing, Respond(transaction, 500, "BYE"));
        Assert.Equal(final, Repeat(transaction, "BYE").Transmit);
        Assert.Empty(Run(transaction, 31_999, out _));
        Assert.Equal(final, Repeat(transaction, "BYE").Transmit);
        Run(transaction, 1, out var report);
        Assert.Equal((true, TransactionReport.None), (transaction.IsTerminated, report.What));
    }

    private InviteServerTransaction Invite(bool reliable = false) => new(TransactionKey.OfRequest(Request("INVITE")), Peer(reliable));

    private NonInviteServerTransaction Other(bool reliable = false) => new(TransactionKey.OfRequest(Request("BYE")), Peer(reliable), "BYE");

    private TransactionOutcome Respond(Transaction transaction, int status, string method) =>
        transaction.Handle(_now, TransactionInput.FromUser(SipResponses.For(Request(method), status, "t"), [(byte)(status < 200 ? status - 90 : 200)]));

    private TransactionOutcome Repeat(Transaction transaction, string method) => transaction.Handle(_now, TransactionInput.FromPeer(Request(method)));

    private List<int> Run(Transaction transaction, int ms, out (TransactionReport What, int At) report)
    {
        List<int> sent = [];
        var (start, end) = (_now, _now + ms * Ms);
        report = default;
        while (transaction.NextDeadline <= end)
        {
            _now = transaction.NextDeadline;
            var outcome = transaction.Handle(_now, TransactionInput.Timer);
            if (outcome.Transmit is not null) sent.Add((int)((_now - start) / Ms));
            if (outcome.Report != TransactionReport.None) report = (outcome.Report, (int)((_now - start) / Ms));
        }
        _now = end;
        return sent;
    }

    private static SipPeer Peer(bool reliable) => new(reliable ? SipTransport.Tcp : SipTransport.Udp, IPEndPoint.Parse("192.0.2.7:5060"), reliable ? 1 : 0, VirtualPeer.Trunk);

    private static SipRequest Request(string method) => (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(
        $"{method} sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: c\r\nCSeq: 3 {method}\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")).Message!;
}
