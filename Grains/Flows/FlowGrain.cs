using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Policies;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Grains.Flows;

/// <summary>Published versions of one flow, newest last.</summary>
[GenerateSerializer, Alias("ivr.FlowGrainState")]
public sealed class FlowGrainState
{
    [Id(0)] public List<FlowVersion> Versions { get; set; } = [];
}

/// <summary>Keeps the versions of one flow. Publishing validates; running calls find their version here after newer ones.</summary>
public sealed partial class FlowGrain(
    [PersistentState("flow", "encrypted")] IPersistentState<FlowGrainState> state,
    ClusterPolicy policy, IPromptCatalogue catalogue, FlowLibrary library, TimeProvider time, ILogger<FlowGrain> log, IGrainContext context, IGrainRuntime runtime)
    : Grain(context, runtime), IFlowGrain
{
    /// <summary>A call lasts minutes: it is over long before ten further versions are out.</summary>
    public const int MostVersions = 10;

    /// <summary>Texts of the version that new calls run are spoken before the first of them asks.</summary>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (Published is { } published && FlowParser.Parse(published.FileName, published.Yaml).Document is { } document) catalogue.Prepare(document.Texts);
        return Task.CompletedTask;
    }

    public Task<FlowVersion?> GetPublished() => Task.FromResult(Published);

    public Task<string?> GetPublishedVersion() => Task.FromResult(Published?.Version);

    public Task<FlowVersion?> GetVersion(string version) => Task.FromResult(state.State.Versions.FirstOrDefault(v => v.Version == version));

    public Task<FlowGraph?> GetGraph() =>
        Task.FromResult(Published is { } published && FlowParser.Parse(published.FileName, published.Yaml).Document is { } document ? FlowGraphs.Of(document) : null);

    public async Task<PublishResult> Publish(string fileName, string yaml)
    {
        var (tenant, flow) = Names();
        var transfers = policy.Tenants.TryGetValue(tenant, out var known) ? TransferPlan.Of(known) : new TransferPlan { Targets = new Dictionary<string, string>() };
        var check = FlowCheck.Text(fileName, yaml, catalogue, transfers);
        if (check.Document is not { } document) return new PublishResult { Errors = [.. check.Errors] };
        if (document.Flow.Value != flow)
        {
            var at = document.Flow.At;
            return new PublishResult { Errors = [YamlTree.Error(fileName, at, $"the document is flow '{document.Flow.Value}'; expected '{flow}'")] };
        }
        if (Published?.Version != document.Version)
        {
            await Audit(tenant, document);
            await Store(document, fileName, yaml);
            library.Replaced(tenant, flow, document.Version);
            catalogue.Prepare(document.Texts);
        }
        return new PublishResult { Version = document.Version, Errors = [] };
    }

    private FlowVersion? Published => state.State.Versions is [.., var newest] ? newest : null;

    /// <summary>Written before the version is out: what cannot be audited is not done.</summary>
    private Task Audit(string tenant, FlowDocument document) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(tenant)).Append(new AuditEntry
    {
        Actor = RequestActor.Current,
        Action = "flow.published",
        Result = AuditResult.Success,
        Object = $"{document.Flow.Value}@{document.Version}",
    });

    private async Task Store(FlowDocument document, string fileName, string yaml)
    {
        var version = new FlowVersion { Flow = document.Flow.Value, Version = document.Version, FileName = fileName, Yaml = yaml, PublishedAt = time.GetUtcNow() };
        state.State = new FlowGrainState { Versions = [.. state.State.Versions.Where(v => v.Version != version.Version).TakeLast(MostVersions - 1), version] };
        try
        {
            await state.WriteStateAsync();
        }
        catch (Exception e)
        {
            // Memory and row differ now, and the provider's exception may be of a type that callers do not know.
            LogNotStored(e.GetType().Name);
            DeactivateOnIdle();
            throw new InvalidOperationException("the flow could not be stored");
        }
    }

    /// <summary>Tenant and flow from the key <c>flow-TENANT/FLOW</c>.</summary>
    private (string Tenant, string Flow) Names()
    {
        var key = GrainContext.GrainId.Key.ToString()!;
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        return slash < 0 ? ("", "") : (key["flow-".Length..slash], key[(slash + 1)..]);
    }

    [LoggerMessage(LogLevel.Error, "A flow could not be stored: {Error}")]
    private partial void LogNotStored(string error);
}
