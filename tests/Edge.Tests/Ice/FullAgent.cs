using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Ice;

namespace IvrActors.Edge.Tests.Ice;

/// <summary>The controlling side of ICE as a browser has it: writes checks.</summary>
internal sealed class FullAgent(string theirFragment, string theirPassword, string ourFragment) : IDisposable
{
    private readonly IncrementalHash _hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, Encoding.ASCII.GetBytes(theirPassword));
    private byte _transaction;

    /// <summary>From the lines of an answer.</summary>
    public static FullAgent Of(string answer, string ourFragment)
    {
        string Line(string start) => answer.Split("\r\n").First(line => line.StartsWith(start, StringComparison.Ordinal))[start.Length..];
        return new FullAgent(Line("a=ice-ufrag:"), Line("a=ice-pwd:"), ourFragment);
    }

    public byte[] Check(bool nominates = false, bool controlled = false, ushort unknown = 0, string? username = null, bool authentic = true)
    {
        var buffer = new byte[256];
        var writer = new StunWriter(buffer, Stun.BindingRequest, [.. Enumerable.Repeat(++_transaction, 12)]);
        writer.AddUsername(username ?? $"{theirFragment}:{ourFragment}");
        writer.Add(Stun.Priority, 4)[0] = 0x6E;
        writer.Add(controlled ? Stun.IceControlled : Stun.IceControlling, 8)[0] = 1;
        writer.Add(0xC057, 4); // Of a browser: NETWORK-COST.
        if (nominates) writer.Add(Stun.UseCandidate, 0);
        if (unknown != 0) writer.Add(unknown, 3);
        using var wrong = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, "wrong"u8);
        writer.Close(authentic ? _hmac : wrong);
        return buffer[..writer.Length];
    }

    /// <summary>Reads a response to a check of ours; its integrity must hold.</summary>
    public StunMessage Read(ReadOnlySpan<byte> response)
    {
        if (StunMessage.TryRead(response, out var message) != StunRejection.None || !message.HasFingerprint || !message.IsAuthentic(_hmac)) throw new InvalidOperationException("not an answer to us");
        return message;
    }

    public void Dispose() => _hmac.Dispose();
}
