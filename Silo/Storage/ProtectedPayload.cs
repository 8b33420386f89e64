namespace IvrActors.Silo.Storage;

/// <summary>What DataProtection writes before the ciphertext; it tells which key was used, to who has no key.</summary>
/// <remarks>
/// <code>
///  0    4                20
/// +----+----------------+----------------
/// |09F0| key id (a GUID | nonce, cipher-
/// |C9F0| as .NET has it)| text, tag ...
/// +----+----------------+----------------
/// </code>
/// https://learn.microsoft.com/aspnet/core/security/data-protection/implementation/authenticated-encryption-details. The header is authenticated with the rest.
/// </remarks>
internal static class ProtectedPayload
{
    public const int HeaderSize = 20;

    private static ReadOnlySpan<byte> Magic => [0x09, 0xF0, 0xC9, 0xF0];

    /// <summary>The key that a payload, or the beginning of one, was made with; null when it is no payload of DataProtection.</summary>
    public static Guid? KeyOf(ReadOnlySpan<byte> payload) =>
        payload.Length >= HeaderSize && payload.StartsWith(Magic) ? new Guid(payload[Magic.Length..HeaderSize]) : null;
}
