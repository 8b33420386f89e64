using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Transactions;

/// <summary>
/// Keyed hashes of INVITEs, which nobody can foretell: the To tag of a refusal without a transaction, the same for each repetition (RFC 3261 8.2.7), by which
/// its ACK is known; and numbers by which to remember INVITEs and callers without keeping what they said.
/// </summary>
/// <param name="key">Secret of this process, 32 random bytes.</param>
public sealed class InviteMarks(byte[] key)
{
    private const int TagBytes = 12;

    /// <summary>The To tag of a refusal.</summary>
    public string TagOf(SipRequest request)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Hash(request, hash);
        return Convert.ToHexStringLower(hash[..TagBytes]);
    }

    /// <summary>Whether this is the ACK of an answer that had such a tag.</summary>
    public bool IsAcknowledged(SipRequest ack)
    {
        ArgumentNullException.ThrowIfNull(ack);
        if (ack.Method != SipMethods.Ack || ack.To.Tag is not { Length: 2 * TagBytes } tag) return false;
        return CryptographicOperations.FixedTimeEquals(Encoding.Latin1.GetBytes(tag), Encoding.Latin1.GetBytes(TagOf(ack)));
    }

    /// <summary>A number for the transaction of this INVITE: the same for each repetition of it.</summary>
    public ulong NumberOf(SipRequest request)
    {
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        Hash(request, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash[TagBytes..]);
    }

    /// <summary>A number for texts, which cannot be guessed and does not tell them.</summary>
    public ulong NumberOf(string first, string second, UInt128 third)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        var writer = new Writer(first.Length + second.Length);
        writer.Text(first);
        writer.Text(second);
        writer.Number(third);
        Span<byte> hash = stackalloc byte[HMACSHA256.HashSizeInBytes];
        writer.Hash(key, hash);
        return BinaryPrimitives.ReadUInt64LittleEndian(hash);
    }

    /// <summary>What RFC 3261 17.2.3 matches by, and what an ACK has in common with its INVITE by the rules of RFC 2543.</summary>
    private void Hash(SipRequest request, Span<byte> hash)
    {
        ArgumentNullException.ThrowIfNull(request);
        var via = request.TopVia;
        var (branch, host, from, call) = (via.Branch ?? "", via.Host, request.From.Tag ?? "", request.CallId);
        var writer = new Writer(branch.Length + host.Length + from.Length + call.Length);
        writer.Text(branch);
        writer.Text(host);
        writer.Text(from);
        writer.Text(call);
        writer.Number(request.CSeq.Number);
        writer.Number((uint)(via.Port ?? 0));
        writer.Hash(key, hash);
    }

    /// <summary>Texts one after the other, each with an end that stands in none of them.</summary>
    private struct Writer(int length)
    {
        private const int Numbers = 64;

        private readonly byte[] _bytes = ArrayPool<byte>.Shared.Rent(length + Numbers);
        private int _length;

        public void Text(string text)
        {
            _length += Encoding.Latin1.GetBytes(text, _bytes.AsSpan(_length));
            _bytes[_length++] = (byte)'\n';
        }

        public void Number(uint number)
        {
            number.TryFormat(_bytes.AsSpan(_length), out var written, default, CultureInfo.InvariantCulture);
            _length += written;
            _bytes[_length++] = (byte)'\n';
        }

        public void Number(UInt128 number)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(_bytes.AsSpan(_length), number);
            _length += 16;
        }

        public readonly void Hash(byte[] key, Span<byte> hash)
        {
            HMACSHA256.HashData(key, _bytes.AsSpan(0, _length), hash);
            ArrayPool<byte>.Shared.Return(_bytes);
        }
    }
}
