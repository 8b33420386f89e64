using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Xml.Linq;

namespace IvrActors.SystemTests.Harness;

/// <summary>One call made by <c>sipp</c>: the scenario is written from the keys to press, media go to a listener of the test.</summary>
internal static class Sipp
{
    /// <summary>Calls, presses the keys by SIP INFO, and ends as told. Exit code 0: every message was the expected one.</summary>
    /// <param name="port">Where to call, when not the server itself (a proxy in front of it).</param>
    /// <param name="from">The caller's address.</param>
    /// <param name="tcp">Over one TCP connection instead of UDP.</param>
    /// <param name="domain">Of whom it calls, when that is not where it sends to.</param>
    /// <param name="early">Whether 183 must come before the 200.</param>
    public static async Task<ChildProcess> Call(
        IvrServer server, int rtpPort, IEnumerable<SippAct> acts, SippEnd end, string number = "caller", int? port = null, bool tcp = false, string? domain = null,
        string called = "bank", string from = "127.0.0.1", bool early = false)
    {
        var sipp = Programs.Require("sipp");
        var file = Path.Combine(server.Folder, $"scenario-{Guid.NewGuid():N}.xml");
        await File.WriteAllTextAsync(file, Scenario(acts, end, early).Replace("sip:caller@", $"sip:{number}@", StringComparison.Ordinal)
            .Replace("[service]@[remote_ip]:[remote_port]", "[service]@" + (domain ?? "[remote_ip]:[remote_port]"), StringComparison.Ordinal));
        var arguments = new List<string>
        {
            $"127.0.0.1:{port ?? server.SipPort}", "-t", tcp ? "t1" : "u1", "-sf", file, "-s", called, "-i", from, "-p", Ports.Free().ToString(CultureInfo.InvariantCulture), "-m", "1",
            "-key", "rtpport", rtpPort.ToString(CultureInfo.InvariantCulture), "-nostdin", "-timeout", "120s", "-timeout_error", "-trace_err", "-error_file", Path.ChangeExtension(file, ".err"),
        };
        return new ChildProcess(sipp, arguments, server.Folder, new Dictionary<string, string> { ["TERM"] = "dumb" }) { ErrorFile = Path.ChangeExtension(file, ".err") };
    }

    private static string Scenario(IEnumerable<SippAct> acts, SippEnd end, bool early)
    {
        var steps = new List<XNode>();
        steps.Add(Send(Invite, retransmit: true));
        steps.Add(Receive("response", "100", optional: true));
        steps.Add(Receive("response", "180", optional: true));
        if (early) steps.Add(Receive("response", "183", optional: false));
        steps.Add(new XElement("recv", new XAttribute("response", "200"), new XAttribute("rrs", "true")));
        steps.Add(Send(InDialog("ACK", 1, ""), retransmit: false));
        var cseq = 1;
        foreach (var act in acts)
        {
            if (act.Pause > TimeSpan.Zero) steps.Add(new XElement("pause", new XAttribute("milliseconds", (int)act.Pause.TotalMilliseconds)));
            foreach (var key in act.Keys)
            {
                steps.Add(Send(InDialog("INFO", ++cseq, $"Signal={key}\r\nDuration=160\r\n", "application/dtmf-relay"), retransmit: true));
                steps.Add(Receive("response", "200", optional: false));
                steps.Add(new XElement("pause", new XAttribute("milliseconds", 60)));
            }
        }
        if (end == SippEnd.HangUp)
        {
            steps.Add(Send(InDialog("BYE", ++cseq, ""), retransmit: true));
            steps.Add(Receive("response", "200", optional: false));
        }
        if (end == SippEnd.AcceptTransfer)
        {
            steps.Add(Receive("request", "REFER", optional: false));
            steps.Add(Send(Answer("202 Accepted"), retransmit: false));
            steps.Add(Send(InDialog("NOTIFY", ++cseq, "SIP/2.0 200 OK\r\n", "message/sipfrag", "Event: refer\nSubscription-State: terminated;reason=noresource\n"), retransmit: true));
            steps.Add(Receive("response", "200", optional: false));
        }
        if (end != SippEnd.HangUp)
        {
            steps.Add(Receive("request", "BYE", optional: false));
            steps.Add(Send(Answer("200 OK"), retransmit: false));
        }
        return Scenario(steps);
    }

