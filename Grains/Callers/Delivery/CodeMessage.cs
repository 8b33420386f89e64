using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Callers.Delivery;

/// <summary>One code on its way. The code stays the caller's, who disposes it after the sending. Prints masked.</summary>
public sealed class CodeMessage
{
    /// <summary>Names the message to the provider, which sends it once however often it hears it: the same for each retry, another for each code. Letters, digits and dashes.</summary>
    public required string Id { get; init; }
    public required string Tenant { get; init; }
    public required CodeChannel Channel { get; init; }

    /// <summary>The call that asked for the code and that alone takes it.</summary>
    public required CallId Call { get; init; }

    /// <summary>Where text messages and calls go: E.164 with its plus sign.</summary>
    public PhoneNumber? Number { get; init; }

    /// <summary>Where mail goes.</summary>
    public PersonalText? Address { get; init; }

    /// <summary>ASCII digits.</summary>
    public required Secret<byte> Code { get; init; }

    /// <summary>Language of the text around the code, such as <c>en</c>.</summary>
    public required string Language { get; init; }

    /// <summary>From then on the code is worth nothing: a provider need not send it any more.</summary>
    public required DateTimeOffset Expires { get; init; }

    public override string ToString() => "[code message]";
}
