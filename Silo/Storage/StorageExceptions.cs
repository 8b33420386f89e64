namespace IvrActors.Silo.Storage;

/// <summary>A stored row does not belong where it stands or is not the newest: somebody changed the database. Nothing in it was used.</summary>
[GenerateSerializer, Alias("ivr.TamperedStateException")]
public sealed class TamperedStateException(string message) : Exception(message);
