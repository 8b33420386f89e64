using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Tests.Net;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>Calls of ours that are signed, as whoever they reach verifies them.</summary>
public sealed class StirSignerTests : IAsyncDisposable
{
    private const string Url = "https://stir.example.net/ivr.pem";

    private readonly PeerServer _carrier = new();
    private readonly StirPki _pki = new(DateTimeOffset.UtcNow);

    public async ValueTask DisposeAsync()
    {
        await _carrier.DisposeAsync();
        _pki.Dispose();
    }

    /// <summary>The INVITE of a call out to this number, as this caller is bridged.</summary>
    private async Task<SipRequest> Invite(StirSigner? signer, string? callerId = "030123456", string headers = "", bool trusts = false, string? address = null)
    {
        Assert.True(SipUri.TryParse($"sip:127.0.0.1:{_carrier.EndPoint.Port};transport=tcp", out var proxy));
        var trunk = new EdgeTrunk
        {
            Name = "carrier",
            Tenant = "demo",
            Region = "DE",
            TrustsCallerIdentity = trusts,
            Outbound = new OutboundRoute { Proxy = proxy, FromDomain = "ivr.example", User = "ivr", CallerId = callerId, Signer = signer },
            Destinations = [DestinationRule.Parse("+49")!, DestinationRule.Parse("sip:agent@pbx.example")!],
            Srtp = SrtpPolicy.Off,
        };
        await using var host = await EdgeHost.Start(trunks: [trunk]);
        host.Flow = e => e is CallOffered
            ? [new Answer(), new Bridge { Trunk = "carrier", Number = address is null ? new PhoneNumber("+4930999999") : null, Address = address, RingTime = TimeSpan.FromSeconds(30), MostTalk = TimeSpan.FromMinutes(1) }]
            : [];
        await using var phone = Phone.Udp(host.Udp);
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp", headers: headers);
        await phone.Request("ACK", 1, (await phone.Final()).To.Tag);
        await using var stream = await _carrier.Accept();
        while (true)
        {
            var frame = await stream.Next();
            Assert.NotNull(frame);
            if (SipParser.Parse(frame.Value.Bytes).Message is SipRequest { Method: "INVITE" } invite) return invite;
        }
    }

    private static StirVerdict Verify(SipRequest invite, StirSignerOfTest provider, StirTrust trust, string? calling)
    {
        var request = StirRequest.Of(invite, new EdgeTrunk { Name = "t", Tenant = "x", Region = "DE" }, IPAddress.Loopback, calling);
        return StirVerifier.Judge(request, StirVerifier.Read(request), _ => new StirFetched(provider.Certificate, StirFailure.None), trust, new ReplayMemory(), DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task A_call_out_verifies_where_it_arrives()
    {
        var provider = _pki.Issue(StirPki.Numbers("4930123456"));
        var invite = await Invite(new StirSigner(provider.Key, Url, Attestation.B));
        var identity = Assert.Single(invite.Headers.All("Identity"));
        Assert.EndsWith($";info=<{Url}>;alg=ES256;ppt=shaken", identity, StringComparison.Ordinal);
        Assert.True(SipDate.TryParse(invite.Headers.First("Date"), out _));
        Assert.Equal(Attestation.B, Verify(invite, provider, _pki.Trust(), "030123456").Attestation);
        Assert.Equal(StirFailure.WrongOrigin, Verify(invite, provider, _pki.Trust(), "030123457").Failure);
    }

    [Fact]
    public void Every_call_has_a_passport_of_its_own()
    {
        var signer = new StirSigner(_pki.Issue(StirPki.Provider()).Key, Url, Attestation.A);
        Assert.True(SipUri.TryParse("sip:+4930999999@h", out var target));
        var (first, second) = (signer.Sign(_pki.Now, "+4930123456", target, null, "1"), signer.Sign(_pki.Now, "+4930123456", target, null, "2"));
        Assert.NotEqual(first[1].Value, second[1].Value);
    }

    [Fact]
    public async Task A_call_to_an_address_is_signed_for_the_address()
    {
        var provider = _pki.Issue(StirPki.Provider());
        var invite = await Invite(new StirSigner(provider.Key, Url, Attestation.A), address: "sip:agent@pbx.example");
        Assert.True(Verify(invite, provider, _pki.Trust(), "030123456").IsVerified);
    }

    [Fact]
    public async Task Without_a_key_or_a_number_nothing_is_signed()
    {
        Assert.False((await Invite(null)).Headers.Contains("Identity"));
        Assert.False((await Invite(new StirSigner(_pki.Issue(StirPki.Provider()).Key, Url, Attestation.A), callerId: "ivr")).Headers.Contains("Identity"));
    }

    /// <summary>A PASSporT would show what the caller wants hidden, and no number in From could be held against it.</summary>
    [Fact]
    public async Task A_hidden_caller_is_signed_for_only_to_who_is_told_the_number()
    {
        var provider = _pki.Issue(StirPki.Provider());
        var signer = new StirSigner(provider.Key, Url, Attestation.A);
        Assert.False((await Invite(signer, headers: "Privacy: id\r\n")).Headers.Contains("Identity"));
        var invite = await Invite(signer, headers: "Privacy: id\r\n", trusts: true);
        Assert.Equal("anonymous", invite.From.Uri.User);
        Assert.True(Verify(invite, provider, _pki.Trust(), "030123456").IsVerified);
    }
}
