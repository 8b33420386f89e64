using System.Buffers.Binary;
using System.Security.Cryptography;
using IvrActors.Edge.Ice;
using IvrActors.Edge.Rtp;
using static IvrActors.Fuzz.OracleException;

namespace IvrActors.Fuzz;

/// <summary>
/// STUN messages and the lite agent behind them. Oracle: what the agent did not make the password for is neither answered nor remembered, and a genuine check after it is
/// answered; an answer of any transaction and address is read as it was written. Inputs are tried as they are and with a header and fingerprint that fit.
/// </summary>
public sealed class StunTarget : IFuzzTarget
{
    private const int MostBytes = 1500;
    private const string Peer = "peer";

    private static readonly MediaAddress s_home = MediaAddress.V4([192, 0, 2, 1], 4000);

    private readonly IncrementalHash _password = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA1, "ourpasswordourpassword12"u8);
    private readonly byte[] _fitted = new byte[MostBytes + 32];
    private readonly byte[] _written = new byte[256];
    private readonly byte[] _response = new byte[IceLite.MostResponse];

    public string Name => "stun";

    public IReadOnlyList<byte[]> Dictionary { get; } =
    [
        [0x21, 0x12, 0xA4, 0x42], [0, 1, 0, 0], [1, 1, 0, 0], [0, 6, 0, 13], [0, 8, 0, 20], [0, 9, 0, 4], [0, 0x20, 0, 8, 0, 1], [0, 0x20, 0, 20, 0, 2], [0, 0x24, 0, 4], [0, 0x25, 0, 0],
        [0x80, 0x28, 0, 4], [0x80, 0x29, 0, 8], [0x80, 0x2A, 0, 8], [0xC0, 0x57, 0, 4], [0, 0x31, 0, 3], [0xFF, 0xFF], [0, 0],
    ];

    public bool Run(ReadOnlyMemory<byte> input)
    {
        var datagram = input.Span[..Math.Min(input.Length, MostBytes)];
        CheckAgent(datagram);
        var accepted = Check(datagram);
        return Check(Fitted(datagram)) | accepted;
    }

    private bool Check(ReadOnlySpan<byte> datagram)
    {
        if (StunMessage.TryRead(datagram, out var message) != StunRejection.None)
            return false;
        Require(Stun.IsStun(datagram[0]) || datagram[0] <= 0x3F, "a message that the first byte does not tell");
        Require(message.UnknownCount <= StunMessage.MostUnknown && message.Username.Length <= Stun.MostUsername, "more is kept than may be");
        Require(!message.IsAuthentic(_password), "a forged message is authentic");
        CheckWritten(message.Transaction, message.Mapped.IsNone ? s_home : message.Mapped);
        return true;
    }

    private void CheckWritten(ReadOnlySpan<byte> transaction, MediaAddress address)
    {
        var writer = new StunWriter(_written, Stun.BindingSuccess, transaction);
        writer.AddMapped(address);
        writer.Close(_password);
        Require(StunMessage.TryRead(_written.AsSpan(0, writer.Length), out var read) == StunRejection.None, "what was written is refused");
        Require(read.Mapped == address && read.IsAuthentic(_password) && read.HasFingerprint && read.Transaction.SequenceEqual(transaction), "what was written is read as something else");
    }

    private void CheckAgent(ReadOnlySpan<byte> datagram)
    {
        using var agent = new IceLite(new IceCredentials("OURFRAG1ourpasswordourpassword12"u8.ToArray()), Peer, second: 1);
        foreach (var one in (ReadOnlySpan<bool>)[false, true])
            Require(agent.Take(0, one ? Fitted(datagram) : datagram, s_home, _response) == 0, "a forged message was answered");
        Require(agent.Selected.IsNone && !agent.IsChecked(0, s_home), "a forged message is remembered");

        var writer = new StunWriter(_written, Stun.BindingRequest, _response.AsSpan(0, 12));
        writer.AddUsername("OURFRAG1:" + Peer);
        writer.Add(Stun.UseCandidate, 0);
        writer.Add(Stun.IceControlling, 8);
        writer.Close(_password);
        var length = agent.Take(0, _written.AsSpan(0, writer.Length), s_home, _response);
        Require(length > 0 && length <= writer.Length && agent.Selected == s_home, "a genuine check after it was refused");
    }

    /// <summary>The input as attributes of a request, behind a header that fits and before a fingerprint that does.</summary>
    private ReadOnlySpan<byte> Fitted(ReadOnlySpan<byte> datagram)
    {
        var attributes = datagram.Length > StunMessage.HeaderSize ? datagram[StunMessage.HeaderSize..] : default;
        attributes = attributes[..(attributes.Length / 4 * 4)];
        var writer = new StunWriter(_fitted, Stun.BindingRequest, "transaction!"u8);
        attributes.CopyTo(_fitted.AsSpan(StunMessage.HeaderSize));
        var end = StunMessage.HeaderSize + attributes.Length;
        BinaryPrimitives.WriteUInt16BigEndian(_fitted.AsSpan(2), (ushort)(attributes.Length + 8));
        BinaryPrimitives.WriteUInt32BigEndian(_fitted.AsSpan(end), 0x80280004);
        BinaryPrimitives.WriteUInt32BigEndian(_fitted.AsSpan(end + 4), Stun.FingerprintOf(_fitted.AsSpan(0, end)));
        return _fitted.AsSpan(0, Math.Max(writer.Length, end) + 8);
    }
}
