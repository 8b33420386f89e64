using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>Identity headers, PASSporTs and their JSON, with the vectors of the standards.</summary>
public sealed class PassportTests
{
    private static string Es256 => "eyJhbGciOiJFUzI1NiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly9jZXJ0LmV4YW1wbGUub3JnL3Bhc3Nwb3J0LmNlciJ9.";

    private static ECDsa KeyOf(string body)
    {
        var key = ECDsa.Create();
        key.ImportFromPem($"-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
        return key;
    }

    private static Passport Read(string token)
    {
        Assert.Equal(StirFailure.None, Passport.Read(IdentityHeader.Read(token)!, out var passport));
        return passport!;
    }

    [Fact]
    public void The_diversion_of_rfc_8946_appendix_a_verifies_with_its_key()
    {
        using var key = KeyOf("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEmzGM1VsO+3IqbMF54rQMaYKQftO4\nhUYm9wv5wutLgEd9FsiTy3+4+Wa2O7pffOXPC0QzO+yD8hGEXGP/2mZo6w==");
        var passport = Read("eyJhbGciOiJFUzI1NiIsInBwdCI6ImRpdiIsInR5cCI6InBhc3Nwb3J0IiwieDV1IjoiaHR0cHM6Ly93d3cuZXhhbXBsZS5jb20vY2VydC5jZXIifQ"
            + ".eyJkZXN0Ijp7InRuIjpbIjEyMTU1NTUxMjE0Il19LCJkaXYiOnsidG4iOiIxMjE1NTU1NTEyMTMifSwiaWF0IjoxNDQzMjA4MzQ1LCJvcmlnIjp7InRuIjoiMTIxNTU1NTEyMTIifX0"
            + ".xBHWipDEEJ8a6TsdX6xUXAnblsFiGUiAxwLiv0HLC9IICj6eG9jQd6WzeSSjHRBwxmChHhVIiMTSqIlk3yCNkg;info=<https://www.example.com/cert.cer>;alg=ES256;ppt=\"div\"");
        Assert.True(passport.IsSignedBy(key));
        Assert.Equal(
            (PassportKind.Diversion, "https://www.example.com/cert.cer", 1443208345L, "12155551212", "121555551213", "12155551214"),
            (passport.Kind, passport.CertificateUrl, passport.IssuedAt, passport.Origin.Number, passport.Diverted.Number, Assert.Single(passport.Destinations).Number));
    }

    /// <summary>The signature as it is printed is none of the key that is printed beside it: an erratum, and a check that verification can say no.</summary>
    [Fact]
    public void The_example_of_rfc_8225_appendix_a_does_not_verify_as_it_is_printed()
    {
        using var key = KeyOf("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8HNbQd/TmvCKwPKHkMF9fScavGeH\n78YTU8qLS8I5HLHSSmlATLcslQMhNC/OhlWBYC626nIlo7XeebYS7Sb37g==");
        var passport = Read(Es256 + "eyJkZXN0Ijp7InVyaSI6WyJzaXA6YWxpY2VAZXhhbXBsZS5jb20iXX0sImlhdCI6MTQ3MTM3NTQxOCwib3JpZyI6eyJ0biI6IjEyMTU1NTUxMjEyIn19"
            + ".VLBCIVDCaeK6M4hLJb6SHQvacAQVvoiiEOWQ_iUkqk79UD81fHQ0E1b3_GluIkba7UWYRM47ZbNFdOJquE35cw;info=<https://cert.example.org/passport.cer>");
        Assert.Equal((PassportKind.Plain, "12155551212", "sip:alice@example.com"), (passport.Kind, passport.Origin.Number, passport.Destinations[0].Uri));
        Assert.False(passport.IsSignedBy(key));
    }

    /// <summary>RFC 8225 9.1, RFC 8588 8: names in order, no space.</summary>
    [Fact]
    public void What_is_written_has_the_form_of_the_standards_and_reads_the_same()
    {
        var text = Passport.Write(PassportKind.Shaken, "https://cert.example.org/passport.cer", 1443208345, new StirParty("12155551212", null), new StirParty("12155551213", null), Attestation.A,
            "123e4567-e89b-12d3-a456-426655440000");
        Assert.Equal(
            ["""{"alg":"ES256","ppt":"shaken","typ":"passport","x5u":"https://cert.example.org/passport.cer"}""",
             """{"attest":"A","dest":{"tn":["12155551213"]},"iat":1443208345,"orig":{"tn":"12155551212"},"origid":"123e4567-e89b-12d3-a456-426655440000"}"""],
            text.Split('.').Select(part => Encoding.UTF8.GetString(Base64Url.DecodeFromChars(part))));
        Assert.Equal(Es256[..^1], Passport.Write(PassportKind.Plain, "https://cert.example.org/passport.cer", 1, default, default).Split('.')[0]);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var passport = Read(Passport.Sign(text, key) + ";info=<https://cert.example.org/passport.cer>;alg=ES256;ppt=shaken");
        Assert.True(passport.IsSignedBy(key));
        Assert.Equal((Attestation.A, "12155551212"), (passport.Attestation, passport.Origin.Number));
    }

    [Theory]
    [InlineData("h.p.s;info=<https://a/b>;alg=ES256;ppt=shaken", "https://a/b", "ES256", "shaken")]
    [InlineData("h.p.s ; info = <https://a/b> ; ppt=\"shaken\"", "https://a/b", null, "shaken")]
    [InlineData("h.p.s;INFO=<https://a/b>;PPT=div;x;y=z", "https://a/b", null, "div")]
    [InlineData("..s;info=<https://a/b>", "https://a/b", null, null)]
    [InlineData("h.p.s", null, null, null)]
    public void A_header_is_its_three_parts_and_its_parameters(string value, string? info, string? algorithm, string? type)
    {
        var header = IdentityHeader.Read(value)!;
        Assert.Equal((info, algorithm, type, value.StartsWith('.')), (header.Info, header.Algorithm, header.Type, header.IsCompact));
        Assert.Equal("s", header.Signature);
    }

    [Theory]
    [InlineData("")]
    [InlineData(";info=<https://a/b>")]
    [InlineData("h.p")]
    [InlineData("h.p.")]
    [InlineData("h.p.s.t")]
    [InlineData("h..s")]
    [InlineData(".p.s")]
    [InlineData("h.p.s=;info=<a>")]
    [InlineData("h.p .s;info=<a>")]
    [InlineData("h.p.s,h.p.s;info=<a>")]
    [InlineData("h.p.s;")]
    [InlineData("h.p.s;;info=<a>")]
    [InlineData("h.p.s;info=")]
    [InlineData("h.p.s;info=<>")]
    [InlineData("h.p.s;info=<a")]
    [InlineData("h.p.s;info=<a b>")]
    [InlineData("h.p.s;info=<a\\>")]
    [InlineData("h.p.s;info=<a>;info=<b>")]
    [InlineData("h.p.s;ppt=shaken;ppt=div")]
    [InlineData("h.p.s;alg=a;alg=b")]
    [InlineData("h.p.s;info=<a> junk")]
    [InlineData("h.p.s;a;b;c;d;e;f;g;h;i")]
    public void What_is_no_header_is_refused(string value) => Assert.Null(IdentityHeader.Read(value));

    /// <summary>Found by fuzzing: the decoder threw.</summary>
    [Fact]
    public void A_signature_with_bits_left_over_or_of_another_length_is_malformed()
    {
        foreach (var signature in new[] { new string('A', 85) + "B", new string('A', 84), new string('A', 88), "A", "AAAAA", "AB" })
            Assert.Equal(StirFailure.Malformed, Passport.Read(IdentityHeader.Read(Es256 + "eyJkZXN0Ijp7InRuIjpbIjEiXX0sImlhdCI6MSwib3JpZyI6eyJ0biI6IjEifX0." + signature)!, out _));
    }

    [Fact]
    public void A_header_above_the_bound_is_refused() => Assert.Null(IdentityHeader.Read("h.p." + new string('s', StirLimits.HeaderLength)));

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"a":1,"b":[true,false,null,"x"],"c":{"d":-1.5e+3}}""")]
    [InlineData("""{"a":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}""")]
    [InlineData("""{"é":"ü"}""")]
    [InlineData("""[]""")]
    [InlineData("""-0""")]
    public void Canonical_json_is_read(string json) => Assert.NotNull(CanonicalJson.Read(Encoding.UTF8.GetBytes(json)));

    [Theory]
    [InlineData("")]
    [InlineData(" {}")]
    [InlineData("{} ")]
    [InlineData("{ }")]
    [InlineData("""{"a": 1}""")]
    [InlineData("""{"b":1,"a":2}""")]
    [InlineData("""{"a":1,"a":2}""")]
    [InlineData("""{"\u0061":1}""")]
    [InlineData("""{"a":1,}""")]
    [InlineData("""{"a"}""")]
    [InlineData("""{a:1}""")]
    [InlineData("""[1,]""")]
    [InlineData("""01""")]
    [InlineData("""1.""")]
    [InlineData("""1e""")]
    [InlineData("""+1""")]
    [InlineData("""tru""")]
    [InlineData("\"a")]
    [InlineData("\"\\x\"")]
    [InlineData("\"\\u12\"")]
    [InlineData("\"\\ud800\"")]
    [InlineData("\"\\udc00\\ud800\"")]
    [InlineData("\"a\u0001\"")]
    [InlineData("{}{}")]
    [InlineData("[[[[[[[[[]]]]]]]]]")]
    public void Json_in_any_other_form_is_refused(string json) => Assert.Null(CanonicalJson.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Json_that_is_no_utf_8_or_above_a_bound_is_refused()
    {
        Assert.Null(CanonicalJson.Read([(byte)'"', 0xFF, (byte)'"']));
        Assert.Null(CanonicalJson.Read(Encoding.ASCII.GetBytes("\"" + new string('a', StirLimits.JsonBytes) + "\"")));
        Assert.Null(CanonicalJson.Read(Encoding.ASCII.GetBytes("[" + string.Join(',', Enumerable.Repeat("1", StirLimits.JsonValues)) + "]")));
    }

    [Fact]
    public void A_number_too_large_for_any_time_is_no_whole_number() => Assert.Equal(JsonKind.Other, CanonicalJson.Read("99999999999999999999"u8)!.Kind);

    [Fact]
    public void Nothing_of_a_party_is_printed() => Assert.DoesNotContain("4930", new StirParty("4930123456", null).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("sip:+49-30-(123)456;ext=1@h", "4930123456")]
    [InlineData("tel:+4930123456;phone-context=a", "4930123456")]
    [InlineData("sip:030123456@h", "4930123456")]
    [InlineData("sip:bank@H.example:5060;transport=tcp", "sip:bank@h.example")]
    [InlineData("sips:b%61nk@h", "sip:bank@h")]
    public void Numbers_and_addresses_have_one_spelling(string uri, string expected)
    {
        Assert.True(Edge.Sip.Message.SipUri.TryParse(uri, out var parsed));
        var party = StirParty.Of(parsed, "DE");
        Assert.Equal(expected, party.Number ?? party.Uri);
    }
}
