namespace IvrActors.Grains.Interfaces.Privacy;

/// <summary>A telephone number as signalled or in E.164. Prints masked; the digits leave only through <see cref="Reveal"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.PhoneNumber")]
public sealed class PhoneNumber(string digits)
{
    [Id(0)]
    private readonly string _digits = digits;

    /// <summary>The number in clear, for keyed hashing and for signalling only.</summary>
    public string Reveal() => _digits;

    public override string ToString() => "[number]";
}

/// <summary>Personal text that is not an authentication secret (an account number, digits keyed at a plain prompt). Prints masked.</summary>
[GenerateSerializer, Immutable, Alias("ivr.PersonalText")]
public sealed class PersonalText(string text)
{
    [Id(0)]
    private readonly string _text = text;

    public int Length => _text.Length;

    public string Reveal() => _text;

    public override string ToString() => "[personal]";
}
