using System.Globalization;
using System.Text;

namespace IvrActors.SystemTests;

/// <summary>
/// A scenario for sipp, written step by step. Its SDP names the port of an <see cref="Ear"/>, which hears the prompts; keys go by
/// SIP INFO (application/dtmf-relay), so that all of the call's RTP belongs to the ear.
/// </summary>
internal sealed class SippCall
{
    private const string Head = """
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch];rport
        Max-Forwards: 70
        From: <sip:[caller]@[local_ip]>;tag=[pid]s[call_number]
        Call-ID: [call_id]

        """;

    private readonly StringBuilder _steps = new();
    private int _cseq = 1;

    public SippCall() => Add($"""
          <send retrans="500"><![CDATA[
        INVITE sip:bank@[remote_ip]:[remote_port] SIP/2.0
        {Head}To: <sip:bank@[remote_ip]:[remote_port]>
        CSeq: 1 INVITE
        Contact: <sip:[caller]@[local_ip]:[local_port];transport=[transport]>
        P-Asserted-Identity: <sip:[caller]@[local_ip]>
        Content-Type: application/sdp
        Content-Length: [len]

        v=0
        o=sipp 1 1 IN IP4 [local_ip]
        s=-
        c=IN IP4 [local_ip]
        t=0 0
        m=audio [ear] RTP/AVP 0
        a=rtpmap:0 PCMU/8000
        ]]></send>
          <recv response="100" optional="true"/>
          <recv response="180" optional="true"/>
          <recv response="200" rrs="true"/>
        {Within("ACK", 1, "")}
        """);

    public SippCall Wait(double seconds) => Add(string.Create(CultureInfo.InvariantCulture, $"  <pause milliseconds=\"{(int)(1000 * seconds)}\"/>"));

    /// <summary>Presses keys, 120 ms each.</summary>
    public SippCall Press(string keys)
    {
        foreach (var key in keys)
        {
            _cseq++;
            Add($"""
                {Within("INFO", _cseq, $"Signal={key}\nDuration=100\n", "application/dtmf-relay")}
                  <recv response="200"/>
                  <pause milliseconds="120"/>
                """);
        }
        return this;
    }

    public SippCall HangUp()
    {
        _cseq++;
        return Add($"{Within("BYE", _cseq, "")}\n  <recv response=\"200\"/>");
    }

    /// <summary>The server ends the call.</summary>
    public SippCall IsHungUp() => Add("""
          <recv request="BYE" timeout="40000"/>
          <send><![CDATA[
        SIP/2.0 200 OK
        [last_Via:]
        [last_From:]
        [last_To:]
        [last_Call-ID:]
        [last_CSeq:]
        Content-Length: 0

        ]]></send>
        """);

    /// <summary>Makes the call from this number; fails with sipp's own account of it when a step did not come about.</summary>
    public async Task Run(IvrServer server, Ear ear, string number = "+442079460000")
    {
        Programs.Need("sipp");
        var folder = Directory.CreateDirectory(Path.Combine(server.Folder, "sipp-" + Guid.NewGuid().ToString("N"))).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "call.xml"), $"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<scenario name=\"call\">\n{_steps}</scenario>\n");
        var ports = IvrServer.FreePorts(2);
        var (code, output) = await Programs.Run("sipp", folder, "-sf", "call.xml", "-i", "127.0.0.1", "-p", Text(ports[0]), "-mp", Text(ports[1]), "-m", "1", "-nostdin", "-key", "ear", Text(ear.Port),
            "-key", "caller", number, "-timeout", "100", "-timeout_error", "-trace_err", "-error_file", "errors.log", $"127.0.0.1:{Text(server.Udp)}");

        var errors = Path.Combine(folder, "errors.log");
        Assert.True(code == 0, $"sipp ended with {code}\n{(File.Exists(errors) ? await File.ReadAllTextAsync(errors) : output)}\n{server.Tail()}");
    }

    private SippCall Add(string step)
    {
        _steps.Append(step).Append('\n');
        return this;
    }

    // A request inside the dialog. Only INVITE's 200 is acknowledged, so ACK is sent once and the others until they are answered.
    private static string Within(string method, int cseq, string body, string? type = null)
    {
        var again = method == "ACK" ? "" : " retrans=\"500\"";
        var contentType = type is null ? "" : $"Content-Type: {type}\n";
        return $"""
              <send{again}><![CDATA[
            {method} [next_url] SIP/2.0
            {Head}To: <sip:bank@[remote_ip]:[remote_port]>[peer_tag_param]
            [routes]
            CSeq: {cseq} {method}
            {contentType}Content-Length: [len]

            {body}]]></send>
            """;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
