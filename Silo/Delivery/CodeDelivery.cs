using System.Collections.Frozen;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Callers;
using Prometheus;

namespace IvrActors.Silo.Delivery;

/// <summary>
/// Gives each code to the provider that its tenant has for the channel. Of each provider so many deliveries run at once, and none outlasts its time, waiting included: a caller
/// hears of a failure while still on the line.
/// </summary>
internal sealed partial class CodeDelivery(IReadOnlyDictionary<(string Tenant, CodeChannel Channel), string> routes, IEnumerable<ProviderSlot> providers, TimeProvider time, ILogger<CodeDelivery> logger)
    : ICodeDelivery, IDisposable
{
    private static readonly Counter s_sent = Metrics.CreateCounter("ivr_codes_sent_total", "One-time codes that were to leave, by the provider's name in cluster.yaml and by what became of them.", "provider", "result");

    private readonly FrozenDictionary<string, ProviderSlot> _providers = providers.ToFrozenDictionary(slot => slot.Name, StringComparer.Ordinal);

    public bool Serves(string tenant, CodeChannel channel) => routes.ContainsKey((tenant, channel));

    public async Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation)
    {
        if (!routes.TryGetValue((message.Tenant, message.Channel), out var name)) return DeliveryResult.NotConfigured;
        var result = await Send(_providers[name], message, cancellation);
        s_sent.WithLabels(name, NameOf(result)).Inc();
        return result;
    }

    public void Dispose()
    {
        foreach (var slot in _providers.Values) slot.Dispose();
    }

    private async Task<DeliveryResult> Send(ProviderSlot slot, CodeMessage message, CancellationToken cancellation)
    {
        using var deadline = new CancellationTokenSource(slot.Longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
        var entered = false;
        try
        {
            if (HasNoDestination(message)) return DeliveryResult.Refused;
            await slot.Places.WaitAsync(either.Token);
            entered = true;
            return await slot.Provider.Send(message, either.Token);
        }
        catch (Exception e)
        {
            // By its kind only: messages of libraries may repeat what a server said about the destination.
            LogFailure(slot.Name, e.GetType().Name);
            return DeliveryResult.Unavailable;
        }
        finally
        {
            if (entered) slot.Places.Release();
        }
    }

    private static bool HasNoDestination(CodeMessage message) => message.Channel == CodeChannel.Email ? message.Address is null : message.Number is null;

    private static string NameOf(DeliveryResult result) => result switch
    {
        DeliveryResult.Sent => "sent",
        DeliveryResult.Refused => "refused",
        _ => "unavailable",
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The delivery provider {Provider} took no code: {Failure}")]
    private partial void LogFailure(string provider, string failure);
}

/// <summary>A provider under its name, with its bounds.</summary>
/// <param name="longest">What a delivery may take, waiting for a place included.</param>
internal sealed class ProviderSlot(string name, ICodeProvider provider, int atOnce, TimeSpan longest) : IDisposable
{
    public string Name => name;

    public ICodeProvider Provider => provider;

    public TimeSpan Longest => longest;

    public SemaphoreSlim Places { get; } = new(atOnce);

    public void Dispose()
    {
        Places.Dispose();
        (provider as IDisposable)?.Dispose();
    }
}
