using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Recordings;

/// <summary>Walks the lists of recordings and retires those whose time is over. Keeps nothing: what it did not come to, it finds again.</summary>
internal sealed class RecordingRetentionGrain(ClusterPolicy policy, TimeProvider time) : Grain, IRecordingRetentionGrain
{
    /// <summary>At once: a few seconds of work.</summary>
    internal const int Most = 200;

    public async Task<bool> Sweep()
    {
        var left = Most;
        Exception? failed = null;
        foreach (var tenant in policy.Tenants.Keys)
        {
            var now = time.GetUtcNow();
            foreach (var hour in await GrainFactory.Grain<IRecordingHoursGrain>(IRecordingHoursGrain.Key(tenant)).Due(now, policy.RecordingsKept))
            {
                var index = GrainFactory.Grain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(tenant, hour));
                foreach (var entry in await index.Due(now, policy.RecordingsKept, left))
                {
                    left--;
                    try
                    {
                        if (await GrainFactory.Grain<IRecordingGrain>(entry.Recording.Value).Retire()) await index.Forget(entry.Recording, entry.Page);
                    }
                    catch (Exception e)
                    {
                        // The others are to go all the same; this one is found again.
                        failed = e;
                    }
                }
                // Where one failed, the rest waits for the next run: what cannot be done is not to be tried without a pause.
                if (left <= 0) return failed is null ? true : throw Failed(failed);
            }
        }
        return failed is null ? false : throw Failed(failed);
    }

    private static InvalidOperationException Failed(Exception cause) => new($"a recording could not be retired ({cause.GetType().Name})");
}
