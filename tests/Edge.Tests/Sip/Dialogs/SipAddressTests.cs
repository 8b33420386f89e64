using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Dialogs;

public sealed class SipAddressTests
{
    private static readonly SipAddress s_ours = new(IPAddress.Parse("192.0.2.1")) { UdpPort = 5060 };

    private static SipPeer Peer(SipTransport transport) => VirtualPeer.HopAt("192.0.2.9:5060", transport, transport == SipTransport.Udp ? 0 : 1);

    [Theory]
    [InlineData(SipTransport.Udp, "SIP/2.0/UDP 192.0.2.1:5060;branch=b;rport", "<sip:ivr@192.0.2.1:5060>")]
    [InlineData(SipTransport.Tcp, "SIP/2.0/TCP 192.0.2.1;branch=b;rport", "<sip:ivr@192.0.2.1;transport=tcp>")]
    [InlineData(SipTransport.Tls, "SIP/2.0/TLS 192.0.2.1;branch=b;rport", "<sip:ivr@192.0.2.1;transport=tls>")]
    public void Where_we_do_not_listen_no_port_is_named(SipTransport transport, string via, string contact)
    {
        Assert.Equal(via, s_ours.ViaFor(Peer(transport), "b"));
        Assert.True(Via.TryParse(via, out _));
        Assert.Equal(contact, s_ours.ContactFor(Peer(transport), secure: false));
        Assert.True(NameAddress.TryParse(contact, out _));
    }

    [Theory]
    [InlineData("SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKx", true)]
    [InlineData("SIP/2.0/TCP 192.0.2.1:5062;branch=z9hG4bKx", false)]
    [InlineData("SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKx", false)]
    public void An_answer_to_a_request_without_a_port_is_known_all_the_same(string via, bool isOurs)
    {
        var text = $"SIP/2.0 200 OK\r\nVia: {via}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
        var response = Assert.IsType<SipResponse>(SipParser.Parse(Encoding.ASCII.GetBytes(text)).Message);
        Assert.Equal(isOurs, s_ours.IsAnswerTo(response, Peer(SipTransport.Tcp)));
    }
}
