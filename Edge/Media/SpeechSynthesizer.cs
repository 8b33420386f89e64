using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Edge.Media;

/// <summary>Renders text with <c>espeak-ng</c>, where that is installed, and keeps the result as a file under the hash of voice and text.</summary>
public sealed class SpeechSynthesizer
{
    private const string Program = "espeak-ng";
    private const string Voice = "en-us";
    private const int WordsPerMinute = 155;

    /// <summary>A sentence takes milliseconds; a process that hangs must not hold a prompt for longer than a caller waits.</summary>
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(10);

    /// <summary>About 90 s of speech at 22.05 kHz.</summary>
    private const int MostOutput = 4 * 1024 * 1024;

    /// <summary>Peak of rendered speech, as the recorded prompts have it: -3 dB.</summary>
    private const double Peak = 0.708 * short.MaxValue;

    private readonly string _folder;
    private readonly SemaphoreSlim _one = new(1); // Rendering is rare and must not take the cores from the media.
    private readonly Lazy<string?> _program = new(() => FindProgram(Environment.GetEnvironmentVariable("PATH")));

    public SpeechSynthesizer(string folder) => _folder = folder;

    public bool IsInstalled => _program.Value is not null;

    /// <summary>Linear samples at 8 kHz, or null when it cannot be rendered. Never throws, but for cancellation.</summary>
    public async Task<short[]?> RenderAsync(string text, CancellationToken cancellation)
    {
        var file = Path.Combine(_folder, CacheName(text));
        if (ReadCached(file) is { } cached) return cached;
        if (_program.Value is null) return null;
        await _one.WaitAsync(cancellation);
        try
        {
            if (await RunAsync(_program.Value, text, cancellation) is not { } output) return null;
            if (WavFile.TryRead(output, out var wav) != WavRejection.None) return null;
            var rendered = wav!.ToTelephoneRate();
            Normalize(rendered.Samples);
            Save(file, rendered);
            return rendered.Samples;
        }
        finally
        {
            _one.Release();
        }
    }

    private static string CacheName(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Program}\n{Voice}\n{WordsPerMinute}\n{text}"))) + ".wav";

    private static short[]? ReadCached(string file)
    {
        try
        {
            if (!File.Exists(file)) return null;
            return WavFile.TryRead(File.ReadAllBytes(file), out var wav) == WavRejection.None && wav!.SampleRate == Telephone.SampleRate ? wav.Samples : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // Rendered again.
        }
    }

    private static void Save(string file, WavFile wav)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            var partial = $"{file}.{Environment.ProcessId}.partial";
            File.WriteAllBytes(partial, wav.ToBytes());
            File.Move(partial, file, overwrite: true); // At once: another process reads a whole file or none.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The cache saves time; without it the prompt is rendered again after a restart.
        }
    }

    /// <summary>The text goes in on standard input: it is neither an option nor seen by a shell.</summary>
    private static async Task<byte[]?> RunAsync(string program, string text, CancellationToken cancellation)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        timeout.CancelAfter(MostTime);
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        foreach (var argument in (string[])["-v", Voice, "-s", $"{WordsPerMinute}", "--stdin", "--stdout"]) start.ArgumentList.Add(argument);

        Process? process = null;
        try
        {
            process = Process.Start(start);
            if (process is null) return null;
            await process.StandardInput.WriteAsync(text.AsMemory(), timeout.Token);
            process.StandardInput.Close();
            var output = await ReadAsync(process.StandardOutput.BaseStream, timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            return process.ExitCode == 0 ? output : null;
        }
        catch (Exception e) when (e is Win32Exception or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }
        finally
        {
            if (process is { HasExited: false }) process.Kill();
            process?.Dispose();
        }
    }

    private static async Task<byte[]?> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        using var output = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellation)) > 0)
        {
            if (output.Length + read > MostOutput) return null;
            output.Write(buffer, 0, read);
        }
        return output.ToArray();
    }

    private static void Normalize(short[] samples)
    {
        double peak = 1;
        foreach (var sample in samples) peak = Math.Max(peak, Math.Abs((double)sample));
        var gain = Peak / peak;
        for (var i = 0; i < samples.Length; i++) samples[i] = (short)(samples[i] * gain);
    }

    private static string? FindProgram(string? path)
    {
        var name = OperatingSystem.IsWindows() ? Program + ".exe" : Program;
        return (path ?? "").Split(Path.PathSeparator).Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}
