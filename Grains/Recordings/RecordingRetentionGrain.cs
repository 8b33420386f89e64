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
                if (left > 0) continue;
                // A sweep in which every one failed would be repeated without a pause.
                return failed is null;
            }
        }
        return failed is null ? false : throw new InvalidOperationException($"a recording could not be retired ({failed.GetType().Name})");
    }
}
