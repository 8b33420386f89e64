using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using Prometheus;
using Xunit;

namespace IvrActors.Silo.Tests.Security.Nodes;

/// <summary>Tokens that nodes sign, at the grain boundary of a silo.</summary>
public sealed class NodeTokenFilterTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private readonly NodePki _pki = new();
    private TestSilo _silo = null!;

    public async ValueTask InitializeAsync() => _silo = await TestSilo.Start(_folder, nodes: new NodeTokenVerifier(_pki.Node("silo-1", NodeRoles.Silo), TimeProvider.System));

    public async ValueTask DisposeAsync()
    {
        await _silo.DisposeAsync();
        _pki.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task An_edge_does_what_edges_do_a_dashboard_what_its_people_may_and_neither_what_is_the_others()
    {
        var note = _silo.Grains.GetGrain<INoteGrain>("note-1");
        var edge = new NodeRoleTokens(_pki.Node("edge-1", NodeRoles.Edge), TimeProvider.System).Issue("edge-1", Roles.Edge);
        var person = new NodeRoleTokens(_pki.Node("dashboard-1", NodeRoles.Dashboard), TimeProvider.System).Issue("ann", Roles.Operator);

        Assert.Equal("offered", await As(edge, note.Offer));
        Assert.Equal("unlocked", await As(person, note.Unlock));
        Assert.Equal("ann", await As(person, note.Actor));
        await Refused("INoteGrain.Unlock", () => As(edge, note.Unlock));
        await Refused("INoteGrain.Offer", () => As(person, note.Offer));
        // The cluster's own tokens go on beside them.
        Assert.Equal("unlocked", await As(_silo.Tokens.Issue("ann", Roles.Operator), note.Unlock));
    }

    [Fact]
    public void A_silo_without_a_node_certificate_believes_no_node()
    {
        var text = new NodeRoleTokens(_pki.Node("edge-1", NodeRoles.Edge), TimeProvider.System).Issue("edge-1", Roles.Edge);
        Assert.NotNull(_silo.Tokens.Verify(text));
        Assert.Null(new RoleTokens(_silo.Keys, TimeProvider.System).Verify(text));
    }

    private static Task<string> As(string token, Func<Task<string>> call)
    {
        RequestContext.Set(RoleToken.ContextKey, token);
        return call();
    }

    private static async Task Refused(string method, Func<Task> call)
    {
        var counter = Metrics.CreateCounter("ivr_grain_calls_denied_total", "", "method").WithLabels(method);
        var before = counter.Value;
        await Assert.ThrowsAsync<UnauthorizedAccessException>(call);
        Assert.True(counter.Value > before);
    }
}
