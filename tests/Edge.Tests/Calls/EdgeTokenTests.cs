using System.Net;
using IvrActors.Edge.Calls;
using IvrActors.Grains.Interfaces.Operators;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public sealed class EdgeTokenTests
{
    [Fact]
    public void A_token_is_used_for_a_minute_and_not_once_its_certificate_was_replaced()
    {
        var (tokens, time) = (new Tokens(), new FakeTimeProvider());
        var token = new EdgeToken(
            new EdgeOptions { Name = "e", Address = IPAddress.Loopback, Trunks = [], MessagesPerSource = new(1, TimeSpan.FromSeconds(1), 1), PromptFolder = "", RenderedPromptFolder = "" }, tokens, time);
        Assert.Equal("e/edge 1", token.Value);
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal("e/edge 1", token.Value);
        tokens.Signer = new object();
        Assert.Equal("e/edge 2", token.Value);
        Assert.Equal("e/edge 2", token.Value);
        time.Advance(TimeSpan.FromMinutes(1) + TimeSpan.FromTicks(1));
        Assert.Equal("e/edge 3", token.Value);
    }

    private sealed class Tokens : IRoleTokens
    {
        private int _issued;

        public object? Signer { get; set; } = new();

        public string Issue(string name, string role) => $"{name}/{role} {++_issued}";
    }
}
