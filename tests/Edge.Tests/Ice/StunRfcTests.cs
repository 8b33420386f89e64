using System.Net;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Ice;

/// <summary>The vectors of RFC 5769 that are of the short-term credential mechanism.</summary>
public sealed class StunRfcTests
{
    private const string Password = "VOkJxbRl1RmTxUk/WvJxBt";

    // 2.1
    private const string Request = """
        00010058 2112a442 b7e7a701 bc34d686 fa87dfae
        80220010 5354554e 20746573 7420636c 69656e74
        00240004 6e0001ff
        80290008 932ff9b1 51263b36
        00060009 6576746a 3a683676 59202020
        00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
        80280004 e57a3bcf
        """;

    // 2.2
    private const string ResponseV4 = """
        0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
        8022000b 74657374 20766563 746f7220
        00200008 0001a147 e112a643
        00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
        80280004 c07d4c96
        """;

    // 2.3
    private const string ResponseV6 = """
        01010048 2112a442 b7e7a701 bc34d686 fa87dfae
        8022000b 74657374 20766563 746f7220
        00200014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
        00080014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
        80280004 c8fb0b4c
        """;

    [Fact]
    public void The_sample_request_is_read_and_its_integrity_holds()
    {
        var bytes = Bytes(Request);
        Assert.Equal(StunRejection.None, StunMessage.TryRead(bytes, out var message));
        Assert.Equal(Stun.BindingRequest, message.Type);
        Assert.Equal("evtj:h6vY", Encoding.ASCII.GetString(message.Username));
        Assert.Equal("b7e7a701bc34d686fa87dfae", Convert.ToHexStringLower(message.Transaction));
        Assert.True(message.IsControlled);
        Assert.False(message.IsControlling || message.UsesCandidate);
        Assert.Equal(0, message.UnknownCount);
        Assert.True(message.HasFingerprint);
        using var hmac = Hmac();
        Assert.True(message.IsAuthentic(hmac));
    }

    [Theory]
    [InlineData(ResponseV4, "192.0.2.1")]
    [InlineData(ResponseV6, "2001:db8:1234:5678:11:2233:4455:6677")]
    public void The_sample_responses_are_read_and_their_address_is_unmasked(string response, string address)
    {
        Assert.Equal(StunRejection.None, StunMessage.TryRead(Bytes(response), out var message));
        Assert.Equal(Stun.BindingSuccess, message.Type);
        Assert.Equal(MediaAddress.From(IPAddress.Parse(address), 32853), message.Mapped);
        using var hmac = Hmac();
        Assert.True(message.IsAuthentic(hmac));
    }

    [Theory]
    [InlineData(ResponseV4, "192.0.2.1")]
    [InlineData(ResponseV6, "2001:db8:1234:5678:11:2233:4455:6677")]
    public void The_sample_responses_are_written_byte_for_byte(string response, string address)
    {
        using var hmac = Hmac();
        var buffer = new byte[128];
        var writer = new StunWriter(buffer, Stun.BindingSuccess, Bytes(response).AsSpan(8, 12));
        // Padding is of any bytes; the vectors have spaces.
        "test vector "u8.CopyTo(buffer.AsSpan(StunMessage.HeaderSize + 4));
        writer.Add(0x8022, 11);
        "test vector "u8.CopyTo(buffer.AsSpan(StunMessage.HeaderSize + 4));
        writer.AddMapped(MediaAddress.From(IPAddress.Parse(address), 32853));
        writer.Close(hmac);
        Assert.Equal(Convert.ToHexStringLower(Bytes(response)), Convert.ToHexStringLower(buffer.AsSpan(0, writer.Length)));
    }

    [Fact]
    public void No_byte_of_the_sample_request_can_change_unnoticed()
    {
        using var hmac = Hmac();
        var original = Bytes(Request);
        for (var i = 0; i < original.Length; i++)
        {
            var bytes = (byte[])original.Clone();
            bytes[i] ^= 0x10;
            Assert.False(StunMessage.TryRead(bytes, out var message) == StunRejection.None && message.HasFingerprint && message.IsAuthentic(hmac));
        }
    }

    [Fact]
    public void Cut_and_oversized_messages_are_refused()
    {
        var bytes = Bytes(Request);
        for (var length = 0; length < bytes.Length; length++) Assert.NotEqual(StunRejection.None, StunMessage.TryRead(bytes.AsSpan(0, length), out _));
        Assert.NotEqual(StunRejection.None, StunMessage.TryRead([.. bytes, 0, 0, 0, 0], out _));
        // An attribute that says it is longer than the message.
        byte[] longer = [0, 1, 0, 4, 0x21, 0x12, 0xA4, 0x42, .. new byte[12], 0, 6, 0xFF, 0xFF];
        Assert.Equal(StunRejection.BadAttribute, StunMessage.TryRead(longer, out _));
    }

    private static IncrementalHash Hmac() => IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, Encoding.ASCII.GetBytes(Password));

    private static byte[] Bytes(string hex) => Convert.FromHexString(string.Concat(hex.Where(char.IsAsciiHexDigit)));
}
