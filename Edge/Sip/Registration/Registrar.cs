using System.Globalization;
using IvrActors.Edge.Sip.Auth;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;

namespace IvrActors.Edge.Sip.Registration;

/// <summary>
/// Takes REGISTER of trunks that may (RFC 3261 10.3), after the guard proved who sends it: a digest account registers itself, a certificate the
/// users that its trunk names. Memory is bounded by accounts times contacts, and by <see cref="MostUsers"/>.
/// </summary>
/// <param name="newToken">As for <see cref="UserAgent"/>.</param>
public sealed class Registrar(Func<string> newToken, int mostUsers = Registrar.MostUsers) : IRequestServer
{
    /// <summary>Users with a binding, of all trunks.</summary>
    public const int MostUsers = 20_000;

    /// <summary>Longest contact: it is kept.</summary>
    private const int MostContactLength = 256;

    /// <summary>What is granted where neither the contact nor Expires says how long (RFC 3261 10.3).</summary>
    private static readonly TimeSpan s_usualExpires = TimeSpan.FromHours(1);

    private readonly Dictionary<(EdgeTrunk Trunk, string User), Bindings> _users = [];

    public SipResponse Answer(long now, SipRequest request, SipPeer peer)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(peer);
        if (peer.Trunk.Registrar is not { } rule || UserOf(request, peer.Trunk, rule) is not { } user) return Respond(request, 403);
        var key = (peer.Trunk, user);
        if (!_users.TryGetValue(key, out var bindings))
        {
            if (_users.Count >= mostUsers) Sweep(now);
            if (_users.Count >= mostUsers) return Busy(request);
            bindings = new Bindings(rule.MostContacts);
        }
        bindings.Expire(now);
        var refusal = Change(now, request, peer, rule, bindings);
        if (bindings.Current.Count > 0) _users[key] = bindings;
        else _users.Remove(key);
        return refusal ?? Listing(now, request, bindings);
    }

    /// <summary>Where a user of this trunk can be reached, the newest first.</summary>
    public IReadOnlyList<Binding> Find(long now, EdgeTrunk trunk, string user)
    {
        if (!_users.TryGetValue((trunk, user), out var bindings)) return [];
        bindings.Expire(now);
        return [.. bindings.Current.Reverse()];
    }

    /// <summary>Forgets what has expired and counts the contacts of each trunk.</summary>
    public IReadOnlyDictionary<EdgeTrunk, int> Sweep(long now)
    {
        var counts = new Dictionary<EdgeTrunk, int>();
        foreach (var (key, bindings) in _users)
        {
            bindings.Expire(now);
            // Removing while enumerating is what Dictionary allows.
            if (bindings.Current.Count == 0) _users.Remove(key);
            else counts[key.Trunk] = counts.GetValueOrDefault(key.Trunk) + bindings.Current.Count;
        }
        return counts;
    }

    /// <summary>The user of the address of record in To, if the sender may register it.</summary>
    private static string? UserOf(SipRequest request, EdgeTrunk trunk, TrunkRegistrar rule)
    {
        if (request.To.Uri is not { IsSip: true, User: { Length: > 0 } user }) return null;
        if (trunk.Digest is not null) return user == DigestGuard.UserOf(request, trunk) ? user : null;
        return rule.Users.Contains(user, StringComparer.Ordinal) ? user : null;
    }

    /// <summary>Does what the request asks for; null, or why not.</summary>
    private SipResponse? Change(long now, SipRequest request, SipPeer peer, TrunkRegistrar rule, Bindings bindings)
    {
        var usual = request.Headers.First(SipHeaderNames.Expires) is { } header && SipGrammar.Number(header.Trim()) is { } all ? TimeSpan.FromSeconds(all) : s_usualExpires;
        if (request.Headers.All(SipHeaderNames.Contact).Any(value => value == "*"))
        {
            var alone = request.Contacts.Count == 0 && request.Headers.All(SipHeaderNames.Contact).Count() == 1;
            if (!alone || request.Headers.First(SipHeaderNames.Expires)?.Trim() != "0") return Respond(request, 400);
            return bindings.TryClear(request.CallId, request.CSeq.Number) ? null : Respond(request, 500);
        }
        if (request.Contacts.Count > rule.MostContacts) return Respond(request, 403, "Too Many Contacts");
        var changes = new List<BindingChange>();
        foreach (var contact in request.Contacts)
        {
            if (!contact.Uri.IsSip || contact.Uri.HasHeaders || contact.Uri.ToString().Length > MostContactLength) return Respond(request, 400, "Unusable Contact");
            var asked = contact.Parameters.TryFind("expires", out var text) && SipGrammar.Number(text) is { } seconds ? TimeSpan.FromSeconds(seconds) : usual;
            if (asked > TimeSpan.Zero && asked < rule.LeastExpires) return TooBrief(request, rule);
            var until = asked == TimeSpan.Zero ? now : now + (asked < rule.MostExpires ? asked : rule.MostExpires).Ticks;
            changes.Add(new BindingChange(Copy(contact.Uri), until));
        }
        return bindings.TryChange(now, changes, peer, new string(request.CallId.AsSpan()), request.CSeq.Number) ? null : Respond(request, 500);
    }

    /// <summary>200 with all bindings and what is left of each.</summary>
    private SipResponse Listing(long now, SipRequest request, Bindings bindings)
    {
        var response = Respond(request, 200);
        foreach (var binding in bindings.Current)
        {
            var left = (binding.Until - now + TimeSpan.TicksPerSecond - 1) / TimeSpan.TicksPerSecond;
            response.Headers.Add(SipHeaderNames.Contact, string.Create(CultureInfo.InvariantCulture, $"<{binding.Contact}>;expires={left}"));
        }
        return response;
    }

    private SipResponse TooBrief(SipRequest request, TrunkRegistrar rule)
    {
        var response = Respond(request, 423);
        response.Headers.Add("Min-Expires", Math.Ceiling(rule.LeastExpires.TotalSeconds).ToString(CultureInfo.InvariantCulture));
        return response;
    }

    private SipResponse Busy(SipRequest request)
    {
        var response = Respond(request, 503);
        response.Headers.Add("Retry-After", "60");
        return response;
    }

    private SipResponse Respond(SipRequest request, int status, string? reason = null) => SipResponses.For(request, status, newToken(), reason);

    /// <summary>A text of its own: a binding must not hold the whole request.</summary>
    private static SipUri Copy(SipUri uri) =>
        SipUri.TryParse(uri.ToString().AsSpan(), out var copy) ? copy : throw new InvalidOperationException("internal error: a contact that was parsed before cannot be parsed");
}
