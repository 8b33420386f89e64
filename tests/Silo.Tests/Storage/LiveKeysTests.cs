using System.Security.Cryptography;
using IvrActors.Silo.Storage;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.KeyManagement.Internal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Storage;

/// <summary>Two or more silos over one key store.</summary>
public sealed class LiveKeysTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly WatchedKeyStore _store;
    private readonly RingProtection _protection;
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly List<KeyRing> _opened = [];

    public LiveKeysTests()
    {
        _store = new WatchedKeyStore(new FileKeyStore(Path.Combine(_folder, "keys")));
        TestKeys.CopyCertificateTo(_folder);
        _protection = TestKeys.Protection(_folder, mayCreate: false);
    }

    [Fact]
    public void Silos_that_start_at_once_agree_on_one_key_and_on_each_secret()
    {
        var secrets = new byte[8][];
        Parallel.For(0, secrets.Length, new ParallelOptions { MaxDegreeOfParallelism = secrets.Length }, i =>
        {
            var ring = Open();
            secrets[i] = ring.Secret("master", mayCreate: true, () => RandomNumberGenerator.GetBytes(32));
        });
        Assert.Single(_opened[0].List());
        Assert.All(secrets, secret => Assert.Equal(secrets[0], secret));
        Assert.Single(_store.Elements());
    }

    [Fact]
    public void What_one_silo_writes_under_a_new_key_another_reads_at_once()
    {
        var (one, other) = (Open(), Open());
        var before = one.Live.Current.KeyId;
        var made = one.Live.Rotate();
        Assert.NotEqual(before, made);
        Assert.Equal(made, one.Live.Current.KeyId);
        Assert.Equal(before, other.Live.Current.KeyId);

        var written = Seal(one, [1, 2]);
        Assert.Equal(made, ProtectedPayload.KeyOf(written));
        Assert.Equal([1, 2], Unseal(other, written));
        // It has seen the new key by this, and writes under it.
        Assert.Equal(made, ProtectedPayload.KeyOf(Seal(other, [3])));
    }

    [Fact]
    public void A_new_key_is_used_by_the_others_with_their_next_check_and_old_ones_still_open()
    {
        var (one, other) = (Open(), Open());
        var old = Seal(other, [1]);
        var made = one.Live.Rotate();
        other.Live.Check();
        Assert.Equal(made, ProtectedPayload.KeyOf(Seal(other, [2])));
        Assert.Equal([1], Unseal(other, old));
        Assert.Equal([KeyState.Old, KeyState.Current], other.List().Select(key => key.State));
    }

    [Fact]
    public void A_silo_that_was_stopped_asks_for_the_current_key_before_it_writes()
    {
        var (one, other) = (Open(), Open());
        Seal(other, [1]);
        var made = one.Live.Rotate();
        _time.Advance(LiveKeys.Staleness);
        Assert.Equal(made, ProtectedPayload.KeyOf(Seal(other, [2])));
    }

    [Fact]
    public void A_key_is_replaced_by_one_silo_when_its_lifetime_is_over()
    {
        var (one, other) = (Open(), Open());
        var first = one.Live.Current.KeyId;
        _time.Advance(KeyRing.DefaultLifetime - TimeSpan.FromSeconds(1));
        one.Live.Check();
        Assert.Equal(first, one.Live.Current.KeyId);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotEqual(first, ProtectedPayload.KeyOf(Seal(one, [1])));
        Assert.Equal(one.Live.Current.KeyId, ProtectedPayload.KeyOf(Seal(other, [1])));
        Assert.Equal(2, other.List().Count);
    }

    [Fact]
    public void A_lifetime_that_was_shortened_counts_for_the_key_that_is_there()
    {
        Open();
        _time.Advance(TimeSpan.FromDays(8));
        Assert.Equal(2, Open(TimeSpan.FromDays(7)).List().Count);
    }

    [Fact]
    public void A_key_from_far_ahead_is_read_and_not_written_under()
    {
        var one = Open();
        var own = one.Live.Current.KeyId;
        var ahead = new FakeTimeProvider(_time.GetUtcNow().AddDays(3));
        var wrong = KeyRing.Open(_store, _protection, "test", mayCreate: false, time: ahead);
        _opened.Add(wrong);
        var written = Seal(wrong, [1]);
        wrong.Live.Rotate();
        var later = Seal(wrong, [2]);
        one.Live.Check();
        Assert.Equal([1], Unseal(one, written));
        Assert.Equal([2], Unseal(one, later));
        Assert.Equal(own, one.Live.Current.KeyId);
        Assert.Equal(one.Live.Rotate(), one.Live.Current.KeyId);
    }

    [Fact]
    public void A_revoked_key_opens_nothing_on_any_silo_and_nothing_is_written_under_it()
    {
        var (one, other) = (Open(), Open());
        var old = Seal(other, [1]);
        var id = one.Live.Current.KeyId;
        one.Live.Rotate();
        one.Live.Revoke(id, "it was copied");
        Assert.Throws<CryptographicException>(() => Unseal(one, old));
        other.Live.Check();
        Assert.Throws<CryptographicException>(() => Unseal(other, old));
        var revoked = other.List().Single(key => key.Id == id);
        Assert.Equal((KeyState.Revoked, "it was copied"), (revoked.State, revoked.Reason));
        Assert.Equal(_time.GetUtcNow(), revoked.RevokedAt);
    }

    [Fact]
    public void When_the_only_key_is_revoked_another_is_made()
    {
        var one = Open();
        var id = one.Live.Current.KeyId;
        one.Live.Revoke(id, "it was copied");
        Assert.NotEqual(id, one.Live.Current.KeyId);
        Assert.Equal([1], Unseal(one, Seal(one, [1])));
    }

    [Fact]
    public void A_payload_of_no_key_is_refused_without_reading_the_ring_again()
    {
        var one = Open();
        var forged = Seal(one, [1]);
        RandomNumberGenerator.Fill(forged.AsSpan(4, 16));
        var reads = _store.Reads;
        for (var i = 0; i < 5; i++) Assert.Throws<CryptographicException>(() => Unseal(one, forged));
        Assert.Equal(reads, _store.Reads);
    }

    [Fact]
    public void While_the_store_is_away_known_keys_go_on_and_an_unknown_one_says_why()
    {
        var (one, other) = (Open(), Open());
        var known = Seal(other, [1]);
        one.Live.Rotate();
        var unknown = Seal(one, [2]);
        _store.IsAway = true;
        _time.Advance(LiveKeys.Staleness);
        Assert.Equal([1], Unseal(other, known));
        Seal(other, [3]);
        var error = Assert.Throws<CryptographicException>(() => Unseal(other, unknown));
        Assert.Contains("does not answer", Assert.IsType<KeyRingException>(error.InnerException).Message, StringComparison.Ordinal);
        // What it writes under may have been replaced by now.
        _time.Advance(LiveKeys.Staleness / 2);
        Assert.Equal([1], Unseal(other, known));
        Assert.IsType<KeyRingException>(Assert.Throws<CryptographicException>(() => Seal(other, [4])).InnerException);
        _store.IsAway = false;
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([2], Unseal(other, unknown));
        _time.Advance(LiveKeys.Staleness);
        Assert.Equal(one.Live.Current.KeyId, other.Live.Current.KeyId);
        Assert.Equal([4], Unseal(one, Seal(other, [4])));
    }

    [Fact]
    public async Task A_store_that_hangs_holds_up_nobody_who_knows_the_key_for_long_and_an_unknown_key_is_not_waited_for()
    {
        var (one, other) = (Open(), Open());
        var known = Seal(other, [1]);
        one.Live.Rotate();
        var unknown = Seal(one, [2]);
        using var answers = _store.Answers = new ManualResetEventSlim();
        _time.Advance(LiveKeys.Staleness);
        // Ends only when the store answers, unless nobody waits for it.
        var all = Task.Run(() =>
        {
            for (var i = 0; i < 50; i++) Assert.Equal([1], Unseal(other, known));
            Seal(other, [3]);
            _time.Advance(TimeSpan.FromSeconds(2));
            for (var i = 0; i < 50; i++) Assert.IsType<KeyRingException>(Assert.Throws<CryptographicException>(() => Unseal(other, unknown)).InnerException);
        }, TestContext.Current.CancellationToken);
        Assert.Same(all, await Task.WhenAny(all, Task.Delay(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken)));
        answers.Set();
        await all;
        _store.Answers = null;
        // It came back.
        other.Live.Check();
        Assert.Equal([2], Unseal(other, unknown));
    }

    [Fact]
    public void No_key_is_made_beside_keys_that_do_not_open()
    {
        Open();
        using var folder = new TestFolder();
        using var another = TestKeys.Protection(folder, mayCreate: true);
        var services = new ServiceCollection();
        another.AddTo(services.AddDataProtection().SetApplicationName("test"));
        services.Configure<KeyManagementOptions>(options => options.XmlRepository = new ReadOnly(_store));
        using var built = services.BuildServiceProvider();
        var live = new LiveKeys(() => (XmlKeyManager)built.GetRequiredService<IKeyManager>(), _store, KeyRing.DefaultLifetime, _time);
        Assert.Contains("The newest key in", Assert.Throws<KeyRingException>(live.Check).Message, StringComparison.Ordinal);
        Assert.Single(_store.Elements());
    }

    [Fact]
    public void A_key_that_does_not_open_just_now_is_neither_good_nor_unknown()
    {
        var old = Open().Live.Current.KeyId;
        using var folder = new TestFolder();
        using var both = new RingProtection(CertificateKey.Generated(folder.Path, mayCreate: true, _time.GetUtcNow()), CertificateKey.Generated(Path.Combine(_folder, "certs"), mayCreate: false, _time.GetUtcNow()));
        using (var ring = KeyRing.Open(_store, both, "test", mayCreate: false, time: _time)) ring.Live.Rotate();

        using var without = new RingProtection(CertificateKey.Generated(folder.Path, mayCreate: false, _time.GetUtcNow()));
        var services = new ServiceCollection();
        without.AddTo(services.AddDataProtection().SetApplicationName("test"));
        services.Configure<KeyManagementOptions>(options => options.XmlRepository = new ReadOnly(_store));
        using var built = services.BuildServiceProvider();
        var live = new LiveKeys(() => (XmlKeyManager)built.GetRequiredService<IKeyManager>(), _store, KeyRing.DefaultLifetime, _time);
        Assert.True(live.Opens(live.Current.KeyId));
        Assert.Contains("does not open", Assert.Throws<KeyRingException>(() => live.Opens(old)).Message, StringComparison.Ordinal);
        Assert.False(live.Opens(Guid.NewGuid()));
    }

    [Fact]
    public void A_host_uses_the_same_keys_as_the_ring()
    {
        var ring = Open();
        var services = new ServiceCollection();
        ring.AddTo(services);
        using var host = services.BuildServiceProvider();
        var written = host.GetRequiredService<IDataProtectionProvider>().CreateProtector("a").Protect([1]);
        Assert.Equal([1], Unseal(ring, written));
        var made = ring.Live.Rotate();
        Assert.Equal(made, ProtectedPayload.KeyOf(host.GetRequiredService<IDataProtectionProvider>().CreateProtector("a").Protect([1])));
    }

    [Fact]
    public void No_key_stands_in_any_line_of_the_log_at_the_finest_level()
    {
        var ring = Open();
        var lines = new Lines();
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(lines));
        ring.AddTo(services);
        using var host = services.BuildServiceProvider();
        var protector = host.GetRequiredService<IDataProtectionProvider>().CreateProtector("a");
        protector.Unprotect(protector.Protect([1]));
        ring.Live.Rotate();
        protector.Unprotect(protector.Protect([1]));
        // What DataProtection does on its own way to the keys, too.
        var keys = host.GetRequiredService<IKeyManager>().GetAllKeys().Select(key => key.Descriptor.ExportToXml().SerializedDescriptorElement.Descendants("value").Single().Value).ToList();
        Assert.Equal(2, keys.Count);
        Assert.NotEmpty(lines.All);
        foreach (var key in keys)
        {
            Assert.DoesNotContain(lines.All, line => line.Contains(key[..16], StringComparison.Ordinal));
            Assert.DoesNotContain(lines.All, line => line.Contains(Convert.ToHexString(Convert.FromBase64String(key))[..16], StringComparison.OrdinalIgnoreCase));
        }
    }

    [Fact]
    public void The_key_of_a_payload_is_told_from_its_header()
    {
        var ring = Open();
        var written = Seal(ring, [1, 2, 3]);
        Assert.Equal(ring.Live.Current.KeyId, ProtectedPayload.KeyOf(written.AsSpan(0, ProtectedPayload.HeaderSize)));
        Assert.Null(ProtectedPayload.KeyOf(written.AsSpan(0, ProtectedPayload.HeaderSize - 1)));
        written[0] ^= 1;
        Assert.Null(ProtectedPayload.KeyOf(written));
    }

    public void Dispose()
    {
        foreach (var ring in _opened) ring.Dispose();
        _protection.Dispose();
        _folder.Dispose();
    }

    private KeyRing Open(TimeSpan? lifetime = null)
    {
        var ring = KeyRing.Open(_store, _protection, "test", mayCreate: true, lifetime, _time);
        lock (_opened) _opened.Add(ring);
        return ring;
    }

    private static byte[] Seal(KeyRing ring, byte[] plain) => ring.Protection.CreateProtector("a").Protect(plain);

    private static byte[] Unseal(KeyRing ring, byte[] content) => ring.Protection.CreateProtector("a").Unprotect(content);

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public System.Collections.Concurrent.ConcurrentQueue<string> All { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => All.Enqueue(formatter(state, exception) + exception);

        public void Dispose()
        {
        }
    }

    private sealed class ReadOnly(IKeyStore store) : Microsoft.AspNetCore.DataProtection.Repositories.IXmlRepository
    {
        public IReadOnlyCollection<System.Xml.Linq.XElement> GetAllElements() => [.. store.Elements().Select(element => element.Xml)];

        public void StoreElement(System.Xml.Linq.XElement element, string friendlyName) => Assert.Fail("a key was made");
    }
}
