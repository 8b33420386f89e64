using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace IvrActors.Silo.Storage;

/// <summary>What one pass over the rows came to.</summary>
/// <param name="Rewritten">Rows that are under the current key now.</param>
/// <param name="Changed">Rows that somebody wrote or removed meanwhile: a later pass sees what became of them.</param>
/// <param name="Unreadable">Rows that no key of the ring opens: nobody can read them, under whatever key.</param>
/// <param name="Foreign">Rows of states that this version does not know: a newer one has to move them.</param>
internal sealed record ReencryptionPass(long Rewritten, long Changed, long Unreadable, long Foreign);

/// <summary>
/// Moves rows to the current key. A row keeps its version, which its ciphertext holds too, and is replaced only as long as it is what was read: a grain that writes meanwhile wins and
/// notices nothing. Where a pass was broken off, the next one finds what is left by the rows themselves.
/// </summary>
internal sealed class Reencryption(IStateTable rows, KeyRing ring, string serviceId, IReadOnlyDictionary<string, string> owners, TimeProvider time)
{
    /// <summary>Rows looked at together: a millisecond or two, in which the reader serves nobody else.</summary>
    private const int PageSize = 200;

    /// <summary>Rows rewritten together: they share a commit.</summary>
    private const int AtOnce = 32;

    /// <summary>Looking at a row costs about a tenth of rewriting it.</summary>
    private const int LooksPerRewrite = 10;

    private const string MarkState = "keys";
    private const string MarkGrain = "rewritten";

    private readonly IDataProtector _mark = ring.Protection.CreateProtector("ivr.keys-rewritten.v1", serviceId);

    /// <summary>Told after each few rows: rows rewritten and rows looked at so far.</summary>
    public event Action<long, long>? Progress;

    /// <summary>How many rows are under each key; <see cref="Guid.Empty"/> for those that have no header of DataProtection.</summary>
    public async Task<Dictionary<Guid, long>> Count(int? rowsPerSecond = null, CancellationToken cancellation = default)
    {
        var counts = new Dictionary<Guid, long>();
        await foreach (var page in Pages(rowsPerSecond * LooksPerRewrite, cancellation).ConfigureAwait(false))
        {
            foreach (var (id, count) in page.CountBy(row => ProtectedPayload.KeyOf(row.Head) ?? Guid.Empty)) counts[id] = counts.GetValueOrDefault(id) + count;
        }
        return counts;
    }

    /// <summary>Looks at every row once and rewrites those under a key that <paramref name="isOld"/> names.</summary>
    /// <param name="rowsPerSecond">Bounds what it takes from calls; null: as fast as it goes.</param>
    public async Task<ReencryptionPass> Pass(Func<Guid, bool> isOld, int? rowsPerSecond, CancellationToken cancellation)
    {
        long rewritten = 0, changed = 0, unreadable = 0, foreign = 0, looked = 0;
        await foreach (var page in Pages(rowsPerSecond * LooksPerRewrite, cancellation).ConfigureAwait(false))
        {
            looked += page.Count;
            var old = page.Where(row => ProtectedPayload.KeyOf(row.Head) is { } id && isOld(id)).ToList();
            foreach (var together in old.Where(row => owners.ContainsKey(row.State)).Chunk(AtOnce))
            {
                var results = await Task.WhenAll(together.Select(row => Rewrite(row, GrainId.Create(owners[row.State], row.Grain)))).ConfigureAwait(false);
                rewritten += results.Count(result => result == true);
                changed += results.Count(result => result == false);
                unreadable += results.Count(result => result is null);
                Progress?.Invoke(rewritten, looked);
                if (rowsPerSecond is { } rate) await Task.Delay(TimeSpan.FromSeconds((double)together.Length / rate), time, cancellation).ConfigureAwait(false);
                cancellation.ThrowIfCancellationRequested();
            }
            foreign += old.Count(row => !owners.ContainsKey(row.State));
        }
        Progress?.Invoke(rewritten, looked);
        return new ReencryptionPass(rewritten, changed, unreadable, foreign);
    }

    /// <summary>The key for which a pass found nothing left to do, or null.</summary>
    public async Task<Guid?> Done()
    {
        if (await rows.Read(MarkState, MarkGrain).ConfigureAwait(false) is not { } row) return null;
        try
        {
            return new Guid(_mark.Unprotect(row.Payload));
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // Its key was revoked, or somebody wrote there: it says nothing.
            return null;
        }
    }

    /// <summary>Writes down, with the rows, that none is left under another key than this one.</summary>
    public async Task MarkDone(Guid current)
    {
        var version = (await rows.Read(MarkState, MarkGrain).ConfigureAwait(false))?.Version ?? 0;
        // Of two silos that come to the same end one writes it.
        await rows.Write(MarkState, MarkGrain, _mark.Protect(current.ToByteArray()), version, version + 1, durable: true).ConfigureAwait(false);
    }

    /// <returns>True when it was rewritten, false when it is another row by now, null when it does not open.</returns>
    private async Task<bool?> Rewrite(RowHead head, GrainId grain)
    {
        if (await rows.Read(head.State, head.Grain).ConfigureAwait(false) is not { } row || row.Version != head.Version) return false;
        if (ring.States.Open(head.State, grain, row.Version, row.Payload) is not { } plain) return null;
        try
        {
            return await rows.Rewrite(head.State, head.Grain, row.Version, row.Payload, ring.States.Seal(head.State, grain, row.Version, plain)).ConfigureAwait(false);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private async IAsyncEnumerable<IReadOnlyList<RowHead>> Pages(int? perSecond, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var (state, grain) = ("", "");
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            var page = await rows.Page(state, grain, PageSize).ConfigureAwait(false);
            yield return [.. page.Where(row => row.State != MarkState)];
            if (page.Count < PageSize) yield break;
            (state, grain) = (page[^1].State, page[^1].Grain);
            if (perSecond is { } rate) await Task.Delay(TimeSpan.FromSeconds((double)PageSize / rate), time, cancellation).ConfigureAwait(false);
        }
    }
}
