using System.Runtime.CompilerServices;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using Xunit;

namespace IvrActors.Grains.Tests.Audit;

public sealed class AuditChainTests
{
    private static readonly byte[] s_key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly AuditHead s_nothing = new() { Number = 0, Hash = [], Mac = [] };
    private static readonly DateTimeOffset s_at = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);
    private readonly AuditChain _chain = new("demo", s_key);

    [Fact]
    public async Task A_whole_chain_holds()
    {
        var (records, head) = Make(5);
        var verdict = await _chain.Verify(Stream(records), head);
        Assert.Null(verdict.Fault);
        Assert.Equal(5, verdict.Records);
        Assert.Null((await _chain.Verify(Stream([]), s_nothing)).Fault);
    }

    [Fact]
    public async Task Every_edit_of_every_field_is_found_at_its_record()
    {
        var (records, head) = Make(4);
        AuditRecord[] edits =
        [
            Edit(records[1], e => Entry(e, actor: "x")), Edit(records[1], e => Entry(e, action: "x")), Edit(records[1], e => Entry(e, result: AuditResult.Denied)),
            Edit(records[1], e => Entry(e, origin: "x")), Edit(records[1], e => Entry(e, about: "x")), Edit(records[1], e => Entry(e, detail: "x")),
            new AuditRecord { Tenant = "demo", Number = 2, At = records[1].At.AddMilliseconds(1), Entry = records[1].Entry, Hash = records[1].Hash },
            new AuditRecord { Tenant = "other", Number = 2, At = records[1].At, Entry = records[1].Entry, Hash = records[1].Hash },
            new AuditRecord { Tenant = "demo", Number = 2, At = records[1].At, Entry = records[1].Entry, Hash = [.. records[1].Hash.Select((b, i) => i == 31 ? (byte)(b ^ 1) : b)] },
            new AuditRecord { Tenant = "demo", Number = 2, At = records[1].At, Entry = records[1].Entry, Hash = [] },
        ];
        foreach (var edit in edits)
        {
            var verdict = await _chain.Verify(Stream([records[0], edit, records[2], records[3]]), head);
            Assert.Equal(1, verdict.Records);
            Assert.Contains("record 2", verdict.Fault, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Text_moved_from_one_field_to_the_next_is_found()
    {
        var first = _chain.Next(s_nothing, s_at, new AuditEntry { Actor = "ab", Action = "c", Result = AuditResult.Success });
        var moved = new AuditRecord { Tenant = "demo", Number = 1, At = first.At, Hash = first.Hash, Entry = new AuditEntry { Actor = "a", Action = "bc", Result = AuditResult.Success } };
        Assert.NotNull((await _chain.Verify(Stream([moved]), _chain.HeadAfter(first))).Fault);
    }

    [Fact]
    public async Task Removed_reordered_doubled_and_cut_off_records_are_found()
    {
        var (r, head) = Make(4);
        Assert.Equal("record 2 is missing: record 3 stands in its place", await Fault([r[0], r[2], r[3]], head));
        Assert.Equal("record 1 is missing: record 2 stands in its place", await Fault([r[1], r[2], r[3]], head));
        Assert.Equal("record 2 is missing: record 3 stands in its place", await Fault([r[0], r[2], r[1], r[3]], head));
        Assert.Equal("record 2 is missing: record 1 stands in its place", await Fault([r[0], r[0], r[1]], head));
        Assert.Equal("records 4 to 4 were cut off the end", await Fault(r[..3], head));
        Assert.Equal("records 1 to 4 were cut off the end", await Fault([], head));
        Assert.Contains("head names record 3", await Fault(r, _chain.HeadAfter(r[2])), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_removed_record_with_the_rest_renumbered_is_found()
    {
        var (r, head) = Make(3);
        var renumbered = new AuditRecord { Tenant = "demo", Number = 2, At = r[2].At, Entry = r[2].Entry, Hash = r[2].Hash };
        Assert.Contains("record 2 was changed", await Fault([r[0], renumbered], head), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_head_made_for_a_shorter_chain_without_the_key_is_found()
    {
        var (r, head) = Make(3);
        var forged = new AuditHead { Number = 2, Hash = r[1].Hash, Mac = head.Mac };
        Assert.Equal("the head was changed, or made without the key", await Fault(r[..2], forged));
        Assert.Equal("the head was changed, or made without the key", await Fault([], new AuditHead { Number = 0, Hash = [], Mac = head.Mac }));
    }

    [Fact]
    public async Task Without_the_key_no_record_can_be_made()
    {
        var stranger = new AuditChain("demo", new byte[32]);
        var record = stranger.Next(s_nothing, s_at, SomeEntry(1));
        Assert.NotNull(await Fault([record], stranger.HeadAfter(record)));
    }

    // The canonical form is a promise to every ledger already written. Computed by a program of its own from the form that AuditChain documents.
    [Fact]
    public void The_form_of_version_1_stays()
    {
        var record = _chain.Next(s_nothing, s_at, SomeEntry(1));
        Assert.Equal("da49f7cf15413b820e344b9d080ee562982ff35191887b8637a32f570fd98333", Convert.ToHexStringLower(record.Hash));
        Assert.Equal("e2519b8fdbe94f3132793a939f11961454cef955346460fd2d533063f385a0bd", Convert.ToHexStringLower(_chain.HeadAfter(record).Mac));
    }

    [Fact]
    public void Time_is_kept_in_UTC_to_the_millisecond()
    {
        var record = _chain.Next(s_nothing, new DateTimeOffset(2026, 5, 4, 12, 0, 0, TimeSpan.FromHours(2)).AddTicks(12345), SomeEntry(1));
        Assert.Equal(new DateTimeOffset(2026, 5, 4, 10, 0, 0, 1, TimeSpan.Zero), record.At);
        Assert.Equal(TimeSpan.Zero, record.At.Offset);
    }

    [Theory]
    [InlineData("plain text, 42 v=3", "plain text, 42 v=3")]
    [InlineData("a\nb\rc\0d", "a\\u000Ab\\u000Dc\\u0000d")]
    [InlineData("right\u202Eleft", "right\\u202Eleft")]
    [InlineData("\\u000A", "\\u005Cu000A")]
    [InlineData("\ud83d\udcde", "\ud83d\udcde")]
    public void Text_of_others_is_escaped(string text, string clean)
    {
        Assert.Equal(clean, AuditText.Clean(text + "\u0001")[..^6]);
        Assert.Equal(clean, AuditText.Clean(text));
    }

    [Fact]
    public void Half_a_character_is_escaped() => Assert.Equal("a\\uD83Db", AuditText.Clean("a" + (char)0xd83d + "b"));

    [Fact]
    public void Text_of_others_is_bounded()
    {
        Assert.Equal(AuditText.MostCharacters, AuditText.Clean(new string('x', 100_000)).Length);
        Assert.InRange(AuditText.Clean(new string('\n', 100_000)).Length, 1, AuditText.MostCharacters);
        Assert.Equal("", AuditText.Clean((string?)null));
    }

    private async Task<string> Fault(IEnumerable<AuditRecord> records, AuditHead head) => (await _chain.Verify(Stream(records), head)).Fault ?? "none";

    private (List<AuditRecord> Records, AuditHead Head) Make(int count)
    {
        var records = new List<AuditRecord>();
        var head = s_nothing;
        for (var i = 1; i <= count; i++)
        {
            records.Add(_chain.Next(head, s_at.AddSeconds(i), SomeEntry(i)));
            head = _chain.HeadAfter(records[^1]);
        }
        return (records, head);
    }

    private static AuditEntry SomeEntry(int i) => new() { Actor = $"actor {i}", Action = "factor.verified", Result = AuditResult.Failure, Origin = "unattested", Object = $"call-{i}", Detail = "pin" };

    private static AuditRecord Edit(AuditRecord record, Func<AuditEntry, AuditEntry> edit) =>
        new() { Tenant = record.Tenant, Number = record.Number, At = record.At, Entry = edit(record.Entry), Hash = record.Hash };

    private static AuditEntry Entry(AuditEntry e, string? actor = null, string? action = null, AuditResult? result = null, string? origin = null, string? about = null, string? detail = null) =>
        new() { Actor = actor ?? e.Actor, Action = action ?? e.Action, Result = result ?? e.Result, Origin = origin ?? e.Origin, Object = about ?? e.Object, Detail = detail ?? e.Detail };

    private static async IAsyncEnumerable<AuditRecord> Stream(IEnumerable<AuditRecord> records)
    {
        await Task.Yield();
        foreach (var record in records) yield return record;
    }
}
