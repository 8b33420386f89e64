using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 8.1: requests of ours and what becomes of their responses.</summary>
public class UacClauseTests
{
    private static readonly string[] s_standardsTrack = ["100rel", "timer", "replaces", "norefersub"];

    [Theory]
    [InlineData(SipTransport.Udp)]
    [InlineData(SipTransport.Tls)]
    [Clause("8.1.1", "a request has To, From, CSeq, Call-ID, Max-Forwards and Via")]
    [Clause("8.1.1.6", "a request has Max-Forwards")]
    public void Every_request_of_ours_has_the_six_headers(SipTransport transport) => Assert.All(Exchange.Requests(transport), request =>
    {
        foreach (var name in (string[])["To", "From", "CSeq", "Call-ID", "Max-Forwards", "Via"]) Assert.Single(request.Headers.All(name));
        Assert.Equal(70, request.MaxForwards);
    });

    [Fact]
    [Clause("8.1.1.1", "a route set that is there before any dialog is used as in 12.2.1.1")]
    public void A_preloaded_route_leaves_the_target_in_the_request_line_or_takes_its_place()
    {
        var peer = new VirtualPeer();
        peer.Dial(routes: ["<sip:192.0.2.30;lr>", "<sip:192.0.2.31>"]);
        var loose = peer.Take("INVITE").Request;
        Assert.Equal("sip:+4930123@192.0.2.9", loose.RequestUri.ToString());
        Assert.Equal(["<sip:192.0.2.30;lr>", "<sip:192.0.2.31>"], loose.Headers.All("Route"));
        peer.Dial(routes: ["<sip:192.0.2.30;transport=udp>", "<sip:192.0.2.31;lr>"]);
        var strict = peer.Take("INVITE").Request;
        Assert.Equal("sip:192.0.2.30;transport=udp", strict.RequestUri.ToString());
        Assert.Equal(["<sip:192.0.2.31;lr>", "<sip:+4930123@192.0.2.9>"], strict.Headers.All("Route"));
    }

    [Theory]
    [InlineData("sip", SipTransport.Udp)]
    [InlineData("sip", SipTransport.Tls)]
    [InlineData("sips", SipTransport.Tls)]
    [Clause("8.1.1.2", "the SIP URI scheme is supported")]
    [Clause("8.1.1.2", "who speaks TLS supports the SIPS URI scheme")]
    [Clause("26.3.1", "what supports TLS supports the SIPS URI scheme")]
    public void Both_schemes_are_called_and_answered(string scheme, SipTransport transport)
    {
        var peer = new VirtualPeer(transport);
        peer.Invite(scheme: scheme);
        Assert.Equal(CallSignalKind.Offered, Assert.Single(peer.Signals).Kind);
        peer.Dial(target: scheme + ":+4930123@192.0.2.9");
        Assert.Equal(scheme, peer.Take("INVITE").Request.RequestUri.Scheme);
    }

    [Fact]
    [Clause("8.1.1.2", "outside of a dialog To has no tag")]
    [Clause("8.1.1.3", "From has a new tag that the UAC chose")]
    public void Outside_of_dialogs_to_has_no_tag_and_from_has_one_of_its_own()
    {
        var firsts = Exchange.Requests().Where(request => request.Method is "OPTIONS" or "REGISTER" or "INVITE" && request.To.Tag is null).ToList();
        Assert.Equal(["INVITE", "OPTIONS", "REGISTER"], firsts.Select(request => request.Method).Distinct().Order());
        Assert.Equal(firsts.Select(request => request.CallId).Distinct().Count(), firsts.Select(request => request.From.Tag).Distinct().Count());
        Assert.All(firsts, request => Assert.NotNull(request.From.Tag));
    }

