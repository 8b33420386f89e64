using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Tracing;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr trace</c>: the SIP messages of calls as they pass the edges, masked there.</summary>
internal static class TraceCommand
{
    /// <summary>Several times a second: who watches sees no delay.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    /// <summary>A token is good for five minutes, a trace goes on for longer.</summary>
    private static readonly TimeSpan s_tokenAge = TimeSpan.FromMinutes(2);

    private const int WideEnough = 1000;

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var options = new Options();
        var trace = new Command("trace",
            """
            Shows SIP messages as they pass the edges: a live ladder diagram, and a pcap file or a HEP collector beside it. What is secret or personal is masked at the edge: docs/decisions/0008.
            Asks for messages that meet all of --call-id, --call, --trunk and --source, or for --all. That it was asked for is in the audit records.
            """);
        foreach (var option in options.All) trace.Add(option);
        trace.SetAction(terminal, (parsed, cluster, cancellation) => Trace(parsed, options, cluster, terminal, cancellation));
        root.Add(trace);
    }

    private static async Task<int> Trace(ParseResult parsed, Options options, ClusterFile cluster, Terminal terminal, CancellationToken cancellation)
    {
        if (options.RequestOf(parsed) is not { } request || !TryFindCollector(parsed.GetValue(options.Hep), cluster, out var collector))
        {
            await terminal.Error.WriteLineAsync(options.Mistake(parsed) ?? "--hep: expected ADDRESS:PORT of this machine, or one that trace.collectors of cluster.yaml lists");
            return ExitCode.Usage;
        }
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // The trace is to be stopped and the files closed when somebody has seen enough, or an init system says so.
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        try
        {
            using var file = parsed.GetValue(options.Pcap) is { } path ? new PcapFile(NewFile(path)) : null;
            using var hep = collector is null ? null : new HepSender(collector);
            var isTerminal = ReferenceEquals(terminal.Output, Console.Out) && !Console.IsOutputRedirected;
            var ladder = new Ladder(isTerminal ? Console.WindowWidth : WideEnough, isTerminal);
            return await ClusterConnection.Use(cluster, terminal, grains => Follow(grains, request, cluster, terminal, message =>
            {
                foreach (var line in ladder.Draw(message)) terminal.Output.WriteLine(line);
                file?.Write(message);
                hep?.Send(message);
            }, ending.Token));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await terminal.Error.WriteLineAsync($"The pcap file cannot be written: {e.Message}");
            return ExitCode.Findings;
        }

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ending.Cancel();
        }
    }

    private static async Task<int> Follow(IGrainFactory grains, TraceRequest request, ClusterFile cluster, Terminal terminal, Action<ShownMessage> show, CancellationToken ending)
    {
        var trace = grains.GetGrain<ITraceGrain>(ITraceGrain.Key(RandomNumberGenerator.GetHexString(32, lowercase: true)));
        var started = await trace.Start(request);
        if (started.Refusal != TraceRefusal.None)
        {
            await terminal.Error.WriteLineAsync(started.Refusal switch
            {
                TraceRefusal.TooMany => "As many traces as are allowed run already.",
                _ => "The cluster does not trace this: an hour and 100000 messages are the most.",
            });
            return ExitCode.Findings;
        }
        await terminal.Error.WriteLineAsync($"tracing for {request.Lasting.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s at most; edges: {(started.Edges.Count == 0 ? "none yet" : string.Join(", ", started.Edges))}. Ctrl+C ends it.");
        var (shown, renewed, view) = (0L, TimeProvider.System.GetTimestamp(), (TraceView?)null);
        while (view is null || view.End == TraceEnd.None)
        {
            if (TimeProvider.System.GetElapsedTime(renewed) > s_tokenAge)
            {
                RequestContext.Set(RoleToken.ContextKey, ClusterConnection.NewToken(cluster));
                renewed = TimeProvider.System.GetTimestamp();
            }
            if (ending.IsCancellationRequested) await trace.Stop();
            view = await trace.Read();
            foreach (var message in view.Messages.Select(ShownMessage.Of).OfType<ShownMessage>())
            {
                show(message);
                shown++;
            }
            if (view.Messages.Count == 0 && view.End == TraceEnd.None) await Task.Delay(s_pause, ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await terminal.Error.WriteLineAsync($"{shown} messages, {view.Dropped} lost; {EndOf(view.End)}");
        return view.End == TraceEnd.Unknown ? ExitCode.Findings : ExitCode.Done;
    }

    private static string EndOf(TraceEnd end) => end switch
    {
        TraceEnd.Stopped => "stopped",
        TraceEnd.TimeOver => "its time is over",
        TraceEnd.Enough => "as many as were asked for",
        TraceEnd.NobodyReads => "it was not read for too long",
        _ => "its silo is gone",
    };

    /// <summary>A collector sees what the operator sees: on this machine, or one that whoever writes cluster.yaml trusts with it.</summary>
    private static bool TryFindCollector(string? text, ClusterFile cluster, out IPEndPoint? collector)
    {
        collector = null;
        if (text is null) return true;
        return IPEndPoint.TryParse(text, out collector) && collector.Port > 0 && (IPAddress.IsLoopback(collector.Address) || cluster.TraceCollectors.Contains(collector));
    }

    /// <summary>For its owner only, also where a file of others stood.</summary>
    private static FileStream NewFile(string path)
    {
        File.Delete(path);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.Read };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = Storage.PrivateFiles.PrivateFile;
        return new FileStream(path, options);
    }

    private sealed class Options
    {
        public Option<string?> CallId { get; } = new("--call-id") { Description = "Only this SIP Call-ID.", HelpName = "ID" };
        public Option<string?> Call { get; } = new("--call") { Description = "Only this call, by its name on the dashboard and in the audit records.", HelpName = "call-…" };
        public Option<string?> Trunk { get; } = new("--trunk") { Description = "Only this trunk.", HelpName = "NAME" };
        public Option<string?> Source { get; } = new("--source") { Description = "Only what comes from and goes to this address or network; of a source that is not listened to, too.", HelpName = "ADDRESS" };
        public Option<bool> Everything { get; } = new("--all") { Description = "All messages of all trunks." };
        public Option<string> Lasting { get; } = new("--for") { Description = "How long at most: 30s, 5m, 1h.", DefaultValueFactory = _ => "5m", HelpName = "TIME" };
        public Option<int> Messages { get; } = new("--messages") { Description = "How many messages at most.", DefaultValueFactory = _ => 10_000, HelpName = "COUNT" };
        public Option<string?> Pcap { get; } = new("--pcap") { Description = "Also write a pcap file (for Wireshark); what is there is overwritten.", HelpName = "FILE" };
        public Option<string?> Hep { get; } = new("--hep") { Description = "Also send HEP version 3 over UDP to this collector.", HelpName = "ADDRESS:PORT" };

        public IEnumerable<Option> All => [CallId, Call, Trunk, Source, Everything, Lasting, Messages, Pcap, Hep];

        /// <summary>What is wrong with the command line, or null.</summary>
        public string? Mistake(ParseResult parsed)
        {
            if (!YamlMap.TryParseTime(parsed.GetRequiredValue(Lasting), out _)) return "--for: expected a time such as 30s, 5m or 1h";
            if (parsed.GetValue(Source) is { } source && !IPAddress.TryParse(source, out _) && !IPNetwork.TryParse(source, out _)) return "--source: expected an address such as 192.0.2.7, or a network such as 192.0.2.0/24";
            var isFiltered = new[] { CallId, Call, Trunk, Source }.Any(option => parsed.GetValue(option) is not null);
            return isFiltered == parsed.GetValue(Everything) ? "expected --call-id, --call, --trunk or --source, or else --all" : null;
        }

        public TraceRequest? RequestOf(ParseResult parsed) => Mistake(parsed) is not null || !YamlMap.TryParseTime(parsed.GetRequiredValue(Lasting), out var lasting) ? null : new TraceRequest
        {
            Filter = new TraceFilter { SipCallId = parsed.GetValue(CallId), Call = parsed.GetValue(Call), Trunk = parsed.GetValue(Trunk), Source = parsed.GetValue(Source) },
            Lasting = lasting,
            MostMessages = parsed.GetValue(Messages),
        };
    }
}
