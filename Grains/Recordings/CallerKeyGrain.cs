using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Recordings;

/// <summary>Holds one caller's key. It leaves this grain in no form: keys are wrapped and unwrapped here, and come and go sealed.</summary>
internal sealed class CallerKeyGrain : Grain, ICallerKeyGrain
{
    /// <summary>Recordings under other keys in which a caller is heard, within the retention period: one each four minutes of a month. One more is refused, so that none is left out of an erasure.</summary>
    private const int MostNoted = 10_000;

    private const string CallPrefix = "call-";

    private readonly IClusterKeys _keys;
    private readonly StoredRow<CallerKeyState> _row;

    /// <summary>The key is of one call in which nobody is known: it goes with the last recording of that.</summary>
    private readonly bool _isOfCall;

    public CallerKeyGrain(IGrainContext context, [FromKeyedServices(StoredRow<CallerKeyState>.Storage)] IGrainStorage storage, IClusterKeys keys)
    {
        (_keys, _row) = (keys, new StoredRow<CallerKeyState>(storage, "caller-key", context.GrainId));
        _isOfCall = context.GrainId.Key.ToString()!.StartsWith(CallPrefix, StringComparison.Ordinal);
    }

    public async Task<byte[]?> WrapRecordingKey(RecordingId recording, byte[] share, SealedSecret key)
    {
        using var opened = _keys.Open(key, recording.Value, IRecordingGrain.KeyPurpose);
        if (opened is not { Length: RecordingKeys.KeySize }) return null;
        var state = await _row.Read();
        // Stored before anything is encrypted under it.
        if (state.Key is null || (_isOfCall && !state.Own.Contains(recording)))
        {
            state = new CallerKeyState { Key = state.Key ?? RandomNumberGenerator.GetBytes(RecordingKeys.KeySize), Noted = state.Noted, Own = _isOfCall ? [.. state.Own, recording] : [] };
            await _row.Write(state);
        }
        return RecordingKeys.Wrap(state.Key!, share, recording, opened.Expose());
    }

    public async Task<SealedSecret?> UnwrapRecordingKey(RecordingId recording, byte[] share, byte[] wrapped, SealingKey to)
    {
        if ((await _row.Read()).Key is not { } own) return null;
        using var key = RecordingKeys.Unwrap(own, share, recording, wrapped);
        try
        {
            return key is null ? null : SecretSealer.Seal(to, recording.Value, IRecordingGrain.OpenPurpose, key.Expose());
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    public async Task<bool> Holds(RecordingId recording, byte[] share, byte[] wrapped)
    {
        if ((await _row.Read()).Key is not { } own) return false;
        if (wrapped.Length == 0) return true;
        using var key = RecordingKeys.Unwrap(own, share, recording, wrapped);
        return key is not null;
    }

    public async Task Note(RecordingId recording)
    {
        var state = await _row.Read();
        if (state.Noted.Contains(recording)) return;
        if (state.Noted.Count >= MostNoted) throw new InvalidOperationException("a caller is heard in too many recordings");
        await _row.Write(new CallerKeyState { Key = state.Key, Noted = [.. state.Noted, recording], Own = state.Own });
    }

    public async Task Forget(RecordingId recording)
    {
        var state = await _row.Read();
        if (!state.Noted.Contains(recording) && !state.Own.Contains(recording)) return;
        var (noted, own) = (state.Noted.FindAll(one => one != recording), state.Own.FindAll(one => one != recording));
        await Keep(new CallerKeyState { Key = _isOfCall && own.Count == 0 ? null : state.Key, Noted = noted, Own = own }, state.Key);
    }

    public async Task<List<RecordingId>> Destroy()
    {
        var state = await _row.Read();
        if (state.Key is not null) await Keep(new CallerKeyState { Noted = state.Noted }, state.Key);
        return [.. state.Noted];
    }

    /// <summary>Writes what is left, and destroys the key where it does not stay.</summary>
    private async Task Keep(CallerKeyState left, byte[]? key)
    {
        if (left.Key is null && left.Noted.Count == 0) await _row.Clear();
        else await _row.Write(left);
        if (left.Key is null && key is not null) CryptographicOperations.ZeroMemory(key);
    }
}

[GenerateSerializer, Alias("ivr.state.CallerKey")]
internal sealed class CallerKeyState
{
    [Id(0)] public byte[]? Key { get; set; }

    /// <summary>Recordings that are bound to another key and erased with this one.</summary>
    [Id(1)] public List<RecordingId> Noted { get; set; } = [];

    /// <summary>Of a call's own key: the recordings under it.</summary>
    [Id(2)] public List<RecordingId> Own { get; set; } = [];
}
