using IvrActors.Grains.Callers;
using IvrActors.Grains.Policies;
using Xunit;

namespace IvrActors.Grains.Tests.Callers;

public sealed class PinPoolTests
{
    [Fact]
    public async Task Only_so_many_run_at_once_and_only_so_many_wait()
    {
        using var pool = new PinPool(new ClusterPolicy { Tenants = new Dictionary<string, TenantPolicy>(), PinChecksAtOnce = 2 });
        using var release = new ManualResetEventSlim();
        var running = 0;
        var most = 0;
        var work = Enumerable.Range(0, 2 + 2 * PinPool.MostWaitingPerSlot).Select(_ => pool.Run(() =>
        {
            InterlockedMax(ref most, Interlocked.Increment(ref running));
            release.Wait();
            return Interlocked.Decrement(ref running);
        })).ToList();
        Assert.All(work, w => Assert.False(w.IsCompleted));
        Assert.Null(await pool.Run(() => 1));
        release.Set();
        Assert.All(await Task.WhenAll(work), r => Assert.NotNull(r));
        Assert.InRange(most, 1, 2);
        Assert.Equal(1, await pool.Run(() => 1));
    }

    [Fact]
    public async Task A_failure_gives_its_slot_back()
    {
        using var pool = new PinPool(new ClusterPolicy { Tenants = new Dictionary<string, TenantPolicy>(), PinChecksAtOnce = 1 });
        await Assert.ThrowsAsync<InvalidOperationException>(() => pool.Run<int>(() => throw new InvalidOperationException()));
        Assert.Equal(1, await pool.Run(() => 1));
    }

    [Fact]
    public async Task Its_threads_yield_to_all_others()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "niceness of a thread is Linux'");
        using var pool = new PinPool(new ClusterPolicy { Tenants = new Dictionary<string, TenantPolicy>(), PinChecksAtOnce = 1 });
        // proc(5): the niceness is the 19th field of stat; the name before it ends with the last parenthesis.
        var nice = await pool.Run(() => int.Parse(File.ReadAllText("/proc/thread-self/stat").Split(')')[^1].Split(' ')[17], System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(nice!.Value, 10, 19);
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = target; value > seen; seen = target) Interlocked.CompareExchange(ref target, value, seen);
    }
}
