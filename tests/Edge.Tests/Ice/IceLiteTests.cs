using System.Net;
using System.Text;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Ice;

public sealed class IceLiteTests : IDisposable
{
    private const long Second = 1_000;
    private static readonly MediaAddress Home = MediaAddress.From(IPAddress.Parse("192.0.2.1"), 4000);
    private static readonly MediaAddress Mobile = MediaAddress.From(IPAddress.Parse("2001:db8::1"), 5000);

    private readonly IceLite _ice = new(new IceCredentials(Encoding.ASCII.GetBytes("OURFRAG1ourpasswordourpassword12")), "peer", Second);
    private readonly FullAgent _peer = new("OURFRAG1", "ourpasswordourpassword12", "peer");
    private readonly byte[] _response = new byte[IceLite.MostResponse];

    public void Dispose()
    {
        _ice.Dispose();
        _peer.Dispose();
    }

    private int Take(byte[] request, MediaAddress from, long now = 0) => _ice.Take(now, request, from, _response);

    private StunMessage Response(int length) => _peer.Read(_response.AsSpan(0, length));

    [Fact]
    public void A_check_is_answered_with_the_address_that_it_came_from()
    {
        foreach (var from in (MediaAddress[])[Home, Mobile])
        {
            var check = _peer.Check();
            var response = Response(Take(check, from));
            Assert.Equal(Stun.BindingSuccess, response.Type);
            Assert.Equal(from, response.Mapped);
            Assert.True(response.Transaction.SequenceEqual(check.AsSpan(8, 12)));
            Assert.True(_ice.IsChecked(0, from));
        }
        Assert.True(_ice.Selected.IsNone);
    }

    [Fact]
    public void The_pair_that_the_peer_nominated_last_is_the_selected_one()
    {
        Take(_peer.Check(), Home);
        Take(_peer.Check(nominates: true), Mobile);
        Assert.Equal(Mobile, _ice.Selected);
        Take(_peer.Check(), Home);
        Assert.Equal(Mobile, _ice.Selected);
        Take(_peer.Check(nominates: true), Home);
        Assert.Equal(Home, _ice.Selected);
    }

    [Fact]
    public void What_is_not_authentic_is_not_answered_and_changes_nothing()
    {
        Assert.Equal(0, Take(_peer.Check(nominates: true, authentic: false), Home));
        Assert.Equal(0, Take(_peer.Check(nominates: true, username: "OURFRAG1:other"), Home));
        Assert.Equal(0, Take(_peer.Check(nominates: true, username: "OTHERFRA:peer"), Home));
        byte[] bare = [0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42, .. new byte[12]];
        Assert.Equal(0, Take(bare, Home));
        var good = _peer.Check(nominates: true);
        for (var length = 0; length < good.Length; length++) Assert.Equal(0, Take(good[..length], Home));
        Assert.False(_ice.IsChecked(0, Home));
        Assert.True(_ice.Selected.IsNone);
    }

    [Fact]
    public void Responses_and_indications_are_not_answered()
    {
        var check = _peer.Check();
        Take(check, Home);
        var response = _response[..64];
        Assert.Equal(0, Take(response, Home));
        check[1] = 0x11;
        Assert.Equal(0, Take(check, Home));
    }

    [Fact]
    public void An_attribute_that_must_be_understood_and_is_not_is_named_in_a_420()
    {
        var response = Response(Take(_peer.Check(nominates: true, unknown: 0x0031), Home));
        Assert.Equal((Stun.BindingError, 420), (response.Type, response.ErrorCode));
        Assert.Contains("000a00020031", Convert.ToHexStringLower(_response), StringComparison.Ordinal);
        Assert.True(_ice.Selected.IsNone);
    }

    [Fact]
    public void A_peer_that_takes_itself_for_controlled_is_told_so_by_487()
    {
        var response = Response(Take(_peer.Check(controlled: true), Home));
        Assert.Equal((Stun.BindingError, 487), (response.Type, response.ErrorCode));
        Assert.False(_ice.IsChecked(0, Home));
    }

    [Fact]
    public void No_answer_is_longer_than_what_asked_for_it()
    {
        foreach (var check in (byte[][])[_peer.Check(), _peer.Check(nominates: true), _peer.Check(controlled: true), _peer.Check(unknown: 0x31)])
        {
            Assert.InRange(Take(check, Mobile), 1, check.Length);
        }
    }

    [Fact]
    public void Consent_ends_30_seconds_after_the_last_check_of_the_selected_pair()
    {
        Take(_peer.Check(nominates: true), Home);
        Assert.True(_ice.HasConsent(30 * Second));
        Assert.False(_ice.HasConsent(30 * Second + 1));
        Take(_peer.Check(), Mobile, 31 * Second);
        Assert.False(_ice.HasConsent(31 * Second));
        Take(_peer.Check(), Home, 40 * Second);
        Assert.True(_ice.HasConsent(60 * Second));
    }

    [Fact]
    public void Media_of_the_selected_address_keep_consent_and_media_from_elsewhere_do_not()
    {
        _ice.Heard(0, default);
        _ice.Heard(0, Home); // Nothing was selected.
        Assert.False(_ice.IsChecked(0, Home) || _ice.HasConsent(0));
        Take(_peer.Check(nominates: true), Home);
        _ice.Heard(20 * Second, Mobile);
        Assert.False(_ice.IsChecked(20 * Second, Mobile) || _ice.HasConsent(31 * Second));
        _ice.Heard(25 * Second, Home);
        Assert.True(_ice.HasConsent(55 * Second));
        Assert.False(_ice.HasConsent(55 * Second + 1));
    }

    [Fact]
    public void Many_addresses_of_a_peer_push_out_the_oldest_and_not_the_selected_one_that_is_checked()
    {
        Take(_peer.Check(nominates: true), Home, 1);
        for (ushort port = 1; port <= 100; port++)
        {
            Take(_peer.Check(), Mobile with { Port = port }, 2 + port);
            Take(_peer.Check(), Home, 2 + port);
        }
        Assert.True(_ice.HasConsent(103));
        Assert.False(_ice.IsChecked(103, Mobile with { Port = 1 }));
        Assert.True(_ice.IsChecked(103, Mobile with { Port = 100 }));
    }

    [Fact]
    public void A_check_allocates_nothing()
    {
        var check = _peer.Check(nominates: true);
        Take(check, Home);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++) Take(check, Home, i);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void The_password_is_not_printed()
    {
        Assert.DoesNotContain("ourpassword", _ice.Ours.ToString(), StringComparison.Ordinal);
    }
}
