using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using IvrActors.Edge.Stir;
using IvrActors.Grains.Interfaces.Calls;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// Identity headers and the PASSporTs in them. Input: JSON of the header, a line end, JSON of the payload, a line end, and the parameters; so that mutants stay readable
/// behind base64. Oracle: the platform's JSON reader accepts what is canonical, and nothing else is; and what nobody signed is never verified.
/// </summary>
public sealed class PassportTarget : IFuzzTarget
{
    private static readonly string s_signature = Base64Url.EncodeToString([.. Enumerable.Range(1, 64).Select(i => (byte)i)]);
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeSeconds(1443208345);

    public string Name => "passport";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "\"alg\":\"ES256\"", "\"ppt\":\"shaken\"", "\"ppt\":\"div\"", "\"ppt\":\"rph\"", "\"typ\":\"passport\"", "\"x5u\":\"https://a/b\"", "\"crit\":[]", "\"attest\":\"A\"", "\"dest\":{\"tn\":[\"1\"]}",
            "\"dest\":{\"uri\":[\"sip:a@b\"]}", "\"div\":{\"tn\":\"1\"}", "\"iat\":1443208345", "\"orig\":{\"tn\":\"1\"}", "\"orig\":{\"uri\":\"sip:a@b\"}", "\"origid\":\"1\"", "\"rph\":{\"auth\":[\"ets.0\"]}",
            ";info=<https://a/b>", ";alg=ES256", ";ppt=shaken", ";ppt=\"div\"", "{", "}", "[", "]", "\"", ":", ",", "\\u0061", "\\ud83d\\ude00", "\\ud800", "\\", "-0", "1e9", "0.5", "true", "null", " ", "\t", "\n", "\u00e9",
        }.Select(Encoding.UTF8.GetBytes),
        [0x30, 0x08, 0xA0, 0x06, 0x16, 0x04], [0xA1, 0x08], [0xA2, 0x03], [0x30, 0x80], [0xFF],
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var list = TnAuthList.Read(input);
        Require(list is null || list.HasProvider || !list.Covers(new StirParty(null, "sip:a@b")), "numbers speak for an address");
        var raw = IdentityHeader.Read(Encoding.Latin1.GetString(input.Span));
        var parts = Split(input.Span);
        var readable = CheckJson(parts.Header) | CheckJson(parts.Payload);
        CheckClaim($"{Base64Url.EncodeToString(parts.Header)}.{Base64Url.EncodeToString(parts.Payload)}.{s_signature}{Encoding.Latin1.GetString(parts.Parameters)}");
        CheckClaim($"..{s_signature}{Encoding.Latin1.GetString(parts.Parameters)}");
        return readable || raw is not null || list is not null;
    }

    private static (byte[] Header, byte[] Payload, byte[] Parameters) Split(ReadOnlySpan<byte> input)
    {
        var first = input.IndexOf((byte)'\n');
        if (first < 0) return (input.ToArray(), [], []);
        var rest = input[(first + 1)..];
        var second = rest.IndexOf((byte)'\n');
        return second < 0 ? (input[..first].ToArray(), rest.ToArray(), []) : (input[..first].ToArray(), rest[..second].ToArray(), rest[(second + 1)..].ToArray());
    }

    private static void CheckClaim(string value)
    {
        var request = new StirRequest
        {
            Identities = [value],
            Origin = new StirParty("12155551212", null),
            From = new StirParty("12155551212", null),
            To = new StirParty("12155551213", null),
            Called = new StirParty("12155551213", null),
            CallId = "c",
            Date = s_now,
        };
        var claims = StirVerifier.Read(request);
        Require(claims is [{ Passport: null, Failure: not StirFailure.None }] or [{ Passport: not null, Failure: StirFailure.None }], "a claim is neither read nor refused");
        var verdict = StirVerifier.Judge(request, claims, _ => new StirFetched(null, StirFailure.NotFetched), StirTrust.None, new ReplayMemory(1), s_now);
        Require(!verdict.IsVerified && verdict.Attestation is Attestation.None or Attestation.Failed, "what nobody signed was verified");
        if (claims[0].Passport is not { } passport) return;
        Require(passport.Kind != PassportKind.Shaken || passport.Attestation >= Attestation.C, "a shaken PASSporT without attestation");
        Require(passport.Destinations.Count is > 0 and <= StirLimits.Destinations && !passport.Origin.IsNone, "a PASSporT without who calls or is called");
        Require(passport.Kind != PassportKind.Diversion || !passport.Diverted.IsNone, "a diversion by nobody");
    }

    private static bool CheckJson(byte[] json)
    {
        var read = CanonicalJson.Read(json);
        var expected = IsCanonical(json);
        Require(read is null != expected, expected ? "canonical JSON was refused" : "JSON that is not canonical was accepted");
        if (read is null) return false;
        using var document = JsonDocument.Parse(json);
        Require(IsSame(read, document.RootElement), "another value was read");
        return true;
    }

    /// <summary>The slow and obvious way: parse it, and look for what the canonical form does not have.</summary>
    private static bool IsCanonical(byte[] json)
    {
        if (json.Length > StirLimits.JsonBytes || !Utf8.IsValid(json) || HasSpace(json)) return false;
        try
        {
            using var document = JsonDocument.Parse(json);
            var values = 0;
            return IsCanonical(document.RootElement, StirLimits.JsonDepth, ref values);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static bool IsCanonical(JsonElement element, int depth, ref int values)
    {
        if (depth == 0 || ++values > StirLimits.JsonValues) return false;
        if (element.ValueKind == JsonValueKind.String) return element.GetString() is not null;
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                if (!IsCanonical(item, depth - 1, ref values)) return false;
            }
        }
        if (element.ValueKind != JsonValueKind.Object) return true;
        byte[]? last = null;
        foreach (var member in element.EnumerateObject())
        {
            var name = JsonMarshal.GetRawUtf8PropertyName(member).ToArray();
            if (name.Contains((byte)'\\') || (last is not null && last.AsSpan().SequenceCompareTo(name) >= 0) || !IsCanonical(member.Value, depth - 1, ref values)) return false;
            last = name;
        }
        return true;
    }

    private static bool HasSpace(byte[] json)
    {
        var inText = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (inText && json[i] == '\\') i++;
            else if (json[i] == '"') inText = !inText;
            else if (!inText && json[i] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r') return true;
        }
        return false;
    }

    private static bool IsSame(CanonicalJson read, JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => read.Kind == JsonKind.Object && read.Members.Count == element.EnumerateObject().Count()
            && read.Members.Zip(element.EnumerateObject()).All(pair => pair.First.Name == pair.Second.Name && IsSame(pair.First.Value, pair.Second.Value)),
        JsonValueKind.Array => read.Kind == JsonKind.Array && read.Items.Count == element.GetArrayLength() && read.Items.Zip(element.EnumerateArray()).All(pair => IsSame(pair.First, pair.Second)),
        JsonValueKind.String => read.Kind == JsonKind.Text && read.Text == element.GetString(),
        JsonValueKind.Number => read.Kind == JsonKind.Other || (read.Kind == JsonKind.Integer && element.TryGetInt64(out var number) && number == read.Number),
        _ => read.Kind == JsonKind.Other,
    };
}
