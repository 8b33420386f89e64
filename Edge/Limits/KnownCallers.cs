using System.Net;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Policies;

namespace IvrActors.Edge.Limits;

/// <summary>
/// Callers who proved lately who they are, here or at another edge, as keyed hashes. Bound to where the call came from: who writes the same number but comes by another trunk, from another
/// address or without the signature is a stranger. Any thread.
/// </summary>
public sealed class KnownCallers
{
    /// <summary>262,144 callers at an edge, in 4 MB.</summary>
    private const int Buckets = 65_536;

    /// <summary>New ones that wait to be told; beyond it the edge keeps them for itself.</summary>
    private const int MostNews = 20_000;

    /// <summary>How long a proof makes known: who calls a bank once a month is.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromDays(45);

    private readonly RecentKeys _known = new(Buckets, Life.Ticks);
    private readonly HashSet<ulong>[] _news = [.. Enumerable.Range(0, IKnownCallersGrain.Shards).Select(_ => new HashSet<ulong>())];
    private readonly Lock _lock = new();
    private volatile InviteMarks? _marks;
    private int _count;

    /// <summary>Whether callers can be told apart yet.</summary>
    public bool HasKey => _marks is not null;

    /// <summary>Callers that were heard of, those among them that were forgotten since.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>What the caller of an INVITE is remembered by; 0: nothing yet.</summary>
    public ulong Of(SipRequest invite, SipPeer peer)
    {
        ArgumentNullException.ThrowIfNull(invite);
        ArgumentNullException.ThrowIfNull(peer);
        if (_marks is not { } marks) return 0;
        // A trunk's own addresses are all the same; a telephone has its own.
        var source = peer.Entry.IsFrom(peer.EndPoint.Address) ? 0 : SourcePrefix.Of(peer.EndPoint.Address).Bits;
        var number = CallingParty.Calling(invite, peer.Entry)?.Reveal() ?? (invite.From.Uri.IsSip ? invite.From.Uri.User : invite.From.Uri.Opaque) ?? "";
        // Whether it is signed (RFC 8224) counts: a number that its owner's provider signs is known by that, and a forger's bare one is not. What is wrong with a signature is found out
        // after this: such a call has had its place among those of known callers, and neither begins as known nor makes known.
        var signed = invite.Headers.Contains("Identity") ? "\nsigned" : "";
        return Math.Max(1, marks.NumberOf(peer.Entry.Name + signed, number, source));
    }

    public bool Contains(long now, ulong caller) => caller != 0 && _known.Contains(now, caller);

    /// <summary>A caller proved who they are: here they are known at once, elsewhere after the next exchange.</summary>
    public void Verified(long now, ulong caller)
    {
        if (caller == 0) return;
        if (_known.Add(now, caller)) Interlocked.Increment(ref _count);
        lock (_lock)
        {
            var news = _news[IKnownCallersGrain.ShardOf(caller)];
            if (news.Count < MostNews) news.Add(caller);
        }
    }

    /// <summary>Takes those of a shard that are to be told.</summary>
    internal ulong[] TakeNews(int shard)
    {
        lock (_lock)
        {
            var news = _news[shard].Take(KnownNews.Most).ToArray();
            _news[shard].ExceptWith(news);
            return news;
        }
    }

    /// <summary>They could not be told.</summary>
    internal void PutBack(int shard, IEnumerable<ulong> news)
    {
        lock (_lock)
        {
            foreach (var caller in news.Take(MostNews - _news[shard].Count)) _news[shard].Add(caller);
        }
    }

    /// <summary>Hears of callers.</summary>
    /// <param name="today">Day since 1970.</param>
    internal void Take(long now, int today, KnownUpdate update)
    {
        if (_marks is null && update.HashKey.Length > 0) _marks = new InviteMarks(update.HashKey);
        for (var i = 0; i < Math.Min(update.Callers.Length, update.Days.Length); i++)
        {
            var left = Life - TimeSpan.FromDays(Math.Max(0, today - update.Days[i]));
            if (left > TimeSpan.Zero && _known.Add(now, update.Callers[i], left.Ticks)) Interlocked.Increment(ref _count);
        }
    }
}
