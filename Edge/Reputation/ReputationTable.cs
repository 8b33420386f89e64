using IvrActors.Edge.Sip;

namespace IvrActors.Edge.Reputation;

/// <summary>A block that is on.</summary>
/// <param name="Reason">The offence that was the last straw.</param>
/// <param name="At">When it began, and when it ends, in ticks of 100 ns of the table's clock.</param>
/// <param name="Own">Whether this edge decided it, not another one.</param>
/// <param name="Proven">Whether its last straw was (<see cref="ISourceReputation.Offend"/>).</param>
public readonly record struct ActiveBlock(SourcePrefix Source, SourceOffence Reason, long At, long Until, bool Own, bool Proven);

/// <summary>
/// Scores of sources and the blocks that follow from them. A table of fixed size: in a full bucket the source that matters least gives way, if the newcomer
/// matters as much (<see cref="SourceRank"/>). Any thread; never allocates on the way of a message.
/// </summary>
public sealed class ReputationTable
{
    private const int Ways = 4;
    private const int Buckets = 4096;
    private const int Locks = 64;

    /// <summary>Sources that it can hold.</summary>
    public const int Capacity = Buckets * Ways;

    private readonly Entry[] _entries = new Entry[Capacity];
    private readonly Lock[] _locks = [.. Enumerable.Range(0, Locks).Select(_ => new Lock())];
    private int _blocked;

    /// <summary>Sources with a block that nobody has found to be over yet.</summary>
    public int Blocked => Volatile.Read(ref _blocked);

    /// <summary>Whether a block is on against this source. One read of a counter while nobody is blocked.</summary>
    public bool IsBlocked(long now, SourcePrefix source) => BlockOf(now, source) is not null;

    /// <summary>The block that is on against this source.</summary>
    public ActiveBlock? BlockOf(long now, SourcePrefix source)
    {
        if (Blocked == 0) return null;
        var bucket = BucketOf(source);
        lock (LockOf(bucket))
        {
            ref var entry = ref Find(bucket, source, out var found);
            if (!found || entry.BlockedUntil == 0) return null;
            if (entry.BlockedUntil > now) return entry.Block;
            Unblock(ref entry);
            return null;
        }
    }

    /// <summary>Counts an offence; the block that begins with it, if one does.</summary>
    public ActiveBlock? Offend(long now, SourcePrefix source, SourceOffence offence, bool proven, SourceStanding standing)
    {
        var bucket = BucketOf(source);
        lock (LockOf(bucket))
        {
            ref var known = ref Find(bucket, source, out var found);
            if (found && known.VouchedUntil > now && standing == SourceStanding.Stranger) standing = SourceStanding.Vouched;
            var weight = ReputationRules.Weigh(offence, proven, standing);
            if (weight <= 0 || (found && known.BlockedUntil > now)) return null;
            var (rank, until) = weight < ReputationRules.Threshold ? (proven ? SourceRank.Seen : SourceRank.Suspected, 0) : (SourceRanks.OfBlock(ordered: false, proven), now + ReputationRules.FirstBlock.Ticks);
            if (!found && !TryPlace(now, bucket, source, rank, until)) return null;
            ref var entry = ref Find(bucket, source, out _);
            if (entry.BlockedUntil != 0) Unblock(ref entry);
            entry.Decay(now);
            entry.Score += weight;
            if (!ReputationRules.IsForgivenByProof(offence, proven)) entry.ProvenScore += weight;
            return entry.Score < ReputationRules.Threshold ? null : BlockNow(now, ref entry, offence, proven);
        }
    }

    /// <summary>Notes for whom a source asked; whether that is another one than before.</summary>
    public bool IsAnother(long now, SourcePrefix source, int user, bool proven)
    {
        var bucket = BucketOf(source);
        lock (LockOf(bucket))
        {
            Find(bucket, source, out var found);
            if (!found && !TryPlace(now, bucket, source, proven ? SourceRank.Seen : SourceRank.Suspected, 0)) return false;
            ref var entry = ref Find(bucket, source, out _);
            if (found && entry.User == user) return false;
            entry.User = user;
            return found;
        }
    }

