using System.Buffers.Text;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CsCheck;
using IvrActors.Edge.Net.Tls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Security.Nodes;

public sealed class NodeTokenTests : IDisposable
{
    private readonly NodePki _pki = new();
    private readonly FakeTimeProvider _time = new(NodePki.Now);
    private readonly NodeCertificate _silo;
    private readonly NodeTokenVerifier _verifier;

    public NodeTokenTests()
    {
        _silo = _pki.Node("silo-1", NodeRoles.Silo);
        _verifier = new NodeTokenVerifier(_silo, _time);
    }

    public void Dispose() => _pki.Dispose();

    [Theory]
    [InlineData("edge", "node-1", Roles.Edge)]
    [InlineData("edge", "node-1", Roles.Node)]
    [InlineData("dashboard", "node-1", Roles.Node)]
    [InlineData("dashboard", "ann", Roles.Administrator)]
    [InlineData("dashboard", "dashboard", Roles.SignIn)]
    [InlineData("dashboard", "dashboard", Roles.Devices)]
    [InlineData("silo", "ann", Roles.Viewer)]
    [InlineData("silo", "command-line", Roles.Administrator)]
    [InlineData("edge,dashboard", "ann", Roles.Operator)]
    public void A_node_says_what_is_its_to_say(string node, string name, string role)
    {
        var token = _verifier.Verify(Tokens(NodePki.RolesOf(node)).Issue(name, role));
        Assert.Equal((name, role), (token?.Name, token?.Role));
    }

    // Made past the node's own check, as somebody who took the node over would.
    [Theory]
    [InlineData("edge", "ann", Roles.Viewer)]
    [InlineData("edge", "node-1", Roles.Administrator)]
    [InlineData("edge", "node-1", Roles.SignIn)]
    [InlineData("edge", "node-2", Roles.Edge)]
    [InlineData("dashboard", "node-2", Roles.Node)]
    [InlineData("monitor", "node-1", Roles.Node)]
    [InlineData("dashboard", "node-1", Roles.Edge)]
    [InlineData("dashboard", "command-line", Roles.Administrator)]
    [InlineData("dashboard", "System", Roles.Administrator)]
    [InlineData("monitor", "ann", Roles.Viewer)]
    [InlineData("silo", "system", RoleTokens.SystemRole)]
    [InlineData("silo", "system", Roles.Administrator)]
    [InlineData("dashboard", "ann", "emperor")]
    [InlineData("dashboard", "ann", "")]
    public void What_is_not_a_nodes_to_say_is_not_made_and_not_believed(string node, string name, string role)
    {
        Assert.Throws<ArgumentException>(() => Tokens(NodePki.RolesOf(node)).Issue(name, role));
        Assert.Null(_verifier.Verify(Forged(NodePki.RolesOf(node), name, role)));
    }

    [Fact]
    public void A_token_counts_for_twelve_minutes_and_one_that_claims_more_does_not_count()
    {
        var text = Tokens(NodeRoles.Edge).Issue("node-1", Roles.Edge);
        Assert.NotNull(_verifier.Verify(text));
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.NotNull(_verifier.Verify(text));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(_verifier.Verify(text));
        Assert.Null(_verifier.Verify(Forged(NodeRoles.Edge, "node-1", Roles.Edge, TimeSpan.FromMinutes(19))));
        Assert.Null(_verifier.Verify(Forged(NodeRoles.Edge, "node-1", Roles.Edge, TimeSpan.FromDays(3650))));
    }

