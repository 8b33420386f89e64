using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>What is kept, encrypted, of one enrolled caller. Never changed in place: a failed write leaves the state as it was read.</summary>
[GenerateSerializer, Alias("ivr.state.Caller")]
public sealed class CallerState
{
    /// <summary>Counts writes; stands in audit records, so that a rolled-back row is seen.</summary>
    [Id(0)] public long Version { get; init; }
    [Id(1)] public string Tenant { get; init; } = "";
    [Id(2)] public PersonalText? Account { get; init; }
    [Id(3)] public PhoneNumber? Number { get; init; }
    [Id(4)] public PinHash? Pin { get; init; }

    /// <summary>TOTP key, or null when the caller has none.</summary>
    [Id(5)] public byte[]? TotpKey { get; init; }

    /// <summary>The last 30-second step of which a code was accepted: none of it or before counts again.</summary>
    [Id(6)] public long LastTotpStep { get; init; }
    [Id(7)] public CallerFacts Facts { get; init; } = new();

    /// <summary>The accepted attempt with which this was written: a retry of it after a crash is accepted again instead of being taken for a replay.</summary>
    [Id(8)] public string LastAccepted { get; init; } = "";

    public CallerState WithPin(PinHash pin) => Copy(pin, LastTotpStep, LastAccepted, Version + 1);

    public CallerState WithTotpStep(long step) => Copy(Pin, step, LastAccepted, Version + 1);

    public CallerState AcceptedAt(string attempt) => Copy(Pin, LastTotpStep, attempt, Version);

    private CallerState Copy(PinHash? pin, long lastTotpStep, string lastAccepted, long version) => new()
    {
        Version = version,
        Tenant = Tenant,
        Account = Account,
        Number = Number,
        Pin = pin,
        TotpKey = TotpKey,
        LastTotpStep = lastTotpStep,
        Facts = Facts,
        LastAccepted = lastAccepted,
    };
}
