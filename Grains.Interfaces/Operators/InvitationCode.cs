namespace IvrActors.Grains.Interfaces.Operators;

/// <summary>The secret of a one-time link. Prints masked: arguments of grain calls stand in the runtime's verbose log.</summary>
[GenerateSerializer, Immutable, Alias("ivr.InvitationCode")]
public sealed class InvitationCode(string code)
{
    [Id(0)]
    private readonly string _code = code;

    /// <summary>The secret in clear, for the link only.</summary>
    public string Reveal() => _code;

    public override string ToString() => "[secret]";
}