    /// <summary>The source proved to be honest: see <see cref="ReputationRules.VouchedFor"/>. What it did itself before stays (<see cref="ReputationRules.IsForgivenByProof"/>): a scanner may have an account, too.</summary>
    public void Vouch(long now, SourcePrefix source)
    {
        var bucket = BucketOf(source);
        lock (LockOf(bucket))
        {
            Find(bucket, source, out var found);
            var until = now + ReputationRules.VouchedFor.Ticks;
            if (!found && !TryPlace(now, bucket, source, SourceRank.Vouched, until)) return;
            ref var entry = ref Find(bucket, source, out _);
            entry.VouchedUntil = until;
            entry.Decay(now);
            entry.Score = entry.ProvenScore;
        }
    }

    /// <summary>Takes over a block that another edge decided, or this one, as the cluster says it again; a longer one stands. An operator's replaces any, also a longer one, and is replaced by none of an edge.</summary>
    /// <returns>Whether the source was not blocked before.</returns>
    public bool Share(long now, SourcePrefix source, SourceOffence reason, long at, long until, bool proven, SourceStanding standing)
    {
        var bucket = BucketOf(source);
        lock (LockOf(bucket))
        {
            ref var known = ref Find(bucket, source, out var found);
            if (found && known.VouchedUntil > now && standing == SourceStanding.Stranger) standing = SourceStanding.Vouched;
            if (!ReputationRules.Accepts(reason, proven, standing)) return false;
            if (until <= now) return false;
            var ordered = reason == SourceOffence.Operator;
            var isOn = found && known.BlockedUntil > now;
            if (isOn && !ordered && (known.Reason == SourceOffence.Operator || known.BlockedUntil >= until - ReputationRules.Rounding.Ticks)) return false;
            if (!found && !TryPlace(now, bucket, source, SourceRanks.OfBlock(ordered, proven), until)) return false;
            ref var entry = ref Find(bucket, source, out _);
            if (entry.BlockedUntil == 0) Interlocked.Increment(ref _blocked);
            var own = isOn && entry.Own && !ordered;
            (entry.BlockedAt, entry.BlockedUntil, entry.Reason, entry.Own, entry.Proven) = (at, until, reason, own, proven);
            return !isOn;
        }
    }

    /// <summary>Ends a block that began no later than <paramref name="at"/>, and forgets what led to it.</summary>
    public bool Lift(SourcePrefix source, long at)
    {
        var bucket = BucketOf(source);
        lock (LockOf(bucket))
        {
            ref var entry = ref Find(bucket, source, out var found);
            if (!found || entry.BlockedUntil == 0 || entry.BlockedAt > at) return false;
            Unblock(ref entry);
            (entry.Score, entry.ProvenScore, entry.Strikes) = (0, 0, 0);
            return true;
        }
    }

