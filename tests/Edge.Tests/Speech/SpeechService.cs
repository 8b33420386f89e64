using System.Net;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Media;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Tests.Speech;

/// <summary>A text-to-speech service on the loopback that answers as a test says.</summary>
internal sealed class SpeechService : IAsyncDisposable
{
    private readonly WebApplication _app;

    private SpeechService(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.First() + "/v1/say");

    public static async Task<SpeechService> StartAsync(RequestDelegate answer, X509Certificate2? certificate = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen =>
        {
            if (certificate is not null) listen.UseHttps(certificate);
        }));
        var app = builder.Build();
        app.Run(answer);
        await app.StartAsync();
        return new SpeechService(app);
    }

    /// <summary>A WAV file with so many samples at 8 kHz.</summary>
    public static byte[] Wav(int samples = 800) => new WavFile { SampleRate = 8000, Samples = [.. Enumerable.Range(0, samples).Select(i => (short)(i % 2 == 0 ? 5000 : -5000))] }.ToBytes();

    public static async Task Say(HttpContext http, byte[] body, string type = "audio/wav")
    {
        http.Response.ContentType = type;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();
}
