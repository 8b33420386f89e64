using System.Net;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Tests.Net;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace IvrActors.Edge.Tests.Stir;

/// <summary>Calls whose identity is verified, through a whole edge on loopback, with certificates from a real HTTPS server.</summary>
public sealed class StirCallsTests : IAsyncLifetime
{
    private const string Called = "+4930123456";

    private readonly StirPki _pki = new(DateTimeOffset.UtcNow);
    private readonly string _folder = Directory.CreateTempSubdirectory("stir-").FullName;
    private StirWeb _web = null!;
    private StirSignerOfTest _provider = null!;

    public async ValueTask InitializeAsync()
    {
        _web = await StirWeb.Start();
        _provider = _pki.Issue(StirPki.Provider());
        _web.Answers["/a.pem"] = http => StirWeb.Say(http, _provider.Content);
        await File.WriteAllTextAsync(Path.Combine(_folder, "sti.pem"), _pki.RootPem);
        await File.WriteAllTextAsync(Path.Combine(_folder, "web.pem"), _web.AuthorityPem);
    }

    public async ValueTask DisposeAsync()
    {
        await _web.DisposeAsync();
        _pki.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Identity Signed(string path = "/a.pem") => new(_provider, DateTimeOffset.UtcNow) { X5u = _web.Url(path), Info = _web.Url(path) };

    private Task<EdgeHost> Start(StirPolicy policy, bool must = false, bool trusted = false, int? callsAtOnce = null) => EdgeHost.Start(
        trunks: [new EdgeTrunk { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse("127.0.36.0/24")], TrustsCallerIdentity = trusted, Limit = new LimitRule { AtOnce = callsAtOnce }, Stir = new TrunkStir { Policy = policy, MustHaveIdentity = must } }],
        stir: new StirOptions { AuthorityFile = Path.Combine(_folder, "sti.pem"), WebAuthorityFile = Path.Combine(_folder, "web.pem"), TrustedAddresses = [IPNetwork.Parse("127.0.0.0/8")] });

    private static Phone Caller(EdgeHost host)
    {
        var phone = Phone.Udp(host.Udp, "127.0.36.1");
        phone.User = Called;
        return phone;
    }

    private static async Task<SipResponse> Call(Phone phone, object? identity, string more = "")
    {
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp", headers: (identity is null ? "" : $"Identity: {identity}\r\n") + more);
        var answer = await phone.Final();
        await (answer.Status == 200 ? phone.Request("ACK", 1, answer.To.Tag) : phone.Again("ACK", 1, answer.To.Tag));
        return answer;
    }

    private static CallOffered OfferedTo(EdgeHost host) => Assert.IsType<CallOffered>(host.Events.First());

    [Theory]
    [InlineData(StirPolicy.Mark, "A", Attestation.A, OriginClass.Attested)]
    [InlineData(StirPolicy.Mark, "B", Attestation.B, OriginClass.Unattested)]
    [InlineData(StirPolicy.Mark, "C", Attestation.C, OriginClass.Unattested)]
    [InlineData(StirPolicy.Reject, "A", Attestation.A, OriginClass.Attested)]
    [InlineData(StirPolicy.Downgrade, "A", Attestation.A, OriginClass.Attested)]
    [InlineData(StirPolicy.Off, "A", Attestation.None, OriginClass.Unattested)]
    public async Task A_verified_call_is_offered_with_its_attestation(StirPolicy policy, string attest, Attestation attestation, OriginClass origin)
    {
        await using var host = await Start(policy);
        await using var phone = Caller(host);
        Assert.Equal(200, (await Call(phone, Signed() with { Attestation = attest })).Status);
        Assert.Equal((attestation, origin, "+4915550001"), (OfferedTo(host).Attestation, OfferedTo(host).Origin, OfferedTo(host).Calling!.Reveal()));
    }

    [Theory]
    [InlineData(StirPolicy.Mark, OriginClass.TrustedTrunk, "+4930555")]
    [InlineData(StirPolicy.Downgrade, OriginClass.Unattested, "+4915550001")]
    public async Task A_failed_identity_is_marked_or_takes_the_trunks_word_away(StirPolicy policy, OriginClass origin, string calling)
    {
        await using var host = await Start(policy, trusted: true);
        await using var phone = Caller(host);
        Assert.Equal(200, (await Call(phone, Signed(), "P-Asserted-Identity: <sip:+4930555@h>\r\n")).Status);
        Assert.Equal((Attestation.Failed, origin, calling), (OfferedTo(host).Attestation, OfferedTo(host).Origin, OfferedTo(host).Calling!.Reveal()));
    }

    [Theory]
    [InlineData(StirPolicy.Mark, OriginClass.TrustedTrunk)]
    [InlineData(StirPolicy.Downgrade, OriginClass.Unattested)]
    [InlineData(StirPolicy.Reject, OriginClass.TrustedTrunk)]
    public async Task A_missing_identity_is_let_pass_unless_it_must_be_there(StirPolicy policy, OriginClass origin)
    {
        await using var host = await Start(policy, trusted: true);
        await using var phone = Caller(host);
        Assert.Equal(200, (await Call(phone, null)).Status);
        Assert.Equal((Attestation.None, origin), (OfferedTo(host).Attestation, OfferedTo(host).Origin));
    }

