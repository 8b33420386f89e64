using System.Text;
using IvrActors.Edge.Sip.Auth;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// Values of Authorization and WWW-Authenticate. Oracle: a regular expression of the grammar finds the same fields; credentials are written as
/// something that reads the same; a challenge that was read has what an answer needs.
/// </summary>
public sealed class AuthorizationTarget : IFuzzTarget
{
    private static readonly string[] Names = ["username", "realm", "nonce", "uri", "response", "algorithm", "cnonce", "opaque", "qop", "nc", "stale", "domain"];

    public string Name => "authorization";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. Names.Select(name => Encoding.Latin1.GetBytes($", {name}=")),
        .. new[]
        {
            "Digest ", "digest\t", "Basic ", "username=\"a\"", "realm=\"r\"", "nonce=\"n\"", "uri=\"sip:bank@h\"", "response=\"\"", "algorithm=MD5", "algorithm=SHA-256",
            "algorithm=\"SHA-256\"", "SHA-256-sess", "SHA-512-256", "qop=auth", "qop=\"auth,auth-int\"", "auth-int", "nc=00000001", "nc=ffffffff", "nc=0000000g", "cnonce=\"c\"",
            "opaque=\"\"", "stale=true", "\\\"", "\\", "\"", ",", ", ", "=", " = ", "\0", "\u00ff", "\t", " ",
        }.Select(Encoding.Latin1.GetBytes),
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        CheckFields(text, DigestFields.Read(text));
        CheckChallenge(text);
        if (DigestCredentials.Read(text) is not { } credentials)
            return false;
        CheckCredentials(credentials);
        return true;
    }

    private static void CheckFields(string text, DigestFields? fields)
    {
        var expected = ObviousGrammar.DigestFields(text);
        Require(expected is null == fields is null, expected is null ? "no digest of the grammar was accepted" : "a digest of the grammar was refused");
        if (fields is null)
            return;
        foreach (var (name, value) in expected!)
            Require(fields[name] == value, "another field was read");
        Require(Names.All(name => expected.ContainsKey(name) == fields[name] is not null), "a field was read that is not there");
    }

    private static void CheckCredentials(DigestCredentials credentials)
    {
        // Of ours the response is hexadecimal, so it is written as it is.
        if (!credentials.Response.All(char.IsAsciiHexDigit))
            return;
        var written = credentials.ToString();
        var again = DigestCredentials.Read(written);
        // Escapes may carry a value over the longest that is read.
        if (again is null && written.Length > 1024)
            return;
        Require(again is not null, $"what was written is refused: {written}");
        Require(again!.ToString() == written, "writing is no fixed point");
        Require((again.User, again.Realm, again.Nonce, again.Uri, again.Response, again.ClientNonce, again.Count) ==
            (credentials.User, credentials.Realm, credentials.Nonce, credentials.Uri, credentials.Response, credentials.ClientNonce, credentials.Count), "other credentials were read");
    }

    private static void CheckChallenge(string text)
    {
        if (DigestChallenge.Read(text) is { } challenge)
            Require(challenge.Nonce.Length > 0, "a challenge without a nonce");
    }
}
