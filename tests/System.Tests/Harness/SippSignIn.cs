using System.Globalization;
using System.Net.Sockets;

namespace IvrActors.SystemTests.Harness;

/// <summary>
/// A <c>sipp</c> that registers, or calls and hangs up, with its password when it is challenged. Debian's build speaks UDP and TCP, no TLS, and answers challenges
/// of MD5 only: at any other it stops.
/// </summary>
internal static class SippSignIn
{
    private const string Challenge = "<recv response=\"401\" auth=\"true\"/>\n";
    private const string Proof = "[authentication username=USER password=PASSWORD]\n";

    /// <summary>Exit code 0: every message was the expected one.</summary>
    /// <param name="refused">Whether the password is to be refused: then a challenge follows on the answer to a challenge.</param>
    public static Task<ChildProcess> Register(IvrServer server, bool tcp, string user, string password, bool refused = false) =>
        Run(server, tcp, user, password, $"127.0.0.1:{server.SipPort}", Registering(1) + Challenge + Registering(2, Proof) + (refused ? Challenge : "<recv response=\"200\"/>\n"));

    /// <summary>As <see cref="Register"/>.</summary>
    public static Task<ChildProcess> Call(IvrServer server, bool tcp, string user, string password, int rtpPort, bool refused = false)
    {
        var steps = Inviting(1) + Challenge + AckOfFailure(1) + Inviting(2, Proof);
        if (refused)
        {
            steps += Challenge + AckOfFailure(2);
        }
        else
        {
            steps += "<recv response=\"100\" optional=\"true\"/>\n<recv response=\"180\" optional=\"true\"/>\n<recv response=\"200\" rrs=\"true\"/>\n"
                + Send("ACK [next_url]", "ACK", 2, "[peer_tag_param]", repeat: false) + "<pause milliseconds=\"500\"/>\n"
                // Inside of the call no password is asked for.
                + Send("BYE [next_url]", "BYE", 3, "[peer_tag_param]") + "<recv response=\"200\"/>\n";
        }
        return Run(server, tcp, user, password, $"bank@127.0.0.1:{server.SipPort}", steps.Replace("RTPPORT", rtpPort.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal));
    }

    /// <param name="uri">For which it proves the password: one for all that it sends.</param>
    private static async Task<ChildProcess> Run(IvrServer server, bool tcp, string user, string password, string uri, string steps)
    {
        var sipp = Programs.Require("sipp");
        var file = Path.Combine(server.Folder, $"sign-in-{Guid.NewGuid():N}.xml");
        await File.WriteAllTextAsync(file, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<!DOCTYPE scenario SYSTEM \"sipp.dtd\">\n<scenario name=\"sign in\">\n"
            + steps.Replace("USER", user, StringComparison.Ordinal).Replace("PASSWORD", password, StringComparison.Ordinal) + "</scenario>\n");
        string[] arguments =
        [
            $"127.0.0.1:{server.SipPort}", "-t", tcp ? "t1" : "u1", "-sf", file, "-s", "bank", "-auth_uri", uri, "-i", "127.0.0.1", "-p", Ports.Free().ToString(CultureInfo.InvariantCulture), "-m", "1",
            "-nostdin", "-timeout", "30s", "-timeout_error", "-trace_err", "-error_file", Path.ChangeExtension(file, ".err"),
        ];
        return new ChildProcess(sipp, arguments, server.Folder, new Dictionary<string, string> { ["TERM"] = "dumb" });
    }

    private static string Registering(int sequence, string proof = "") => Send("REGISTER sip:[remote_ip]:[remote_port]", "REGISTER", sequence, "", proof + "Expires: 120\n", to: "USER@[remote_ip]");

    private static string Inviting(int sequence, string proof = "") => Send("INVITE sip:[service]@[remote_ip]:[remote_port]", "INVITE", sequence, "", proof + "Content-Type: application/sdp\n",
        body: "v=0\no=caller 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio RTPPORT RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\n");

    /// <summary>Part of the transaction of its INVITE: by the last branch.</summary>
    private static string AckOfFailure(int sequence) => Send("ACK sip:[service]@[remote_ip]:[remote_port]", "ACK", sequence, "[peer_tag_param]", repeat: false).Replace("[branch]", "[branch-2]", StringComparison.Ordinal);

    private static string Send(string line, string method, int sequence, string toTag, string headers = "", string to = "[service]@[remote_ip]", string body = "", bool repeat = true) =>
        $"<send{(repeat ? " retrans=\"500\"" : "")}><![CDATA[\n\n{line} SIP/2.0\nVia: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\nFrom: <sip:USER@[remote_ip]>;tag=[pid]sipp[call_number]\nTo: <sip:{to}>{toTag}\n"
        + $"Call-ID: [call_id]\nCSeq: {sequence} {method}\nContact: <sip:USER@[local_ip]:[local_port];transport=[transport]>\nMax-Forwards: 70\n{headers}Content-Length: [len]\n\n{body}]]></send>\n";
}
