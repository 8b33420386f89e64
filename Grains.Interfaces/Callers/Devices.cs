using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Callers;

/// <summary>A secret that a caller's own page holds: it names the caller and proves the page. Prints masked: arguments of grain calls stand in the runtime's verbose log.</summary>
[GenerateSerializer, Immutable, Alias("ivr.PageSecret")]
public sealed class PageSecret(string text)
{
    [Id(0)]
    private readonly string _text = text;

    public string Reveal() => _text;

    public override string ToString() => "[secret]";
}

/// <summary>A link by which a caller registers one device.</summary>
[GenerateSerializer, Immutable, Alias("ivr.DeviceLink")]
public sealed class DeviceLink
{
    /// <summary>Null when made; otherwise why not.</summary>
    [Id(0)] public string? Error { get; init; }
    [Id(1)] public PageSecret? Secret { get; init; }
    [Id(2)] public DateTimeOffset Expires { get; init; }

    /// <summary>Origin of the page that takes it, such as <c>https://ivr.example:8443</c>.</summary>
    [Id(3)] public string Origin { get; init; } = "";
}

/// <summary>The answer of a device to a registration (WebAuthn 5.1.3).</summary>
[GenerateSerializer, Immutable, Alias("ivr.DeviceRegistration")]
public sealed class DeviceRegistration
{
    [Id(0)] public required PageSecret Link { get; init; }

    /// <summary>RegistrationResponseJSON.</summary>
    [Id(1)] public required PersonalText Response { get; init; }

    /// <summary>What its owner calls it.</summary>
    [Id(2)] public required PersonalText Name { get; init; }
}

/// <summary>A call that waits for its caller's device.</summary>
[GenerateSerializer, Immutable, Alias("ivr.ApprovalQuestion")]
public sealed class ApprovalQuestion
{
    [Id(0)] public required DateTimeOffset At { get; init; }
    [Id(1)] public required DateTimeOffset Expires { get; init; }
    [Id(2)] public required string Tenant { get; init; }

    /// <summary>PublicKeyCredentialRequestOptionsJSON (WebAuthn 5.5): its challenge is good for this call only.</summary>
    [Id(3)] public required string Options { get; init; }
}

/// <summary>What the caller says to the question.</summary>
[GenerateSerializer, Immutable, Alias("ivr.ApprovalAnswer")]
public sealed class ApprovalAnswer
{
    [Id(0)] public required PageSecret Page { get; init; }

    /// <summary>AuthenticationResponseJSON (WebAuthn 5.1.4); null: it was not me.</summary>
    [Id(1)] public PersonalText? Response { get; init; }
}
