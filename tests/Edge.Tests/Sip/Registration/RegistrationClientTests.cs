using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Registration;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Edges;
using Xunit;

namespace IvrActors.Edge.Tests.Sip.Registration;

public class RegistrationClientTests
{
    private const string Contact = "<sip:ivr@192.0.2.1:5061;transport=tls>";

    private long _now = TimeSpan.TicksPerHour;
    private double _random;
    private RegistrationClient _client;

    public RegistrationClientTests() => _client = NewClient();

    [Fact]
    public void The_request_names_the_address_of_record_and_our_contact()
    {
        var request = _client.Begin(Contact);
        Assert.Equal("REGISTER sips:carrier.example", $"{request.Method} {request.RequestUri}");
        Assert.Equal("<sips:ivr@carrier.example>", request.To.ToString());
        Assert.Equal("<sips:ivr@carrier.example>;tag=f", request.From.ToString());
        Assert.Equal(("c", 1u, Contact + ";expires=3600", "3600"), (request.CallId, request.CSeq.Number, request.Headers.First("Contact"), request.Headers.First("Expires")));
        _client.Await(_now);
        Assert.InRange(_client.NextDeadline - _now, Seconds(512), Seconds(1000));
    }

    [Theory]
    [InlineData(0, 0.85)]
    [InlineData(1, 0.90)]
    public void It_refreshes_at_85_to_90_percent_of_what_was_granted_to_our_contact(double random, double part)
    {
        _random = random;
        Answer(200, "Contact: <sip:other@h>;expires=20, <sip:ivr@192.0.2.1:5061;transport=tls>;expires=1000");
        Assert.Equal((TrunkRegistration.Registered, Seconds(1000)), (_client.State, _client.RegisteredUntil - _now));
        Assert.Equal(Seconds(1000 * part), _client.NextDeadline - _now, 10d);
    }

    [Theory]
    [InlineData("Expires: 600", 600)]
    [InlineData("", 3600)]
    [InlineData("Expires: 4294967295", 86400)]
    public void Without_a_parameter_of_our_contact_the_expires_header_or_what_was_asked_counts(string header, int granted)
    {
        Answer(200, header);
        Assert.Equal(Seconds(granted), _client.RegisteredUntil - _now);
    }

    [Fact]
    public void What_is_granted_for_a_moment_only_is_not_asked_for_all_the_time()
    {
        Answer(200, "Expires: 1");
        Assert.Equal(Seconds(10), _client.NextDeadline - _now);
    }

