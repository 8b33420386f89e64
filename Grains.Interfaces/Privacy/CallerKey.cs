using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Grains.Interfaces.Privacy;

/// <summary>
/// The pseudonym under which a caller is known: HMAC-SHA-256 of the account or number under a key of the tenant. The text begins
/// with <c>u:</c> (account) or <c>n:</c> (number), which keeps the storage provider from reading it as a hex number or Guid.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.CallerKey")]
public readonly record struct CallerKey([property: Id(0)] string Value)
{
    public static CallerKey ForAccount(ReadOnlySpan<byte> tenantKey, string tenant, string account) => new("u:" + Pseudonym(tenantKey, tenant, "account", account));

    public static CallerKey ForNumber(ReadOnlySpan<byte> tenantKey, string tenant, string e164) => new("n:" + Pseudonym(tenantKey, tenant, "number", e164));

    public override string ToString() => Value;

    private static string Pseudonym(ReadOnlySpan<byte> tenantKey, string tenant, string kind, string value)
    {
        Span<byte> mac = stackalloc byte[32];
        HMACSHA256.HashData(tenantKey, Encoding.UTF8.GetBytes($"{tenant.Length}:{tenant}{kind}:{value}"), mac);
        return Base64Url.EncodeToString(mac[..24]);
    }
}
