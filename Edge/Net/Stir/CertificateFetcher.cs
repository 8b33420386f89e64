using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net.Locating;
using IvrActors.Edge.Stir;

namespace IvrActors.Edge.Net.Stir;

internal enum FetchResult
{
    Fetched = 0,

    /// <summary>Not https, or a form that is not allowed.</summary>
    BadUrl,

    /// <summary>It leads to an address or a port that may not be asked.</summary>
    Forbidden,

    /// <summary>DNS knows no address.</summary>
    Unresolved,

    /// <summary>No connection, or no TLS, or it broke off.</summary>
    Unreachable,
    TimedOut,

    /// <summary>3xx: redirections are not followed.</summary>
    Redirected,

    /// <summary>Another status than 200.</summary>
    Refused,
    TooLarge,

    /// <summary>What came holds no certificate that a PASSporT may be signed with.</summary>
    NoCertificate,

    /// <summary>Too many fetches are under way.</summary>
    Busy,
}

/// <summary>
/// Fetches a certificate from a URL that a stranger wrote. The name is resolved first, every address it has is held against <see cref="FetchRules"/>, and the connection goes to
/// one of those very addresses, so that a second answer of DNS can lead nowhere else. No redirection, proxy, cookie or credential, nor what a web server's certificate names; bounded in bytes and in time.
/// </summary>
internal sealed class CertificateFetcher : IDisposable
{
    /// <summary>Of one fetch, DNS and TLS included.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(2);

    /// <summary>Connections are kept only for who is asked again at once: what a name leads to changes.</summary>
    private static readonly TimeSpan s_connectionAge = TimeSpan.FromSeconds(60);

    private readonly IReadOnlyList<IPNetwork> _trusted;
    private readonly DnsAnswers _dns;
    private readonly TimeProvider _time;
    private readonly X509Certificate2Collection? _authorities;
    private readonly HttpClient _http;

    /// <param name="authorities">Of web servers; null: those that the system trusts.</param>
    public CertificateFetcher(IReadOnlyList<IPNetwork> trusted, DnsAnswers dns, X509Certificate2Collection? authorities, TimeProvider time)
    {
        (_trusted, _dns, _authorities, _time) = (trusted, dns, authorities, time);
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            Credentials = null,
            AutomaticDecompression = DecompressionMethods.None,
            MaxConnectionsPerServer = 4,
            MaxResponseHeadersLength = 16, // KB
            MaxResponseDrainSize = 0, // What was not read to its end is not read on for the sake of the connection.
            PooledConnectionLifetime = s_connectionAge,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(10),
            ConnectCallback = Connect,
        };
        // The web server's certificate is a stranger's as well: without a policy .NET asks the URLs in it (RFC 5280 4.2.2.1) during the handshake, past the rules above.
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        if (authorities is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(authorities);
        }
        handler.SslOptions.CertificateChainPolicy = policy;
        // The time of a whole fetch is counted below, the body's as well.
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public async Task<(FetchResult Result, StirCertificate? Certificate)> Fetch(string text)
    {
        if (FetchRules.UrlOf(text) is not { } url) return (FetchResult.BadUrl, null);
        using var timeout = new CancellationTokenSource(s_timeout, _time);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.Accept.ParseAdd("application/pem-certificate-chain, application/pkix-cert, */*;q=0.1");
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, timeout.Token);
            if ((int)response.StatusCode is >= 300 and < 400) return (FetchResult.Redirected, null);
            if (response.StatusCode != HttpStatusCode.OK) return (FetchResult.Refused, null);
            if (response.Content.Headers.ContentLength > StirLimits.CertificateBytes) return (FetchResult.TooLarge, null);
            await using var body = await response.Content.ReadAsStreamAsync(timeout.Token);
            if (await Read(body, timeout.Token) is not { } content) return (FetchResult.TooLarge, null);
            return StirCertificate.Read(content) is { } certificate ? (FetchResult.Fetched, certificate) : (FetchResult.NoCertificate, null);
        }
        catch (OperationCanceledException)
        {
            return (FetchResult.TimedOut, null);
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (e.InnerException is RefusedAddressException refused ? refused.Result : FetchResult.Unreachable, null);
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        foreach (var authority in _authorities ?? []) authority.Dispose();
    }

    private async ValueTask<Stream> Connect(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = await Resolve(host);
        if (addresses.Count == 0) throw new RefusedAddressException(FetchResult.Unresolved);
        // One bad address of several is a sign of somebody who tries: none of them is asked.
        if (!addresses.All(address => FetchRules.Allows(address, port, _trusted))) throw new RefusedAddressException(FetchResult.Forbidden);
        for (var i = 0; ; i++)
        {
            var socket = new Socket(addresses[i].AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                await socket.ConnectAsync(new IPEndPoint(addresses[i], port), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException) when (i + 1 < addresses.Count)
            {
                socket.Dispose();
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }
    }

    private async Task<IReadOnlyList<IPAddress>> Resolve(string host)
    {
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address)) return [address];
        return [.. await _dns.V4(host), .. await _dns.V6(host)];
    }

    /// <summary>The whole body; null when it is longer than allowed.</summary>
    private static async Task<byte[]?> Read(Stream body, CancellationToken cancellation)
    {
        var buffer = new byte[StirLimits.CertificateBytes + 1];
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation);
        return length > StirLimits.CertificateBytes ? null : buffer[..length];
    }

    /// <summary>The way out of the connection that the HTTP client asks for.</summary>
    private sealed class RefusedAddressException(FetchResult result) : IOException("internal error: not meant to be seen")
    {
        public FetchResult Result => result;
    }
}
