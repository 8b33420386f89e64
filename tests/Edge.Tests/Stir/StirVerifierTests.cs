using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>RFC 8224 6.2 in virtual time: what each Identity header proves, and with what a call is refused for one that proves nothing.</summary>
public sealed class StirVerifierTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly EdgeTrunk s_trunk = new() { Name = "t", Tenant = "demo" };

    private readonly StirPki _pki = new(s_now);
    private readonly ReplayMemory _replays = new();
    private readonly Dictionary<string, StirFetched> _web = [];
    private readonly StirSignerOfTest _provider;
    private StirTrust _trust;

    public StirVerifierTests()
    {
        _trust = _pki.Trust();
        _provider = _pki.Issue(StirPki.Provider());
        Serve(Identity.Url, _provider);
    }

    public void Dispose() => _pki.Dispose();

    private Identity Shaken => new(_provider, s_now);

    private Identity Signed(StirSignerOfTest signer)
    {
        Serve("https://other.example.net/a.pem", signer);
        return new Identity(signer, s_now) { X5u = "https://other.example.net/a.pem", Info = "https://other.example.net/a.pem" };
    }

    private void Serve(string url, StirSignerOfTest signer) => _web[url] = StirCertificate.Read(signer.Content) is { } certificate ? new(certificate, StirFailure.None) : new(null, StirFailure.BadCertificate);

    private StirVerdict Judge(params object[] identities) => Judge(Invite(identities));

    private StirVerdict Judge(SipRequest invite, EdgeTrunk? trunk = null, string? calling = "4915550001", string source = "192.0.2.1")
    {
        var request = StirRequest.Of(invite, trunk ?? s_trunk, IPAddress.Parse(source), calling);
        return StirVerifier.Judge(request, StirVerifier.Read(request), url => _web.TryGetValue(url, out var fetched) ? fetched : new(null, StirFailure.NotFetched), _trust, _replays, s_now);
    }

    private static SipRequest Invite(object[] identities, string called = "sip:+4930123456@h", string? to = null, string from = "<sip:+4915550001@h>", string more = "", string callId = "c1", string tag = "1") =>
        (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(
            $"INVITE {called} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: {from};tag={tag}\r\nTo: <{to ?? called}>\r\nCall-ID: {callId}\r\nCSeq: 1 INVITE\r\nContact: <sip:a@h>\r\nMax-Forwards: 70\r\n"
            + string.Concat(identities.Select(identity => $"Identity: {identity}\r\n")) + $"{more}Content-Length: 0\r\n\r\n")).Message!;

    private static void Fails(StirFailure failure, int status, StirVerdict verdict)
    {
        Assert.Equal((failure, status), (verdict.Failure, StirFailures.StatusOf(verdict.Failure)));
        Assert.False(verdict.IsVerified);
        Assert.Equal(failure == StirFailure.Missing ? Attestation.None : Attestation.Failed, verdict.Attestation);
    }

    [Theory, InlineData("A", Attestation.A), InlineData("B", Attestation.B), InlineData("C", Attestation.C)]
    public void A_valid_passport_gives_its_attestation(string attest, Attestation expected)
    {
        var verdict = Judge(Shaken with { Attestation = attest });
        Assert.Equal((StirFailure.None, expected, false, false), (verdict.Failure, verdict.Attestation, verdict.IsDiverted, verdict.HasPriority));
    }

    [Fact]
    public void A_plain_passport_verifies_and_attests_no_more_than_c() => Assert.Equal(Attestation.C, Judge(Shaken with { Type = null }).Attestation);

    [Fact]
    public void The_compact_form_is_made_again_from_the_signalling()
    {
        var signed = new Identity(_provider, s_now) { Type = null };
        var compact = ".." + signed.Token.Split('.')[2] + $";info=<{Identity.Url}>";
        var date = $"Date: {SipDate.Write(s_now)}\r\n";
        Assert.Equal(Attestation.C, Judge(Invite([compact], more: date)).Attestation);
        Fails(StirFailure.BadSignature, 438, Judge(Invite([compact], called: "sip:+4930999999@h", more: date)));
        Fails(StirFailure.BadSignature, 438, Judge(Invite([compact], more: $"Date: {SipDate.Write(s_now.AddSeconds(1))}\r\n")));
        Fails(StirFailure.Malformed, 438, Judge(Invite([compact])));
        Fails(StirFailure.Malformed, 438, Judge(Invite([compact + ";ppt=shaken"], more: date)));
    }

    [Fact]
    public void Without_a_header_or_with_unknown_kinds_only_there_is_no_identity()
    {
        Fails(StirFailure.Missing, 428, Judge());
        Fails(StirFailure.Missing, 428, Judge(Shaken with { Type = "rcd", Parameters = $";info=<{Identity.Url}>;ppt=rcd" }));
        // Also where only the PASSporT says so, and where what is unknown could not even be read.
        Fails(StirFailure.Missing, 428, Judge(Shaken with { Type = "rcd", Parameters = $";info=<{Identity.Url}>" }));
        Fails(StirFailure.Missing, 428, Judge("x.y.z;ppt=future"));
    }

    [Fact]
    public void A_header_that_is_malformed_gets_438()
    {
        foreach (var bad in new object[]
        {
            "nonsense", "a.b.c;info=<https://a/>", Shaken with { Header = "{}" }, Shaken with { Payload = "{}" }, Shaken with { Payload = "[]" },
            Shaken with { Header = """{"alg":"ES256","typ":"jwt","x5u":"https://cert.example.net/shaken.pem"}""" },
            Shaken with { Header = $$"""{"alg":"ES256","crit":["x"],"ppt":"shaken","typ":"passport","x5u":"{{Identity.Url}}"}""" },
            Shaken with { Header = $$"""{"typ":"passport","alg":"ES256","ppt":"shaken","x5u":"{{Identity.Url}}"}""" },
            Shaken with { Header = $$"""{"alg": "ES256","ppt":"shaken","typ":"passport","x5u":"{{Identity.Url}}"}""" },
            Shaken with { Parameters = $";info=<{Identity.Url}>;ppt=div" }, Shaken with { Attestation = "D" }, Shaken with { Callee = "sip:a@b" }, Shaken with { Caller = "" },
            Shaken with { Type = "div" }, Shaken with { Type = "rph" },
            Shaken with { Payload = """{"attest":"A","dest":{},"iat":1777636800,"orig":{"tn":"4915550001"},"origid":"1"}""" },
            Shaken with { Payload = """{"attest":"A","dest":{"tn":[]},"iat":1777636800,"orig":{"tn":"4915550001"},"origid":"1"}""" },
            Shaken with { Payload = """{"attest":"A","dest":{"tn":"4930123456"},"iat":1777636800,"orig":{"tn":"4915550001"},"origid":"1"}""" },
            Shaken with { Payload = """{"attest":"A","dest":{"tn":["4930123456"]},"iat":"1777636800","orig":{"tn":"4915550001"},"origid":"1"}""" },
            Shaken with { Payload = """{"attest":"A","dest":{"tn":["4930123456"]},"iat":1777636800,"orig":{"tn":"4915550001","uri":"sip:a@b"},"origid":"1"}""" },
            Shaken with { Payload = """{"attest":"A","dest":{"tn":["4930123456"]},"iat":1777636800,"orig":{"tn":"4915550001"}}""" },
        })
        {
            Fails(StirFailure.Malformed, 438, Judge(bad));
        }
    }

    [Theory, InlineData("none"), InlineData("HS256"), InlineData("RS256"), InlineData("es256")]
    public void No_other_algorithm_than_es256_is_taken(string algorithm)
    {
        Fails(StirFailure.Malformed, 438, Judge(Shaken with { Algorithm = algorithm }));
        Fails(StirFailure.Malformed, 438, Judge(Shaken with { Parameters = $";info=<{Identity.Url}>;alg={algorithm};ppt=shaken" }));
    }

    [Fact]
    public void The_certificate_must_be_named_and_by_both_the_same()
    {
        Fails(StirFailure.BadInfo, 436, Judge(Shaken with { Info = null }));
        Fails(StirFailure.BadInfo, 436, Judge(Shaken with { Info = "https://other.example.net/a.pem" }));
        Fails(StirFailure.NotFetched, 436, Judge(Shaken with { Info = "https://nowhere.example.net/", X5u = "https://nowhere.example.net/" }));
    }

    [Theory, InlineData(61), InlineData(-61), InlineData(3600), InlineData(-1e9), InlineData(1e9)]
    public void A_passport_of_another_minute_gets_403_stale_date(double age)
    {
        var verdict = Judge(Shaken with { Age = TimeSpan.FromSeconds(age) });
        Fails(StirFailure.Stale, 403, verdict);
        Assert.Equal("Stale Date", StirFailures.PhraseOf(verdict.Failure));
    }

    [Fact]
    public void A_time_that_no_clock_can_show_is_stale() =>
        Fails(StirFailure.Stale, 403, Judge(Shaken with { Payload = """{"attest":"A","dest":{"tn":["4930123456"]},"iat":9223372036854775807,"orig":{"tn":"4915550001"},"origid":"1"}""" }));

    [Theory, InlineData(60), InlineData(-60), InlineData(0)]
    public void A_minute_either_way_is_fresh(int age) => Assert.True(Judge(Shaken with { Age = TimeSpan.FromSeconds(age) }).IsVerified);

    [Fact]
    public void A_date_that_is_stale_is_refused_as_well()
    {
        Fails(StirFailure.Stale, 403, Judge(Invite([Shaken], more: $"Date: {SipDate.Write(s_now.AddSeconds(-90))}\r\n")));
        Assert.True(Judge(Invite([Shaken], more: $"Date: {SipDate.Write(s_now.AddSeconds(-30))}\r\n")).IsVerified);
    }

    [Fact]
    public void A_certificate_that_is_expired_or_not_valid_yet_gets_437()
    {
        Fails(StirFailure.Expired, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), until: TimeSpan.FromSeconds(-1)))));
        Fails(StirFailure.Expired, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), from: TimeSpan.FromHours(1)))));
        // Valid now, and not when it signed (RFC 8224 6.2, step 4).
        Fails(StirFailure.Expired, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), from: TimeSpan.FromSeconds(-10))) with { Age = TimeSpan.FromSeconds(30) }));
    }

    [Fact]
    public void A_chain_to_another_root_or_without_its_intermediate_gets_437()
    {
        using var stranger = new StirPki(s_now);
        Fails(StirFailure.Untrusted, 437, Judge(Signed(stranger.Issue(StirPki.Provider()))));
        Fails(StirFailure.Untrusted, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), withIntermediate: false))));
        _trust = StirTrust.None;
        Fails(StirFailure.Untrusted, 437, Judge(Shaken));
    }

    [Fact]
    public void A_certificate_that_is_none_for_telephone_numbers_gets_437()
    {
        Fails(StirFailure.BadCertificate, 437, Judge(Signed(_pki.Issue(null))));
        Fails(StirFailure.BadCertificate, 437, Judge(Signed(_pki.Issue([0x05, 0x00]))));
        Fails(StirFailure.BadCertificate, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), curve: ECCurve.NamedCurves.nistP384)) with { Signer = _provider }));
        Fails(StirFailure.BadCertificate, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), isAuthority: true))));
        Fails(StirFailure.BadCertificate, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), usage: X509KeyUsageFlags.KeyEncipherment))));
        Assert.True(Judge(Signed(_pki.Issue(StirPki.Provider(), usage: X509KeyUsageFlags.DigitalSignature))).IsVerified);
    }

    [Theory, InlineData(StirPki.BasicConstraints), InlineData(StirPki.KeyUsage)]
    public void A_certificate_with_an_extension_that_cannot_be_read_gets_437(string extension) =>
        Fails(StirFailure.BadCertificate, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), more: new X509Extension(extension, [0x04, 0x7F], true)))));

    [Fact]
    public void A_certificate_that_lists_numbers_speaks_for_no_other()
    {
        Fails(StirFailure.NoAuthority, 437, Judge(Signed(_pki.Issue(StirPki.Numbers("4915550002")))));
        Assert.True(Judge(Signed(_pki.Issue(StirPki.Numbers("4915550001")))).IsVerified);
        Assert.True(Judge(Invite([Signed(_pki.Issue(StirPki.Range("4915550000", 10)))])).IsVerified);
    }

    [Fact]
    public void An_authority_that_is_given_numbers_gives_no_others()
    {
        using var delegated = new StirPki(s_now, StirPki.Range("4915550000", 10));
        _trust = delegated.Trust();
        Assert.True(Judge(Signed(delegated.Issue(StirPki.Numbers("4915550001")))).IsVerified);
        Fails(StirFailure.NoAuthority, 437, Judge(Signed(delegated.Issue(StirPki.Provider()))));
        Fails(StirFailure.NoAuthority, 437, Judge(Signed(delegated.Issue(StirPki.Numbers("4915550001", "4915550010")))));
        using var unreadable = new StirPki(s_now, [0x05, 0x00]);
        _trust = unreadable.Trust();
        Fails(StirFailure.NoAuthority, 437, Judge(Signed(unreadable.Issue(StirPki.Numbers("4915550001")))));
    }

    [Fact]
    public void A_revoked_certificate_gets_437_be_it_the_leaf_or_the_intermediate()
    {
        _trust = _pki.Trust(StirCrl.Read(_pki.Crl([9]))!);
        Fails(StirFailure.Revoked, 437, Judge(Signed(_pki.Issue(StirPki.Provider(), serial: 9))));
        Assert.True(Judge(Shaken).IsVerified);
        _trust = _pki.Trust(StirCrl.Read(Encoding.ASCII.GetBytes(PemEncoding.WriteString("X509 CRL", _pki.Crl([2], ofRoot: true))))!);
        Fails(StirFailure.Revoked, 437, Judge(Shaken));
    }

    [Fact]
    public void A_list_that_is_over_its_time_lets_nobody_pass_and_one_of_a_stranger_says_nothing()
    {
        _trust = _pki.Trust(StirCrl.Read(_pki.Crl([9], until: TimeSpan.FromSeconds(-1)))!);
        Fails(StirFailure.RevocationUnknown, 437, Judge(Shaken));
        using var stranger = new StirPki(s_now);
        _trust = _pki.Trust(StirCrl.Read(stranger.Crl([7]))!);
        Assert.True(Judge(Shaken).IsVerified);
    }

    [Fact]
    public void What_is_no_revocation_list_is_none() => Assert.All([[], "junk"u8.ToArray(), _provider.Content], bytes => Assert.Null(StirCrl.Read(bytes)));

    [Fact]
    public void Another_key_or_a_changed_payload_gets_438()
    {
        var other = _pki.Issue(StirPki.Provider(), serial: 8);
        Fails(StirFailure.BadSignature, 438, Judge(Shaken with { Signer = other }));
        var parts = Shaken.ToString().Split('.');
        Fails(StirFailure.BadSignature, 438, Judge($"{parts[0]}.{(Shaken with { Attestation = "B" }).Token.Split('.')[1]}.{string.Join('.', parts[2..])}"));
    }

    [Fact]
    public void The_originator_is_who_the_signalling_names()
    {
        Fails(StirFailure.WrongOrigin, 438, Judge(Shaken with { Caller = "4915550002" }));
        Fails(StirFailure.WrongOrigin, 438, Judge(Invite([Shaken]), calling: "+4915550002"));
        Fails(StirFailure.WrongOrigin, 438, Judge(Invite([Shaken], from: "<sip:anonymous@anonymous.invalid>"), calling: null));
    }

    [Fact]
    public void Numbers_are_compared_as_the_country_of_the_trunk_writes_them()
    {
        var german = new EdgeTrunk { Name = "t", Tenant = "demo", Region = "DE" };
        var identity = Shaken with { Caller = "493055501234", Callee = "4930123456" };
        Assert.True(Judge(Invite([identity], called: "sip:030123456@h"), german, "03055501234").IsVerified);
    }

    [Fact]
    public void The_destination_is_whom_the_call_reached_and_to_alone_does_not_do()
    {
        Fails(StirFailure.WrongDestination, 438, Judge(Shaken with { Callee = "4930999999" }));
        // Signed for a call to somebody else, who sends it on to us as it is.
        Fails(StirFailure.WrongDestination, 438, Judge(Invite([Shaken with { Callee = "4930999999" }], to: "sip:+4930999999@h")));
        Fails(StirFailure.WrongDestination, 438, Judge(Invite([Shaken with { Callee = "4930999999" }], called: "sip:bank@h", to: "sip:+4930999999@h")));
    }

    [Fact]
    public void A_number_of_ours_in_to_suffices_where_the_request_shows_none()
    {
        var trunk = new EdgeTrunk { Name = "t", Tenant = "demo", Stir = new TrunkStir { Policy = StirPolicy.Mark, Numbers = new HashSet<string> { "4930123456" } } };
        Assert.True(Judge(Invite([Shaken], called: "sip:bank@h", to: "sip:+4930123456@h"), trunk).IsVerified);
        Fails(StirFailure.WrongDestination, 438, Judge(Invite([Shaken], called: "sip:+4930999999@h", to: "sip:+4930123456@h"), trunk));
    }

    [Fact]
    public void An_address_is_a_destination_as_well() =>
        Assert.True(Judge(Invite([Shaken with { Payload = $$$"""{"attest":"A","dest":{"uri":["sip:bank@H"]},"iat":{{{s_now.ToUnixTimeSeconds()}}},"orig":{"tn":"4915550001"},"origid":"1"}""" }], called: "sip:bank@h")).IsVerified);

    [Fact]
    public void Signed_diversions_lead_from_whom_was_meant_to_whom_was_reached()
    {
        var meant = Shaken with { Callee = "4930111111" };
        var first = new Identity(_provider, s_now) { Type = "div", Diverted = "4930111111", Callee = "4930222222" };
        var second = new Identity(_provider, s_now) { Type = "div", Diverted = "4930222222", Callee = "4930123456" };
        var verdict = Judge(meant, second, first);
        Assert.Equal((Attestation.B, true), (verdict.Attestation, verdict.IsDiverted));
        Fails(StirFailure.WrongDestination, 438, Judge(meant, second));
        Fails(StirFailure.WrongDestination, 438, Judge(meant, first));
        Fails(StirFailure.WrongDestination, 438, Judge(meant, first, second with { Caller = "4915550002" }));
        // Who diverts needs authority for the number that was called, not for the caller's.
        Fails(StirFailure.WrongDestination, 438, Judge(meant, first, Signed(_pki.Issue(StirPki.Numbers("4915550001"), serial: 3)) with { Type = "div", Diverted = "4930222222", Callee = "4930123456" }));
        Assert.True(Judge(Shaken with { Callee = "4930111111" }, first, Signed(_pki.Issue(StirPki.Numbers("4930222222"), serial: 3)) with { Type = "div", Diverted = "4930222222", Callee = "4930123456" }).IsVerified);
        // A diversion says nothing of who calls.
        Fails(StirFailure.Missing, 428, Judge(second));
        // In a circle.
        Fails(StirFailure.WrongDestination, 438, Judge(meant, first, second with { Callee = "4930111111" }));
    }

    [Theory, InlineData("A", Attestation.B), InlineData("B", Attestation.B), InlineData("C", Attestation.C)]
    public void A_diverted_call_is_attested_in_part_at_most(string attest, Attestation expected)
    {
        var meant = Shaken with { Attestation = attest, Callee = "4930111111" };
        var diversion = new Identity(_provider, s_now) { Type = "div", Diverted = "4930111111", Callee = "4930123456" };
        Assert.Equal((expected, true), (Judge(meant, diversion).Attestation, Judge(meant, diversion).IsDiverted));
        // One that was given for a call to us counts in full beside it.
        Assert.Equal((Attestation.A, false), (Judge(meant, diversion, Shaken).Attestation, Judge(meant, diversion, Shaken).IsDiverted));
    }

    [Fact]
    public void A_signed_priority_is_told_and_is_no_identity()
    {
        var priority = new Identity(_provider, s_now) { Type = "rph", Priority = "ets.0" };
        Assert.True(Judge(Shaken, priority).HasPriority);
        Fails(StirFailure.Missing, 428, Judge(priority));
        var unsigned = Judge(Invite([Shaken, priority with { Signer = _pki.Issue(StirPki.Provider(), serial: 8) }]));
        Assert.True(unsigned is { IsVerified: true, HasPriority: false });
    }

    [Fact]
    public void One_valid_header_of_several_suffices_and_the_best_counts()
    {
        var bad = Shaken with { Caller = "4915550002" };
        Assert.Equal(Attestation.A, Judge(bad, "nonsense", Shaken with { Attestation = "B" }, Shaken).Attestation);
        Fails(StirFailure.WrongOrigin, 438, Judge(bad, "nonsense"));
        Fails(StirFailure.Malformed, 438, Judge("nonsense", bad));
    }

    [Fact]
    public void Headers_above_the_bound_are_not_looked_at() =>
        Fails(StirFailure.Malformed, 438, Judge([.. Enumerable.Repeat<object>("nonsense", StirLimits.Headers), Shaken]));

    [Fact]
    public void One_call_has_no_more_than_three_certificates_fetched()
    {
        var identities = Enumerable.Range(0, StirLimits.Headers).Select(object (i) => Shaken with { X5u = $"https://{i / 2}/", Info = $"https://{i / 2}/" }).ToArray();
        Assert.Equal(["https://0/", "https://1/", "https://2/"], StirVerifier.UrlsOf(StirVerifier.Read(StirRequest.Of(Invite(identities), s_trunk, IPAddress.Loopback, "4915550001"))));
    }

    [Fact]
    public void A_passport_that_came_with_another_call_proves_nothing()
    {
        var identity = Shaken.ToString();
        Assert.True(Judge(Invite([identity])).IsVerified);
        Assert.True(Judge(Invite([identity])).IsVerified);
        Fails(StirFailure.Replayed, 438, Judge(Invite([identity], callId: "c2")));
        Assert.True(Judge(Invite([Shaken], callId: "c2")).IsVerified);
        // Nor does the same Call-ID make it the same call.
        Fails(StirFailure.Replayed, 438, Judge(Invite([identity], tag: "2")));
        Fails(StirFailure.Replayed, 438, Judge(Invite([identity]), source: "192.0.2.2"));
        Fails(StirFailure.Replayed, 438, Judge(Invite([identity]), new EdgeTrunk { Name = "other", Tenant = "demo" }));
        Assert.True(Judge(Invite([identity])).IsVerified);
    }

    [Fact]
    public void The_other_half_that_a_signature_may_have_is_no_other_passport()
    {
        var parts = Shaken.ToString().Split(';', 2);
        var token = parts[0].Split('.');
        var signature = System.Buffers.Text.Base64Url.DecodeFromChars(token[2]);
        var order = System.Numerics.BigInteger.Parse("0FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", System.Globalization.NumberStyles.HexNumber, null);
        var s = order - new System.Numerics.BigInteger(signature.AsSpan(32), isUnsigned: true, isBigEndian: true);
        var bytes = s.ToByteArray(isUnsigned: true, isBigEndian: true);
        signature.AsSpan(32).Clear();
        bytes.CopyTo(signature, 64 - bytes.Length);
        var twin = $"{token[0]}.{token[1]}.{System.Buffers.Text.Base64Url.EncodeToString(signature)};{parts[1]}";
        Assert.True(Judge(Invite([twin])).IsVerified);
        Fails(StirFailure.Replayed, 438, Judge(Invite([string.Join(';', parts)], callId: "c2")));
    }

    [Fact]
    public void What_was_used_is_forgotten_when_it_is_stale_and_above_the_bound()
    {
        var memory = new ReplayMemory(2);
        Assert.True(memory.TryUse(s_now, 1, "a"));
        Assert.False(memory.TryUse(s_now.AddSeconds(120), 1, "b"));
        Assert.True(memory.TryUse(s_now.AddSeconds(121), 1, "b"));
        Assert.True(memory.TryUse(s_now.AddSeconds(121), 2, "b"));
        Assert.True(memory.TryUse(s_now.AddSeconds(121), 3, "b"));
        Assert.True(memory.TryUse(s_now.AddSeconds(121), 1, "c"));
    }
}
