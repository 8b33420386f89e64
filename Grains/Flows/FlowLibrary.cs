using System.Collections.Concurrent;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>
/// Parsed documents of this process, by version. A version is a hash of its text, so an entry is right for ever and for every
/// tenant; calls share one document and the text is fetched once.
/// </summary>
public sealed class FlowLibrary(TimeProvider time, IPromptCatalogue? catalogue = null)
{
    /// <summary>How long new calls may run what another silo has replaced: one question a second in place of one a call.</summary>
    public static readonly TimeSpan Age = TimeSpan.FromSeconds(1);

    /// <summary>A parsed flow takes tens of kilobytes; a cluster runs a few dozen.</summary>
    private const int MostDocuments = 256;

    private readonly ConcurrentDictionary<string, FlowDocument> _documents = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<(string Tenant, string Flow), Asked> _published = new();

    /// <summary>
    /// The document that new calls run, or null when none is published. What is published in this process counts at once, elsewhere within <see cref="Age"/>.
    /// </summary>
    public async Task<FlowDocument?> Published(string tenant, string flow, IGrainFactory grains)
    {
        var grain = grains.Grain<IFlowGrain>(IFlowGrain.Key(tenant, flow));
        if (!_published.TryGetValue((tenant, flow), out var asked) || time.GetElapsedTime(asked.At) >= Age || asked.Version is { IsCompleted: true, IsCompletedSuccessfully: false })
            _published[(tenant, flow)] = asked = new Asked(grain.GetPublishedVersion(), time.GetTimestamp());
        return await asked.Version is { } version ? await Version(version, grain) : null;
    }

    /// <summary>Told by the flow's grain when it has published.</summary>
    public void Replaced(string tenant, string flow, string version) => _published[(tenant, flow)] = new Asked(Task.FromResult<string?>(version), time.GetTimestamp());

    /// <summary>The document of a version, or null when the flow does not keep it any more.</summary>
    public async Task<FlowDocument?> Version(string version, IFlowGrain flow)
    {
        if (_documents.TryGetValue(version, out var known)) return known;
        if (await flow.GetVersion(version) is not { } stored || FlowParser.Parse(stored.FileName, stored.Yaml).Document is not { } document) return null;
        catalogue?.Prepare(document.Texts);
        // Rare and cheap to refill: no order of use is kept.
        if (_documents.Count >= MostDocuments) _documents.Clear();
        return _documents.GetOrAdd(version, document);
    }

    /// <summary>A question and when it was asked: calls that come meanwhile wait for the same answer.</summary>
    private sealed record Asked(Task<string?> Version, long At);
}
