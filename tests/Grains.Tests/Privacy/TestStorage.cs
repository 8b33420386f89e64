using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;

namespace IvrActors.Grains.Tests.Privacy;

/// <summary>Rows in memory with an ETag, as the production storage keeps them; counts writes, fails on request, and can let another activation write in between.</summary>
internal sealed class TestStorage(IServiceProvider services) : IGrainStorage
{
    private readonly ConcurrentDictionary<(string State, GrainId Grain), Row> _rows = new();

    public ConcurrentDictionary<string, int> Writes { get; } = new();

    /// <summary>Asked before each operation ("read", "write", "clear") on a state; throws what it likes.</summary>
    public Action<string, string> Before { get; set; } = (_, _) => { };

    /// <summary>Runs once, before the next write of that state: what another activation does meanwhile.</summary>
    public (string State, Func<GrainId, Task> Act)? Race { get; set; }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Before("read", stateName);
        if (!_rows.TryGetValue((stateName, grainId), out var row)) return Task.CompletedTask;
        grainState.State = Serializer.Deserialize<T>(row.Bytes);
        grainState.ETag = row.ETag;
        grainState.RecordExists = true;
        return Task.CompletedTask;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Before("write", stateName);
        if (Race is { } race && race.State == stateName)
        {
            Race = null;
            await race.Act(grainId);
        }
        lock (_rows)
        {
            var found = _rows.TryGetValue((stateName, grainId), out var row);
            if ((found ? row!.ETag : null) != grainState.ETag) throw new InconsistentStateException("another activation wrote first");
            var next = new Row(Serializer.SerializeToArray(grainState.State), Guid.NewGuid().ToString());
            _rows[(stateName, grainId)] = next;
            grainState.ETag = next.ETag;
            grainState.RecordExists = true;
        }
        Writes.AddOrUpdate(stateName, 1, (_, n) => n + 1);
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        Before("clear", stateName);
        _rows.TryRemove((stateName, grainId), out _);
        grainState.State = Activator.CreateInstance<T>();
        grainState.ETag = null!;
        grainState.RecordExists = false;
        return Task.CompletedTask;
    }

    /// <summary>The serialized state of a grain: what the encryption would get.</summary>
    public T? Stored<T>(string stateName, GrainId grain) where T : class => _rows.TryGetValue((stateName, grain), out var row) ? Serializer.Deserialize<T>(row.Bytes) : null;

    public byte[] Bytes(string stateName, GrainId grain) => _rows[(stateName, grain)].Bytes;

    /// <summary>Writes a row as another activation, or somebody at the database, does.</summary>
    public Task Replace<T>(string stateName, GrainId grain, T state)
    {
        _rows[(stateName, grain)] = new Row(Serializer.SerializeToArray(state), Guid.NewGuid().ToString());
        return Task.CompletedTask;
    }

    private Serializer Serializer => services.GetRequiredService<Serializer>();

    private sealed record Row(byte[] Bytes, string ETag);
}
