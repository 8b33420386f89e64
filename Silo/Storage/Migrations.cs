using DbUp;
using DbUp.Engine.Output;

namespace IvrActors.Silo.Storage;

/// <summary>Brings the database's tables to what this version needs, by the numbered scripts in <c>Storage/sql</c>, each once and in a transaction.</summary>
internal static class Migrations
{
    private const string ScriptPrefix = "IvrActors.Silo.Storage.sql.";

    public static void Run(SqliteDatabase database)
    {
        var result = DeployChanges.To.SqliteDatabase(database.ConnectionString)
            .WithScriptsEmbeddedInAssembly(typeof(Migrations).Assembly, name => name.StartsWith(ScriptPrefix, StringComparison.Ordinal))
            .WithTransactionPerScript()
            .WithVariablesDisabled()
            .LogTo(new NoOpUpgradeLog())
            .Build()
            .PerformUpgrade();
        if (!result.Successful) throw new InvalidOperationException($"The database could not be brought up to date at {result.ErrorScript?.Name}.", result.Error);
    }
}
