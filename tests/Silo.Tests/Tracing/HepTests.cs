using System.Buffers.Binary;
using System.Text;
using IvrActors.Silo.Tracing;
using Xunit;
using static IvrActors.Silo.Tests.Tracing.TraceSamples;

namespace IvrActors.Silo.Tests.Tracing;

/// <summary>HEP version 3 as its specification lays it out.</summary>
public sealed class HepTests
{
    private static Dictionary<int, byte[]> Chunks(byte[] packet)
    {
        Assert.Equal("HEP3", Encoding.ASCII.GetString(packet, 0, 4));
        Assert.Equal(packet.Length, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(4)));
        var chunks = new Dictionary<int, byte[]>();
        for (var at = 6; at < packet.Length;)
        {
            var length = BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at + 4));
            Assert.Equal(0, BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at)));
            chunks.Add(BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(at + 2)), packet[(at + 6)..(at + length)]);
            at += length;
        }
        return chunks;
    }

    [Fact]
    public void A_message_is_sent_with_its_way_its_time_and_its_call()
    {
        var text = Request("INVITE");
        var chunks = Chunks(HepPacket.Of(Message(text, transport: "TLS", remote: "192.0.2.7:40001", local: "192.0.2.10:5061"), agent: 7));

        Assert.Equal([1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 15, 17, 19], chunks.Keys.Order());
        Assert.Equal(("02", "06", "01"), (Convert.ToHexString(chunks[1]), Convert.ToHexString(chunks[2]), Convert.ToHexString(chunks[11])));
        Assert.Equal(("C0000207", "C000020A"), (Convert.ToHexString(chunks[3]), Convert.ToHexString(chunks[4])));
        Assert.Equal((40001, 5061), (BinaryPrimitives.ReadUInt16BigEndian(chunks[7]), BinaryPrimitives.ReadUInt16BigEndian(chunks[8])));
        Assert.Equal(((uint)Start.ToUnixTimeSeconds(), 703_000u), (BinaryPrimitives.ReadUInt32BigEndian(chunks[9]), BinaryPrimitives.ReadUInt32BigEndian(chunks[10])));
        Assert.Equal(7u, BinaryPrimitives.ReadUInt32BigEndian(chunks[12]));
        Assert.Equal((text, "call-1", "edge-1"), (Encoding.ASCII.GetString(chunks[15]), Encoding.ASCII.GetString(chunks[17]), Encoding.ASCII.GetString(chunks[19])));
    }

    [Fact]
    public void An_IPv6_message_that_was_sent_goes_the_other_way_and_without_a_call_has_no_correlation()
    {
        var chunks = Chunks(HepPacket.Of(Message(Request("OPTIONS"), sent: true, remote: "[2001:db8::7]:5060", local: "[2001:db8::10]:5060", call: ""), agent: 1));

        Assert.Equal(("0A", "11"), (Convert.ToHexString(chunks[1]), Convert.ToHexString(chunks[2])));
        Assert.EndsWith("0010", Convert.ToHexString(chunks[5]), StringComparison.Ordinal);
        Assert.EndsWith("0007", Convert.ToHexString(chunks[6]), StringComparison.Ordinal);
        Assert.DoesNotContain(17, chunks.Keys);
    }

    [Fact]
    public void What_has_no_text_or_does_not_fit_into_a_datagram_is_not_sent()
    {
        Assert.Empty(HepPacket.Of(Message(""), 1));
        Assert.Empty(HepPacket.Of(Message(new string('x', 65_500)), 1));
    }
}
