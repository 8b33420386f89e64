namespace IvrActors.Edge.Stir;

/// <summary>Every bound of what is read of Identity headers, PASSporTs and certificates, in one table. What exceeds one is refused, never truncated.</summary>
internal static class StirLimits
{
    /// <summary>Identity headers that are looked at: one of the origin, one for each time the call was sent on, one for priority.</summary>
    public const int Headers = 8;

    /// <summary>Certificates that are fetched for one call: an origin, one who sent it on and one for priority. What others signed counts as not to be had.</summary>
    public const int Urls = 3;

    /// <summary>One Identity header: a PASSporT with a long URL has about 1 KiB.</summary>
    public const int HeaderLength = 4096;

    /// <summary>Parameters of an Identity header; the standards define three.</summary>
    public const int Parameters = 8;

    /// <summary>Either JSON part of a PASSporT.</summary>
    public const int JsonBytes = 2048;

    /// <summary>Values within each other: <c>{"dest":{"tn":["1"]}}</c> has four, <c>rcd</c> some more.</summary>
    public const int JsonDepth = 8;

    /// <summary>Values in one JSON part.</summary>
    public const int JsonValues = 128;

    /// <summary>Numbers and URIs of <c>dest</c> together: honest calls have one.</summary>
    public const int Destinations = 16;

    /// <summary>A telephone number: E.164 has 15 digits, and some networks prefix a few.</summary>
    public const int NumberDigits = 20;

    /// <summary>A SIP URI or the URL of a certificate.</summary>
    public const int UriLength = 512;

    /// <summary>RFC 8588 5: a UUID has 36 characters.</summary>
    public const int OriginIdLength = 64;

    /// <summary>What is fetched from a certificate's URL.</summary>
    public const int CertificateBytes = 64 * 1024;

    /// <summary>Certificates of a chain, the leaf included.</summary>
    public const int Certificates = 8;

    /// <summary>Entries of a TNAuthList: with 64 KiB there could be thousands of numbers, each of which is compared.</summary>
    public const int AuthorizedEntries = 4096;

    /// <summary>How far the time of a PASSporT and of Date may be from ours, either way (RFC 8224 6.2, step 4).</summary>
    public static readonly TimeSpan Freshness = TimeSpan.FromSeconds(60);
}
