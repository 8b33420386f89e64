using System.Buffers;
using IvrActors.Edge.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Message;

/// <summary>What a sender of each torture message gets back from a voice-response server.</summary>
public sealed class OwedAnswerTests
{
    private static readonly ScreeningRules Ivr = new()
    {
        Methods = ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"],
        Extensions = ["timer"],
        ContentTypes = new Dictionary<string, IReadOnlyList<string>>
        {
            ["INVITE"] = ["application/sdp"],
            ["INFO"] = ["application/dtmf-relay"],
        },
    };

    [Theory]
    [InlineData("TC_BADINV01_I.dat", 400)]
    [InlineData("TC_CLERR_I.dat", 400)]
    [InlineData("TC_NCL_I.dat", 400)]
    [InlineData("TC_SCALAR02_V.dat", 400)]
    [InlineData("TC_QUOTBAL_I.dat", 400)]
    [InlineData("TC_LTGTRURI_I.dat", 400)]
    [InlineData("TC_LWSRURI_I.dat", 400)]
    [InlineData("TC_LWSSTART_V.dat", 400)]
    [InlineData("TC_TRWS_I.dat", 400)]
    [InlineData("TC_ESCRURI_V.dat", 400)]
    [InlineData("TC_BADDATE_V.dat", 400)]
    [InlineData("TC_REGBADCT_I.dat", 400)]
    [InlineData("TC_BADASPEC_I.dat", 400)]
    [InlineData("TC_MISMATCH01_V.dat", 400)]
    [InlineData("TC_INSUF_I.dat", 400)]
    [InlineData("TC_MULTI01_I.dat", 400)]
    [InlineData("TC_MCL01_I.dat", 400)]
    [InlineData("TC_BADVERS_V.dat", 505)]
    [InlineData("TC_MISMATCH02_V.dat", 501)]
    [InlineData("TC_INTMETH.dat", 501)]
    [InlineData("TC_ESC02_V.dat", 501)]
    [InlineData("TC_UNKSCM_V.dat", 416)]
    [InlineData("TC_NOVELSC_V.dat", 416)]
    [InlineData("TC_BEXT01_V.dat", 420)]
    [InlineData("TC_INVUT_V.dat", 415)]
    [InlineData("TC_REGAUT01_V.dat", 405)]
    [InlineData("TC_REGESCRT_V.dat", 405)]
    [InlineData("TC_CPARAM01_V.dat", 405)]
    [InlineData("TC_MPART01.dat", 405)]
    [InlineData("TC_SDP01_V.dat", 406)]
    public void A_torture_request_is_refused_with_the_status_it_is_owed(string file, int status)
    {
        var response = Answer(file);

        Assert.NotNull(response);
        Assert.Equal(status, response.Status);
        Assert.True(response.Headers.Contains("Via"));
    }

    [Theory]
    [InlineData("TC_DBLREQ.dat", "REGISTER")]
    [InlineData("TC_CPARAM01_V.dat", "REGISTER")]
    [InlineData("TC_CPARAM02_V.dat", "REGISTER")]
    [InlineData("TC_REGESCRT_V.dat", "REGISTER")]
    public void A_torture_registration_passes_a_registrar(string file, string method)
    {
        var request = Assert.IsType<SipRequest>(SipParser.Parse(Vectors.Read("rfc4475", file)).Message);
        var registrar = new ScreeningRules { Methods = [method], Extensions = [], ContentTypes = Ivr.ContentTypes };

        Assert.Null(RequestScreening.Screen(request, registrar));
    }

    [Theory]
    [InlineData("TC_WSINV.dat")]
    [InlineData("TC_ESC01_V.dat")]
    [InlineData("TC_LWSDISP_V.dat")]
    [InlineData("TC_LONGREQ_V.dat")]
    [InlineData("TC_SEMIURI_V.dat")]
    [InlineData("TC_TRANSPORTS_V.dat")]
    [InlineData("TC_ZEROMF_V.dat")]
    [InlineData("TC_INV2543_I.dat")]
    [InlineData("TC_BADBRANCH_V.dat")]
    public void A_torture_request_that_is_right_is_let_through(string file)
    {
        var request = Assert.IsType<SipRequest>(SipParser.Parse(Vectors.Read("rfc4475", file)).Message);

        Assert.Null(RequestScreening.Screen(request, Ivr));
    }

    [Theory]
    [InlineData("TC_SCALARLG_V.dat")]
    [InlineData("TC_BIGCODE_V.dat")]
    public void A_malformed_response_is_dropped_silently(string file)
    {
        var result = SipParser.Parse(Vectors.Read("rfc4475", file));

        Assert.Null(result.Message);
        Assert.Null(result.AnswerStatus);
    }

    [Fact]
    public void A_response_whose_via_is_not_ours_is_dropped()
    {
        var response = Assert.IsType<SipResponse>(SipParser.Parse(Vectors.Read("rfc4475", "TC_BCAST_V.dat")).Message);

        Assert.False(ResponseScreening.IsOurs(response, response.TopVia.Host, response.TopVia.Port ?? 5060));
    }

