using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Orleans.Serialization;
using Orleans.Serialization.Serializers;
using Orleans.Storage;
using Prometheus;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Grain storage whose rows hold ciphertext that opens only for the state name and grain that wrote it: a row copied over another
/// is refused. The plaintext carries the row's version, so that an older ciphertext under a newer version is refused too.
/// </summary>
/// <remarks>
/// Plaintext: <c>version (int64, little endian) | kind (1 state, 0 cleared) | state in Orleans' binary format</c>.
/// Encryption happens before a connection is taken, so that it does not lengthen the time that the database is held.
/// </remarks>
internal sealed partial class EncryptedGrainStorage : IGrainStorage
{
    private const int HeaderSize = 9;
    private const byte Cleared = 0;
    private const byte Present = 1;

    private readonly IGrainStorage _durable;
    private readonly IGrainStorage _relaxed;
    private readonly IReadOnlySet<string> _relaxedStates;
    private readonly IDataProtector _protector;
    private readonly Serializer _serializer;
    private readonly IActivatorProvider _activators;
    private readonly ILogger _logger;
    private readonly NewestVersions _newest = new();

    /// <param name="durable">Provider whose commits survive a power cut: every state that is not in <paramref name="relaxedStates"/>.</param>
    public EncryptedGrainStorage(
        IGrainStorage durable, IGrainStorage relaxed, IReadOnlySet<string> relaxedStates, string serviceId,
        IDataProtectionProvider protection, Serializer serializer, IActivatorProvider activators, ILogger<EncryptedGrainStorage> logger)
    {
        _durable = durable;
        _relaxed = relaxed;
        _relaxedStates = relaxedStates;
        _protector = protection.CreateProtector("ivr.grain-state.v1", serviceId);
        _serializer = serializer;
        _activators = activators;
        _logger = logger;
    }

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var row = new GrainState<StateEnvelope>(new StateEnvelope());
        await Run("read", stateName, () => Provider(stateName).ReadStateAsync(stateName, grainId, row)).ConfigureAwait(false);
        if (!row.RecordExists)
        {
            // Of a state that is not relaxed a tombstone stays: no row where there was one means that somebody took it away.
            if (!_relaxedStates.Contains(stateName) && !_newest.IsNewest(stateName, grainId, 0)) throw Tampered(stateName, "was removed");
            Forget(grainState, null);
            return;
        }
        var (present, state) = Open<T>(stateName, grainId, row.State!.Payload, VersionOf(row.ETag));
        if (!present)
        {
            Forget(grainState, row.ETag);
            return;
        }
        grainState.State = state!;
        grainState.ETag = row.ETag;
        grainState.RecordExists = true;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        grainState.ETag = await Write(stateName, grainId, grainState.ETag, Present, grainState.State).ConfigureAwait(false);
        grainState.RecordExists = true;
    }

    /// <summary>
    /// Removes a state that dies with its call; of the others a tombstone stays, encrypted like a state: if an empty row meant "nothing was
    /// ever here", emptying it in the database would unlock an account.
    /// </summary>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (grainState.ETag is null)
        {
            Forget(grainState, null);
            return;
        }
        if (_relaxedStates.Contains(stateName))
        {
            var row = new GrainState<StateEnvelope>(new StateEnvelope(), grainState.ETag) { RecordExists = true };
            await Run("clear", stateName, () => _relaxed.ClearStateAsync(stateName, grainId, row)).ConfigureAwait(false);
            Forget(grainState, null);
            return;
        }
        Forget(grainState, await Write(stateName, grainId, grainState.ETag, Cleared, default(T)).ConfigureAwait(false));
    }

    private async Task<string> Write<T>(string stateName, GrainId grainId, string? etag, byte kind, T? state)
    {
        var version = VersionOf(etag) + 1;
        var row = new GrainState<StateEnvelope>(new StateEnvelope { Payload = Seal(stateName, grainId, version, kind, state) }, etag) { RecordExists = etag is not null };
        await Run(kind == Cleared ? "clear" : "write", stateName, () => Provider(stateName).WriteStateAsync(stateName, grainId, row)).ConfigureAwait(false);
        if (VersionOf(row.ETag) != version) throw new InvalidOperationException("internal error: the provider numbers versions otherwise than by one");
        if (!_relaxedStates.Contains(stateName)) _newest.Saw(stateName, grainId, version);
        return row.ETag!;
    }

    private byte[] Seal<T>(string stateName, GrainId grainId, long version, byte kind, T? state)
    {
        using var _ = StorageMetrics.Encryption.WithLabels("protect").NewTimer();
        var body = kind == Present ? _serializer.SerializeToArray(state!) : [];
        var plain = new byte[HeaderSize + body.Length];
        BinaryPrimitives.WriteInt64LittleEndian(plain, version);
        plain[8] = kind;
        body.CopyTo(plain, HeaderSize);
        try
        {
            return ProtectorOf(stateName, grainId).Protect(plain);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
            CryptographicOperations.ZeroMemory(body);
        }
    }

    private (bool Present, T? State) Open<T>(string stateName, GrainId grainId, byte[] payload, long rowVersion)
    {
        using var _ = StorageMetrics.Encryption.WithLabels("unprotect").NewTimer();
        byte[] plain;
        try
        {
            plain = ProtectorOf(stateName, grainId).Unprotect(payload);
        }
        catch (CryptographicException)
        {
            throw Tampered(stateName, "does not decrypt for its owner");
        }
        try
        {
            // An authentic plaintext is ours, so a wrong header can only be an old or a foreign row.
            if (plain.Length < HeaderSize || BinaryPrimitives.ReadInt64LittleEndian(plain) != rowVersion) throw Tampered(stateName, "holds another version than its row says");
            if (!_relaxedStates.Contains(stateName) && !_newest.IsNewest(stateName, grainId, rowVersion)) throw Tampered(stateName, "is older than what was written before");
            return plain[8] == Present ? (true, _serializer.Deserialize<T>(plain.AsMemory(HeaderSize))) : (false, default);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    private IDataProtector ProtectorOf(string stateName, GrainId grainId) => (IDataProtector)_protector.CreateProtector([stateName, grainId.ToString()]);

    private IGrainStorage Provider(string stateName) => _relaxedStates.Contains(stateName) ? _relaxed : _durable;

    private void Forget<T>(IGrainState<T> grainState, string? etag)
    {
        grainState.State = _activators.GetActivator<T>().Create();
        grainState.ETag = etag!;
        grainState.RecordExists = false;
    }

    /// <summary>Runs one operation of the provider; what it throws is replaced, because a client has no type for a driver's exception.</summary>
    private async Task Run(string operation, string stateName, Func<Task> action)
    {
        using var _ = StorageMetrics.Operations.WithLabels(operation, stateName).NewTimer();
        try
        {
            await action().ConfigureAwait(false);
        }
        catch (InconsistentStateException)
        {
            throw new InconsistentStateException($"Another activation wrote the state '{stateName}' first.");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            StorageMetrics.Errors.WithLabels(operation).Inc();
            LogFailure(operation, stateName, e.GetType().Name);
            throw new StorageUnavailableException($"Storage could not {operation} the state '{stateName}'.");
        }
    }

    private TamperedStateException Tampered(string stateName, string why)
    {
        StorageMetrics.Tampered.WithLabels(stateName).Inc();
        LogTampered(stateName, why);
        return new TamperedStateException($"A stored '{stateName}' was refused: it {why}.");
    }

    private static long VersionOf(string? etag) => etag is null ? 0 : long.Parse(etag, CultureInfo.InvariantCulture);

    [LoggerMessage(Level = LogLevel.Critical, Message = "A stored state was refused: {State} {Why}. Somebody changed the database.")]
    private partial void LogTampered(string state, string why);

    [LoggerMessage(Level = LogLevel.Error, Message = "Storage could not {Operation} a state: {State}, {Failure}")]
    private partial void LogFailure(string operation, string state, string failure);
}

/// <summary>What the inner provider stores: nothing but ciphertext.</summary>
internal sealed class StateEnvelope
{
    public byte[] Payload { get; init; } = [];
}

/// <summary>Hands the ciphertext of a <see cref="StateEnvelope"/> to the provider as the payload column.</summary>
internal sealed class EnvelopeSerializer : IGrainStorageSerializer
{
    public BinaryData Serialize<T>(T? input) => new(((StateEnvelope)(object)input!).Payload);

    public T Deserialize<T>(BinaryData input) => (T)(object)new StateEnvelope { Payload = input.ToArray() };
}
