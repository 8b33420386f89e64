using System.Buffers.Binary;
using System.Collections;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Dtls;

/// <summary>
/// Puts ClientHellos together that come in fragments (RFC 6347 4.2.3): one for each address, and only of addresses that have proved that they receive what is sent to them.
/// What it gives is looked at as if it had come whole. Pure; not safe for several threads at once.
/// </summary>
/// <param name="second">What a second is in the times given to this.</param>
internal sealed class HelloAssembly(long second)
{
    /// <summary>Addresses at once; the one that began first gives way.</summary>
    public const int MostAddresses = 3;

    /// <summary>Fragments of one hello, those that came twice among them; 4 KB on the smallest path of IPv4 are 11.</summary>
    public const int MostFragments = 64;

    /// <summary>What is not whole by then will not be: its client has sent everything again after 1 s and after 3.</summary>
    public const int MostSeconds = 5;

    private readonly List<Partial> _partials = [];

    /// <summary>Whole hellos that are not there yet.</summary>
    public int Count => _partials.Count;

    /// <summary>Whether a part of a hello has come from there, and the whole has not.</summary>
    public bool Has(MediaAddress from) => _partials.Exists(one => one.From == from);

    /// <summary>Takes a fragment. Returns the hello as one record when it is whole, or null.</summary>
    public byte[]? Add(long now, in HelloFragment fragment, MediaAddress from)
    {
        _partials.RemoveAll(one => now - one.Began > MostSeconds * second || one.Fragments >= MostFragments);
        var at = _partials.FindIndex(one => one.From == from);
        // A late part of the hello before this one, to which a cookie was the answer.
        if (at >= 0 && fragment.Offset > 0 && (short)(fragment.Message - _partials[at].Message) < 0) return null;
        if (at < 0 || !_partials[at].TryAdd(fragment))
        {
            // Another hello, or the same one with other bytes: a client that began anew is likelier than somebody who knows its address and its numbers.
            if (at >= 0) _partials.RemoveAt(at);
            else if (_partials.Count >= MostAddresses) _partials.RemoveAt(0);
            _partials.Add(new Partial(now, fragment, from));
            at = _partials.Count - 1;
        }
        if (!_partials[at].IsWhole) return null;
        var whole = _partials[at].Record();
        _partials.RemoveAt(at);
        return whole;
    }

    private sealed class Partial
    {
        private const int BodyAt = DtlsRecords.HeaderSize + DtlsRecords.MessageHeaderSize;

        private readonly byte[] _record;
        private readonly BitArray _has;
        private int _missing;
        private long _sequence;

        public Partial(long now, in HelloFragment first, MediaAddress from)
        {
            (Began, From, Message, _missing) = (now, from, first.Message, first.Length);
            _record = new byte[BodyAt + first.Length];
            _has = new BitArray(first.Length);
            _record[0] = DtlsRecords.Handshake;
            first.Version.CopyTo(_record.AsSpan(1));
            TryAdd(first);
        }

        public long Began { get; }

        public MediaAddress From { get; }

        public ushort Message { get; }

        public int Fragments { get; private set; }

        public bool IsWhole => _missing == 0;

        /// <summary>False, and nothing is taken, when it is a part of something else.</summary>
        public bool TryAdd(in HelloFragment fragment)
        {
            var body = fragment.Body;
            var offset = fragment.Offset;
            if (fragment.Message != Message || fragment.Length != _has.Length) return false;
            var ours = _record.AsSpan(BodyAt + offset, body.Length);
            for (var i = 0; i < body.Length; i++)
            {
                if (_has[offset + i] && ours[i] != body[i]) return false;
            }
            body.CopyTo(ours);
            for (var i = 0; i < body.Length; i++)
            {
                if (!_has[offset + i]) _missing--;
                _has[offset + i] = true;
            }
            Fragments++;
            _sequence = Math.Max(_sequence, fragment.Sequence);
            return true;
        }

        /// <summary>With the number of its last fragment, so that none of them counts as one that comes later.</summary>
        public byte[] Record()
        {
            BinaryPrimitives.WriteInt64BigEndian(_record.AsSpan(3), _sequence);
            BinaryPrimitives.WriteUInt16BigEndian(_record.AsSpan(11), (ushort)(_record.Length - DtlsRecords.HeaderSize));
            var header = _record.AsSpan(DtlsRecords.HeaderSize);
            BinaryPrimitives.WriteInt32BigEndian(header, DtlsRecords.ClientHello << 24 | _has.Length);
            BinaryPrimitives.WriteUInt16BigEndian(header[4..], Message);
            // Offset 0, and all of it.
            BinaryPrimitives.WriteUInt32BigEndian(header[8..], (uint)_has.Length);
            return _record;
        }
    }
}
