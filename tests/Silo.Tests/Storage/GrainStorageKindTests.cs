using Xunit;

namespace IvrActors.Silo.Tests.Storage;

public sealed class GrainStorageOnSqliteTests : EncryptedGrainStorageTests
{
    private protected override Task<TestDatabase> CreateDatabase(string folder) => Task.FromResult<TestDatabase>(new TestSqlite(folder));

    [Fact]
    public async Task A_state_of_an_older_version_of_the_schema_is_read_on()
    {
        await using (var silo = await Start())
        {
            await silo.Note("note-1").Write("kept");
            // As the Orleans provider stored it, before script 0003 ran.
            Database.Sql(
                """
                CREATE TABLE OrleansQuery (QueryKey TEXT NOT NULL PRIMARY KEY, QueryText TEXT NOT NULL);
                CREATE TABLE OrleansStorage (GrainIdHash, GrainTypeHash, GrainIdN0, GrainIdN1, GrainTypeString, GrainIdExtensionString, ServiceId, PayloadBinary, Version);
                INSERT INTO OrleansStorage SELECT 17, 4, 0, 0, state, grain, 'test', payload, version FROM grain_state;
                DROP TABLE grain_state;
                DELETE FROM SchemaVersions WHERE ScriptName LIKE '%0003%';
                """);
        }
        await using var again = await Start();
        Assert.Equal("kept", await again.Note("note-1").Read());
        await again.Note("note-1").Write("and written on");
        Assert.Equal(2L, Database.Scalar("SELECT version FROM grain_state"));
    }
}

public sealed class GrainStorageOnPostgresTests : EncryptedGrainStorageTests
{
    private protected override async Task<TestDatabase> CreateDatabase(string folder) => await TestPostgresDatabase.Create();
}
