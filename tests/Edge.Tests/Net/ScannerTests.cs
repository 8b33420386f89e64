using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using IvrActors.Edge.Net;
using IvrActors.Edge.Reputation;
using IvrActors.Edge.Sip;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>What scanners do, as an edge with telephones behind passwords meets it, and how a block gets about.</summary>
public sealed class ScannerTests
{
    private static readonly EdgeTrunk s_phones = new()
    {
        Name = "phones",
        Tenant = "demo",
        Digest = new TrunkDigest { Realm = "ivr", WithoutTls = true, Accounts = new Dictionary<string, DigestAccount> { ["ann"] = new DigestAccount("ann", "ivr", "secret", md5: false) } },
        Registrar = new TrunkRegistrar(),
    };

    private static Task<EdgeHost> Start() => EdgeHost.Start(trunks: [s_phones], neverBlock: "127.0.31.200/32");

    private static string Register(string user, int number, string agent = "Phone") =>
        $"REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.51.1:5060;branch=z9hG4bKr{number};rport\r\nMax-Forwards: 70\r\nFrom: <sip:{user}@127.0.0.1>;tag=f{number}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
        + $"Call-ID: r{number}\r\nCSeq: 1 REGISTER\r\nContact: <sip:{user}@127.0.51.1>\r\nUser-Agent: {agent}\r\nContent-Length: 0\r\n\r\n";

    private static bool IsBlocked(EdgeHost host, string address) => host.Reputation.IsBlocked(IPAddress.Parse(address));

    [Fact]
    public async Task A_scanner_gets_no_answer_and_is_blocked_at_once()
    {
        await using var host = await Start();
        await using var scanner = Phone.Udp(host.Udp, "127.0.51.2");
        await scanner.Send(Register("100", 1, "friendly-scanner"));
        await EdgeHost.Until(() => IsBlocked(host, "127.0.51.2"));
        await scanner.Send(Register("100", 2));
        await using var other = Phone.Udp(host.Udp, "127.0.51.3");
        await other.Send(Register("100", 3));
        Assert.Equal(401, await other.FinalStatus());
        Assert.Equal(0, scanner.Available);
    }

    [Fact]
    public async Task A_scanner_gets_no_answer_to_a_malformed_message_either()
    {
        await using var host = await Start();
        await using var scanner = Phone.Udp(host.Udp, "127.0.51.14");
        await scanner.Send(Register("100", 1, "friendly-scanner").Replace("<sip:100@127.0.51.1>", "None", StringComparison.Ordinal));
        await EdgeHost.Until(() => IsBlocked(host, "127.0.51.14"));
        await using var other = Phone.Udp(host.Udp, "127.0.51.15");
        await other.Send(Register("100", 2).Replace("<sip:100@127.0.51.1>", "None", StringComparison.Ordinal));
        Assert.Equal(400, await other.FinalStatus());
        Assert.Equal(0, scanner.Available);
    }

    [Fact]
    public async Task Who_asks_for_one_user_after_the_other_is_blocked_and_who_asks_for_one_is_not()
    {
        await using var host = await Start();
        await using var scanner = Phone.Udp(host.Udp, "127.0.51.4");
        await using var phone = Phone.Udp(host.Udp, "127.0.51.5");
        for (var i = 0; i < 60; i++)
        {
            await scanner.Send(Register($"{100 + i}", i));
            await phone.Send(Register("ann", 1000 + i));
            Assert.Equal(401, await phone.FinalStatus());
        }
        Assert.True(IsBlocked(host, "127.0.51.4"));
        Assert.False(IsBlocked(host, "127.0.51.5"));
    }

    [Fact]
    public async Task A_flood_of_REGISTER_is_dropped_and_ends_in_a_block()
    {
        await using var host = await Start();
        await using var flooder = Phone.Udp(host.Udp, "127.0.51.6");
        for (var i = 0; i < 2 * SourceGuard.Registers.Burst && !IsBlocked(host, "127.0.51.6"); i++) await flooder.Send(Register("ann", i));
        await EdgeHost.Until(() => IsBlocked(host, "127.0.51.6"));
    }

