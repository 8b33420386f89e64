using IvrActors.Edge.Srtp;
using Xunit;

namespace IvrActors.Edge.Tests.Srtp;

/// <summary>Vectors of RFC 3711 appendix B, and the reference packets of libsrtp's own test for the same key.</summary>
public class SrtpRfcTests
{
    // RFC 3711 B.3: master key, master salt.
    public static SrtpMasterKey B3() => new(Convert.FromHexString("E1F97A0D3E018BE0D64FA32C06DE4139" + "0EC675AD498AFEEBB6960B3AABE6"));

    [Fact]
    public void Session_keys_are_those_of_rfc_3711_b3()
    {
        using var master = B3();
        var cipherKey = new byte[16];
        var authKey = new byte[94];
        var salt = new byte[14];
        SrtpCipher.DeriveKey(master, 0, cipherKey);
        SrtpCipher.DeriveKey(master, 1, authKey);
        SrtpCipher.DeriveKey(master, 2, salt);

        Assert.Equal("C61E7A93744F39EE10734AFE3FF7A087", Convert.ToHexString(cipherKey));
        Assert.Equal("30CBBC08863D8C85D49DB34A9AE1", Convert.ToHexString(salt));
        Assert.Equal(
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE" +
            "E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25" +
            "6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
            Convert.ToHexString(authKey));
    }

    [Fact]
    public void The_keystream_is_that_of_rfc_3711_b2()
    {
        using var master = new SrtpMasterKey(Convert.FromHexString("2B7E151628AED2A6ABF7158809CF4F3C" + "F0F1F2F3F4F5F6F7F8F9FAFBFCFD"));
        using var cipher = SrtpCipher.WithSessionKey(master);
        var keystream = new byte[0xFF02 * 16];
        cipher.Crypt(keystream, 0, 0);

        // Counters 0, 1, 2 and FEFF, FF00, FF01.
        Assert.Equal("E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0", Convert.ToHexString(keystream, 0, 48));
        Assert.Equal("EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44", Convert.ToHexString(keystream, 0xFEFF * 16, 48));
    }

    [Fact]
    public void A_packet_is_protected_as_libsrtp_does_it()
    {
        var packet = Convert.FromHexString("800F1234DECAFBADCAFEBABE" + "ABABABABABABABABABABABABABABABAB" + "00000000000000000000");
        using var sender = new SrtpSender(B3());
        var length = sender.ProtectRtp(packet, 28, 12);

        Assert.Equal(38, length);
        Assert.Equal("800F1234DECAFBADCAFEBABE4E55DC4CE79978D88CA4D215949D2402B78D6ACC99EA179B8DBB", Convert.ToHexString(packet));

        using var receiver = new SrtpReceiver(B3());
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtp(packet, 12, out var clear));
        Assert.Equal("800F1234DECAFBADCAFEBABEABABABABABABABABABABABABABABABAB", Convert.ToHexString(packet, 0, clear));
    }

    [Fact]
    public void A_report_is_protected_as_libsrtp_does_it()
    {
        var packet = Convert.FromHexString("81C8000BCAFEBABE" + "ABABABABABABABABABABABABABABABAB" + "0000000000000000000000000000");
        using var sender = new SrtpSender(B3());
        var length = sender.ProtectRtcp(packet, 24);

        Assert.Equal("81C8000BCAFEBABE7128035BE487B9BDBEF89041F977A5A880000001993E08CD54D6C1230798", Convert.ToHexString(packet, 0, length));

        using var receiver = new SrtpReceiver(B3());
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp(packet, out var clear));
        Assert.Equal("81C8000BCAFEBABEABABABABABABABABABABABABABABABAB", Convert.ToHexString(packet, 0, clear));
    }
}
