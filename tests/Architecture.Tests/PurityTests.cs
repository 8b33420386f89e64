using Mono.Cecil;

namespace IvrActors.Architecture.Tests;

/// <summary>Protocol code and rules decide from their arguments alone: time, bytes and randomness come in, outputs go out.</summary>
public sealed class PurityTests
{
    private static readonly Ban s_protocol = Ban.SideEffects.And(Ban.Orleans);

    [Theory]
    [InlineData("Sip")]
    [InlineData("Sdp")]
    [InlineData("Rtp")]
    [InlineData("Srtp")]
    [InlineData("Ice")]
    [InlineData("Dtmf")]
    [InlineData("Reputation")]
    [InlineData("Admission")]
    [InlineData("Stir")]
    public void Protocol_code_touches_no_clock_timer_socket_random_source_log_or_grain(string folder)
    {
        var types = Code.Types("Edge").Where(t => Code.IsIn(Code.NamespaceOf(t), "IvrActors.Edge." + folder)).ToList();

        Assert.NotEmpty(types);
        None(Forbidden(types, s_protocol));
    }

    [Fact]
    public void The_rules_in_Grains_touch_no_clock_timer_socket_random_source_log_or_grain()
    {
        var rules = RulesOfGrains().ToList();
        var shells = Code.Types("Grains").Where(IsShell).Select(t => t.FullName);

        Assert.NotEmpty(rules);
        Assert.All(s_shells.Concat(s_rulesElsewhere), name => Assert.Contains(Code.Types("Grains"), t => t.Name == name));
        None(Forbidden(rules, s_protocol.And(new Ban([.. shells]))));
    }

    [Theory]
    [InlineData("IvrActors.Grains.Interfaces.Policies.Gcra")]
    [InlineData("IvrActors.Grains.Interfaces.Policies.RateBank")]
    [InlineData("IvrActors.Grains.Interfaces.Policies.PlaceBank")]
    [InlineData("IvrActors.Grains.Interfaces.Policies.LimitLedger")]
    [InlineData("IvrActors.Grains.Interfaces.Policies.LimitLease")]
    [InlineData("IvrActors.Grains.Interfaces.Operators.Roles")]
    public void The_rules_in_the_contracts_touch_no_clock_timer_socket_random_source_log_or_grain(string rule)
    {
        var type = Assert.Single(Code.Types("Grains.Interfaces"), t => t.FullName == rule);

        None(Forbidden([type], s_protocol));
    }

    // In these namespaces everything is a rule that is not a grain and not one of the shells around rules, which are named here one by one.
    private static readonly string[] s_ruleSpaces = ["IvrActors.Grains.Flows", "IvrActors.Grains.Calls", "IvrActors.Grains.Policies", "IvrActors.Grains.Tracing"];
    private static readonly string[] s_shells = ["CallAdmission", "CallLimits", "OutboundDesk", "RecordingPermits", "CallerDesk", "FlowCheck", "FlowServices", "FlowMetrics", "FlowLibrary", "PolicyMetrics", "LockoutClock", "OutboundMetrics", "TraceMetrics", "RiskDesk", "RiskTry", "RiskMetrics", "CallBackMetrics", "TakeOverMetrics"];
    private static readonly string[] s_rulesElsewhere = ["AuditChain", "AuditText", "CallerProof", "WeakPins", "Totp"];

    private static IEnumerable<TypeDefinition> RulesOfGrains() =>
        from type in Code.Types("Grains")
        let outer = Code.Outermost(type)
        where s_rulesElsewhere.Contains(outer.Name) || (s_ruleSpaces.Any(space => Code.IsIn(Code.NamespaceOf(type), space)) && !IsShell(type))
        select type;

    private static bool IsShell(TypeDefinition type)
    {
        var outer = Code.Outermost(type);
        return s_shells.Contains(outer.Name) || Code.Inherits(outer, "Orleans.Grain");
    }

    [Theory]
    [InlineData(nameof(Fixtures.ReadsTheClock))]
    [InlineData(nameof(Fixtures.ReadsAStopwatchInAClosure))]
    [InlineData(nameof(Fixtures.TakesATimeProvider))]
    [InlineData(nameof(Fixtures.WaitsAsynchronously))]
    [InlineData(nameof(Fixtures.KeepsATimer))]
    [InlineData(nameof(Fixtures.RollsDice))]
    [InlineData(nameof(Fixtures.MakesAGuid))]
    [InlineData(nameof(Fixtures.DrawsRandomBytes))]
    [InlineData(nameof(Fixtures.OpensASocket))]
    [InlineData(nameof(Fixtures.ReadsAFile))]
    [InlineData(nameof(Fixtures.Prints))]
    [InlineData(nameof(Fixtures.KeepsALoggerInAList))]
    [InlineData(nameof(Fixtures.CountsAMetric))]
    [InlineData(nameof(Fixtures.CallsAGrain))]
    public void The_ban_finds_each_offence(string fixture)
    {
        var types = Code.Types("Architecture.Tests").Where(t => t.FullName.StartsWith($"{typeof(Fixtures).FullName}/{fixture}", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(types);
        Assert.NotEmpty(Forbidden(types, s_protocol));
    }

    [Fact]
    public void The_ban_lets_arithmetic_on_times_and_wire_types_pass()
    {
        var types = Code.Types("Architecture.Tests").Where(t => t.FullName.StartsWith($"{typeof(Fixtures).FullName}/{nameof(Fixtures.DecidesFromItsArguments)}", StringComparison.Ordinal)).ToList();

        Assert.NotEmpty(types);
        None(Forbidden(types, s_protocol));
    }

    private static IEnumerable<string> Forbidden(IEnumerable<TypeDefinition> types, Ban ban) =>
        types.SelectMany(Code.Uses).Where(ban.Forbids).Select(use => use.ToString()).Distinct();

    private static void None(IEnumerable<string> offences)
    {
        var found = string.Join('\n', offences);

        Assert.True(found.Length == 0, found);
    }
}