    /// <summary>Somebody to be called, at an address of its own so that it is told from callers. Rings for a second, then answers; or is busy.</summary>
    /// <param name="acts">Keys of one who answers, by SIP INFO; null: none.</param>
    public static async Task<ChildProcess> Callee(IvrServer server, string address, int port, int rtpPort, SippCallee behaviour, IEnumerable<SippAct>? acts = null)
    {
        var sipp = Programs.Require("sipp");
        var file = Path.Combine(server.Folder, $"callee-{Guid.NewGuid():N}.xml");
        await File.WriteAllTextAsync(file, CalleeScenario(behaviour, acts ?? []));
        return new ChildProcess(sipp, [
            "-sf", file, "-i", address, "-p", port.ToString(CultureInfo.InvariantCulture), "-m", "1", "-key", "rtpport", rtpPort.ToString(CultureInfo.InvariantCulture),
            "-nostdin", "-timeout", "120s", "-timeout_error", "-trace_err", "-error_file", Path.ChangeExtension(file, ".err"),
        ], server.Folder, new Dictionary<string, string> { ["TERM"] = "dumb" })
        { ErrorFile = Path.ChangeExtension(file, ".err") };
    }

    private static string CalleeScenario(SippCallee behaviour, IEnumerable<SippAct> acts)
    {
        const string ToWithTag = "[last_To:];tag=[pid]callee[call_number]\n";
        static string Head(string status) => $"\nSIP/2.0 {status}\n[last_Via:]\n[last_From:]\n{ToWithTag}[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:callee@[local_ip]:[local_port]>\n";
        var invite = Receive("request", "INVITE", optional: false);
        invite.Add(new XAttribute("rrs", "true"));
        invite.Add(new XElement("action", new XElement("ereg", new XAttribute("regexp", ".*"), new XAttribute("search_in", "hdr"), new XAttribute("header", "From:"), new XAttribute("assign_to", "1"))));
        var steps = new List<XNode> { invite, Send(Head("180 Ringing") + "Content-Length: 0\n", retransmit: false), new XElement("pause", new XAttribute("milliseconds", 1000)) };
        if (behaviour == SippCallee.Busy)
        {
            steps.Add(Send(Head("486 Busy Here") + "Content-Length: 0\n", retransmit: true));
            steps.Add(Receive("request", "ACK", optional: false));
            // Silences the compiler of scenarios: a variable must be used.
            steps.Add(new XElement("nop", new XElement("action", new XElement("log", new XAttribute("message", "[$1]")))));
            return Scenario(steps);
        }
        steps.Add(Send(Head("200 OK") + "Content-Type: application/sdp\nContent-Length: [len]\n\nv=0\no=callee 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio [rtpport] RTP/AVP 0 96\n"
            + "a=rtpmap:0 PCMU/8000\na=rtpmap:96 telephone-event/8000\na=ptime:20\n", retransmit: true));
        steps.Add(Receive("request", "ACK", optional: false));
        static string Request(string method, int cseq, string rest) => $"\n{method} [next_url] SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n[routes]\n"
            + $"From: <sip:callee@[local_ip]>;tag=[pid]callee[call_number]\nTo:[$1]\n[last_Call-ID:]\nCSeq: {cseq} {method}\nMax-Forwards: 70\n{rest}";
        var cseq = 10;
        foreach (var act in acts)
        {
            steps.Add(new XElement("pause", new XAttribute("milliseconds", (int)act.Pause.TotalMilliseconds)));
            foreach (var key in act.Keys)
            {
                steps.Add(Send(Request("INFO", ++cseq, $"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\r\nDuration=160\r\n"), retransmit: true));
                steps.Add(Receive("response", "200", optional: false));
                steps.Add(new XElement("pause", new XAttribute("milliseconds", 60)));
            }
        }
        if (behaviour == SippCallee.HangsUp)
        {
            steps.Add(new XElement("pause", new XAttribute("milliseconds", 6000)));
            steps.Add(Send(Request("BYE", ++cseq, "Reason: Q.850;cause=16\nContent-Length: 0\n"), retransmit: true));
            steps.Add(Receive("response", "200", optional: false));
        }
        else
        {
            steps.Add(Receive("request", "BYE", optional: false));
            steps.Add(Send("\nSIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n", retransmit: false));
            steps.Add(new XElement("nop", new XElement("action", new XElement("log", new XAttribute("message", "[$1]")))));
        }
        return Scenario(steps);
    }

