using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using IvrActors.Edge.Media;

namespace IvrActors.Edge.Speech;

/// <summary>Renders text with <c>espeak-ng</c>, where that is installed.</summary>
internal sealed class EspeakSpeech(SpeechOptions options, TimeProvider time) : ISpeechProvider
{
    private const string Program = "espeak-ng";
    private const int WordsPerMinute = 155;

    private readonly Lazy<string?> _program = new(() => FindProgram(Environment.GetEnvironmentVariable("PATH")));

    public string Name => "espeak";

    public bool IsAvailable => _program.Value is not null;

    public string VoiceOf(string language) => $"{Program}\n{options.Voices.GetValueOrDefault(language, language == "en" ? "en-us" : language)}\n{WordsPerMinute}";

    /// <summary>The text goes in on standard input: it is neither an option nor seen by a shell.</summary>
    public async Task<SpeechAnswer> RenderAsync(string text, string language, CancellationToken cancellation)
    {
        if (_program.Value is not { } program) return SpeechFailure.NotThere;
        using var timeout = new CancellationTokenSource(options.Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        foreach (var argument in (string[])["-v", VoiceOf(language).Split('\n')[1], "-s", $"{WordsPerMinute}", "--stdin", "--stdout"]) start.ArgumentList.Add(argument);

        Process? process = null;
        try
        {
            process = Process.Start(start);
            if (process is null) return SpeechFailure.NotThere;
            await process.StandardInput.WriteAsync(text.AsMemory(), either.Token);
            process.StandardInput.Close();
            if (await SpeechBytes.ReadAsync(process.StandardOutput.BaseStream, options.MostBytes, either.Token) is not { } output) return SpeechFailure.TooLong;
            await process.WaitForExitAsync(either.Token);
            if (process.ExitCode != 0) return SpeechFailure.Refused;
            return WavFile.TryRead(output, out var wav) == WavRejection.None ? wav! : SpeechFailure.Malformed;
        }
        catch (Exception e) when (e is Win32Exception or IOException)
        {
            return SpeechFailure.NotThere;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return SpeechFailure.TimedOut;
        }
        finally
        {
            if (process is { HasExited: false }) process.Kill();
            process?.Dispose();
        }
    }

    private static string? FindProgram(string? path)
    {
        var name = OperatingSystem.IsWindows() ? Program + ".exe" : Program;
        return (path ?? "").Split(Path.PathSeparator).Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }
}

/// <summary>Reads what a provider answers, up to a bound.</summary>
internal static class SpeechBytes
{
    /// <summary>All bytes of the stream, or null when there are more than <paramref name="most"/>; no more than that is ever held.</summary>
    public static async Task<byte[]?> ReadAsync(Stream stream, int most, CancellationToken cancellation)
    {
        using var output = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int read;
        while ((read = await stream.ReadAsync(buffer, cancellation)) > 0)
        {
            if (output.Length + read > most) return null;
            output.Write(buffer, 0, read);
        }
        return output.ToArray();
    }
}
