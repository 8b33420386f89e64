using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Backup;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using IvrActors.Silo.Storage;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

public abstract class BackupTests(bool postgres)
{
    [Theory, InlineData(false), InlineData(true)]
    public async Task What_is_restored_into_either_kind_of_database_is_what_was_backed_up_and_opens_there(bool intoPostgres)
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 300, records: 40);
        using (var vault = from.Open())
        {
            vault.Ring.Live.Rotate();
            await BackupCluster.Write(from.Storage(vault), 1000, "under the second key");
        }
        await using var to = await BackupCluster.Create(intoPostgres);
        var result = await to.Restore(await from.Backup());

        Assert.Equal((301, 1, 40), (result.Tables[StoredTable.States].Rows, result.Tables[StoredTable.AuditHeads].Rows, result.Tables[StoredTable.AuditRecords].Rows));
        var (before, after) = (await from.Digests(), await to.Digests());
        foreach (var same in new[] { "grain_state", "keys" }) Assert.Equal(before[same], after[same]);
        using (var vault = to.Open())
        {
            Assert.Equal("text 123", await BackupCluster.Read(to.Storage(vault), 123));
            Assert.Equal("under the second key", await BackupCluster.Read(to.Storage(vault), 1000));
            Assert.Equal(2, vault.Ring.List().Count);
            await BackupCluster.Append(vault, 3);
        }
        // The ledger goes on where it was, and says that it was restored.
        var (exit, output, _) = await CommandLineTests.Ivr("audit", "verify", "--cluster", to.YamlFile);
        Assert.Equal(ExitCode.Done, exit);
        Assert.Contains("demo: 43 records, the chain holds", output, StringComparison.Ordinal);
        (_, output, _) = await CommandLineTests.Ivr("audit", "export", "--cluster", to.YamlFile);
        Assert.Contains("\"action\":\"backup.restored\"", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_backed_up_longer_ago_than_keys_live_is_restored_with_its_old_keys_alone()
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 10, records: 2);
        using (var database = Databases.Open(from.Cluster.Storage))
        {
            var keys = database.Keys ?? new FileKeyStore(from.Cluster.KeyFolder);
            foreach (var key in keys.Elements().Where(element => element.Xml.Element("creationDate") is not null))
            {
                key.Xml.Element("creationDate")!.Value = DateTimeOffset.UtcNow.AddDays(-2).ToString("O", CultureInfo.InvariantCulture);
                keys.Replace(key);
            }
        }
        await using var to = await BackupCluster.Create(postgres);
        await File.AppendAllTextAsync(to.YamlFile, "\nkeys: { lifetime: 1d }\n", TestContext.Current.CancellationToken);
        to.Reread();
        await to.Restore(await from.Backup());
        Assert.Equal((await from.Digests())["keys"], (await to.Digests())["keys"]);
        // Whoever starts there makes the next key.
        using var vault = to.Open();
        Assert.Equal(2, vault.Ring.List().Count);
        Assert.Equal("text 3", await BackupCluster.Read(to.Storage(vault), 3));
    }

    [Fact]
    public async Task It_is_of_one_moment_while_writers_ledger_and_keys_go_on()
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 500, records: 5);
        using var vault = from.Open();
        var storage = from.Storage(vault);
        using var over = new CancellationTokenSource();
        using var written = new SemaphoreSlim(0);
        // Each pair is written one after the other: at any moment the first is as often written as the second, or once more.
        var writers = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            var (first, second) = (await BackupCluster.Write(storage, 2000 + i, ""), await BackupCluster.Write(storage, 100 - i, "", await Known(storage, 100 - i)));
            for (var count = 1; !over.IsCancellationRequested; count++)
            {
                await BackupCluster.Write(storage, 2000 + i, $"{count}", first);
                await BackupCluster.Write(storage, 100 - i, $"{count}", second);
                if (i == 0) written.Release();
            }
        })).Append(Task.Run(async () =>
        {
            for (var i = 0; !over.IsCancellationRequested; i++)
            {
                await BackupCluster.Append(vault, 1);
                // Each of them costs an RSA operation at every look.
                if (i < 5) vault.Ring.Live.Rotate();
            }
        })).ToArray();
        await written.WaitAsync(TestContext.Current.CancellationToken);
        using var slow = new SlowStream(written);
        await using (var source = await BackupSource.Open(from.Cluster, vault.Database, DateTimeOffset.UtcNow))
        {
            vault.Ring.Live.Rotate();
            await BackupCluster.Write(storage, 3000, "later");
            await BackupCluster.Backup(source, slow);
        }
        await over.CancelAsync();
        await Task.WhenAll(writers);
        Assert.True(slow.Waited);

        await using var to = await BackupCluster.Create(postgres: false);
        await to.Restore(slow.ToArray());
        using var restored = to.Open();
        Assert.Equal("", await BackupCluster.Read(to.Storage(restored), 3000));
        for (var i = 0; i < 8; i++)
        {
            var (first, second) = (Count(await BackupCluster.Read(to.Storage(restored), 2000 + i)), Count(await BackupCluster.Read(to.Storage(restored), 100 - i)));
            Assert.InRange(first - second, 0, 1);
        }
    }

    [Fact]
    public async Task A_database_that_holds_something_is_not_overwritten()
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 3, records: 2);
        var file = await from.Backup();
        await using var to = await BackupCluster.Started(postgres);
        await to.Fill(callers: 2, records: 1);
        var before = await to.Digests();
        var refused = await Assert.ThrowsAsync<BackupException>(() => to.Restore(file));
        // With files it is the ring that is met first, with tables the rows.
        Assert.Contains(postgres ? "is not empty (2 rows in grain_state, 1 rows in audit_head, 1 rows in audit_record, 1 rows in key_element, 2 rows in key_secret)" : "There is a certificate", refused.Message.Replace("There is a key ring", "There is a certificate", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Equal(before, await to.Digests());
        // Not even with what it already holds.
        refused = await Assert.ThrowsAsync<BackupException>(() => from.Restore(file));
        Assert.Contains("3 rows in grain_state", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_whole_or_not_right_leaves_nothing_behind()
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 20, records: 20);
        using (var vault = from.Open()) await BackupCluster.Write(from.Storage(vault), 5000, new string('x', 2 * SealedChunks.Size));
        var file = await from.Backup();
        Assert.True(file.Length > 2 * SealedChunks.Size + 1000);
        await using var to = await BackupCluster.Create(postgres);
        foreach (var length in new[] { 0, 10, 100, 200, SealedChunks.Size, 2 * SealedChunks.Size, file.Length - 1 })
            await Assert.ThrowsAsync<BackupException>(() => to.Restore(file[..length]));
        foreach (var at in new[] { 40, 100, 300, SealedChunks.Size + 500, file.Length - 40 })
        {
            var changed = file.ToArray();
            changed[at] ^= 1;
            await Assert.ThrowsAsync<BackupException>(() => to.Restore(changed));
            await Assert.ThrowsAsync<BackupException>(() => to.Verify(changed));
        }
        to.HoldsNothing();
        await to.Restore(file);
    }

    [Fact]
    public async Task A_backup_of_another_cluster_is_refused_by_name()
    {
        await using var from = await BackupCluster.Started(postgres);
        var file = await from.Backup();
        await using var to = await BackupCluster.Create(postgres);
        to.Change("service: ivr ", "service: other ");
        Assert.Contains("the service 'ivr', and cluster.yaml describes 'ivr-dev' with 'other'", (await Assert.ThrowsAsync<BackupException>(() => to.Restore(file))).Message, StringComparison.Ordinal);
        to.Change("service: other ", "service: ivr ");
        to.Change("cluster: ivr-dev ", "cluster: ivr-test ");
        Assert.Contains("the cluster 'ivr-dev'", (await Assert.ThrowsAsync<BackupException>(() => to.Restore(file))).Message, StringComparison.Ordinal);
        to.HoldsNothing();
    }

    [Fact]
    public async Task Rows_that_no_key_of_it_opens_are_counted_and_refused_unless_nobody_looks()
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 5, records: 2);
        from.Database.Sql("UPDATE grain_state SET payload = (SELECT payload FROM grain_state WHERE grain = 'c-1') WHERE grain IN ('c-2', 'c-3'); UPDATE grain_state SET version = 9 WHERE grain = 'c-4'");
        var file = await from.Backup();
        await using var to = await BackupCluster.Create(postgres);
        foreach (var use in new Func<Task>[] { () => to.Restore(file), () => to.Verify(file) })
            Assert.StartsWith("3 rows in the backup do not open with its keys (3 of caller)", (await Assert.ThrowsAsync<BackupException>(use)).Message, StringComparison.Ordinal);
        to.HoldsNothing();
        await to.Verify(file, withKeys: false);
        await to.Restore(file, withKeys: false);
        Assert.Equal((await from.Digests())["grain_state"], (await to.Digests())["grain_state"]);
    }

    [Fact]
    public async Task A_certificate_that_was_given_is_not_in_it_and_without_it_nothing_is_restored_unless_nobody_looks()
    {
        await using var from = await BackupCluster.Started(postgres);
        await from.Fill(callers: 2, records: 1);
        var certs = from.Cluster.CertificateFolder;
        using (var certificate = X509Certificate2.CreateFromPemFile(Path.Combine(certs, "keyring.pem"), Path.Combine(certs, "keyring.key")))
            await File.WriteAllBytesAsync(Path.Combine(from.Folder, "ring.p12"), certificate.ExportPkcs12(Pkcs12ExportPbeParameters.Default, "ring"), TestContext.Current.CancellationToken);
        Environment.SetEnvironmentVariable("IVR_TEST_RING_PASSWORD", "ring");
        from.Change("\nlimits:", "\ncertificates: { key_ring: { file: ring.p12, password_variable: IVR_TEST_RING_PASSWORD } }\n\nlimits:");
        using (var vault = from.Open()) Assert.Contains("ring.p12", vault.Ring.ProtectedBy, StringComparison.Ordinal);
        var file = await from.Backup();
        Assert.Equal(0, (await from.Verify(file)).Tables[BackupFormat.Certificate].Rows);

        await using var to = await BackupCluster.Create(postgres);
        Assert.Contains("keyring.pem", (await Assert.ThrowsAsync<KeyRingException>(() => to.Restore(file))).Message, StringComparison.Ordinal);
        Assert.Equal(2, (await to.Restore(file, withKeys: false)).Tables[StoredTable.States].Rows);
    }

    [Fact]
    public async Task Neither_way_holds_more_than_a_few_chunks_however_long_the_backup_is()
    {
        const int size = 10_000, most = 4 * SealedChunks.Size + 2 * size;
        await using var from = await BackupCluster.Started(postgres);
        using var database = Databases.Open(from.Cluster.Storage);
        await using (var load = await database.BeginLoad())
        {
            await load.Add(StoredTable.States, AsyncEnumerable.Range(0, 400).Select(i => new object[] { "call", $"{i:000}", 1L, new byte[size] }));
            await load.Commit();
        }
        using var file = new MemoryStream();
        var nobody = new TransferProgress(null, TimeProvider.System);
        await using (var snapshot = await database.OpenSnapshot())
        {
            using var chunks = BackupEnvelope.Write(file, [BackupEnvelopeTests.Password()]);
            var (writer, taken) = (new BackupWriter(chunks, nobody), 0L);
            foreach (var table in BackupFormat.Tables.Take(3)) await writer.Add(table, AsyncEnumerable.Empty<object[]>());
            await writer.Add(StoredTable.States, snapshot.Rows(StoredTable.States).Select(row =>
            {
                Assert.InRange(taken, 0, file.Length + most);
                taken += size;
                return row;
            }));
            chunks.Complete();
        }
        file.Position = 0;
        await using var content = BackupEnvelope.Open(file, BackupEnvelopeTests.Password());
        var reader = new BackupReader(content, nobody);
        foreach (var table in BackupFormat.Tables.Take(3)) Assert.Empty(await reader.Rows(table).ToListAsync(TestContext.Current.CancellationToken));
        long rows = 0;
        await foreach (var row in reader.Rows(StoredTable.States))
        {
            Assert.InRange(file.Position - ++rows * size, 0, most + rows * 100);
        }
        Assert.Equal(400, rows);
    }

    private static async Task<GrainState<NoteState>> Known(EncryptedGrainStorage storage, int i)
    {
        var note = new GrainState<NoteState>(new NoteState());
        await storage.ReadStateAsync("caller", GrainId.Create("caller", $"c-{i}"), note);
        return note;
    }

    private static int Count(string text) => text.Length == 0 || text.StartsWith("text", StringComparison.Ordinal) ? 0 : int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>After the first chunk it takes no more until pairs were written again.</summary>
    private sealed class SlowStream(SemaphoreSlim written) : MemoryStream
    {
        public bool Waited { get; private set; }

        public override void Write(byte[] buffer, int offset, int count)
        {
            base.Write(buffer, offset, count);
            if (Waited || count <= SealedChunks.Size) return;
            while (written.Wait(0)) { }
            for (var i = 0; i < 3; i++) Assert.True(written.Wait(TimeSpan.FromSeconds(30)), "nobody wrote");
            Waited = true;
        }
    }
}

