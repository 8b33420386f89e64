using System.CommandLine;
using System.Diagnostics;
using System.Text;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Import;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr caller add</c>.</summary>
internal static class ImportCommand
{
    private static readonly TimeSpan s_progress = TimeSpan.FromSeconds(5);

    public static Command Create(Terminal terminal)
    {
        var file = new Argument<string?>("file") { Description = "Without one: standard input.", Arity = ArgumentArity.ZeroOrOne };
        var format = new Option<string>("--format") { Description = "csv or jsonl; without it what the file's name ends in, else jsonl." };
        format.AcceptOnlyFromAmong("csv", "jsonl");
        var onlyNew = new Option<bool>("--only-new") { Description = "Leaves callers alone who are enrolled already." };
        var rejects = new Option<string?>("--rejects") { Description = "Writes the rows that were refused to this new file, to be mended and fed again. It holds PINs: only you can read it.", HelpName = "FILE" };
        var from = new Option<int>("--from") { Description = "Goes on from this line of the file.", DefaultValueFactory = _ => 1, HelpName = "LINE" };
        var atOnce = new Option<int>("--at-once") { Description = "Rows that are done at once, 1 to 32.", DefaultValueFactory = _ => 4 };
        atOnce.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 32) result.AddError("--at-once is a number from 1 to 32.");
        });
        var add = new Command("add",
            """
            Enrols callers in the running cluster, one a line, in JSON or CSV. A caller who is enrolled already gets what the row says.
            {"tenant":"demo","account":"12345678","number":"+12125550100","pin":"480237","totpSecret":"BASE32","balance":"120.50","currency":"USD","transactions":[{"date":"2026-11-02","amount":"-20.00"}]}
            """) { file, format, onlyNew, rejects, from, atOnce };
        add.SetAction(terminal, (parsed, cluster, cancellation) =>
        {
            var (path, to) = (parsed.GetValue(file), parsed.GetValue(rejects));
            if (path is not null && !File.Exists(path)) return Wrong(terminal, $"There is no file '{path}'.");
            if (to is not null && File.Exists(to)) return Wrong(terminal, $"There is a file '{to}' already.");
            var kind = parsed.GetValue(format) is { } named ? named == "csv" : path is not null && path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase);
            var plan = new Plan(path, kind ? ImportFormat.Csv : ImportFormat.JsonLines, parsed.GetValue(onlyNew), to, parsed.GetValue(from), parsed.GetValue(atOnce));
            return ClusterConnection.Use(cluster, terminal, grains => Run(plan, new RenewingCaller(cluster, grains), terminal, cancellation));
        });
        return add;
    }

    private static Task<int> Wrong(Terminal terminal, string message)
    {
        terminal.Error.WriteLine(message);
        return Task.FromResult(ExitCode.Usage);
    }

    private static async Task<int> Run(Plan plan, IGrainCaller cluster, Terminal terminal, CancellationToken cancellation)
    {
        using var opened = plan.Path is null ? null : new StreamReader(plan.Path, Encoding.UTF8);
        var file = new ImportFile(opened ?? terminal.Input, plan.Format, plan.From);
        await using var rejects = plan.Rejects is null ? null : new Rejects(plan.Rejects, file);
        var counts = new int[Enum.GetValues<ImportOutcome>().Length];
        var (started, told) = (Stopwatch.GetTimestamp(), Stopwatch.GetTimestamp());
        await foreach (var result in new CallerImport(cluster, TimeProvider.System, plan.AtOnce).Run(file, plan.OnlyNew, cancellation))
        {
            counts[(int)result.Outcome]++;
            if (result.Error is not null) await terminal.Error.WriteLineAsync($"line {result.Line}: {result.Error}");
            if (result.Outcome == ImportOutcome.Refused && rejects is not null) await rejects.Add(result);
            if (result.Outcome == ImportOutcome.Stopped)
            {
                await terminal.Error.WriteLineAsync($"Stopped. The lines before {result.Line} are done; go on with --from {result.Line}.");
                await terminal.Output.WriteLineAsync(Summary(counts));
                return ExitCode.Unreachable;
            }
            if (Stopwatch.GetElapsedTime(told) < s_progress) continue;
            told = Stopwatch.GetTimestamp();
            await terminal.Error.WriteLineAsync($"line {result.Line}: {Summary(counts)}, {counts.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds:F0} a second");
        }
        await terminal.Output.WriteLineAsync(Summary(counts));
        return counts[(int)ImportOutcome.Refused] == 0 ? ExitCode.Done : ExitCode.Findings;
    }

    private static string Summary(int[] counts)
    {
        var (replaced, left) = (counts[(int)ImportOutcome.Replaced], counts[(int)ImportOutcome.Left]);
        return $"{counts[(int)ImportOutcome.Enrolled]} enrolled,{(replaced > 0 ? $" {replaced} replaced," : "")}{(left > 0 ? $" {left} left as they were," : "")} {counts[(int)ImportOutcome.Refused]} refused";
    }

    /// <param name="Path">Null: standard input.</param>
    private sealed record Plan(string? Path, ImportFormat Format, bool OnlyNew, string? Rejects, int From, int AtOnce);

    /// <summary>An import may outlast a token.</summary>
    private sealed class RenewingCaller(ClusterFile cluster, IGrainFactory grains) : IGrainCaller
    {
        // Well below the life of a token.
        private static readonly TimeSpan s_renew = TimeSpan.FromMinutes(2);

        private readonly Lock _lock = new();
        private long _issued;
        private string? _token;

        // What it sets in the request context ends with it.
        public async Task<T> Call<TGrain, T>(string key, Func<TGrain, Task<T>> call) where TGrain : IGrainWithStringKey
        {
            RequestContext.Set(RoleToken.ContextKey, Token());
            return await call(grains.GetGrain<TGrain>(key));
        }

        private string Token()
        {
            lock (_lock)
            {
                if (_token is null || Stopwatch.GetElapsedTime(_issued) > s_renew) (_token, _issued) = (ClusterConnection.NewToken(cluster), Stopwatch.GetTimestamp());
                return _token;
            }
        }
    }

    /// <summary>The file of refused rows, as they stood; made with the first of them.</summary>
    private sealed class Rejects(string path, ImportFile file) : IAsyncDisposable
    {
        private StreamWriter? _writer;

        public async Task Add(ImportResult result)
        {
            if (_writer is null)
            {
                PrivateFiles.CreateIfMissing(path);
                _writer = new StreamWriter(path, append: true, new UTF8Encoding(false));
                if (file.Header is { } header) await _writer.WriteLineAsync(header);
            }
            // A row that was too long to be kept has nothing to be mended; its line was told.
            if (result.Text is { } text) await _writer.WriteLineAsync(text);
        }

        public ValueTask DisposeAsync() => _writer?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
