using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Edge.Stir;

/// <summary>What came of a certificate's URL.</summary>
/// <param name="Certificate">Null with a failure.</param>
internal readonly record struct StirFetched(StirCertificate? Certificate, StirFailure Failure);

/// <summary>
/// Verifies the identity of a caller (RFC 8224 6.2) in the order of that clause, for each Identity header: known kind, originator from the signalling, certificate, freshness,
/// trust, signature. One that is valid suffices; of those that are not, the first says why. Pure: certificates that <see cref="UrlsOf"/> names are fetched in between.
/// </summary>
internal static class StirVerifier
{
    /// <summary>Reads all headers; whatever is wrong with one is kept with it.</summary>
    public static IReadOnlyList<StirClaim> Read(StirRequest request) => [.. request.Identities.Take(StirLimits.Headers).Select(value => StirClaim.Read(value, request))];

    /// <summary>The certificates that are needed, each once; of more than <see cref="StirLimits.Urls"/> the first, so that one call makes no more requests than that.</summary>
    public static IReadOnlyList<string> UrlsOf(IReadOnlyList<StirClaim> claims) =>
        [.. claims.Where(claim => claim.Passport is not null).Select(claim => claim.Passport!.CertificateUrl).Distinct(StringComparer.Ordinal).Take(StirLimits.Urls)];

    public static StirVerdict Judge(StirRequest request, IReadOnlyList<StirClaim> claims, Func<string, StirFetched> fetched, StirTrust trust, ReplayMemory replays, DateTimeOffset now)
    {
        List<Passport> valid = [];
        var failure = StirFailure.Missing;
        foreach (var claim in claims)
        {
            var found = claim.Failure != StirFailure.None ? claim.Failure : Check(request, claim.Passport!, fetched(claim.Passport!.CertificateUrl), trust, now);
            if (found == StirFailure.None) valid.Add(claim.Passport!);
            else if (failure == StirFailure.Missing) failure = found;
        }
        var plain = valid.Where(passport => passport.Kind is PassportKind.Plain or PassportKind.Shaken).Select(passport => (Passport: passport, IsDiverted: LeadsHere(request, passport, valid))).ToList();
        if (plain.Count == 0) return StirVerdict.Failed(failure);
        var here = plain.Where(one => one.IsDiverted is not null).OrderByDescending(one => StirVerdict.Counted(one.Passport.Attestation, one.IsDiverted is true)).ToList();
        if (here.Count == 0) return StirVerdict.Failed(StirFailure.WrongDestination);
        var (best, isDiverted) = here[0];
        if (!replays.TryUse(now, best.Mark, $"{request.Sender}\n{request.CallId}")) return StirVerdict.Failed(StirFailure.Replayed);
        return StirVerdict.Verified(best.Attestation, isDiverted is true, valid.Exists(other => other.Kind == PassportKind.Priority && LeadsHere(request, other, valid) is not null));
    }

    private static StirFailure Check(StirRequest request, Passport passport, StirFetched fetched, StirTrust trust, DateTimeOffset now)
    {
        if (fetched.Certificate is not { } certificate) return fetched.Failure;
        // Far from any time there is, it is as stale as can be.
        if (passport.IssuedAt > now.ToUnixTimeSeconds() + (long)StirLimits.Freshness.TotalSeconds) return StirFailure.Stale;
        var issued = DateTimeOffset.FromUnixTimeSeconds(passport.IssuedAt);
        if (!IsFresh(issued, now) || (request.Date is { } date && !IsFresh(date, now))) return StirFailure.Stale;
        if (trust.Judge(certificate, now, issued) is var failure && failure != StirFailure.None) return failure;
        // Who sends a call on speaks for the number that it was meant for, not for the caller's (RFC 8946 5).
        if (passport.Kind != PassportKind.Priority && !certificate.Numbers.Covers(passport.Kind == PassportKind.Diversion ? passport.Diverted : passport.Origin)) return StirFailure.NoAuthority;
        if (!certificate.Signed(passport)) return StirFailure.BadSignature;
        return passport.Origin == request.Origin ? StirFailure.None : StirFailure.WrongOrigin;
    }

    private static bool IsFresh(DateTimeOffset time, DateTimeOffset now) => (now - time).Duration() <= StirLimits.Freshness;

    /// <summary>
    /// Whether a PASSporT is for this call: it names whom the call reached (false), or signed diversions lead from whom it names to there (true; RFC 8946 6). Null otherwise. To alone
    /// does not suffice: with a PASSporT for a call to himself anybody could call us as his caller.
    /// </summary>
    private static bool? LeadsHere(StirRequest request, Passport passport, List<Passport> valid)
    {
        if (IsHere(request, passport.Destinations)) return false;
        List<Passport> left = [.. valid.Where(other => other.Kind == PassportKind.Diversion)];
        for (var at = passport.Destinations; ;)
        {
            if (left.Find(other => at.Contains(other.Diverted)) is not { } next) return null;
            if (IsHere(request, next.Destinations)) return true;
            left.Remove(next);
            at = next.Destinations;
        }
    }

    private static bool IsHere(StirRequest request, IReadOnlyList<StirParty> destinations) =>
        destinations.Contains(request.Called)
        || (request.Called.Number is null && request.To.Number is { } number && request.OwnNumbers.Contains(number) && destinations.Contains(request.To));
}

/// <summary>One Identity header, read: a PASSporT, or why there is none.</summary>
internal sealed class StirClaim
{
    private StirClaim(Passport? passport, StirFailure failure) => (Passport, Failure) = (passport, failure);

    public Passport? Passport { get; }

    /// <summary><see cref="StirFailure.Missing"/>: of a kind that is not known here, as good as not there (RFC 8224 6.2, step 1).</summary>
    public StirFailure Failure { get; }

    public static StirClaim Read(string value, StirRequest request)
    {
        if (IdentityHeader.Read(value) is not { } identity) return new(null, StirFailure.Malformed);
        if (Passport.KindOf(identity.Type) is null) return new(null, StirFailure.Missing);
        if (identity.Algorithm is not (null or "ES256")) return new(null, StirFailure.Malformed);
        if (identity.Info is null) return new(null, StirFailure.BadInfo);
        if (identity.IsCompact) return Passport.Rebuild(identity, request.From, request.To, request.Date) is { } rebuilt ? new(rebuilt, StirFailure.None) : new(null, StirFailure.Malformed);
        if (Passport.Read(identity, out var passport) is var failure && failure != StirFailure.None) return new(null, failure);
        return passport!.CertificateUrl == identity.Info ? new(passport, StirFailure.None) : new(null, StirFailure.BadInfo);
    }
}
