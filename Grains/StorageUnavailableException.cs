namespace IvrActors.Grains;

/// <summary>The database could not be read or written now. Names no type of the provider, so that it can cross to a client that lacks the driver. Thrown by the storage that the composition root adds.</summary>
[GenerateSerializer, Alias("ivr.StorageUnavailableException")]
public sealed class StorageUnavailableException(string message) : OrleansException(message);
