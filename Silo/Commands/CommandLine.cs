using System.CommandLine;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Commands;

/// <summary>Exit codes of <c>ivr</c>.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    /// <summary>What was checked is wrong, or what was asked was refused; the findings are printed.</summary>
    public const int Findings = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The cluster cannot be used: cluster.yaml is wrong, keys are missing, a port is taken.</summary>
    public const int Unusable = 3;

    /// <summary>No silo answers.</summary>
    public const int Unreachable = 4;

    /// <summary>A defect of ours.</summary>
    public const int Internal = 70;
}

/// <summary>What a verb reads and writes.</summary>
internal sealed record Terminal(TextReader Input, TextWriter Output, TextWriter Error)
{
    /// <summary>Standard input and output as bytes.</summary>
    public Func<Stream> OpenInput { get; init; } = Console.OpenStandardInput;

    public Func<Stream> OpenOutput { get; init; } = Console.OpenStandardOutput;
}

/// <summary>The <c>ivr</c> verbs. Without a verb: <c>run</c>.</summary>
internal static class CommandLine
{
    private static readonly Option<string> s_cluster = new("--cluster")
    {
        Description = "The cluster's description.",
        DefaultValueFactory = _ => "cluster.yaml",
        Recursive = true,
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_node = new("--node")
    {
        Description = "The node of the cluster that this process is; needed by 'run' when there are several.",
        Recursive = true,
        HelpName = "NAME",
    };

    public static Task<int> Run(string[] args, TextReader input, TextWriter output, TextWriter error) => Run(args, new Terminal(input, output, error));

    public static async Task<int> Run(string[] args, Terminal terminal)
    {
        var (output, error) = (terminal.Output, terminal.Error);
        var parsed = Build(terminal).Parse(args);
        if (parsed.Errors.Count > 0)
        {
            foreach (var finding in parsed.Errors) await error.WriteLineAsync(finding.Message);
            await error.WriteLineAsync("Try: ivr --help");
            return ExitCode.Usage;
        }
        try
        {
            // The host of `run` ends by itself on SIGTERM and SIGINT; a second handler here would cut its calls off.
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
        }
        catch (Exception e) when (e is KeyRingException or DatabaseException or MissingSecretException or NodeTlsException or NodeAddressException)
        {
            await error.WriteLineAsync(e.Message);
            return ExitCode.Unusable;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await error.WriteLineAsync("internal error: " + e);
            return ExitCode.Internal;
        }
    }

    private static RootCommand Build(Terminal terminal)
    {
        var root = new RootCommand("IvrActors: a secure voice-response call engine. Without a verb it runs the cluster.") { s_cluster, s_node };
        RunCommand.AddTo(root, terminal);
        CheckCommand.AddTo(root, terminal);
        HealthCommand.AddTo(root, terminal);
        SimulateCommand.AddTo(root, terminal);
        AuditCommands.AddTo(root, terminal);
        CallerCommands.AddTo(root, terminal);
        KeyCommands.AddTo(root, terminal);
        OperatorCommands.AddTo(root, terminal);
        EdgeCommands.AddTo(root, terminal);
        DrainCommand.AddTo(root, terminal);
        RiskCommands.AddTo(root, terminal);
        TraceCommand.AddTo(root, terminal);
        RecordingCommands.AddTo(root, terminal);
        CaCommands.AddTo(root, terminal);
        BackupCommands.AddTo(root, terminal);
        return root;
    }

    /// <summary>Reads the cluster that the command line names; prints the findings and answers null when it is wrong.</summary>
    public static ClusterFile? ClusterOf(ParseResult parsed, Terminal terminal)
    {
        var (cluster, errors) = ClusterFileReader.Read(parsed.GetRequiredValue(s_cluster), parsed.GetValue(s_node));
        foreach (var finding in errors) terminal.Error.WriteLine(finding);
        return cluster;
    }

    /// <summary>Whether the command line names the node.</summary>
    public static bool NamesNode(ParseResult parsed) => parsed.GetValue(s_node) is not null;

    public static string ClusterPathOf(ParseResult parsed) => parsed.GetRequiredValue(s_cluster);

    /// <summary>An action that needs a right <c>cluster.yaml</c>.</summary>
    public static void SetAction(this Command command, Terminal terminal, Func<ParseResult, ClusterFile, CancellationToken, Task<int>> action) =>
        command.SetAction((parsed, cancellation) => ClusterOf(parsed, terminal) is { } cluster ? action(parsed, cluster, cancellation) : Task.FromResult(ExitCode.Unusable));
}
