using IvrActors.Grains.Calls;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Tests.Flows;
using Orleans.Runtime;
using Xunit;
using static IvrActors.Grains.Tests.Calls.GrainWorld;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>Two calls of one caller: the first orders, the second is ours; and all the ways in which it is not made.</summary>
public sealed class CallBackTests : IAsyncLifetime
{
    private static readonly CallId s_first = new(CallKey);
    private static readonly CallId s_second = CallBackRule.IdOf(s_first, 3);

    private readonly GrainWorld _world = new();
    private readonly FakeEdge _edge = new() { LastReport = Report("edge-1") };

    public async ValueTask InitializeAsync()
    {
        _world.Edges[IEdgeGrain.Key("edge-1")] = _edge;
        await _world.Publish(CallBackFlowTests.Yaml);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static EdgeReport Report(string edge, string trunk = "carrier", EdgeDrain drain = EdgeDrain.None) => new()
    {
        Edge = edge,
        At = default,
        ActiveCalls = 0,
        Calls = [],
        Drain = drain,
        Trunks = [new TrunkSummary { Tenant = "demo", Trunk = trunk, Calls = 0, Registration = TrunkRegistration.None, Proxy = TrunkProxy.Unknown, Contacts = 0 }],
    };

    /// <summary>Account and PIN, then the order.</summary>
    private async Task<CallReply> Order()
    {
        await _world.Call().Handle(Offered(called: "out"));
        await _world.Call().Handle(Keys(2, "10000001"));
        return await _world.Call().Handle(Secret(3));
    }

    private Task<CallReply> HangUpFirst() => _world.Call().Handle(new CallEnded { Seq = 4, Reason = CallEndReason.FlowHungUp });

    private async Task<CallBackTests> Dialled()
    {
        await Order();
        await HangUpFirst();
        Assert.Single(_edge.Sent);
        return this;
    }

    private static CallOffered Answered(string edge = "edge-1", string trunk = "carrier", string tenant = "demo", bool originated = true) => new()
    {
        Seq = 1,
        Edge = edge,
        Tenant = tenant,
        Trunk = trunk,
        Called = originated ? "" : "out",
        Origin = OriginClass.Unattested,
        Encrypted = false,
        SourceAddress = "127.0.0.9",
        Originated = originated,
    };

    private static CallEnded NotAnswered(BridgeOutcome outcome, int status) => new() { Seq = 1, Reason = CallEndReason.Failed, Originated = new BridgeResult { Outcome = outcome, Status = status } };

    private AuditEntry Audited(string action) => _world.Audit.Entries.Single(e => e.Action == action);

    private static CallerKey Number => CallerKey.ForNumber(FakeKeys.Instance.PseudonymKey("demo"), "demo", "4930123456");

    [Fact]
    public async Task The_registered_number_is_called_when_the_first_call_is_over_and_not_before()
    {
        var reply = await Order();
        Assert.Equal([typeof(Play), typeof(HangUp)], reply.Commands.Select(c => c.GetType()));
        Assert.Equal([s_second], _world.Caller.CalledBack);
        Assert.Empty(_edge.Sent);
        var request = Assert.Single(_world.Spending.Reserved);
        Assert.Equal((s_second.Value + "/1", 3), (request.Call, request.Price));
        Assert.EndsWith($"trunk=carrier to={Number}", Audited("outbound.permitted").Detail, StringComparison.Ordinal);

        await HangUpFirst();
        var (call, command) = Assert.Single(_edge.Sent);
        var originate = Assert.IsType<Originate>(command);
        Assert.Equal((s_second, "demo", "carrier", "+4930123456", 20, 10), (call, originate.Tenant, originate.Trunk, originate.Number.Reveal(), originate.RingTime.TotalSeconds, originate.MostTalk.TotalMinutes));
        Assert.True(originate.After > TimeSpan.FromSeconds(1) && originate is { Tries: 3, Pause.TotalSeconds: 10 });
        // The first call left nothing, the second waits.
        Assert.Single(_world.Storage.Rows);
    }

    [Fact]
    public async Task Who_answers_is_asked_for_the_pin_and_is_told_nothing_before()
    {
        await Dialled();
        var reply = await _world.Call(s_second).Handle(Answered());
        Assert.Equal([typeof(Answer), typeof(Collect)], reply.Commands.Select(c => c.GetType()));
        Assert.Equal("answered", reply.Step);
        Assert.Equal((AuditResult.Success, s_second.Value, Number.Value, "carrier/attested"), (Audited("callback.answered").Result, Audited("callback.answered").Object, Audited("callback.answered").Actor, Audited("callback.answered").Origin));

        await _world.Call(s_second).Handle(Secret(2));
        var attempt = _world.Caller.Attempts[^1];
        Assert.Equal((s_second, null, OriginClass.Attested), (attempt.Call, attempt.Before, attempt.Origin));
        Assert.Equal((Number, Number, "carrier", OriginClass.Attested, Attestation.None), (attempt.From!.CalledBack, attempt.From.Calling, attempt.From.Trunk, attempt.From.Class, attempt.From.Attestation));
        Assert.Equal(CallerKey.ForAccount(FakeKeys.Instance.PseudonymKey("demo"), "demo", "10000001").Value, _world.Asked.Last(a => a.Interface == typeof(ICallerGrain)).Key);

        await _world.Call(s_second).Handle(new CallEnded { Seq = 3, Reason = CallEndReason.FlowHungUp, Originated = new BridgeResult { Outcome = BridgeOutcome.Answered, Status = 200, Talked = TimeSpan.FromSeconds(42) } });
        Assert.Equal((s_second.Value + "/1", TimeSpan.FromSeconds(42)), Assert.Single(_world.Spending.Settled));
        Assert.StartsWith("answered status=200 seconds=42 ", Audited("outbound.ended").Detail, StringComparison.Ordinal);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_call_that_came_in_is_never_one_that_was_called_back()
    {
        await Order();
        Assert.Null(_world.Caller.Attempts[^1].From!.CalledBack);
    }

    [Fact]
    public async Task What_was_known_against_the_first_call_is_known_against_the_second()
    {
        _world.Caller.Risk = RiskLevel.Raised;
        await Dialled();
        await _world.Call(s_second).Handle(Answered());
        await _world.Call(s_second).Handle(Secret(2));
        Assert.Equal([RiskLevel.None, RiskLevel.Raised], _world.Caller.Attempts.Select(a => a.Risk));
    }

    [Fact]
    public async Task An_answer_that_comes_again_is_answered_the_same()
    {
        await Dialled();
        var first = await _world.Call(s_second).Handle(Answered());
        var again = await _world.Call(s_second).Handle(Answered());
        Assert.Equal((first.Step, first.Commands.Count), (again.Step, again.Commands.Count));
        Assert.Single(_world.Audit.Entries, e => e.Action == "callback.answered");
    }

    [Theory]
    [InlineData("edge-1", "carrier", "other", true)]
    [InlineData("edge-1", "local", "demo", true)]
    [InlineData("edge-2", "carrier", "demo", true)]
    [InlineData("edge-1", "carrier", "demo", false)]
    public async Task Only_the_edge_that_was_told_to_call_begins_the_call(string edge, string trunk, string tenant, bool originated)
    {
        await Dialled();
        _world.Actor = edge;
        var reply = await _world.Call(s_second).Handle(Answered(edge, trunk, tenant, originated));
        Assert.Contains(Assert.IsType<Reject>(Assert.Single(reply.Commands)).Status, new[] { 403, 404, 503 });
        _world.Actor = "edge-1";
        // The ticket stays for who it is for.
        Assert.Equal("answered", (await _world.Call(s_second).Handle(Answered())).Step);
    }

    [Fact]
    public async Task An_edge_that_calls_somebody_by_itself_gets_no_flow()
    {
        var reply = await _world.Call().Handle(Answered());
        Assert.Equal(403, Assert.IsType<Reject>(Assert.Single(reply.Commands)).Status);
        Assert.Equal((AuditResult.Denied, "not-expected"), (Audited("callback.rejected").Result, Audited("callback.rejected").Detail));
        Assert.Empty(_world.Storage.Rows);
        Assert.Empty((await _world.Call().Handle(new CallEnded { Seq = 2, Reason = CallEndReason.FlowHungUp })).Commands);
    }

    [Fact]
    public async Task An_answer_after_its_time_is_refused_and_its_end_settles_it()
    {
        await Dialled();
        _world.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.IsType<Reject>(Assert.Single((await _world.Call(s_second).Handle(Answered())).Commands));
        await _world.Call(s_second).Handle(new CallEnded { Seq = 2, Reason = CallEndReason.FlowHungUp, Originated = new BridgeResult { Outcome = BridgeOutcome.Answered, Status = 200, Talked = TimeSpan.FromSeconds(1) } });
        Assert.Equal(TimeSpan.FromSeconds(1), Assert.Single(_world.Spending.Settled).Talked);
        Assert.Empty(_world.Storage.Rows);
    }

    [Theory]
    [InlineData(BridgeOutcome.Busy, 486, "busy status=486 ")]
    [InlineData(BridgeOutcome.NoAnswer, 408, "no_answer status=408 ")]
    [InlineData(BridgeOutcome.Failed, 503, "failed status=503 ")]
    public async Task A_call_that_came_to_nothing_is_settled_and_its_ticket_is_gone(BridgeOutcome outcome, int status, string recorded)
    {
        await Dialled();
        await _world.Call(s_second).Handle(NotAnswered(outcome, status));
        Assert.Equal((s_second.Value + "/1", TimeSpan.Zero), Assert.Single(_world.Spending.Settled));
        Assert.StartsWith(recorded, Audited("outbound.ended").Detail, StringComparison.Ordinal);
        Assert.Empty(_world.Storage.Rows);
        // Nobody gets in by it any more.
        Assert.IsType<Reject>(Assert.Single((await _world.Call(s_second).Handle(Answered())).Commands));
    }

    [Theory]
    [InlineData(CallBackOutcome.Unavailable, "sorry-no-input")]
    [InlineData(CallBackOutcome.Limited, "transfer-failed")]
    public async Task Whom_the_caller_grain_does_not_hand_out_is_not_called(CallBackOutcome outcome, string heard)
    {
        _world.Caller.CallBack = new CallBackOrder { Outcome = outcome };
        var reply = await Order();
        Assert.Equal(heard, reply.Commands.OfType<Play>().Single().Prompts[0].Prompt);
        await HangUpFirst();
        Assert.Empty(_world.Spending.Reserved);
        Assert.Empty(_edge.Sent);
    }

    [Theory]
    [InlineData("+43 1 5123456", "not-on-trunk")]
    [InlineData("+49 900 1234567", "premium")]
    [InlineData("+870 773111632", "satellite")]
    [InlineData("12", "not-a-number")]
    public async Task The_tenants_rules_for_calls_out_hold_for_registered_numbers_as_well(string registered, string reason)
    {
        _world.Caller.CallBack = new CallBackOrder { Outcome = CallBackOutcome.Ordered, Number = new PhoneNumber(registered) };
        var reply = await Order();
        Assert.Equal("sorry-no-match", reply.Commands.OfType<Play>().Single().Prompts[0].Prompt);
        Assert.StartsWith(reason + " ", Audited("outbound.refused").Detail, StringComparison.Ordinal);
        await HangUpFirst();
        Assert.Empty(_edge.Sent);
    }

    [Theory]
    [InlineData(OutboundRefusal.SpentOfHour, "sorry-no-match")]
    [InlineData(OutboundRefusal.TooMany, "sorry-no-match")]
    [InlineData(OutboundRefusal.Unavailable, "sorry-no-input")]
    public async Task Caps_hold_as_for_any_call_out(OutboundRefusal refusal, string heard)
    {
        _world.Spending.Refusal = refusal;
        Assert.Equal(heard, (await Order()).Commands.OfType<Play>().Single().Prompts[0].Prompt);
        Assert.Single(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_ticket_that_cannot_be_stored_orders_nothing_and_what_was_set_aside_is_free_again()
    {
        await _world.Call().Handle(Offered(called: "out"));
        await _world.Call().Handle(Keys(2, "10000001"));
        _world.Storage.FailWrites = true;
        await _world.Call().Handle(Secret(3));
        _world.Storage.FailWrites = false;
        Assert.Equal((s_second.Value + "/1", TimeSpan.Zero), Assert.Single(_world.Spending.Settled));
        Assert.Single(_world.Storage.Rows);
    }

    [Fact]
    public async Task An_order_that_is_repeated_is_one_order()
    {
        await Order();
        var ticket = await Assert.IsType<CallGrain>(_world.Call(s_second)).Expect(Ticket(s_second.Value + "/1"));
        Assert.True(ticket);
        Assert.False(await _world.Call(s_second).Expect(Ticket("another")));
        await HangUpFirst();
        await _world.Call(s_second).CallBack();
        await _world.Call(s_second).CallBack();
        Assert.Single(_edge.Sent);
    }

    private static CallBackTicket Ticket(string reservation) => new()
    {
        Tenant = "demo",
        Trunk = "carrier",
        Edge = "edge-1",
        Number = new PhoneNumber("+4930123456"),
        Called = Number,
        RingTime = TimeSpan.FromSeconds(20),
        MostTalk = TimeSpan.FromMinutes(1),
        Reservation = reservation,
        Flow = "out",
        FlowVersion = "v",
        Step = "answered",
        Expires = DateTimeOffset.MaxValue,
    };

    [Fact]
    public async Task A_call_that_goes_on_is_never_taken_for_one_that_is_expected()
    {
        await _world.Call().Handle(Offered(called: "out"));
        Assert.False(await _world.Call().Expect(Ticket("r")));
    }

    [Fact]
    public async Task Another_edge_with_the_trunk_calls_where_the_first_cannot()
    {
        _edge.LastReport = Report("edge-1", drain: EdgeDrain.Draining);
        _world.Edges[IEdgeGrain.Key("edge-2")] = new FakeEdge { LastReport = Report("edge-2", trunk: "local") };
        var third = _world.Edges[IEdgeGrain.Key("edge-3")] = new FakeEdge { LastReport = Report("edge-3") };
        await Order();
        await HangUpFirst();
        Assert.Empty(_edge.Sent);
        Assert.IsType<Originate>(Assert.Single(third.Sent).Command);
        _world.Actor = "edge-3";
        Assert.Equal("answered", (await _world.Call(s_second).Handle(Answered("edge-3"))).Step);
    }

    [Fact]
    public async Task Without_an_edge_nobody_is_called_and_nothing_is_charged()
    {
        _edge.LastReport = null;
        await Order();
        await HangUpFirst();
        Assert.Equal(TimeSpan.Zero, Assert.Single(_world.Spending.Settled).Talked);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task Of_an_edge_that_may_have_dialled_nothing_is_known_so_it_counts_in_full()
    {
        _edge.IsThere = false;
        await Order();
        await HangUpFirst();
        Assert.Empty(_world.Spending.Settled);
        Assert.StartsWith("unknown ", Audited("outbound.ended").Detail, StringComparison.Ordinal);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_first_call_that_was_not_heard_of_again_calls_nobody_back_after_its_time()
    {
        await Order();
        _world.Clock.Advance(TimeSpan.FromMinutes(15));
        var first = _world.Call();
        await first.Handle(Secret(3));
        await first.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "nobody asked"), default);
        Assert.Empty(_edge.Sent);
        Assert.Single(_world.Spending.Settled);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_ticket_that_nobody_uses_goes_when_its_grain_goes()
    {
        await Order();
        var second = _world.Call(s_second);
        await second.Expect(Ticket(s_second.Value + "/1"));
        await second.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "nobody asked"), default);
        Assert.Equal(TimeSpan.Zero, Assert.Single(_world.Spending.Settled).Talked);
        Assert.Single(_world.Storage.Rows);
    }

    [Fact]
    public async Task An_operator_takes_back_a_call_before_and_after_it_was_ordered()
    {
        await Dialled();
        Assert.True(await _world.Call(s_second).HangUp());
        Assert.IsType<HangUp>(_edge.Sent[^1].Command);

        var other = new CallBackTests();
        await other.InitializeAsync();
        await other.Order();
        Assert.True(await other._world.Call(s_second).HangUp());
        await other.HangUpFirst();
        Assert.Empty(other._edge.Sent);
        Assert.Single(other._world.Spending.Settled);
    }

    [Fact]
    public async Task No_number_is_logged_or_recorded()
    {
        await Dialled();
        await _world.Call(s_second).Handle(NotAnswered(BridgeOutcome.Busy, 486));
        var texts = _world.Log.Lines.Concat(_world.Audit.Entries.SelectMany(e => new[] { e.Actor, e.Action, e.Object, e.Origin, e.Detail }));
        Assert.DoesNotContain(texts, t => t.Contains("123456", StringComparison.Ordinal));
        Assert.DoesNotContain("123456", Ticket("r").ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Three_call_backs_are_counted_in_an_hour_and_the_same_one_once()
    {
        var now = new DateTimeOffset(2026, 11, 29, 0, 0, 0, TimeSpan.Zero);
        var count = new CallBackCount();
        for (var i = 0; i < 3; i++)
        {
            count = CallBackRule.Count(now.AddMinutes(i), count, new CallId($"call-{i}"))!;
            Assert.Same(count, CallBackRule.Count(now.AddMinutes(i), count, new CallId($"call-{i}")));
        }
        Assert.Null(CallBackRule.Count(now.AddMinutes(59), count, new CallId("call-4")));
        Assert.NotNull(CallBackRule.Count(now.AddMinutes(60), count, new CallId("call-4")));
        // A clock that was set back by a day refuses nobody for a day.
        Assert.Single(CallBackRule.Count(now.AddDays(-1), count, new CallId("call-4"))!.At);
    }

    [Fact]
    public void Six_call_backs_are_counted_in_a_day_however_far_apart()
    {
        var now = new DateTimeOffset(2026, 11, 29, 0, 0, 0, TimeSpan.Zero);
        var count = new CallBackCount();
        for (var i = 0; i < 6; i++) count = CallBackRule.Count(now.AddHours(2 * i), count, new CallId($"call-{i}"))!;
        Assert.Null(CallBackRule.Count(now.AddHours(23), count, new CallId("call-7")));
        Assert.Equal(6, CallBackRule.Count(now.AddHours(24), count, new CallId("call-7"))!.At.Count);
    }
}
