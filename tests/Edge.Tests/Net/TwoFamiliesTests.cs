using System.Net;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>IPv4 and IPv6 side by side (RFC 5118).</summary>
public class TwoFamiliesTests
{
    private static readonly EdgeTrunk s_six = new() { Name = "six", Tenant = "demo", From = [IPNetwork.Parse("::1/128")] };

    private static SipPeer Peer(SipTransport transport, string endPoint) => new(transport, IPEndPoint.Parse(endPoint), 0, VirtualCall.Trunk);

    [Theory]
    [InlineData("UDP")]
    [InlineData("TCP")]
    public async Task A_call_over_ipv6_is_answered_from_our_ipv6_address_and_one_over_ipv4_from_the_other(string transport)
    {
        await using var host = await EdgeHost.Start(trunks: [s_six], second: IPAddress.IPv6Loopback);
        var four = transport == "UDP" ? host.Udp : host.Tcp;
        var six = transport == "UDP" ? new IPEndPoint(IPAddress.IPv6Loopback, host.Udp.Port) : host.TcpV6;
        foreach (var (server, from, ours) in new[] { (four, "127.0.31.1", "127.0.0.1"), (six, "::1", "[::1]") })
        {
            await using var phone = transport == "UDP" ? Phone.Udp(server, from) : await Phone.Stream(server, tls: false, from);
            await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
            var answer = await phone.Final();
            Assert.Equal(200, answer.Status);
            Assert.Contains($"sip:ivr@{ours}:", answer.Contact!.ToString());
            await phone.Request("ACK", 1, answer.To.Tag);
        }
    }

    [Fact]
    public void Via_and_contact_choose_our_address_by_the_peers_family()
    {
        var address = new SipAddress(IPAddress.Parse("192.0.2.1"), IPAddress.Parse("2001:db8::1")) { UdpPort = 5060, TlsPort = 5061, WssPort = 443 };
        Assert.Equal("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport", address.ViaFor(Peer(SipTransport.Udp, "192.0.2.9:5060"), "z9hG4bKx"));
        Assert.Equal("SIP/2.0/TLS [2001:db8::1]:5061;branch=z9hG4bKx;rport", address.ViaFor(Peer(SipTransport.Tls, "[2001:db8::9]:5061"), "z9hG4bKx"));
        Assert.Equal("<sip:ivr@[2001:db8::1]:443;transport=ws>", address.ContactFor(Peer(SipTransport.Wss, "[2001:db8::9]:5061"), secure: false));
        Assert.Equal("<sips:ivr@192.0.2.1:5061;transport=tcp>", address.ContactFor(Peer(SipTransport.Tls, "192.0.2.9:5061"), secure: true));
    }

    [Fact]
    public void With_one_family_the_one_address_stands_everywhere()
    {
        var address = new SipAddress(IPAddress.Parse("192.0.2.1")) { UdpPort = 5060 };
        Assert.Equal("192.0.2.1", address.HostFor(Peer(SipTransport.Udp, "[2001:db8::9]:5060")));
        Assert.Equal("192.0.2.1", address.HostFor(Peer(SipTransport.Udp, "[::ffff:192.0.2.9]:5060")));
    }
}