    [Fact]
    [Clause("8.1.1.4", "the Call-ID is the same for all requests and responses of a dialog")]
    [Clause("8.1.1.4", "a request outside of dialogs gets a globally unique Call-ID")]
    public void All_of_a_dialog_has_one_call_id_and_another_dialog_has_another()
    {
        var peer = new VirtualPeer();
        var first = peer.Connected();
        peer.Do(() => first.Reinvite(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.Answer(peer.Take("INVITE").Request, 200, null, VirtualPeer.Offer);
        peer.Request(first, "OPTIONS", 1);
        peer.Do(() => first.HangUp(peer.Now));
        Assert.Equal([first.Dialog.Id.CallId], peer.All.Select(sending => sending.Message.CallId).Distinct());
        Assert.NotEqual(first.Dialog.Id.CallId, peer.Connected().Dialog.Id.CallId);
    }

    [Fact]
    [Clause("8.1.1.5", "the method of CSeq is that of the request")]
    [Clause("8.1.1.5", "the number of CSeq is a 32-bit number below 2^31")]
    [Clause("20.16", "the number of CSeq is a 32-bit number")]
    public void The_cseq_of_each_request_names_its_method_and_a_number_below_2_to_the_31()
    {
        Assert.All(Exchange.Requests(), request =>
        {
            Assert.Equal(request.Method, request.CSeq.Method);
            Assert.InRange<uint>(request.CSeq.Number, 1, int.MaxValue);
        });
        var peer = new VirtualPeer();
        peer.Request("OPTIONS", int.MaxValue);
        peer.Take("200");
        Assert.False(CSeq.TryParse("2147483648 OPTIONS", out _));
    }

    [Fact]
    [Clause("8.1.1.7", "a Via is put into each request")]
    [Clause("8.1.1.7", "its protocol is SIP and its version 2.0")]
    [Clause("8.1.1.7", "it has a branch")]
    [Clause("8.1.1.7", "the branch is unique for all requests, but for CANCEL and the ACK of a failure")]
    [Clause("8.1.1.7", "the branch begins with z9hG4bK")]
    [Clause("20.42", "the branch begins with z9hG4bK")]
    public void Each_request_has_one_via_with_a_branch_of_its_own()
    {
        var requests = Exchange.Requests();
        Assert.All(requests, request => Assert.Matches("^SIP/2\\.0/UDP 192\\.0\\.2\\.1:5060;branch=z9hG4bK[^;]+;rport$", Assert.Single(request.Headers.All("Via"))));
        foreach (var same in requests.GroupBy(request => request.TopVia.Branch).Where(group => group.Count() > 1))
        {
            var invite = same.First();
            Assert.Equal("INVITE", invite.Method);
            Assert.All(same.Skip(1), request => Assert.Contains(request.Method, (string[])["CANCEL", "ACK"]));
            Assert.All(same, request => Assert.Equal((invite.CallId, invite.CSeq.Number), (request.CallId, request.CSeq.Number)));
        }
    }

    [Fact]
    [Clause("8.1.1.8", "a request that can begin a dialog has exactly one SIP or SIPS URI in Contact")]
    [Clause("8.1.1.8", "that URI is good outside of the dialog too")]
    public void A_request_that_can_begin_a_dialog_has_one_contact_which_is_our_listener()
    {
        var contacts = Exchange.Requests().Where(request => request.Method is "INVITE" or "REFER").Select(request => Assert.Single(request.Contacts)).ToList();
        Assert.All(contacts, contact => Assert.Equal("sip:ivr@192.0.2.1:5060", contact.Uri.ToString()));
        var peer = new VirtualPeer();
        peer.Request("OPTIONS", 1, target: "ivr@192.0.2.1:5060");
        peer.Take("200");
    }

    [Theory]
    [InlineData("sips:+4930123@192.0.2.9", null, "sips")]
    [InlineData("sip:+4930123@192.0.2.9", "<sips:192.0.2.9;lr>", "sips")]
    [InlineData("sip:+4930123@192.0.2.9", "<sip:192.0.2.9;lr>", "sip")]
    [InlineData("sip:+4930123@192.0.2.9", null, "sip")]
    [Clause("8.1.1.8", "with a SIPS URI in the request line or the top Route, Contact is one too")]
    [Clause("12.1.2", "with a SIPS URI in the request line or the top Route, Contact is one too")]
    public void A_sips_uri_on_top_makes_the_contact_one_also_later_in_the_dialog(string target, string? route, string scheme)
    {
        var peer = new VirtualPeer(SipTransport.Tls);
        var call = peer.Dial(target: target, routes: route is null ? [] : [route]);
        var invite = peer.Take("INVITE").Request;
        Assert.Equal(scheme, invite.Contact!.Uri.Scheme);
        peer.Answer(invite, 200, "callee", VirtualPeer.Offer);
        Assert.Equal(scheme, peer.Take("ACK").Request.Contact!.Uri.Scheme);
        peer.Do(() => call.Refer(peer.Now, "sip:x@192.0.2.9"));
        Assert.Equal(scheme, peer.Take("REFER").Request.Contact!.Uri.Scheme);
    }

    [Fact]
    [Clause("8.1.1.9", "Supported lists only extensions of standards-track RFCs")]
    [Clause("8.1.1.9", "Require and Proxy-Require list only extensions of standards-track RFCs")]
    [Clause("20.32", "only option tags of standards-track RFCs stand in Require")]
    [Clause("20.37", "only option tags of standards-track RFCs stand in Supported")]
    public void Option_tags_of_ours_are_those_of_standards_track_rfcs()
    {
        var tags = Exchange.All().Select(sending => sending.Message.Headers)
            .SelectMany(headers => headers.All("Supported").Concat(headers.All("Require")).Concat(headers.All("Proxy-Require"))).SelectMany(value => value.Split(", ")).Distinct().ToList();
        Assert.NotEmpty(tags);
        Assert.All(tags, tag => Assert.Contains(tag, s_standardsTrack));
    }

    [Fact]
    [Clause("8.1.2", "with a SIPS URI in the request line the destination is found as for one, whatever URI leads there")]
    [Clause("8.1.2", "with a SIPS URI in the request line alternate destinations are reached by TLS")]
    public void A_sips_call_passes_over_hops_without_tls()
    {
        var peer = new VirtualPeer(SipTransport.Tls);
        SipPeer[] hops = [VirtualPeer.HopAt("192.0.2.9:5060"), VirtualPeer.HopAt("192.0.2.9:5061", SipTransport.Tls, 1), VirtualPeer.HopAt("192.0.2.10:5060", SipTransport.Tcp, 2)];
        peer.Dial(hops, target: "sips:+4930123@192.0.2.9");
        var invite = peer.Take("INVITE");
        Assert.Equal(SipTransport.Tls, invite.To.Transport);
        peer.Answer(invite.Request, 503);
        Assert.Equal((CallSignalKind.Refused, 503), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        peer.Dial([hops[0], hops[2]], target: "sips:+4930123@192.0.2.9");
        Assert.Equal(0, peer.Sent.Count(sending => sending.Message is SipRequest { Method: "INVITE" }));
        Assert.Equal(503, peer.Signals[^1].Number);
    }

    [Fact]
    [Clause("8.1.2", "behind a strict router the destination is found from the request line")]
    public void A_request_to_a_strict_router_goes_where_its_request_line_says()
    {
        var peer = new VirtualPeer();
        var call = peer.Connected("Record-Route: <sip:192.0.2.21;lr>, <sip:192.0.2.20:5080>\r\n");
        peer.Do(() => call.HangUp(peer.Now));
        var bye = peer.Take("BYE");
        Assert.Equal(("sip:192.0.2.20:5080", "192.0.2.20:5080"), (bye.Request.RequestUri.ToString(), bye.To.EndPoint.ToString()));
    }

    [Fact]
    [Clause("8.1.3.1", "a time-out is as good as a 408")]
    public void A_request_that_nobody_answers_ends_as_with_408()
    {
        var peer = new VirtualPeer();
        peer.Dial();
        peer.Advance(33);
        Assert.Equal((CallSignalKind.Refused, 408), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        peer.Sent.Clear();
        var call = peer.Connected();
        peer.Do(() => call.Reinvite(peer.Now, "v=0\r\n"u8.ToArray()));
        peer.Advance(33);
        Assert.Equal("ReofferRefused Lost", peer.Kinds());
        Assert.Equal(408, peer.Signals[0].Number);
    }

    [Fact]
    [Clause("8.1.3.1", "a broken transport is as good as a 503")]
    public void A_request_whose_transport_breaks_ends_as_with_503()
    {
        var peer = new VirtualPeer(SipTransport.Tcp);
        var call = peer.Connected();
        peer.Do(() => call.Refer(peer.Now, "sip:x@192.0.2.9"));
        peer.ConnectionLost(1);
        Assert.Equal((CallSignalKind.Referred, 503), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        peer.Dial();
        peer.ConnectionLost(1);
        Assert.Equal((CallSignalKind.Refused, 503), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }

    [Theory]
    [InlineData(299, CallSignalKind.Accepted, 0)]
    [InlineData(399, CallSignalKind.Refused, 399)]
    [InlineData(499, CallSignalKind.Refused, 499)]
    [InlineData(599, CallSignalKind.Refused, 599)]
    [InlineData(699, CallSignalKind.Refused, 699)]
    [InlineData(200, CallSignalKind.Accepted, 0)]
    [InlineData(300, CallSignalKind.Refused, 300)]
    [InlineData(400, CallSignalKind.Refused, 400)]
    [InlineData(500, CallSignalKind.Refused, 500)]
    [InlineData(600, CallSignalKind.Refused, 600)]
    [Clause("8.1.3.2", "a final response that is not known is treated as the x00 of its class, which all are")]
    public void A_final_response_counts_by_its_class(int status, CallSignalKind kind, int number)
    {
        var peer = new VirtualPeer();
        peer.Dial();
        peer.Answer(peer.Take("INVITE").Request, status, "callee", status < 300 ? VirtualPeer.Offer : "");
        Assert.Equal((kind, number), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
        peer.Take("ACK");
    }

    [Fact]
    [Clause("8.1.3.2", "a provisional response that is not known is treated as 183")]
    [Clause("8.1.3.2", "100 and 183 are processed")]
    public void A_provisional_response_is_progress_with_its_early_media_whatever_its_number()
    {
        var peer = new VirtualPeer();
        var call = peer.Dial();
        var invite = peer.Take("INVITE").Request;
        peer.Answer(invite, 100, null);
        Assert.Empty(peer.Signals);
        peer.Answer(invite, 183, "a", VirtualPeer.Offer);
        peer.Answer(invite, 155, "b", VirtualPeer.Offer);
        Assert.Equal("Progress Progress", peer.Kinds());
        Assert.All(peer.Signals, signal => Assert.Equal(VirtualPeer.Offer, Encoding.ASCII.GetString(signal.Body.Span)));
        peer.Do(() => call.Cancel(peer.Now));
        peer.Take("CANCEL");
    }

    [Fact]
    [Clause("8.1.3.4", "a URI of a redirection is tried once")]
    public void A_redirection_to_where_we_were_is_not_followed_again()
    {
        var peer = new VirtualPeer();
        peer.Dial(redirections: 10);
        peer.Answer(peer.Take("INVITE").Request, 302, contact: "", extra: "Contact: <sip:b@192.0.2.9>\r\n");
        peer.Take("ACK");
        peer.Answer(peer.Take("INVITE").Request, 302, contact: "", extra: "Contact: <sip:+4930123@192.0.2.9>, <sip:b@192.0.2.9;x=y>, <sip:c@192.0.2.9>\r\n");
        peer.Take("ACK");
        var third = peer.Take("INVITE").Request;
        Assert.Equal("sip:c@192.0.2.9", third.RequestUri.ToString());
        peer.Answer(third, 302, contact: "", extra: "Contact: <sip:B@192.0.2.9>;q=0.1, <sip:c@192.0.2.9>\r\n");
        peer.Take("ACK");
        var fourth = peer.Take("INVITE").Request;
        Assert.Equal("sip:B@192.0.2.9", fourth.RequestUri.ToString());
        peer.Answer(fourth, 302, contact: "", extra: "Contact: <sip:c@192.0.2.9>\r\n");
        Assert.Equal((CallSignalKind.Refused, 302), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }

    [Fact]
    [Clause("8.1.3.4", "the new request line has the whole URI but its method and headers")]
    [Clause("8.1.3.4", "the new request has a new branch")]
    [Clause("19.1.5", "transport, maddr, ttl and user parameters go into the request line")]
    [Clause("19.1.5", "the method parameter does not go into the request line")]
    [Clause("19.1.5", "parameters that are not known go into the request line")]
    public void A_redirection_goes_to_the_whole_address_by_a_new_transaction()
    {
        var peer = new VirtualPeer();
        peer.Dial(redirections: 1);
        var first = peer.Take("INVITE").Request;
        peer.Answer(first, 302, contact: "", extra: "Contact: <sip:b@192.0.2.9:5070;transport=udp;maddr=192.0.2.8;ttl=1;user=phone;method=INVITE;odd=1?Subject=x>\r\n");
        var second = peer.Take("INVITE").Request;
        Assert.Equal("sip:b@192.0.2.9:5070;transport=udp;maddr=192.0.2.8;ttl=1;user=phone;odd=1", second.RequestUri.ToString());
        Assert.NotEqual(first.TopVia.Branch, second.TopVia.Branch);
        Assert.False(second.Headers.Contains("Subject"));
    }

    [Theory]
    [InlineData("sip:b@192.0.2.9;method=BYE")]
    [InlineData("tel:+4930123")]
    [InlineData("sips:b@192.0.2.9")]
    [Clause("19.1.5", "a method parameter is the method of the request")]
    public void A_redirection_that_asks_for_another_request_than_a_call_there_is_not_followed(string contact)
    {
        var peer = new VirtualPeer();
        peer.Dial(redirections: 1);
        peer.Answer(peer.Take("INVITE").Request, 302, contact: "", extra: $"Contact: <{contact}>\r\n");
        Assert.Equal(1, peer.Count("INVITE"));
        Assert.Equal((CallSignalKind.Refused, 302), (peer.Signals[^1].Kind, peer.Signals[^1].Number));
    }
}
