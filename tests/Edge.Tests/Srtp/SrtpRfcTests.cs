using IvrActors.Edge.Srtp;
using Xunit;

namespace IvrActors.Edge.Tests.Srtp;

/// <summary>Vectors of RFC 3711 appendix B, RFC 6188 7 and RFC 7714 16 and 17, and the reference packets of libsrtp's own test.</summary>
public class SrtpRfcTests
{
    private const string B3Key = "E1F97A0D3E018BE0D64FA32C06DE4139", B3Salt = "0EC675AD498AFEEBB6960B3AABE6";

    // RFC 6188 7.2.
    private const string Key256 = "F0F04914B513F2763A1B1FA130F10E2998F6F6E43E4309D1E622A0E332B9F1B6", Salt256 = "3B04803DE51EE7C96423AB5B78D2";

    // RFC 7714 16 and 17: "Quid pro quo".
    private const string GcmKey128 = "000102030405060708090A0B0C0D0E0F", GcmKey256 = GcmKey128 + "101112131415161718191A1B1C1D1E1F", GcmSalt = "517569642070726F2071756F";

    // The packets that libsrtp protects in its test; the sender report has only its header in clear.
    private const string Rtp = "800F1234DECAFBADCAFEBABE" + "ABABABABABABABABABABABABABABABAB";
    private const string Rtcp = "81C8000BCAFEBABE" + "ABABABABABABABABABABABABABABABAB";

    // RFC 3711 B.3: master key, master salt.
    public static SrtpMasterKey B3() => Key("AES_CM_128_HMAC_SHA1_80", B3Key + B3Salt);

    private static SrtpMasterKey Key(string suite, string keyAndSalt) => new(SrtpSuite.All.Single(s => s.Name == suite), Convert.FromHexString(keyAndSalt));

    private static string Derived(SrtpMasterKey master, byte label, int size)
    {
        var key = new byte[size];
        SrtpCipher.DeriveKey(master, label, key);
        return Convert.ToHexString(key);
    }

    [Fact]
    public void Session_keys_are_those_of_rfc_3711_b3()
    {
        using var master = B3();
        Assert.Equal("C61E7A93744F39EE10734AFE3FF7A087", Derived(master, 0, 16));
        Assert.Equal("30CBBC08863D8C85D49DB34A9AE1", Derived(master, 2, 14));
        Assert.Equal(
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE" +
            "E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25" +
            "6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
            Derived(master, 1, 94));
    }

    [Fact]
    public void Session_keys_of_256_bits_are_those_of_rfc_6188_7_2()
    {
        using var master = Key("AES_256_CM_HMAC_SHA1_80", Key256 + Salt256);
        Assert.Equal("5BA1064E30EC51613CAD926C5A28EF731EC7FB397F70A960653CAF06554CD8C4", Derived(master, 0, 32));
        Assert.Equal("FD9C32D39ED5FBB5A9DC96B30818454D1313DC05", Derived(master, 1, 20));
        Assert.Equal("FA31791685CA444A9E07C6C64E93", Derived(master, 2, 14));
    }

