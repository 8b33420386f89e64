using IvrActors.Grains.Flows;
using IvrActors.Grains.Tests.Calls;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

public class FlowGrainTests
{
    private readonly GrainWorld _world = new();

    [Fact]
    public async Task A_published_flow_is_audited_and_can_be_drawn()
    {
        var grain = _world.NewFlow();
        Assert.Null(await grain.GetPublishedVersion());
        Assert.Null(await grain.GetGraph());
        var version = (await grain.Publish("bank.yaml", FlowTexts.Bank)).Version;
        Assert.Equal(version, await grain.GetPublishedVersion());
        Assert.Equal(("flow.published", $"bank@{version}", "system"), (_world.Audit.Entries[^1].Action, _world.Audit.Entries[^1].Object, _world.Audit.Entries[^1].Actor));

        var graph = (await grain.GetGraph())!;
        Assert.Contains(graph.Steps, s => s is { Name: "sign_in", Kind: "authenticate", Secret: true });
        Assert.Contains(graph.Steps, s => s is { Name: "menu", Kind: "menu", Secret: false });
        Assert.Contains(graph.Edges, e => e is { From: "menu", To: "balance", Label: "1" });
        Assert.Contains(graph.Edges, e => e is { From: "sign_in", To: "too_many", Label: "exhausted" });
    }

    [Fact]
    public async Task A_bad_flow_is_refused_with_its_errors_and_changes_nothing()
    {
        var before = await _world.Flow.GetPublishedVersion();
        var result = await _world.Flow.Publish("bank.yaml", FlowTexts.Bank.Replace("next: ask_account", "next: nowhere", StringComparison.Ordinal));
        Assert.Null(result.Version);
        Assert.Contains(result.Errors, e => e.Message.Contains("'nowhere'", StringComparison.Ordinal));
        Assert.Equal(before, await _world.Flow.GetPublishedVersion());
        Assert.Empty(_world.Audit.Entries);
    }

    [Fact]
    public async Task A_flow_of_another_name_or_with_a_target_of_another_tenant_is_refused()
    {
        Assert.Contains((await _world.NewFlow("flow-demo/shop").Publish("bank.yaml", FlowTexts.Bank)).Errors, e => e.Message == "the document is flow 'bank'; expected 'shop'");
        Assert.Contains((await _world.NewFlow("flow-other/bank").Publish("bank.yaml", FlowTexts.Bank)).Errors, e => e.Message.StartsWith("transfer target 'agent' is not configured", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Publishing_the_same_text_again_does_nothing()
    {
        await _world.Flow.Publish("bank.yaml", FlowTexts.Bank);
        Assert.Empty(_world.Audit.Entries);
    }

    [Fact]
    public async Task What_cannot_be_audited_is_not_published()
    {
        _world.Audit.Fails = true;
        var before = await _world.Flow.GetPublishedVersion();
        await Assert.ThrowsAsync<InvalidOperationException>(() => _world.Flow.Publish("bank.yaml", FlowTexts.Bank + "# newer\n"));
        Assert.Equal(before, await _world.Flow.GetPublishedVersion());
    }

    [Fact]
    public async Task The_last_versions_are_kept_and_an_old_one_can_come_back()
    {
        var versions = new List<string>();
        for (var number = 0; number <= FlowGrain.MostVersions; number++) versions.Add((await _world.Flow.Publish("bank.yaml", FlowTexts.Bank + $"# {number}\n")).Version!);
        Assert.Null(await _world.Flow.GetVersion(versions[0]));
        Assert.NotNull(await _world.Flow.GetVersion(versions[1]));
        Assert.Equal(versions[1], (await _world.Flow.Publish("bank.yaml", FlowTexts.Bank + "# 1\n")).Version);
        Assert.Equal(versions[1], await _world.Flow.GetPublishedVersion());
        Assert.NotNull(await _world.Flow.GetVersion(versions[2]));
    }
}
