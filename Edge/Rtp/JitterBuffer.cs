using System.Security.Cryptography;

namespace IvrActors.Edge.Rtp;

/// <summary>
/// Puts one stream's packets in the order of their sequence numbers, for whoever listens to the audio. Nothing is held back while packets come in order; behind a missing one, as many packets
/// as have lately come before an earlier one. It knows no clock, and allocates nothing once it is made. Pure.
/// </summary>
public sealed class JitterBuffer
{
    /// <summary>Bytes of the longest payload that is taken: 160 ms of G.711.</summary>
    public const int MostPayload = 1280;

    /// <summary>Packets that are waited for behind a missing one, at least and at most: two neighbours that changed places, and 120 ms.</summary>
    public const int LeastDepth = 2, MostDepth = 6;

    /// <summary>10 s of packets in order, after which one less is waited for.</summary>
    private const int PacketsToCalm = 500;

    private const int Slots = 8;

    private readonly byte[] _audio = GC.AllocateArray<byte>(Slots * MostPayload, pinned: true);
    private readonly RtpHeader[] _headers = new RtpHeader[Slots];
    private readonly int[] _lengths = new int[Slots];
    private uint _ssrc;
    private ushort _next, _newest;
    private int _given = -1;
    private int _restart = -1;
    private int _calm;
    private bool _any;

    public JitterBuffer() => Clear();

    /// <summary>Packets that are waited for behind a missing one.</summary>
    public int Depth { get; private set; } = LeastDepth;

    /// <summary>Takes a packet; false for one that came twice, too late or too long. To be followed by <see cref="TryTake"/> until that says false.</summary>
    public bool Add(in RtpHeader header, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > MostPayload) return false;
        var ahead = (short)(header.Sequence - _next);
        if (_any && header.Ssrc == _ssrc && ahead <= -Slots && !Restarts(header.Sequence)) return false;
        if (!_any || header.Ssrc != _ssrc || ahead is >= Slots or <= -Slots)
        {
            Clear();
            (_any, _ssrc, _next, _newest, ahead) = (true, header.Ssrc, header.Sequence, header.Sequence, 0);
        }
        var behind = (short)(_newest - header.Sequence);
        if (behind > 0) Expect(behind + 1);
        if (ahead < 0 || _lengths[header.Sequence % Slots] >= 0) return false;
        if (behind < 0) _newest = header.Sequence;
        var slot = header.Sequence % Slots;
        (_headers[slot], _lengths[slot]) = (header, payload.Length);
        payload.CopyTo(Audio(slot));
        return true;
    }

    /// <summary>Gives the next packet. The payload is gone at the next call.</summary>
    public bool TryTake(out RtpHeader header, out ReadOnlySpan<byte> payload)
    {
        header = default;
        payload = default;
        Forget();
        while (_any && (short)(_newest - _next) >= 0)
        {
            var slot = _next % Slots;
            if (_lengths[slot] < 0 && (short)(_newest - _next) < Depth) return false;
            _next++;
            if (_lengths[slot] < 0) continue; // Lost.
            (header, _given) = (_headers[slot], slot);
            payload = Audio(slot)[.._lengths[slot]];
            return true;
        }
        return false;
    }

    /// <summary>Forgets all that it holds. The depth stays: it is the path's.</summary>
    public void Clear()
    {
        CryptographicOperations.ZeroMemory(_audio);
        Array.Fill(_lengths, -1);
        (_any, _given, _restart) = (false, -1, -1);
    }

    /// <summary>One old packet is a straggler; a second one behind it is a source that counts anew.</summary>
    private bool Restarts(ushort sequence)
    {
        var again = sequence == _restart;
        _restart = (ushort)(sequence + 1);
        return again;
    }

    private void Expect(int depth)
    {
        if (depth < Depth) return;
        Depth = Math.Min(depth, MostDepth);
        _calm = 0;
    }

    private void Forget()
    {
        if (_given < 0) return;
        CryptographicOperations.ZeroMemory(Audio(_given));
        _lengths[_given] = -1;
        _given = -1;
        if (++_calm < PacketsToCalm) return;
        _calm = 0;
        Depth = Math.Max(LeastDepth, Depth - 1);
    }

    private Span<byte> Audio(int slot) => _audio.AsSpan(slot * MostPayload, MostPayload);
}
