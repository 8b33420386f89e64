using System.Text;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Reputation;

public class ScannerSignsTests
{
    private static SipRequest Request(string method = "OPTIONS", string via = "branch=z9hG4bK77ef4c2312983.1;rport", string from = "\"Ann\"<sip:ann@192.0.2.1>;tag=9fxced76sl", string call = "a84b4c76e66710@192.0.2.1", string more = "") =>
        Assert.IsType<SipRequest>(SipParser.Parse(Encoding.Latin1.GetBytes(
            $"{method} sip:100@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;{via}\r\nTo: <sip:100@192.0.2.9>\r\nFrom: {from}\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n"
            + $"Contact: <sip:100@192.0.2.1>\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n")).Message);

    [Theory]
    [InlineData("User-Agent: friendly-scanner\r\n")]
    [InlineData("User-Agent: Friendly-Scanner v1\r\n")]
    [InlineData("User-Agent: sipvicious\r\n")]
    [InlineData("User-Agent: sipcli/v1.8\r\n")]
    [InlineData("User-Agent: sip-scan\r\n")]
    [InlineData("User-Agent: sundayddr\r\n")]
    [InlineData("User-Agent: VaxSIPUserAgent/3.1\r\n")]
    [InlineData("User-Agent: pplsip\r\n")]
    [InlineData("User-Agent: Zmeu\r\n")]
    [InlineData("User-Agent: iWar\r\n")]
    [InlineData("Subject: sipvicious\r\n")]
    public void A_scanner_that_says_its_name_is_known(string header)
    {
        Assert.True(ScannerSigns.IsIn(Request(more: header)));
    }

    [Fact]
    public void A_scanner_is_known_by_its_name_in_From()
    {
        Assert.True(ScannerSigns.IsIn(Request(from: "\"sipvicious\"<sip:100@1.1.1.1>;tag=1")));
    }

    // As svmap and svwar of SIPVicious 0.3.3 write it, with another user agent and another name in From.
    [Theory]
    [InlineData("branch=z9hG4bK-2846325714;rport", "\"100\"<sip:100@192.0.2.9>;tag=3766303030303031313363340132373530373537303633", "1033850265396243286451", true)]
    [InlineData("branch=z9hG4bK-17;rport", "\"x\"<sip:x@192.0.2.9>;tag=3130300134", "7", true)]
    [InlineData("branch=z9hG4bK-17;rport", "\"x\"<sip:x@192.0.2.9>; TAG=3130300134 ;x=1", "7", true)]
    [InlineData("branch=z9hG4bK-2846325714;rport", "\"100\"<sip:100@192.0.2.9>;tag=3766303030", "1033850265396243286451", false)]
    [InlineData("branch=z9hG4bK-2846325714;rport", "\"100\"<sip:100@192.0.2.9>;tag=3130300134", "1-2@192.0.2.1", false)]
    [InlineData("branch=z9hG4bK-524287-1---a1b2;rport", "\"100\"<sip:100@192.0.2.9>;tag=3130300134", "123", false)]
    [InlineData("branch=z9hG4bK-17;rport", "\"100\"<sip:100@192.0.2.9>", "123", false)]
    public void SIPVicious_is_known_by_how_it_builds_a_message(string via, string from, string call, bool isScanner)
    {
        Assert.Equal(isScanner, ScannerSigns.IsIn(Request(via: via, from: from, call: call)));
    }

    // With contact "None", as svmap of 0.3.3 writes a REGISTER; and with what else a fuzzer may spoil.
    [Theory]
    [InlineData("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-4109982347;rport", "\"Phone\"<sip:100@1.1.1.1>;tag=3766303030303031313734380133383431383734373831", "599959151974786023449531", true)]
    [InlineData("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-4109982347;rport", "<<;tag=3766303030303031313734380133383431383734373831", "599959151974786023449531", true)]
    [InlineData("nonsense", "\"Phone\"<sip:100@1.1.1.1>;tag=3766303030303031313734380133383431383734373831", "599959151974786023449531", false)]
    [InlineData("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-4109982347;rport", "<<", "599959151974786023449531", false)]
    [InlineData("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-4109982347;rport", "<<;tag=", "599959151974786023449531", false)]
    public void A_scanner_is_known_by_a_message_that_is_malformed(string via, string from, string call, bool isScanner)
    {
        var result = SipParser.Parse(Encoding.Latin1.GetBytes($"REGISTER sip:192.0.2.9 SIP/2.0\r\nv: {via}\r\nt: <sip:100@1.1.1.1>\r\nf: {from}\r\ni: {call}\r\nm: None\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"));
        Assert.Equal(isScanner, ScannerSigns.IsIn(Assert.IsType<SipRequest>(result.Answerable)));
    }

    [Theory]
    [InlineData("User-Agent: Yealink SIP-T46S 66.85.0.5\r\n")]
    [InlineData("User-Agent: Linphone/3.12.0 (belle-sip/4.4.0)\r\n")]
    [InlineData("User-Agent: Asterisk PBX 20.1.0\r\nSubject: Performance Test\r\n")]
    [InlineData("User-Agent: baresip v1.0.0 (x86_64/linux)\r\n")]
    [InlineData("")]
    public void Telephones_are_not(string header)
    {
        Assert.False(ScannerSigns.IsIn(Request(more: header)));
    }
}
