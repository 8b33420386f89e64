namespace IvrActors.Edge.Dtls;

/// <summary>
/// Lets through what can be a part of the peer's handshake: no alerts in clear, which anybody can send, no data, no messages of the other role, none that are longer than
/// any is. One for each handshake.
/// </summary>
/// <param name="fromClient">Whether the peer is the client.</param>
internal sealed class DtlsGate(bool fromClient)
{
    private const byte ServerHello = 2, Certificate = 11, ServerKeyExchange = 12, CertificateRequest = 13, ServerHelloDone = 14, CertificateVerify = 15,
        ClientKeyExchange = 16;

    private readonly HashSet<int> _verifyAt = [];
    private int _verifyLength;
    private int _verifySeen;

    /// <summary>Copies the records that a handshake may want to <paramref name="output"/>, which is as long as the datagram, and returns their length.</summary>
    public int Keep(ReadOnlySpan<byte> datagram, Span<byte> output)
    {
        var length = 0;
        while (DtlsRecords.TryTake(ref datagram, out var record))
        {
            if (!IsWanted(record)) continue;
            record.CopyTo(output[length..]);
            length += record.Length;
        }
        return length;
    }

    /// <summary>
    /// A change of cipher that overtakes the last message in clear, or comes when that was lost, would have BouncyCastle wait for ever: it reads nothing in clear from then
    /// on. It comes again with the peer's next try.
    /// </summary>
    private bool MayChange => !fromClient || (_verifyLength > 0 && _verifySeen >= _verifyLength);

    private bool IsWanted(ReadOnlySpan<byte> record)
    {
        var fragment = record[DtlsRecords.HeaderSize..];
        return (record[0], DtlsRecords.EpochOf(record)) switch
        {
            (DtlsRecords.ChangeCipherSpec, 0) => fragment.Length == 1 && fragment[0] == 1 && MayChange,
            (DtlsRecords.Handshake, 0) => AreMessages(fragment) && Seen(fragment),
            // Finished: encrypted, so that whoever has no key can't make one.
            (DtlsRecords.Handshake, 1) => fragment.Length >= DtlsRecords.MessageHeaderSize,
            _ => false,
        };
    }

    private bool AreMessages(ReadOnlySpan<byte> fragment)
    {
        if (fragment.IsEmpty) return false;
        while (!fragment.IsEmpty)
        {
            if (fragment.Length < DtlsRecords.MessageHeaderSize) return false;
            var (length, offset, size) = (DtlsRecords.UInt24(fragment[1..]), DtlsRecords.UInt24(fragment[6..]), DtlsRecords.UInt24(fragment[9..]));
            if (length > DtlsRecords.MostMessage || offset + size > length || (size == 0 && length > 0) || size > fragment.Length - DtlsRecords.MessageHeaderSize) return false;
            if (!(fromClient ? IsOfClient(fragment[0]) : IsOfServer(fragment[0]))) return false;
            fragment = fragment[(DtlsRecords.MessageHeaderSize + size)..];
        }
        return true;
    }

    // A ClientHello begins a handshake and is not a part of one that goes on.
    private static bool IsOfClient(byte type) => type is Certificate or ClientKeyExchange or CertificateVerify;

    private static bool IsOfServer(byte type) => type is ServerHello or DtlsRecords.HelloVerifyRequest or Certificate or ServerKeyExchange or CertificateRequest or ServerHelloDone;

    /// <summary>Notes what of the CertificateVerify is in a record that is let through.</summary>
    private bool Seen(ReadOnlySpan<byte> fragment)
    {
        while (!fragment.IsEmpty)
        {
            var (length, offset, size) = (DtlsRecords.UInt24(fragment[1..]), DtlsRecords.UInt24(fragment[6..]), DtlsRecords.UInt24(fragment[9..]));
            if (fragment[0] == CertificateVerify)
            {
                if (_verifyLength == 0) _verifyLength = length;
                if (length == _verifyLength && _verifyAt.Count < DtlsRecords.MostMessage && _verifyAt.Add(offset)) _verifySeen += size;
            }
            fragment = fragment[(DtlsRecords.MessageHeaderSize + size)..];
        }
        return true;
    }
}
