namespace IvrActors.Edge.Dtmf;

/// <summary>Measures two tones in two neighbouring blocks of audio: frequencies by the phase from block to block, levels and what else there is by least squares.</summary>
internal sealed class TonePair
{
    /// <summary>Q.24 has 1.5 % accepted and 3.5 % refused.</summary>
    private const double MostDeviation = 0.025;

    /// <summary>Share of a block's energy that is not the two tones: they are 10 dB above everything else, which speech with its harmonics is not for long.</summary>
    private const double MostRest = 0.1;

    /// <summary>In dB, high over low group: Q.24's 4 dB and, the other way, 8 dB, and what noise adds.</summary>
    private const double MostTwist = 5.5, LeastTwist = -9.5;

    /// <summary>Rounds of fitting one tone to what the other leaves; each shrinks the error tenfold.</summary>
    private const int Rounds = 3;

    private readonly double[] _rest = GC.AllocateArray<double>(ToneDetector.BlockSamples, pinned: true);

    public void Clear() => Array.Clear(_rest);

    public bool IsKey(ReadOnlySpan<short> before, ReadOnlySpan<short> now, double low, double high)
    {
        var (lowOff, highOff) = (0.0, 0.0);
        // The first estimate is blurred by the other tone; the second, with the tones told apart at about their frequencies, is not.
        for (var round = 0; round < 2; round++)
        {
            Fit(before, low + lowOff, high + highOff, out var lowBefore, out var highBefore);
            Fit(now, low + lowOff, high + highOff, out var lowNow, out var highNow);
            lowOff += Turn(lowBefore, lowNow, low + lowOff);
            highOff += Turn(highBefore, highNow, high + highOff);
            if (Math.Abs(lowOff) > MostDeviation * low || Math.Abs(highOff) > MostDeviation * high) return false;
        }
        return IsClean(before, low + lowOff, high + highOff) && IsClean(now, low + lowOff, high + highOff);
    }

    private bool IsClean(ReadOnlySpan<short> block, double low, double high)
    {
        double energy = 0;
        foreach (var sample in block) energy += (double)sample * sample;
        var rest = Fit(block, low, high, out var one, out var other);
        return rest <= MostRest * energy && 10 * Math.Log10(other.Power / one.Power) is <= MostTwist and >= LeastTwist;
    }

    /// <summary>By how many Hz a tone differs from <paramref name="frequency"/>; beyond half of a turn a block (39 Hz) it is ambiguous, and there <see cref="IsClean"/> tells.</summary>
    private static double Turn(Phasor before, Phasor now, double frequency)
    {
        const double block = (double)ToneDetector.BlockSamples / ToneDetector.SampleRate;
        var turned = Math.Atan2(now.Sin, now.Cos) - Math.Atan2(before.Sin, before.Cos);
        // a cos wt + b sin wt is the real part of (a - ib) e^iwt: a phase that grows has b fall.
        return Math.IEEERemainder(-turned - 2 * Math.PI * frequency * block, 2 * Math.PI) / (2 * Math.PI * block);
    }

    /// <summary>Fits two tones to a block and returns the energy of what is left.</summary>
    private double Fit(ReadOnlySpan<short> block, double low, double high, out Phasor one, out Phasor other)
    {
        for (var i = 0; i < block.Length; i++) _rest[i] = block[i];
        (one, other) = (default, default);
        for (var round = 0; round < Rounds; round++)
        {
            one += TakeOut(low);
            other += TakeOut(high);
        }
        double energy = 0;
        foreach (var value in _rest) energy += value * value;
        return energy;
    }

    /// <summary>Takes a tone out of what is left of the block.</summary>
    private Phasor TakeOut(double frequency)
    {
        var (sinStep, cosStep) = Math.SinCos(2 * Math.PI * frequency / ToneDetector.SampleRate);
        var (cos, sin, cosSum, sinSum) = (1.0, 0.0, 0.0, 0.0);
        foreach (var value in _rest)
        {
            cosSum += value * cos;
            sinSum += value * sin;
            (cos, sin) = (cos * cosStep - sin * sinStep, sin * cosStep + cos * sinStep);
        }
        var tone = new Phasor(2 * cosSum / _rest.Length, 2 * sinSum / _rest.Length);
        (cos, sin) = (1.0, 0.0);
        for (var i = 0; i < _rest.Length; i++)
        {
            _rest[i] -= tone.Cos * cos + tone.Sin * sin;
            (cos, sin) = (cos * cosStep - sin * sinStep, sin * cosStep + cos * sinStep);
        }
        return tone;
    }

    /// <summary>A tone as a cos wt + b sin wt, from the beginning of its block.</summary>
    private readonly record struct Phasor(double Cos, double Sin)
    {
        public double Power => Cos * Cos + Sin * Sin;

        public static Phasor operator +(Phasor a, Phasor b) => new(a.Cos + b.Cos, a.Sin + b.Sin);
    }
}
