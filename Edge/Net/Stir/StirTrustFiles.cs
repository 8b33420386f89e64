using IvrActors.Edge.Stir;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Net.Stir;

/// <summary>The authorities and revocation lists of configuration, read again when a file changed: lists are renewed daily. Any thread.</summary>
internal sealed partial class StirTrustFiles
{
    /// <summary>How often the files are looked at.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(60);

    private readonly StirOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<StirTrustFiles> _log;
    private readonly Lock _lock = new();
    private StirTrust _current = StirTrust.None;
    private string _state = "";
    private long _lookedAt;

    public StirTrustFiles(StirOptions options, TimeProvider time, ILogger<StirTrustFiles> log)
    {
        (_options, _time, _log) = (options, time, log);
        _lookedAt = time.GetTimestamp();
        Look();
    }

    public StirTrust Current
    {
        get
        {
            lock (_lock)
            {
                if (_time.GetElapsedTime(_lookedAt) >= s_period)
                {
                    _lookedAt = _time.GetTimestamp();
                    Look();
                }
                return _current;
            }
        }
    }

    /// <summary>Whether a chain leads from a certificate to an authority; one whose revocation list is over its time may be trusted again as soon as there is a new one.</summary>
    public bool Trusts(StirCertificate certificate)
    {
        var now = _time.GetUtcNow();
        return Current.Judge(certificate, now, now) is StirFailure.None or StirFailure.RevocationUnknown;
    }

    /// <summary>A file that is half written is read again at the next look; until then what was read before holds. At first it trusts nobody.</summary>
    private void Look()
    {
        if (_options.AuthorityFile is not { } authorityFile) return;
        var state = string.Join('\n', _options.CrlFiles.Prepend(authorityFile).Select(file => $"{file} {File.GetLastWriteTimeUtc(file):O}"));
        if (state == _state) return;
        if (StirFiles.Certificates(authorityFile) is not { } authorities)
        {
            Unreadable(_log, authorityFile);
            return;
        }
        List<StirCrl> lists = [];
        foreach (var file in _options.CrlFiles)
        {
            if (StirFiles.RevocationList(file) is not { } list)
            {
                Unreadable(_log, file);
                return;
            }
            lists.Add(list);
        }
        (_current, _state) = (new StirTrust(authorities, lists), state);
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{File} cannot be read: of callers' certificates, what was trusted before stays trusted, and at the start nobody is")]
    private static partial void Unreadable(ILogger log, string file);
}
