using System.Reflection;
using System.Reflection.Emit;
using IvrActors.Grains.Callers;
using IvrActors.Grains.Calls;
using IvrActors.Grains.Flows;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>The rules of flows and calls take time, bytes and results as arguments: read from their compiled code.</summary>
public class PurityTests
{
    private static readonly Type[] s_pure =
    [
        typeof(Interpreter), typeof(FlowParser), typeof(FlowValidator), typeof(Speech), typeof(FlowGraphs), typeof(FlowDocument), typeof(YamlTree), typeof(ValueReader),
        typeof(StepReader), typeof(AuthenticationReader), typeof(AssuranceRules), typeof(SpeechReader), typeof(FlowPaths), typeof(CallMachine), typeof(CommandPreparation),
    ];

    private static readonly string[] s_banned =
    [
        "System.Random", "System.TimeProvider", "System.Diagnostics.Stopwatch", "System.Environment.get_TickCount", "System.Environment.GetEnvironmentVariable", "System.Security.Cryptography.RandomNumberGenerator",
        "System.Threading.Thread", "System.Threading.Timer", "System.Threading.Tasks.", "System.Net.", "System.IO.File", "System.Console", "Orleans.Runtime.", "Orleans.Grain", "Orleans.IGrainFactory", "Orleans.Storage.", "Microsoft.Extensions.Logging.", "Prometheus.",
    ];

    private static readonly string[] s_bannedMembers = ["System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTimeOffset.get_Now", "System.DateTimeOffset.get_UtcNow", "System.Guid.NewGuid"];

    [Fact]
    public void Pure_rules_use_no_clock_no_random_source_and_no_runtime()
    {
        var found = s_pure.SelectMany(WithNested).SelectMany(Uses).Where(u => IsBanned(u.Used)).Select(u => $"{u.By} uses {u.Used}").Distinct();
        Assert.Empty(found);
    }

    [Fact]
    public void The_rule_finds_what_it_looks_for() =>
        Assert.Contains(WithNested(typeof(FlowGrain)).Concat(WithNested(typeof(CallGrain))).SelectMany(Uses), u => IsBanned(u.Used));

    private static bool IsBanned(string used) => s_bannedMembers.Contains(used) || s_banned.Any(b => used.StartsWith(b, StringComparison.Ordinal));

    private static IEnumerable<Type> WithNested(Type type) => type.GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic).SelectMany(WithNested).Prepend(type);

    private static IEnumerable<(string By, string Used)> Uses(Type type)
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;
        foreach (var method in type.GetMethods(all).Cast<MethodBase>().Concat(type.GetConstructors(all)))
            foreach (var token in Tokens(method))
                if (Resolve(method, token) is { } used) yield return ($"{type.FullName}.{method.Name}", used);
    }

    private static string? Resolve(MethodBase method, int token)
    {
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;
        var member = method.Module.ResolveMember(token, typeArguments, methodArguments);
        return member is Type type ? type.FullName : member is null ? null : $"{member.DeclaringType?.FullName}.{member.Name}";
    }

    /// <summary>Metadata tokens in the instructions of a method.</summary>
    private static IEnumerable<int> Tokens(MethodBase method)
    {
        if (method.GetMethodBody()?.GetILAsByteArray() is not { } code) yield break;
        for (var at = 0; at < code.Length;)
        {
            var two = code[at] == 0xFE;
            var value = unchecked((short)(two ? 0xFE00 | code[at + 1] : code[at]));
            at += two ? 2 : 1;
            var operand = s_opCodes[value].OperandType;
            if (operand is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok) yield return BitConverter.ToInt32(code, at);
            at += operand switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, at),
                _ => 4,
            };
        }
    }

    private static readonly Dictionary<short, OpCode> s_opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(f => (OpCode)f.GetValue(null)!).ToDictionary(o => o.Value);
}
