using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace IvrActors.Bench;

/// <summary>
/// The process that <see cref="KillBench"/> kills. Reads a command a line and answers with lines, in any order:
/// <c>v KEY ATTEMPT</c> verifies (<c>a ID OUTCOME</c>), <c>e ACCOUNT PIN</c> enrols (<c>e ACCOUNT KEY</c>), <c>r KEY</c> reads what is stored (<c>r KEY FAILURES</c>).
/// </summary>
internal static class KillTarget
{
    /// <summary>No lock within the attempts of one round.</summary>
    public static readonly LockoutRule Rule = new() { Failures = 25 };

    public static async Task Run(string folder)
    {
        var serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();
        await using var silo = await LockoutSilo.Start(folder, Rule);
        Say($"ready {Convert.ToBase64String(serializer.SerializeToArray(silo.Keys.SealingKey))}");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ');
            _ = words[0] switch
            {
                "v" => Verify(silo, words[1], serializer.Deserialize<FactorAttempt>(Convert.FromBase64String(words[2]))!),
                "e" => Enrol(silo, words[1], words[2]),
                _ => Read(silo, words[1]),
            };
        }
    }

    private static async Task Verify(LockoutSilo silo, string key, FactorAttempt attempt)
    {
        var result = await silo.Grains.GetGrain<ICallerGrain>(key).Verify(attempt);
        Say($"a {attempt.Call.Value} {result.Outcome}");
    }

    private static async Task Enrol(LockoutSilo silo, string account, string pin)
    {
        var key = CallerKey.ForAccount(silo.Keys.PseudonymKey(LockoutSilo.Tenant), LockoutSilo.Tenant, account);
        var result = await silo.Grains.GetGrain<ICallerGrain>(key.Value).Enrol(new CallerEnrolment
        {
            Tenant = LockoutSilo.Tenant,
            Account = new PersonalText(account),
            Pin = SecretSealer.Seal(silo.Keys.SealingKey, key.Value, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(pin)),
        });
        Say($"e {account} {result.Error ?? key.Value}");
    }

    private static async Task Read(LockoutSilo silo, string key)
    {
        var row = new GrainState<LockoutState>(new LockoutState());
        var grain = silo.Grains.GetGrain<ILockoutGrain>(ILockoutGrain.Key(new CallerKey(key), OriginClass.Unattested));
        await silo.Storage.ReadStateAsync("lockout", grain.GetGrainId(), row);
        Say($"r {key} {row.State!.Failures}");
    }

    private static void Say(string line)
    {
        lock (Console.Out)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
