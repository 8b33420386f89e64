namespace IvrActors.Silo.Storage;

/// <summary>A stored row does not belong where it stands or is not the newest: somebody changed the database. Nothing in it was used.</summary>
[GenerateSerializer, Alias("ivr.TamperedStateException")]
public sealed class TamperedStateException(string message) : Exception(message);

/// <summary>The database could not be read or written. Names no type of the provider, so that it can cross to a client that lacks the driver.</summary>
[GenerateSerializer, Alias("ivr.StorageUnavailableException")]
public sealed class StorageUnavailableException(string message) : Exception(message);
