using System.Security.Cryptography;
using System.Xml.Linq;
using IvrActors.Silo.Storage;
using Microsoft.AspNetCore.DataProtection;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class FileKeyStoreTests : KeyStoreTests
{
    private protected override Task<IKeyStore> Create() => Task.FromResult<IKeyStore>(new FileKeyStore(Path.Combine(Folder, "keys")));
}

public sealed class PostgresKeyStoreTests : KeyStoreTests
{
    private TestPostgresDatabase? _test;
    private IDatabase? _database;

    private protected override async Task<IKeyStore> Create()
    {
        _test = await TestPostgresDatabase.Create();
        _database = _test.Open();
        return _database.Keys!;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _database?.Dispose();
        if (_test is not null) await _test.DisposeAsync();
        GC.SuppressFinalize(this);
    }
}

/// <summary>What every store of the key ring keeps to.</summary>
public abstract class KeyStoreTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private IKeyStore _store = null!;

    private protected string Folder => _folder;

    private protected abstract Task<IKeyStore> Create();

    public async ValueTask InitializeAsync() => _store = await Create();

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public void Elements_are_kept_and_each_change_of_one_changes_the_stamp()
    {
        Assert.False(_store.HasKeys);
        Assert.Empty(_store.Elements());
        var stamps = new List<string> { _store.Stamp() };
        foreach (var act in new Action[]
        {
            () => _store.Add(Element("key-1", "a")), () => _store.Add(Element("revocation-2", "b")), () => _store.Replace(Element("key-1", "c")), () => _store.Replace(Element("key-1", "d")),
        })
        {
            act();
            stamps.Add(_store.Stamp());
            Assert.Equal(stamps[^1], _store.Stamp());
        }
        Assert.Equal(stamps.Count, stamps.Distinct().Count());
        Assert.True(_store.HasKeys);
        Assert.Equal([("key-1", "d"), ("revocation-2", "b")], _store.Elements().Select(element => (element.Name, element.Xml.Value)));
        Assert.ThrowsAny<Exception>(() => _store.Add(Element("key-1", "e")));
    }

    [Fact]
    public void A_secret_is_added_once_and_replaced_by_who_knows_it()
    {
        Assert.Null(_store.Secret("master"));
        Assert.True(_store.TryAddSecret("master", [1]));
        Assert.False(_store.TryAddSecret("master", [2]));
        Assert.False(_store.TryReplaceSecret("master", [2], [3]));
        Assert.True(_store.TryReplaceSecret("master", [1], [4]));
        Assert.Equal([4], _store.Secret("master"));
        Assert.True(_store.TryAddSecret("pepper-2", [5]));
        Assert.Equal(["pepper-2"], _store.Secrets("pepper-"));
        Assert.Equal(["master", "pepper-2"], _store.Secrets("").Order());
    }

    [Fact]
    public void Of_many_that_add_a_secret_at_once_one_does_and_one_at_a_time_has_the_lock()
    {
        var (added, holders, most) = (0, 0, 0);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i =>
        {
            if (_store.TryAddSecret("master", [(byte)i])) Interlocked.Increment(ref added);
            using (_store.Lock())
            {
                most = Math.Max(most, Interlocked.Increment(ref holders));
                Thread.Yield();
                Interlocked.Decrement(ref holders);
            }
        });
        Assert.Equal((1, 1), (added, most));
    }

    [Fact]
    public void Silos_agree_on_keys_and_secrets_and_read_what_another_wrote_under_a_new_one()
    {
        TestKeys.CopyCertificateTo(_folder);
        using var protection = TestKeys.Protection(_folder, mayCreate: false);
        var rings = new KeyRing[4];
        Parallel.For(0, rings.Length, i => rings[i] = KeyRing.Open(_store, protection, "test", mayCreate: true));
        Assert.Single(_store.Elements());
        Assert.Single(rings.Select(ring => Convert.ToHexString(ring.Secret("master", mayCreate: true, () => RandomNumberGenerator.GetBytes(32)))).Distinct());
        var old = rings[0].Live.Current.KeyId;
        rings[0].Live.Rotate();
        Assert.Equal([1, 2], rings[1].Protection.CreateProtector("a").Unprotect(rings[0].Protection.CreateProtector("a").Protect([1, 2])));
        rings[2].Live.Revoke(old, "it was copied");
        Assert.Equal("it was copied", rings[3].List().Single(key => key.State == KeyState.Revoked).Reason);
        Assert.Equal(2, rings[3].Protect());
        KeyRing.Open(_store, protection, "test", mayCreate: false).Dispose();
        foreach (var ring in rings) ring.Dispose();
    }

    private static KeyElement Element(string name, string text) => new(name, new XElement("key", text));
}
