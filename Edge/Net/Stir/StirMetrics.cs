using IvrActors.Edge.Stir;
using Prometheus;

namespace IvrActors.Edge.Net.Stir;

/// <summary>The STIR/SHAKEN part of the edge's metrics. No label carries a caller, a number or an address.</summary>
internal static class StirMetrics
{
    private static readonly Counter s_verifications = Metrics.CreateCounter(
        "ivr_stir_verifications_total", "Calls whose identity was asked for, by trunk and by attestation or why none was verified.", "trunk", "result");

    private static readonly Counter s_claims = Metrics.CreateCounter("ivr_stir_claims_total", "What verified identities said besides: that the call was diverted, that it has priority.", "claim");

    public static readonly Histogram Verification = Metrics.CreateHistogram(
        "ivr_stir_verification_seconds", "Time that an INVITE waited for its verification.", new HistogramConfiguration { Buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] });

    private static readonly Counter s_fetches = Metrics.CreateCounter("ivr_stir_fetches_total", "Fetches of certificates that callers' providers name, by result.", "result");

    public static readonly Gauge Cached = Metrics.CreateGauge("ivr_stir_certificates_cached", "Certificates, and failures to get one, that are remembered.");

    public static readonly Counter Signed = Metrics.CreateCounter("ivr_stir_signatures_total", "Calls of ours that were signed, by trunk.", "trunk");

    public static void Verified(string trunk, StirVerdict verdict)
    {
        s_verifications.WithLabels(trunk, verdict.IsVerified ? verdict.Attestation.ToString().ToLowerInvariant() : StirFailures.NameOf(verdict.Failure)).Inc();
        if (verdict.IsDiverted) s_claims.WithLabels("diverted").Inc();
        if (verdict.HasPriority) s_claims.WithLabels("priority").Inc();
    }

    public static void Fetched(FetchResult result) => s_fetches.WithLabels(NameOf(result)).Inc();

    private static string NameOf(FetchResult result) => result switch
    {
        FetchResult.Fetched => "fetched",
        FetchResult.BadUrl => "bad_url",
        FetchResult.Forbidden => "forbidden_address",
        FetchResult.Unresolved => "unresolved",
        FetchResult.TimedOut => "timed_out",
        FetchResult.Redirected => "redirected",
        FetchResult.Refused => "refused",
        FetchResult.TooLarge => "too_large",
        FetchResult.NoCertificate => "no_certificate",
        FetchResult.Busy => "busy",
        _ => "unreachable",
    };
}
