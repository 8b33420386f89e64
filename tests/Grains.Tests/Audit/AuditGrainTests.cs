using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Tests.Callers;
using Xunit;

namespace IvrActors.Grains.Tests.Audit;

[Collection(CallersCluster.Name)]
public sealed class AuditGrainTests(CallersCluster cluster)
{
    // A ledger of its own for each test.
    private readonly string _tenant = "t" + Guid.NewGuid().ToString("N");

    private IAuditGrain Ledger => cluster.Grains.GetGrain<IAuditGrain>(IAuditGrain.Key(_tenant));

    [Fact]
    public async Task Records_are_numbered_from_one_and_the_chain_goes_on_after_a_restart()
    {
        Assert.Equal(1, await Ledger.Append(Entry("a")));
        Assert.Equal(2, await Ledger.Append(Entry("b")));
        await cluster.ForgetActivations();
        Assert.Equal(3, await Ledger.Append(Entry("c")));
        var verdict = await Ledger.Verify();
        Assert.Null(verdict.Fault);
        Assert.Equal(3, verdict.Records);
    }

    [Fact]
    public async Task What_comes_during_a_write_is_written_together_and_nothing_answers_before_it_is_durable()
    {
        var gate = new TaskCompletionSource();
        var entered = new TaskCompletionSource();
        cluster.Ledger.BeforeAppend = tenant =>
        {
            if (tenant != _tenant) return Task.CompletedTask;
            entered.TrySetResult();
            return gate.Task;
        };
        try
        {
            var first = Ledger.Append(Entry("first"));
            await entered.Task.WaitAsync(TimeSpan.FromSeconds(30));
            var others = Enumerable.Range(0, 100).Select(i => Ledger.Append(Entry($"other {i}"))).ToList();
            // A later request to the same activation has been served, so most of the appends before it wait in the grain: Orleans promises no order.
            await Ledger.Search(new AuditQuery());
            Assert.False(first.IsCompleted);
            Assert.All(others, o => Assert.False(o.IsCompleted));
            gate.SetResult();
            var numbers = await Task.WhenAll(others).WaitAsync(TimeSpan.FromSeconds(30));
            Assert.Equal(1, await first);
            Assert.Equal(Enumerable.Range(2, 100).Select(n => (long)n), numbers.Order());
            Assert.InRange(cluster.Ledger.TransactionsOf(_tenant), 2, 50);
        }
        finally
        {
            gate.TrySetResult();
            cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        }
        Assert.Null((await Ledger.Verify()).Fault);
    }

    [Fact]
    public async Task A_record_goes_behind_what_another_writer_appended_meanwhile()
    {
        await Ledger.Append(Entry("kept"));
        var conflicts = 2;
        cluster.Ledger.BeforeAppend = tenant => tenant == _tenant && conflicts-- > 0 ? throw new AuditConflictException() : Task.CompletedTask;
        Assert.Equal(2, await Ledger.Append(Entry("behind it")));
        cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        Assert.Null((await Ledger.Verify()).Fault);
    }

    [Fact]
    public async Task A_failed_write_fails_all_that_wait_and_the_next_goes_on_without_a_gap()
    {
        await Ledger.Append(Entry("kept"));
        cluster.Ledger.BeforeAppend = async tenant =>
        {
            if (tenant != _tenant) return;
            await Task.Delay(20);
            throw new IOException("disk full");
        };
        var failed = Enumerable.Range(0, 10).Select(i => Ledger.Append(Entry($"lost {i}"))).ToList();
        foreach (var append in failed) await Assert.ThrowsAsync<InvalidOperationException>(() => append);
        cluster.Ledger.BeforeAppend = _ => Task.CompletedTask;
        Assert.Equal(2, await Ledger.Append(Entry("after")));
        Assert.Null((await Ledger.Verify()).Fault);
    }

    [Fact]
    public async Task Tampering_with_the_table_is_found_and_a_forged_head_stops_the_ledger()
    {
        for (var i = 0; i < 5; i++) await Ledger.Append(Entry($"entry {i}"));
        var kept = cluster.Ledger.Of(_tenant);
        cluster.Ledger.Tamper(_tenant, r => r.RemoveAt(4));
        Assert.Equal("records 5 to 5 were cut off the end", (await Ledger.Verify()).Fault);
        cluster.Ledger.Tamper(_tenant, r => { r.Add(kept[4]); r[1] = new AuditRecord { Tenant = _tenant, Number = 2, At = r[1].At, Entry = Entry("forged"), Hash = r[1].Hash }; });
        Assert.Contains("record 2", (await Ledger.Verify()).Fault, StringComparison.Ordinal);
        cluster.Ledger.Tamper(_tenant, r => { r[1] = kept[1]; r.Add(new AuditRecord { Tenant = _tenant, Number = 6, At = r[1].At, Entry = Entry("forged"), Hash = r[1].Hash }); });
        Assert.Contains("behind", (await Ledger.Verify()).Fault, StringComparison.Ordinal);

        var head = await cluster.Ledger.ReadHead(_tenant);
        cluster.Ledger.SetHead(_tenant, new AuditHead { Number = 4, Hash = kept[3].Hash, Mac = head.Mac });
        await cluster.ForgetActivations();
        await Assert.ThrowsAsync<InvalidOperationException>(() => Ledger.Append(Entry("on a forged head")));
    }

    [Fact]
    public async Task A_ledger_that_was_emptied_is_not_begun_anew()
    {
        for (var i = 0; i < 3; i++) await Ledger.Append(Entry($"entry {i}"));
        cluster.Ledger.Tamper(_tenant, r => r.Clear());
        cluster.Ledger.SetHead(_tenant, new AuditHead { Number = 0, Hash = [], Mac = [] });
        Assert.Contains("record 3 was written", (await Ledger.Verify()).Fault, StringComparison.Ordinal);
        for (var i = 0; i < 3; i++) await Assert.ThrowsAsync<InvalidOperationException>(() => Ledger.Append(Entry("a new beginning")));
    }

    [Fact]
    public async Task A_record_slipped_in_below_the_first_is_found()
    {
        await Ledger.Append(Entry("first"));
        cluster.Ledger.Tamper(_tenant, r => r.Insert(0, new AuditRecord { Tenant = _tenant, Number = 0, At = r[0].At, Entry = Entry("forged"), Hash = r[0].Hash }));
        Assert.Contains("record 0", (await Ledger.Verify()).Fault, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Search_pages_and_bounds_its_limit()
    {
        for (var i = 0; i < 5; i++) await Ledger.Append(Entry($"entry {i}"));
        var page = await Ledger.Search(new AuditQuery { Limit = 3 });
        Assert.Equal([5L, 4, 3], page.Records.Select(r => r.Number));
        Assert.Equal([2L, 1], (await Ledger.Search(new AuditQuery { Limit = 3, Before = page.Next })).Records.Select(r => r.Number));
        Assert.Single((await Ledger.Search(new AuditQuery { Limit = -7 })).Records);
    }

    private static AuditEntry Entry(string about) => new() { Actor = "system", Action = "test.act", Result = AuditResult.Success, Object = about };
}
