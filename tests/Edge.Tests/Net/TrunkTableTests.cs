using System.Net;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

public class TrunkTableTests
{
    private static readonly EdgeTrunk s_wide = new() { Name = "wide", Tenant = "x", From = [IPNetwork.Parse("192.0.2.0/24"), IPNetwork.Parse("2001:db8::/32")] };
    private static readonly EdgeTrunk s_certified = new() { Name = "tls", Tenant = "x", From = [IPNetwork.Parse("192.0.2.0/24")], Tls = new TrunkTls { Identities = ["a.example"] } };

    [Fact]
    public void The_trunk_with_the_longest_prefix_is_found_and_strangers_are_not()
    {
        var narrow = new EdgeTrunk { Name = "narrow", Tenant = "x", From = [IPNetwork.Parse("192.0.2.128/25")] };
        var table = new TrunkTable([s_wide, narrow]);
        Assert.Same(s_wide, Find(table, "192.0.2.1"));
        Assert.Same(narrow, Find(table, "192.0.2.200"));
        Assert.Same(s_wide, Find(table, "2001:db8::1"));
        Assert.Null(Find(table, "192.0.3.1"));
        Assert.Null(Find(table, "2001:db9::1"));
        Assert.Same(s_wide, Find(new TrunkTable([new EdgeTrunk { Name = "n", Tenant = "x" }, s_wide]), "192.0.2.1"));
        Assert.NotNull(Find(new TrunkTable([new EdgeTrunk { Name = "all", Tenant = "x", From = [IPNetwork.Parse("0.0.0.0/0")] }]), "8.8.8.8"));
    }

    [Fact]
    public void A_trunk_that_demands_a_certificate_is_found_only_with_it_and_then_before_others()
    {
        var table = new TrunkTable([s_wide, s_certified]);
        Assert.Same(s_wide, Find(table, "192.0.2.1", secure: true));
        Assert.Same(s_certified, Find(table, "192.0.2.1", secure: true, s_certified));
        Assert.Null(Find(table, "198.51.100.1", secure: true, s_certified));
    }

    [Fact]
    public void Where_a_proxy_was_found_may_answer_us_but_is_no_proof_of_the_trunk()
    {
        var table = new TrunkTable([s_wide]);
        var trunk = new EdgeTrunk { Name = "out", Tenant = "x" };
        Assert.Null(Find(table, "203.0.113.1"));
        for (var i = 0; i < 20; i++) table.Learn(trunk, IPAddress.Parse($"203.0.113.{i}"));
        table.Learn(s_wide, IPAddress.Parse("203.0.113.200"));
        Assert.Null(Find(table, "203.0.113.3"));
        Assert.Same(trunk, Find(table, "203.0.113.19"));
        Assert.Same(s_wide, Find(table, "203.0.113.200"));

        Assert.False(trunk.Fits(Peer("203.0.113.19", trunk)));
        Assert.False(s_wide.Fits(Peer("203.0.113.200", s_wide)));
        Assert.True(s_wide.Fits(Peer("192.0.2.9", s_wide)));
    }

    [Fact]
    public void The_certificate_of_the_proxy_on_a_connection_of_ours_is_a_proof_of_the_trunk()
    {
        var trunk = new EdgeTrunk { Name = "out", Tenant = "x" };
        Assert.True(trunk.Fits(Peer("203.0.113.19", trunk, SipTransport.Tls, ours: true)));
        Assert.False(trunk.Fits(Peer("203.0.113.19", trunk, SipTransport.Tcp, ours: true)));
        Assert.False(trunk.Fits(Peer("203.0.113.19", s_wide, SipTransport.Tls, ours: true)));
        Assert.False(trunk.Fits(Peer("203.0.113.19", trunk, SipTransport.Tls, ours: false)));
        Assert.False(s_certified.Fits(Peer("203.0.113.19", s_certified, SipTransport.Tls, ours: true)));
    }

    private static SipPeer Peer(string address, EdgeTrunk entry, SipTransport transport = SipTransport.Udp, bool ours = false) =>
        new(transport, new IPEndPoint(IPAddress.Parse(address), 5060), 1, entry) { OpenedByUs = ours };

    private static EdgeTrunk? Find(TrunkTable table, string address, bool secure = false, params EdgeTrunk[] certified) =>
        table.Find(SourceAddress.Of(new IPEndPoint(IPAddress.Parse(address), 1)), secure, certified);
}
