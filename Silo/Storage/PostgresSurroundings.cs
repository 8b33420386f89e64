using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Storage;

/// <summary>
/// What PostgreSQL's driver takes from the environment of the process and the home of its user, as libpq does (https://www.postgresql.org/docs/current/libpq-envars.html), where a connection string
/// says nothing. Nothing but <c>cluster.yaml</c> configures this process: what can be said in the string is said there, and the rest is refused.
/// </summary>
internal static class PostgresSurroundings
{
    /// <summary>Variables that no connection string keeps the driver from reading.</summary>
    private static readonly string[] s_always = ["PGOPTIONS", "PGTARGETSESSIONATTRS"];

    private static readonly string[] s_withTls = ["PGSSLCERT", "PGSSLKEY"];

    /// <summary>Why the database must not be opened, or null.</summary>
    /// <param name="variable">The environment.</param>
    /// <param name="exists">Whether there is such a file.</param>
    public static string? FaultOf(PostgresSettings settings, Func<string, string?> variable, Func<string, bool> exists)
    {
        // With an authority in cluster.yaml the driver asks for no other.
        var withoutAuthority = settings is { Tls: true, AuthorityFile: null };
        IEnumerable<string> names = [.. s_always, .. settings.Tls ? s_withTls : [], .. withoutAuthority ? ["PGSSLROOTCERT"] : Array.Empty<string>()];
        if (names.FirstOrDefault(name => variable(name) is not null) is { } found) return $"The environment variable {found} would change what cluster.yaml says of the database: unset it.";
        var home = variable(OperatingSystem.IsWindows() ? "APPDATA" : "HOME");
        if (home is null || !settings.Tls) return null;
        var folder = Path.Combine(home, OperatingSystem.IsWindows() ? "postgresql" : ".postgresql");
        string[] files = [Path.Combine(folder, "postgresql.crt"), .. withoutAuthority ? [Path.Combine(folder, "root.crt")] : Array.Empty<string>()];
        return Array.Find(files, file => exists(file)) is { } file ? $"The file '{file}' would change what cluster.yaml says of the database: move it away{(file.EndsWith("root.crt", StringComparison.Ordinal) ? ", or name it as storage.ca" : "")}." : null;
    }
}
