using System.Collections.Concurrent;
using System.Text;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Grains.Tests.Callers;

/// <summary>Keeps what was sent, as the telephone of its owner does.</summary>
internal sealed class TestDelivery : ICodeDelivery
{
    public ConcurrentQueue<(CodeMessage Message, string Code)> Sent { get; } = [];

    public DeliveryResult Result { get; set; } = DeliveryResult.Sent;

    public bool Serves(string tenant, CodeChannel channel) => channel is not CodeChannel.Voice;

    public Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation)
    {
        if (Result is DeliveryResult.Sent) Sent.Enqueue((message, Encoding.ASCII.GetString(message.Code.Expose())));
        return Task.FromResult(Result);
    }

    /// <summary>The code that came last.</summary>
    public string Last => Sent.Last().Code;
}
