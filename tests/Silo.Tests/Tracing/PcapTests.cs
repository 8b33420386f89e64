using System.Diagnostics;
using IvrActors.Silo.Tracing;
using Xunit;
using static IvrActors.Silo.Tests.Tracing.TraceSamples;

namespace IvrActors.Silo.Tests.Tracing;

/// <summary>The pcap file of a trace, byte by byte and as Wireshark reads it.</summary>
public sealed class PcapTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    private void Write(params ShownMessage[] messages)
    {
        using var file = new PcapFile(new FileStream(_file, FileMode.Create));
        foreach (var message in messages) file.Write(message);
    }

    [Fact]
    public void A_datagram_is_a_packet_with_the_headers_and_sums_of_the_standards()
    {
        Write(Message("x"));

        // The sums are those of another program's RFC 1071.
        Assert.Equal(
            "D4C3B2A1" + "0200" + "0400" + "00000000" + "00000000" + "00000400" + "65000000"
            + "4133076B" + "18BA0A00" + "1D000000" + "1D000000"
            + "4500001D" + "00004000" + "4011B6BE" + "C0000207" + "C000020A"
            + "13C413C4" + "0009DC41" + "78",
            Convert.ToHexString(File.ReadAllBytes(_file)));
    }

    [Fact]
    public void A_stream_goes_on_where_it_was_and_a_long_message_has_several_segments()
    {
        var packets = new IpPackets();
        Assert.Equal([20 + 20 + 32_768, 20 + 20 + 1], packets.Of(Message(new string('x', 32_769), transport: "TCP")).Select(packet => packet.Length));
        var answer = Assert.Single(packets.Of(Message("y", sent: true, transport: "TCP")));

        // Sequence 1, acknowledged all that came before.
        Assert.Equal("00000001" + "00008002", Convert.ToHexString(answer, 24, 8));
    }

    [Fact]
    public void What_has_no_text_or_is_longer_than_a_datagram_is_no_packet()
    {
        var packets = new IpPackets();
        Assert.Empty(packets.Of(Message("")));
        Assert.Empty(packets.Of(Message(new string('x', 65_508))));
        Assert.Single(packets.Of(Message(new string('x', 65_507))));
        Assert.Empty(packets.Of(Message("x", local: "[2001:db8::1]:5060")));
    }

    [Fact]
    public async Task Wireshark_reads_every_transport_as_sip_with_right_checksums()
    {
        var tshark = Require("tshark");
        Write(
            Message(Request("INVITE", body: "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0\r\n", type: "application/sdp"), remote: "192.0.2.7:40001", local: "192.0.2.10:40002"),
            Message(Answer(200, "OK", "INVITE"), sent: true, remote: "[2001:db8::7]:5060", local: "[2001:db8::10]:5060", after: 1),
            Message(Request("OPTIONS"), transport: "TCP", remote: "192.0.2.7:40001", local: "192.0.2.10:40002", after: 2),
            Message(Answer(200, "OK", "OPTIONS"), sent: true, transport: "TCP", remote: "192.0.2.7:40001", local: "192.0.2.10:40002", after: 3),
            Message(Request("BYE"), transport: "TLS", remote: "192.0.2.7:40001", local: "192.0.2.10:5061", after: 4),
            Message(Request("REFER"), sent: true, transport: "TLS", remote: "192.0.2.7:5061", local: "192.0.2.10:50001", openedByEdge: true, after: 5),
            Message(Request("INFO"), transport: "WSS", remote: "[2001:db8::7]:443", local: "[2001:db8::10]:8443", after: 6),
            Message(Request("PRACK"), transport: "WS", remote: "192.0.2.7:40001", local: "192.0.2.10:80", after: 7));

        string[] checks = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
        var read = await Run(tshark, ["-r", _file, .. checks, "-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code", "-e", "sdp.media.port", "-e", "ip.checksum.status", "-e", "udp.checksum.status", "-e", "tcp.checksum.status"]);

        Assert.Equal(
            [
                "INVITE\t\t20000\t1\t1\t", "\t200\t\t\t1\t", "OPTIONS\t\t\t1\t\t1", "\t200\t\t1\t\t1", "BYE\t\t\t1\t\t1", "REFER\t\t\t1\t\t1", "INFO\t\t\t\t\t1", "PRACK\t\t\t1\t\t1",
            ],
            read.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("", await Run(tshark, ["-r", _file, .. checks, "-Y", "_ws.malformed || tcp.analysis.flags"]));
    }

    private static async Task<string> Run(string program, IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, await error);
        return output;
    }

    private static string Require(string program)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
        if (path is not null) return path;
        var reason = $"{program} is not installed: the README's test command installs it";
        if (Environment.GetEnvironmentVariable("CI") == "true") Assert.Fail(reason);
        Assert.Skip(reason);
        return "";
    }
}
