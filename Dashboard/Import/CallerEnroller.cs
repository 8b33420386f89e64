using System.Text;
using IvrActors.Dashboard.Access;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Dashboard.Import;

/// <summary>Enrols callers the way any outside tool must: asks for the caller's key, seals PIN and keys to it, and hands them over.</summary>
public sealed class CallerEnroller(IGrainCaller cluster)
{
    /// <summary>Enrols one, or says what is wrong, without the value. Calls must carry a token that may enrol.</summary>
    public async Task<EnrolmentResult> Enrol(NewCaller caller, bool onlyNew)
    {
        CallerKey key;
        try
        {
            key = await cluster.Call<IEnrolmentGrain, CallerKey>(IEnrolmentGrain.Key, front => front.KeyOf(caller.Tenant, new PersonalText(caller.Account)));
        }
        catch (ArgumentException)
        {
            return new EnrolmentResult { Error = "no such tenant" };
        }
        var sealing = await cluster.Call<IEnrolmentGrain, SealingKey>(IEnrolmentGrain.Key, front => front.GetSealingKey());
        var enrolment = new CallerEnrolment
        {
            Tenant = caller.Tenant,
            Account = new PersonalText(caller.Account),
            Number = caller.Number is null ? null : new PhoneNumber(caller.Number),
            Pin = Seal(sealing, key, CallerEnrolment.PinPurpose, Encoding.ASCII.GetBytes(caller.Pin))!,
            TotpKey = Seal(sealing, key, CallerEnrolment.TotpPurpose, caller.TotpKey),
            HotpKey = Seal(sealing, key, CallerEnrolment.HotpPurpose, caller.HotpKey),
            HotpCounter = caller.HotpCounter,
            CodesTo = caller.CodesTo,
            Until = caller.Until,
            Facts = caller.Facts,
            OnlyNew = onlyNew,
        };
        return await cluster.Call<ICallerGrain, EnrolmentResult>(key.Value, grain => grain.Enrol(enrolment));
    }

    private static SealedSecret? Seal(SealingKey to, CallerKey caller, string purpose, byte[]? secret) => secret is null ? null : SecretSealer.Seal(to, caller.Value, purpose, secret);
}

/// <summary>Whom to enrol. Its values are personal or secret: a class, so that nothing prints them.</summary>
public sealed class NewCaller
{
    public required string Tenant { get; init; }
    public required string Account { get; init; }

    /// <summary>E.164 with its plus sign.</summary>
    public string? Number { get; init; }
    public required string Pin { get; init; }
    public byte[]? TotpKey { get; init; }
    public byte[]? HotpKey { get; init; }
    public long HotpCounter { get; init; }
    public CodeDestination? CodesTo { get; init; }
    public DateTimeOffset? Until { get; init; }
    public CallerFacts Facts { get; init; } = new();
}
