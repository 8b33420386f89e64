namespace IvrActors.Fuzz;

/// <summary>Makes inputs: random bytes, and corpus files with a few changes. The same seed gives the same inputs.</summary>
public sealed class Mutator(int seed, IReadOnlyList<byte[]> corpus, IReadOnlyList<byte[]> dictionary)
{
    /// <summary>Inputs larger than this only repeat what smaller ones find, slower.</summary>
    private const int MostBytes = 8192;

    private readonly Random _random = new(seed);
    private readonly byte[] _buffer = new byte[MostBytes];
    private int _length;

    /// <summary>Where the list of inputs grows: half of the mutants start from one of this many at its end. 0: all are alike.</summary>
    public int Newest { get; init; }

    /// <summary>The next input; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Next()
    {
        if (_random.Next(16) == 0)
        {
            _length = _random.Next(512);
            _random.NextBytes(_buffer.AsSpan(0, _length));
        }
        else
        {
            Load(corpus[Choose()]);
            for (var changes = _random.Next(6); changes > 0; changes--)
                Change();
        }
        return _buffer.AsMemory(0, _length);
    }

    private int Choose() =>
        Newest > 0 && _random.Next(2) == 0 ? Math.Max(0, corpus.Count - 1 - _random.Next(Newest)) : _random.Next(corpus.Count);

    private void Load(byte[] file)
    {
        _length = Math.Min(file.Length, MostBytes);
        file.AsSpan(0, _length).CopyTo(_buffer);
    }

    private void Change()
    {
        var at = _random.Next(_length + 1);
        switch (_random.Next(8))
        {
            case 0 when at < _length:
                _buffer[at] ^= (byte)(1 << _random.Next(8));
                break;
            case 1 when at < _length:
                _buffer[at] = (byte)_random.Next(256);
                break;
            case 2:
                Remove(at, _random.Next(1, 17));
                break;
            case 3:
                Insert(at, dictionary[_random.Next(dictionary.Count)]);
                break;
            case 4:
                Replace(at, dictionary[_random.Next(dictionary.Count)]);
                break;
            case 5:
                Insert(at, Slice(_buffer.AsSpan(0, _length)).ToArray());
                break;
            case 6:
                Insert(at, Slice(corpus[_random.Next(corpus.Count)]));
                break;
            case 7 when _random.Next(4) == 0:
                _length = at;
                break;
        }
    }

    private ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> source)
    {
        var from = _random.Next(source.Length + 1);
        return source.Slice(from, Math.Min(_random.Next(1, 200), source.Length - from));
    }

    private void Insert(int at, ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, MostBytes - _length);
        _buffer.AsSpan(at, _length - at).CopyTo(_buffer.AsSpan(at + count));
        bytes[..count].CopyTo(_buffer.AsSpan(at));
        _length += count;
    }

    private void Replace(int at, ReadOnlySpan<byte> bytes)
    {
        var count = Math.Min(bytes.Length, _length - at);
        bytes[..count].CopyTo(_buffer.AsSpan(at));
    }

    private void Remove(int at, int count)
    {
        count = Math.Min(count, _length - at);
        _buffer.AsSpan(at + count, _length - at - count).CopyTo(_buffer.AsSpan(at));
        _length -= count;
    }
}
