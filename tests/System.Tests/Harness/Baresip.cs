using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace IvrActors.SystemTests.Harness;

/// <summary>A <c>baresip</c> softphone without sound hardware: driven through its control port, what it hears is written to a WAV file.</summary>
internal sealed class Baresip : IAsyncDisposable
{
    private readonly ChildProcess _process;
    private readonly int _controlPort;
    private readonly string _folder;
    private int _heardUpTo;

    private Baresip(ChildProcess process, int controlPort, string folder) => (_process, _controlPort, _folder) = (process, controlPort, folder);

    public string Output => _process.Output;

    /// <summary>Starts the phone with TLS signalling and mandatory SDES-SRTP.</summary>
    /// <param name="says">Prompt that it says once, again and again; null: silence.</param>
    public static Task<Baresip> StartSecure(string folder, string caFile, string? says = null) =>
        Start(folder, caFile, "<sip:caller@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp-mand;audio_codecs=PCMU", says);

    /// <summary>Starts the phone with TLS signalling and keys by DTLS-SRTP (RFC 5764), RTCP on the port of RTP.</summary>
    public static Task<Baresip> StartDtls(string folder, string caFile) =>
        Start(folder, caFile, "<sip:caller@127.0.0.1;transport=tls>;regint=0;mediaenc=dtls_srtp;rtcp_mux=yes;audio_codecs=PCMU");

    /// <summary>Starts the phone with TLS signalling, mandatory SDES-SRTP, and Opus as its only codec.</summary>
    public static Task<Baresip> StartOpus(string folder, string caFile) =>
        Start(folder, caFile, "<sip:caller@127.0.0.1;transport=tls>;regint=0;mediaenc=srtp-mand;audio_codecs=opus/48000/2");

    /// <param name="account">A line of its accounts file.</param>
    /// <param name="port">UDP port that it is called at; 0: any.</param>
    public static async Task<Baresip> Start(string folder, string caFile, string account, string? says = null, int port = 0)
    {
        var program = Programs.Require("baresip");
        Directory.CreateDirectory(folder);
        var control = Ports.Free();
        var modules = new[] { "/usr/lib/baresip/modules", "/usr/lib/x86_64-linux-gnu/baresip/modules" }.First(Directory.Exists);
        await WriteVoice(Path.Combine(folder, "voice.wav"), says);
        await File.WriteAllTextAsync(Path.Combine(folder, "config"), $"""
            poll_method epoll
            sip_listen 127.0.0.1:{port}
            sip_cafile {caFile}
            sip_verify_server yes
            audio_player aubridge,heard
            audio_source aufile,{folder}/voice.wav
            audio_alert aufile,{folder}/alert.wav
            ausrc_srate 8000
            auplay_srate 8000
            ausrc_channels 1
            auplay_channels 1
            rtp_stats yes
            module_path {modules}
            module stdio.so
            module g711.so
            module opus.so
            module auresamp.so
            module srtp.so
            module dtls_srtp.so
            module aufile.so
            module aubridge.so
            module sndfile.so
            snd_path {folder}
            module_app account.so
            module_app menu.so
            module ctrl_tcp.so
            ctrl_tcp_listen 127.0.0.1:{control}

            """);
        await File.WriteAllTextAsync(Path.Combine(folder, "accounts"), account + "\n");
        await File.WriteAllTextAsync(Path.Combine(folder, "contacts"), "");
        var phone = new Baresip(new ChildProcess(program, ["-4", "-f", folder], folder, new Dictionary<string, string> { ["TERM"] = "dumb" }), control, folder);
        await Eventually.Holds(phone.IsListening, "baresip listens on its control port", () => phone.Output);
        return phone;
    }

    public Task Dial(string uri) => Command("dial", uri);

    /// <summary>Presses keys as a person does: one after the other, released in between.</summary>
    public async Task Press(string keys)
    {
        foreach (var key in keys)
        {
            await Command("sndcode", key.ToString());
            // The length of a key press is part of what is typed, not a wait for something.
            await Task.Delay(180);
        }
    }

