using System.Runtime.Intrinsics;

namespace IvrActors.Edge.Dtmf;

/// <summary>
/// Hears keys in audio: pairs of tones that are as ITU-T Q.23 defines them and as long, as strong and as clean as Q.24 asks. A bank of Goertzel filters looks at blocks of
/// 12.75 ms for two tones that may be a key; only then <see cref="TonePair"/> measures them in two blocks in a row. Allocates nothing while it listens.
/// </summary>
public sealed class ToneDetector
{
    /// <summary>At 8 kHz: any 40 ms hold two whole blocks and more than half of a third, 23 ms never do; and the tones of a group fall into different filters.</summary>
    internal const int BlockSamples = 102;

    internal const int SampleRate = 8000;

    private const int None = -1;

    /// <summary>Share of a block's energy in the two filters that is worth a measurement.</summary>
    private const float Promising = 0.4f;

    /// <summary>Power in a filter of a tone of -33 dBm0 (0 dBm0 is 3.14 dB below the largest sine of G.711); Q.24 has -25 dBm0 heard.</summary>
    private const float LeastPower = 511f * 511f * BlockSamples * BlockSamples / 4;

    /// <summary>Power of the tones in the block before or behind the two, relative to these: a third of it in time. Of 40 ms it holds more than half, of 23 ms less than a fifth.</summary>
    private const float Trace = 0.12f;

    /// <summary>A key is up when its tones fell by this ratio of power (6 dB) for two blocks: a gap of 10 ms splits no key, one of 40 ms does.</summary>
    private const float Released = 0.25f;

    private const int ReleasedAfter = 2;

    private static readonly double[] s_frequencies = [697, 770, 852, 941, 1209, 1336, 1477, 1633];
    private static readonly string[] s_keys = ["123A", "456B", "789C", "*0#D"];

    /// <summary>2 cos w of each filter.</summary>
    private static readonly Vector256<float> s_coefficients = Vector256.Create(Array.ConvertAll(s_frequencies, f => (float)(2 * Math.Cos(2 * Math.PI * f / SampleRate))));

    private readonly TonePair _pair = new();
    private short[] _now = GC.AllocateArray<short>(BlockSamples, pinned: true);
    private short[] _before = GC.AllocateArray<short>(BlockSamples, pinned: true);
    private Vector256<float> _powers, _powersBefore, _powersOlder;
    private int _keyBefore = None;

    /// <summary>Keys of the last two blocks that were measured, until the next block tells whether they are long enough.</summary>
    private int _pending = None;

    private int _count;
    private int _held = None;
    private float _heldPower;
    private int _silent;

    /// <summary>Listens on until a key is heard; false when all samples (16 bits, 8 kHz) are taken.</summary>
    public bool TryTake(ref ReadOnlySpan<short> samples, out char key)
    {
        while (!samples.IsEmpty)
        {
            var part = samples[..Math.Min(samples.Length, BlockSamples - _count)];
            part.CopyTo(_now.AsSpan(_count));
            samples = samples[part.Length..];
            _count += part.Length;
            if (_count < BlockSamples) continue;
            var heard = EndBlock();
            if (heard == None) continue;
            key = s_keys[heard / 4][heard % 4];
            return true;
        }
        key = default;
        return false;
    }

    /// <summary>Forgets what it heard, as where audio is missing; nothing of it stays in memory, because it may be a PIN.</summary>
    public void Reset()
    {
        Array.Clear(_now);
        Array.Clear(_before);
        _pair.Clear();
        (_powers, _powersBefore, _powersOlder, _count, _silent) = (default, default, default, 0, 0);
        (_keyBefore, _pending, _held) = (None, None, None);
    }

    /// <summary>The key that is known to be pressed with this block, or none.</summary>
    private int EndBlock()
    {
        _powers = Filter(_now, out var energy);
        var key = Candidate(energy);
        Release(key);
        var measured = key != None && key == _keyBefore && key != _held && _pair.IsKey(_before, _now, s_frequencies[key / 4], s_frequencies[4 + key % 4]) ? key : None;
        var heard = None;
        if (measured != None && PowerOf(_powersOlder, measured) >= Trace * PowerOf(_powers, measured)) heard = measured;
        else if (_pending != None && _pending != _held && PowerOf(_powers, _pending) >= Trace * PowerOf(_powersBefore, _pending)) heard = _pending;
        if (heard != None) (_held, _heldPower, _silent) = (heard, Math.Max(PowerOf(_powers, heard), PowerOf(_powersBefore, heard)), 0);

        (_pending, _keyBefore, _count) = (heard == None ? measured : None, key, 0);
        (_powersOlder, _powersBefore) = (_powersBefore, _powers);
        (_now, _before) = (_before, _now);
        return heard;
    }

    private static Vector256<float> Filter(ReadOnlySpan<short> samples, out float energy)
    {
        var (last, secondLast) = (Vector256<float>.Zero, Vector256<float>.Zero);
        energy = 0;
        foreach (var sample in samples)
        {
            var next = Vector256.Create((float)sample) + s_coefficients * last - secondLast;
            (secondLast, last) = (last, next);
            energy += (float)sample * sample;
        }
        return last * last + secondLast * secondLast - s_coefficients * last * secondLast;
    }

    /// <summary>Row and column of the strongest tones, if there is not much else.</summary>
    private int Candidate(float energy)
    {
        var (low, high) = (Strongest(0), Strongest(4));
        if (_powers[low] < LeastPower || _powers[high] < LeastPower || 2 * (_powers[low] + _powers[high]) < Promising * BlockSamples * energy) return None;
        return 4 * low + high - 4;
    }

    private int Strongest(int first)
    {
        var best = first;
        for (var i = first + 1; i < first + 4; i++)
        {
            if (_powers[i] > _powers[best]) best = i;
        }
        return best;
    }

    /// <summary>A key whose tones are still clean is held, however much an automatic gain lowers them.</summary>
    private void Release(int candidate)
    {
        if (_held == None) return;
        _silent = candidate != _held && PowerOf(_powers, _held) < Released * _heldPower ? _silent + 1 : 0;
        if (_silent >= ReleasedAfter) _held = None;
    }

    private static float PowerOf(Vector256<float> powers, int key) => powers[key / 4] + powers[4 + key % 4];
}
