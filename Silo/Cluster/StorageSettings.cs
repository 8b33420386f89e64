namespace IvrActors.Silo.Cluster;

/// <summary>Where the cluster keeps its rows.</summary>
internal abstract record StorageSettings;

/// <param name="File">Full path of the database. It serves one silo.</param>
internal sealed record SqliteSettings(string File) : StorageSettings;

/// <summary>A PostgreSQL server, which serves several silos.</summary>
internal sealed record PostgresSettings : StorageSettings
{
    public required string Host { get; init; }
    public required int Port { get; init; }
    public required string Database { get; init; }
    public required string User { get; init; }

    /// <summary>Read at each connection that is opened, so that a new password needs no restart.</summary>
    public required SecretSource Password { get; init; }

    /// <summary>Whether the connection is encrypted and the server's certificate and name are checked; false in a development cluster only.</summary>
    public required bool Tls { get; init; }

    /// <summary>Full path of a PEM file with the authorities that sign the server's certificate; null: those that the system trusts.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>Connections that one process opens at most.</summary>
    public required int Pool { get; init; }
}
