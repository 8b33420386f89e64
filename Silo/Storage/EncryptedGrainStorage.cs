using System.Globalization;
using System.Security.Cryptography;
using IvrActors.Grains;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Prometheus;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Grain storage whose rows hold ciphertext that opens only for the state name, grain and version that wrote it: a row copied over another is refused, and so is an older ciphertext under a
/// newer version (<see cref="StateSeal"/>).
/// </summary>
/// <remarks>
/// Plaintext: <c>kind (1 state, 0 cleared) | state in Orleans' binary format</c>. Encryption happens before the writer is asked, so that it does not lengthen the time that the database is
/// held.
/// </remarks>
internal sealed partial class EncryptedGrainStorage : IGrainStorage
{
    private const byte Cleared = 0;
    private const byte Present = 1;

    private readonly IStateTable _rows;
    private readonly IReadOnlySet<string> _relaxedStates;
    private readonly IReadOnlySet<string> _removableStates;
    private readonly TimeProvider _time;
    private readonly StateSeal _seal;
    private readonly Serializer _serializer;
    private readonly IActivatorProvider _activators;
    private readonly ILogger _logger;
    private readonly NewestVersions _newest = new();

    /// <param name="relaxedStates">States that die with their call: their commits survive a crash of the process, but not always a power cut. All others are durable.</param>
    /// <param name="removableStates">Durable states of which no tombstone stays when their grain clears them.</param>
    public EncryptedGrainStorage(
        IStateTable rows, IReadOnlySet<string> relaxedStates, StateSeal seal, Serializer serializer, IActivatorProvider activators, ILogger<EncryptedGrainStorage> logger,
        IReadOnlySet<string>? removableStates = null, TimeProvider? time = null)
    {
        _removableStates = removableStates ?? new HashSet<string>();
        _time = time ?? TimeProvider.System;
        _rows = rows;
        _relaxedStates = relaxedStates;
        _seal = seal;
        _serializer = serializer;
        _activators = activators;
        _logger = logger;
    }

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (await Run(Operation.Read, stateName, () => _rows.Read(stateName, KeyOf(grainId))).ConfigureAwait(false) is not { } row)
        {
            // Of a state that is not relaxed a tombstone stays: no row where there was one means that somebody took it away. Or another silo, where there are several and
            // the state is one that may be removed.
            if (IsDurable(stateName) && !(_rows.IsShared && _removableStates.Contains(stateName)) && !_newest.IsNewest(stateName, grainId, 0)) throw Tampered(stateName, "was removed");
            Forget(grainState, null);
            return;
        }
        var etag = ETagOf(row.Version);
        var (present, state) = Open<T>(stateName, grainId, row);
        if (!present)
        {
            Forget(grainState, etag);
            return;
        }
        grainState.State = state!;
        grainState.ETag = etag;
        grainState.RecordExists = true;
    }

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => Write(Operation.Write, stateName, grainId, grainState);

    /// <summary>
    /// Removes a state that dies with its call, or that may be removed; of the others a tombstone stays, encrypted like a state: if an empty row meant "nothing was
    /// ever here", emptying it in the database would unlock an account.
    /// </summary>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (grainState.ETag is null)
        {
            Forget(grainState, null);
            return;
        }
        if (IsDurable(stateName) && !_removableStates.Contains(stateName))
        {
            await Write(Operation.Clear, stateName, grainId, grainState).ConfigureAwait(false);
            return;
        }
        var version = VersionOf(grainState.ETag);
        if (!await Run(Operation.Clear, stateName, () => _rows.Delete(stateName, KeyOf(grainId), version, IsDurable(stateName))).ConfigureAwait(false)) throw Conflict(stateName);
        // Only what its grain removed may be missing: a row that somebody else took away is still known, and missed.
        _newest.Forget(stateName, grainId);
        Forget(grainState, null);
    }

    /// <summary>One asynchronous method from here to the table, because each more is an allocation for every write.</summary>
    private async Task Write<T>(Operation operation, string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var expected = VersionOf(grainState.ETag);
        var version = expected == 0 ? await FirstVersion(operation, stateName).ConfigureAwait(false) : expected + 1;
        var payload = Seal(operation, stateName, grainId, version, grainState.State);
        bool written;
        using (StorageMetrics.Of(operation, stateName).NewTimer())
        {
            try
            {
                written = await _rows.Write(stateName, KeyOf(grainId), payload, expected, version, IsDurable(stateName)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                throw Unavailable(operation, stateName, e.GetType().Name);
            }
        }
        if (!written) throw Conflict(stateName);
        if (IsDurable(stateName)) _newest.Saw(stateName, grainId, version);
        if (operation == Operation.Clear)
        {
            Forget(grainState, ETagOf(version));
            return;
        }
        grainState.ETag = ETagOf(version);
        grainState.RecordExists = true;
    }

    /// <summary>
    /// A row that comes after one that was removed begins above it, so that the old one, put back, is an older one. No row is written a thousand times a second for all its life.
    /// Silos whose clocks differ go by one clock: else a new row could look older than one that another of them knew.
    /// </summary>
    private async Task<long> FirstVersion(Operation operation, string stateName) =>
        _removableStates.Contains(stateName) ? (await Run(operation, stateName, () => _rows.Now(_time)).ConfigureAwait(false)).ToUnixTimeSeconds() << 10 : 1;

    private byte[] Seal<T>(Operation operation, string stateName, GrainId grainId, long version, T? state)
    {
        using var _ = StorageMetrics.Protect.NewTimer();
        using var plain = new PlainBuffer();
        plain.GetSpan(1)[0] = operation == Operation.Clear ? Cleared : Present;
        plain.Advance(1);
        if (operation != Operation.Clear) _serializer.Serialize(state!, plain);
        try
        {
            return _seal.Seal(stateName, grainId, version, plain.Written);
        }
        catch (KeyRingException)
        {
            throw Unavailable(operation, stateName, nameof(KeyRingException));
        }
    }

    private (bool Present, T? State) Open<T>(string stateName, GrainId grainId, StateRow row)
    {
        using var _ = StorageMetrics.Unprotect.NewTimer();
        byte[] plain;
        try
        {
            plain = _seal.Open(stateName, grainId, row.Version, row.Payload) ?? throw Tampered(stateName, "does not open for its owner and its version");
        }
        catch (KeyRingException)
        {
            // The key is not known here and the ring cannot be asked: nothing says that the row was touched.
            throw Unavailable(Operation.Read, stateName, nameof(KeyRingException));
        }
        try
        {
            if (IsDurable(stateName) && !_newest.IsNewest(stateName, grainId, row.Version)) throw Tampered(stateName, "is older than what was written before");
            return plain switch
            {
                [Present, ..] => (true, _serializer.Deserialize<T>(plain.AsMemory(1))),
                [Cleared] => (false, default),
                _ => throw Tampered(stateName, "is of no kind that is known"),
            };
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private bool IsDurable(string stateName) => !_relaxedStates.Contains(stateName);

    private void Forget<T>(IGrainState<T> grainState, string? etag)
    {
        grainState.State = _activators.GetActivator<T>().Create();
        grainState.ETag = etag!;
        grainState.RecordExists = false;
    }

    /// <summary>Runs one operation of the database; what it throws is replaced, because a client has no type for a driver's exception.</summary>
    private async Task<T> Run<T>(Operation operation, string stateName, Func<Task<T>> action)
    {
        using var _ = StorageMetrics.Of(operation, stateName).NewTimer();
        try
        {
            return await action().ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw Unavailable(operation, stateName, e.GetType().Name);
        }
    }

    private StorageUnavailableException Unavailable(Operation operation, string stateName, string failure)
    {
        var name = StorageMetrics.NameOf(operation);
        StorageMetrics.Errors.WithLabels(name).Inc();
        LogFailure(name, stateName, failure);
        return new StorageUnavailableException($"Storage could not {name} the state '{stateName}'.");
    }

    private static InconsistentStateException Conflict(string stateName) => new($"Another activation wrote the state '{stateName}' first.");

    private TamperedStateException Tampered(string stateName, string why)
    {
        StorageMetrics.Tampered.WithLabels(stateName).Inc();
        LogTampered(stateName, why);
        return new TamperedStateException($"A stored '{stateName}' was refused: it {why}.");
    }

    private static string KeyOf(GrainId grainId) => grainId.Key.ToString()!;

    private static string ETagOf(long version) => version.ToString(CultureInfo.InvariantCulture);

    private static long VersionOf(string? etag) => etag is null ? 0 : long.Parse(etag, CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Critical, Message = "A stored state was refused: {State} {Why}. Somebody changed the database.")]
    private partial void LogTampered(string state, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "Storage could not {Operation} a state: {State}, {Failure}")]
    private partial void LogFailure(string operation, string state, string failure);
}