    [Theory, InlineData(-5), InlineData(5)]
    public void A_node_whose_clock_is_five_minutes_off_is_still_believed(int minutes)
    {
        var (own, theirs) = (new FakeTimeProvider(NodePki.Now), new FakeTimeProvider(NodePki.Now.AddMinutes(minutes)));
        var (verifier, tokens) = (new NodeTokenVerifier(_silo, own), new NodeRoleTokens(_pki.Node("node-1", NodeRoles.Edge), theirs));
        for (var i = 0; i < 30; i++)
        {
            Assert.NotNull(verifier.Verify(tokens.Issue("node-1", Roles.Edge)));
            own.Advance(TimeSpan.FromMinutes(1));
            theirs.Advance(TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public void A_token_is_signed_anew_at_half_of_its_life_and_at_once_with_a_new_certificate()
    {
        var certificate = _pki.Node("node-1", NodeRoles.Edge);
        var tokens = new NodeRoleTokens(certificate, _time);
        var first = tokens.Issue("node-1", Roles.Edge);
        _time.Advance(NodeRoleTokens.Life / 2 - TimeSpan.FromSeconds(1));
        Assert.Equal(first, tokens.Issue("node-1", Roles.Edge));
        _time.Advance(TimeSpan.FromSeconds(1));
        var second = tokens.Issue("node-1", Roles.Edge);
        Assert.NotEqual(first, second);
        _pki.Issue("node-1", NodeRoles.Edge);
        Assert.Equal(CertificateReload.Replaced, certificate.Reload(NodePki.Now));
        var third = tokens.Issue("node-1", Roles.Edge);
        Assert.NotEqual(second.Split('.')[2], third.Split('.')[2]);
        Assert.NotNull(_verifier.Verify(third));
    }

    [Fact]
    public void A_token_of_another_CA_or_of_an_expired_certificate_is_not_believed()
    {
        using var strangers = new NodePki(strangers: true);
        Assert.Null(_verifier.Verify(new NodeRoleTokens(strangers.Node("node-1", NodeRoles.Edge), _time).Issue("node-1", Roles.Edge)));
        var proof = _pki.Proof(NodeRoles.Edge, NodePki.Now.AddDays(-20), TimeSpan.FromDays(10));
        Assert.Null(_verifier.Verify(Sign(proof, "peer", Roles.Edge, TimeSpan.FromMinutes(5))));
    }

    [Fact]
    public void A_token_does_not_outlive_its_certificate()
    {
        var proof = _pki.Proof(NodeRoles.Edge, _time.GetUtcNow(), TimeSpan.FromMinutes(3));
        var text = Sign(proof, "peer", Roles.Edge, TimeSpan.FromMinutes(10));
        Assert.NotNull(_verifier.Verify(text));
        _time.Advance(TimeSpan.FromMinutes(3));
        Assert.Null(_verifier.Verify(text));
        Assert.Null(_verifier.Verify(Sign(proof, "peer", Roles.Edge, TimeSpan.FromMinutes(5))));
    }

    [Fact]
    public void What_was_believed_under_a_CA_that_is_gone_is_believed_no_more()
    {
        using var next = new NodePki(strangers: true);
        var settings = _pki.Issue("silo-2", NodeRoles.Silo);
        using var folder = new TestFolder();
        var bundle = Path.Combine(folder, "ca.pem");
        File.WriteAllText(bundle, File.ReadAllText(settings.AuthorityFile) + File.ReadAllText(next.Issue("silo-2", NodeRoles.Silo).AuthorityFile));
        var own = NodeCertificate.Load(next.Issue("silo-2", NodeRoles.Silo) with { AuthorityFile = bundle }, new NodeIdentity("silo-2", NodeRoles.Silo), NodePki.Now);
        var verifier = new NodeTokenVerifier(own, _time);
        var text = Tokens(NodeRoles.Edge).Issue("node-1", Roles.Edge);
        Assert.NotNull(verifier.Verify(text));
        File.Copy(next.Issue("silo-2", NodeRoles.Silo).AuthorityFile, bundle, overwrite: true);
        Assert.Equal(CertificateReload.Replaced, own.Reload(NodePki.Now));
        Assert.Null(verifier.Verify(text));
    }

    [Fact]
    public void What_was_believed_of_a_certificate_that_is_revoked_is_believed_no_more()
    {
        var stolen = _pki.Proof(NodeRoles.Edge);
        var text = Sign(stolen, "peer", Roles.Edge, TimeSpan.FromMinutes(5));
        Assert.NotNull(_verifier.Verify(text));
        _pki.Revoke(stolen);
        Assert.Equal(CertificateReload.Replaced, _silo.Reload(NodePki.Now));
        Assert.Null(_verifier.Verify(text));
        Assert.NotNull(_verifier.Verify(Tokens(NodeRoles.Edge).Issue("node-1", Roles.Edge)));
    }

    [Fact]
    public void A_token_is_its_own_certificates()
    {
        var (mine, others) = (_pki.Proof(NodeRoles.Edge), _pki.Proof(NodeRoles.Edge));
        var parts = Sign(mine, "peer", Roles.Edge, TimeSpan.FromMinutes(5)).Split('.');
        Assert.Null(_verifier.Verify($"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(others.Certificate.RawData)}"));
        // Says that another node signed it.
        using var key = mine.Certificate.GetECDsaPrivateKey()!;
        Assert.Null(_verifier.Verify(NodeToken.Sign("node-2", Roles.Edge, _time.GetUtcNow().AddMinutes(5), "node-2", key, mine.Certificate.RawData)));
    }

    [Fact]
    public void Whatever_is_cut_off_or_changed_is_not_believed()
    {
        var text = Tokens(NodeRoles.Edge).Issue("node-1", Roles.Edge);
        for (var length = 0; length < text.Length; length++) Assert.Null(_verifier.Verify(text[..length]));
        for (var at = 0; at < text.Length; at += 7) Assert.Null(_verifier.Verify(text[..at] + (text[at] == 'A' ? 'B' : 'A') + text[(at + 1)..]));
        foreach (var spelled in new[] { text + "=", " " + text, text + "\n", text + ".", text.Replace(".", "..", StringComparison.Ordinal), text + new string('A', NodeToken.MostCharacters) })
            Assert.Null(_verifier.Verify(spelled));
        Assert.NotNull(_verifier.Verify(text));
    }

    [Fact]
    public void No_text_makes_the_parser_throw_and_what_it_takes_has_one_spelling()
    {
        var part = Gen.OneOf(Gen.String[Gen.Char["AZaz09-_=|"], 0, 90], Gen.Byte.Array[0, 100].Select(bytes => Base64Url.EncodeToString(bytes)),
            Gen.Select(Gen.String, Gen.String, Gen.Long, Gen.String).Select((name, role, at, node) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($"{name}|{role}|{at}|{node}"))));
        var signature = Gen.OneOf(part, Gen.Byte.Array[64].Select(bytes => Base64Url.EncodeToString(bytes)));
        var whole = Gen.Select(part, signature, part).Select((body, signed, certificate) => $"{body}.{signed}.{certificate}");
        var taken = 0;
        Gen.OneOf(Gen.String, whole, whole, whole).Sample(text =>
        {
            if (NodeToken.Parse(text) is not { } token) return;
            Interlocked.Increment(ref taken);
            Assert.DoesNotContain('=', text);
            Assert.Null(NodeToken.Parse(text + "="));
            Assert.Null(_verifier.Verify(text));
            Assert.DoesNotContain('|', token.Name + token.Role + token.Node);
        }, iter: 20_000);
        Assert.NotEqual(0, taken);
    }

    [Theory]
    [InlineData("a|administrator|9999999999", Roles.Viewer)]
    [InlineData("a", "viewer|9999999999")]
    public void A_name_that_claims_more_is_not_signed(string name, string role)
    {
        using var key = _silo.Current.Certificate.GetECDsaPrivateKey()!;
        Assert.Throws<ArgumentException>(() => NodeToken.Sign(name, role, _time.GetUtcNow(), "silo-1", key, _silo.Current.Certificate.RawData));
        Assert.Throws<ArgumentException>(() => NodeToken.Sign(new string('x', 700), Roles.Viewer, _time.GetUtcNow(), "silo-1", key, _silo.Current.Certificate.RawData));
    }

    [Fact]
    public void The_two_kinds_of_tokens_are_told_apart_by_their_form()
    {
        var text = Tokens(NodeRoles.Edge).Issue("node-1", Roles.Edge);
        Assert.True(NodeToken.IsLike(text));
        Assert.Null(RoleToken.Verify(new byte[32], text, _time.GetUtcNow()));
        Assert.False(NodeToken.IsLike(new RoleToken { Name = "a.b", Role = Roles.Edge, Expires = _time.GetUtcNow() }.Sign(new byte[32])));
    }

    [Fact]
    public void The_cache_holds_what_is_asked_for_and_never_more_than_two_halves()
    {
        var cache = new BoundedCache<string>(10);
        for (var i = 0; i < 1000; i++)
        {
            cache.Add($"{i}", "x");
            Assert.True(i == 0 || cache.TryGet("0", out _));
        }
        Assert.InRange(Enumerable.Range(0, 1000).Count(i => cache.TryGet($"{i}", out _)), 5, 20);
    }

    private NodeRoleTokens Tokens(NodeRoles node) => new(_pki.Node("node-1", node), _time);

    private string Forged(NodeRoles node, string name, string role, TimeSpan? life = null) => Sign(_pki.Node("node-1", node).Current, name, role, life ?? TimeSpan.FromMinutes(5));

    private string Sign(NodeProof proof, string name, string role, TimeSpan life)
    {
        using var key = proof.Certificate.GetECDsaPrivateKey()!;
        return NodeToken.Sign(name, role, _time.GetUtcNow() + life, proof.Identity!.Name, key, proof.Certificate.RawData);
    }
}
