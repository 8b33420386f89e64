using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;
using IvrActors.Grains.Privacy;
using Orleans.Concurrency;

namespace IvrActors.Grains.Callers;

/// <summary>Gives operators the names and the key that an enrolment is made with.</summary>
[StatelessWorker]
internal sealed class EnrolmentGrain(ClusterPolicy policy, IClusterKeys keys) : Grain, IEnrolmentGrain
{
    public Task<CallerKey> KeyOf(string tenant, PersonalText account) => policy.Tenants.ContainsKey(tenant)
        ? Task.FromResult(CallerKey.ForAccount(keys.PseudonymKey(tenant), tenant, account.Reveal()))
        : throw new ArgumentException("no such tenant");

    public Task<CallerKey> KeyToErase(string tenant, PersonalText? account, PhoneNumber? number)
    {
        if (!policy.Tenants.ContainsKey(tenant)) throw new ArgumentException("no such tenant");
        return Task.FromResult(account is not null
            ? CallerKey.ForAccount(keys.PseudonymKey(tenant), tenant, account.Reveal())
            : CallerKey.ForNumber(keys.PseudonymKey(tenant), tenant, Digits(number?.Reveal() ?? "")));
    }

    private static string Digits(string number) => new([.. number.Where(char.IsAsciiDigit)]);

    public Task<SealingKey> GetSealingKey() => Task.FromResult(keys.SealingKey);
}
