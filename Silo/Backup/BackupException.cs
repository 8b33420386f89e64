namespace IvrActors.Silo.Backup;

/// <summary>A backup cannot be used, and why. Nothing was kept of what was begun.</summary>
internal sealed class BackupException(string message) : Exception(message);
