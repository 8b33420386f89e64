using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Calls;

/// <summary>Permits recordings of calls and binds them to whose they are.</summary>
internal sealed partial class RecordingPermits(IGrainFactory grains, ILogger log)
{
    private const int MostTries = 3;

    /// <param name="seq">Of the event that asks: with the call it names the recording, so that a repeat is one.</param>
    public async Task<RecordingPermitted> Permit(CallState state, CallId call, int seq, PermitRecording ask)
    {
        try
        {
            var id = RecordingId.Of(call, seq);
            var (owner, number) = (OwnerOf(state, call), NumberOf(state));
            var permit = new RecordingPermit
            {
                Tenant = state.Tenant,
                Call = call,
                Owner = owner,
                Asked = ask.Asked,
                Edge = state.Edge,
                Number = number is null || number == owner ? null : new CallerKey(number),
            };
            var permitted = await grains.Grain<IRecordingGrain>(id.Value).Permit(permit);
            return new RecordingPermitted { Command = permitted ? new Record { Recording = id } : null };
        }
        catch (Exception e) when (!SiloLoss.Is(e))
        {
            // Without a key or a record there is no recording; the flow says what then.
            LogFailed("permitting one", e.GetType().Name);
            return new RecordingPermitted { Command = null };
        }
    }

    /// <summary>
    /// Who was verified is heard in all recordings of this call, those before as well: they are erased with that caller, too. False: that could not be stored, and then
    /// nobody is to be taken for known in this call; the next check binds them again.
    /// </summary>
    public async Task<bool> Bind(CallState state, CallerKey caller)
    {
        foreach (var recording in state.Recordings)
        {
            if (!await TryBind(recording, caller)) return false;
        }
        return true;
    }

    private async Task<bool> TryBind(RecordingId recording, CallerKey caller)
    {
        for (var tries = MostTries; tries > 0; tries--)
        {
            try
            {
                await grains.Grain<IRecordingGrain>(recording.Value).Bind(caller);
                return true;
            }
            catch (Exception e) when (!SiloLoss.Is(e))
            {
                LogFailed("binding one to a caller", e.GetType().Name);
                // A caller waits in silence: no second time for what took its whole time.
                if (e is TimeoutException) break;
            }
        }
        return false;
    }

    /// <summary>The caller who is verified, else the number that calls, else this call alone.</summary>
    private static string OwnerOf(CallState state, CallId call) => state.Position.Proof?.Caller.Value ?? NumberOf(state) ?? call.Value;

    private static string? NumberOf(CallState state) => state.Actor.StartsWith("n:", StringComparison.Ordinal) ? state.Actor : null;

    [LoggerMessage(LogLevel.Error, "A recording could not be dealt with: {What} failed with {Error}")]
    private partial void LogFailed(string what, string error);
}
