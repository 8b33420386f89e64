using System.Net;

namespace IvrActors.Edge.Sip.Auth;

/// <summary>What became of a request that needs a password. Closed: the name in snake case is a metric label.</summary>
public enum AuthenticationResult
{
    Accepted,

    /// <summary>It had no credentials for a realm of ours, as each first request.</summary>
    Challenged,

    /// <summary>The right password with a nonce that is too old, or that was given to another address.</summary>
    Stale,

    /// <summary>The right password with a count that was used before.</summary>
    Replayed,

    /// <summary>A wrong user, password, algorithm or URI, for a nonce that we gave to this very source.</summary>
    Failed,

    /// <summary>As <see cref="Failed"/> with a nonce that we never gave: the source may be forged.</summary>
    Forged,

    /// <summary>Credentials that cannot be read.</summary>
    Malformed,
}

/// <summary>Hears what became of each, to count it and to judge the source.</summary>
public interface IAuthenticationObserver
{
    void Authenticated(IPAddress source, AuthenticationResult result);
}
