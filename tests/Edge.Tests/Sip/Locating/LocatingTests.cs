using CsCheck;
using IvrActors.Edge.Sip.Locating;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Locating;

/// <summary>The order of RFC 3263 and RFC 2782, without DNS.</summary>
public class LocatingTests
{
    private static readonly SipTransport[] s_all = [SipTransport.Udp, SipTransport.Tcp, SipTransport.Tls, SipTransport.Wss];

    private static LocationPlan PlanOf(string uri)
    {
        Assert.True(SipUri.TryParse(uri, out var parsed));
        return LocationPlan.Of(parsed);
    }

    [Theory]
    [InlineData("sip:192.0.2.1", LocationStep.Numeric, SipTransport.Udp, 5060)]
    [InlineData("sip:192.0.2.1:5080", LocationStep.Numeric, SipTransport.Udp, 5080)]
    [InlineData("sips:192.0.2.1", LocationStep.Numeric, SipTransport.Tls, 5061)]
    [InlineData("sip:[2001:db8::1];transport=tcp", LocationStep.Numeric, SipTransport.Tcp, 5060)]
    [InlineData("sip:example.com:5070", LocationStep.Addresses, SipTransport.Udp, 5070)]
    [InlineData("sips:example.com:5070", LocationStep.Addresses, SipTransport.Tls, 5070)]
    [InlineData("sip:example.com;transport=tcp", LocationStep.Service, SipTransport.Tcp, 5060)]
    [InlineData("sip:example.com;transport=TLS", LocationStep.Service, SipTransport.Tls, 5061)]
    [InlineData("sips:example.com;transport=tcp", LocationStep.Service, SipTransport.Tls, 5061)]
    [InlineData("sips:example.com;transport=ws", LocationStep.Service, SipTransport.Wss, 443)]
    [InlineData("sip:example.com;transport=ws", LocationStep.Service, SipTransport.Ws, 80)]
    [InlineData("sip:example.com", LocationStep.Discover, SipTransport.Udp, 5060)]
    [InlineData("sips:example.com", LocationStep.Discover, SipTransport.Tls, 5061)]
    public void A_uri_says_what_dns_must_be_asked(string uri, object step, object transport, int port)
    {
        var plan = PlanOf(uri);
        Assert.Equal(((LocationStep)step, (SipTransport)transport, port), (plan.Step, plan.Transport, plan.Port));
    }

    [Theory]
    [InlineData("tel:+4930123")]
    [InlineData("sips:example.com;transport=udp")]
    [InlineData("sip:example.com;transport=sctp")]
    public void Some_uris_lead_nowhere(string uri) => Assert.Equal(LocationStep.Nowhere, PlanOf(uri).Step);

    [Fact]
    public void An_address_loses_its_brackets_and_a_name_its_last_dot()
    {
        Assert.Equal("2001:db8::1", PlanOf("sip:[2001:db8::1]").Host);
        Assert.Equal("example.com", PlanOf("sip:a@example.com.").Host);
    }

    [Fact]
    public void Naptr_records_are_taken_by_order_then_preference_where_we_can_use_them()
    {
        NaptrRecord[] records =
        [
            new(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"), new(50, 60, "S", "sips+d2t", "_sips._tcp.example.com."), new(50, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
            new(10, 10, "s", "SIP+D2S", "_sip._sctp.example.com"), new(10, 10, "u", "SIP+D2U", "no.example"), new(95, 1, "s", "SIPS+D2W", "_sips._ws.example.com"),
            new(10, 10, "s", "E2U+sip", "enum.example"),
        ];
        Assert.Equal([SipTransport.Udp, SipTransport.Tls, SipTransport.Tcp, SipTransport.Wss], NaptrSelection.Choose(records, secure: false, s_all).Select(r => r.Transport));
        Assert.Equal("_sips._tcp.example.com", NaptrSelection.Choose(records, secure: true, s_all)[0].Service);
        Assert.Equal([SipTransport.Tls, SipTransport.Wss], NaptrSelection.Choose(records, secure: true, s_all).Select(r => r.Transport));
        Assert.Equal([SipTransport.Tcp], NaptrSelection.Choose(records, secure: false, [SipTransport.Tcp]).Select(r => r.Transport));
    }

    [Fact]
    public void A_lower_priority_number_goes_first_whatever_the_weights()
    {
        SrvRecord[] records = [new(20, 100, 1, "c"), new(10, 0, 1, "a"), new(10, 5, 1, "b")];
        Gen.Int.Sample(seed => Assert.Equal("c", SrvOrdering.Order(records, new Random(seed).Next)[^1].Target));
    }

    [Fact]
    public void Within_a_priority_a_target_goes_first_in_proportion_to_its_weight()
    {
        SrvRecord[] records = [new(1, 1, 1, "light"), new(1, 3, 1, "heavy"), new(1, 0, 1, "last")];
        string First(int number) => SrvOrdering.Order(records, bound => Math.Min(number, bound - 1))[0].Target;
        Assert.Equal(["last", "light", "heavy", "heavy", "heavy"], Enumerable.Range(0, 5).Select(First));
    }

    [Fact]
    public void Every_target_stands_in_the_order_exactly_once() => Gen.Select(Gen.Int[0, 3], Gen.Int[0, 65535]).List[0, 16].Select(Gen.Int).Sample((pairs, seed) =>
    {
        var records = pairs.Select((pair, i) => new SrvRecord(pair.Item1, pair.Item2, i, "t" + i)).ToList();
        Assert.Equal(records.Select(r => r.Target).Order(), SrvOrdering.Order(records, new Random(seed).Next).Select(r => r.Target).Order());
    });

    [Fact]
    public void A_single_root_target_means_that_there_is_no_such_service() => Assert.Empty(SrvOrdering.Order([new(0, 0, 0, ".")], _ => 0));
}
