using System.Diagnostics;

namespace IvrActors.SystemTests.Harness;

/// <summary>Waits for a condition, not for a time: the limit is only where a test gives up.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static async Task Holds(Func<Task<bool>> condition, string what, Func<string>? detail = null)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            if (clock.Elapsed > Limit) Assert.Fail($"Not within {Limit.TotalSeconds} s: {what}\n{detail?.Invoke()}");
            await Task.Delay(50);
        }
    }
}
