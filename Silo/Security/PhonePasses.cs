using IvrActors.Edge;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Security;

/// <summary>Without the cluster's keys there are none.</summary>
internal sealed class NoPhonePasses : IPhonePasses
{
    public PhonePass? Issue() => null;
}

/// <summary>Passes of the phone page: given by the dashboard, taken by edges of the same cluster.</summary>
/// <param name="realm">Of the trunk as which it calls; null: no trunk takes passes.</param>
internal sealed class PhonePasses(ClusterKeys keys, TimeProvider time, string? realm) : IPhonePasses
{
    public PhonePass? Issue() => realm is null ? null : PhonePass.Make(keys.PhoneKey, realm, time.GetUtcNow());

    /// <summary>What a user name of this realm is now; null when it is no pass.</summary>
    public DigestPass? Find(string inRealm, string user)
    {
        if (PhonePass.Find(keys.PhoneKey, inRealm, user, time.GetUtcNow()) is not { } pass) return null;
        using var password = pass.Password;
        return new DigestPass(new DigestAccount(user, inRealm, password.Expose(), md5: false), pass.Id);
    }
}
