namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>Values that a flow may speak to a verified caller, by name. Prints masked.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallerFacts")]
public sealed class CallerFacts
{
    [Id(0)] public Dictionary<string, Money> Amounts { get; init; } = [];
    [Id(1)] public List<AccountTransaction> Transactions { get; init; } = [];

    public override string ToString() => "[personal]";
}

/// <summary>An amount in minor units (cents) of a currency (ISO 4217).</summary>
[GenerateSerializer, Immutable, Alias("ivr.Money")]
public sealed class Money
{
    [Id(0)] public required long Minor { get; init; }
    [Id(1)] public required string Currency { get; init; }

    public override string ToString() => "[personal]";
}

[GenerateSerializer, Immutable, Alias("ivr.AccountTransaction")]
public sealed class AccountTransaction
{
    [Id(0)] public required DateOnly On { get; init; }

    /// <summary>Positive: credit. Negative: debit.</summary>
    [Id(1)] public required Money Amount { get; init; }

    public override string ToString() => "[personal]";
}
