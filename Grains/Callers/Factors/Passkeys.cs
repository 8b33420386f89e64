using System.Text;
using System.Text.Json;
using Fido2NetLib;
using Fido2NetLib.Objects;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// Makes WebAuthn options and checks the answers to them by fido2-net-lib: challenge, origin, relying party, user verification, signature, and that the counter went on. Attestation is not asked for:
/// the one-time link says whose device it is, and which make it is of decides nothing.
/// </summary>
internal sealed class Passkeys(ClusterPolicy policy)
{
    private const uint TimeoutMilliseconds = 120_000;

    private readonly Fido2? _fido = policy.Devices is { } devices
        ? new Fido2(new Fido2Configuration { RPID = devices.Domain, RPName = devices.Name, Origins = new HashSet<string>(StringComparer.Ordinal) { devices.Origin } })
        : null;

    public CredentialCreateOptions ToRegister(CallerKey caller, IEnumerable<RegisteredDevice> known, byte[] challenge) => new()
    {
        Rp = new PublicKeyCredentialRpEntity(policy.Devices!.Domain, policy.Devices.Name, null),
        // What the device shows when several are kept there; the pseudonym names nobody.
        User = new Fido2User { Id = Encoding.ASCII.GetBytes(caller.Value), Name = policy.Devices.Name, DisplayName = policy.Devices.Name },
        Challenge = challenge,
        PubKeyCredParams = [new(COSE.Algorithm.ES256, PublicKeyCredentialType.PublicKey), new(COSE.Algorithm.RS256, PublicKeyCredentialType.PublicKey)],
        Timeout = TimeoutMilliseconds,
        Attestation = AttestationConveyancePreference.None,
        AuthenticatorSelection = new AuthenticatorSelection { ResidentKey = ResidentKeyRequirement.Required, UserVerification = UserVerificationRequirement.Required },
        ExcludeCredentials = [.. known.Select(device => new PublicKeyCredentialDescriptor(device.CredentialId))],
    };

    public AssertionOptions ToApprove(IEnumerable<RegisteredDevice> known, byte[] challenge) => new()
    {
        Challenge = challenge,
        RpId = policy.Devices!.Domain,
        Timeout = TimeoutMilliseconds,
        UserVerification = UserVerificationRequirement.Required,
        AllowCredentials = [.. known.Select(device => new PublicKeyCredentialDescriptor(device.CredentialId))],
    };

    /// <summary>The new device, or null when the answer is not right.</summary>
    public async Task<RegisteredPublicKeyCredential?> Register(CredentialCreateOptions options, string response)
    {
        try
        {
            if (JsonSerializer.Deserialize<AuthenticatorAttestationRawResponse>(response) is not { } answer) return null;
            return await _fido!.MakeNewCredentialAsync(new MakeNewCredentialParams
            {
                AttestationResponse = answer,
                OriginalOptions = options,
                IsCredentialIdUniqueToUserCallback = (check, _) => Task.FromResult(!options.ExcludeCredentials.Any(known => known.Id.AsSpan().SequenceEqual(check.CredentialId))),
            });
        }
        catch (Exception e) when (IsRejection(e))
        {
            return null;
        }
    }

    /// <summary>The device that signed, with its counter as it is now; null when the answer is not right.</summary>
    public async Task<RegisteredDevice?> Approve(CallerKey caller, IReadOnlyList<RegisteredDevice> known, byte[] challenge, string response)
    {
        try
        {
            if (JsonSerializer.Deserialize<AuthenticatorAssertionRawResponse>(response) is not { RawId: { } id } answer) return null;
            if (known.FirstOrDefault(one => one.CredentialId.AsSpan().SequenceEqual(id)) is not { } device) return null;
            var result = await _fido!.MakeAssertionAsync(new MakeAssertionParams
            {
                AssertionResponse = answer,
                OriginalOptions = ToApprove(known, challenge),
                StoredPublicKey = device.PublicKey,
                StoredSignatureCounter = (uint)device.SignCount,
                IsUserHandleOwnerOfCredentialIdCallback = (check, _) => Task.FromResult(check.UserHandle.AsSpan().SequenceEqual(Encoding.ASCII.GetBytes(caller.Value))),
            });
            return device.At(result.SignCount);
        }
        catch (Exception e) when (IsRejection(e))
        {
            return null;
        }
    }

    // The answer is a stranger's: whatever the library makes of it is a refusal, and no failure of ours.
    private static bool IsRejection(Exception e) => e is Fido2VerificationException or JsonException or FormatException or ArgumentException or InvalidOperationException
        or NotSupportedException or System.Security.Cryptography.CryptographicException or System.Formats.Cbor.CborContentException or IndexOutOfRangeException or OverflowException or NullReferenceException;
}
