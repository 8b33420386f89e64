using CsCheck;
using IvrActors.Grains.Interfaces.Operators;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class RoleTokenTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly DateTimeOffset s_now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("olga", Roles.Viewer), InlineData("", Roles.Viewer), InlineData("Ольга", Roles.Operator)]
    [InlineData("x|administrator", Roles.Viewer), InlineData("x|administrator|99999999999", Roles.Viewer), InlineData("|||", Roles.Edge)]
    public void Name_and_role_come_back_as_they_were_signed(string name, string role)
    {
        var token = RoleToken.Verify(s_key, Token(name, role).Sign(s_key), s_now);
        Assert.Equal((name, role), (token!.Name, token.Role));
    }

    [Fact]
    public void A_role_that_could_be_read_as_part_of_the_name_is_not_signed() =>
        Assert.Throws<InvalidOperationException>(() => Token("olga", "viewer|administrator").Sign(s_key));

    [Fact]
    public void An_expired_token_is_refused()
    {
        var text = Token("olga", Roles.Viewer).Sign(s_key);
        Assert.NotNull(RoleToken.Verify(s_key, text, s_now.AddSeconds(59)));
        Assert.Null(RoleToken.Verify(s_key, text, s_now.AddSeconds(60)));
        Assert.Null(RoleToken.Verify(s_key, text, DateTimeOffset.MaxValue));
    }

    [Fact]
    public void A_forged_token_is_refused()
    {
        var text = Token("olga", Roles.Viewer).Sign(s_key);
        var promoted = Token("olga", Roles.Administrator).Sign(new byte[32]);
        Assert.Null(RoleToken.Verify(s_key, promoted, s_now));
        Assert.Null(RoleToken.Verify(s_key, promoted[..promoted.IndexOf('.', StringComparison.Ordinal)] + text[text.IndexOf('.', StringComparison.Ordinal)..], s_now));
        // The last character of base64 holds bits that mean nothing: it is left out.
        for (var i = 0; i < text.Length - 1; i++)
        {
            var changed = text[..i] + (text[i] == 'A' ? 'B' : 'A') + text[(i + 1)..];
            Assert.Null(RoleToken.Verify(s_key, changed, s_now));
        }
    }

    [Theory]
    [InlineData(""), InlineData("."), InlineData("a."), InlineData(".a"), InlineData("a"), InlineData("a.b.c"), InlineData("ä.ö"), InlineData("====.====")]
    public void What_is_no_token_is_refused(string text) => Assert.Null(RoleToken.Verify(s_key, text, s_now));

    [Fact]
    public void No_text_makes_it_throw() =>
        Gen.OneOf(Gen.String, Gen.String[Gen.Char["AZaz09-_.=|"], 0, 60], Gen.Const(new string('A', 100_000))).Sample(text => RoleToken.Verify(s_key, text, s_now) is null, iter: 5000);

    [Fact]
    public void An_unknown_role_may_do_nothing()
    {
        foreach (var role in new[] { "", "root", "Viewer", "administrator " }) Assert.All(Enum.GetValues<Permission>(), p => Assert.False(Roles.Allows(role, p)));
    }

    private static RoleToken Token(string name, string role) => new() { Name = name, Role = role, Expires = s_now.AddSeconds(60) };
}
