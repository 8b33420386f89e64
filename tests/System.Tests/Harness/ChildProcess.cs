using System.Collections.Concurrent;
using System.Diagnostics;

namespace IvrActors.SystemTests.Harness;

/// <summary>A child process with all of its output kept; ended by its own pid when disposed.</summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _lines = new();
    private readonly Process _process;
    private readonly TaskCompletionSource _outputEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _streams = 2;

    public ChildProcess(string file, IEnumerable<string> arguments, string folder, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += Take;
        _process.ErrorDataReceived += Take;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public StreamWriter Input => _process.StandardInput;

    public string Output => string.Join('\n', _lines);

    public async Task<int> WaitForExit(TimeSpan limit)
    {
        using var cancel = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(cancel.Token);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"{_process.StartInfo.FileName} did not end within {limit}. Its output:\n{Tail()}");
        }
        await _outputEnded.Task.WaitAsync(TimeSpan.FromSeconds(10));
        return _process.ExitCode;
    }

    /// <summary>Asks the process to end, as an init system does.</summary>
    public void Terminate()
    {
        if (!_process.HasExited) Signal("TERM").Wait();
    }

    public async Task Signal(string name)
    {
        using var kill = Process.Start("kill", ["-" + name, _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public void Kill()
    {
        if (!_process.HasExited) _process.Kill();
    }

    /// <summary>What it writes its errors to, when that is not its output; shown with the tail.</summary>
    public string? ErrorFile { get; init; }

    public string Tail() => string.Join('\n', [.. _lines.TakeLast(60), ErrorFile is not null && File.Exists(ErrorFile) ? File.ReadAllText(ErrorFile) : ""]);

    public async ValueTask DisposeAsync()
    {
        Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private void Take(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is not null) _lines.Enqueue(line.Data);
        else if (Interlocked.Decrement(ref _streams) == 0) _outputEnded.TrySetResult();
    }
}
