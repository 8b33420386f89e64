using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Silo.Hosting;

/// <summary>Enrols callers the way any outside tool must: asks for the caller's key, seals PIN and TOTP key to it, and hands them over.</summary>
internal sealed class CallerEnroller(IGrainFactory grains)
{
    /// <summary>Null when enrolled; otherwise what is wrong, without the value. The request context must carry a token that may enrol.</summary>
    public async Task<string?> Enrol(string tenant, string account, string? number, ReadOnlyMemory<byte> pin, ReadOnlyMemory<byte> totpKey, CallerFacts facts)
    {
        var front = grains.GetGrain<IEnrolmentGrain>(IEnrolmentGrain.Key);
        var caller = await front.KeyOf(tenant, new PersonalText(account));
        var sealing = await front.GetSealingKey();
        var result = await grains.GetGrain<ICallerGrain>(caller.Value).Enrol(new CallerEnrolment
        {
            Tenant = tenant,
            Account = new PersonalText(account),
            Number = number is null ? null : new PhoneNumber(number),
            Pin = SecretSealer.Seal(sealing, caller.Value, CallerEnrolment.PinPurpose, pin.Span),
            TotpKey = totpKey.IsEmpty ? null : SecretSealer.Seal(sealing, caller.Value, CallerEnrolment.TotpPurpose, totpKey.Span),
            Facts = facts,
        });
        return result.Error;
    }
}
