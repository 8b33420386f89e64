using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using IvrActors.Grains.Tests.Flows;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;
using Xunit;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>The grains as the runtime makes them: constructors, storage name, keys and what crosses the wire.</summary>
public class CallClusterTests
{
    [Fact]
    public async Task A_client_reaches_flow_and_call_grains_in_a_cluster()
    {
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddMemoryGrainStorage("encrypted");
            silo.Services.AddGrains(GrainWorld.Policy).AddSingleton<IClusterKeys>(FakeKeys.Instance).AddSingleton<IPromptCatalogue>(new TestCatalogue());
        });
        await using var cluster = builder.Build();
        await cluster.DeployAsync();

        var flow = cluster.Client.GetGrain<IFlowGrain>(IFlowGrain.Key("demo", "bank"));
        Assert.Null(await flow.GetPublished());
        Assert.Equal("bank.yaml:3:8", (await flow.Publish("bank.yaml", "flow: bank\nlanguage: en\nstart: a\nsteps: { b: { hang_up: true } }")).Errors[0].ToString()[..13]);

        RequestContext.Set(RequestActor.ContextKey, "edge-1");
        var unknown = await cluster.Client.GetGrain<ICallGrain>("call-a").Handle(GrainWorld.Offered(tenant: "other"));
        Assert.Equal(404, Assert.IsType<Reject>(Assert.Single(unknown.Commands)).Status);
        var lost = await cluster.Client.GetGrain<ICallGrain>("call-b").Handle(GrainWorld.Keys(4, "1"));
        Assert.IsType<HangUp>(lost.Commands[^1]);
        Assert.False(await cluster.Client.GetGrain<ICallGrain>("call-c").HangUp());
    }
}
