using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Unicode;

namespace IvrActors.Silo.Security;

/// <summary>
/// A role token that a node without the cluster's keys signs with the key of its certificate. Syntax only: <see cref="NodeTokenVerifier"/> says what it is worth.
/// <code>
///  base64url(body) "." base64url(signature) "." base64url(certificate, DER)
///
///  body       name | role | unix-seconds | node          UTF-8
///  signature  ECDSA P-256, SHA-256, r ‖ s (64 bytes) over: "ivr node token v1" 00 ‖ SHA-256(certificate) ‖ body
/// </code>
/// </summary>
internal sealed class NodeToken
{
    /// <summary>Longer text is not looked at: a body and a certificate of the most bytes, in base64url.</summary>
    public const int MostCharacters = 4096;

    private const int MostBody = 640;
    private const int MostCertificate = 2048;
    private const int SignatureSize = 64;

    private static readonly byte[] s_context = "ivr node token v1\0"u8.ToArray();

    private NodeToken(string name, string role, DateTimeOffset expires, string node, byte[] signature, byte[] certificate) =>
        (Name, Role, Expires, Node, Signature, Certificate) = (name, role, expires, node, signature, certificate);

    public string Name { get; }
    public string Role { get; }
    public DateTimeOffset Expires { get; }

    /// <summary>Which node says so.</summary>
    public string Node { get; }

    public byte[] Certificate { get; }

    private byte[] Signature { get; }

    /// <summary>Whether it can be one at all; tokens under the cluster's key have one dot.</summary>
    public static bool IsLike(string text) => text.AsSpan().Count('.') == 2;

    /// <exception cref="ArgumentException">A part holds a bar, which would be read as the end of it, or is too long.</exception>
    public static string Sign(string name, string role, DateTimeOffset expires, string node, ECDsa key, byte[] certificate)
    {
        if (name.Contains('|', StringComparison.Ordinal) || role.Contains('|', StringComparison.Ordinal)) throw new ArgumentException("A name must not hold '|'.", nameof(name));
        var body = BodyOf(name, role, expires.ToUnixTimeSeconds(), node);
        if (body.Length > MostBody) throw new ArgumentException("The name is too long.", nameof(name));
        if (certificate.Length > MostCertificate) throw new ArgumentException($"The certificate is longer than {MostCertificate} bytes.", nameof(certificate));
        return Text(body, key.SignData(Signed(certificate, body), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation), certificate);
    }

    /// <summary>The parts of a text that is written exactly as <see cref="Sign"/> writes; else null. Nothing is verified.</summary>
    public static NodeToken? Parse(string text)
    {
        if (text.Length > MostCharacters || !IsLike(text)) return null;
        var parts = text.Split('.');
        if (Decode(parts[0], MostBody) is not { } body || Decode(parts[1], SignatureSize) is not { Length: SignatureSize } signature || Decode(parts[2], MostCertificate) is not { } certificate) return null;
        if (!Utf8.IsValid(body)) return null;
        var fields = Encoding.UTF8.GetString(body).Split('|');
        if (fields.Length != 4 || !long.TryParse(fields[2], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) || seconds > DateTimeOffset.MaxValue.ToUnixTimeSeconds()) return null;
        var token = new NodeToken(fields[0], fields[1], DateTimeOffset.FromUnixTimeSeconds(seconds), fields[3], signature, certificate);
        return token.Text() == text ? token : null; // One text for one token: no padding, space or leading zero makes a second.
    }

    public bool IsSignedBy(ECDsa key) =>
        key.VerifyData(Signed(Certificate, Body()), Signature, HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);

    private byte[] Body() => BodyOf(Name, Role, Expires.ToUnixTimeSeconds(), Node);

    private string Text() => Text(Body(), Signature, Certificate);

    private static string Text(byte[] body, byte[] signature, byte[] certificate) =>
        $"{Base64Url.EncodeToString(body)}.{Base64Url.EncodeToString(signature)}.{Base64Url.EncodeToString(certificate)}";

    private static byte[] BodyOf(string name, string role, long seconds, string node) =>
        Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}|{role}|{seconds}|{node}"));

    // With the certificate's hash, so that a signature counts for the certificate it came with and no other of the same key.
    private static byte[] Signed(byte[] certificate, byte[] body) => [.. s_context, .. SHA256.HashData(certificate), .. body];

    private static byte[]? Decode(string text, int most) =>
        text.Length > 0 && Base64Url.IsValid(text, out var length) && length <= most ? Base64Url.DecodeFromChars(text) : null;
}
