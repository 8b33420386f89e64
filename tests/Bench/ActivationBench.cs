using System.Globalization;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;

namespace IvrActors.Bench;

/// <summary>Memory of a silo for each call that stands at its PIN prompt, with all grains that such a call has, and for each account that is locked: managed memory after a full collection.</summary>
internal static class ActivationBench
{
    private const int Steps = 3, Each = 10_000, AtOnce = 256;

    public static void Run() => RunAsync().GetAwaiter().GetResult();

    private static async Task RunAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ivr-activation-bench-").FullName;
        try
        {
            await using var silo = await LockoutSilo.Start(folder, new LockoutRule());
            var yaml = await File.ReadAllTextAsync(Path.Combine(Root(), "flows", "bank.yaml"));
            if ((await silo.Grains.GetGrain<IFlowGrain>(IFlowGrain.Key(LockoutSilo.Tenant, "bank")).Publish("bank.yaml", yaml)).Errors is [var error, ..]) throw new InvalidOperationException(error.ToString());
            await Measure("call at its PIN prompt", async number =>
            {
                RequestContext.Set(RequestActor.ContextKey, "edge-1");
                var call = silo.Grains.GetGrain<ICallGrain>(CallId.New().ToString());
                await call.Handle(new CallOffered
                {
                    Seq = 1,
                    Edge = "edge-1",
                    Tenant = LockoutSilo.Tenant,
                    Trunk = "local",
                    Called = "bank",
                    Calling = new PhoneNumber((4_420_000_000_000 + number).ToString("+0", CultureInfo.InvariantCulture)),
                    Origin = OriginClass.TrustedTrunk,
                    Encrypted = true,
                    SourceAddress = "192.0.2.1",
                });
                var reply = await call.Handle(new DigitsCollected { Seq = 2, Outcome = CollectOutcome.Digits, Digits = new PersonalText((10_000_000 + number).ToString(CultureInfo.InvariantCulture)) });
                if (reply.Step != "sign_in") throw new InvalidOperationException($"internal error: the call stands at '{reply.Step}'");
            });
            var key = new byte[32];
            await Measure("account with a wrong answer", async number =>
            {
                var account = CallerKey.ForAccount(key, LockoutSilo.Tenant, (90_000_000 + number).ToString(CultureInfo.InvariantCulture));
                var grain = silo.Grains.GetGrain<ILockoutGrain>(ILockoutGrain.Key(account, OriginClass.Unattested));
                await grain.Reserve(LockoutSilo.Tenant, "attempt");
                await grain.Fail("attempt");
            });
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Measure(string what, Func<int, Task> begin)
    {
        var made = 0;
        async Task Begin(int count)
        {
            var until = made + count;
            await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(_ => Task.Run(async () =>
            {
                for (var number = Interlocked.Increment(ref made); number <= until; number = Interlocked.Increment(ref made)) await begin(number);
            })));
            made = until;
        }

        // The first ones make what is made once.
        await Begin(1000);
        var bytes = new List<double>();
        for (var step = 0; step < Steps; step++)
        {
            var before = Managed();
            await Begin(Each);
            bytes.Add((Managed() - before) / (double)Each);
        }
        var each = bytes.Order().ElementAt(Steps / 2);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: {each / 1024:0.0} KB ({bytes.Min() / 1024:0.0} to {bytes.Max() / 1024:0.0} in {Steps} times {Each}), {1024L * 1024 * 1024 / each:0} in 1 GB"));
    }

    private static long Managed()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return GC.GetTotalMemory(forceFullCollection: true);
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "IvrActors.slnx"))) folder = folder.Parent;
        return folder.FullName;
    }
}