    /// <summary>The blocks that are on.</summary>
    public List<ActiveBlock> Blocks(long now)
    {
        var blocks = new List<ActiveBlock>();
        if (Blocked == 0) return blocks;
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            lock (LockOf(bucket))
            {
                foreach (ref var entry in _entries.AsSpan(bucket * Ways, Ways))
                {
                    if (entry.BlockedUntil == 0) continue;
                    if (entry.BlockedUntil > now) blocks.Add(entry.Block);
                    else Unblock(ref entry);
                }
            }
        }
        return blocks;
    }

    private ActiveBlock BlockNow(long now, ref Entry entry, SourceOffence offence, bool proven)
    {
        var forgiven = entry.Strikes == 0 ? 0 : (now - entry.BlockedAt) / ReputationRules.Forgiveness.Ticks;
        entry.Strikes = (int)Math.Max(0, entry.Strikes - forgiven);
        (entry.BlockedAt, entry.BlockedUntil, entry.Reason, entry.Own, entry.Proven) = (now, now + ReputationRules.BlockFor(entry.Strikes).Ticks, offence, true, proven);
        entry.Strikes++;
        // Half of it stays: who goes on after the block is back in it soon.
        entry.Score = ReputationRules.Threshold / 2;
        entry.ProvenScore = Math.Min(entry.ProvenScore, entry.Score);
        Interlocked.Increment(ref _blocked);
        return entry.Block;
    }

    private void Unblock(ref Entry entry)
    {
        entry.BlockedUntil = 0;
        Interlocked.Decrement(ref _blocked);
    }

    // HashCode is seeded by process: nobody can choose sources that share a bucket.
    private static int BucketOf(SourcePrefix source) => HashCode.Combine((ulong)(source.Bits >> 64), (ulong)source.Bits) & (Buckets - 1);

    private Lock LockOf(int bucket) => _locks[bucket & (Locks - 1)];

    private ref Entry Find(int bucket, SourcePrefix source, out bool found)
    {
        for (var slot = bucket * Ways; slot < (bucket + 1) * Ways; slot++)
        {
            if (!_entries[slot].IsUsed || _entries[slot].Source != source) continue;
            found = true;
            return ref _entries[slot];
        }
        found = false;
        return ref _entries[bucket * Ways];
    }

    /// <summary>Makes room for a source; false when all others in its bucket matter more.</summary>
    private bool TryPlace(long now, int bucket, SourcePrefix source, SourceRank rank, long until)
    {
        var least = bucket * Ways;
        var worth = WorthOf(now, _entries[least]);
        for (var slot = least + 1; slot < (bucket + 1) * Ways; slot++)
        {
            var other = WorthOf(now, _entries[slot]);
            if (other.CompareTo(worth) < 0) (least, worth) = (slot, other);
        }
        if (!SourceRanks.GivesWay(worth.Rank, worth.Until, rank, until)) return false;
        ref var entry = ref _entries[least];
        if (entry.BlockedUntil != 0) Unblock(ref entry);
        entry = new Entry { IsUsed = true, Source = source, ScoredAt = now };
        return true;
    }

    private static (SourceRank Rank, long Until, double Score) WorthOf(long now, in Entry entry)
    {
        if (!entry.IsUsed) return default;
        var isOn = entry.BlockedUntil > now;
        var block = isOn ? SourceRanks.OfBlock(entry.Reason == SourceOffence.Operator, entry.Proven) : SourceRank.None;
        if (block > SourceRank.Vouched) return (block, entry.BlockedUntil, 0);
        if (entry.VouchedUntil > now) return (SourceRank.Vouched, entry.VouchedUntil, 0);
        if (isOn) return (block, entry.BlockedUntil, 0);
        var elapsed = now - entry.ScoredAt;
        var rank = ReputationRules.Decayed(entry.ProvenScore, elapsed) >= 1 ? SourceRank.Seen : SourceRank.Suspected;
        return (rank, 0, ReputationRules.Decayed(entry.Score, elapsed) + (entry.Strikes > 0 ? 1 : 0));
    }

    private struct Entry
    {
        public bool IsUsed;
        public SourcePrefix Source;
        public double Score;

        /// <summary>The part of the score that a proof of honesty does not take away.</summary>
        public double ProvenScore;
        public long ScoredAt;
        public long BlockedAt;
        public long BlockedUntil;
        public long VouchedUntil;
        public int Strikes;
        public SourceOffence Reason;
        public bool Own;
        public bool Proven;

        /// <summary>Hash of the user that it asked for last.</summary>
        public int User;

        public readonly ActiveBlock Block => new(Source, Reason, BlockedAt, BlockedUntil, Own, Proven);

        public void Decay(long now)
        {
            var elapsed = now - ScoredAt;
            (Score, ProvenScore, ScoredAt) = (ReputationRules.Decayed(Score, elapsed), ReputationRules.Decayed(ProvenScore, elapsed), now);
        }
    }
}
