using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>A store that counts what is asked of it, and that can be away.</summary>
internal sealed class WatchedKeyStore(IKeyStore inner) : IKeyStore
{
    private int _reads;

    public bool IsAway { get; set; }

    /// <summary>Nobody who asks whether it changed is answered before this is set; null: at once.</summary>
    public ManualResetEventSlim? Answers { get; set; }

    /// <summary>How often all elements were read.</summary>
    public int Reads => _reads;

    public string Place => inner.Place;

    public bool HasKeys => Present.HasKeys;

    private IKeyStore Present => IsAway ? throw new IOException("away") : inner;

    public string PlaceOf(string secret) => inner.PlaceOf(secret);

    public string Stamp()
    {
        Answers?.Wait();
        return Present.Stamp();
    }

    public IReadOnlyList<KeyElement> Elements()
    {
        Interlocked.Increment(ref _reads);
        return Present.Elements();
    }

    public void Add(KeyElement element) => Present.Add(element);

    public void Replace(KeyElement element) => Present.Replace(element);

    public byte[]? Secret(string name) => Present.Secret(name);

    public bool TryAddSecret(string name, byte[] content) => Present.TryAddSecret(name, content);

    public bool TryReplaceSecret(string name, byte[] expected, byte[] content) => Present.TryReplaceSecret(name, expected, content);

    public IReadOnlyList<string> Secrets(string prefix) => Present.Secrets(prefix);

    public IDisposable Lock() => Present.Lock();
}
