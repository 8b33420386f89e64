using System.Buffers;
using System.Globalization;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Tracing;

namespace IvrActors.Bench;

/// <summary>Parsing, answering and writing an INVITE with SDP, beside a naive parser in the same run.</summary>
public static class SipBench
{
    public static void Run()
    {
        var invite = File.ReadAllBytes(FindInvite());
        var request = (SipRequest)SipParser.Parse(invite).Message!;
        var output = new ArrayBufferWriter<byte>(4096);
        var reader = new SipReader();
        var masker = new SipMasker();
        var costs = Measurement.Compare(
            ("naive parse (string.Split)", () => Keep(NaiveSipParser.Parse(invite))),
            ("read and check", () => reader.Read(invite)),
            ("read, check, make a message", () => Keep(SipParser.Parse(invite).Message)),
            ("frame", () => Frame(invite)),
            ("… and what a call looks at", () => ReadAsCall(invite)),
            ("masked for a trace", () => Keep(masker.Mask(invite).Bytes)),
            ("write", () => Write(request, output)),
            ("… answered 200, written", () => Write(SipResponses.For((SipRequest)SipParser.Parse(invite).Message!, 200, "t1"), output)));

        Console.WriteLine($"INVITE of {invite.Length} bytes");
        foreach (var cost in costs)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cost}  {costs[0].Nanoseconds / cost.Nanoseconds,6:F2} x naive parse"));
    }

    private static object? _kept;

    /// <summary>Keeps the result reachable, so that the work can't be optimized away.</summary>
    private static void Keep(object? result) => _kept = result;

    private static void Frame(byte[] invite) => new SipFramer().Next(new ReadOnlySequence<byte>(invite));

    private static void ReadAsCall(byte[] invite)
    {
        var request = (SipRequest)SipParser.Parse(invite).Message!;
        Keep(request.TopVia.Branch);
        Keep(request.From.Tag);
        Keep(request.From.Uri.User);
        Keep(request.To.Uri.User);
        Keep(request.RequestUri.User);
        Keep(request.CallId);
        Keep(request.Contact?.Uri.Host);
    }

    private static void Write(SipMessage message, ArrayBufferWriter<byte> output)
    {
        output.ResetWrittenCount();
        SipWriter.Write(message, output);
    }

    private static string FindInvite()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var file = Path.Combine(folder.FullName, "tests", "Fuzz", "corpus", "message", "invite.dat");
            if (File.Exists(file))
                return file;
        }
        throw new FileNotFoundException("tests/Fuzz/corpus/message/invite.dat is not above " + AppContext.BaseDirectory);
    }
}
