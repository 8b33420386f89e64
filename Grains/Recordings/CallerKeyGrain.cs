using System.Security.Cryptography;
using IvrActors.Grains.Interfaces;
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
    /// <summary>Recordings under other keys in which a caller was heard, within the retention period.</summary>
    private const int MostNoted = 10_000;

    private readonly IClusterKeys _keys;
    private readonly StoredRow<CallerKeyState> _row;

    public CallerKeyGrain(IGrainContext context, [FromKeyedServices(StoredRow<CallerKeyState>.Storage)] IGrainStorage storage, IClusterKeys keys) =>
        (_keys, _row) = (keys, new StoredRow<CallerKeyState>(storage, "caller-key", context.GrainId));

    public async Task<byte[]?> WrapRecordingKey(RecordingId recording, byte[] share, SealedSecret key)
    {
        using var opened = _keys.Open(key, recording.Value, IRecordingGrain.KeyPurpose);
        if (opened is not { Length: RecordingKeys.KeySize }) return null;
        var state = await _row.Read();
        if (state.Key is null)
        {
            // Stored before anything is encrypted under it.
            state = new CallerKeyState { Key = RandomNumberGenerator.GetBytes(RecordingKeys.KeySize), Noted = state.Noted };
            await _row.Write(state);
        }
        return RecordingKeys.Wrap(state.Key, share, recording, opened.Expose());
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

    public async Task Note(RecordingId recording)
    {
        var state = await _row.Read();
        if (state.Noted.Contains(recording)) return;
        await _row.Write(new CallerKeyState { Key = state.Key, Noted = [.. state.Noted.TakeLast(MostNoted - 1), recording] });
    }

    public async Task Erase()
    {
        var state = await _row.Read();
        foreach (var recording in state.Noted) await GrainFactory.Grain<IRecordingGrain>(recording.Value).Shred();
        if (!_row.Exists) return;
        if (state.Key is { } key) CryptographicOperations.ZeroMemory(key);
        await _row.Clear();
    }
}

[GenerateSerializer, Alias("ivr.state.CallerKey")]
internal sealed class CallerKeyState
{
    [Id(0)] public byte[]? Key { get; set; }

    /// <summary>Recordings that are bound to another key and erased with this one.</summary>
    [Id(1)] public List<RecordingId> Noted { get; set; } = [];
}
