using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using IvrActors.Edge.Media;

namespace IvrActors.Edge.Speech;

/// <summary>
/// Asks a service for speech by one POST a text (docs/operations.md, "Text to speech"). It asks the configured address and no other: no redirect is followed, no proxy of the environment used, no cookie kept,
/// and a certificate that does not verify ends the attempt.
/// </summary>
internal sealed class HttpSpeech : ISpeechProvider, IDisposable
{
    /// <summary>How often the name of the service is looked up again.</summary>
    private static readonly TimeSpan s_connectionAge = TimeSpan.FromMinutes(5);

    private static readonly HashSet<string> s_types = new(StringComparer.OrdinalIgnoreCase) { "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave" };

    private readonly SpeechOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public HttpSpeech(SpeechOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = options.AtOnce,
            MaxResponseHeadersLength = 16, // KB
            MaxResponseDrainSize = 0, // What was not read to its end is not read on for the sake of the connection.
            PooledConnectionLifetime = s_connectionAge,
        };
        // The time of a whole exchange is counted below, the body's as well.
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public string Name => "http";

    public bool IsAvailable => true;

    public string VoiceOf(string language) => $"http\n{_options.Address}\n{_options.Voices.GetValueOrDefault(language)}\n{language}";

    public async Task<SpeechAnswer> RenderAsync(string text, string language, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            using var request = Request(text, language);
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            if ((int)response.StatusCode is >= 300 and < 400) return SpeechFailure.Redirected;
            if (response.StatusCode != HttpStatusCode.OK) return SpeechFailure.Refused;
            if (response.Content.Headers.ContentType?.MediaType is not { } type || !s_types.Contains(type)) return SpeechFailure.WrongType;
            if (response.Content.Headers.ContentLength > _options.MostBytes) return SpeechFailure.TooLong;
            await using var body = await response.Content.ReadAsStreamAsync(either.Token);
            if (await SpeechBytes.ReadAsync(body, _options.MostBytes, either.Token) is not { } bytes) return SpeechFailure.TooLong;
            return WavFile.TryRead(bytes, out var wav, whole: true) switch
            {
                WavRejection.None => wav!,
                WavRejection.Truncated => SpeechFailure.Truncated,
                _ => SpeechFailure.Malformed,
            };
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return SpeechFailure.TimedOut;
        }
        catch (Exception e) when (e is HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } or HttpIOException)
        {
            return SpeechFailure.Truncated;
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return SpeechFailure.Unreachable;
        }
    }

    public void Dispose() => _http.Dispose();

    private HttpRequestMessage Request(string text, string language)
    {
        var content = new ByteArrayContent(Body(text, language));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, _options.Address) { Content = content };
        request.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("audio/wav"));
        if (_options.Token is { } token) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", new string(token.Expose()));
        return request;
    }

    private byte[] Body(string text, string language)
    {
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteString("text", text);
            json.WriteString("language", language);
            if (_options.Voices.GetValueOrDefault(language) is { } voice) json.WriteString("voice", voice);
            json.WriteString("format", "audio/wav");
            json.WriteNumber("sample_rate", Telephone.SampleRate);
            json.WriteEndObject();
        }
        return body.ToArray();
    }
}