    private static string Scenario(IEnumerable<XNode> steps) =>
        "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n" + new XElement("scenario", new XAttribute("name", "ivr"), steps);

    private static string Answer(string status) => $"SIP/2.0 {status}\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContact: <sip:caller@[local_ip]:[local_port];transport=[transport]>\nContent-Length: 0\n";

    private static XElement Send(string message, bool retransmit)
    {
        var send = new XElement("send", new XCData("\n" + message.Replace("\r\n", "\n", StringComparison.Ordinal) + "\n"));
        if (retransmit) send.Add(new XAttribute("retrans", "500"));
        return send;
    }

    private static XElement Receive(string kind, string what, bool optional)
    {
        var receive = new XElement("recv", new XAttribute(kind, what));
        if (optional) receive.Add(new XAttribute("optional", "true"));
        return receive;
    }

    private const string Invite = """
        INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
        Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
        From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]sipp[call_number]
        To: <sip:[service]@[remote_ip]:[remote_port]>
        Call-ID: [call_id]
        CSeq: 1 INVITE
        Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>
        Max-Forwards: 70
        Content-Type: application/sdp
        Content-Length: [len]

        v=0
        o=caller 1 1 IN IP4 [local_ip]
        s=-
        c=IN IP4 [local_ip]
        t=0 0
        m=audio [rtpport] RTP/AVP 0 101
        a=rtpmap:0 PCMU/8000
        a=rtpmap:101 telephone-event/8000
        a=fmtp:101 0-15
        a=ptime:20
        """;

    private static string InDialog(string method, int cseq, string body, string? contentType = null, string headers = "")
    {
        var message = new StringBuilder();
        message.Append("\n").Append(method).Append(" [next_url] SIP/2.0\n")
            .Append("Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n")
            .Append("[routes]\n")
            .Append("From: <sip:caller@[local_ip]:[local_port]>;tag=[pid]sipp[call_number]\n")
            .Append("To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]\n")
            .Append("Call-ID: [call_id]\n")
            .Append("CSeq: ").Append(cseq).Append(' ').Append(method).Append('\n')
            .Append("Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>\n")
            .Append("Max-Forwards: 70\n");
        message.Append(headers);
        if (contentType is not null) message.Append("Content-Type: ").Append(contentType).Append('\n');
        return message.Append("Content-Length: [len]\n\n").Append(body).ToString();
    }
}

/// <summary>Wait, then press keys.</summary>
internal readonly record struct SippAct(TimeSpan Pause, string Keys);

/// <summary>What somebody who is called does.</summary>
internal enum SippCallee
{
    /// <summary>Answers and waits for the end.</summary>
    Answers,

    /// <summary>Answers and hangs up after six seconds.</summary>
    HangsUp,
    Busy,
}

/// <summary>How a call ends.</summary>
internal enum SippEnd
{
    /// <summary>Waits for the server's BYE.</summary>
    AwaitBye,

    /// <summary>Sends BYE.</summary>
    HangUp,

    /// <summary>Takes a REFER, reports its success, and waits for BYE.</summary>
    AcceptTransfer,
}