    [Theory]
    [InlineData("TC_NCL_I.dat", SipRejection.MalformedContentLength)]
    [InlineData("TC_MCL01_I.dat", SipRejection.RepeatedContentLength)]
    public void A_stream_whose_content_length_is_unusable_is_answered_and_closed(string file, SipRejection rejection)
    {
        var bytes = Vectors.Read("rfc4475", file);
        var framer = new SipFramer();
        var frame = framer.Next(new ReadOnlySequence<byte>(bytes));

        Assert.Equal(SipFrameKind.Fault, frame.Kind);
        Assert.Equal(rejection, frame.Rejection);
        Assert.Equal(400, SipParser.ParseFramed(bytes.AsMemory(0, frame.Length)).AnswerStatus);
    }

    [Fact]
    public void A_405_names_the_methods_that_are_served() =>
        Assert.Equal("INVITE, ACK, BYE, CANCEL, OPTIONS, INFO", Answer("TC_REGAUT01_V.dat")!.Headers.First("Allow"));

    [Fact]
    public void A_415_names_the_types_that_are_understood() =>
        Assert.Equal("application/sdp", Answer("TC_INVUT_V.dat")!.Headers.First("Accept"));

    [Fact]
    public void A_420_names_what_is_required_but_not_what_proxies_must_support() =>
        Assert.Equal("nothingSupportsThis, nothingSupportsThisEither", Answer("TC_BEXT01_V.dat")!.Headers.First("Unsupported"));

    [Fact]
    public void A_supported_extension_may_be_required() =>
        Assert.Null(Screen("INVITE", "Require: timer\r\n"));

    [Fact]
    public void A_cancel_may_require_anything() =>
        Assert.Null(Screen("CANCEL", "Require: nonsense\r\n"));

    [Fact]
    public void An_ack_is_never_refused() =>
        Assert.Null(Screen("ACK", "Require: nonsense\r\nContent-Type: text/odd\r\n", "x"));

    [Fact]
    public void Dtmf_of_an_info_passes_and_other_bodies_do_not()
    {
        Assert.Null(Screen("INFO", "Content-Type: Application/DTMF-Relay;x=1\r\n", "Signal=1\r\n"));
        Assert.Equal(new Refusal(415, "Accept", "application/dtmf-relay"), Screen("INFO", "Content-Type: application/sdp\r\n", "v=0\r\n"));
    }

    [Fact]
    public void An_encoded_body_is_refused() =>
        Assert.Equal(new Refusal(415, "Accept-Encoding", "identity"), Screen("INVITE", "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", "v=0"));

    [Theory]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b--", null)]
    [InlineData("--b\r\nContent-Type: text/plain\r\n\r\nno offer\r\n--b--", null)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", 400)]
    [InlineData("--b\r\nContent-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\ndj0w\r\n--b--", 415)]
    [InlineData("--b\r\nContent-Type: text/odd\r\nContent-Disposition: render;handling=required\r\n\r\nx\r\n--b--", 415)]
    public void A_multipart_that_cannot_be_read_or_understood_is_no_invite_without_offer(string body, int? status)
    {
        var rules = new ScreeningRules
        {
            Methods = ["INVITE"],
            Extensions = [],
            ContentTypes = new Dictionary<string, IReadOnlyList<string>> { ["INVITE"] = ["application/sdp", "multipart/mixed"] },
        };
        var invite = Assert.IsType<SipRequest>(SipParser.Parse(Samples.Request("INVITE", "Content-Type: multipart/mixed;boundary=b\r\n", body)).Message);

        Assert.Equal(status, RequestScreening.Screen(invite, rules)?.Status);
    }

    [Fact]
    public void A_body_without_a_type_is_refused() => Assert.Equal(400, Screen("INVITE", "", "v=0")?.Status);

    [Fact]
    public void A_body_marked_optional_is_ignored() =>
        Assert.Null(Screen("INVITE", "Content-Type: text/odd\r\nContent-Disposition: render;handling=optional\r\n", "x"));

    [Theory]
    [InlineData("MESSAGE")]
    [InlineData("SUBSCRIBE")]
    [InlineData("REGISTER")]
    [InlineData("PUBLISH")]
    public void A_known_method_that_is_not_served_is_refused_with_405(string method) => Assert.Equal(405, Screen(method, "")?.Status);

    private static Refusal? Screen(string method, string headers, string body = "") =>
        RequestScreening.Screen(Assert.IsType<SipRequest>(SipParser.Parse(Samples.Request(method, headers, body)).Message), Ivr);

    private static SipResponse? Answer(string file)
    {
        var result = SipParser.Parse(Vectors.Read("rfc4475", file));
        if (result.Answerable is not null)
            return SipResponses.For(result.Answerable, result.AnswerStatus!.Value, "t1");
        var request = Assert.IsType<SipRequest>(result.Message);
        return RequestScreening.Screen(request, Ivr)?.ToResponse(request, "t1");
    }
}