    public Task HangUp() => Command("hangup", "");

    /// <summary>Whether these prompts were heard, in this order, behind those that were found before.</summary>
    public bool Hears(IReadOnlyList<string> prompts)
    {
        var audio = Heard();
        var from = _heardUpTo;
        foreach (var prompt in prompts)
        {
            var behind = PromptAudio.Load(prompt).EndIn(audio.AsSpan(Math.Min(from, audio.Length)));
            if (behind < 0) return false;
            from += behind;
        }
        _heardUpTo = from;
        return true;
    }

    /// <summary>Whether a prompt was heard through a lossy codec: a second of it is like a second that was heard, at 48 kHz and in stereo.</summary>
    public bool HearsLike(string prompt)
    {
        const int Piece = 8000, SamplesOf8 = 6 * 2, Every = 8, LagStep = 2;
        var heard = Heard().Skip(_heardUpTo * SamplesOf8).Chunk(SamplesOf8).Select(chunk => chunk.Average(sample => (double)sample)).ToArray();
        var said = PromptAudio.Load(prompt).Samples.Take(Piece).Select(sample => (double)sample).ToArray();
        for (var at = 0; at + said.Length <= heard.Length; at += LagStep)
        {
            double both = 0, ofHeard = 1, ofSaid = 1;
            for (var i = 0; i < said.Length; i += Every)
            {
                both += heard[at + i] * said[i];
                ofHeard += heard[at + i] * heard[at + i];
                ofSaid += said[i] * said[i];
            }
            if (both < 0.75 * Math.Sqrt(ofHeard * ofSaid)) continue;
            _heardUpTo += at + said.Length;
            return true;
        }
        return false;
    }

    /// <summary>The audio heard so far: 16-bit samples at 8 kHz.</summary>
    public short[] Heard()
    {
        // The filter sndfile writes what was decoded.
        if (Directory.EnumerateFiles(_folder, "dump-*-dec.wav").FirstOrDefault() is not { } file) return [];
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (read <= 44) return [];
        var samples = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, short>(bytes.AsSpan(44, (read - 44) & ~1));
        // Its table decodes the code of zero (0xff) to 2; every other code as ITU-T G.711 says.
        samples.Replace((short)2, (short)0);
        return samples.ToArray();
    }

    public async ValueTask DisposeAsync() => await _process.DisposeAsync();

    private async Task Command(string command, string parameters)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _controlPort);
        var json = JsonSerializer.Serialize(new Dictionary<string, string> { ["command"] = command, ["params"] = parameters, ["token"] = "t" });
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"{json.Length}:{json},"));
        var buffer = new byte[4096];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        var answer = new StringBuilder();
        while (!answer.ToString().Contains("\"response\":true", StringComparison.Ordinal))
        {
            var read = await stream.ReadAsync(buffer, limit.Token);
            if (read == 0) throw new IOException("baresip closed its control port");
            answer.Append(Encoding.UTF8.GetString(buffer, 0, read));
        }
        if (!answer.ToString().Contains("\"ok\":true", StringComparison.Ordinal)) throw new InvalidOperationException($"baresip refused {command}: {answer}");
    }

    private async Task<bool> IsListening()
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _controlPort);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    // Two minutes: longer than any call of the tests.
    private static async Task WriteVoice(string file, string? says)
    {
        const int DataBytes = 120 * 8000 * 2;
        await using var stream = File.Create(file);
        await using var writer = new BinaryWriter(stream);
        writer.Write("RIFF"u8);
        writer.Write(36 + DataBytes);
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(8000);
        writer.Write(16000);
        writer.Write((short)2);
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(DataBytes);
        var voice = says is null ? [(short)0] : PromptAudio.Load(says).Samples;
        for (var i = 0; i < DataBytes / 2; i++) writer.Write(voice[i % voice.Length]);
    }
}