    [Fact]
    public async Task Requests_in_dialogs_that_never_were_end_in_a_block()
    {
        await using var host = await Start();
        await using var stranger = Phone.Udp(host.Udp, "127.0.51.7");
        for (var i = 1; i <= 60; i++) await stranger.Request("BYE", i, toTag: "guessed");
        await EdgeHost.Until(() => IsBlocked(host, "127.0.51.7"));
    }

    [Fact]
    public async Task A_trunk_in_whose_name_a_scanner_sends_datagrams_goes_on_being_served()
    {
        await using var host = await Start();
        await using var trunk = Phone.Udp(host.Udp, "127.0.31.52");
        for (var i = 0; i < 50; i++)
        {
            await trunk.Send(Register($"{i}", i, "friendly-scanner"));
            await trunk.Request("BYE", i + 1, toTag: "guessed");
            Assert.Equal(481, (await trunk.Final()).Status);
        }
        await trunk.Request("OPTIONS", 100);
        Assert.Equal(200, (await trunk.FinalOf("OPTIONS")).Status);
    }

    [Fact]
    public async Task Numbers_that_are_not_there_end_in_a_block_but_not_of_a_carrier_whose_customers_mistype()
    {
        await using var host = await Start();
        host.Flow = e => e is CallOffered ? [new Reject { Status = 404 }] : [];
        await using var carrier = await Phone.Stream(host.Tcp, tls: false, "127.0.31.56");
        for (var i = 1; i <= 15; i++)
        {
            await carrier.Request("INVITE", i, body: "v=0\r\n", type: "application/sdp");
            var refused = await carrier.FinalOf("INVITE");
            Assert.Equal(404, refused.Status);
            await carrier.Again("ACK", i, refused.To.Tag);
            carrier.CallId += "x";
        }
        Assert.False(IsBlocked(host, "127.0.31.56"));
        var phone = new SipPeer(SipTransport.Udp, new IPEndPoint(IPAddress.Parse("127.0.51.8"), 1), 0, s_phones);
        for (var i = 0; i < 11; i++) host.Service<TrunkDesk>().CalledInVain(phone);
        Assert.True(IsBlocked(host, "127.0.51.8"));
    }

    [Fact]
    public async Task A_block_is_told_to_the_cluster_and_one_of_another_edge_holds_here_for_strangers()
    {
        await using var host = await Start();
        host.Reputation.Offend(IPAddress.Parse("127.0.51.9"), SourceOffence.Scanner, proven: false);
        await EdgeHost.Until(() => host.Blocks.Heard.Any(news => news.Blocks.Any(block => block is { Source: "127.0.51.9", Reason: "scanner", Proven: false, By: "edge-test" })));

        var now = DateTimeOffset.UtcNow;
        SharedBlock Block(string source, string reason = "scanner", bool proven = false) =>
            new() { Source = source, Reason = reason, At = now, Until = now + TimeSpan.FromHours(1), Proven = proven, By = "edge-2" };
        host.Blocks.Updates.Enqueue(new BlockUpdate
        {
            Epoch = 1,
            Version = 7,
            Begun = [Block("127.0.51.10"), Block("127.0.31.53"), Block("127.0.31.54", proven: true), Block("127.0.31.55", "operator", proven: true), Block("127.0.31.200", "operator", proven: true), Block("nonsense"), Block("127.0.51.11", "of-a-later-version")],
            Lifted = [],
        });
        await EdgeHost.Until(() => IsBlocked(host, "127.0.51.10"));
        Assert.False(IsBlocked(host, "127.0.31.53"), "a trunk is not blocked by what could be forged");
        Assert.False(IsBlocked(host, "127.0.31.54"), "nor by what another edge could see");
        Assert.True(IsBlocked(host, "127.0.31.55"), "an operator may block a trunk");
        Assert.False(IsBlocked(host, "127.0.31.200"), "but not what is never blocked");
        Assert.False(IsBlocked(host, "127.0.51.11"));

        await EdgeHost.Until(() => host.Blocks.Heard.Any(news => news is { Epoch: 1, Version: 7 }));
        host.Blocks.Updates.Enqueue(new BlockUpdate { Epoch = 1, Version = 9, Begun = [], Lifted = [new LiftedBlock { Source = "127.0.51.10", At = DateTimeOffset.UtcNow }, new LiftedBlock { Source = "127.0.51.9", At = DateTimeOffset.UtcNow }] });
        await EdgeHost.Until(() => !IsBlocked(host, "127.0.51.10") && !IsBlocked(host, "127.0.51.9"));
    }

