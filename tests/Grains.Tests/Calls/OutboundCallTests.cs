using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using Orleans.Runtime;
using Xunit;
using static IvrActors.Grains.Tests.Calls.GrainWorld;

namespace IvrActors.Grains.Tests.Calls;

/// <summary>Calls out of a call grain: permitted, recorded, settled; and all the ways in which they are not made.</summary>
public sealed class OutboundCallTests : IAsyncLifetime
{
    private const string Number = "+4930123456";

    private readonly GrainWorld _world = new();

    public async ValueTask InitializeAsync() => await _world.Publish("""
        flow: out
        language: en
        start: choose
        steps:
          choose:
            menu: [main-menu]
            choices: { "1": desk, "2": agent, "3": ask, "4": satellite, "5": referred }
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { failed: bye }
          desk: { transfer: desk, mode: bridge, trunk: carrier, ring: 20s, play: [transferring], on: { failed: bye, busy: choose } }
          agent: { transfer: agent, mode: bridge, trunk: carrier, on: { failed: bye } }
          satellite: { transfer: satellite, mode: bridge, trunk: carrier, on: { failed: bye, refused: choose } }
          referred: { transfer: agent, play: [transferring], on: { failed: bye } }
          ask:
            collect: number
            digits: { min: 3, max: 20 }
            secret: false
            prompt: [enter-account-number]
            no_input: [sorry-no-input]
            no_match: [sorry-no-match]
            on: { next: call, failed: bye }
          call: { transfer: { digits: number }, from_input: allowed, mode: bridge, trunk: carrier, on: { failed: bye } }
          bye: { hang_up: true, play: [goodbye] }
        """);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<CallReply> Choose(string key)
    {
        await _world.Call().Handle(Offered(called: "out"));
        return await _world.Call().Handle(Keys(2, key));
    }

    private AuditEntry Last => _world.Audit.Entries[^1];

    private static string Pseudonym(string number) => CallerKey.ForNumber(FakeKeys.Instance.PseudonymKey("demo"), "demo", number).Value;

    [Fact]
    public async Task A_call_that_ends_while_the_silo_of_the_tenants_money_goes_is_settled_when_its_end_is_told_again()
    {
        await Choose("1");
        _world.Spending.IsLost = true;
        var ended = new BridgeEnded { Seq = 3, Result = new BridgeResult { Outcome = BridgeOutcome.Answered, Talked = TimeSpan.FromSeconds(61) } };
        await Assert.ThrowsAsync<SiloUnavailableException>(() => _world.Call().Handle(ended));
        Assert.Empty(_world.Spending.Settled);
        await _world.Call().Handle(ended);
        Assert.Equal(("call-1/2", TimeSpan.FromSeconds(61)), Assert.Single(_world.Spending.Settled));
    }

    [Fact]
    public async Task A_permitted_call_has_its_money_set_aside_and_its_record_written_before_the_edge_hears_of_it()
    {
        var reply = await Choose("1");
        Assert.Equal([typeof(Play), typeof(Bridge)], reply.Commands.Select(c => c.GetType()));
        var bridge = (Bridge)reply.Commands[1];
        Assert.Equal(("carrier", Number, null, TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(10)), (bridge.Trunk, bridge.Number!.Reveal(), bridge.Address, bridge.RingTime, bridge.MostTalk));
        var request = Assert.Single(_world.Spending.Reserved);
        Assert.Equal(("call-1/2", 3, TimeSpan.FromSeconds(20)), (request.Call, request.Price, request.RingTime));
        Assert.Equal(("outbound.permitted", AuditResult.Success, CallKey, "local/trusted-trunk"), (Last.Action, Last.Result, Last.Object, Last.Origin));
        Assert.Equal($"seconds=600 price=3 trunk=carrier to={Pseudonym("4930123456")}", Last.Detail);
    }

