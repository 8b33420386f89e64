namespace IvrActors.Dashboard.Http;

/// <summary>Headers that every answer on the dashboard's port carries, errors and files included.</summary>
internal static class SecurityHeaders
{
    public const string Policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    private const string PermissionsPolicy = "Permissions-Policy";

    public static void Set(IHeaderDictionary headers)
    {
        headers.ContentSecurityPolicy = Policy;
        headers.StrictTransportSecurity = "max-age=63072000";
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers[PermissionsPolicy] = Devices(microphone: "()");
        headers.CacheControl = "no-cache, no-store";
    }

    /// <summary>What the phone page may besides: connect to this address and to no other, and ask for the microphone.</summary>
    public static void AllowCalls(IHeaderDictionary headers, Uri signalling)
    {
        headers.ContentSecurityPolicy = Policy.Replace("connect-src 'self'", $"connect-src 'self' {signalling.AbsoluteUri}", StringComparison.Ordinal);
        headers[PermissionsPolicy] = Devices(microphone: "(self)");
    }

    private static string Devices(string microphone) => $"camera=(), microphone={microphone}, geolocation=(), payment=(), usb=()";
}
