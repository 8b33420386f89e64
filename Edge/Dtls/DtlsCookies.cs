using System.Buffers.Binary;
using IvrActors.Edge.Rtp;
using Org.BouncyCastle.Tls;

namespace IvrActors.Edge.Dtls;

/// <summary>The stateless cookies of a server (RFC 6347 4.2.1): who sends one back receives what is sent to its address. Not safe for several threads at once.</summary>
internal sealed class DtlsCookies(TimeProvider time)
{
    /// <summary>The secret of the cookies changes; that of before is taken for as long again.</summary>
    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);

    private readonly byte[] _client = new byte[18];
    private DtlsVerifier _now = new(DtlsRules.Crypto);
    private DtlsVerifier _before = new(DtlsRules.Crypto);
    private long _since = time.GetTimestamp();

    /// <summary>The request that a handshake begins with, when the cookie is right; else null and, for a ClientHello that could be read, the HelloVerifyRequest to send back.</summary>
    public DtlsRequest? Verify(byte[] hello, MediaAddress from, out byte[]? answer)
    {
        answer = null;
        if (time.GetElapsedTime(_since) >= s_lifetime) (_before, _now, _since) = (_now, new DtlsVerifier(DtlsRules.Crypto), time.GetTimestamp());
        Array.Clear(_client);
        from.WriteIp(_client);
        BinaryPrimitives.WriteUInt16BigEndian(_client.AsSpan(16), from.Port);
        var sender = new Answer();
        try
        {
            var request = _now.VerifyRequest(_client, hello, 0, hello.Length, sender) ?? _before.VerifyRequest(_client, hello, 0, hello.Length, new Answer());
            // Nobody is sent more than was sent in its name.
            if (request is null && sender.Datagram?.Length <= hello.Length) answer = sender.Datagram;
            return request;
        }
#pragma warning disable CA1031 // Whatever a parser that is not ours throws at malformed bytes is the fault of who sent them.
        catch (Exception)
#pragma warning restore CA1031
        {
            return null;
        }
    }

    private sealed class Answer : DatagramSender
    {
        public byte[]? Datagram { get; private set; }

        public int GetSendLimit() => Net.MediaWire.MostDatagram;

        public void Send(byte[] buf, int off, int len) => Send(buf.AsSpan(off, len));

        public void Send(ReadOnlySpan<byte> buffer) => Datagram = buffer.ToArray();
    }
}
