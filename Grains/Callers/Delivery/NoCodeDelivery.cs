using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Callers.Delivery;

/// <summary>What a cluster without providers has.</summary>
internal sealed class NoCodeDelivery : ICodeDelivery
{
    public bool Serves(string tenant, CodeChannel channel) => false;

    public Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation) => Task.FromResult(DeliveryResult.NotConfigured);
}