    [Fact]
    public async Task Without_the_cluster_blocks_of_this_edge_hold_and_are_told_when_it_is_back_with_another_list()
    {
        await using var host = await Start();
        host.Reputation.Offend(IPAddress.Parse("127.0.51.12"), SourceOffence.Scanner, proven: false);
        await EdgeHost.Until(() => host.Blocks.Heard.Any(news => news.Blocks.Any(block => block.Source == "127.0.51.12")));
        host.Blocks.IsGone = true;
        host.Reputation.Offend(IPAddress.Parse("127.0.51.13"), SourceOffence.Scanner, proven: false);
        Assert.True(IsBlocked(host, "127.0.51.13"));
        host.Blocks.Updates.Enqueue(new BlockUpdate { Epoch = 2, Version = 1, Begun = [], Lifted = [] });
        host.Blocks.Heard.Clear();
        host.Blocks.IsGone = false;
        await EdgeHost.Until(() => host.Blocks.Heard.Any(news => news.Epoch == 2 && new[] { "127.0.51.12", "127.0.51.13" }.All(source => news.Blocks.Any(block => block.Source == source))));
    }

    [Theory]
    [InlineData("192.0.2.66", "192.0.2.66")]
    [InlineData("2001:db8:0:1::66", "2001:db8:0:1::/64")]
    public void The_line_of_a_block_is_what_fail2ban_reads(string address, string source)
    {
        var log = new Lines();
        var reputation = Reputation(log);
        reputation.Offend(IPAddress.Parse(address), SourceOffence.Scanner, proven: true);
        var line = Assert.Single(log.Written);
        Assert.Equal($"sip-block source={source} reason=scanner seconds=120 proven=yes", line);
        Assert.Equal(source, Fail2Ban().Match("2026-11-25T10:00:00.000Z warn: IvrActors.Edge.Net.SourceReputation[1] " + line).Groups["source"].Value);

        reputation.Offend(IPAddress.Parse("192.0.2.67"), SourceOffence.Scanner, proven: false);
        Assert.DoesNotMatch(Fail2Ban(), log.Written[1]);
    }

    [Fact]
    public void Of_a_burst_of_guesses_none_is_judged_that_waited_when_its_source_was_blocked()
    {
        var source = new SipPeer(SipTransport.Udp, new IPEndPoint(IPAddress.Parse("192.0.2.68"), 5060), 0, s_phones);
        var reputation = Reputation(new Lines());
        var judged = 0;
        var guard = new SourceGuard(
            new Judge(() =>
            {
                judged++;
                reputation.Offend(source.EndPoint.Address, SourceOffence.DigestFailed, proven: true);
            }),
            reputation);
        for (var i = 0; i < 100; i++) guard.Decide(0, (SipRequest)SipParser.Parse(Encoding.ASCII.GetBytes(Register("ann", i))).Message!, source);
        Assert.Equal(10, judged);
    }

    private static SourceReputation Reputation(Lines log) => new(
        new EdgeOptions
        {
            Name = "e",
            Address = IPAddress.Loopback,
            Trunks = [],
            MessagesPerSource = new(1, TimeSpan.FromSeconds(1), 1),
            PromptFolder = "",
            RenderedPromptFolder = "",
        },
        new TrunkTable([]),
        new FakeTimeProvider(),
        log);

    /// <summary>The expression of the filter file, with fail2ban's word for an address put in.</summary>
    private static Regex Fail2Ban()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "IvrActors.slnx"))) folder = folder.Parent;
        var text = File.ReadAllLines(Path.Combine(folder.FullName, "deploy", "fail2ban", "filter.d", "ivractors.conf")).Single(line => line.StartsWith("failregex = ", StringComparison.Ordinal));
        return new Regex(text["failregex = ".Length..].Replace("<SUBNET>", "(?<source>[0-9a-f:.]+(?:/\\d+)?)", StringComparison.Ordinal));
    }

    private sealed class Judge(Action judge) : IRequestGuard
    {
        public GuardDecision Decide(long now, SipRequest request, SipPeer peer)
        {
            judge();
            return GuardDecision.Drop;
        }
    }

    private sealed class Lines : ILogger<SourceReputation>
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add(formatter(state, exception));
    }
}