    [Fact]
    public void Failures_back_off_by_doubling_with_jitter_and_end_at_half_an_hour()
    {
        var waits = new List<double>();
        for (var i = 0; i < 9; i++)
        {
            _random = i % 2;
            Answer(i % 2 == 0 ? 503 : 0);
            waits.Add((_client.NextDeadline - _now) / (double)TimeSpan.TicksPerSecond);
            _now = _client.NextDeadline;
        }
        Assert.Equal([15, 60, 60, 240, 240, 960, 900, 1800, 900], waits);
        Assert.Equal((TrunkRegistration.Failing, TimeSpan.TicksPerHour, 503), (_client.State, _client.FailingSince, _client.LastStatus));
        _random = 0;
        Answer(200);
        Assert.Equal((TrunkRegistration.Registered, 0L), (_client.State, _client.FailingSince));
        Answer(0);
        Assert.Equal(Seconds(15), _client.NextDeadline - _now);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public void A_registrar_that_says_no_is_not_asked_often(int status)
    {
        Answer(status);
        Assert.Equal(Seconds(150), _client.NextDeadline - _now);
    }

    [Theory]
    [InlineData("Retry-After: 120 (maintenance)", 120)]
    [InlineData("Retry-After: 1", 15)]
    [InlineData("Retry-After: 99999999", 1800)]
    public void Retry_after_is_heeded_within_bounds(string header, int seconds)
    {
        Answer(503, header);
        Assert.Equal(Seconds(seconds), _client.NextDeadline - _now);
    }

    [Fact]
    public void A_423_is_asked_again_at_once_with_the_least_and_only_once()
    {
        Answer(423, "Min-Expires: 7200");
        Assert.Equal(_now, _client.NextDeadline);
        Assert.Equal("7200", _client.Begin(Contact).Headers.First("Expires"));
        Answer(423, "Min-Expires: 8000");
        Assert.True(_client.NextDeadline > _now);
        Assert.Equal(TrunkRegistration.Failing, _client.State);
    }

    [Fact]
    public void An_earlier_registration_stands_while_attempts_fail_until_it_expires()
    {
        Answer(200, "Expires: 100");
        _now += Seconds(85);
        Answer(0);
        Assert.Equal((TrunkRegistration.Failing, true), (_client.State, _client.RegisteredUntil > _now));
        _now += Seconds(16);
        Answer(0);
        Assert.Equal(0, _client.RegisteredUntil);
    }

    [Fact]
    public void Sequence_numbers_rise_over_what_credentials_and_lost_answers_used_up()
    {
        Assert.Equal(1u, _client.Begin(Contact).CSeq.Number);
        _client.Answered(_now, 2, Response(200, 2));
        Assert.Equal(3u, _client.Begin(Contact).CSeq.Number);
        _client.Answered(_now, 5, null);
        Assert.Equal(6u, _client.Begin(Contact).CSeq.Number);
    }

    [Fact]
    public void At_the_end_our_contact_is_taken_back_if_it_stands()
    {
        Assert.Null(_client.End(_now));
        _client = NewClient();
        Answer(200);
        var request = _client.End(_now)!;
        Assert.Equal((Contact + ";expires=0", "0"), (request.Headers.First("Contact"), request.Headers.First("Expires")));
        Assert.Equal((SipTimes.Never, TrunkRegistration.None), (_client.NextDeadline, _client.State));
    }

    [Fact]
    public void A_proxy_is_up_by_any_answer_and_down_after_two_that_are_missing()
    {
        var health = new TrunkHealth(Route(), TimeSpan.FromSeconds(30), "c", "f", () => 1);
        Assert.Equal(("OPTIONS", "sips:carrier.example", 1u), (health.Begin().Method, health.Begin().RequestUri.ToString(), 1u));
        health.Answered(_now, 1, null);
        Assert.Equal((TrunkProxy.Unknown, Seconds(30)), (health.State, health.NextDeadline - _now));
        health.Answered(_now, 9, Response(405, 9));
        Assert.Equal((TrunkProxy.Up, 10u), (health.State, health.Begin().CSeq.Number));
        health.Answered(_now, 10, Response(503, 10));
        Assert.Equal(TrunkProxy.Up, health.State);
        health.Answered(_now, 1, null);
        Assert.Equal(TrunkProxy.Down, health.State);
        health.End();
        Assert.Equal(SipTimes.Never, health.NextDeadline);
    }

    private static long Seconds(double seconds) => (long)(seconds * TimeSpan.TicksPerSecond);

    private RegistrationClient NewClient() => new(Route(), "c", "f", () => _random);

    private static OutboundRoute Route()
    {
        Assert.True(SipUri.TryParse("sips:sip.carrier.example", out var proxy));
        return new OutboundRoute { Proxy = proxy, FromDomain = "carrier.example", User = "ivr", Register = true };
    }

    /// <summary>One attempt; status 0 is no answer.</summary>
    private void Answer(int status, string header = "")
    {
        var request = _client.Begin(Contact);
        _client.Answered(_now, request.CSeq.Number, status == 0 ? null : Response(status, request.CSeq.Number, header));
    }

    private static SipResponse Response(int status, uint sequence, string header = "")
    {
        var response = new SipResponse(status, "");
        response.Headers.Add("CSeq", $"{sequence} REGISTER");
        var colon = header.IndexOf(':', StringComparison.Ordinal);
        if (colon > 0) response.Headers.Add(header[..colon], header[(colon + 2)..]);
        return response;
    }
}