    [Theory, InlineData(StirPolicy.Mark), InlineData(StirPolicy.Downgrade), InlineData(StirPolicy.Reject)]
    public async Task A_missing_identity_that_must_be_there_gets_428(StirPolicy policy)
    {
        await using var host = await Start(policy, must: true, callsAtOnce: 1);
        await using var phone = Caller(host);
        var answer = await Call(phone, null);
        Assert.Equal((428, "Use Identity Header"), (answer.Status, answer.Reason));
        phone.CallId = "second";
        Assert.Equal(200, (await Call(phone, Signed())).Status);
    }

    [Fact]
    public async Task A_failed_identity_is_refused_with_the_status_of_the_standard_where_that_is_the_policy()
    {
        await using var host = await Start(StirPolicy.Reject, callsAtOnce: 1);
        foreach (var (identity, status, reason) in new[]
        {
            (Signed() with { Caller = "4915550002" }, 438, "Invalid Identity Header"),
            (Signed() with { Age = TimeSpan.FromSeconds(90) }, 403, "Stale Date"),
            (Signed("/absent.pem"), 436, "Bad Identity Info"),
            (Signed("/strange.pem"), 437, "Unsupported Credential"),
        })
        {
            _web.Answers["/strange.pem"] = http => StirWeb.Say(http, _pki.Issue(null).Content);
            await using var phone = Caller(host);
            var answer = await Call(phone, identity);
            Assert.Equal((status, reason), (answer.Status, answer.Reason));
        }
        Assert.Empty(host.Events);
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
        await using var honest = Caller(host);
        Assert.Equal(200, (await Call(honest, Signed())).Status);
    }

    [Fact]
    public async Task A_header_that_does_not_verify_neither_makes_a_caller_known_nor_passes_for_one_who_is()
    {
        await using var host = await Start(StirPolicy.Mark);
        host.Verifies = true;
        await EdgeHost.Until(() => host.Service<KnownCallers>().HasKey);
        await using var phone = Caller(host);
        foreach (var (id, identity) in new[] { ("1", "forged"), ("2", "forged"), ("3", Signed().ToString()), ("4", Signed().ToString()), ("5", "forged") })
        {
            phone.CallId = id;
            var answer = await Call(phone, identity);
            await phone.Request("BYE", 2, answer.To.Tag);
            Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
            await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
        }
        Assert.Equal([false, false, false, true, false], host.Events.OfType<CallOffered>().Select(offered => offered.Known));
    }

    [Fact]
    public async Task A_call_waits_for_its_certificate_without_holding_others_up_and_may_be_cancelled_meanwhile()
    {
        var (asked, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _web.Answers["/slow.pem"] = async http =>
        {
            asked.TrySetResult();
            await go.Task.WaitAsync(http.RequestAborted);
            await StirWeb.Say(http, _provider.Content);
        };
        await using var host = await Start(StirPolicy.Mark, callsAtOnce: 1);
        await using var waiting = Caller(host);
        await waiting.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp", headers: $"Identity: {Signed("/slow.pem")}\r\n");
        Assert.Equal(100, Assert.IsType<SipResponse>(await waiting.Receive()).Status);
        await asked.Task.WaitAsync(EdgeHost.Patience);

        // It has its place already, and the signalling thread is free.
        await using var other = Caller(host);
        Assert.Equal(486, (await Call(other, null)).Status);
        Assert.Equal(1, host.Loop.ActiveCalls);

        await waiting.Again("CANCEL", 1);
        var answers = new[] { await waiting.Final(), await waiting.Final() };
        Assert.Equal([(200, "CANCEL"), (487, "INVITE")], answers.Select(answer => (answer.Status, answer.CSeq.Method)).Order());
        await waiting.Again("ACK", 1, answers.Single(answer => answer.Status == 487).To.Tag);
        go.SetResult();
        await EdgeHost.Until(() => host.Loop.ActiveCalls == 0);
        Assert.Empty(host.Events);
        Assert.Empty(host.Media.Sessions);
        other.CallId = "after";
        Assert.Equal(200, (await Call(other, Signed())).Status);
        Assert.Equal(Attestation.A, OfferedTo(host).Attestation);
    }

    [Fact]
    public async Task A_call_that_waits_when_the_edge_stops_is_refused_and_not_begun()
    {
        var (asked, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        _web.Answers["/slow.pem"] = async http =>
        {
            asked.TrySetResult();
            await go.Task.WaitAsync(http.RequestAborted);
            await StirWeb.Say(http, _provider.Content);
        };
        await using var host = await Start(StirPolicy.Mark);
        await using var phone = Caller(host);
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp", headers: $"Identity: {Signed("/slow.pem")}\r\n");
        await asked.Task.WaitAsync(EdgeHost.Patience);
        var drained = host.Loop.Drain();
        go.SetResult();
        Assert.Equal(503, (await phone.Final()).Status);
        await drained.WaitAsync(EdgeHost.Patience);
        Assert.Empty(host.Events);
    }
}
