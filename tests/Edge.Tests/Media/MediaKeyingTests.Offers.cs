using System.Text;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Media;
using IvrActors.Edge.Rtp;
using IvrActors.Edge.Srtp;
using IvrActors.Grains.Interfaces.Flows;
using Xunit;

namespace IvrActors.Edge.Tests.Media;

/// <summary>Calls whose first offer is ours and keyed by DTLS: the browser is the callee.</summary>
public sealed partial class MediaKeyingTests
{
    private const string SdesLine = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n";

    /// <summary>Our offer, which waits for an answer.</summary>
    private byte[] Dial(SrtpPolicy srtp = SrtpPolicy.Required)
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _browser, loops: 1, ownThreads: false);
        var offer = _engine.Answer([], Secure with { Offers = SrtpOffers.Dtls, Srtp = srtp }, _events);
        Assert.Equal((0, ""), (offer.Status, offer.Reason));
        _session = offer.Session!;
        return offer.Sdp;
    }

    private void IsAnswered(byte[] answer)
    {
        Assert.Equal(0, _session!.TakeAnswer(answer));
        _session.Start();
    }

    private void BePassive()
    {
        _browser.Dispose();
        _browser = new Browser(weAreClient: false);
    }

    /// <summary>What is heard by the browser there, all of it under its keys; and that it is heard.</summary>
    private void HearEachOther(MediaAddress at, char key = '5')
    {
        Assert.True(Until(() => _engine!.Handshakes.Running == 0)); // Our side may be the last to be keyed.
        _browser.Media.Clear();
        Run(0.2);
        Assert.NotEmpty(Audio());
        Assert.All(Audio(), m => Assert.Equal((at, SrtpRejection.None), (m.To, _browser.Receiver!.UnprotectRtp(m.Datagram, 12, out _))));
        _events.Keys.Clear();
        Press(key, 80000u * key);
        Run(0.2);
        Assert.Equal([key], _events.Keys);
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_callee_answers_our_offer_hears_and_is_heard_whoever_begins_and_with_or_without_ice(bool ice, bool active)
    {
        if (!active) BePassive();
        IsAnswered(_browser.Answer(Dial(), ice: ice));
        _session!.Play([new PromptPart { Prompt = "welcome" }], 1);
        Run(1);
        Assert.Empty(Audio());
        if (ice) Nominate();
        BecomeKeyed();
        HearEachOther(Browser.Home);
        Assert.True(_session.Srtp);
    }

    [Fact]
    public void A_call_out_offers_dtls_and_nothing_else_and_plain_when_it_is_tried_again_without()
    {
        Dial();
        var dtls = _engine!.Offer(_session!, Secure with { Offers = SrtpOffers.Dtls }, _events);
        Assert.Contains(" UDP/TLS/RTP/SAVPF 0 8 101\r\n", Encoding.ASCII.GetString(dtls.Sdp), StringComparison.Ordinal);
        Assert.DoesNotContain("a=crypto", Encoding.ASCII.GetString(dtls.Sdp), StringComparison.Ordinal);
        Assert.True(dtls.Session!.OffersSrtp);
        var plain = _engine.Offer(_session!, Secure with { Offers = SrtpOffers.Dtls, Srtp = SrtpPolicy.Off }, _events);
        Assert.Contains(" RTP/AVP 0 8 101\r\n", Encoding.ASCII.GetString(plain.Sdp), StringComparison.Ordinal);
        Assert.False(plain.Session!.OffersSrtp);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_callee_whose_certificate_is_not_the_one_of_its_answer_gets_no_keys_and_its_call_is_ended(bool active)
    {
        if (!active) BePassive();
        IsAnswered(_browser.Answer(Dial(), named: DtlsIdentity.Create(DateTimeOffset.UtcNow)));
        Nominate();
        Assert.True(Until(() => _engine!.Handshakes.Running == 1));
        Assert.True(Until(() => _engine!.Handshakes.Running == 0 || !active));
        IsEndedWithoutKeys();
    }

    [Fact]
    public void A_callee_that_never_shakes_hands_is_sent_nothing_and_its_call_is_ended()
    {
        IsAnswered(_browser.Answer(Dial()));
        Nominate();
        IsEndedWithoutKeys();
    }

    private void IsEndedWithoutKeys()
    {
        for (var i = 0; i < 20; i++) _browser.Send(PlainPress('9', (uint)i));
        Run(MediaEngine.KeyingTimeout.TotalSeconds - 1);
        Assert.Equal(0, _events.TimeOuts);
        Run(3);
        Assert.Equal(1, _events.TimeOuts);
        Assert.False(((MediaSession)_session!).IsKeyed);
        Assert.Empty(Audio());
        Assert.Empty(_events.Keys);
    }

    [Theory]
    [InlineData("RTP/SAVP", SdesLine)]
    [InlineData("RTP/AVP", "")]
    [InlineData("UDP/TLS/RTP/SAVPF", "a=setup:active\r\n")]
    [InlineData("UDP/TLS/RTP/SAVPF", SdesLine)]
    public void An_answer_without_a_fingerprint_is_refused_and_another_callees_is_taken(string protocol, string lines)
    {
        var offer = Dial(SrtpPolicy.Preferred);
        Assert.Equal(488, _session!.TakeAnswer(MediaEngineTests.OfferOf($"m=audio 4000 {protocol} 0\r\n{lines}")));
        IsAnswered(_browser.Answer(offer));
        Nominate();
        BecomeKeyed();
        HearEachOther(Browser.Home);
    }

    /// <summary>RFC 3261 13.2.2.4: one callee sounds before its answer, and another one answers.</summary>
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(true, true, false)]
    [InlineData(true, false, true)]
    [InlineData(false, true, true)]
    [InlineData(false, true, false)]
    [InlineData(false, false, true)]
    public void Each_callee_that_answers_our_offer_is_keyed_by_its_own_certificate_and_checked_by_what_the_offer_told(bool firstIce, bool secondIce, bool active)
    {
        if (!active) BePassive();
        var offer = Dial();
        IsAnswered(_browser.Answer(offer, ice: firstIce));
        if (firstIce) Nominate();
        BecomeKeyed();
        HearEachOther(Browser.Home);

        _browser.Identity = DtlsIdentity.Create(DateTimeOffset.UtcNow);
        if (secondIce) _browser.Address = Mobile;
        IsAnswered(_browser.Answer(offer, fragment: "newF", ice: secondIce));
        Assert.False(((MediaSession)_session!).IsKeyed);
        _browser.Media.Clear();
        Run(0.2);
        Assert.Empty(Audio());
        if (secondIce)
        {
            // Nor do we begin with the callee of before.
            Assert.False(Until(() => _engine!.Handshakes.Running > 0, seconds: 0.2));
            Nominate(Mobile);
        }
        BecomeKeyed();
        HearEachOther(_browser.Address, '6');
        Assert.Equal(LineOf(Encoding.ASCII.GetString(offer), "a=tls-id:"), LineOf(Encoding.ASCII.GetString(_session.Renegotiate([]).Sdp), "a=tls-id:"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_later_offer_of_ours_keeps_the_association_of_the_first(bool ice)
    {
        var first = Dial();
        IsAnswered(_browser.Answer(first, ice: ice));
        if (ice) Nominate();
        BecomeKeyed();
        var again = Encoding.ASCII.GetString(_session!.Renegotiate([]).Sdp);
        string[] kept = ["m=", "a=fingerprint:", "a=setup:actpass", "a=tls-id:", "a=mid:", "a=rtcp-mux", .. (string[])(ice ? ["a=ice-ufrag:", "a=ice-pwd:", "a=candidate:"] : [])];
        Assert.All(kept, start => Assert.Equal(LineOf(Encoding.ASCII.GetString(first), start), LineOf(again, start)));
        Assert.Equal(ice, again.Contains("a=ice", StringComparison.Ordinal));
        Assert.Equal(0, _session.Renegotiate(_browser.Offer(ice: ice, setup: "active")).Status);
        Assert.True(((MediaSession)_session).IsKeyed);
        HearEachOther(Browser.Home);
    }

    [Fact]
    public void A_callee_without_ice_gets_none_by_an_answer_to_an_offer_that_has_none()
    {
        IsAnswered(_browser.Answer(Dial(), ice: false));
        BecomeKeyed();
        Assert.DoesNotContain("a=ice", Encoding.ASCII.GetString(_session!.Renegotiate([]).Sdp), StringComparison.Ordinal);
        Assert.Equal(0, _session.Renegotiate(_browser.Offer(ice: true, setup: "active")).Status);
        Assert.True(((MediaSession)_session).IsKeyed);
        HearEachOther(Browser.Home);
    }

    [Theory]
    [InlineData(SrtpPolicy.Required, "fingerprint-needs-tls", "")]
    [InlineData(SrtpPolicy.Preferred, "", " RTP/AVP ")]
    public void No_fingerprint_is_offered_in_clear_signalling(SrtpPolicy srtp, string reason, string protocol)
    {
        using var engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _browser, loops: 1, ownThreads: false);
        var offer = engine.Answer([], new MediaPolicy(SecureSignalling: false, srtp, SdesWithoutTls: false) { Offers = SrtpOffers.Dtls }, _events);
        Assert.Equal(reason, offer.Reason);
        Assert.Contains(protocol, Encoding.ASCII.GetString(offer.Sdp), StringComparison.Ordinal);
        Assert.DoesNotContain("fingerprint", Encoding.ASCII.GetString(offer.Sdp), StringComparison.Ordinal);
    }
}
