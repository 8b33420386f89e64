using System.Net;
using IvrActors.Edge.Speech;

namespace IvrActors.Silo.Cluster;

/// <summary>What <c>cluster.yaml</c> says about text to speech; the token is read when the cluster starts.</summary>
internal sealed class SpeechSettings
{
    public SpeechEngine Engine { get; init; } = SpeechEngine.Espeak;
    public IReadOnlyDictionary<string, string> Voices { get; init; } = new Dictionary<string, string>();
    public Uri? Address { get; init; }
    public SecretSource? Token { get; init; }
    public TimeSpan Timeout { get; init; } = new SpeechOptions().Timeout;
    public int MostBytes { get; init; } = new SpeechOptions().MostBytes;
    public int AtOnce { get; init; } = new SpeechOptions().AtOnce;
    public long CacheBytes { get; init; } = new SpeechOptions().CacheBytes;
}

/// <summary>Reads <c>speech</c>. What each key means: docs/operations.md, "Text to speech".</summary>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class SpeechReader(string folder, Action<YamlMap, string, string, string> weak)
{
    private const string TokenFile = "token_file";
    private const string TokenVariable = "token_variable";
    private const string Url = "url";

    private static readonly Dictionary<string, SpeechEngine> s_engines = new(StringComparer.Ordinal)
    {
        ["espeak"] = SpeechEngine.Espeak,
        ["http"] = SpeechEngine.Http,
        ["off"] = SpeechEngine.Off,
    };

    /// <summary>Languages that flows have.</summary>
    private static readonly string[] s_languages = ["en"];

    public SpeechSettings Read(YamlMap map)
    {
        var engine = map.Choice("provider", s_engines, SpeechEngine.Espeak);
        var settings = new SpeechSettings
        {
            Engine = engine,
            Voices = ReadVoices(map.Map("voices", required: false)),
            Address = engine == SpeechEngine.Http ? ReadAddress(map) : null,
            Token = engine == SpeechEngine.Http ? ReadToken(map) : null,
            Timeout = map.Time("timeout", new SpeechOptions().Timeout),
            MostBytes = map.Number("most_kib", 64, 65_536, new SpeechOptions().MostBytes / 1024) * 1024,
            AtOnce = map.Number("at_once", 1, 16, engine == SpeechEngine.Http ? 2 : 1),
            CacheBytes = map.Number("cache_mib", 1, 102_400, (int)(new SpeechOptions().CacheBytes >> 20)) * 1024L * 1024,
        };
        if (settings.Timeout < TimeSpan.FromMilliseconds(500) || settings.Timeout > TimeSpan.FromSeconds(30)) map.Report("timeout", "bad value", "a time from 500ms to 30s");
        if (engine != SpeechEngine.Http)
        {
            foreach (var key in new[] { Url, TokenFile, TokenVariable })
                if (map.OptionalText(key, "nothing") is not null) map.Report(key, "only an HTTP service has it", "provider: http, or no such key");
        }
        map.Done();
        return settings;
    }

    private static Dictionary<string, string> ReadVoices(YamlMap map)
    {
        var voices = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var language in s_languages)
            if (map.OptionalText(language, "a voice of the engine: letters, digits, '-', '_', '.', '+' and '/'", IsVoice) is { } voice) voices[language] = voice;
        map.Done();
        return voices;
    }

    /// <summary>It becomes an argument of a program: it must not look like an option.</summary>
    private static bool IsVoice(string text) => text.Length <= 64 && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '+' or '/');

    private Uri? ReadAddress(YamlMap map)
    {
        const string expected = "a URL such as https://speech.example.net/v1/say, without user and fragment";
        var text = map.Text(Url, expected, valid: text => AddressOf(text) is not null);
        if (AddressOf(text) is not { } address) return null;
        // What is said may be personal, and the token opens the service to whoever reads it.
        if (address.Scheme == Uri.UriSchemeHttp && !IsHere(address)) weak(map, Url, "texts and a token without TLS beyond this machine", "https://");
        return address;
    }

    private static Uri? AddressOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp)
        && address is { UserInfo.Length: 0, Fragment.Length: 0, Host.Length: > 0 } ? address : null;

    private static bool IsHere(Uri address) => address.Host == "localhost" || (IPAddress.TryParse(address.Host.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip));

    private SecretSource? ReadToken(YamlMap map)
    {
        var file = map.File(TokenFile, folder, "a file with the token");
        var variable = map.OptionalText(TokenVariable, "the name of an environment variable");
        if (file is not null && variable is not null) map.Report(TokenVariable, "two tokens", "either token_file or token_variable");
        return file is null && variable is null ? null : new SecretSource(file, variable, "the speech service");
    }
}
