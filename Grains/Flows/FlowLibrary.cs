using System.Collections.Concurrent;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Grains.Flows;

/// <summary>
/// Parsed documents of this process, by version. A version is a hash of its text, so an entry is right for ever and for every
/// tenant; calls share one document and the text is fetched once.
/// </summary>
public sealed class FlowLibrary
{
    /// <summary>A parsed flow takes tens of kilobytes; a cluster runs a few dozen.</summary>
    private const int MostDocuments = 256;

    private readonly ConcurrentDictionary<string, FlowDocument> _documents = new(StringComparer.Ordinal);

    /// <summary>The document that new calls run, or null when none is published.</summary>
    public async Task<FlowDocument?> Published(IFlowGrain flow) =>
        await flow.GetPublishedVersion() is { } version ? await Version(version, flow) : null;

    /// <summary>The document of a version, or null when the flow does not keep it any more.</summary>
    public async Task<FlowDocument?> Version(string version, IFlowGrain flow)
    {
        if (_documents.TryGetValue(version, out var known)) return known;
        if (await flow.GetVersion(version) is not { } stored || FlowParser.Parse(stored.FileName, stored.Yaml).Document is not { } document) return null;
        // Rare and cheap to refill: no order of use is kept.
        if (_documents.Count >= MostDocuments) _documents.Clear();
        return _documents.GetOrAdd(version, document);
    }
}
