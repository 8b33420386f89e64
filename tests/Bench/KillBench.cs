using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace IvrActors.Bench;

/// <summary>
/// Kills a process (SIGKILL) while it has reserved attempts and not answered them, so many times, at random. After each restart: what was answered is counted exactly once, what was under
/// way at most once, and when it is asked for again, exactly once.
/// </summary>
internal sealed class KillBench : IDisposable
{
    private const int WrongAccounts = 24, RightAccounts = 4, MostAttempts = 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("ivr-kills-").FullName;
    private readonly Serializer _serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();
    private readonly Random _random;
    private readonly List<string> _faults = [];
    private List<Account> _owners = [];
    private int _kills, _hits, _answered, _inFlight, _reserved;

    private KillBench(int seed) => _random = new Random(seed);

    /// <returns>The exit code.</returns>
    public static async Task<int> Run(int hits)
    {
        var seed = Environment.TickCount;
        using var bench = new KillBench(seed);
        Console.WriteLine($"seed {seed}");
        var watch = Stopwatch.StartNew();
        await bench.RunAll(hits);
        Console.WriteLine(
            $"{bench._kills} kills, {bench._hits} of them between reservation and answer; {bench._answered} attempts answered, {bench._inFlight} under way when killed, "
            + $"{bench._reserved} of these counted already; {bench._faults.Count} faults; {watch.Elapsed.TotalSeconds:0} s");
        foreach (var fault in bench._faults.Take(20)) Console.WriteLine(fault);
        return bench._faults.Count == 0 && bench._hits >= hits ? 0 : 1;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task RunAll(int hits)
    {
        var before = new List<Account>();
        // A kill that hits nobody proves nothing; but if hardly any did, something is wrong.
        while (_hits < hits && _kills < 3 * hits && _faults.Count == 0)
        {
            using var target = await Target.Start(_folder, _serializer);
            await Check(target, before);
            if (_owners.Count == 0) _owners = await Enrol(target);
            var strangers = Enumerable.Range(0, WrongAccounts).Select(_ => new Account(CallerKey.ForAccount(Guid.NewGuid().ToByteArray(), LockoutSilo.Tenant, "1").Value, Owner: false));
            before = [.. strangers, .. _owners];
            foreach (var account in before) Next(target, account);
            target.OnAnswer = account =>
            {
                if (account.Answered < MostAttempts || account.Owner) Next(target, account);
            };
            await Task.Delay(_random.Next(700));
            target.OnAnswer = null;
            target.Kill();
            _kills++;
            if (_kills % 20 == 0) Console.WriteLine($"{_kills} kills, {_hits} between reservation and answer, {_faults.Count} faults");
        }
        using var last = await Target.Start(_folder, _serializer);
        await Check(last, before);
        last.Kill();
    }

    private async Task<List<Account>> Enrol(Target target)
    {
        var owners = new List<Account>();
        for (var i = 0; i < RightAccounts; i++) owners.Add(new Account(await target.Ask($"e {40_000_000 + i} 4826", $"e {40_000_000 + i}"), Owner: true));
        return owners;
    }

    private void Next(Target target, Account account)
    {
        var call = CallId.New();
        target.Verify(account, new FactorAttempt
        {
            Call = call,
            Seq = 1,
            Tenant = LockoutSilo.Tenant,
            Factor = FactorKind.Pin,
            Digits = SecretSealer.Seal(target.SealingKey, call.Value, "digits", Encoding.ASCII.GetBytes(account.Owner ? "4826" : "9071")),
            Purpose = "digits",
            Origin = OriginClass.Unattested,
        });
    }

    private async Task Check(Target target, List<Account> accounts)
    {
        var hit = false;
        foreach (var account in accounts)
        {
            var failures = await Failures(target, account);
            // An owner's attempts that were answered were right, and taken back.
            var counted = account.Owner ? 0 : account.Answered;
            var under = account.UnderWay is null ? 0 : 1;
            if (failures < counted || failures > counted + under) _faults.Add($"after kill {_kills}: {counted} answered and {under} under way, but {failures} counted");
            hit |= failures > counted;
            (_answered, _inFlight, _reserved) = (_answered + account.Answered, _inFlight + under, _reserved + failures - counted);
            if (account.UnderWay is { } attempt)
            {
                var outcome = await target.Again(account, attempt);
                failures = await Failures(target, account);
                if (outcome != (account.Owner ? "Accepted" : "Refused")) _faults.Add($"after kill {_kills}: asked for again, the attempt was answered by {outcome}");
                if (failures != (account.Owner ? 0 : counted + 1)) _faults.Add($"after kill {_kills}: {counted} answered and one asked for again, but {failures} counted");
            }
            (account.Answered, account.UnderWay) = (0, null);
        }
        if (hit) _hits++;
    }

    private static async Task<int> Failures(Target target, Account account) =>
        int.Parse(await target.Ask($"r {account.Key}", $"r {account.Key}"), System.Globalization.CultureInfo.InvariantCulture);

    private sealed record Account(string Key, bool Owner)
    {
        public int Answered { get; set; }

        /// <summary>Sent, and no answer seen.</summary>
        public FactorAttempt? UnderWay { get; set; }
    }

    /// <summary>The process, and who waits for which of its lines.</summary>
    private sealed class Target : IDisposable
    {
        private readonly Process _process;
        private readonly Serializer _serializer;
        private readonly Lock _lock = new();
        private readonly ConcurrentDictionary<string, Account> _asked = new();
        private readonly ConcurrentDictionary<string, TaskCompletionSource<string>> _waiting = new();
        private readonly TaskCompletionSource<string> _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private Target(Process process, Serializer serializer) => (_process, _serializer) = (process, serializer);

        public SealingKey SealingKey { get; private set; } = null!;

        public Action<Account>? OnAnswer { get; set; }

        public static async Task<Target> Start(string folder, Serializer serializer)
        {
            var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. Self(), "kill-target", folder]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
            var target = new Target(process, serializer);
            new Thread(target.Listen) { IsBackground = true }.Start();
            target.SealingKey = serializer.Deserialize<SealingKey>(Convert.FromBase64String(await target._ready.Task.WaitAsync(TimeSpan.FromSeconds(120))))!;
            return target;
        }

        public void Verify(Account account, FactorAttempt attempt)
        {
            account.UnderWay = attempt;
            _asked[attempt.Call.Value] = account;
            Send($"v {account.Key} {Convert.ToBase64String(_serializer.SerializeToArray(attempt))}");
        }

        public Task<string> Again(Account account, FactorAttempt attempt) =>
            Ask($"v {account.Key} {Convert.ToBase64String(_serializer.SerializeToArray(attempt))}", $"a {attempt.Call.Value}");

        /// <summary>Sends, and waits for the line that begins so; what follows in it.</summary>
        public Task<string> Ask(string line, string answer)
        {
            var waiting = _waiting[answer] = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            Send(line);
            return waiting.Task.WaitAsync(TimeSpan.FromSeconds(120));
        }

        /// <summary>SIGKILL; then takes in what it had said before.</summary>
        public void Kill()
        {
            _process.Kill();
            _process.WaitForExit();
            _ended.Task.Wait();
        }

        public void Dispose()
        {
            if (!_process.HasExited) Kill();
            _process.Dispose();
        }

        private static string[] Self() => Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [Environment.GetCommandLineArgs()[0]] : [];

        private void Send(string line)
        {
            try
            {
                lock (_lock)
                {
                    _process.StandardInput.WriteLine(line);
                    _process.StandardInput.Flush();
                }
            }
            catch (IOException)
            {
                // It was killed meanwhile: the attempt was never made, which the check allows for.
            }
        }

        private void Listen()
        {
            while (_process.StandardOutput.ReadLine() is { } line)
            {
                var words = line.Split(' ');
                if (words[0] == "ready") _ready.SetResult(words[1]);
                else if (words.Length != 3) continue; // cut off by the kill
                else if (_waiting.TryRemove($"{words[0]} {words[1]}", out var waiting)) waiting.SetResult(words[2]);
                else if (words[0] == "a" && _asked.TryRemove(words[1], out var account)) Answered(account);
            }
            _ended.SetResult();
        }

        private void Answered(Account account)
        {
            account.Answered++;
            account.UnderWay = null;
            OnAnswer?.Invoke(account);
        }
    }
}
