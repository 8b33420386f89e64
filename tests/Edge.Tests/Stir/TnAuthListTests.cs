using System.Formats.Asn1;
using IvrActors.Edge.Stir;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>RFC 8226 9.</summary>
public sealed class TnAuthListTests
{
    private static bool Covers(byte[] list, string number) => TnAuthList.Read(list)!.Covers(new StirParty(number, null));

    [Fact]
    public void The_list_of_a_shaken_certificate_is_read()
    {
        // SEQUENCE { [0] { IA5String "709J" } }, as providers of SHAKEN have it.
        var list = TnAuthList.Read(Convert.FromHexString("3008A006160437303 94A".Replace(" ", "", StringComparison.Ordinal)))!;
        Assert.True(list.HasProvider);
        Assert.True(list.Covers(new StirParty("12155551212", null)));
        Assert.True(list.Covers(new StirParty(null, "sip:a@b")));
    }

    [Theory]
    [InlineData("4930123456", true)]
    [InlineData("4930123457", false)]
    [InlineData("493012345", false)]
    [InlineData("49301234560", false)]
    public void A_single_number_covers_itself(string number, bool expected) => Assert.Equal(expected, Covers(StirPki.Numbers("4930123456", "49*31"), number));

    [Theory]
    [InlineData("4930123400", true)]
    [InlineData("4930123499", true)]
    [InlineData("4930123399", false)]
    [InlineData("4930123500", false)]
    [InlineData("49301234", false)]
    [InlineData("493012340 0", false)]
    public void A_range_covers_so_many_numbers(string number, bool expected) => Assert.Equal(expected, Covers(StirPki.Range("4930123400", 100), number));

    [Fact]
    public void A_range_covers_no_number_of_more_digits() => Assert.False(Covers(StirPki.Range("99", 1000), "100"));

    [Fact]
    public void Numbers_are_no_authority_for_an_address() => Assert.False(TnAuthList.Read(StirPki.Numbers("4930123456"))!.Covers(new StirParty(null, "sip:4930123456@h")));

    private static readonly byte[] s_several = StirPki.List(writer =>
    {
        foreach (var start in new[] { "4930123450", "4930123400" })
        {
            StirPki.Entry(writer, 1, () =>
            {
                using var range = writer.PushSequence();
                writer.WriteCharacterString(UniversalTagNumber.IA5String, start);
                writer.WriteInteger(50);
            });
        }
        StirPki.Entry(writer, 2, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, "4930123500"));
    });

    public static TheoryData<byte[], byte[], bool> Below => new()
    {
        { StirPki.Provider("1234"), StirPki.Provider("1234"), true },
        { StirPki.Provider("1234"), StirPki.Provider("5678"), false },
        { StirPki.Provider("1234"), StirPki.Numbers("4930123456"), true },
        { StirPki.Provider("1234"), StirPki.Range("4930123400", 100), true },
        { s_several, StirPki.Provider("1234"), false },
        { s_several, StirPki.Range("4930123400", 101), true },
        { s_several, StirPki.Range("4930123410", 60), true },
        { s_several, StirPki.Range("4930123400", 102), false },
        { s_several, StirPki.Range("4930123399", 10), false },
        { s_several, StirPki.Range("493012340", 10), false },
        { s_several, StirPki.Numbers("4930123400", "4930123500"), true },
        { s_several, StirPki.Numbers("4930123400", "4930123501"), false },
        { StirPki.Range("4930123400", 50), StirPki.Range("4930123400", 51), false },
        { StirPki.Range("90", 1000), StirPki.Range("95", 5), true },
        { StirPki.Range("90", 10), StirPki.Range("95", 1000), true },
        { StirPki.Numbers("*31"), StirPki.Numbers("*31"), true },
        { StirPki.Numbers("*31"), StirPki.Range("30", 2), false },
    };

    /// <summary>RFC 9060 4.1.</summary>
    [Theory, MemberData(nameof(Below), DisableDiscoveryEnumeration = true)]
    public void A_list_encompasses_what_it_covers_in_whole(byte[] above, byte[] below, bool expected) =>
        Assert.Equal(expected, TnAuthList.Read(above)!.Encompasses(TnAuthList.Read(below)!));

    private static readonly byte[][] s_bad =
    [
        [],
        [0x30],
        [0x30, 0x00],
        [0x30, 0x80, 0x00, 0x00],
        StirPki.List(writer => writer.WriteInteger(1)),
        StirPki.List(writer => StirPki.Entry(writer, 3, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, "1"))),
        StirPki.List(writer => StirPki.Entry(writer, 2, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, "+49"))),
        StirPki.List(writer => StirPki.Entry(writer, 2, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, ""))),
        StirPki.List(writer => StirPki.Entry(writer, 2, () => writer.WriteCharacterString(UniversalTagNumber.IA5String, "1234567890123456"))),
        StirPki.List(writer => StirPki.Entry(writer, 2, () => writer.WriteCharacterString(UniversalTagNumber.UTF8String, "1"))),
        StirPki.Range("4930", 1),
        StirPki.Range("4930", -5),
        StirPki.Range("", 5),
        StirPki.Provider(""),
        [.. StirPki.Provider(), 0],
        StirPki.Numbers([.. Enumerable.Range(0, StirLimits.AuthorizedEntries + 1).Select(i => $"{i}")]),
    ];

    [Fact]
    public void What_is_no_list_is_refused() => Assert.All(s_bad, list => Assert.Null(TnAuthList.Read(list)));
}
