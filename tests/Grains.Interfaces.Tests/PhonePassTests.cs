using CsCheck;
using IvrActors.Grains.Interfaces.Operators;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class PhonePassTests
{
    private const string Realm = "ivr.example";
    private static readonly byte[] s_key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly DateTimeOffset s_now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_pass_is_found_by_its_name_alone_for_a_minute()
    {
        var pass = PhonePass.Make(s_key, Realm, s_now);
        Assert.Matches("^web-[0-9a-f]{8}-[0-9a-f]{32}$", pass.User);
        Assert.Equal(43, pass.Password.Length); // 256 bits.
        foreach (var seconds in new[] { 0, 30, 59 })
        {
            var found = PhonePass.Find(s_key, Realm, pass.User, s_now.AddSeconds(seconds));
            Assert.Equal(pass.Password.Expose().ToString(), found!.Value.Password.Expose().ToString());
        }
        Assert.Null(PhonePass.Find(s_key, Realm, pass.User, s_now.AddSeconds(60)));
        Assert.Null(PhonePass.Find(s_key, Realm, pass.User, s_now.AddMinutes(-5))); // Nobody made one that lives longer.
    }

    [Fact]
    public void Each_has_its_own_name_password_and_number_and_prints_no_secret()
    {
        var (one, other) = (PhonePass.Make(s_key, Realm, s_now), PhonePass.Make(s_key, Realm, s_now));
        Assert.NotEqual(one.User, other.User);
        Assert.NotEqual(one.Password.Expose().ToString(), other.Password.Expose().ToString());
        Assert.NotEqual(PhonePass.Find(s_key, Realm, one.User, s_now)!.Value.Id, PhonePass.Find(s_key, Realm, other.User, s_now)!.Value.Id);
        Assert.DoesNotContain(one.Password.Expose().ToString(), $"{one.Password}{one}", StringComparison.Ordinal);
    }

    [Fact]
    public void The_password_is_of_this_key_realm_and_name()
    {
        var user = PhonePass.Make(s_key, Realm, s_now).User;
        var passwords = new[] { (s_key, Realm, user), (new byte[32], Realm, user), (s_key, "other.example", user), (s_key, Realm, user[..^1] + (user[^1] == '0' ? '1' : '0')) }
            .Select(of => PhonePass.Find(of.Item1, of.Item2, of.Item3, s_now)!.Value.Password.Expose().ToString());
        Assert.Equal(4, passwords.Distinct().Count());
    }

    [Fact]
    public void No_other_name_is_a_pass()
    {
        Gen.OneOf(Gen.String, Gen.String["web-0123456789abcdef"]).Sample(name => PhonePass.Find(s_key, Realm, name, s_now) is null);
        var user = PhonePass.Make(s_key, Realm, s_now).User;
        Assert.All([user + "0", user[..^1], "Web" + user[3..], user.Replace("web-", "web+", StringComparison.Ordinal), user[..12] + "+" + user[13..], user[..^1] + "g"], name => Assert.Null(PhonePass.Find(s_key, Realm, name, s_now)));
    }
}
