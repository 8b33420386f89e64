using System.Text;
using IvrActors.Edge.Sip.Message;
using IvrActors.Grains.Interfaces.Calls;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>One edge for all tests of a class: what a test before has sent must not have harmed it either.</summary>
public sealed class SharedEdge : IAsyncLifetime
{
    /// <summary>Where bad input comes from.</summary>
    internal const string Bad = "127.0.31.66";

    /// <summary>Where good calls come from.</summary>
    internal const string Good = "127.0.31.7";

    internal EdgeHost Host { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Host = await EdgeHost.Start();

    public ValueTask DisposeAsync() => Host.DisposeAsync();

    /// <summary>The flow that answers each call.</summary>
    internal static List<CallCommand>? Answers(CallEvent e) => e is CallOffered ? [new Answer()] : [];

    /// <summary>Media sessions opened so far.</summary>
    internal int Sessions
    {
        get
        {
            lock (Host.Media.Sessions) return Host.Media.Sessions.Count;
        }
    }

    /// <summary>Waits until the media of all calls since then is freed.</summary>
    internal Task AllFreed(int since, int atLeast) => EdgeHost.Until(() =>
    {
        lock (Host.Media.Sessions)
        {
            return Host.Media.Sessions.Count >= since + atLeast && Host.Media.Sessions.Skip(since).All(session => session.Disposed);
        }
    });

    /// <summary>Status of the final answer to one datagram.</summary>
    internal async Task<int> Ask(Sent sent)
    {
        await using var phone = Phone.Udp(Host.Udp, Bad);
        await phone.Send(sent.ToBytes());
        return await phone.FinalStatus();
    }

    /// <summary>Sends a datagram and then an OPTIONS: the first answer is that of the OPTIONS.</summary>
    internal async Task GetsNoAnswer(Sent sent)
    {
        await using var phone = Phone.Udp(Host.Udp, Bad);
        await phone.Send(sent.ToBytes());
        await phone.Request("OPTIONS", 1);
        Assert.Equal(phone.CallId, (await phone.Receive()).CallId);
    }

    /// <summary>A call that is answered, confirmed, and ended by the caller.</summary>
    internal async Task GoodCall(string transport = "UDP")
    {
        await using var phone = transport == "UDP" ? Phone.Udp(Host.Udp, Good) : await Phone.Stream(Host.Tcp, tls: false, Good);
        var answer = await Connect(phone);
        await phone.Request("BYE", 2, answer.To.Tag);
        Assert.Equal(200, (await phone.FinalOf("BYE")).Status);
    }

    internal static async Task<SipResponse> Connect(Phone phone)
    {
        await phone.Request("INVITE", 1, body: "v=0\r\n", type: "application/sdp");
        var answer = await phone.Final();
        Assert.Equal(200, answer.Status);
        await phone.Request("ACK", 1, answer.To.Tag);
        return answer;
    }
}

/// <summary>A request as a stranger may write it; what is not set is as it should be. Answers come to the source port.</summary>
internal sealed record Sent(string Method)
{
    private static int s_last;

    private readonly int _number = Interlocked.Increment(ref s_last);

    public string Transport { get; init; } = "UDP";
    public string Uri { get; init; } = "sip:bank@127.0.0.1";
    public string? Via { get; init; }
    public string? ViaParameters { get; init; }
    public string? From { get; init; }
    public string FromParameters { get; init; } = "tag=f";
    public string To { get; init; } = "<sip:bank@127.0.0.1>";
    public string? CSeq { get; init; }

    /// <summary>Header lines between the usual ones and Content-Length.</summary>
    public string More { get; init; } = "";
    public string? Length { get; init; }
    public string Body { get; init; } = "";

    public byte[] ToBytes() => Encoding.Latin1.GetBytes(
        $"{Method} {Uri} SIP/2.0\r\n"
        + $"Via: {Via ?? $"SIP/2.0/{Transport} 127.0.31.66:9;rport;{ViaParameters ?? $"branch=z9hG4bKsent{_number}"}"}\r\n"
        + $"Max-Forwards: 70\r\nFrom: {From ?? "<sip:+4915550001@127.0.0.1>;" + FromParameters}\r\nTo: {To}\r\nCall-ID: sent{_number}\r\n"
        + $"CSeq: {CSeq ?? "1 " + Method}\r\n{(More.Contains("Contact:", StringComparison.Ordinal) ? "" : "Contact: <sip:caller@127.0.31.66:9>\r\n")}{More}"
        + $"Content-Length: {Length ?? Body.Length.ToString(System.Globalization.CultureInfo.InvariantCulture)}\r\n\r\n{Body}");
}
