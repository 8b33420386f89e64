using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces;

namespace IvrActors.Silo.Delivery;

/// <summary>
/// Sends a code by one signed POST (docs/operations.md, "Codes out of band"). It asks the configured address and no other: no redirect is followed, no proxy of the environment used, no cookie kept. The client is made
/// by hand, so that no factory adds a logger or a trace to it.
/// </summary>
internal sealed class WebhookProvider : ICodeProvider, IDisposable
{
    public const string TimestampHeader = "X-Ivr-Timestamp";
    public const string SignatureHeader = "X-Ivr-Signature";
    public const string IdHeader = "Idempotency-Key";

    /// <summary>All attempts together: the caller waits on the line.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    // Two that hang and one that is answered fit into the whole.
    private static readonly TimeSpan s_attempt = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan[] s_pauses = [TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(500)];

    /// <summary>How often the name of the provider is looked up again.</summary>
    private static readonly TimeSpan s_connectionAge = TimeSpan.FromMinutes(5);

    private readonly Uri _address;
    private readonly byte[] _key;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    /// <param name="secret">Key of the signature; taken over.</param>
    public WebhookProvider(Uri address, Secret<char> secret, ProviderTrust trust, int atOnce, TimeProvider time)
    {
        (_address, _time) = (address, time);
        using (secret)
        {
            _key = new byte[Encoding.UTF8.GetByteCount(secret.Expose())];
            Encoding.UTF8.GetBytes(secret.Expose(), _key);
        }
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = atOnce,
            MaxResponseHeadersLength = 16, // KB
            MaxResponseDrainSize = 0, // Answers are not read: their status says all.
            PooledConnectionLifetime = s_connectionAge,
            ActivityHeadersPropagator = null,
        };
        trust.ApplyTo(handler.SslOptions);
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation)
    {
        var body = Body(message);
        try
        {
            for (var attempt = 0; ; attempt++)
            {
                if (await Try(message.Id, body, cancellation) is { } result) return result;
                if (attempt == s_pauses.Length) return DeliveryResult.Unavailable;
                await Task.Delay(s_pauses[attempt], _time, cancellation);
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(body);
        }
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_key);
        _http.Dispose();
    }

    /// <summary>Null: worth another attempt.</summary>
    private async Task<DeliveryResult?> Try(string id, byte[] body, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(s_attempt, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
        try
        {
            using var request = Request(id, body);
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, either.Token);
            return response.StatusCode switch
            {
                >= HttpStatusCode.OK and < HttpStatusCode.MultipleChoices => DeliveryResult.Sent,
                HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => null,
                _ => DeliveryResult.Refused,
            };
        }
        catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return null;
        }
    }

    private HttpRequestMessage Request(string id, byte[] body)
    {
        var timestamp = _time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        var request = new HttpRequestMessage(HttpMethod.Post, _address) { Content = content };
        request.Headers.Add(TimestampHeader, timestamp);
        request.Headers.Add(SignatureHeader, "v1=" + Signature(timestamp, body));
        request.Headers.Add(IdHeader, id);
        return request;
    }

    /// <summary>HMAC-SHA-256 over timestamp, a full stop and the body, in lower-case hex: neither can be changed, and an old request is seen to be old.</summary>
    private string Signature(string timestamp, byte[] body)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        mac.AppendData(Encoding.ASCII.GetBytes(timestamp + "."));
        mac.AppendData(body);
        return Convert.ToHexStringLower(mac.GetHashAndReset());
    }

    private static byte[] Body(CodeMessage message)
    {
        var body = new MemoryStream(512);
        CodeJson.Write(body, message);
        var bytes = body.ToArray();
        CryptographicOperations.ZeroMemory(body.GetBuffer());
        return bytes;
    }
}
