namespace IvrActors.Silo.Storage;

/// <summary>What came of asking for a key's revocation.</summary>
/// <param name="Refusal">Why it was not revoked, or null.</param>
/// <param name="Moved">Rows that were moved off it before.</param>
/// <param name="Unreadable">Rows under it that did not open even before: nothing is lost with them.</param>
internal sealed record RevocationResult(string? Refusal, long Moved, long Unreadable);

/// <summary>
/// Revokes a key of the ring. First nothing new is written under it, then all that it protects is moved to the current key, and only when nothing that opens is left is it revoked: no row
/// is lost by a revocation.
/// </summary>
internal sealed class KeyRevocation(KeyRing ring, Reencryption rows, TimeProvider time)
{
    private const int MostPasses = 5;

    /// <param name="record">Writes into the ledger what is about to be done; when that fails, it is not done.</param>
    public async Task<RevocationResult> Revoke(Guid id, string reason, Func<Task> record, CancellationToken cancellation)
    {
        if (ring.List().FirstOrDefault(key => key.Id == id) is not { } key) return new RevocationResult($"There is no key {id:D} in {ring.Store.Place}.", 0, 0);
        if (key.State == KeyState.Revoked) return new RevocationResult($"The key {id:D} is revoked already.", 0, 0);
        if (key.State == KeyState.Current) ring.Live.Rotate();
        // A silo may go on with the key that it knows for as long as this, and what it wrote has to arrive.
        var settled = ring.Live.Current.CreationDate + KeyUpkeep.Settling;
        if (settled > time.GetUtcNow()) await Task.Delay(settled - time.GetUtcNow(), time, cancellation);
        ring.MoveSecrets();
        long moved = 0;
        for (var tried = 1; ; tried++)
        {
            var pass = await rows.Pass(of => of == id, rowsPerSecond: null, cancellation);
            moved += pass.Rewritten;
            if (pass.Foreign > 0) return new RevocationResult($"{pass.Foreign} rows under the key {id:D} are of states that this version does not know: let the newer version revoke it.", moved, pass.Unreadable);
            if (pass.Rewritten + pass.Changed == 0)
            {
                await record();
                ring.Live.Revoke(id, reason);
                return new RevocationResult(null, moved, pass.Unreadable);
            }
            if (tried == MostPasses) return new RevocationResult($"Rows are still being written under the key {id:D}: is a silo cut off from the key ring, or its clock wrong?", moved, pass.Unreadable);
        }
    }
}
