using System.Text;
using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Tests.Flows;
using Xunit;
using static IvrActors.Grains.Tests.Calls.GrainWorld;

namespace IvrActors.Grains.Tests.Calls;

public class CallGrainTests
{
    private readonly GrainWorld _world = new();

    [Fact]
    public async Task An_offered_call_is_answered_audited_and_stored()
    {
        var reply = await _world.Call().Handle(Offered());
        Assert.Equal("Answer Play Collect", Kinds(reply));
        Assert.Equal((1, "bank", "ask_account"), (reply.Seq, reply.Flow, reply.Step));
        var entry = Assert.Single(_world.Audit.Entries);
        Assert.Equal(("call.admitted", AuditResult.Success, "local/trusted-trunk", CallKey), (entry.Action, entry.Result, entry.Origin, entry.Object));
        Assert.StartsWith("n:", entry.Actor, StringComparison.Ordinal);
        Assert.Single(_world.Storage.Rows);
        Assert.Equal((0, 1), (_world.Storage.Reads, _world.Storage.Writes));
    }

    [Fact]
    public async Task A_caller_goes_through_both_factors_to_their_balance_on_one_write_an_event()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        Assert.Equal("Collect", Kinds(await call.Handle(Keys(2, "10000001"))));
        Assert.Equal("Collect", Kinds(await call.Handle(Secret(3))));
        Assert.Equal("menu", (await call.Handle(Secret(4))).Step);
        Assert.Equal("Play Collect", Kinds(await call.Handle(Keys(5, "1"))));
        Assert.Equal(5, _world.Storage.Writes);

