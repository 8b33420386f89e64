using IvrActors.Grains.Callers.Delivery;

namespace IvrActors.Silo.Delivery;

/// <summary>One way out for codes. It may throw; <see cref="CodeDelivery"/> bounds its time and how many run at once, counts, and answers for it.</summary>
internal interface ICodeProvider
{
    Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation);
}
