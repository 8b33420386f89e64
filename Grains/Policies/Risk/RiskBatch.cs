using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Grains.Policies.Risk;

/// <summary>
/// What one silo learned of one tenant in about a second, put together for the shards. Bounded: what is over the bound is counted for the trunk, where it matters how many there are, and
/// left out of the rest, where a sample tells as much. So a PIN that is tried everywhere makes one shard no busier than any.
/// </summary>
internal sealed class RiskBatch
{
    /// <summary>Notes of a second: more than one silo verifies.</summary>
    internal const int MostNotes = 20_000;

    /// <summary>Failures of one PIN in a second: thresholds are far lower.</summary>
    internal const int MostOfPin = 256;

    private readonly Dictionary<int, List<RiskFailedPin>> _pins = [];
    private readonly Dictionary<ulong, int> _ofPin = [];
    private readonly Dictionary<int, List<RiskOriginAct>> _origins = [];
    private readonly Dictionary<int, List<RiskVisit>> _visits = [];
    private readonly Dictionary<string, (int Succeeded, int Failed)> _trunks = new(StringComparer.Ordinal);
    private int _notes;

    public bool IsEmpty => _notes == 0;

    public IReadOnlyDictionary<int, List<RiskFailedPin>> Pins => _pins;

    public IReadOnlyDictionary<int, List<RiskOriginAct>> Origins => _origins;

    public IReadOnlyDictionary<int, List<RiskVisit>> Visits => _visits;

    public List<RiskTrunkTally> Trunks => [.. _trunks.Select(trunk => new RiskTrunkTally { Trunk = trunk.Key, Succeeded = trunk.Value.Succeeded, Failed = trunk.Value.Failed })];

    /// <summary>False when it was left out.</summary>
    public bool Add(RiskNote note)
    {
        if (note.Kind is not RiskNoteKind.Called)
        {
            var (succeeded, failed) = _trunks.GetValueOrDefault(note.Trunk);
            _trunks[note.Trunk] = note.Kind is RiskNoteKind.Succeeded ? (succeeded + 1, failed) : (succeeded, failed + 1);
        }
        if (_notes >= MostNotes) return false;
        _notes++;
        foreach (var origin in new[] { note.Number, note.Source })
        {
            if (origin is not null) At(_origins, RiskShards.Of(origin)).Add(new RiskOriginAct { Origin = origin, Kind = note.Kind, Account = note.AccountTag });
        }
        if (note is { Kind: RiskNoteKind.Failed, PinTag: { } pin } && (_ofPin[pin] = _ofPin.GetValueOrDefault(pin) + 1) <= MostOfPin)
            At(_pins, RiskShards.Of(pin)).Add(new RiskFailedPin { Pin = pin, Account = note.AccountTag });
        if (note is { Kind: RiskNoteKind.Succeeded, Account: { } account })
        {
            At(_visits, RiskShards.Of(account)).Add(new RiskVisit { Account = account, Trunk = note.Trunk, Number = note.Number });
            if (note.Number is { } number) At(_visits, RiskShards.Of(number)).Add(new RiskVisit { Account = number, Trunk = note.Trunk });
        }
        return true;
    }

    private static List<T> At<T>(Dictionary<int, List<T>> shards, int shard) => shards.TryGetValue(shard, out var list) ? list : shards[shard] = [];
}
