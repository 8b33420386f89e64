using System.Collections.Frozen;
using System.Security.Cryptography;
using Microsoft.Net.Http.Headers;

namespace IvrActors.Dashboard.Http;

/// <summary>Style sheet, scripts and icon out of the assembly, under <c>/assets/</c>.</summary>
internal static class Assets
{
    private const string Prefix = "assets/";

    private static readonly FrozenDictionary<string, Asset> s_all = Load();

    public static RouteHandlerBuilder MapAssets(this IEndpointRouteBuilder routes) => routes.MapGet("/" + Prefix + "{name}", (string name, HttpContext http) =>
    {
        if (!s_all.TryGetValue(name, out var asset)) return Results.NotFound();
        http.Response.Headers.CacheControl = "no-cache";
        return Results.Bytes(asset.Content, asset.Type, entityTag: asset.Tag);
    });

    private static FrozenDictionary<string, Asset> Load()
    {
        var assembly = typeof(Assets).Assembly;
        return assembly.GetManifestResourceNames().Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)).ToFrozenDictionary(
            name => name[Prefix.Length..],
            name =>
            {
                using var stream = assembly.GetManifestResourceStream(name)!;
                var content = new byte[stream.Length];
                stream.ReadExactly(content);
                return new Asset(content, TypeOf(name), new EntityTagHeaderValue($"\"{Convert.ToHexString(SHA256.HashData(content), 0, 8)}\""));
            },
            StringComparer.Ordinal);
    }

    private static string TypeOf(string name) => Path.GetExtension(name) switch
    {
        ".css" => "text/css; charset=utf-8",
        ".js" => "text/javascript; charset=utf-8",
        ".svg" => "image/svg+xml",
        _ => throw new InvalidOperationException($"internal error: no content type for {name}"),
    };

    private sealed record Asset(byte[] Content, string Type, EntityTagHeaderValue Tag);
}
