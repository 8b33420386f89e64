using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Seals under data keys, as clients of key services do: a random key of AES-256-GCM lives in this process for an hour at most, and stands before each ciphertext, wrapped by DataProtection.
/// A row then costs one pass of GCM; DataProtection derives keys anew for each payload, which takes ten times as long.
/// </summary>
/// <remarks>
/// <code>
///  0    4                20                     96       108
/// +----+----------------+----------------------+--------+------------+-----+
/// |09F0| ring key's id  | the data key, sealed | nonce  | ciphertext | tag |
/// |C9F0|                | by DataProtection    |        |            |     |
/// +----+----------------+----------------------+--------+------------+-----+
/// </code>
/// A key that was made here seals and never opens, one that came with a payload opens and never seals: no two processes can repeat a nonce under one key. Nonces are random, and a key
/// seals 2^24 times at most, where NIST SP 800-38D 8.3 allows 2^32.
/// </remarks>
internal sealed class DataKeys(IDataProtector protector, LiveKeys live, TimeProvider time, long mostSealed = 1 << 24, int mostOpened = 1024) : IDisposable
{
    /// <summary>How long a key seals, and how long one that nobody asks for is kept open: bounds what a copy of this process's memory opens.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    /// <summary>What a payload has more than its plaintext.</summary>
    public const int Overhead = WrappedSize + GcmKey.NonceSize + GcmKey.TagSize;

    // Header of 20, key modifier of 16, nonce of 12, the key, tag of 16: the ring's keys are of AES-256-GCM.
    private const int WrappedSize = ProtectedPayload.HeaderSize + 16 + 12 + GcmKey.Size + 16;

    private readonly Lock _gate = new();
    private readonly Dictionary<byte[], Opened> _opened = new(new WrappedComparer());
    private volatile Sealing? _sealing;
    private bool _disposed;

    /// <summary>Keys that are open now, for reading.</summary>
    public int OpenedCount
    {
        get
        {
            lock (_gate) return _opened.Count;
        }
    }

    /// <param name="associated">Authenticated with it, and needed to open it.</param>
    /// <exception cref="KeyRingException">The key ring has not answered for so long that its key may have been replaced.</exception>
    public byte[] Seal(ReadOnlySpan<byte> plain, ReadOnlySpan<byte> associated)
    {
        var payload = new byte[Overhead + plain.Length];
        while (true)
        {
            var key = ForSealing();
            if (!key.Gcm.TryEncrypt(plain, payload.AsSpan(WrappedSize, GcmKey.NonceSize), payload.AsSpan(WrappedSize + GcmKey.NonceSize, plain.Length), payload.AsSpan(^GcmKey.TagSize..), associated)) continue;
            key.Wrapped.CopyTo(payload, 0);
            return payload;
        }
    }

    /// <summary>The plaintext, which is the caller's to zero; null when the payload or its associated data are not what was sealed, or its key was revoked.</summary>
    /// <exception cref="KeyRingException">The key ring cannot be asked: nothing is known of the payload.</exception>
    public byte[]? Open(ReadOnlySpan<byte> payload, ReadOnlySpan<byte> associated)
    {
        if (payload.Length < Overhead) return null;
        var nonce = payload.Slice(WrappedSize, GcmKey.NonceSize);
        var plain = new byte[payload.Length - Overhead];
        while (true)
        {
            if (ForOpening(payload[..WrappedSize]) is not { } key) return null;
            if (key.Gcm.TryDecrypt(nonce, payload.Slice(WrappedSize + GcmKey.NonceSize, plain.Length), payload[^GcmKey.TagSize..], plain, associated, out var isAuthentic)) return isAuthentic ? plain : null;
        }
    }