    [Theory]
    // RFC 3711 B.2 and RFC 6188 7.1: session key → keystream at the counters 0, 1, 2 and FEFF, FF00, FF01.
    [InlineData("AES_CM_128_HMAC_SHA1_80", "2B7E151628AED2A6ABF7158809CF4F3C",
        "E03EAD0935C95E80E166B16DD92B4EB4D23513162B02D0F72A43A2FE4A5F97AB41E95B3BB0A2E8DD477901E4FCA894C0",
        "EC8CDF7398607CB0F2D21675EA9EA1E4362B7C3C6773516318A077D7FC5073AE6A2CC3787889374FBEB4C81B17BA6C44")]
    [InlineData("AES_256_CM_HMAC_SHA1_80", "57F82FE3613FD170A85EC93C40B1F0922EC4CB0DC025B58272147CC438944A98",
        "92BDD28A93C3F52511C677D08B5515A49DA71B2378A854F67050756DED165BAC63C4868B7096D88421B563B8C94C9A31",
        "CEA518C90FD91CED9CBB18C078A547113DBC4814F4DA5F00A08772B63C6A046D6EB246913062A16891433E97DD01A57F")]
    public void The_keystream_is_that_of_the_rfc(string suite, string key, string first, string late)
    {
        using var session = Key(suite, key + "F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
        using var cipher = (CounterModeCipher)SrtpCipher.WithSessionKey(session);
        var keystream = new byte[0xFF02 * 16];
        cipher.Crypt(keystream, 0, 0);

        Assert.Equal(first, Convert.ToHexString(keystream, 0, 48));
        Assert.Equal(late, Convert.ToHexString(keystream, 0xFEFF * 16, 48));
    }

    /// <summary>RFC 7714 16.1.1, 16.1.2, 16.2.1, 16.2.2: "Gallia est omnis divisa in partes tres".</summary>
    [Theory]
    [InlineData("AEAD_AES_128_GCM", GcmKey128,
        "F24DE3A3FB34DE6CACBA861C9D7E4BCABE633BD50D294E6F42A5F47A51C7D19B36DE3ADF8833", "899D7F27BEB16A9152CF765EE4390CCE")]
    [InlineData("AEAD_AES_256_GCM", GcmKey256,
        "32B1DE78A822FE12EF9F78FA332E33AAB18012389A58E2F3B50B2A0276FFAE0F1BA63799B87B", "7AA3DB36DFFFD6B0F9BB7878D7A76C13")]
    public void A_packet_is_sealed_and_opened_as_in_rfc_7714_16(string suite, string key, string encrypted, string tag)
    {
        const string header = "8040F17B8041F8D35501A0B2", text = "47616C6C696120657374206F6D6E69732064697669736120696E207061727465732074726573";
        using var session = Key(suite, key + GcmSalt);
        using var cipher = SrtpCipher.WithSessionKey(session);
        var packet = Convert.FromHexString(header + text);
        var ourTag = new byte[16];
        cipher.Seal(packet, 12, 0x5501A0B2, 0xF17B, default, ourTag);
        Assert.Equal(header + encrypted + tag, Convert.ToHexString(packet) + Convert.ToHexString(ourTag));

        Assert.True(cipher.Open(packet, 12, 0x5501A0B2, 0xF17B, default, ourTag));
        Assert.Equal(header + text, Convert.ToHexString(packet));
    }

    /// <summary>RFC 7714 16.1.3, 16.1.4, 16.2.3, 16.2.4: the whole packet is authenticated and nothing of it encrypted.</summary>
    [Theory]
    [InlineData("AEAD_AES_128_GCM", GcmKey128, "22493F82D2BCE397E9D79E3B19AA4216")]
    [InlineData("AEAD_AES_256_GCM", GcmKey256, "A866D5910F887463067CEEFEC45215D4")]
    public void A_packet_in_clear_has_the_tag_of_rfc_7714_16(string suite, string key, string tag)
    {
        using var session = Key(suite, key + GcmSalt);
        using var cipher = SrtpCipher.WithSessionKey(session);
        var packet = Convert.FromHexString("8040F17B8041F8D35501A0B247616C6C696120657374206F6D6E69732064697669736120696E207061727465732074726573");
        var ourTag = new byte[16];
        cipher.Seal(packet, packet.Length, 0x5501A0B2, 0xF17B, default, ourTag);
        Assert.Equal(tag, Convert.ToHexString(ourTag));
        Assert.True(cipher.Open(packet, packet.Length, 0x5501A0B2, 0xF17B, default, ourTag));
    }

    /// <summary>RFC 7714 17.1 and 17.2, index 0x5D4.</summary>
    [Theory]
    [InlineData("AEAD_AES_128_GCM", GcmKey128,
        "63E94885DCDAB67CA727D7662F6B7E997FF5C0F76C06F32DC676A5F1730D6FDA4CE09B4686303DED0BB9275BC84AA45896CF4D2FC5ABF87245D9EADE")]
    [InlineData("AEAD_AES_256_GCM", GcmKey256,
        "D50AE4D1F5CE5D304BA297E47D470C282C3ECE5DBFFE0A50A2EAA5C1110555BE8415F658C61DE0476F1B6FAD1D1EB30C4446839F57FF6F6CB26AC3BE")]
    public void A_report_is_sealed_and_opened_as_in_rfc_7714_17(string suite, string key, string encryptedAndTag)
    {
        const string header = "81C8000D4D617273", word = "800005D4";
        const string text = "4E5450314E545032525450200000042A0000E9304C756E61DEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEF";
        using var session = Key(suite, key + GcmSalt);
        using var cipher = SrtpCipher.WithSessionKey(session);
        var packet = Convert.FromHexString(header + text + new string('0', 40));
        var trailer = SrtcpTrailer.Of(packet.AsSpan(^20..), session.Suite);
        Convert.FromHexString(word).CopyTo(trailer.Word);
        cipher.Seal(packet.AsSpan(..^20), 8, 0x4D617273, 0x5D4, trailer.Word, trailer.Tag);
        Assert.Equal(header + encryptedAndTag + word, Convert.ToHexString(packet));

        Assert.True(cipher.Open(packet.AsSpan(..^20), 8, 0x4D617273, 0x5D4, trailer.Word, trailer.Tag));
        Assert.Equal(header + text, Convert.ToHexString(packet.AsSpan(..^20)));
    }

    /// <summary>RFC 7714 17.3 and 17.4, against which we deviate on purpose: a report that is authenticated only is not taken, because nobody who has a key sends one.</summary>
    [Theory]
    [InlineData("AEAD_AES_128_GCM", GcmKey128, "841DD9683DD78EC92AE58790125F62B3")]
    [InlineData("AEAD_AES_256_GCM", GcmKey256, "91DB4AFBFEEE5A978FAB4393ED2615FE")]
    public void A_report_in_clear_is_refused(string suite, string key, string tag)
    {
        using var receiver = new SrtpReceiver(Key(suite, key + GcmSalt));
        var packet = Convert.FromHexString("81C8000D4D6172734E5450314E545032525450200000042A0000E9304C756E61DEADBEEFDEADBEEFDEADBEEFDEADBEEFDEADBEEF" + tag + "000005D4");
        Assert.Equal(SrtpRejection.NotEncrypted, receiver.UnprotectRtcp(packet, out _));
    }

    /// <summary>From the master key on; the suites of 256 bits have the keys of RFC 6188 7.2, those of GCM the key of RFC 7714 with the salt A0 … AB. The last is from another implementation.</summary>
    [Theory]
    [InlineData("AES_CM_128_HMAC_SHA1_80", B3Key + B3Salt, "4E55DC4CE79978D88CA4D215949D2402" + "B78D6ACC99EA179B8DBB")]
    [InlineData("AES_256_CM_HMAC_SHA1_80", Key256 + Salt256, "F1D9DE17FF251FF1AA007774B0B4B40D" + "A08D9D9A5B3A55D8873B")]
    [InlineData("AEAD_AES_128_GCM", GcmKey128 + "A0A1A2A3A4A5A6A7A8A9AAAB", "C5002EDE04CFDD2EB91159E0880AA06E" + "D2976826F796B201DF3131A127E8A392")]
    [InlineData("AEAD_AES_256_GCM", GcmKey256 + "A0A1A2A3A4A5A6A7A8A9AAAB", "0AF7F21E8A90BDAD7A425C9C31ED4BB1" + "D90238917E7390A2793500E1681ACAEA")]
    public void A_packet_is_protected_as_libsrtp_does_it(string suite, string keyAndSalt, string encryptedAndTag)
    {
        using var sender = new SrtpSender(Key(suite, keyAndSalt));
        var packet = Convert.FromHexString(Rtp + new string('0', 2 * SrtpSuite.MostTagSize));
        var length = sender.ProtectRtp(packet, 28, 12);
        Assert.Equal(Rtp[..24] + encryptedAndTag, Convert.ToHexString(packet, 0, length));

        using var receiver = new SrtpReceiver(Key(suite, keyAndSalt));
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtp(packet.AsSpan(0, length), 12, out var clear));
        Assert.Equal(Rtp, Convert.ToHexString(packet, 0, clear));
    }

