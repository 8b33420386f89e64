namespace IvrActors.Grains.Audit;

/// <summary>Another writer appended to the chain since its head was read; of what was to be appended nothing is.</summary>
[GenerateSerializer, Alias("ivr.AuditConflictException")]
public sealed class AuditConflictException() : Exception("The audit chain was appended to by somebody else.");
