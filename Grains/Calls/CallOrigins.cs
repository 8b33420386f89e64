using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Calls;

/// <summary>Makes the pseudonymous origin of a call, and names classes of origin in audit records.</summary>
internal static class CallOrigins
{
    public static CallOrigin Of(CallOffered call, ReadOnlySpan<byte> tenantKey) => new()
    {
        Trunk = call.Trunk,
        Class = call.Origin,
        Attestation = call.Attestation,
        Calling = call.Calling is { } number ? KeyOf(number, call.Tenant, tenantKey) : null,
        Source = SourceOf(call.SourceAddress, call.Tenant, tenantKey),
    };

    /// <summary>
    /// Of a call of ours that was answered: who is there was reached at the number, which nobody can do who only claims it. So its failures count with those of attested calls, and
    /// callers with false numbers lock nobody out of it.
    /// </summary>
    public static CallOrigin OfCalledBack(CallOffered call, CallerKey called, ReadOnlySpan<byte> tenantKey) => new()
    {
        Trunk = call.Trunk,
        Class = OriginClass.Attested,
        Attestation = Attestation.None,
        Calling = called,
        Source = SourceOf(call.SourceAddress, call.Tenant, tenantKey),
        CalledBack = called,
    };

    /// <summary>One spelling for a number: <c>+49 30…</c> and <c>4930…</c> are one caller.</summary>
    public static CallerKey KeyOf(PhoneNumber number, string tenant, ReadOnlySpan<byte> tenantKey) =>
        CallerKey.ForNumber(tenantKey, tenant, new string([.. number.Reveal().Where(char.IsAsciiDigit)]));

    public static string NameOf(OriginClass origin) => origin switch
    {
        OriginClass.TrustedTrunk => "trusted-trunk",
        OriginClass.Attested => "attested",
        _ => "unattested",
    };

    /// <summary>A host has a whole /64 of IPv6 addresses (RFC 4291 2.5.1): they are one source.</summary>
    private static string SourceOf(string address, string tenant, ReadOnlySpan<byte> tenantKey)
    {
        Span<byte> bytes = stackalloc byte[16];
        var length = 0;
        if (IPAddress.TryParse(address, out var parsed))
        {
            if (parsed.IsIPv4MappedToIPv6) parsed = parsed.MapToIPv4();
            parsed.TryWriteBytes(bytes, out length);
            if (parsed.AddressFamily == AddressFamily.InterNetworkV6) length = 8;
        }
        var prefix = Encoding.UTF8.GetBytes($"{tenant.Length}:{tenant}source:{Convert.ToHexString(bytes[..length])}");
        return "s:" + Base64Url.EncodeToString(HMACSHA256.HashData(tenantKey, prefix).AsSpan(0, 12));
    }
}
