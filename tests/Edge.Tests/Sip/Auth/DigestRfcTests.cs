using System.Text;
using IvrActors.Edge.Sip.Auth;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Auth;

public class DigestRfcTests
{
    [Theory]
    [InlineData("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")]
    [InlineData("MD5", "8ca523f5e9506fed4657c9700eebdbec")]
    public void The_example_of_RFC_7616_3_9_1(string algorithm, string response)
    {
        var credentials = DigestCredentials.Read("Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", algorithm=" + algorithm
            + ", nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\""
            + response + "\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"")!;
        var ha1 = DigestHash.Ha1(credentials.Algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
        Assert.True(credentials.Proves(ha1, "GET", default));
        Assert.False(credentials.Proves(ha1, "HEAD", default));
        Assert.False(credentials.Proves(DigestHash.Ha1(credentials.Algorithm, "Mufasa", "http-auth@example.org", "circle of life"), "GET", default));
    }

    [Fact]
    public void The_example_of_RFC_2617_3_5_and_its_form_without_qop_of_RFC_2069()
    {
        var ha1 = DigestHash.Ha1(DigestAlgorithm.Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        Assert.Equal("939e7578ed9e3c518a452acee763bce9", Encoding.ASCII.GetString(ha1));
        Assert.Equal("6629fae49393a05397450978507c4ef1", Response(DigestQop.Auth));
        Assert.Equal("670fd8c2df070c60b045671b8b24ff02", Response(DigestQop.None));

        string Response(DigestQop qop) => Encoding.ASCII.GetString(DigestHash.Response(new DigestCredentials
        {
            User = "Mufasa",
            Realm = "testrealm@host.com",
            Nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            Uri = "/dir/index.html",
            Response = "",
            Algorithm = DigestAlgorithm.Md5,
            Qop = qop,
            ClientNonce = "0a4f113b",
            Count = 1,
        }, ha1, "GET", default));
    }

    [Fact]
    public void Auth_int_covers_the_body()
    {
        var credentials = new DigestCredentials { User = "u", Realm = "r", Nonce = "n", Uri = "sip:x", Response = "", Algorithm = DigestAlgorithm.Sha256, Qop = DigestQop.AuthInt, ClientNonce = "c", Count = 1 };
        var ha1 = DigestHash.Ha1(DigestAlgorithm.Sha256, "u", "r", "p");
        Assert.NotEqual(DigestHash.Response(credentials, ha1, "INVITE", "a"u8.ToArray()), DigestHash.Response(credentials, ha1, "INVITE", "b"u8.ToArray()));
    }

    [Theory]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", algorithm=MD5, qop=auth, nc=00000001, cnonce=\"c\"", true)]
    [InlineData("digest  USERNAME = \"a\" ,realm=\"r\",nonce=\"n\",uri=\"sip:x\",response=\"0\",qop=\"AUTH\",nc=0000000a,cnonce=c", true)]
    [InlineData("Digest username=\"a\", username=\"b\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"", false)]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\"", false)]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=1, cnonce=\"c\"", false)]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=+0000001, cnonce=\"c\"", false)]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth-conf, nc=00000001, cnonce=\"c\"", false)]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", algorithm=SHA-256-sess, qop=auth, nc=00000001, cnonce=\"c\"", false)]
    [InlineData("Digest username=\"a, realm=\"r\"", false)]
    [InlineData("Digest username=\"a\\", false)]
    [InlineData("Digest username=", false)]
    [InlineData("Digest username", false)]
    [InlineData("Digest ,", false)]
    [InlineData("Digest", false)]
    [InlineData("Basic dTpw", false)]
    [InlineData("", false)]
    [InlineData("Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\" trailing", false)]
    public void Credentials_are_read_by_the_grammar_or_not_at_all(string value, bool readable)
    {
        var read = DigestCredentials.Read(value);
        Assert.Equal(readable, read is not null);
        if (read is not null) Assert.Equal(read.ToString(), DigestCredentials.Read(read.ToString())!.ToString());
    }

    [Fact]
    public void Too_many_and_too_long_fields_are_refused()
    {
        Assert.Null(DigestFields.Read("Digest " + string.Join(",", Enumerable.Range(0, 25).Select(i => $"a{i}=1"))));
        Assert.NotNull(DigestFields.Read("Digest " + string.Join(",", Enumerable.Range(0, 24).Select(i => $"a{i}=1"))));
        Assert.Null(DigestFields.Read($"Digest a=\"{new string('x', 2000)}\""));
    }

    [Fact]
    public void Quotes_and_backslashes_in_a_value_are_escaped_and_come_back()
    {
        var fields = DigestFields.Read("Digest a=" + DigestFields.Quote("x\"y\\z"))!;
        Assert.Equal("x\"y\\z", fields["A"]);
    }

    [Theory]
    [InlineData("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth,auth-int\"", "Sha256", "Auth")]
    [InlineData("Digest realm=\"r\", nonce=\"n\", algorithm=MD5, qop=\"auth-int\"", "Md5", "AuthInt")]
    [InlineData("Digest realm=\"r\", nonce=\"n\"", "Md5", "None")]
    [InlineData("Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256, qop=\"auth\"", null, null)]
    [InlineData("Digest realm=\"r\", nonce=\"n\", qop=\"auth-conf\"", null, null)]
    [InlineData("Digest realm=\"r\", qop=\"auth\"", null, null)]
    [InlineData("NTLM realm=\"r\", nonce=\"n\"", null, null)]
    public void Challenges_are_read_or_not_spoken(string value, string? algorithm, string? qop)
    {
        var challenge = DigestChallenge.Read(value);
        Assert.Equal((algorithm, qop), (challenge?.Algorithm.ToString(), challenge?.Qop.ToString()));
    }
}
