using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net.Tls;

/// <summary>Looks for new certificates every few seconds, and at once on SIGHUP.</summary>
public sealed partial class CertificateWatcher(IEnumerable<IReloadedCertificate> certificates, TimeProvider time, ILogger<CertificateWatcher> log) : IHostedService, IDisposable
{
    /// <summary>Two or three small files are read each time; a renewed certificate has days left before the old one expires.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(10);

    private ITimer? _timer;
    private PosixSignalRegistration? _hangUp;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => Look(), null, s_period, s_period);
        if (OperatingSystem.IsWindows()) return Task.CompletedTask;
        _hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true; // It would end the process.
            Look();
        });
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        Dispose();
        return Task.CompletedTask;
    }

    public void Dispose()
    {
        _timer?.Dispose();
        _hangUp?.Dispose();
    }

    private void Look()
    {
        foreach (var certificate in certificates)
        {
            switch (certificate.Reload(time.GetUtcNow()))
            {
                case CertificateReload.Replaced:
                    Replaced(log, certificate.Purpose, certificate.Current.Subject, certificate.Current.NotAfter.ToUniversalTime());
                    break;
                case CertificateReload.Refused:
                    Refused(log, certificate.Purpose);
                    break;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "new {Purpose} {Subject}, valid until {NotAfter:u}")]
    private static partial void Replaced(ILogger log, string purpose, string subject, DateTime notAfter);

    [LoggerMessage(Level = LogLevel.Error, Message = "the files of the {Purpose} changed and cannot be used (unreadable, expired, or a key of another certificate): the one in use stays")]
    private static partial void Refused(ILogger log, string purpose);
}
