using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Ice;

/// <summary>
/// A lite ICE agent of one component (RFC 8445 2.5): always controlled, answers the peer's checks and sends none. A request counts only when its
/// MESSAGE-INTEGRITY is right; every other one is dropped without an answer, so that nobody is sent what a stranger asked for. Allocates nothing per request.
/// </summary>
public sealed class IceLite : IDisposable
{
    /// <summary>RFC 7675 5.1: consent lasts this long after the peer has given it, here by a request that was in order or by a packet under its keys.</summary>
    public const int ConsentSeconds = 30;

    /// <summary>Longest answer: header, XOR-MAPPED-ADDRESS of IPv6 or an error with its attributes, integrity, fingerprint.</summary>
    public const int MostResponse = 128;

    /// <summary>Addresses of the peer that are remembered as checked: a computer has a few interfaces, each with its view from outside.</summary>
    private const int MostAddresses = 8;

    private readonly IceCredentials _ours;
    private readonly byte[] _username;
    private readonly IncrementalHash _hmac;
    private readonly long _second;
    private readonly (MediaAddress Address, long At)[] _checked = new (MediaAddress, long)[MostAddresses];

    /// <param name="ours">Stay the caller's: those of an offer hold for each peer that answers it.</param>
    /// <param name="second">What a second is in the times given to this.</param>
    public IceLite(IceCredentials ours, string peerFragment, long second)
    {
        _ours = ours;
        PeerFragment = peerFragment;
        _username = Encoding.ASCII.GetBytes(ours.Fragment + ":" + peerFragment);
        _hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, ours.ExposePassword());
        _second = second;
    }

    public IceCredentials Ours => _ours;

    public string PeerFragment { get; }

    /// <summary>The peer's side of the pair that it nominated; none before.</summary>
    public MediaAddress Selected { get; private set; }

    /// <summary>Takes a datagram that looks like STUN. Returns the length of what is to be sent back, or 0.</summary>
    public int Take(long now, ReadOnlySpan<byte> datagram, MediaAddress from, Span<byte> response)
    {
        if (StunMessage.TryRead(datagram, out var request) != StunRejection.None) return 0;
        // We ask nothing, so that responses are not ours; an indication keeps a NAT open and wants no answer.
        if (request.Type != Stun.BindingRequest || !request.HasFingerprint || !request.Username.SequenceEqual(_username) || !request.IsAuthentic(_hmac)) return 0;

        var writer = new StunWriter(response, request.UnknownCount > 0 || request.IsControlled ? Stun.BindingError : Stun.BindingSuccess, request.Transaction);
        if (request.UnknownCount > 0)
        {
            writer.AddError(420);
            writer.AddUnknown(request.Unknown, request.UnknownCount);
        }
        else if (request.IsControlled)
        {
            // RFC 8445 6.1.1: beside a lite agent the other one controls. 487 tells it so (7.3.1.1).
            writer.AddError(487);
        }
        else
        {
            writer.AddMapped(from);
            Remember(now, from);
            // The latest nomination counts: a browser nominates again when its path changes.
            if (request.UsesCandidate) Selected = from;
        }
        writer.Close(_hmac);
        return writer.Length;
    }

    /// <summary>
    /// An authentic packet of media came from there. RFC 7675 5.1 has a full agent ask for consent; one that asks nothing takes as such whatever only the peer can have sent from the
    /// selected address just now, since a peer that knows no consent checks keeps its path open by media and indications alone.
    /// </summary>
    public void Heard(long now, MediaAddress from)
    {
        if (from == Selected && !from.IsNone) Remember(now, from);
    }

    /// <summary>Whether the peer has shown with its password, and not long ago, that it can be reached there.</summary>
    public bool IsChecked(long now, MediaAddress address)
    {
        foreach (var one in _checked)
        {
            if (one.Address == address) return !address.IsNone && now - one.At <= ConsentSeconds * _second;
        }
        return false;
    }

    /// <summary>Whether the peer still wants to be sent to (RFC 7675): a lite agent reads that from what the peer sends.</summary>
    public bool HasConsent(long now) => IsChecked(now, Selected);

    private void Remember(long now, MediaAddress from)
    {
        var oldest = 0;
        for (var i = 0; i < _checked.Length; i++)
        {
            if (_checked[i].Address == from)
            {
                oldest = i;
                break;
            }
            if (_checked[i].At < _checked[oldest].At) oldest = i;
        }
        _checked[oldest] = (from, now);
    }

    public void Dispose() => _hmac.Dispose();
}
