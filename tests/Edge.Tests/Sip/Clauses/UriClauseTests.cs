using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Locating;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Dialogs;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>RFC 3261 19: URIs and tags.</summary>
public class UriClauseTests
{
    [Theory]
    [InlineData("sip:@h")]
    [InlineData("sips:@h")]
    [InlineData("sip::secret@h")]
    [Clause("19.1.1", "before an @ stands a user")]
    public void A_uri_with_an_at_sign_and_no_user_is_refused(string uri) => Refused(uri);

    [Theory]
    [InlineData("sip:a@h;x=1;x=2")]
    [InlineData("sip:a@h;lr;transport=udp;LR")]
    [Clause("19.1.1", "a URI parameter stands once")]
    public void A_uri_with_a_parameter_twice_is_refused(string uri) => Refused(uri);

    [Fact]
    [Clause("19.1.1", "the transport of a SIPS URI is reliable")]
    public void A_sips_uri_never_leads_to_udp()
    {
        Assert.Equal(LocationStep.Nowhere, LocationPlan.Of(Exchange.Uri("sips:h;transport=udp")).Step);
        foreach (var uri in (string[])["sips:h", "sips:h;transport=tcp", "sips:192.0.2.1"]) Assert.True(LocationPlan.Of(Exchange.Uri(uri)) is { Secure: true, Transport: Edge.Sip.Transactions.SipTransport.Tls });
    }

    [Fact]
    [Clause("19.1.1", "URI parameters that are not understood are ignored")]
    public void Unknown_uri_parameters_change_nothing()
    {
        var peer = new VirtualPeer();
        peer.Request("INVITE", 1, VirtualPeer.Offer, target: "ivr@192.0.2.1;foo;bar=%20x");
        Assert.Equal(CallSignalKind.Offered, Assert.Single(peer.Signals).Kind);
        Assert.Equal(LocationPlan.Of(Exchange.Uri("sip:192.0.2.9:5070")), LocationPlan.Of(Exchange.Uri("sip:192.0.2.9:5070;foo;bar=%20x")));
    }

    [Theory]
    [InlineData("sip:a b@h")]
    [InlineData("sip:a\u0007@h")]
    [InlineData("sip:a<b@h")]
    [InlineData("sip:a\"b@h")]
    [InlineData("sip:a@h;x=a b")]
    [InlineData("sip:a@h;x={}")]
    [InlineData("sip:a@h?x=a b")]
    [InlineData("sip:a@h?x=a@b")]
    [InlineData("sip:a#b@h")]
    [InlineData("sip:é@h")]
    [Clause("19.1.2", "excluded characters and delimiters are escaped")]
    [Clause("19.1.2", "a URI holds no unescaped space or control character")]
    [Clause("19.1.2", "all other characters are escaped")]
    public void A_uri_with_a_character_that_ought_to_be_escaped_is_refused(string uri) => Refused(uri);

    [Fact]
    [Clause("19.1.2", "reserved characters in URI headers are escaped")]
    public void A_header_in_a_uri_of_ours_is_escaped_and_comes_back()
    {
        var header = new ReplacesHeader("a@b;c?d=e&f g", "local", "remote", false).ToUriHeader();
        Assert.DoesNotContain(header["Replaces=".Length..], c => ";/?:@&=+$, ".Contains(c, StringComparison.Ordinal));
        var uri = Exchange.Uri($"sip:agent@192.0.2.9?{header}");
        Assert.True(ReplacesHeader.TryParse(Uri.UnescapeDataString(uri.Headers["Replaces=".Length..]), out var read));
        Assert.Equal(("a@b", "local", "remote"), (read.CallId[..3], read.LocalTag, read.RemoteTag));
    }

    [Theory]
    [InlineData("sip:a@h%6fst", "sip:a@host")]
    [InlineData("sip:a@%68ost", "sip:a@host")]
    [Clause("19.1.2", "escapes in the host are not taken for the characters")]
    public void A_host_with_escapes_is_none(string escaped, string plain)
    {
        Refused(escaped);
        Assert.True(SipUri.TryParse(plain, out _));
    }

    [Theory]
    [InlineData("sip:a@h?x=1", "sip:a@h", false)]
    [InlineData("sip:a@h?x=1", "sip:a@h?x=2", false)]
    [InlineData("sip:a@h?x=1&y=2", "sip:a@h?y=2", false)]
    [InlineData("sip:a@h?x=1&y=2", "sip:a@h?Y=2&X=1", true)]
    [Clause("19.1.4", "a header in one URI must be in the other and match")]
    public void Uris_with_other_headers_are_others(string first, string second, bool equal) => Assert.Equal(equal, Exchange.Uri(first).Equals(Exchange.Uri(second)));

    [Theory]
    [InlineData("<tel:+4930123>")]
    [InlineData("<sips:b@192.0.2.9>")]
    [InlineData("<sip:b@192.0.2.9;method=FROB>")]
    [Clause("19.1.5", "of a URI that makes no valid request none is sent")]
    [Clause("19.1.5", "no request is sent that requires an extension that is not supported")]
    public void A_redirection_that_makes_no_call_of_ours_sends_nothing_and_what_it_wants_required_is_left_out(string contact)
    {
        var peer = new VirtualPeer();
        peer.Dial(redirections: 2);
        peer.Answer(peer.Take("INVITE").Request, 302, contact: "", extra: $"Contact: {contact}\r\n");
        Assert.Equal("ACK", peer.Names());
        peer.Dial(redirections: 2);
        peer.Answer(peer.Take("INVITE").Request, 302, contact: "", extra: $"Contact: {contact}, <sip:c@192.0.2.9?Require=foo&Route=%3Csip:evil%3E>\r\n");
        var invite = peer.Take("INVITE").Request;
        Assert.Equal("sip:c@192.0.2.9", invite.RequestUri.ToString());
        Assert.False(invite.Headers.Contains("Require") || invite.Headers.Contains("Route"));
    }

    [Fact]
    [Clause("19.3", "a tag is globally unique and cryptographically random with 32 bits or more")]
    public void Tags_have_at_least_32_bits_that_nobody_can_foretell()
    {
        const int Many = 10_000;
        var tokens = Enumerable.Range(0, Many).Select(_ => Edge.Net.TokenSource.Next()).ToList();
        Assert.Equal(Many, tokens.Distinct().Count());
        // Hexadecimal digits that vary in each place: 4 bits each.
        Assert.All(tokens, token => Assert.Matches("^[0-9a-f]{24,}$", token));
        Assert.All(Enumerable.Range(0, tokens[0].Length), place => Assert.Equal(16, tokens.Select(token => token[place]).Distinct().Count()));
        // Those of stateless answers are a keyed hash.
        var request = Exchange.Requests()[0];
        var (ours, other) = (new StatelessTags([1]).Of(request), new StatelessTags([2]).Of(request));
        Assert.Matches("^[0-9a-f]{16}$", ours);
        Assert.NotEqual(ours, other);
    }

    private static void Refused(string uri)
    {
        Assert.False(SipUri.TryParse(uri, out _), uri);
        Assert.Equal(400, new VirtualPeer().ReceiveAnything($"OPTIONS {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKu\r\nMax-Forwards: 70\r\nFrom: <sip:p@h>;tag=p\r\nTo: <sip:ivr@h>\r\nCall-ID: u\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"));
    }
}