public sealed class BackupOfSqliteTests() : BackupTests(postgres: false)
{
    [Theory]
    [InlineData("UPDATE audit_record SET detail = 'other' WHERE number = 5", "record 5 was changed")]
    [InlineData("DELETE FROM audit_record WHERE number > 7", "records 8 to 9 were cut off the end")]
    [InlineData("DELETE FROM audit_record", "records 1 to 9 were cut off the end")]
    [InlineData("DELETE FROM audit_head", "the head names record 0")]
    [InlineData("DELETE FROM audit_record; DELETE FROM audit_head", "all records and the head were removed")]
    public async Task A_ledger_that_was_tampered_with_before_is_refused(string sql, string fault)
    {
        await using var from = await BackupCluster.Started(postgres: false);
        await from.Fill(callers: 1, records: 9);
        using (var vault = from.Open())
        {
            var flow = new GrainState<NoteState>(new NoteState());
            await from.Storage(vault).WriteStateAsync("flow", GrainId.Create("flow", "flow-demo/bank"), flow);
        }
        from.Database.Sql(from.Database.DropTriggers + sql);
        await using var to = await BackupCluster.Create(postgres: false);
        Assert.Contains(fault, (await Assert.ThrowsAsync<BackupException>(async () => await to.Restore(await from.Backup()))).Message, StringComparison.Ordinal);
        to.HoldsNothing();
    }
}

public sealed class BackupOfPostgresTests() : BackupTests(postgres: true);