        Assert.Equal([(FactorKind.Pin, 3, "factor:pin"), (FactorKind.Totp, 4, "factor:totp")], _world.Caller.Attempts.Select(a => (a.Factor, a.Seq, a.Purpose)));
        Assert.All(_world.Caller.Attempts, a => Assert.Equal((CallKey, "demo", OriginClass.TrustedTrunk), (a.Call.Value, a.Tenant, a.Origin)));
        Assert.Equal([FactorKind.Pin], _world.Caller.Attempts[1].Before!.Factors);
    }

    [Fact]
    public async Task Every_event_may_meet_a_new_activation()
    {
        await _world.Call().Handle(Offered());
        await _world.Call().Handle(Keys(2, "10000001"));
        await _world.Call().Handle(Secret(3));
        await _world.Call().Handle(Secret(4));
        var reply = await _world.Call().Handle(Keys(5, "1"));
        Assert.Contains("your-balance-is", Assert.IsType<Play>(reply.Commands[0]).Prompts.Select(p => p.Prompt));
    }

    [Fact]
    public async Task A_repeated_event_gets_the_same_answer_and_asks_nobody_again()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        _world.Caller.Outcomes.Enqueue(FactorOutcome.Refused);
        var first = await call.Handle(Secret(3));
        var again = await call.Handle(Secret(3));
        var elsewhere = await _world.Call().Handle(Secret(3));
        Assert.Same(first, again);
        Assert.Equal((Kinds(first), first.Step, first.Seq), (Kinds(elsewhere), elsewhere.Step, elsewhere.Seq));
        Assert.Single(_world.Caller.Attempts);
    }

    [Fact]
    public async Task A_repeated_offer_on_another_silo_gets_the_stored_answer()
    {
        var first = await _world.Call().Handle(Offered());
        var again = await _world.Call().Handle(Offered());
        Assert.Equal(Kinds(first), Kinds(again));
        Assert.Single(_world.Storage.Rows);
    }

    [Fact]
    public async Task An_older_event_is_answered_with_nothing_to_do()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        Assert.Empty((await call.Handle(Offered())).Commands);
    }

    [Fact]
    public async Task An_event_that_skips_numbers_ends_the_call_politely()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        AssertApology(await call.Handle(Keys(3, "10000001")));
        Assert.Equal(1, _world.Deactivations);
    }

    [Fact]
    public async Task An_event_of_a_call_whose_state_was_lost_ends_it_politely() => AssertApology(await _world.Call().Handle(Keys(4, "1")));

    [Fact]
    public async Task The_end_is_audited_and_clears_the_row()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        Assert.Empty((await call.Handle(new CallEnded { Seq = 7, Reason = CallEndReason.CallerHungUp })).Commands);
        Assert.Equal(("call.ended", "CallerHungUp"), (_world.Audit.Entries[^1].Action, _world.Audit.Entries[^1].Detail));
        Assert.Empty(_world.Storage.Rows);
        Assert.Equal(1, _world.Deactivations);

        Assert.Empty((await _world.Call().Handle(new CallEnded { Seq = 7, Reason = CallEndReason.CallerHungUp })).Commands);
        Assert.Equal(2, _world.Audit.Entries.Count);
    }

    [Fact]
    public async Task The_record_of_the_end_says_how_the_call_sounded()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(new CallEnded { Seq = 2, Reason = CallEndReason.CallerHungUp, Media = new MediaQuality { Loss = 0.0123, JitterMs = 2.4, PeerLoss = 0, RoundTripMs = 48.2, Mos = 4.126 } });
        Assert.Equal("CallerHungUp mos=4.13 loss=1.2%/0.0% jitter=2/-ms rtt=48ms", _world.Audit.Entries[^1].Detail);
    }

    [Theory]
    [InlineData("play: [welcome]", 0)]
    [InlineData("play: [welcome], controls: { back: \"4\" }", 1)]
    [InlineData("play: [welcome], repeat: { times: 10 }", 1)]
    public async Task The_grain_stays_while_a_caller_may_listen_for_long(string play, int hours)
    {
        await _world.Publish($"flow: out\nlanguage: en\nstart: say\nsteps:\n  say: {{ {play}, next: ask }}\n  ask: {{ collect: choice, prompt: [main-menu], digits: 1, secret: false, no_input: [sorry-no-input], no_match: [sorry-no-match], on: {{ next: bye, failed: bye }} }}\n  bye: {{ play: [goodbye], hang_up: true }}\n");
        await _world.Call().Handle(Offered("out"));
        Assert.Equal(TimeSpan.FromHours(hours), _world.Stays);

        // On another silo, too; and no longer than that.
        _world.Stays = default;
        Assert.True(await _world.Call().HangUp());
        Assert.Equal(TimeSpan.FromHours(hours), _world.Stays);
        await _world.Call().Handle(Keys(2, "1"));
        Assert.Equal(TimeSpan.Zero, _world.Stays);
    }

    [Fact]
    public async Task A_row_does_not_outlive_its_call_when_the_ledger_fails()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        _world.Audit.Fails = true;
        await call.Handle(new CallEnded { Seq = 2, Reason = CallEndReason.CallerHungUp });
        Assert.Empty(_world.Storage.Rows);
    }

    [Theory]
    [InlineData("demo", "local", "nobody", 404, "unknown-number")]
    [InlineData("demo", "local", "empty", 480, "no-flow")]
    [InlineData("demo", "strange", "bank", 403, "unknown-trunk")]
    public async Task A_call_that_leads_nowhere_is_refused_and_audited(string tenant, string trunk, string called, int status, string reason)
    {
        var reply = await _world.Call().Handle(Offered(called, tenant: tenant, trunk: trunk));
        Assert.Equal(status, Assert.IsType<Reject>(Assert.Single(reply.Commands)).Status);
        Assert.Equal(("call.rejected", AuditResult.Denied, reason), Entry());
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_call_of_an_unknown_tenant_is_refused()
    {
        Assert.Equal(404, Assert.IsType<Reject>(Assert.Single((await _world.Call().Handle(Offered(tenant: "other"))).Commands)).Status);
        Assert.Empty(_world.Audit.Entries);
    }

    [Theory]
    [InlineData("rate-destination/demo/bank", 503, "destination-rate-limit")]
    [InlineData("rate-caller/n:", 486, "caller-rate-limit")]
    public async Task A_call_over_a_limit_is_refused_with_the_time_to_wait(string refused, int status, string reason)
    {
        _world.Rates.Refused = refused;
        var reject = Assert.IsType<Reject>(Assert.Single((await _world.Call().Handle(Offered())).Commands));
        Assert.Equal((status, 7), (reject.Status, reject.RetryAfter));
        Assert.Equal(("call.rejected", AuditResult.Denied, reason), Entry());
    }

    [Theory]
    [InlineData("rate-caller", 503, "caller-limit-unavailable")]
    [InlineData("rate-destination", 0, "")]
    public async Task A_limit_that_cannot_be_asked_lets_calls_in_or_not_as_its_row_says(string fails, int status, string reason)
    {
        _world.Rates.Fails = fails;
        var command = (await _world.Call().Handle(Offered())).Commands[0];
        Assert.Equal(status, command is Reject reject ? reject.Status : 0);
        if (status > 0) Assert.Equal(("call.rejected", AuditResult.Denied, reason), Entry());
    }

    [Fact]
    public async Task A_place_that_was_perhaps_taken_without_an_answer_is_given_back()
    {
        _world.Rates.Fails = "rate-caller";
        await _world.Call().Handle(Offered());
        Assert.StartsWith("rate-caller", Assert.Single(_world.Rates.Ended).Key, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_known_caller_may_have_what_a_number_keeps_for_such_and_a_stranger_not()
    {
        await _world.Call().Handle(Offered());
        _world.Storage.Rows.Clear();
        await _world.Call().Handle(Offered(isKnown: true));
        Assert.Equal([20, 0], _world.Rates.Taken.Where(taken => taken.Key.StartsWith("rate-destination", StringComparison.Ordinal)).Select(taken => taken.Take.CallsKept));
    }

    [Theory]
    [InlineData("bank", false)]
    [InlineData("nobody", true)]
    [InlineData("empty", true)]
    public async Task A_place_of_a_caller_is_given_back_when_the_call_ends_or_is_refused(string called, bool isRefused)
    {
        var call = _world.Call();
        await call.Handle(Offered(called));
        Assert.Equal(isRefused ? 1 : 0, _world.Rates.Ended.Count);
        // Whoever ends it: another activation than began it.
        await _world.Call().Handle(new CallEnded { Seq = 2, Reason = CallEndReason.CallerHungUp });
        Assert.Equal([(_world.Rates.Taken[0].Key, GrainWorld.CallKey)], _world.Rates.Ended);
    }

    [Fact]
    public async Task The_limit_of_a_caller_is_kept_by_pseudonym_and_origin_in_one_spelling()
    {
        await _world.Call().Handle(Offered(calling: "+4930555"));
        _world.Storage.Rows.Clear();
        await _world.Call().Handle(Offered(calling: "4930555"));
        var keys = _world.Asked.Where(a => a.Interface == typeof(IRateLimitGrain) && a.Key.StartsWith("rate-caller", StringComparison.Ordinal)).Select(a => a.Key).ToList();
        Assert.Equal(2, keys.Count);
        Assert.Equal(keys[0], keys[1]);
        Assert.EndsWith("/TrustedTrunk", keys[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_that_cannot_be_audited_is_not_taken()
    {
        _world.Audit.Fails = true;
        Assert.Equal(503, Assert.IsType<Reject>(Assert.Single((await _world.Call().Handle(Offered())).Commands)).Status);
        Assert.Empty(_world.Storage.Rows);
    }

    [Fact]
    public async Task A_call_that_cannot_be_stored_is_not_taken()
    {
        _world.Storage.FailWrites = true;
        Assert.Equal(503, Assert.IsType<Reject>(Assert.Single((await _world.Call().Handle(Offered())).Commands)).Status);
        Assert.Equal(1, _world.Deactivations);
    }

    [Fact]
    public async Task A_call_whose_next_step_cannot_be_stored_ends_politely_and_a_repeat_starts_from_the_row()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        _world.Storage.FailWrites = true;
        AssertApology(await call.Handle(Keys(2, "10000001")));
        Assert.Equal(1, _world.Deactivations);
        _world.Storage.FailWrites = false;
        Assert.Equal("sign_in", (await call.Handle(Keys(2, "10000001"))).Step);
    }

    [Fact]
    public async Task A_row_that_cannot_be_read_ends_the_call_politely()
    {
        await _world.Call().Handle(Offered());
        _world.Storage.FailReads = true;
        AssertApology(await _world.Call().Handle(Keys(2, "10000001")));
        Assert.Empty((await _world.Call().Handle(new CallEnded { Seq = 3, Reason = CallEndReason.FlowHungUp })).Commands);
        Assert.False(await _world.Call().HangUp());
    }

    [Fact]
    public async Task A_caller_grain_that_does_not_answer_is_a_polite_end()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        _world.Caller.Fails = true;
        var reply = await call.Handle(Secret(3));
        AssertApology(reply);
        Assert.Equal("trouble", reply.Step);
    }

    [Fact]
    public async Task A_proof_of_somebody_else_proves_nothing()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        _world.Caller.ProofOf = new Interfaces.Privacy.CallerKey("u:other");
        AssertApology(await call.Handle(Secret(3)));
    }

    [Fact]
    public async Task An_unknown_account_and_a_wrong_PIN_get_the_very_same_replies()
    {
        async Task<string> Story(string account)
        {
            var world = new GrainWorld();
            for (var i = 0; i < 3; i++) world.Caller.Outcomes.Enqueue(FactorOutcome.Refused);
            var call = world.Call();
            var heard = new StringBuilder();
            foreach (var callEvent in new CallEvent[] { Offered(), Keys(2, account), Secret(3), Secret(4), Secret(5) })
            {
                var reply = await call.Handle(callEvent);
                heard.Append(reply.Step).Append(':').Append(string.Join(',', reply.Commands.Select(Prompts))).Append(' ').Append(world.Storage.Writes).Append(';');
            }
            return heard.ToString();
        }
        Assert.Equal(await Story("10000001"), await Story("99999999"));
    }

    [Fact]
    public async Task A_transfer_goes_to_the_configured_target_only()
    {
        var reply = await AtMenu().ContinueWith(t => t.Result.Handle(Keys(5, "0"))).Unwrap();
        Assert.Equal("sip:agent@127.0.0.1:5090", Assert.Single(reply.Commands.OfType<Transfer>()).Target);
    }

    [Fact]
    public async Task A_running_call_keeps_its_version_when_a_newer_one_is_out()
    {
        await _world.Call().Handle(Offered());
        var newer = FlowTexts.Bank.Replace("authenticate: account", "authenticate: account\n    pin: { prompt: [enter-pin-again] }", StringComparison.Ordinal);
        Assert.NotNull((await _world.Flow.Publish("bank.yaml", newer)).Version);
        _world.Library = new FlowLibrary(_world.Clock);
        Assert.Equal("enter-pin", Prompts((await _world.Call().Handle(Keys(2, "10000001"))).Commands[0]));

        _world.Storage.Rows.Clear();
        await _world.Call().Handle(Offered());
        Assert.Equal("enter-pin-again", Prompts((await _world.Call().Handle(Keys(2, "10000001"))).Commands[0]));
    }

    [Fact]
    public async Task What_another_silo_publishes_is_run_by_new_calls_within_a_second_and_what_this_one_does_at_once()
    {
        static string With(string prompt) => FlowTexts.Bank.Replace("authenticate: account", $"authenticate: account\n    pin: {{ prompt: [{prompt}] }}", StringComparison.Ordinal);
        async Task<string> AskedByNewCall()
        {
            _world.Storage.Rows.Clear();
            await _world.Call().Handle(Offered());
            return Prompts((await _world.Call().Handle(Keys(2, "10000001"))).Commands[0]);
        }

        Assert.NotNull((await _world.Flow.Publish("bank.yaml", With("enter-pin-again"))).Version);
        Assert.Equal("enter-pin-again", await AskedByNewCall());

        _world.Library = new FlowLibrary(_world.Clock);
        Assert.Equal("enter-pin-again", await AskedByNewCall());
        Assert.NotNull((await _world.Flow.Publish("bank.yaml", With("enter-code"))).Version);
        _world.Clock.Advance(FlowLibrary.Age - TimeSpan.FromMilliseconds(1));
        Assert.Equal("enter-pin-again", await AskedByNewCall());
        _world.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("enter-code", await AskedByNewCall());
    }

    [Fact]
    public async Task An_operator_can_hang_up_and_it_is_audited()
    {
        var call = _world.Call();
        Assert.False(await call.HangUp());
        call = _world.Call();
        await call.Handle(Offered());
        Assert.True(await call.HangUp());
        var (id, command) = Assert.Single(_world.Edge.Sent);
        Assert.Equal(CallKey, id.Value);
        Assert.True(Assert.IsType<HangUp>(command).AtOnce);
        Assert.Contains((typeof(IEdgeGrain), IEdgeGrain.Key("edge-1")), _world.Asked);
        Assert.Equal("operator.hangup", _world.Audit.Entries[^1].Action);
    }

    [Fact]
    public async Task Nothing_personal_stands_in_audit_records_or_grain_keys()
    {
        var call = await AtMenu();
        await call.Handle(new CallEnded { Seq = 5, Reason = CallEndReason.CallerHungUp });
        var everything = string.Join('\n', _world.Asked.Select(a => a.Key).Concat(_world.Audit.Entries.SelectMany(e => new[] { e.Actor, e.Action, e.Origin, e.Object, e.Detail })));
        Assert.DoesNotContain("10000001", everything, StringComparison.Ordinal);
        Assert.DoesNotContain("4930555", everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_failure_is_logged_without_what_the_storage_says_of_values()
    {
        _world.Storage.FailWrites = true;
        _world.Storage.FailReads = true;
        await _world.Call().Handle(Offered());
        Assert.NotEmpty(_world.Log.Lines);
        Assert.All(_world.Log.Lines, line => Assert.DoesNotContain("4930555", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Steps_are_counted_by_flow_and_kind_only()
    {
        await AtMenu();
        using var text = new MemoryStream();
        await Prometheus.Metrics.DefaultRegistry.CollectAndExportAsTextAsync(text);
        var lines = Encoding.UTF8.GetString(text.ToArray()).Split('\n').Where(l => l.StartsWith("ivr_flow_steps_total{", StringComparison.Ordinal)).ToList();
        Assert.Contains(lines, l => l.StartsWith("ivr_flow_steps_total{flow=\"bank\",kind=\"authenticate\"} ", StringComparison.Ordinal));
        Assert.All(lines, l => Assert.Matches("^ivr_flow_steps_total\\{flow=\"[a-z]+\",kind=\"(play|collect|menu|authenticate|verify|set_pin|fetch|branch|transfer|call_back|record|hang_up)\"\\} ", l));
    }

    [Fact]
    public async Task Text_that_the_vocabulary_covers_goes_to_the_edge_as_recorded_prompts()
    {
        var spoken = FlowTexts.Bank.Replace("authenticate: account", "authenticate: account\n    pin: { prompt: [{ say: two one }] }", StringComparison.Ordinal);
        await _world.Flow.Publish("bank.yaml", spoken);
        var call = _world.Call();
        await call.Handle(Offered());
        Assert.Equal("number/2 number/1", Prompts((await call.Handle(Keys(2, "10000001"))).Commands[0]));
    }

    private async Task<IvrActors.Grains.Calls.CallGrain> AtMenu()
    {
        var call = _world.Call();
        await call.Handle(Offered());
        await call.Handle(Keys(2, "10000001"));
        await call.Handle(Secret(3));
        Assert.Equal("menu", (await call.Handle(Secret(4))).Step);
        return call;
    }

    [Fact]
    public async Task An_admitted_call_is_answered_when_its_record_is_written_and_not_before()
    {
        _world.Audit.Disk = new TaskCompletionSource<long>();
        var answer = _world.Call().Handle(GrainWorld.Offered());
        Assert.False(answer.IsCompleted);
        _world.Audit.Disk.SetResult(1);
        Assert.IsType<Answer>((await answer).Commands[0]);
    }

    [Fact]
    public async Task A_call_whose_record_cannot_be_written_is_refused_and_leaves_no_row()
    {
        _world.Audit.Disk = new TaskCompletionSource<long>();
        var answer = _world.Call().Handle(GrainWorld.Offered());
        Assert.Single(_world.Storage.Rows);
        _world.Audit.Disk.SetException(new InvalidOperationException("the ledger cannot be written"));
        Assert.Equal(503, Assert.IsType<Reject>(Assert.Single((await answer).Commands)).Status);
        Assert.Empty(_world.Storage.Rows);
        Assert.Equal([(_world.Rates.Taken[0].Key, GrainWorld.CallKey)], _world.Rates.Ended);
    }

    [Theory]
    [InlineData("audit")]
    [InlineData("write")]
    [InlineData("write and read")]
    public async Task The_place_of_a_call_whose_first_event_fails_is_given_back(string fails)
    {
        _world.Audit.Fails = fails == "audit";
        _world.Storage.FailWrites = fails.StartsWith("write", StringComparison.Ordinal);
        _world.Storage.FailReads = fails == "write and read";
        Assert.Equal(503, Assert.IsType<Reject>(Assert.Single((await _world.Call().Handle(Offered())).Commands)).Status);
        Assert.Equal([(_world.Rates.Taken[0].Key, GrainWorld.CallKey)], _world.Rates.Ended);
    }

    [Fact]
    public async Task A_repeated_offer_that_meets_the_stored_answer_keeps_the_place()
    {
        await _world.Call().Handle(Offered());
        Assert.IsType<Answer>((await _world.Call().Handle(Offered())).Commands[0]);
        Assert.Empty(_world.Rates.Ended);
    }

    private (string Action, AuditResult Result, string Detail) Entry()
    {
        var entry = Assert.Single(_world.Audit.Entries);
        return (entry.Action, entry.Result, entry.Detail);
    }

    internal static string Kinds(CallReply reply) => string.Join(' ', reply.Commands.Select(c => c.GetType().Name));

    private static string Prompts(CallCommand command) => string.Join(' ', command switch
    {
        Play play => play.Prompts.Select(p => p.Prompt ?? p.Text),
        Collect collect => collect.Prompts.Select(p => p.Prompt ?? p.Text),
        _ => [command.GetType().Name],
    });

    private static void AssertApology(CallReply reply)
    {
        Assert.Equal("Play HangUp", Kinds(reply));
        Assert.Equal("error-polite", Prompts(reply.Commands[0]));
    }
}
