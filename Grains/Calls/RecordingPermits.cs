using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Logging;

namespace IvrActors.Grains.Calls;

/// <summary>Permits recordings of calls and binds them to whose they are.</summary>
internal sealed partial class RecordingPermits(IGrainFactory grains, ILogger log)
{
    /// <param name="seq">Of the event that asks: with the call it names the recording, so that a repeat is one.</param>
    public async Task<RecordingPermitted> Permit(CallState state, CallId call, int seq, PermitRecording ask)
    {
        try
        {
            var id = RecordingId.Of(call, seq);
            var permit = new RecordingPermit { Tenant = state.Tenant, Call = call, Owner = OwnerOf(state, call), Asked = ask.Asked };
            var permitted = await grains.Grain<IRecordingGrain>(id.Value).Permit(permit);
            return new RecordingPermitted { Command = permitted ? new Record { Recording = id } : null };
        }
        catch (Exception e)
        {
            // Without a key or a record there is no recording; the flow says what then.
            LogFailed("permitting one", e.GetType().Name);
            return new RecordingPermitted { Command = null };
        }
    }

    /// <summary>Who was verified is heard in the recording of this call, which is bound to the number that called: it is erased with either.</summary>
    public async Task Note(CallState state, CallId call, CallerKey caller)
    {
        if (state.Recording is not { } recording || caller.Value == OwnerOf(state, call)) return;
        try
        {
            await grains.Grain<ICallerKeyGrain>(caller.Value).Note(recording);
        }
        catch (Exception e)
        {
            LogFailed("binding one to a caller", e.GetType().Name);
        }
    }

    /// <summary>The caller who is verified, else the number that calls, else this call alone.</summary>
    private static string OwnerOf(CallState state, CallId call) =>
        state.Position.Proof is { } proof ? proof.Caller.Value : state.Actor.StartsWith("n:", StringComparison.Ordinal) ? state.Actor : call.Value;

    [LoggerMessage(LogLevel.Error, "A recording could not be dealt with: {What} failed with {Error}")]
    private partial void LogFailed(string what, string error);
}
