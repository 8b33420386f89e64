using System.IO.Pipelines;
using System.Text;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Security.Nodes;

/// <summary>Two ends of one connection, in memory.</summary>
public sealed class NodeTlsTests(NodeTlsTests.Authorities authorities) : IClassFixture<NodeTlsTests.Authorities>
{
    private const NodeRoles All = NodeRoles.Silo | NodeRoles.Edge | NodeRoles.Dashboard | NodeRoles.Monitor;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public sealed class Authorities : IDisposable
    {
        internal NodePki Ours { get; } = new();

        internal NodePki Strangers { get; } = new(strangers: true);

        public void Dispose()
        {
            Ours.Dispose();
            Strangers.Dispose();
        }
    }

    [Theory]
    [InlineData("silo", "silo", true)]
    [InlineData("silo", "edge", false)]
    [InlineData("silo", "dashboard", false)]
    [InlineData("silo", "edge,dashboard,monitor", false)]
    [InlineData("silo", "silo,edge", true)]
    [InlineData("gateway", "silo", true)]
    [InlineData("gateway", "edge", true)]
    [InlineData("gateway", "dashboard", true)]
    [InlineData("gateway", "monitor", false)]
    [InlineData("metrics", "edge", true)]
    [InlineData("metrics", "monitor", true)]
    public async Task A_node_gets_in_where_its_role_has_business_and_nowhere_else(string port, string roles, bool isLetIn)
    {
        var allowed = port switch { "silo" => NodeTls.OnSiloPort, "gateway" => NodeTls.OnGateway, _ => NodeTls.OnMetrics };
        var before = NodePki.Refused("role");
        var (refusal, answer) = await Meet(authorities.Ours.Proof(NodeRoles.Silo), allowed, authorities.Ours.Proof(NodePki.RolesOf(roles)), NodeTls.Listening);
        Assert.Equal(isLetIn ? null : "Role", refusal);
        Assert.Equal(isLetIn ? "hello" : null, answer);
        Assert.True(isLetIn || NodePki.Refused("role") > before);
    }

    [Theory]
    [InlineData("edge")]
    [InlineData("dashboard")]
    [InlineData("monitor")]
    public async Task What_answers_at_the_address_of_a_silo_and_is_none_is_refused(string role)
    {
        var before = NodePki.Refused("role");
        var (_, answer) = await Meet(authorities.Ours.Proof(NodeRoleNames.RoleOf(role)), All, authorities.Ours.Proof(NodeRoles.Silo), NodeTls.Listening);
        Assert.Null(answer);
        Assert.True(NodePki.Refused("role") > before);
    }

    [Fact]
    public async Task A_certificate_of_another_CA_is_refused_by_either_end()
    {
        var before = NodePki.Refused("untrusted");
        var (refusal, answer) = await Meet(authorities.Ours.Proof(NodeRoles.Silo), All, Posing(authorities.Strangers.Proof(NodeRoles.Silo)), All);
        Assert.Equal(("Untrusted", null), (refusal, answer));
        Assert.True(NodePki.Refused("untrusted") > before);

        before = NodePki.Refused("untrusted");
        (_, answer) = await Meet(Posing(authorities.Strangers.Proof(NodeRoles.Silo)), All, authorities.Ours.Proof(NodeRoles.Silo), All);
        Assert.Null(answer);
        Assert.True(NodePki.Refused("untrusted") > before);
    }

    // With a certificate of strangers, and the belief in ours: what somebody has who read ca.pem.
    private NodeProof Posing(NodeProof stranger) => new(stranger.Certificate, [], authorities.Ours.Proof(NodeRoles.Silo).Trust);

    [Theory]
    [InlineData(-20, "Expired", "expired")]
    [InlineData(2, "NotYetValid", "not_yet_valid")]
    public async Task A_certificate_out_of_its_time_is_refused(int issuedInDays, string refused, string label)
    {
        var before = NodePki.Refused(label);
        var peer = authorities.Ours.Proof(NodeRoles.Silo, NodePki.Now.AddDays(issuedInDays), TimeSpan.FromDays(10));
        var (refusal, answer) = await Meet(authorities.Ours.Proof(NodeRoles.Silo), All, peer, All);
        Assert.Equal((refused, null), (refusal, answer));
        Assert.True(NodePki.Refused(label) > before);
    }

    [Fact]
    public async Task A_revoked_certificate_is_refused_and_the_next_one_of_the_same_node_is_not()
    {
        var before = NodePki.Refused("revoked");
        using var pki = new NodePki();
        var (stolen, own) = (pki.Proof(NodeRoles.Edge), pki.Proof(NodeRoles.Silo));
        Assert.Equal((null, "hello"), await Meet(own, All, stolen, All));
        pki.Revoke(stolen);
        pki.Revoke(stolen);
        own = pki.Proof(NodeRoles.Silo);
        Assert.Equal(("Revoked", null), await Meet(own, All, stolen, All));
        Assert.True(NodePki.Refused("revoked") > before);
        Assert.Equal((null, "hello"), await Meet(own, All, pki.Proof(NodeRoles.Edge), All));
    }

