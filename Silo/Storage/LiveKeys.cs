using System.Collections.Frozen;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.KeyManagement.Internal;

namespace IvrActors.Silo.Storage;

/// <summary>
/// The keys as this process knows them, in the place of DataProtection's own provider, which learns of others' keys once a day and takes up a new one after two. Here the newest
/// key that is not revoked is the current one at once, and a payload under a key that is not known has the store asked before it is refused.
/// </summary>
/// <remarks>A key is current until the next one is made: when its lifetime is over, or by <c>ivr keys rotate</c>. What else a key's dates say is not looked at.</remarks>
internal sealed class LiveKeys(Func<XmlKeyManager> makeManager, IKeyStore store, TimeSpan lifetime, TimeProvider time) : IKeyRingProvider
{
    /// <summary>How often each silo asks whether the ring was changed.</summary>
    public static readonly TimeSpan CheckPeriod = TimeSpan.FromSeconds(2);

    /// <summary>A process that has not asked for so long (it was stopped, or the store was away) asks before it uses a key.</summary>
    public static readonly TimeSpan Staleness = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Without an answer for so long nothing is written under a key any more: it may have been replaced and be revoked soon, and what is written under it then would be lost. What was written opens.
    /// </summary>
    private static readonly TimeSpan s_mostUnheard = Staleness * 1.5;

    /// <summary>A key from further ahead was made by a machine whose clock is wrong: good for reading, not for writing.</summary>
    private static readonly TimeSpan s_mostAhead = TimeSpan.FromHours(1);

    /// <summary>How long who needs a key waits for a look that somebody began; the look itself goes on.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_afterFailure = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly Lock _lookGate = new();
    private (Task<bool> Ended, long Began)? _look;
    private XmlKeyManager? _manager;
    private volatile Ring? _ring;
    private long _asked;
    private long _answered;
    private long _checked;
    private long _heard;
    private long? _failed;

    /// <exception cref="KeyRingException">There are no keys yet, and none can be had.</exception>
    public IKeyRing GetCurrentKeyRing()
    {
        if (_ring is not { } ring)
        {
            Check();
            return _ring!;
        }
        if (!IsDue(ring.Current) && time.GetElapsedTime(Volatile.Read(ref _checked)) < Staleness) return ring;
        // What is known goes on for a while, and a key that is overdue is as good as it was: a store that does not answer holds nobody up for longer than it takes to notice.
        if (LookAgain(join: false)) return _ring;
        Volatile.Write(ref _checked, time.GetTimestamp());
        return _ring;
    }

    /// <summary>The key that everything is written under.</summary>
    public IKey Current => ((Ring)GetCurrentKeyRing()).Current.Key;

    /// <summary>All keys as they are known here.</summary>
    public IReadOnlyCollection<IKey> All => ((Ring)GetCurrentKeyRing()).All;

    /// <summary>The key that is written under now.</summary>
    /// <exception cref="KeyRingException">The store has not answered for so long that this key may have been replaced.</exception>
    public Guid Writing()
    {
        var ring = (Ring)GetCurrentKeyRing();
        if (!IsUnheard) return ring.DefaultKeyId;
        // After this process was stopped, say, another thread looks just now and has the answer in a moment.
        (Task<bool> Ended, long Began)? look;
        lock (_lookGate) look = _look;
        if (look is { } begun) Join(begun);
        return IsUnheard ? throw NoAnswer(null) : _ring!.DefaultKeyId;
    }

    /// <summary>Whether what is under this key may be opened: it is a key of this ring, and not revoked.</summary>
    /// <exception cref="KeyRingException">It is not known here and the store does not answer, or it does not open just now.</exception>
    public bool Opens(Guid id)
    {
        if ((((Ring)GetCurrentKeyRing()).Find(id) ?? Ask(id)) is not { Key.IsRevoked: false } key) return false;
        if (key.Open() is null) throw new KeyRingException($"The key {id:D} in {store.Place} does not open with what protects the key ring.");
        return true;
    }

    /// <summary>Learns what others did to the ring, and makes the next key when it is time. Callers that come together share one look.</summary>
    /// <exception cref="KeyRingException">The store does not answer. What was known stays in use.</exception>
    public void Check()
    {
        var asked = Interlocked.Increment(ref _asked);
        lock (_gate)
        {
            if (_answered >= asked) return;
            if (_failed is { } failed && time.GetElapsedTime(failed) < s_afterFailure) throw NoAnswer(null);
            var answers = Interlocked.Read(ref _asked);
            try
            {
                var stamp = store.Stamp();
                if (_ring is not { } ring || ring.Stamp != stamp || IsDue(ring.Current)) Load(stamp);
                _answered = answers;
                _failed = null;
                Volatile.Write(ref _checked, time.GetTimestamp());
                Volatile.Write(ref _heard, time.GetTimestamp());
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _failed = time.GetTimestamp();
                if (e is KeyRingException) throw;
                throw NoAnswer(e);
            }
        }
    }

    /// <summary>Makes a key that is current from now on: here at once, at the other silos with their next check.</summary>
    public Guid Rotate()
    {
        lock (_gate)
        {
            Guid id;
            using (store.Lock()) id = New().KeyId;
            Load(store.Stamp());
            return id;
        }
    }

    /// <summary>From now on nothing under this key opens.</summary>
    public void Revoke(Guid id, string reason)
    {
        lock (_gate)
        {
            using (store.Lock()) ((IInternalXmlKeyManager)Manager).RevokeSingleKey(id, time.GetUtcNow(), reason);
            Load(store.Stamp());
        }
    }