    [Fact]
    public async Task An_address_of_the_configuration_costs_nothing_and_counts_all_the_same()
    {
        var bridge = Assert.IsType<Bridge>(Assert.Single((await Choose("2")).Commands));
        Assert.Equal(("sip:agent@127.0.0.1:5090", null), (bridge.Address, bridge.Number));
        Assert.Equal(0, Assert.Single(_world.Spending.Reserved).Price);
        Assert.EndsWith("to=target:agent", Last.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("030123456", Number)]
    [InlineData("004930123456", Number)]
    [InlineData("004315123456", null)]
    [InlineData("09001234567", null)]
    [InlineData("110", null)]
    [InlineData("99999999999999999999", null)]
    public async Task What_a_caller_keys_is_called_only_as_a_number_that_all_lists_name(string keyed, string? called)
    {
        await Choose("3");
        var reply = await _world.Call().Handle(Keys(3, keyed));
        Assert.Equal(called, reply.Commands.OfType<Bridge>().SingleOrDefault()?.Number!.Reveal());
        Assert.Equal(called is null ? "outbound.refused" : "outbound.permitted", Last.Action);
        Assert.Equal(called is null ? 0 : 1, _world.Spending.Reserved.Count);
    }

    [Fact]
    public async Task A_refused_call_is_recorded_and_logged_without_its_number_and_the_flow_goes_its_way()
    {
        var reply = await Choose("4");
        Assert.Equal("choose", reply.Step);
        Assert.Empty(_world.Spending.Reserved);
        Assert.Equal(("outbound.refused", AuditResult.Denied, $"satellite trunk=carrier to={Pseudonym("870773111632")}"), (Last.Action, Last.Result, Last.Detail));
        Assert.Equal("outbound call refused: reason=satellite tenant=demo trunk=carrier call=call-1 origin=local/trusted-trunk", Assert.Single(_world.Log.Lines));
    }

    [Theory]
    [InlineData(OutboundRefusal.TooFast, "too-fast")]
    [InlineData(OutboundRefusal.TooMany, "too-many")]
    [InlineData(OutboundRefusal.SpentOfHour, "spent-of-hour")]
    [InlineData(OutboundRefusal.SpentOfDay, "spent-of-day")]
    [InlineData(OutboundRefusal.Unavailable, "unavailable")]
    public async Task A_cap_that_is_reached_refuses(OutboundRefusal refusal, string word)
    {
        _world.Spending.Refusal = refusal;
        Assert.DoesNotContain((await Choose("1")).Commands, c => c is Bridge);
        Assert.StartsWith(word + " ", Last.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_referral_has_its_place_in_the_caps_and_its_records_and_costs_nothing()
    {
        var reply = await Choose("5");
        Assert.Equal([typeof(Play), typeof(Transfer)], reply.Commands.Select(c => c.GetType()));
        Assert.Equal("sip:agent@127.0.0.1:5090", ((Transfer)reply.Commands[1]).Target);
        Assert.Equal(("call-1/2", 0), (Assert.Single(_world.Spending.Reserved).Call, _world.Spending.Reserved[0].Price));
        Assert.Equal("outbound.permitted", Last.Action);
        Assert.EndsWith("trunk=local to=target:agent", Last.Detail, StringComparison.Ordinal);
        await _world.Call().Handle(new TransferEnded { Seq = 3, Status = 603 });
        Assert.Equal(("call-1/2", TimeSpan.Zero), Assert.Single(_world.Spending.Settled));
        Assert.StartsWith("refused status=603 seconds=0 ", Last.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_referral_above_the_caps_is_refused_before_anything_is_said()
    {
        _world.Spending.Refusal = OutboundRefusal.TooFast;
        var reply = await Choose("5");
        Assert.DoesNotContain(reply.Commands, c => c is Transfer);
        Assert.Equal("goodbye", Assert.Single(reply.Commands.OfType<Play>()).Prompts[0].Prompt);
        Assert.StartsWith("too-fast trunk=local ", Last.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_the_spend_grain_nobody_is_called()
    {
        _world.Spending.Fails = true;
        Assert.DoesNotContain((await Choose("1")).Commands, c => c is Bridge);
        Assert.StartsWith("unavailable ", Last.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_cannot_be_recorded_is_not_called_and_its_money_is_free_again()
    {
        await _world.Call().Handle(Offered(called: "out"));
        _world.Audit.Fails = true;
        Assert.DoesNotContain((await _world.Call().Handle(Keys(2, "1"))).Commands, c => c is Bridge);
        Assert.Equal(("call-1/2", TimeSpan.Zero), Assert.Single(_world.Spending.Settled));
    }

    [Fact]
    public async Task A_repeat_of_the_event_names_the_same_attempt()
    {
        var first = await Choose("1");
        var again = await _world.Call().Handle(Keys(2, "1"));
        Assert.Equal(first.Commands.Count, again.Commands.Count);
        Assert.Single(_world.Spending.Reserved);

        // The row was not written: the grain asks once more, under the same name.
        var other = new OutboundCallTests();
        await other.InitializeAsync();
        await other._world.Call().Handle(Offered(called: "out"));
        other._world.Storage.FailWrites = true;
        await other._world.Call().Handle(Keys(2, "1"));
        other._world.Storage.FailWrites = false;
        Assert.Contains((await other._world.Call().Handle(Keys(2, "1"))).Commands, c => c is Bridge);
        Assert.Equal(["call-1/2", "call-1/2"], other._world.Spending.Reserved.Select(r => r.Call));
    }

    [Fact]
    public async Task A_call_that_came_to_nothing_is_settled_and_the_flow_goes_on()
    {
        await Choose("1");
        var reply = await _world.Call().Handle(new BridgeEnded { Seq = 3, Result = new BridgeResult { Outcome = BridgeOutcome.Busy, Status = 486 } });
        Assert.Equal("choose", reply.Step);
        Assert.Equal(("call-1/2", TimeSpan.Zero), Assert.Single(_world.Spending.Settled));
        Assert.Equal(("outbound.ended", AuditResult.Failure), (Last.Action, Last.Result));
        Assert.StartsWith("busy status=486 seconds=0 charged=6 trunk=carrier to=n:", Last.Detail, StringComparison.Ordinal);

        await _world.Call().Handle(new CallEnded { Seq = 4, Reason = CallEndReason.CallerHungUp });
        Assert.Single(_world.Spending.Settled);
    }

    [Fact]
    public async Task An_end_that_comes_again_because_its_row_was_not_written_does_not_claim_a_second_charge()
    {
        await Choose("1");
        var ended = new BridgeEnded { Seq = 3, Result = new BridgeResult { Outcome = BridgeOutcome.Busy, Status = 486 } };
        _world.Storage.FailWrites = true;
        await _world.Call().Handle(ended);
        _world.Storage.FailWrites = false;
        Assert.Equal("choose", (await _world.Call().Handle(ended)).Step);
        Assert.Equal(["charged=6", "charged=not known"], _world.Audit.Entries.Where(e => e.Action == "outbound.ended").Select(e => e.Detail.Split("seconds=0 ")[1].Split(" trunk=")[0]));
    }

    [Fact]
    public async Task The_grain_stays_for_as_long_as_a_bridged_call_may_last_and_no_longer()
    {
        await Choose("1");
        var longest = TimeSpan.FromSeconds(20) + TimeSpan.FromMinutes(10 + 5);
        Assert.Equal(longest, _world.Stays);

        // An operator's order may meet a new activation, which then has the call.
        _world.Stays = default;
        Assert.True(await _world.Call().HangUp());
        Assert.Equal(longest, _world.Stays);

        await _world.Call().Handle(new BridgeEnded { Seq = 3, Result = new BridgeResult { Outcome = BridgeOutcome.Busy, Status = 486 } });
        Assert.Equal(TimeSpan.Zero, _world.Stays);
    }

    [Fact]
    public async Task A_call_that_was_talked_in_is_settled_by_its_time_when_it_ends()
    {
        await Choose("1");
        await _world.Call().Handle(new CallEnded { Seq = 3, Reason = CallEndReason.CalleeHungUp, Bridge = new BridgeResult { Outcome = BridgeOutcome.Answered, Status = 200, Talked = TimeSpan.FromSeconds(61) } });
        Assert.Equal(("call-1/2", TimeSpan.FromSeconds(61)), Assert.Single(_world.Spending.Settled));
        Assert.Equal(["outbound.ended", "call.ended"], _world.Audit.Entries.TakeLast(2).Select(e => e.Action));
        Assert.StartsWith("answered status=200 seconds=61 charged=6 ", _world.Audit.Entries[^2].Detail, StringComparison.Ordinal);
        Assert.Equal("CalleeHungUp", Last.Detail);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_caller_who_hung_up_before_anybody_was_dialled_costs_nothing()
    {
        await Choose("1");
        await _world.Call().Handle(new CallEnded { Seq = 3, Reason = CallEndReason.CallerHungUp });
        Assert.Equal(("call-1/2", TimeSpan.Zero), Assert.Single(_world.Spending.Settled));
        Assert.StartsWith("cancelled ", _world.Audit.Entries[^2].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_a_call_whose_edge_died_nothing_is_known_so_it_is_left_to_count_in_full()
    {
        await Choose("1");
        var call = _world.Call();
        await call.Handle(Keys(2, "1"));
        await call.OnDeactivateAsync(new DeactivationReason(DeactivationReasonCode.ActivationIdle, "nobody asked"), default);
        Assert.Empty(_world.Spending.Settled);
        Assert.StartsWith("unknown status=0 seconds=0 charged=in full ", _world.Audit.Entries[^2].Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_call_ends_whether_or_not_it_can_be_settled()
    {
        await Choose("1");
        _world.Spending.Fails = true;
        Assert.Empty((await _world.Call().Handle(new CallEnded { Seq = 3, Reason = CallEndReason.CallerHungUp })).Commands);
        Assert.Empty(_world.Storage.Rows);
        Assert.Equal("call.ended", Last.Action);
    }

    [Fact]
    public async Task No_number_is_logged_or_recorded()
    {
        await Choose("3");
        await _world.Call().Handle(Keys(3, "09001234567"));
        await _world.Call().Handle(new CallEnded { Seq = 4, Reason = CallEndReason.CallerHungUp });
        var texts = _world.Log.Lines.Concat(_world.Audit.Entries.SelectMany(e => new[] { e.Actor, e.Action, e.Object, e.Origin, e.Detail }));
        Assert.DoesNotContain(texts, t => t.Contains("1234567", StringComparison.Ordinal));
    }
}
