using System.Globalization;
using DbUp.Builder;
using DbUp.Engine.Output;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Brings the database's tables to what this version needs, by the numbered scripts in <c>Storage/sql</c>, each once and in a transaction. Forward only. A release adds at
/// most one script, which the release before it can live with: two adjacent ones run side by side.
/// </summary>
internal static class Migrations
{
    // The journal in the database knows scripts by these names.
    public const string Sqlite = "IvrActors.Silo.Storage.sql.";
    public const string Postgres = "IvrActors.Silo.Storage.sql.postgresql.";

    /// <exception cref="DatabaseException">The database was written by a later version than the next one, or a script failed.</exception>
    public static void Run(UpgradeEngineBuilder target, string prefix)
    {
        var engine = target
            .WithScriptsEmbeddedInAssembly(typeof(Migrations).Assembly, name => NumberOf(name, prefix) > 0)
            .WithTransactionPerScript()
            .WithVariablesDisabled()
            .LogTo(new NoOpUpgradeLog())
            .Build();
        var known = Newest(engine.GetDiscoveredScripts().Select(script => script.Name), prefix);
        var found = Newest(engine.GetExecutedScripts(), prefix);
        if (found > known + 1) throw new DatabaseException($"The database was written by a later version: it is at script {found:0000}, and this version knows {known:0000} and can live with the next. Run a later version.");
        var result = engine.PerformUpgrade();
        if (!result.Successful) throw new DatabaseException($"The database could not be brought up to date at {result.ErrorScript?.Name}: {result.Error.Message}");
    }

    /// <summary>Whoever takes or fills all tables has to know all of them: the newest script, where it is the one that this version knows as its newest.</summary>
    /// <exception cref="DatabaseException">It is an older or a later one.</exception>
    public static int Require(IEnumerable<string> executed, string prefix)
    {
        var known = Newest(typeof(Migrations).Assembly.GetManifestResourceNames(), prefix);
        var found = Newest(executed, prefix);
        if (found == known) return found;
        throw new DatabaseException(
            found > known
                ? $"The database was written by a later version: it is at script {found:0000}, and this version knows {known:0000}. What was added would be missing: use the later version."
                : $"The database is at script {found:0000}, and this version needs {known:0000}: start the cluster once with it, or use the version that wrote the database.");
    }

    private static int Newest(IEnumerable<string> scripts, string prefix) => scripts.Select(name => NumberOf(name, prefix)).DefaultIfEmpty().Max();

    /// <summary>The four digits after the prefix; 0: no script of this kind of database.</summary>
    private static int NumberOf(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal) && name.Length > prefix.Length + 4 && int.TryParse(name.AsSpan(prefix.Length, 4), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
}
