namespace IvrActors.Architecture.Tests;

/// <summary>Things that a piece of code must not touch, and why. A rule ends with <c>.*</c> for a namespace, or names a type, or a type and a member as <c>Type::Member</c>.</summary>
internal sealed class Ban(params string[] rules)
{
    /// <summary>Clocks, timers, threads, random sources, sockets, files, logs, metrics and Orleans' runtime: what would make a pure rule depend on more than its arguments.</summary>
    public static readonly Ban SideEffects = new(
        // clocks
        "System.DateTime::get_Now", "System.DateTime::get_UtcNow", "System.DateTime::get_Today",
        "System.DateTimeOffset::get_Now", "System.DateTimeOffset::get_UtcNow",
        "System.Diagnostics.Stopwatch", "System.TimeProvider", "System.Environment::get_TickCount", "System.Environment::get_TickCount64",
        // timers and threads
        "System.Threading.Timer", "System.Threading.PeriodicTimer", "System.Timers.*", "System.Threading.Thread",
        "System.Threading.Tasks.Task::Delay", "System.Threading.Tasks.Task::Run", "System.Threading.CancellationTokenSource",
        // random sources
        "System.Random", "System.Guid::NewGuid", "System.Guid::CreateVersion7", "System.Security.Cryptography.RandomNumberGenerator", "System.IO.Path::GetRandomFileName",
        "System.Security.Cryptography.ECDiffieHellman::Create", "System.Security.Cryptography.ECDsa::Create",
        // the outside world
        "System.Net.Sockets.*", "System.Net.Http.*", "System.Net.Dns", "System.Net.Security.*", "System.Net.NetworkInformation.*",
        "System.IO.File", "System.IO.FileStream", "System.IO.Directory", "System.Diagnostics.Process", "System.Environment::GetEnvironmentVariable",
        // logs and metrics
        "System.Console", "System.Diagnostics.Trace", "System.Diagnostics.Activity", "System.Diagnostics.Metrics.*", "Microsoft.Extensions.*", "Microsoft.AspNetCore.*", "Prometheus.*");

    /// <summary>Orleans, all of it except the attributes of wire types, which are data.</summary>
    public static readonly Ban Orleans = new("Orleans.*");

    // Wire attributes are data, and an address family is a number that happens to stand in the namespace of sockets.
    private static readonly HashSet<string> s_harmless =
    [
        "Orleans.GenerateSerializerAttribute", "Orleans.IdAttribute", "Orleans.AliasAttribute", "Orleans.ImmutableAttribute", "System.Net.Sockets.AddressFamily",
    ];

    public Ban And(Ban other) => new([.. rules, .. other.Rules]);

    public IReadOnlyList<string> Rules => rules;

    public bool Forbids(Use use) => !s_harmless.Contains(use.UsedType) && rules.Any(rule => Matches(rule, use));

    private static bool Matches(string rule, Use use)
    {
        if (rule.EndsWith(".*", StringComparison.Ordinal)) return use.UsedType.StartsWith(rule[..^1], StringComparison.Ordinal);
        var at = rule.IndexOf("::", StringComparison.Ordinal);
        return at < 0 ? use.UsedType == rule : use.UsedType == rule[..at] && use.UsedMember == rule[(at + 2)..];
    }
}
