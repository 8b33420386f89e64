using System.Net;
using IvrActors.Edge.Sip;

namespace IvrActors.Edge.Reputation;

/// <summary>Remembers what sources did, and which of them are not listened to for a while. Any thread.</summary>
public interface ISourceReputation
{
    /// <summary>Counts an offence.</summary>
    /// <param name="proven">Whether the source was proven by traffic that came back from it: a stream connection, or digest credentials for a nonce of ours. The source of a datagram alone can be forged.</param>
    void Offend(IPAddress source, SourceOffence offence, bool proven);

    /// <summary>A request for this user was answered by a challenge, because it came without a password. Many users in a row are an offence.</summary>
    void Challenged(IPAddress source, string user, bool proven);

    /// <summary>The source did what only an honest peer does (right credentials, a completed call): offences that anybody could commit in its name count no more, nor for a day. What was proven stays.</summary>
    void Vouch(IPAddress source);

    /// <summary>Whether nothing of this source is listened to now.</summary>
    bool IsBlocked(IPAddress source);
}
