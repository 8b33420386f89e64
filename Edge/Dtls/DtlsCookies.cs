using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Rtp;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;

namespace IvrActors.Edge.Dtls;

/// <summary>
/// The stateless cookies of a server (RFC 6347 4.2.1): who sends one back receives what is sent to its address. One is for the sender's address and the client's version, random
/// and session id, which stand before it, so that the first fragment of a ClientHello is enough to ask for it and to know it. Not safe for several threads at once.
/// </summary>
internal sealed class DtlsCookies(TimeProvider time)
{
    /// <summary>The secret of the cookies changes; that of before is taken for as long again.</summary>
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);

    private const int CookieSize = 32, SecretSize = 32, ClientSize = 18, MostParameters = 67;

    private byte[] _now = RandomNumberGenerator.GetBytes(SecretSize);
    private byte[] _before = RandomNumberGenerator.GetBytes(SecretSize);
    private long _since = time.GetTimestamp();

    /// <summary>Whether a hello, or its first fragment, has the right cookie; else <paramref name="answer"/> is the HelloVerifyRequest to send back, if it can be asked for one.</summary>
    /// <param name="most">As many bytes may the answer have: nobody is sent more than was sent in its name.</param>
    public bool Holds(in HelloFragment hello, MediaAddress from, int most, out byte[]? answer)
    {
        answer = null;
        if (!hello.TryReadCookie(out var parameters, out var cookie)) return false;
        if (time.GetElapsedTime(_since) >= s_lifetime) (_before, _now, _since) = (_now, RandomNumberGenerator.GetBytes(SecretSize), time.GetTimestamp());
        Span<byte> expected = stackalloc byte[CookieSize];
        Compute(_before, parameters, from, expected);
        if (CryptographicOperations.FixedTimeEquals(expected, cookie)) return true;
        Compute(_now, parameters, from, expected);
        if (CryptographicOperations.FixedTimeEquals(expected, cookie)) return true;
        var request = Ask(hello.Sequence, expected);
        if (request.Length <= most) answer = request;
        return false;
    }

    /// <summary>The request that a handshake begins with, when the cookie of a whole hello is right; else null and, for a ClientHello that could be read, the HelloVerifyRequest.</summary>
    public DtlsRequest? Verify(byte[] hello, MediaAddress from, out byte[]? answer)
    {
        answer = null;
        ReadOnlySpan<byte> rest = hello;
        return HelloFragment.TryTake(ref rest, out var whole) && whole.IsWhole && Holds(whole, from, hello.Length, out answer) ? Read(hello, whole) : null;
    }

    private static DtlsRequest? Read(byte[] hello, in HelloFragment whole)
    {
        whole.TryReadCookie(out _, out var cookie);
        try
        {
            return new DtlsVerifier(new Known(cookie.ToArray())).VerifyRequest([], hello, 0, hello.Length, new Nobody());
        }
#pragma warning disable CA1031 // Whatever a parser that is not ours throws at malformed bytes is the fault of who sent them.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }

    private static void Compute(byte[] secret, ReadOnlySpan<byte> parameters, MediaAddress from, Span<byte> cookie)
    {
        Span<byte> input = stackalloc byte[ClientSize + MostParameters];
        input.Clear();
        from.WriteIp(input);
        BinaryPrimitives.WriteUInt16BigEndian(input[(ClientSize - 2)..], from.Port);
        parameters.CopyTo(input[ClientSize..]);
        HMACSHA256.HashData(secret, input[..(ClientSize + parameters.Length)], cookie);
    }

    // HelloVerifyRequest: a record with the number of what it answers, of DTLS 1.0 as of old, message 0 (RFC 6347 4.2.1).
    private static byte[] Ask(long sequence, ReadOnlySpan<byte> cookie)
    {
        const int Body = 3 + CookieSize;
        var record = new byte[DtlsRecords.HeaderSize + DtlsRecords.MessageHeaderSize + Body];
        BinaryPrimitives.WriteInt64BigEndian(record.AsSpan(3), sequence);
        (record[0], record[1], record[2], record[12]) = (DtlsRecords.Handshake, 0xFE, 0xFF, DtlsRecords.MessageHeaderSize + Body);
        (record[13], record[16], record[24]) = (DtlsRecords.HelloVerifyRequest, Body, Body);
        (record[25], record[26], record[27]) = (0xFE, 0xFF, CookieSize);
        cookie.CopyTo(record.AsSpan(28));
        return record;
    }

    /// <summary>BouncyCastle makes a request only where it checks a cookie, which for it is of all of the hello. This one has been checked, so that its MAC is what it says.</summary>
    private sealed class Known(byte[] cookie) : BcTlsCrypto(DtlsRules.Crypto.SecureRandom)
    {
        public override TlsHmac CreateHmac(int macAlgorithm) => new Same(cookie);

        private sealed class Same(byte[] cookie) : TlsHmac
        {
            public int InternalBlockSize => 64;

            public int MacLength => cookie.Length;

            public byte[] CalculateMac() => cookie;

            public void CalculateMac(byte[] output, int outOff) => cookie.CopyTo(output, outOff);

            public void CalculateMac(Span<byte> output) => cookie.CopyTo(output);

            public void SetKey(byte[] key, int keyOff, int keyLen)
            {
            }

            public void SetKey(ReadOnlySpan<byte> key)
            {
            }

            public void Update(byte[] input, int inOff, int length)
            {
            }

            public void Update(ReadOnlySpan<byte> input)
            {
            }

            public void Reset()
            {
            }
        }
    }

    private sealed class Nobody : DatagramSender
    {
        public int GetSendLimit() => 0;

        public void Send(byte[] buf, int off, int len)
        {
        }

        public void Send(ReadOnlySpan<byte> buffer)
        {
        }
    }
}
