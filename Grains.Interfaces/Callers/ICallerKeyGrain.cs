using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>
/// The data key of one caller, keyed by <see cref="CallerKey"/>, or of one call where nobody is known, keyed by its id. What is encrypted under it is erased by destroying it
/// (crypto-shredding). Apart from the caller's other state: a stranger's number is no enrolled caller, and has a key all the same.
/// </summary>
[Alias("ivr.ICallerKeyGrain")]
public interface ICallerKeyGrain : IGrainWithStringKey
{
    /// <summary>Wraps a recording's data key, which comes sealed to the cluster, under this caller's key and the recording's share. Null: it does not open, or is no key.</summary>
    [Alias("WrapRecordingKey")]
    Task<byte[]?> WrapRecordingKey(RecordingId recording, byte[] share, SealedSecret key);

    /// <summary>The data key, sealed to <paramref name="to"/>. Null: not under this key, or this key was destroyed.</summary>
    [Alias("UnwrapRecordingKey")]
    Task<SealedSecret?> UnwrapRecordingKey(RecordingId recording, byte[] share, byte[] wrapped, SealingKey to);

    /// <summary>Whether this key opens what was wrapped; where that is empty: whether there is a key.</summary>
    [Alias("Holds")]
    Task<bool> Holds(RecordingId recording, byte[] share, byte[] wrapped);

    /// <summary>The caller is heard in a recording that is bound to another key: it is erased with this one as well. Throws where that cannot be stored.</summary>
    [Alias("Note")]
    Task Note(RecordingId recording);

    /// <summary>The recording is gone. With the last one of a call goes that call's key.</summary>
    [Alias("Forget")]
    Task Forget(RecordingId recording);

    /// <summary>
    /// Destroys the key. What comes back are the recordings under other keys that were noted: their shares are to be destroyed, and each then forgotten here; until then it is asked again.
    /// This grain calls no other, so that a recording which asks it for its key never waits for itself.
    /// </summary>
    [Alias("Destroy")]
    Task<List<RecordingId>> Destroy();
}
