using Orleans.Storage;

namespace IvrActors.Grains.Privacy;

/// <summary>
/// One grain's row in the encrypted storage. Unlike an injected <c>IPersistentState</c> it is read when asked, not while the grain activates, so that the grain can turn
/// a failed or refused read into a result instead of an exception at its caller.
/// </summary>
/// <typeparam name="T">The state; must be creatable without arguments.</typeparam>
internal sealed class StoredRow<T>(IGrainStorage storage, string name, GrainId grain) where T : class, new()
{
    public const string Storage = "encrypted";

    private GrainState<T>? _row;

    /// <summary>The state as stored, or a new one when there is none.</summary>
    public async Task<T> Read()
    {
        if (_row is null)
        {
            var row = new GrainState<T>(new T());
            await storage.ReadStateAsync(name, grain, row);
            // A request that interleaves may have read, and written, meanwhile.
            _row ??= row;
        }
        return _row.State ??= new T();
    }

    /// <summary>A new state without a look at the storage, for a grain that cannot have one yet. Where it has one, the write is a conflict.</summary>
    public T StartNew()
    {
        var state = new T();
        _row = new GrainState<T>(state);
        return state;
    }

    /// <summary>Whether <see cref="Read"/> found a state.</summary>
    public bool Exists => _row?.RecordExists ?? false;

    /// <summary>Replaces the state that was read. After a failure nothing is known: the next <see cref="Read"/> asks the storage again.</summary>
    /// <exception cref="InconsistentStateException">Another activation wrote since the read.</exception>
    public async Task Write(T state)
    {
        var row = _row ?? throw new InvalidOperationException("internal error: written before it was read");
        var next = new GrainState<T>(state, row.ETag) { RecordExists = row.RecordExists };
        try
        {
            await storage.WriteStateAsync(name, grain, next);
            _row = next;
        }
        catch
        {
            _row = null;
            throw;
        }
    }

    public async Task Clear()
    {
        var row = _row ?? throw new InvalidOperationException("internal error: cleared before it was read");
        _row = null;
        await storage.ClearStateAsync(name, grain, row);
    }
}
