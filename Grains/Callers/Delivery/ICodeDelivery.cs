using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Delivery;

/// <summary>Sends one-time codes out of band. The caller grain makes the code, keeps when it counts and how often one may be asked for; this only carries it.</summary>
public interface ICodeDelivery
{
    /// <summary>Whether the tenant has a provider for this channel.</summary>
    bool Serves(string tenant, CodeChannel channel);

    /// <summary>
    /// Hands one code to the tenant's provider of the channel. Never throws: what fails is answered and counted. Sending the same <see cref="CodeMessage.Id"/> again is the same
    /// message to a provider that heeds it. It does not outlast ten seconds.
    /// </summary>
    Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation);
}

/// <summary>What a delivery came to. Only <see cref="Sent"/> lets a flow ask for the code.</summary>
public enum DeliveryResult
{
    /// <summary>The provider took it; whether it arrives nobody knows.</summary>
    Sent = 0,

    /// <summary>The provider does not answer, answers with an error of its own, or too many wait for it.</summary>
    Unavailable = 1,

    /// <summary>The provider will not take this message, now or later: it does not like the destination, or us.</summary>
    Refused = 2,

    /// <summary>The tenant has no provider for this channel.</summary>
    NotConfigured = 3,
}