    [Theory]
    [InlineData("AES_CM_128_HMAC_SHA1_80", B3Key + B3Salt, "7128035BE487B9BDBEF89041F977A5A8" + "80000001" + "993E08CD54D6C1230798")]
    [InlineData("AES_CM_128_HMAC_SHA1_32", B3Key + B3Salt, "7128035BE487B9BDBEF89041F977A5A8" + "80000001" + "993E08CD54D6C1230798")]
    [InlineData("AEAD_AES_128_GCM", GcmKey128 + "A0A1A2A3A4A5A6A7A8A9AAAB", "C98B8B5DF0392A55852B6C21AC8E7025" + "C52C6FBEA2B3B446EA31123BA88CE61E" + "80000001")]
    public void A_report_is_protected_as_libsrtp_does_it(string suite, string keyAndSalt, string rest)
    {
        using var sender = new SrtpSender(Key(suite, keyAndSalt));
        var packet = Convert.FromHexString(Rtcp + new string('0', 2 * SrtpSender.MostRtcpOverhead));
        var length = sender.ProtectRtcp(packet, 24);
        Assert.Equal(Rtcp[..16] + rest, Convert.ToHexString(packet, 0, length));

        using var receiver = new SrtpReceiver(Key(suite, keyAndSalt));
        Assert.Equal(SrtpRejection.None, receiver.UnprotectRtcp(packet.AsSpan(0, length), out var clear));
        Assert.Equal(Rtcp, Convert.ToHexString(packet, 0, clear));
    }
}
