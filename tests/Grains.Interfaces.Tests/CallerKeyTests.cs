using IvrActors.Grains.Interfaces.Privacy;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class CallerKeyTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];

    // HMAC-SHA-256 of "4:demoaccount:10000001" and "4:demonumber:+15551234", 24 bytes, computed by another program: a change would lose every caller.
    [Fact]
    public void A_pseudonym_stays_what_it_was()
    {
        Assert.Equal("u:s7HBkd2aGbiX04FEoDWccneYaomatFVl", CallerKey.ForAccount(s_key, "demo", "10000001").Value);
        Assert.Equal("n:wyCk4o-yEAE1-t7ys8ueA4yZu-T5mfsX", CallerKey.ForNumber(s_key, "demo", "+15551234").Value);
    }

    [Fact]
    public void Key_tenant_kind_and_value_each_change_it()
    {
        string[] all =
        [
            CallerKey.ForAccount(s_key, "demo", "1").Value, CallerKey.ForAccount(new byte[32], "demo", "1").Value, CallerKey.ForAccount(s_key, "dem", "o1").Value,
            CallerKey.ForAccount(s_key, "demo", "2").Value, CallerKey.ForNumber(s_key, "demo", "1").Value, CallerKey.ForAccount(s_key, "demoaccount:", "1").Value,
        ];
        Assert.Equal(all.Length, all.Select(v => v[2..]).Distinct(StringComparer.Ordinal).Count());
    }
}