    /// <summary>Forgets keys whose ring key was revoked or replaced, and those that were not asked for of late.</summary>
    public void Sweep()
    {
        List<Opened> opened;
        lock (_gate) opened = [.. _opened.Values];
        // The ring is asked without the lock: it may wait for its store.
        var gone = opened.Where(key => time.GetElapsedTime(Volatile.Read(ref key.Used)) >= Lifetime || !live.Opens(key.RingKey)).ToList();
        foreach (var key in gone) Forget(key);
        if (_sealing is { } sealing && !IsGood(sealing, live.Current.KeyId)) Replace(sealing, null);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true;
            foreach (var key in _opened.Values) key.Gcm.Dispose();
            _opened.Clear();
            _sealing?.Gcm.Dispose();
            _sealing = null;
        }
    }

    private Sealing ForSealing()
    {
        while (true)
        {
            var ringKey = live.Writing();
            var known = _sealing;
            if (known is not null && IsGood(known, ringKey) && Interlocked.Increment(ref known.Count) <= mostSealed) return known;
            Replace(known, Make());
        }
    }

    private bool IsGood(Sealing key, Guid ringKey) => key.RingKey == ringKey && time.GetElapsedTime(key.Made) < Lifetime;

    /// <summary>Whoever is first sets the next one; the one before is zeroed.</summary>
    private void Replace(Sealing? known, Sealing? next)
    {
        lock (_gate)
        {
            if (_disposed) next?.Gcm.Dispose();
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_sealing == known)
            {
                _sealing = next;
                known?.Gcm.Dispose();
                return;
            }
        }
        next?.Gcm.Dispose();
    }

    private Sealing Make()
    {
        var key = GC.AllocateUninitializedArray<byte>(GcmKey.Size, pinned: true);
        try
        {
            RandomNumberGenerator.Fill(key);
            var wrapped = protector.Protect(key);
            if (wrapped.Length != WrappedSize || ProtectedPayload.KeyOf(wrapped) is not { } ringKey) throw new InvalidOperationException("internal error: the key ring is not of AES-256-GCM");
            return new Sealing(new GcmKey(key), wrapped, ringKey, time.GetTimestamp());
        }
        catch (CryptographicException e) when (e.InnerException is KeyRingException why)
        {
            throw new KeyRingException(why.Message, e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private Opened? ForOpening(ReadOnlySpan<byte> wrapped)
    {
        // Asked at each use: that a key is open here already says nothing of a revocation since.
        if (ProtectedPayload.KeyOf(wrapped) is not { } ringKey || !live.Opens(ringKey)) return null;
        lock (_gate)
        {
            if (_opened.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(wrapped, out var known))
            {
                Volatile.Write(ref known.Used, time.GetTimestamp());
                return known;
            }
        }
        var bytes = wrapped.ToArray();
        byte[] plain;
        try
        {
            plain = protector.Unprotect(bytes);
        }
        catch (CryptographicException e) when (e.InnerException is KeyRingException why)
        {
            throw new KeyRingException(why.Message, e);
        }
        catch (CryptographicException)
        {
            return null;
        }
        try
        {
            return Keep(new Opened(new GcmKey(plain), bytes, ringKey) { Used = time.GetTimestamp() });
        }
        finally
        {
            CryptographicOperations.ZeroMemory(plain);
        }
    }

    /// <summary>The key that stays: another thread may have opened it, too.</summary>
    private Opened Keep(Opened key)
    {
        lock (_gate)
        {
            if (_disposed) key.Gcm.Dispose();
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_opened.TryGetValue(key.Wrapped, out var first))
            {
                key.Gcm.Dispose();
                return first;
            }
            if (_opened.Count >= mostOpened) Forget(_opened.Values.MinBy(one => one.Used)!);
            _opened.Add(key.Wrapped, key);
            return key;
        }
    }

    private void Forget(Opened key)
    {
        lock (_gate)
        {
            if (_opened.Remove(key.Wrapped)) key.Gcm.Dispose();
        }
    }

    private sealed class Sealing(GcmKey gcm, byte[] wrapped, Guid ringKey, long made)
    {
        public long Count;

        public GcmKey Gcm => gcm;

        public byte[] Wrapped => wrapped;

        public Guid RingKey => ringKey;

        public long Made => made;
    }

    private sealed class Opened(GcmKey gcm, byte[] wrapped, Guid ringKey)
    {
        public long Used;

        public GcmKey Gcm => gcm;

        public byte[] Wrapped => wrapped;

        public Guid RingKey => ringKey;
    }

    /// <summary>All bytes are compared. The tag at the end, which nobody can choose for a key that opens, is hash enough.</summary>
    private sealed class WrappedComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(ReadOnlySpan<byte> alternate) => BinaryPrimitives.ReadInt32LittleEndian(alternate[^4..]);
    }
}
