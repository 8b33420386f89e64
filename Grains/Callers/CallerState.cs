using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>What is kept, encrypted, of one enrolled caller. Changed only in the copies that <see cref="With"/> makes: a failed write leaves the state as it was read.</summary>
[GenerateSerializer, Alias("ivr.state.Caller")]
public sealed class CallerState
{
    /// <summary>Counts writes; stands in audit records, so that a rolled-back row is seen.</summary>
    [Id(0)] public long Version { get; set; }
    [Id(1)] public string Tenant { get; set; } = "";
    [Id(2)] public PersonalText? Account { get; set; }
    [Id(3)] public PhoneNumber? Number { get; set; }
    [Id(4)] public PinHash? Pin { get; set; }

    /// <summary>TOTP key, or null when the caller has none.</summary>
    [Id(5)] public byte[]? TotpKey { get; set; }

    /// <summary>The last 30-second step of which a code was accepted: none of it or before counts again.</summary>
    [Id(6)] public long LastTotpStep { get; set; }
    [Id(7)] public CallerFacts Facts { get; set; } = new();

    /// <summary>The accepted attempt with which this was written: a retry of it after a crash is accepted again instead of being taken for a replay.</summary>
    [Id(8)] public string LastAccepted { get; set; } = "";

    /// <summary>The event for which a code was sent, or a device asked, last: when it comes again after the loss of a silo, nothing is sent again.</summary>
    [Id(24)] public string LastBegun { get; set; } = "";

    /// <summary>When the PIN was chosen; no time in a row of an older version, until the PIN is right once.</summary>
    [Id(9)] public DateTimeOffset PinSetAt { get; set; }
    [Id(10)] public HotpToken? Hotp { get; set; }

    /// <summary>Those that were not used.</summary>
    [Id(11)] public List<SecretTag> RecoveryCodes { get; set; } = [];
    [Id(12)] public CodeRoute? CodesTo { get; set; }

    /// <summary>The one code that is outstanding.</summary>
    [Id(13)] public SentCode? Sent { get; set; }

    /// <summary>When codes were sent, oldest first; those of the last hour count.</summary>
    [Id(14)] public List<DateTimeOffset> CodesSent { get; set; } = [];

    /// <summary>Devices whose passkeys approve calls.</summary>
    [Id(15)] public List<RegisteredDevice> Devices { get; set; } = [];

    /// <summary>Until when that which the caller has counts; null: without an end.</summary>
    [Id(16)] public DateTimeOffset? Until { get; set; }

    /// <summary>From when on the number may be called; no time where it was there from the beginning, or in a row of an older version.</summary>
    [Id(17)] public DateTimeOffset NumberFrom { get; set; }

    /// <summary>The device that is to be registered.</summary>
    [Id(20)] public PendingDevice? Device { get; set; }

    /// <summary>The one call that waits for a device, or that one has approved.</summary>
    [Id(21)] public AskedApproval? Approval { get; set; }

    /// <summary>When devices were asked; those of the last hour count.</summary>
    [Id(22)] public List<DateTimeOffset> ApprovalsAsked { get; set; } = [];

    /// <summary>When factors were bound last: proofs from before count for nothing.</summary>
    [Id(23)] public DateTimeOffset BoundAt { get; set; }

    /// <summary>A copy, changed. What stands in lists and objects is replaced, never altered.</summary>
    internal CallerState With(Action<CallerState> change)
    {
        var next = (CallerState)MemberwiseClone();
        next.Version = Version + 1;
        change(next);
        return next;
    }
}

/// <summary>A token that counts (RFC 4226).</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.HotpToken")]
public sealed class HotpToken
{
    [Id(0)] public required byte[] Key { get; init; }

    /// <summary>The first counter whose code counts.</summary>
    [Id(1)] public long Counter { get; init; }

    /// <summary>After a code that was too far ahead: the counter whose code, as the next one, finds the token again.</summary>
    [Id(2)] public long? Seen { get; init; }
}

/// <summary>Where codes go, and from when on they may.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.CodeRoute")]
public sealed class CodeRoute
{
    [Id(0)] public required CodeDestination To { get; init; }
    [Id(1)] public required DateTimeOffset From { get; init; }
}

/// <summary>A code on its way to its caller.</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.SentCode")]
public sealed class SentCode
{
    /// <summary>The only call in which it counts.</summary>
    [Id(0)] public required CallId Call { get; init; }
    [Id(1)] public required SecretTag Tag { get; init; }
    [Id(2)] public required DateTimeOffset Expires { get; init; }

    /// <summary>Whether the call that waits for it is attested.</summary>
    [Id(3)] public bool Attested { get; init; }
}

/// <summary>A passkey of a device of the caller's (WebAuthn Level 3).</summary>
[GenerateSerializer, Immutable, Alias("ivr.state.RegisteredDevice")]
public sealed class RegisteredDevice
{
    [Id(0)] public required byte[] CredentialId { get; init; }

    /// <summary>COSE_Key (RFC 9052 7).</summary>
    [Id(1)] public required byte[] PublicKey { get; init; }

    /// <summary>The highest signature counter that was seen: a copy of the device is behind (WebAuthn 6.1.1).</summary>
    [Id(2)] public long SignCount { get; init; }

    /// <summary>What its owner calls it.</summary>
    [Id(3)] public required PersonalText Name { get; init; }
    [Id(4)] public required DateTimeOffset RegisteredAt { get; init; }

    /// <summary>SHA-256 of the secret, of 256 random bits, with which its browser asks for calls that wait.</summary>
    [Id(5)] public byte[]? Page { get; init; }

    internal RegisteredDevice At(long signCount) => new() { CredentialId = CredentialId, PublicKey = PublicKey, SignCount = signCount, Name = Name, RegisteredAt = RegisteredAt, Page = Page };
}
