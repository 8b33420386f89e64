using System.Globalization;

namespace IvrActors.SystemTests.Harness;

/// <summary>A <c>linphonec</c> softphone that plays from and records to WAV files; driven through its console.</summary>
internal sealed class Linphone : IAsyncDisposable
{
    private readonly ChildProcess _process;
    private readonly string _recording;

    private Linphone(ChildProcess process, string recording) => (_process, _recording) = (process, recording);

    public string Output => _process.Tail();

    /// <param name="transport"><c>udp</c>, <c>tcp</c> or <c>tls</c>; over TLS its media are SRTP or nothing.</param>
    /// <param name="account">Lines of the configuration's <c>auth_info</c> section, or "" for no account.</param>
    /// <param name="name">Of its folder.</param>
    /// <param name="suites">Crypto suites that it offers, parted by commas; null: those that it has from the start.</param>
    public static async Task<Linphone> Start(IvrServer server, string transport, string account = "", string? name = null, string? suites = null)
    {
        var program = Programs.Require("linphonec");
        var folder = Directory.CreateDirectory(Path.Combine(server.Folder, "linphone-" + (name ?? transport))).FullName;
        // Where it keeps its databases; it does not make the folder itself.
        Directory.CreateDirectory(Path.Combine(folder, ".local", "share", "linphone"));
        var recording = Path.Combine(folder, "heard.wav");
        await File.WriteAllTextAsync(Path.Combine(folder, "rc"), $"""
            [sip]
            sip_port={Port("udp")}
            sip_tcp_port={Port("tcp")}
            sip_tls_port={Port("tls")}
            default_proxy=-1
            contact="Phone" <sip:phone@127.0.0.1>
            media_encryption={(transport == "tls" ? "srtp" : "none")}
            media_encryption_mandatory={(transport == "tls" ? 1 : 0)}
            {(suites is null ? "" : "srtp_crypto_suites=" + suites)}
            verify_server_certs=1
            root_ca={Path.Combine(server.Data, "certs", "ca.pem")}
            [rtp]
            audio_rtp_port={30000 + (2 * Random.Shared.Next(1000))}
            [audio_codec_0]
            mime=PCMU
            rate=8000
            enabled=1
            {account}

            """);
        var phone = new Linphone(
            new ChildProcess(program, ["-c", Path.Combine(folder, "rc")], folder, new Dictionary<string, string> { ["HOME"] = folder, ["TERM"] = "dumb" }), recording);
        await phone.Says("ipv6 disable", "ipv6 use disabled");
        await phone.Says("soundcard use files", "Using wav files");
        await phone.Types("record " + recording);
        return phone;

        string Port(string of) => of == transport ? Ports.Free().ToString(CultureInfo.InvariantCulture) : "0";
    }

    /// <summary>Begins to register an address of record.</summary>
    public Task Register(string address, string registrar) => Types($"register {address} {registrar}");

    /// <summary>Whether it says that it is registered.</summary>
    public async Task<bool> IsRegistered()
    {
        await Types("status register");
        return _process.Output.Contains("registered, identity=", StringComparison.Ordinal);
    }

    public Task Dial(string uri) => Says("call " + uri, "connected");

    /// <summary>Sends keys as RFC 4733 events; the program spaces them itself.</summary>
    public async Task Press(string keys)
    {
        foreach (var key in keys)
        {
            await Types(key.ToString());
            // The length of a key press is part of what is typed, not a wait for something.
            await Task.Delay(250);
        }
    }

    public Task HangUp() => Says("terminate", "ended");

    /// <summary>Whether the prompt was heard, but for a packet or two that its jitter buffer may have left out.</summary>
    public bool Hears(string prompt)
    {
        if (!File.Exists(_recording)) return false;
        using var stream = new FileStream(_recording, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var bytes = new byte[stream.Length];
        var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        if (read <= 44) return false;
        var heard = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, short>(bytes.AsSpan(44, (read - 44) & ~1));
        return PromptAudio.Load(prompt).EndIn(heard) >= 0;
    }

    public async ValueTask DisposeAsync() => await _process.DisposeAsync();

    private async Task Types(string line)
    {
        await _process.Input.WriteLineAsync(line);
        await _process.Input.FlushAsync();
    }

    private async Task Says(string line, string answer)
    {
        var before = _process.Output.Length;
        await Types(line);
        await Eventually.Holds(() => Task.FromResult(_process.Output[before..].Contains(answer, StringComparison.Ordinal)), $"linphonec answers '{line}' with '{answer}'", _process.Tail);
    }
}
