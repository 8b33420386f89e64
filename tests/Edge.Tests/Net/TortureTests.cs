using System.Net;
using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>
/// Every message of RFC 4475 and RFC 5118 over real sockets: what comes back is what answers.tsv says. "405" is a final response, "silence" none at all,
/// "closed" the end of the connection, "a|b" either of two that race, "unfinished" a stream that waits for the rest. A deviation from the RFC carries its reason in the same line.
/// </summary>
public sealed class TortureTests
{
    private const string Silence = "silence";
    private const string Closed = "closed";
    private const string Unfinished = "unfinished";

    [Theory]
    [InlineData("rfc4475", "UDP")]
    [InlineData("rfc4475", "TCP")]
    [InlineData("rfc5118", "UDP")]
    [InlineData("rfc5118", "TCP")]
    public async Task Every_torture_message_gets_the_answer_it_is_owed(string rfc, string transport)
    {
        List<EdgeHost> hosts = [];
        List<string> wrong = [];
        try
        {
            var seen = new Dictionary<string, int>();
            var address = 0;
            foreach (var row in Rows(rfc))
            {
                var message = Vectors.Read(rfc, row.File);
                // What has the transaction of an earlier file would be its repeat, so it goes to another edge.
                var key = TransactionOf(message);
                var turn = seen[key] = seen.GetValueOrDefault(key) + 1;
                if (hosts.Count < turn) hosts.Add(await EdgeHost.Start(address: rfc == "rfc5118" ? IPAddress.IPv6Loopback : null));
                var owed = transport == "UDP" ? row.Udp : row.Tcp;
                var from = rfc == "rfc5118" ? "::1" : $"127.0.31.{++address}";
                var got = await (transport == "UDP" ? AskByUdp(hosts[turn - 1], message, from) : AskByTcp(hosts[turn - 1], message, from, owed));
                if (!owed.Split('|').Contains(got)) wrong.Add($"{row.File}: {got}, owed {owed}");
            }
            Assert.True(wrong.Count == 0, string.Join(Environment.NewLine, wrong));
        }
        finally
        {
            foreach (var host in hosts) await host.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("rfc4475")]
    [InlineData("rfc5118")]
    public void Every_torture_file_has_its_answers(string rfc) =>
        Assert.Equal(Directory.GetFiles(Vectors.Path(rfc), "*.dat").Select(Path.GetFileName).Order(StringComparer.Ordinal), Rows(rfc).Select(row => row.File).Order(StringComparer.Ordinal));

    private static IEnumerable<(string File, string Udp, string Tcp)> Rows(string rfc) =>
        File.ReadLines(Vectors.Path(rfc, "answers.tsv")).Skip(1).Select(line => line.Split('\t')).Select(cells => (cells[0], cells[1], cells[2]));

    private static string TransactionOf(byte[] message)
    {
        var result = SipParser.Parse(message);
        var request = result.Message as SipRequest ?? result.Answerable;
        return request is null || request.Vias.Count == 0 ? "none" + Convert.ToHexString(message) : $"{request.Method} {request.TopVia.Host} {request.TopVia.Branch}";
    }

    /// <summary>Answers go to the port in a readable Via, so this is where the phone is.</summary>
    private static async Task<string> AskByUdp(EdgeHost host, byte[] message, string from)
    {
        var result = SipParser.Parse(message);
        var vias = (result.Message ?? result.Answerable)?.Vias ?? [];
        await using var phone = await Phone.UdpWhenFree(host.Udp, from, vias.Count == 0 ? 0 : vias[0].Port ?? 5060);
        await phone.Send(message);
        await phone.Request("OPTIONS", 1);
        return await Answers(phone, CSeqOf(message));
    }

    private static async Task<string> AskByTcp(EdgeHost host, byte[] message, string from, string owed)
    {
        await using var phone = await Phone.Stream(host.Tcp, tls: false, from);
        await phone.Send(message);
        if (owed != Unfinished)
        {
            // What stays unread when the edge closes would make the close a reset.
            if (!owed.EndsWith(Closed, StringComparison.Ordinal)) await phone.Request("OPTIONS", 1);
            return await Answers(phone, null);
        }
        await using var other = await Phone.Stream(host.Tcp, tls: false, from);
        await other.Request("OPTIONS", 1);
        Assert.Equal(200, (await other.Final()).Status);
        return phone.Available == 0 && !phone.IsClosed ? Unfinished : "more";
    }

    /// <summary>Final statuses up to the answer of an OPTIONS that was sent last, or the end of the stream. A call that began is waited for.</summary>
    private static async Task<string> Answers(Phone phone, string? cseq)
    {
        List<string> answers = [];
        bool probed = false, pending = false;
        while (!probed || pending)
        {
            string answer;
            try
            {
                answer = Encoding.Latin1.GetString(await phone.ReceiveBytes());
            }
            catch (EndOfStreamException)
            {
                answers.Add(Closed);
                break;
            }
            if (answer.Contains(phone.CallId, StringComparison.Ordinal)) probed = true;
            // On ::1 all phones have one address: a late repeat is for one that is gone.
            else if (cseq is null || answer.Contains(cseq, StringComparison.Ordinal))
            {
                pending = answer.StartsWith("SIP/2.0 1", StringComparison.Ordinal);
                if (!pending && !answers.Contains(answer[8..11])) answers.Add(answer[8..11]);
            }
        }
        return answers.Count == 0 ? Silence : string.Join(' ', answers);
    }

    private static string? CSeqOf(byte[] message) => SipParser.Parse(message).Message is { CSeq: var cseq } ? $"{cseq.Number} {cseq.Method}" : null;
}
