using System.Net;
using CsCheck;
using IvrActors.Dashboard.Flows;
using IvrActors.Dashboard.Live;
using IvrActors.Dashboard.Operators;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;
using Xunit;

namespace IvrActors.Dashboard.Tests;

public sealed class RuleTests
{
    // RFC 6238 appendix B, SHA-1, key "12345678901234567890": the last six of the eight digits.
    [Theory]
    [InlineData(59, "287082", 1)]
    [InlineData(1111111109, "081804", 37037036)]
    [InlineData(20000000000, "353130", 666666666)]
    public void Codes_are_those_of_rfc_6238(long seconds, string code, long step) =>
        Assert.Equal(step, Authenticator.StepOf("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", code, DateTimeOffset.FromUnixTimeSeconds(seconds)));

    [Theory]
    [InlineData(89, true)] // the step after
    [InlineData(90, false)] // two steps after
    [InlineData(29, false)] // a step before
    public void A_code_is_taken_in_its_step_and_the_next(long seconds, bool taken) =>
        Assert.Equal(taken, Authenticator.StepOf("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "287082", DateTimeOffset.FromUnixTimeSeconds(seconds)) is not null);

    [Fact]
    public void A_key_has_160_bits_and_a_recovery_code_is_read_however_it_is_typed()
    {
        Assert.Equal(32, Authenticator.NewKey().Length);
        var codes = RecoveryCodes.Create();
        Assert.Equal(RecoveryCodes.Count, codes.Distinct().Count());
        Assert.All(codes, code => Assert.True(RecoveryCodes.LooksLikeOne(code)));
        Assert.Equal(RecoveryCodes.Hash(codes[0]), RecoveryCodes.Hash(codes[0].Replace("-", " ").ToLowerInvariant()));
        Assert.NotEqual(RecoveryCodes.Hash(codes[0]), RecoveryCodes.Hash(codes[1]));
        Assert.False(RecoveryCodes.LooksLikeOne("123456"));
    }

    [Fact]
    public void A_calls_figures_are_ours_and_then_the_peers_and_a_dash_where_nothing_is_known()
    {
        var call = Samples.Call(DateTimeOffset.UnixEpoch, loss: 0.012, jitter: 3.14, quality: new MediaQuality { PeerLoss = 0.001, PeerJitterMs = 7, RoundTripMs = 48.4, Mos = 4.126 });
        Assert.Equal(("1.2 / 0.1 %", "3.1 / 7.0 ms", "48 ms", "4.13"), (CallText.Loss(call), CallText.Jitter(call), CallText.RoundTrip(call), CallText.Mos(call)));
        var early = Samples.Call(DateTimeOffset.UnixEpoch);
        Assert.Equal(("0.0 / – %", "1.5 / – ms", "–", "–"), (CallText.Loss(early), CallText.Jitter(early), CallText.RoundTrip(early), CallText.Mos(early)));
    }

    [Fact]
    public void A_call_is_poor_when_either_end_hears_badly()
    {
        Assert.False(CallText.IsPoor(Samples.Call(DateTimeOffset.UnixEpoch)));
        Assert.False(CallText.IsPoor(Samples.Call(DateTimeOffset.UnixEpoch, quality: new MediaQuality { Mos = 3.7, PeerLoss = 0.01 })));
        Assert.True(CallText.IsPoor(Samples.Call(DateTimeOffset.UnixEpoch, quality: new MediaQuality { Mos = 3.5 })));
        Assert.True(CallText.IsPoor(Samples.Call(DateTimeOffset.UnixEpoch, quality: new MediaQuality { Mos = 4, PeerLoss = 0.03 })));
        Assert.True(CallText.IsPoor(Samples.Call(DateTimeOffset.UnixEpoch, loss: 0.03, quality: new MediaQuality { Mos = 4 })));
    }

    [Theory]
    [InlineData("192.0.2.77", "192.0.2.0/24")]
    [InlineData("::ffff:192.0.2.77", "192.0.2.0/24")]
    [InlineData("2001:db8:1:2:3::4", "2001:db8:1::/48")]
    public void An_operators_machine_is_named_by_its_network(string address, string network) => Assert.Equal(network, OperatorActs.Network(IPAddress.Parse(address)));

    [Theory]
    [InlineData("ada", true)]
    [InlineData("a.b-c@example.org", true)]
    [InlineData("ad", false)]
    [InlineData("ada|administrator", false)]
    [InlineData("ada\n", false)]
    [InlineData("1ada", false)]
    [InlineData(null, false)]
    public void Names_are_plain(string? name, bool isName) => Assert.Equal(isName, Credentials.IsName(name));

    [Fact]
    public void Boxes_of_any_flow_stand_apart_and_ways_end_at_their_boxes()
    {
        var graphs = from size in Gen.Int[1, 14]
                     from edges in Gen.Select(Gen.Int[0, 13], Gen.Int[0, 13]).Array[0, 40]
                     select new FlowGraph
                     {
                         Flow = "any",
                         Version = "1",
                         Steps = [.. Enumerable.Range(0, size).Select(i => new FlowGraphStep { Name = $"s{i}", Kind = "play" })],
                         Edges = [.. edges.Select(edge => new FlowGraphEdge { From = $"s{edge.Item1 % size}", To = $"s{edge.Item2 % size}", Label = "next" })],
                     };
        graphs.Sample(graph =>
        {
            var drawing = FlowLayout.Of(graph);
            var boxes = drawing.Steps.ToDictionary(step => step.Step.Name);
            Assert.Equal(graph.Steps.Count, boxes.Count);
            foreach (var a in drawing.Steps)
            {
                Assert.InRange(a.X, 0, drawing.Width - FlowLayout.BoxWidth);
                Assert.InRange(a.Y, 0, drawing.Height - FlowLayout.BoxHeight);
                foreach (var b in drawing.Steps.Where(b => b != a)) Assert.True(Math.Abs(a.X - b.X) >= FlowLayout.BoxWidth || Math.Abs(a.Y - b.Y) >= FlowLayout.BoxHeight);
            }
            Assert.Equal(graph.Edges.Select(edge => (edge.From, edge.To)).Distinct().Count(), drawing.Edges.Count);
            foreach (var edge in drawing.Edges)
            {
                Assert.True(Touches(boxes[edge.From], edge.Points[0]) && Touches(boxes[edge.To], edge.Points[^1]));
            }
        }, iter: 300);
    }

    [Fact]
    public void A_flow_of_thousands_of_steps_is_laid_out_too()
    {
        var drawing = FlowLayout.Of(new FlowGraph
        {
            Flow = "long",
            Version = "1",
            Steps = [.. Enumerable.Range(0, 3000).Select(i => new FlowGraphStep { Name = $"s{i}", Kind = "play" })],
            Edges = [.. Enumerable.Range(1, 2999).Select(i => new FlowGraphEdge { From = $"s{i - 1}", To = $"s{i}", Label = "next" })],
        });
        Assert.Equal(3000, drawing.Steps.Select(step => step.Y).Distinct().Count());
    }

    [Fact]
    public void A_ledger_record_is_counted_once_in_its_minute_and_leaves_after_half_an_hour()
    {
        var counter = new ActivityCounter();
        var now = DateTimeOffset.UnixEpoch.AddDays(20000).AddSeconds(30);
        AuditRecord[] records =
        [
            Record(1, "call.admitted", AuditResult.Success, now.AddMinutes(-1)),
            Record(2, "factor.verified", AuditResult.Success, now),
            Record(3, "factor.verified", AuditResult.Denied, now),
            Record(4, "call.rejected", AuditResult.Denied, now),
        ];
        counter.Add("demo", records, complete: true, now);
        counter.Add("demo", records, complete: true, now);

        var activity = counter.Read(now);
        Assert.Equal(1, activity.CallsPerMinute);
        Assert.Equal(new Minute(0, 1, 1, 1), activity.ByMinute[^1]);
        Assert.False(activity.IsPartial);
        Assert.Equal(0, counter.Read(now.AddMinutes(30)).Verified);
        counter.Add("demo", [], complete: false, now);
        Assert.True(counter.Read(now).IsPartial);
    }

    [Fact]
    public void A_chart_of_nothing_and_of_zeros_is_drawn_without_a_fault()
    {
        Assert.Equal("", Charts.Line([], 120));
        Assert.Equal("", Charts.Bars([0, 0, 0]));
        Assert.Equal("M238 48L240 48", Charts.Line([0, 0], 121));
        Assert.Contains("V3h", Charts.Bars([1, 9], null, [0, 0]));
    }

    private static bool Touches(PlacedStep box, (double X, double Y) point) =>
        point.X >= box.X - 0.01 && point.X <= box.X + FlowLayout.BoxWidth + 0.01 && point.Y >= box.Y - 0.01 && point.Y <= box.Y + FlowLayout.BoxHeight + 0.01;

    private static AuditRecord Record(long number, string action, AuditResult result, DateTimeOffset at) => new()
    {
        Tenant = "demo",
        Number = number,
        At = at,
        Hash = [],
        Entry = new AuditEntry { Actor = "system", Action = action, Result = result },
    };
}
