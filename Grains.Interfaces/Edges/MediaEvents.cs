using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Interfaces.Edges;

/// <summary>Where an edge brings what it observed of its calls' media, key <see cref="Key"/>: published to the edge's stream from within the cluster, where clients may not publish.</summary>
[Alias("ivr.IMediaLaneGrain")]
public interface IMediaLaneGrain : IGrainWithStringKey
{
    /// <summary>Provider and namespace of the streams; their keys are those of the grains.</summary>
    const string Provider = "media", Namespace = "media";

    static string Key(string edge) => "media/" + edge;

    [Requires(Permission.EdgeReports), Alias("Publish")]
    Task Publish(MediaEventBatch batch);
}

/// <summary>How the media of one edge's calls were in the last minute. Subscribed to the edge's stream by its key, <see cref="IMediaLaneGrain.Key"/>.</summary>
[Alias("ivr.IMediaQualityGrain")]
public interface IMediaQualityGrain : IGrainWithStringKey
{
    [Requires(Permission.ViewEdges), Alias("GetView")]
    Task<MediaView> GetView();
}

/// <summary>Some of what an edge observed, in order. Telemetry: batches may be lost.</summary>
[GenerateSerializer, Immutable, Alias("ivr.MediaEventBatch")]
public sealed class MediaEventBatch
{
    public const int MostEvents = 2000;

    [Id(0)] public required DateTimeOffset At { get; init; }
    [Id(1)] public required List<MediaEvent> Events { get; init; }
}

/// <summary>Something happened to a call's media. Never which key, and nobody's number.</summary>
[GenerateSerializer, Immutable, Alias("ivr.MediaEvent")]
public sealed class MediaEvent
{
    [Id(0)] public required CallId Call { get; init; }
    [Id(1)] public required MediaEventKind Kind { get; init; }

    /// <summary>How long before the batch's <see cref="MediaEventBatch.At"/>, in ms.</summary>
    [Id(2)] public required int AgoMs { get; init; }

    /// <summary>Of a <see cref="MediaEventKind.Quality"/>.</summary>
    [Id(3)] public MediaQuality? Quality { get; init; }
}

[GenerateSerializer, Alias("ivr.MediaEventKind")]
public enum MediaEventKind
{
    /// <summary>A key was pressed, whichever.</summary>
    Key = 0,
    PlayStarted = 1,
    PlayEnded = 2,

    /// <summary>What was measured so far: each 5 s or so.</summary>
    Quality = 3,
}

/// <summary>One edge's media in the last minute.</summary>
[GenerateSerializer, Immutable, Alias("ivr.MediaView")]
public sealed class MediaView
{
    /// <summary>Calls with an opinion in it, and how many of these sound poor by their last one.</summary>
    [Id(0)] public required int Calls { get; init; }
    [Id(1)] public required int Poor { get; init; }

    /// <summary>Mean of the last opinion of each call; null when there is none.</summary>
    [Id(2)] public double? Mos { get; init; }

    [Id(3)] public required int Keys { get; init; }
    [Id(4)] public required int Plays { get; init; }
}
