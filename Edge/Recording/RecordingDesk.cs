using System.Security.Cryptography;
using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Edge.Recording;

/// <summary>
/// Begins recordings and tells the cluster of their end. The data key is drawn here, goes to the cluster sealed, and is kept nowhere but in the cipher that writes: in the file
/// it stands wrapped. Without a wrapped key there is no recording.
/// </summary>
internal sealed partial class RecordingDesk(EdgeOptions options, RecordingWriter writer, IGrainFactory grains, EdgeToken token, EdgeReadiness readiness, TimeProvider time, ILogger<RecordingDesk> log)
{
    /// <summary>The caller hears silence meanwhile.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(4);

    /// <summary>What is left on the disk for others, the database and its audit records first: below it nothing new is recorded. An hour of 70 calls.</summary>
    private const long Reserve = 4L << 30;

    private static readonly TimeSpan[] s_pauses = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30)];

    /// <summary>A recording to be filled; null where there must be none. Never throws.</summary>
    public async Task<CallRecording?> Begin(RecordingId id, bool aLaw)
    {
        if (options.RecordingFolder is not { } folder || readiness.SealingKey is not { } sealing || !RecordingId.TryParse(id.Value, out _)) return Refused("no folder, or no key");
        if (!HasRoom(folder)) return Refused("no room on the disk");
        var key = GC.AllocateUninitializedArray<byte>(RecordingCipher.KeySize, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(key);
            var begin = new RecordingBegin { Edge = options.Name, Key = SecretSealer.Seal(sealing, id.Value, IRecordingGrain.KeyPurpose, key) };
            RequestContext.Set(RoleToken.ContextKey, token.Value);
            if (await Grain(id).Begin(begin).WaitAsync(s_patience, time) is not { Length: <= byte.MaxValue } wrapped) return Refused("the cluster wrapped no key");
            var recording = new CallRecording(aLaw);
            var header = new RecordingHeader { Recording = id, ALaw = aLaw, Start = time.GetUtcNow(), WrappedKey = wrapped };
            writer.Add(new RecordingFile(RecordingNames.PathOf(folder, id), header, key, recording) { Closed = totals => _ = Ended(id, totals) });
            return recording;
        }
#pragma warning disable CA1031 // Whatever it is: there is no recording, and the call goes on as its flow says.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return Refused(e.GetType().Name);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    /// <summary>Whether there is room, in a folder that is there and of its owner only.</summary>
    private static bool HasRoom(string folder)
    {
        try
        {
            if (OperatingSystem.IsWindows()) Directory.CreateDirectory(folder);
            else Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            return new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace >= Reserve;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    private async Task Ended(RecordingId id, RecordingTotals totals)
    {
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                RequestContext.Set(RoleToken.ContextKey, token.Value);
                await Grain(id).End(new RecordingEnd { Length = totals.Length, Complete = totals.Complete, Secret = totals.Secret }).WaitAsync(s_patience, time);
                return;
            }
#pragma warning disable CA1031 // Its end is news for operators; the file tells it, too.
            catch (Exception e)
#pragma warning restore CA1031
            {
                NotToldOf(log, id.Value, e.GetType().Name);
                if (attempt == s_pauses.Length) return;
            }
            await Task.Delay(s_pauses[attempt], time);
        }
    }

    private IRecordingGrain Grain(RecordingId id) => grains.Grain<IRecordingGrain>(id.Value);

    private CallRecording? Refused(string why)
    {
        RecordingMetrics.Refused.Inc();
        NotBegun(log, why);
        return null;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "a recording did not begin: {Why}")]
    private static partial void NotBegun(ILogger log, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "the end of {Recording} could not be told: {Error}")]
    private static partial void NotToldOf(ILogger log, string recording, string error);
}
