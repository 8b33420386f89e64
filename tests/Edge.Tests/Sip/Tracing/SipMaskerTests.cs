using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Tracing;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Tracing;

/// <summary>What a trace shows of a message, and what it never does.</summary>
public class SipMaskerTests
{
    private static readonly SipMasker s_masker = new();

    private static MaskedSip Mask(byte[] bytes)
    {
        lock (s_masker) return s_masker.Mask(bytes);
    }

    private static string Text(byte[] bytes)
    {
        var masked = Mask(bytes);
        Assert.True(masked.Bytes.Length > 0, $"not shown: {masked.Rejection}");
        return Encoding.ASCII.GetString(masked.Bytes);
    }

    private static string Text(string message) => Text(Encoding.Latin1.GetBytes(message.ReplaceLineEndings("\r\n")));

    /// <summary>A header as it is shown; null when no header of this name is.</summary>
    private static string? Shown(string header, string? name = null)
    {
        var before = header.Split(':')[0];
        return Text(Samples.Request("INVITE", header + "\r\n")).Split("\r\n").FirstOrDefault(line => line.StartsWith((name ?? before) + ":", StringComparison.OrdinalIgnoreCase));
    }

    private static string Body(string type, string body) => Text(Samples.Request("INVITE", $"Content-Type: {type}\r\n", body)).Split("\r\n\r\n", 2)[1];

    [Fact]
    public void A_whole_call_set_up_keeps_its_structure_and_loses_who_called()
    {
        const string invite = """
            INVITE sip:+493012345678@ivr.example:5061;transport=tls;pin=482177 SIP/2.0
            v: SIP/2.0/TLS 192.0.2.7:5061;branch=z9hG4bK-77;rport;cookie=482177
            Max-Forwards: 70
            f: "Ann Bell" <sip:+12125550123:secret@carrier.example;user=phone>;tag=f-1
            t: <sip:+493012345678@ivr.example>
            i: 7-12125550123@192.0.2.7
            CSeq: 1 INVITE
            m: <sip:12125550123@192.0.2.7:5061;transport=tls>;+sip.instance="<urn:uuid:482177>"
            P-Asserted-Identity: "Ann" <sip:+12125550123@carrier.example>, <tel:+1-212-555-0123;phone-context=example.com>
            Diversion: <sip:bob@carrier.example>;reason="user-busy";counter=1
            Authorization: Digest username="ann", realm="carrier.example", nonce="bm9uY2U", uri="sip:+493012345678@ivr.example", response="0123456789abcdef", cnonce="c1", qop=auth, nc=00000001, algorithm=SHA-256
            Identity: eyJhbGciOiJFUzI1NiJ9.eyJvcmlnIjp7InRuIjoiMTIxMjU1NTAxMjMifX0.c2ln;info=<https://cert.example/1.pem>;alg=ES256;ppt=shaken
            Allow: INVITE, ACK, BYE
            Supported: 100rel, timer
            Session-Expires: 1800;refresher=uac
            User-Agent: Deskphone-T46/66.85.0.5 (001565abcdef)
            X-Account: 40817002
            Cookie: session=40817002
            c: application/sdp
            l: 254

            v=0
            o=ann 1700000001 2 IN IP4 192.0.2.7
            s=Call of 12125550123
            c=IN IP4 192.0.2.7
            t=0 0
            m=audio 20000 RTP/SAVP 0 101
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz
            a=ice-pwd:asd88fgpdd777uzjYhagZg
            a=sendrecv

            """;
        var text = invite.ReplaceLineEndings("\r\n");
        text = text.Replace("l: 254", $"l: {text.Length - text.IndexOf("\r\n\r\n", StringComparison.Ordinal) - 4}", StringComparison.Ordinal);

        Assert.Equal("""
            INVITE sip:+xxxxxxxxxx78@ivr.example:5061;transport=tls;x-masked SIP/2.0
            Via: SIP/2.0/TLS 192.0.2.7:5061;branch=z9hG4bK-77;rport;x-masked
            Max-Forwards: 70
            From: "xxxx" <sip:+xxxxxxxxx23:xxxx@carrier.example;user=phone>;tag=f-1
            To: <sip:+xxxxxxxxxx78@ivr.example>
            Call-ID: 7-xxxxxxxxxxx@192.0.2.7
            CSeq: 1 INVITE
            Contact: <sip:xxxxxxxxx23@192.0.2.7:5061;transport=tls>;x-masked
            P-Asserted-Identity: "xxxx" <sip:+xxxxxxxxx23@carrier.example>, <tel:+x-xxx-xxx-xx23;xxxx>
            Diversion: <sip:xxxx@carrier.example>;reason=user-busy;counter=1
            Authorization: Digest realm="carrier.example", username="xxxx", nonce="xxxx", response="xxxx", cnonce="xxxx", uri="sip:+xxxxxxxxxx78@ivr.example", algorithm=SHA-256, qop="auth", nc=00000001
            Identity: xxxx
            Allow: INVITE, ACK, BYE
            Supported: 100rel, timer
            Session-Expires: 1800;refresher=uac
            User-Agent: Deskphone-T46/66.85.0.5 xxxx
            X-Masked: xxxx
            X-Masked: xxxx
            Content-Type: application/sdp
            Content-Length: 220

            v=0
            o=xxxx 1700000001 2 IN IP4 192.0.2.7
            s=xxxx
            c=IN IP4 192.0.2.7
            t=0 0
            m=audio 20000 RTP/SAVP 0 101
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            a=ice-pwd:xxxx
            a=sendrecv

            """.ReplaceLineEndings("\r\n"), Text(text));
    }

