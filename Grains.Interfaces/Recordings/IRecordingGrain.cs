using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Recordings;

/// <summary>
/// One recording, keyed by <see cref="RecordingId"/>: what is known of it, and its share of the key. Its file at the edge opens only with this share and the key of
/// the caller whom it belongs to; whichever of the two is destroyed, the file is noise, wherever copies of it are.
/// </summary>
[Alias("ivr.IRecordingGrain")]
public interface IRecordingGrain : IGrainWithStringKey
{
    /// <summary>Purpose to which the edge seals a data key, and to which the cluster seals it for somebody who may open the recording; the context is the recording's id.</summary>
    const string KeyPurpose = "recording-key";
    const string OpenPurpose = "recording-open";

    /// <summary>A call may be recorded. False: it cannot be now.</summary>
    [Alias("Permit")]
    Task<bool> Permit(RecordingPermit permit);

    /// <summary>Wraps the data key that the edge has drawn; what comes back goes into the file. Null: there must be no recording. For the edge of the call, and in its own name.</summary>
    [Requires(Permission.EdgeCalls), Alias("Begin")]
    Task<byte[]?> Begin(RecordingBegin begin);

    /// <summary>For the edge that began it.</summary>
    [Requires(Permission.EdgeCalls), Alias("End")]
    Task End(RecordingEnd end);

    /// <summary>The retention period is over: nothing is kept of it. False: it is not over, and the file must stay.</summary>
    [Requires(Permission.EdgeCalls), Alias("Expire")]
    Task<bool> Expire(DateTimeOffset started);

    /// <summary>Destroys it when its time is over, as the cluster's own clean-up asks. True: nothing is kept of it any more.</summary>
    [Alias("Retire")]
    Task<bool> Retire();

    /// <summary>This caller is heard in it, too: it is erased with either. Throws where that cannot be stored.</summary>
    [Alias("Bind")]
    Task Bind(CallerKey caller);

    /// <summary>Destroys its share of the key.</summary>
    [Alias("Shred")]
    Task Shred();

    /// <summary>Null: erased, expired, or never there.</summary>
    [Requires(Permission.ViewCalls), Alias("Get")]
    Task<RecordingSummary?> Get();

    /// <summary>The data key, sealed to whoever asks, after that stands in the ledger. Null: it cannot be opened any more.</summary>
    [Requires(Permission.OpenRecordings), Alias("Open")]
    Task<SealedSecret?> Open(RecordingOpening opening);
}

[GenerateSerializer, Immutable, Alias("ivr.RecordingPermit")]
public sealed class RecordingPermit
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public required CallId Call { get; init; }

    /// <summary>Whose key it is bound to: a caller's pseudonym, or the call's own name where nobody is known.</summary>
    [Id(2)] public required string Owner { get; init; }

    /// <summary>Whether the caller agreed by a key; false where the flow says that no question is needed.</summary>
    [Id(3)] public required bool Asked { get; init; }

    /// <summary>The edge that has the call, and that alone may begin it; empty from a silo of an older version: then any, once.</summary>
    [Id(4)] public string Edge { get; init; } = "";

    /// <summary>The number that calls, where it is not the owner: it is erased with either.</summary>
    [Id(5)] public CallerKey? Number { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RecordingBegin")]
public sealed class RecordingBegin
{
    [Id(0)] public required string Edge { get; init; }

    /// <summary>32 bytes, sealed to the cluster with <see cref="IRecordingGrain.KeyPurpose"/>.</summary>
    [Id(1)] public required SealedSecret Key { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RecordingEnd")]
public sealed class RecordingEnd
{
    [Id(0)] public required TimeSpan Length { get; init; }

    /// <summary>Whether the whole of it was written.</summary>
    [Id(1)] public required bool Complete { get; init; }

    /// <summary>How much of it is silence for secrets.</summary>
    [Id(2)] public TimeSpan Secret { get; init; }
}

[GenerateSerializer, Immutable, Alias("ivr.RecordingOpening")]
public sealed class RecordingOpening
{
    /// <summary>As it stands in the file.</summary>
    [Id(0)] public required byte[] WrappedKey { get; init; }

    /// <summary>A public key of the one who asks, for this once.</summary>
    [Id(1)] public required SealingKey To { get; init; }

    /// <summary>Why, for the ledger, as who asks says.</summary>
    [Id(2)] public string Reason { get; init; } = "";
}

[GenerateSerializer, Immutable, Alias("ivr.RecordingSummary")]
public sealed class RecordingSummary
{
    [Id(0)] public required RecordingId Recording { get; init; }
    [Id(1)] public required CallId Call { get; init; }
    [Id(2)] public required string Owner { get; init; }

    /// <summary>Edge whose disk holds the file; empty until it began.</summary>
    [Id(3)] public required string Edge { get; init; }
    [Id(4)] public required DateTimeOffset At { get; init; }

    /// <summary>Null: it goes on, or its edge died.</summary>
    [Id(5)] public TimeSpan? Length { get; init; }
    [Id(6)] public bool Complete { get; init; }

    /// <summary>How much of it is silence for secrets; known with <see cref="Length"/>.</summary>
    [Id(7)] public TimeSpan Secret { get; init; }
}
