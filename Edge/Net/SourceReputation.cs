using System.Net;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.Extensions.Logging;
using Prometheus;

namespace IvrActors.Edge.Net;

/// <summary>The reputation table with a clock, the trunks' addresses, counts, and one log line for each block.</summary>
internal sealed partial class SourceReputation : ISourceReputation
{
    /// <summary>Who forges sources can begin blocks as fast as datagrams come: the log is not to be filled so.</summary>
    private static readonly RateLimit s_lines = new(20, TimeSpan.FromSeconds(1), 200);

    private static readonly Counter s_offences = Metrics.CreateCounter("ivr_source_offences_total", "What sources did that honest ones do not, by offence.", "offence");
    private static readonly Counter s_blocks = Metrics.CreateCounter("ivr_source_blocks_total", "Blocks begun, by the offence that was the last straw; shared: decided by another edge.", "reason", "origin");
    private static readonly Gauge s_blocked = Metrics.CreateGauge("ivr_sources_blocked", "Sources that are not listened to now.");

    private static readonly Counter.Child[] s_offencesBy = [.. Enum.GetValues<SourceOffence>().Select(offence => s_offences.WithLabels(ReputationRules.NameOf(offence)))];

    private readonly ReputationTable _table = new();
    private readonly EdgeOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<SourceReputation> _log;
    private readonly TrunkTable _trunks;
    private readonly SourceNetwork[] _neverBlocked;
    private readonly Lock _lines = new();
    private long _lineArrival;

    public SourceReputation(EdgeOptions options, TrunkTable trunks, TimeProvider time, ILogger<SourceReputation> log) =>
        (_options, _time, _log, _trunks, _neverBlocked) = (options, time, log, trunks, [.. options.NeverBlock.Select(SourceNetwork.Of)]);

    private long Now => _time.GetElapsedTime(0).Ticks;

    public void Offend(IPAddress source, SourceOffence offence, bool proven) => Offend(SourceAddress.Of(new IPEndPoint(source, 0)), offence, proven);

    public void Challenged(IPAddress source, string user, bool proven)
    {
        if (_table.IsAnother(Now, SourcePrefix.Of(source), user.GetHashCode(StringComparison.Ordinal), proven)) Offend(source, SourceOffence.ManyUsers, proven);
    }

    public void Vouch(IPAddress source) => _table.Vouch(Now, SourcePrefix.Of(source));

    public bool IsBlocked(IPAddress source) => IsBlocked(SourcePrefix.Of(source));

    internal bool IsBlocked(in SourceAddress source) => IsBlocked(SourcePrefix.Of(source));

    internal void Offend(in SourceAddress source, SourceOffence offence, bool proven)
    {
        s_offencesBy[(int)offence].Inc();
        var prefix = SourcePrefix.Of(source);
        if (IsExempt(prefix) || _table.Offend(Now, prefix, offence, proven, StandingOf(source)) is not { } block) return;
        s_blocks.WithLabels(ReputationRules.NameOf(offence), "own").Inc();
        s_blocked.Set(_table.Blocked);
        if (MayLog()) Blocked(_log, block.Source.ToString(), ReputationRules.NameOf(offence), (long)TimeSpan.FromTicks(block.Until - block.At).TotalSeconds, proven ? "yes" : "no");
    }

    /// <summary>The blocks that this edge decided since then and that are still on: the proven ones first, else those that began last.</summary>
    /// <param name="since">By the clock of this process, which nobody sets: ticks.</param>
    /// <param name="newest">When the last of them began, by the same clock; <paramref name="since"/> when there is none.</param>
    internal List<SharedBlock> OwnBlocks(int most, long since, out long newest)
    {
        var (now, clock) = (Now, _time.GetUtcNow());
        ActiveBlock[] own = [.. _table.Blocks(now).Where(block => block.Own && block.At >= since).OrderByDescending(block => block.Proven).ThenByDescending(block => block.At).Take(most)];
        newest = own.Length == 0 ? since : own.Max(block => block.At);
        return
        [
            .. own.Select(block => new SharedBlock
            {
                Source = block.Source.ToString(),
                Reason = ReputationRules.NameOf(block.Reason),
                At = clock + TimeSpan.FromTicks(block.At - now),
                Until = clock + TimeSpan.FromTicks(block.Until - now),
                Proven = block.Proven,
                By = _options.Name,
            }),
        ];
    }

    /// <summary>Takes over what the cluster says, as far as it holds here: see <see cref="ReputationRules.Accepts"/>.</summary>
    internal void Take(BlockUpdate update)
    {
        var (now, clock) = (Now, _time.GetUtcNow());
        foreach (var block in update.Begun)
        {
            // A reason or a form of a later version says nothing here.
            if (ReputationRules.OffenceOf(block.Reason) is not { } reason || !SourcePrefix.TryParse(block.Source, out var prefix)) continue;
            if (IsExempt(prefix)) continue;
            var (at, until) = (now + (block.At - clock).Ticks, now + (block.Until - clock).Ticks);
            if (_table.Share(now, prefix, reason, at, until, block.Proven, StandingOf(prefix))) s_blocks.WithLabels(block.Reason, "shared").Inc();
        }
        foreach (var lifted in update.Lifted)
        {
            if (SourcePrefix.TryParse(lifted.Source, out var prefix)) _table.Lift(prefix, now + (lifted.At - clock).Ticks);
        }
        // Those that ended by themselves are found when they are looked for.
        _table.Blocks(now);
        s_blocked.Set(_table.Blocked);
    }

    private bool IsBlocked(SourcePrefix prefix)
    {
        if (_table.BlockOf(Now, prefix) is not { } block) return false;
        if (ReputationRules.Holds(block.Reason, block.Proven, block.Own, StandingOf(prefix))) return true;
        // Since it began DNS named an address of it as that of a trunk's proxy.
        _table.Lift(prefix, block.At);
        return false;
    }

    private SourceStanding StandingOf(SourcePrefix prefix) => _trunks.Knows(prefix) ? SourceStanding.Trunk : SourceStanding.Stranger;

    private SourceStanding StandingOf(in SourceAddress source) =>
        !_trunks.Knows(SourcePrefix.Of(source)) ? SourceStanding.Stranger : _trunks.Knows(source) ? SourceStanding.Trunk : SourceStanding.Neighbour;

    private bool IsExempt(SourcePrefix prefix)
    {
        foreach (var network in _neverBlocked)
        {
            if (network.Overlaps(prefix)) return true;
        }
        return false;
    }

    private bool MayLog()
    {
        lock (_lines)
        {
            var decision = Gcra.Decide(Now, s_lines, _lineArrival);
            _lineArrival = decision.TheoreticalArrival;
            return decision.Allowed;
        }
    }

    // deploy/fail2ban/filter.d/ivractors.conf reads this line: it stays as it is.
    [LoggerMessage(EventId = 1, Level = LogLevel.Warning, Message = "sip-block source={Source} reason={Reason} seconds={Seconds} proven={Proven}")]
    private static partial void Blocked(ILogger log, string source, string reason, long seconds, string proven);
}