    [Theory]
    [InlineData("sip:+493012345678@h", "sip:+xxxxxxxxxx78@h")]
    [InlineData("sip:%2B493012345678@h", "sip:+xxxxxxxxxx78@h")]
    [InlineData("sip:1234567@h", "sip:xxxxx67@h")]
    [InlineData("sip:123456@h", "sip:xxxxxx@h")]
    [InlineData("sip:110@h", "sip:xxx@h")]
    [InlineData("sip:ann.bell@h", "sip:xxxx@h")]
    [InlineData("sip:Anonymous@anonymous.invalid", "sip:anonymous@anonymous.invalid")]
    [InlineData("sip:18005550123,,482177@h", "sip:xxxx@h")]
    [InlineData("sip:18005550123;postd=482177@h", "sip:xxxxxxxxx23;xxxx@h")]
    [InlineData("sip:*98@h", "sip:xxxx@h")]
    [InlineData("sip:h", "sip:h")]
    [InlineData("sip:[2001:db8::1]:5060", "sip:[2001:db8::1]:5060")]
    [InlineData("sip:493012345678.numbers.example", "sip:xxxxxxxxxxxx.numbers.example")]
    [InlineData("sips:a@h;transport=tcp;lr", "sips:xxxx@h;transport=tcp;lr")]
    [InlineData("sip:a@h;maddr=192.0.2.1;ttl=15;phone-context=+49301234567", "sip:xxxx@h;maddr=192.0.2.1;ttl=15;x-masked")]
    [InlineData("tel:+49-30-12345678", "tel:+xx-xx-xxxxxx78")]
    [InlineData("tel:7042;phone-context=example.com", "tel:xxxx;xxxx")]
    [InlineData("urn:service:sos.police", "urn:service:sos.police")]
    [InlineData("urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "urn:xxxx")]
    [InlineData("https://ann.example/493012345678", "https:xxxx")]
    [InlineData("pin482177:x", "x-masked:xxxx")]
    public void Of_a_URI_the_way_is_shown_and_not_the_person(string uri, string shown) =>
        Assert.Equal($"INVITE {shown} SIP/2.0", Text(Samples.InviteWith("INVITE sip:bank@127.0.0.1 ", $"INVITE {uri} ")).Split("\r\n")[0]);

    [Theory]
    [InlineData("Refer-To: <sip:+493012345678@h?Replaces=12-ab%40h%3Bto-tag%3D7%3Bfrom-tag%3D8>", "Refer-To: <sip:+xxxxxxxxxx78@h?Replaces=12-ab%40h%3Bto-tag%3D7%3Bfrom-tag%3D8>")]
    [InlineData("Refer-To: <sip:a@h?Subject=482177&Replaces=12%40h%3Bto-tag%3D7%3Bfrom-tag%3D8>", "Refer-To: <sip:xxxx@h?Replaces=12%40h%3Bto-tag%3D7%3Bfrom-tag%3D8&x-masked=xxxx>")]
    [InlineData("Refer-To: <sip:a@h?Replaces=%34%38%32%31>", "Refer-To: <sip:xxxx@h?x-masked=xxxx>")]
    [InlineData("Referred-By: \"Ann\" <sip:ann@h>;cid=\"2UWQFN309shb3@referrer.example\"", "Referred-By: \"xxxx\" <sip:xxxx@h>;x-masked")]
    [InlineData("Refer-To: <sip:a@h?Replaces=12%40h%3Bto-tag%3D7%3Bfrom-tag%3D8%3Bearly-only%3Bnote%3DAnn-Bell>", "Refer-To: <sip:xxxx@h?Replaces=12%40h%3Bto-tag%3D7%3Bfrom-tag%3D8%3Bearly-only>")]
    [InlineData("Refer-To: <sip:a@h?Replaces=Ann%20Bell%20PIN%204821%3Bto-tag%3D7%3Bfrom-tag%3D8>", "Refer-To: <sip:xxxx@h?x-masked=xxxx>")]
    [InlineData("Refer-To: <sip:a@h?Replaces=the-secret-of-Ann>", "Refer-To: <sip:xxxx@h?x-masked=xxxx>")]
    [InlineData("Replaces: 12-ab@h;to-tag=7;from-tag=8;early-only", "Replaces: 12-ab@h;to-tag=7;from-tag=8;early-only")]
    [InlineData("History-Info: <sip:ann@h?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1", "History-Info: <sip:xxxx@h?x-masked=xxxx>;index=1.1;rc=1")]
    [InlineData("Record-Route: <sip:192.0.2.4;lr;ftag=482177>", "Record-Route: <sip:192.0.2.4;lr;x-masked>")]
    [InlineData("P-Asserted-Identity: no address at all", "P-Asserted-Identity: xxxx")]
    [InlineData("Reason: Q.850;cause=16;text=\"Ann hung up\"", "Reason: Q.850;cause=16")]
    [InlineData("Reason: SIP;cause=200;text=\"hung up, Ann, Bell\"", "Reason: SIP;cause=200")]
    [InlineData("Reason: SIP;text=\"a \\\", Ann;cause=482\";cause=200, Q.850;cause=16", "Reason: SIP;cause=200, Q.850;cause=16")]
    [InlineData("Reason: SIP;cause=200;text=\"Ann, Bell", "Reason: SIP;cause=200")]
    [InlineData("Accept: application/sdp;x=\"a, Ann\", text/html", "Accept: application/sdp, text/html")]
    [InlineData("Subscription-State: active;x=\";reason=Ann\";expires=60", "Subscription-State: active;expires=60")]
    [InlineData("WWW-Authenticate: Digest realm=\"1234\", nonce=\"n\"", "WWW-Authenticate: Digest realm=\"xxxx\", nonce=\"xxxx\"")]
    [InlineData("WWW-Authenticate: Digest realm=\"192.0.2.7\", nonce=\"n\"", "WWW-Authenticate: Digest realm=\"192.0.2.7\", nonce=\"xxxx\"")]
    [InlineData("Warning: 399 192.0.2.1 \"Ann is away\"", "Warning: 399 masked \"xxxx\"")]
    [InlineData("Retry-After: 120 (Ann is away)", "Retry-After: 120")]
    [InlineData("Subject: call Ann", "Subject: xxxx")]
    [InlineData("Call-Info: <https://ann.example/photo.jpg>;purpose=icon", "Call-Info: xxxx")]
    [InlineData("User-to-User: 34383231373737", "User-to-User: xxxx")]
    [InlineData("Supported: timer, 482177777", "Supported: timer, xxxx")]
    [InlineData("Event: refer;id=93809824", "Event: refer;id=93809824")]
    [InlineData("Subscription-State: terminated;reason=noresource", "Subscription-State: terminated;reason=noresource")]
    [InlineData("RAck: 77 1 INVITE", "RAck: 77 1 INVITE")]
    [InlineData("Privacy: id;critical", "Privacy: id;critical")]
    [InlineData("Accept: application/sdp;level=1, text/html;q=0.5", "Accept: application/sdp, text/html;q=0.5")]
    [InlineData("Authorization: Bearer eyJhbGciOi", "Authorization: xxxx")]
    [InlineData("Proxy-Authorization: Digest username=\"12125550123\", realm=\"Ann's bank\", nonce=\"n\", uri=\"sip:h\", response=\"r\"",
        "Proxy-Authorization: Digest realm=\"xxxx\", username=\"xxxx\", nonce=\"xxxx\", response=\"xxxx\", uri=\"sip:h\"")]
    [InlineData("WWW-Authenticate: Digest realm=\"h.example\", nonce=\"bm9uY2U\", opaque=\"o\", stale=true, algorithm=MD5, qop=\"auth,auth-int\"",
        "WWW-Authenticate: Digest realm=\"h.example\", nonce=\"xxxx\", opaque=\"xxxx\", algorithm=MD5, qop=\"auth,auth-int\", stale=true")]
    public void Of_a_header_only_what_is_known_to_be_harmless_is_shown(string header, string shown) => Assert.Equal(shown, Shown(header));

    [Theory]
    [InlineData("X-482177: a")]
    [InlineData("P-Charging-Vector: icid-value=482177777")]
    [InlineData("Remote-Party-ID: \"Ann\" <sip:ann@h>")]
    [InlineData("Set-Cookie: a=b")]
    public void A_header_that_is_not_in_the_table_shows_not_even_its_name(string header) => Assert.Equal("X-Masked: xxxx", Shown(header, "X-Masked"));

    [Theory]
    [InlineData("application/dtmf-relay", "Signal=4\r\nDuration=160\r\n", "Signal=x\r\n")]
    [InlineData("application/dtmf", "4", "x")]
    [InlineData("message/sipfrag", "SIP/2.0 200 Ann answered\r\nContact: <sip:ann@h>\r\n", "SIP/2.0 200 OK\r\n")]
    [InlineData("text/plain", "the PIN is 482177", "xxxx")]
    [InlineData("application/x-482177", "a", "xxxx")]
    public void Of_content_only_its_kind_is_shown(string type, string body, string shown) => Assert.Equal(shown, Body(type, body));

    [Fact]
    public void A_multipart_keeps_its_parts_and_the_description_in_it()
    {
        const string sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\n";
        var shown = Body("multipart/mixed;boundary=pin482177",
            $"--pin482177\r\nContent-Type: application/sdp\r\nContent-ID: <482177>\r\n\r\n{sdp}\r\n--pin482177\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=4\r\n--pin482177--\r\n");

        Assert.Equal($"--x-masked\r\nContent-Type: application/sdp\r\n\r\n{sdp}\r\n--x-masked\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=x\r\n\r\n--x-masked--\r\n", shown);
    }

    [Fact]
    public void A_body_that_is_encoded_or_has_no_type_is_masked_whole()
    {
        Assert.EndsWith("\r\n\r\nxxxx", Text(Samples.Request("INFO", "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "v=0\r\n")), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nxxxx", Text(Samples.Request("INFO", "", "Signal=4")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("o=ann 1 1 IN IP4 192.0.2.7", "o=xxxx 1 1 IN IP4 192.0.2.7")]
    [InlineData("o=ann 1 1 IN IP4 pc-of-ann.example", "o=xxxx")]
    [InlineData("i=for Ann", "i=xxxx")]
    [InlineData("e=ann@example.com", "e=xxxx")]
    [InlineData("p=+1 212 555 0123", "p=xxxx")]
    [InlineData("k=clear:key", "k=xxxx")]
    [InlineData("b=TIAS:64000", "b=TIAS:64000")]
    [InlineData("m=audio 49170/2 RTP/AVP 0 8", "m=audio 49170/2 RTP/AVP 0 8")]
    [InlineData("a=rtpmap:101 telephone-event/8000", "a=rtpmap:101 telephone-event/8000")]
    [InlineData("a=rtpmap:101 /8000", "a=rtpmap:xxxx")]
    [InlineData("a=fmtp:101 0-15", "a=fmtp:101 0-15")]
    [InlineData("a=fmtp:111 minptime=10;useinbandfec=1;pin=4821", "a=fmtp:111 minptime=10;useinbandfec=1;x-masked")]
    [InlineData("a=fmtp:97 sprop-parameter-sets=Z0IACpZTBYmI,aMljiA==", "a=fmtp:97 x-masked")]
    [InlineData("a=fmtp:97 mode-set=4821777", "a=fmtp:97 x-masked")]
    [InlineData("a=fmtp:97 mode-set=4821", "a=fmtp:97 x-masked")]
    [InlineData("a=fmtp:101 4821", "a=fmtp:101 x-masked")]
    [InlineData("a=fmtp:111 maxplaybackrate=48000;profile-level-id=42e01f;maxaveragebitrate=482177", "a=fmtp:111 maxplaybackrate=48000;profile-level-id=42e01f;x-masked")]
    [InlineData("c=IN IP4 4821", "c=xxxx")]
    [InlineData("c=IN IP6 fe80::1%4821", "c=xxxx")]
    [InlineData("c=IN IP6 2001:db8::1", "c=IN IP6 2001:db8::1")]
    [InlineData("o=- 1 1 IN IP4 4821", "o=xxxx")]
    [InlineData("t=2873397496 2873404696", "t=2873397496 2873404696")]
    [InlineData("t=0 0 0", "t=xxxx")]
    [InlineData("t=48217739051 0", "t=xxxx")]
    [InlineData("a=mid:4821", "a=mid:xxxx")]
    [InlineData("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 1")]
    [InlineData("a=group:BUNDLE 482177", "a=group:xxxx")]
    [InlineData("a=ptime:20", "a=ptime:20")]
    [InlineData("a=T38MaxBitRate:14400", "a=T38MaxBitRate:14400")]
    [InlineData("a=T38FaxUdpEC:t38UDPRedundancy", "a=T38FaxUdpEC:t38UDPRedundancy")]
    [InlineData("a=rtcp:53020", "a=rtcp:53020")]
    [InlineData("a=rtcp:53020 IN IP4 4821", "a=rtcp:xxxx")]
    [InlineData("a=candidate:1 1 udp 1 4821 61665 typ host", "a=candidate:x 1 udp 1 masked.local 61665 typ host")]
    [InlineData("a=fmtp:Signal=5", "a=fmtp:xxxx")]
    [InlineData("a=crypto:1 AEAD_AES_128_GCM inline:a2V5;inline:a2V5|2^20|1:4 UNENCRYPTED_SRTCP", "a=crypto:1 AEAD_AES_128_GCM inline:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx")]
    [InlineData("a=crypto:1 inline:a2V5", "a=crypto:xxxx")]
    [InlineData("a=crypto:1 inline:a2V5 inline:a2V5", "a=crypto:xxxx")]
    [InlineData("a=ice-ufrag:8hhY", "a=ice-ufrag:xxxx")]
    [InlineData("a=key-mgmt:mikey AQAFgM0XflABAAAA", "a=key-mgmt:xxxx")]
    [InlineData("a=fingerprint:sha-256 AB:CD:01", "a=fingerprint:sha-256 AB:CD:01")]
    [InlineData("a=candidate:842163049 1 udp 1677729535 192.0.2.7 61665 typ srflx raddr 10.0.0.5 rport 61665 ufrag 8hhY", "a=candidate:x 1 udp 1677729535 192.0.2.7 61665 typ srflx")]
    [InlineData("a=candidate:1 1 udp 1 1f4712db.local 61665 typ host", "a=candidate:x 1 udp 1 masked.local 61665 typ host")]
    [InlineData("a=ssrc:482177 cname:ann@pc", "a=ssrc:xxxx")]
    [InlineData("a=X-PIN:482177", "a=xxxx")]
    [InlineData("a=pin482177", "a=xxxx")]
    [InlineData("a=rtcp:53020 IN IP4 192.0.2.7", "a=rtcp:53020 IN IP4 192.0.2.7")]
    [InlineData("a=setup:actpass", "a=setup:actpass")]
    [InlineData("not a line at all", "xxxx")]
    public void Of_a_session_description_no_key_name_or_unknown_attribute_is_shown(string line, string shown) =>
        Assert.Equal($"v=0\r\n{shown}\r\n", Body("application/sdp", $"v=0\r\n{line}\r\n"));

    [Fact]
    public void A_reason_phrase_and_an_unknown_method_are_strangers_words()
    {
        Assert.StartsWith("SIP/2.0 404 Not Found\r\n", Text(Encoding.Latin1.GetString(Samples.Request("INVITE")).Replace("INVITE sip:bank@127.0.0.1 SIP/2.0", "SIP/2.0 404 Ann is gone", StringComparison.Ordinal)), StringComparison.Ordinal);

        var unknown = Text(Samples.Request("PIN482177"));
        Assert.StartsWith("XMASKED sip:", unknown, StringComparison.Ordinal);
        Assert.Contains("CSeq: 7 XMASKED\r\n", unknown, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_that_was_masked_is_found_wherever_else_it_stands()
    {
        var text = Text("""
            INVITE sip:bank@h SIP/2.0
            Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK2125550123
            From: "212 555-0123" <sip:ann@h>;tag=+4989123456x
            To: <sip:bank@h>
            Call-ID: 0012125550123-1@h
            CSeq: 1 INVITE
            Content-Length: 0


            """);

        Assert.DoesNotContain("5550123", text, StringComparison.Ordinal);
        Assert.DoesNotContain("4989123456", text, StringComparison.Ordinal);
        Assert.Contains("branch=z9hG4bKxxxxxxxxxx\r\n", text, StringComparison.Ordinal);
        Assert.Contains("Call-ID: xxxxxxxxxxxxx-1@h", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("received=192.0.2.9;rport=5070", ";received=192.0.2.9;rport=5070")]
    [InlineData("received=2001:db8::1", ";received=2001:db8::1")]
    [InlineData("received=4821", ";x-masked")]
    [InlineData("received=fe80::1%4821", ";x-masked")]
    public void Of_where_a_message_came_from_an_address_is_shown_and_nothing_that_is_only_read_as_one(string parameters, string shown) =>
        Assert.Contains($"Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1{shown}\r\n", Planted("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;" + parameters, ""), StringComparison.Ordinal);

    [Fact]
    public void A_caller_is_not_found_out_by_naming_more_numbers_than_are_remembered_before_the_caller()
    {
        var many = string.Concat(Enumerable.Range(0, 60).Select(i => $"Diversion: <sip:4930{i:000000}@h>\r\n"));
        var text = Text($"INVITE sip:bank@h SIP/2.0\r\n{many}Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK1\r\nCall-ID: 12125550123@h\r\nFrom: <sip:12125550123@h>;tag=1\r\nTo: <sip:bank@h>\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n");
        Assert.Contains("Call-ID: xxxxxxxxxxx@h\r\n", text, StringComparison.Ordinal);
        Assert.Contains("192.0.2.7", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("INVITE sip:+493012345678@h SIP/2.0\r\nPIN: 482177\r\n\r\n", "INVITE")]
    [InlineData("PIN482177 sip:h SIP/2.0\r\nVia: x\r\n\r\n", "")]
    [InlineData("the PIN is 482177", "")]
    public void Of_a_malformed_message_only_length_and_method_are_told(string text, string method)
    {
        var masked = Mask(Encoding.ASCII.GetBytes(text));

        Assert.Equal((0, method, text.Length), (masked.Bytes.Length, masked.Method, masked.Length));
        Assert.NotEqual(SipRejection.None, masked.Rejection);
    }

    public static TheoryData<string> Torture =>
        [.. new[] { "rfc4475", "rfc5118" }.SelectMany(set => Directory.EnumerateFiles(Vectors.Path(set), "*.dat").Order(StringComparer.Ordinal).Select(file => set + "/" + Path.GetFileName(file)))];

    [Theory]
    [MemberData(nameof(Torture))]
    public void Every_torture_message_that_is_read_is_shown_as_one_of_the_same_structure(string vector)
    {
        var bytes = Vectors.Read(vector.Split('/'));
        var original = SipParser.Parse(bytes).Message;
        var masked = Mask(bytes);
        Assert.Equal(original is not null, masked.Bytes.Length > 0);
        if (original is null) return;

        Assert.All(masked.Bytes, value => Assert.True(value is >= 32 and < 127 or 13 or 10));
        var shown = SipParser.ParseFramed(masked.Bytes).Message!;
        Assert.Equal(original.GetType(), shown.GetType());
        Assert.Equal(original.CSeq.Number, shown.CSeq.Number);
        Assert.Equal(original.Vias.Count, shown.Vias.Count);
        Assert.Equal(original.From.Tag, shown.From.Tag);
        Assert.Equal(original.Headers.Count(header => header.Key != "Content-Length"), shown.Headers.Count - 1);
    }

    /// <summary>Every place in a message where text can be put, with a canary in it: a word of letters and a number, which no rule may let through.</summary>
    public static TheoryData<string> Places => [.. s_places];

    private const string Canary = "482177390516";

    private static readonly string[] s_places =
    [
        "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1;x=§", "From: § <sip:a@h>;tag=1", "From: \"§\" <sip:a@h>;tag=1", "From: <sip:§@h>;tag=1", "From: <sip:a:§@h>;tag=1", "From: <sip:a@h;x=§>;tag=1",
        "From: <sip:a@h>;tag=1;x=§", "To: <tel:§>", "To: <x:§>", "Contact: <sip:§@h>", "Contact: <sip:a@h?x=§>", "Contact: <sip:a@h>;+sip.instance=\"<§>\"", "Route: <sip:§@h;lr>", "Record-Route: <sip:h;lr;§>",
        "P-Asserted-Identity: §", "P-Preferred-Identity: <tel:§>", "Diversion: <sip:§@h>;reason=§", "History-Info: <sip:§@h>;index=1", "Refer-To: <sip:§@h>", "Referred-By: <sip:§@h>", "Reply-To: <sip:§@h>",
        "Path: <sip:§@h>", "Service-Route: <sip:§@h>", "Identity: §;info=<§>;alg=§", "Identity-Info: <https://§>", "Authorization: Digest username=\"§\", realm=\"§\", nonce=\"§\", uri=\"§\", response=\"§\", cnonce=\"§\", opaque=\"§\"",
        "Proxy-Authorization: § §", "WWW-Authenticate: Digest realm=\"§\", nonce=\"§\", domain=\"§\", qop=\"§\", algorithm=§", "Proxy-Authenticate: Basic realm=\"§\"", "Authentication-Info: nextnonce=\"§\"",
        "User-Agent: §", "Server: phone/§ (§)", "Subject: §", "Organization: §", "Call-Info: <https://§>", "Alert-Info: <https://§>", "Error-Info: <https://§>", "Accept: §/§", "Accept-Contact: *;§", "Allow: §", "Supported: §",
        "Unsupported: §", "Accept-Language: §", "Allow-Events: §", "Content-Language: §", "In-Reply-To: §", "Min-SE: §", "Priority: §", "Privacy: §", "Reason: SIP;cause=§;text=\"§\"", "Reason: §", "Reject-Contact: *;§",
        "Request-Disposition: §", "Retry-After: 5 (§)", "Retry-After: §", "Session-ID: §", "Subscription-State: §;reason=§", "Target-Dialog: §;local-tag=§", "User-to-User: §", "Warning: 399 § \"§\"", "Event: §", "MIME-Version: §",
        "Content-Disposition: §", "Content-Encoding: §", "Content-Type: §/§", "Content-Type: text/plain;§=§", "RAck: § § INVITE", "RSeq: §", "Session-Expires: §", "Min-Expires: §", "X-§: a", "§: a", "X-Any: §", "Cookie: §",
        "Replaces: §",
    ];

    [Theory]
    [MemberData(nameof(Places))]
    public void A_number_or_a_secret_in_any_place_of_any_header_is_not_shown(string place)
    {
        Assert.DoesNotContain(Canary, Planted(place, Canary), StringComparison.Ordinal);
        Assert.DoesNotContain("Ann-Bells-secret-key-4826-and-more", Planted(place, "Ann-Bells-secret-key-4826-and-more"), StringComparison.Ordinal);
    }

    [Fact]
    public void Most_of_these_messages_are_shown()
    {
        var shown = s_places.Count(place => Planted(place, Canary).Contains("\r\n\r\n", StringComparison.Ordinal));
        Assert.InRange(shown, s_places.Length * 3 / 4, s_places.Length);
    }

    private static string Planted(string place, string canary)
    {
        var header = place.Replace("§", canary, StringComparison.Ordinal);
        var name = header[..(header.IndexOf(':', StringComparison.Ordinal) + 1)];
        var lines = Encoding.Latin1.GetString(Samples.Request("INVITE")).Split("\r\n").Where(line => name == "Via:" || !line.StartsWith(name, StringComparison.Ordinal)).ToList();
        lines.Insert(2, header);
        var masked = Mask(Encoding.Latin1.GetBytes(string.Join("\r\n", lines)));
        return masked.Method + Encoding.ASCII.GetString(masked.Bytes);
    }
}
