using System.Globalization;
using Microsoft.Extensions.Hosting.Systemd;

namespace IvrActors.Silo.Hosting;

/// <summary>Tells systemd that the process lives, as often as it wants to hear that, and when it is ending (sd_notify(3), sd_watchdog_enabled(3)). Where systemd does not ask, nothing is said.</summary>
internal sealed class SystemdNotices(ISystemdNotifier systemd, IHostApplicationLifetime lifetime, TimeProvider time) : BackgroundService
{
    private static readonly ServiceState s_alive = new("WATCHDOG=1");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!systemd.IsEnabled) return;
        using var stopping = lifetime.ApplicationStopping.Register(() => systemd.Notify(ServiceState.Stopping));
        if (!long.TryParse(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), CultureInfo.InvariantCulture, out var microseconds) || microseconds <= 0) return;
        // At half of the time, as sd_watchdog_enabled(3) advises. From the thread pool, which a process that hangs has none of.
        using var timer = new PeriodicTimer(TimeSpan.FromMicroseconds(microseconds / 2), time);
        try
        {
            do systemd.Notify(s_alive);
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host takes a cancellation outside of its own stop for a failure and says so as critical.
        }
    }
}