    [Fact]
    public async Task A_peer_without_TLS_is_refused()
    {
        var before = NodePki.Refused("plaintext");
        var (server, client) = Pair();
        var run = Serve(server, authorities.Ours.Proof(NodeRoles.Silo), All, TimeProvider.System);
        await client.Transport.Output.WriteAsync("an Orleans preamble"u8.ToArray(), TestContext.Current.CancellationToken);
        var refused = await Assert.ThrowsAsync<ConnectionAbortedException>(() => run.WaitAsync(s_patience));
        Assert.Contains("Plaintext", refused.Message, StringComparison.Ordinal);
        Assert.True(NodePki.Refused("plaintext") > before);
    }

    [Fact]
    public async Task A_peer_that_says_nothing_is_dropped_after_five_seconds()
    {
        var before = NodePki.Refused("timeout");
        var time = new FakeTimeProvider(NodePki.Now);
        var run = Serve(Pair().Server, authorities.Ours.Proof(NodeRoles.Silo), All, time);
        time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(run.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => run.WaitAsync(s_patience));
        Assert.True(NodePki.Refused("timeout") > before);
    }

    [Fact]
    public async Task A_peer_that_goes_away_at_once_is_counted_apart()
    {
        var before = NodePki.Refused("closed");
        var (server, client) = Pair();
        var run = Serve(server, authorities.Ours.Proof(NodeRoles.Silo), All, TimeProvider.System);
        await client.Transport.Output.CompleteAsync();
        await Assert.ThrowsAsync<ConnectionAbortedException>(() => run.WaitAsync(s_patience));
        Assert.True(NodePki.Refused("closed") > before);
    }

    [Fact]
    public void A_refusal_is_logged_in_one_line_once_in_ten_seconds_and_says_no_more_of_the_certificate_than_its_subject()
    {
        var time = new FakeTimeProvider(NodePki.Now);
        var log = new Lines();
        var refusals = new NodeRefusals(log, time);
        var before = NodePki.Refused("no_identity");
        for (var i = 0; i < 3; i++) refusals.Report(NodeRefusal.NoIdentity, "on a port", null, "CN=a\nb" + new string('x', 500));
        Assert.True(NodePki.Refused("no_identity") >= before + 3);
        var line = Assert.Single(log.All);
        Assert.Contains("no_identity; certificate: CN=a?bxxx", line, StringComparison.Ordinal);
        Assert.InRange(line.Length, 0, 250);
        time.Advance(TimeSpan.FromSeconds(10));
        refusals.Report(NodeRefusal.NoIdentity, "on a port", null, null);
        Assert.Equal(2, log.All.Count);
    }

    // What the server made of the client (null: let in), and what the client heard after it said hello (null: nothing).
    private static async Task<(string? Refusal, string? Answer)> Meet(NodeProof server, NodeRoles serverAllows, NodeProof client, NodeRoles clientAllows)
    {
        var (serverEnd, clientEnd) = Pair();
        var serving = Serve(serverEnd, server, serverAllows, TimeProvider.System);
        string? answer = null;
        try
        {
            await NodeTls.Run(clientEnd, async connection =>
            {
                await connection.Transport.Output.WriteAsync("hello"u8.ToArray());
                answer = await Read(connection.Transport.Input);
            }, client, clientAllows, isServer: false, "of ours", Refusals(), TimeProvider.System).WaitAsync(s_patience);
        }
        catch (Exception e) when (e is ConnectionAbortedException or IOException)
        {
            // Refused here, or by the other end.
        }
        await clientEnd.Transport.Output.CompleteAsync();
        await clientEnd.Transport.Input.CompleteAsync();
        try
        {
            await serving.WaitAsync(s_patience);
            return (null, answer);
        }
        catch (ConnectionAbortedException e)
        {
            return (e.Message.Split(' ')[^1].TrimEnd('.'), answer);
        }
    }

    private static async Task Serve(ConnectionContext connection, NodeProof own, NodeRoles allowed, TimeProvider time)
    {
        var plain = connection.Transport;
        try
        {
            await NodeTls.Run(connection, async secured =>
            {
                if (await Read(secured.Transport.Input) is { } said) await secured.Transport.Output.WriteAsync(Encoding.ASCII.GetBytes(said));
            }, own, allowed, isServer: true, "on a port", Refusals(), time);
        }
        finally
        {
            Assert.Same(plain, connection.Transport);
            await plain.Output.CompleteAsync(); // As the owner of the socket does.
            await plain.Input.CompleteAsync();
        }
    }

    private static async Task<string?> Read(PipeReader from)
    {
        var read = await from.ReadAsync();
        return read.Buffer.IsEmpty ? null : Encoding.ASCII.GetString(read.Buffer.FirstSpan);
    }

    private static NodeRefusals Refusals() => new(NullLogger<NodeRefusals>.Instance, TimeProvider.System);

    private static (DefaultConnectionContext Server, DefaultConnectionContext Client) Pair()
    {
        var (up, down) = (new Pipe(), new Pipe());
        return (new DefaultConnectionContext("server") { Transport = new Ends(up.Reader, down.Writer) }, new DefaultConnectionContext("client") { Transport = new Ends(down.Reader, up.Writer) });
    }

    private sealed class Ends(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input => input;

        public PipeWriter Output => output;
    }

    private sealed class Lines : ILogger<NodeRefusals>
    {
        public List<string> All { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Add(formatter(state, exception));
    }
}
