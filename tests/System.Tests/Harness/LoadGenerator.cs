namespace IvrActors.SystemTests.Harness;

/// <summary>The load generator of <c>tests/Load</c> as a process of its own: calls of one edge, whose media it checks, and a table of times at its end.</summary>
internal sealed class LoadGenerator : IAsyncDisposable
{
    /// <summary>Eight UDP ports of each are above those of servers.</summary>
    private static int s_mediaPort = 30000;

    private readonly ChildProcess _process;

    /// <param name="callersFile">Enrolled callers, as <see cref="MakeCallers"/> gives them, one a line.</param>
    public LoadGenerator(IvrServer edge, string callersFile, string mediaFrom, params string[] scenarios) =>
        _process = new ChildProcess("dotnet",
            [
                Program, "calls", "--server", $"udp:127.0.0.1:{edge.SipPort}", "--from", mediaFrom, "--media-port", $"{Interlocked.Add(ref s_mediaPort, 8)}",
                "--callers", callersFile, .. scenarios,
            ],
            edge.Folder);

    public string Output => _process.Output;

    /// <summary>Made-up callers as <c>ivr caller add</c> and the generator read them, one a line.</summary>
    public static async Task<string[]> MakeCallers(int count, string folder)
    {
        await using var process = new ChildProcess("dotnet", [Program, "callers", $"{count}"], folder);
        Assert.Equal(0, await process.WaitForExit(Eventually.Limit));
        return process.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public Task Ended(TimeSpan limit) => _process.WaitForExit(limit);

    /// <summary>Fails the test when a call failed.</summary>
    public async Task Succeeds(TimeSpan limit)
    {
        var exit = await _process.WaitForExit(limit);
        TestContext.Current.TestOutputHelper?.WriteLine(_process.Output);
        Assert.True(exit == 0, _process.Output);
    }

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static string Program => Repository.At("tests", "Load", "bin", IvrServer.Configuration, "net10.0", "Load.dll");
}
