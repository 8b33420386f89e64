using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary><c>ivr trace</c> beside a running server: what it shows of a call, and that it shows nothing else.</summary>
public sealed partial class TraceTests
{
    [Fact]
    public async Task A_traced_call_shows_its_ladder_and_neither_number_keys_password_nor_srtp_key_anywhere()
    {
        var tshark = Programs.Require("tshark");
        await using var server = IvrServer.Create("trace");
        await server.Start(logLevel: "trace");
        var caller = new TestCaller();
        await server.Enrol(caller, "12.00");
        var password = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        var key = Convert.ToBase64String(RandomNumberGenerator.GetBytes(30));
        using var collector = new Collector();
        var pcap = Path.Combine(server.Folder, "calls.pcap");
        await File.WriteAllTextAsync(pcap, "an older one, that everybody may read");

        await using var trace = server.Begin(["trace", "--all", "--pcap", pcap, "--hep", $"127.0.0.1:{collector.Port}"]);
        await Eventually.Holds(() => Task.FromResult(trace.Output.Contains("tracing for 300 s", StringComparison.Ordinal)), "the trace runs", () => trace.Output);
        string srtpOfServer;
        await using (var phone = await SipClient.Connect(server, caller.Number,
            $"Authorization: Digest username=\"{caller.Account}\", realm=\"ivr.example\", nonce=\"{password}\", uri=\"sip:bank@127.0.0.1\", response=\"{password}\", algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\"{caller.Pin}\"\r\n"
            + $"P-Asserted-Identity: <tel:{caller.Number}>\r\nIdentity: {password};info=<https://cert.example/x.pem>\r\nX-Account: {caller.Account}\r\nCookie: {password}\r\n"))
        {
            var answer = await phone.Call("v=0\r\no=caller 1 1 IN IP4 127.0.0.1\r\ns=" + caller.Number + "\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/SAVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
                + $"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\na=ice-pwd:{password}\r\n");
            srtpOfServer = Inline().Match(answer).Groups["key"].Value;
            foreach (var digit in caller.Account + "#" + caller.Pin + "#") await phone.Ask("INFO", $"Signal={digit}\r\nDuration=160\r\n", "application/dtmf-relay");
            await phone.Ask("BYE");
        }
        await Eventually.Holds(() => Task.FromResult(Ended().IsMatch(trace.Output)), "the BYE was traced", () => trace.Output);
        trace.Terminate();
        Assert.Equal(0, await trace.WaitForExit(Eventually.Limit));
        var methods = (await Run(tshark, server, "-r", pcap, "-Y", "sip.Method", "-T", "fields", "-e", "sip.Method")).Split('\n').Where(line => line.Length > 0 && line.All(char.IsAsciiLetterUpper)).ToList(); // It grumbles when it is run as root.
        var decoded = await Run(tshark, server, "-r", pcap, "-V");
        await Eventually.Holds(() => Task.FromResult(collector.Packets.Count >= 2 * methods.Count), "the collector heard it", () => $"{collector.Packets.Count} packets");
        await server.Stop();
        var audit = await server.Ivr(["audit", "export"]);

        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(pcap));
        // The proof that a search would find something.
        Assert.Equal(["INVITE", "ACK", .. Enumerable.Repeat("INFO", caller.Account.Length + caller.Pin.Length + 2), "BYE"], methods);
        Assert.Matches(@"\|-+ INVITE \(sdp\) -+>\|  TLS 1 INVITE", trace.Output);
        Assert.Matches(@"\|<-+ 200 OK \(sdp\) -+\|  TLS 1 INVITE", trace.Output);
        Assert.Matches(@"\|-+ INFO \(key\) -+>\|  TLS", trace.Output);
        Assert.Contains(", 0 lost; stopped", trace.Output, StringComparison.Ordinal);
        Assert.Contains("Session Description Protocol", decoded, StringComparison.Ordinal);
        Assert.Matches("\"actor\":\"command-line\",\"action\":\"trace.started\".*\"detail\":\"all for 300 s, 10000 messages\"", audit);
        Assert.Contains("\"action\":\"trace.ended\"", audit, StringComparison.Ordinal);
        Assert.NotEqual("", srtpOfServer);

        var hep = Encoding.Latin1.GetString([.. collector.Packets.SelectMany(packet => packet)]);
        var file = Encoding.Latin1.GetString(await File.ReadAllBytesAsync(pcap));
        Assert.Contains("AES_CM_128_HMAC_SHA1_80 inline:xxxx", file, StringComparison.Ordinal);
        (string What, string Text)[] places = [("the ladder", trace.Output), ("the pcap file", file), ("what tshark reads", decoded), ("the HEP packets", hep), ("the server's log", server.Output), ("the audit records", audit)];
        foreach (var (place, text) in places)
        {
            foreach (var secret in new[] { caller.Number, caller.Number[1..], caller.Account, password, key, srtpOfServer })
                Assert.False(text.Contains(secret, StringComparison.Ordinal), $"{secret} stands in {place}");
            Assert.False(Regex.IsMatch(text, $@"(?<![0-9a-fA-F.:]){caller.Pin}(?![0-9a-fA-F.:])|Signal=[0-9*#]"), $"a key or the PIN stands in {place}");
        }
    }

    [Fact]
    public async Task A_trace_without_a_filter_or_to_a_collector_elsewhere_is_not_begun()
    {
        await using var server = IvrServer.Create("traceusage");

        Assert.Contains("or else --all", await server.Ivr(["trace"], expectedExit: 2), StringComparison.Ordinal);
        Assert.Contains("--hep", await server.Ivr(["trace", "--all", "--hep", "192.0.2.80:9060"], expectedExit: 2), StringComparison.Ordinal);
    }

    private static async Task<string> Run(string program, IvrServer server, params string[] arguments)
    {
        await using var process = new ChildProcess(program, arguments, server.Folder);
        Assert.True(await process.WaitForExit(Eventually.Limit) == 0, process.Output);
        return process.Output;
    }

    [GeneratedRegex(@"inline:(?<key>[A-Za-z0-9+/=]+)")]
    private static partial Regex Inline();

    [GeneratedRegex(@" 200 OK -+\|  TLS \d+ BYE")]
    private static partial Regex Ended();

    /// <summary>A HEP collector: keeps what it is sent.</summary>
    private sealed class Collector : IDisposable
    {
        private readonly UdpClient _socket = new(new IPEndPoint(IPAddress.Loopback, 0));

        public Collector() => _ = Receive();

        public ConcurrentQueue<byte[]> Packets { get; } = [];

        public int Port => ((IPEndPoint)_socket.Client.LocalEndPoint!).Port;

        public void Dispose() => _socket.Dispose();

        private async Task Receive()
        {
            try
            {
                while (true) Packets.Enqueue((await _socket.ReceiveAsync()).Buffer);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                // The test is over.
            }
        }
    }
}