    /// <param name="stamp">Read before: what is added meanwhile is seen by the next check.</param>
    private void Load(string stamp)
    {
        var ring = Read(stamp);
        if (ring is null || IsDue(ring.Current))
        {
            using (store.Lock())
            {
                // Another silo may have been first.
                ring = Read(store.Stamp());
                if (ring is null || IsDue(ring.Current))
                {
                    New();
                    ring = Read(store.Stamp());
                }
            }
        }
        _ring = ring;
        Volatile.Write(ref _heard, time.GetTimestamp());
    }

    /// <summary>The ring as it stands, or null when it is empty.</summary>
    /// <exception cref="KeyRingException">It has keys, and none of them can be used.</exception>
    private Ring? Read(string stamp)
    {
        var keys = Manager.GetAllKeys();
        // A key that is open stays so: what protects the ring (a token) is asked once for each key.
        var held = keys.ToDictionary(key => key.KeyId, key => _ring is { } known && known.Find(key.KeyId) is { IsOpen: true } open ? open.As(key) : new HeldKey(key));
        var ahead = time.GetUtcNow() + s_mostAhead;
        var current = held.Values.Where(key => !key.Key.IsRevoked).OrderBy(key => key.Key.CreationDate > ahead).ThenByDescending(key => key.Key.CreationDate).ThenBy(key => key.Key.KeyId).FirstOrDefault();
        if (current is null) return null;
        if (current.Open() is not null) return new Ring(this, stamp, current, held.ToFrozenDictionary());
        // The manager keeps for ever that a key did not open, perhaps for a token that was away for a moment: the next look begins anew. Never is an older key taken, nor one made
        // beside it: the others write under this one.
        _manager = null;
        throw new KeyRingException($"The newest key in {store.Place} does not open with what protects the key ring.");
    }

    private IKey New()
    {
        // The newest is current: this one has to be, also where the clock of the one that made the last key was ahead of ours.
        var now = time.GetUtcNow();
        var last = Manager.GetAllKeys().Select(key => key.CreationDate).Where(made => made <= now + s_mostAhead).DefaultIfEmpty().Max();
        if (last >= now) now = last + TimeSpan.FromMilliseconds(1);
        return ((IInternalXmlKeyManager)Manager).CreateNewKey(Guid.NewGuid(), now, now, now + lifetime);
    }

    // The configured lifetime counts for keys that were made under a longer one, too.
    private bool IsDue(HeldKey key) => time.GetUtcNow() is var now && (now >= key.Key.ExpirationDate || now >= key.Key.CreationDate + lifetime);

    private HeldKey? Ask(Guid id)
    {
        var asked = Interlocked.Increment(ref _asked);
        // A look that had begun may have read the store before: then the next one answers.
        for (var tried = 0; tried < 2 && Volatile.Read(ref _answered) < asked && LookAgain(join: true); tried++) { }
        return Volatile.Read(ref _answered) >= asked ? _ring!.Find(id) : throw NoAnswer(null);
    }

    /// <summary>
    /// Lets a thread of its own look, unless one does, and waits for it, counted from when it began: of all who ask a store that hangs only the first wait. False when it did not answer.
    /// </summary>
    /// <param name="join">Whether to wait for a look of somebody else, too; without it what is known is good enough meanwhile.</param>
    private bool LookAgain(bool join)
    {
        (Task<bool> Ended, long Began) look;
        lock (_lookGate)
        {
            if (_look is { Ended.IsCompleted: false } && !join) return true;
            if (_look is not { Ended.IsCompleted: false }) _look = (Task.Factory.StartNew(TryCheck, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default), time.GetTimestamp());
            look = _look.Value;
        }
        return Join(look);
    }

    private bool Join((Task<bool> Ended, long Began) look)
    {
        var left = s_patience - time.GetElapsedTime(look.Began);
        return (left > TimeSpan.Zero ? look.Ended.Wait(left) : look.Ended.IsCompleted) && look.Ended.Result;
    }

    private bool TryCheck()
    {
        try
        {
            Check();
            return true;
        }
        catch (KeyRingException)
        {
            return false;
        }
    }

    private XmlKeyManager Manager => _manager ??= makeManager();

    private bool IsUnheard => time.GetElapsedTime(Volatile.Read(ref _heard)) >= s_mostUnheard;

    private KeyRingException NoAnswer(Exception? inner) => new($"The key ring in {store.Place} does not answer.", inner);

    private sealed class Ring(LiveKeys owner, string stamp, HeldKey current, FrozenDictionary<Guid, HeldKey> keys) : IKeyRing
    {
        public string Stamp => stamp;

        public HeldKey Current => current;

        public IReadOnlyCollection<IKey> All => [.. keys.Values.Select(key => key.Key)];

        public Guid DefaultKeyId => current.Key.KeyId;

        public IAuthenticatedEncryptor? DefaultAuthenticatedEncryptor => owner.IsUnheard ? throw owner.NoAnswer(null) : current.Open();

        public HeldKey? Find(Guid id) => keys.GetValueOrDefault(id);

        public IAuthenticatedEncryptor? GetAuthenticatedEncryptorByKeyId(Guid keyId, out bool isRevoked)
        {
            var key = Find(keyId) ?? owner.Ask(keyId);
            isRevoked = key is { Key.IsRevoked: true };
            return key?.Open();
        }
    }

    private sealed class HeldKey(IKey key)
    {
        private volatile IAuthenticatedEncryptor? _encryptor;

        public IKey Key => key;

        public bool IsOpen => _encryptor is not null;

        /// <summary>This open key with what is known of it now.</summary>
        public HeldKey As(IKey newer) => new(newer) { _encryptor = _encryptor };

        /// <summary>The key ready for use, or null when what protects the ring does not open it.</summary>
        public IAuthenticatedEncryptor? Open()
        {
            try
            {
                return _encryptor ??= key.CreateEncryptor();
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                return null;
            }
        }
    }
}
