using System.Globalization;
using IvrActors.Silo.Storage;
using Orleans;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;
using Prometheus;

namespace IvrActors.Bench;

/// <summary>
/// What grain storage would be without encryption: the same rows, versions and metrics of the database, and the state as it was serialized. Less than the encrypted storage without its seal: it does not
/// remember versions either, which is there against somebody who changes the database.
/// </summary>
internal sealed class PlainGrainStorage(IStateTable rows, Serializer serializer) : IGrainStorage
{
    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var expected = grainState.ETag is null ? 0 : long.Parse(grainState.ETag, CultureInfo.InvariantCulture);
        var payload = serializer.SerializeToArray(grainState.State);
        using (StorageMetrics.Of(Operation.Write, stateName).NewTimer())
        {
            if (!await rows.Write(stateName, grainId.Key.ToString()!, payload, expected, expected + 1, durable: true).ConfigureAwait(false)) throw new InvalidOperationException("a conflict");
        }
        grainState.ETag = (expected + 1).ToString(CultureInfo.InvariantCulture);
        grainState.RecordExists = true;
    }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => throw new NotSupportedException();
}
