using System.Net;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Tls;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Sip.Clauses;
using IvrActors.Edge.Tests.Sip.Message;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>Connections that the edge opens to peers, over real sockets.</summary>
public sealed class OutgoingStreamTests : IDisposable
{
    private static readonly byte[] s_message = Samples.Request("OPTIONS");
    private static readonly SipUri s_nowhere = Uri("sip:gone.invalid");

    private readonly TestAuthority _authority = new();
    private readonly string _authorityFile = Path.GetTempFileName();
    private readonly EdgeTrunk _trunk;

    public OutgoingStreamTests()
    {
        File.WriteAllText(_authorityFile, _authority.Pem);
        _trunk = new EdgeTrunk { Name = "carrier", Tenant = "demo", From = [IPNetwork.Parse("127.0.33.0/24")], Tls = new TrunkTls { Identities = ["carrier.example"], AuthorityFile = _authorityFile } };
    }

    public void Dispose()
    {
        File.Delete(_authorityFile);
        _authority.Dispose();
    }

    private static bool Send(EdgeHost host, SipPeer peer) => host.Transports.Send(new SipSend(peer, s_message, "OPTIONS"));

    private X509Certificate2 Certificate(params string[] uris) => _authority.Issue(uris: uris);

    [Fact]
    public async Task What_is_sent_while_connecting_arrives_in_order_and_the_connection_is_used_again()
    {
        await using var host = await EdgeHost.Start();
        await using var server = new PeerServer();
        var peer = host.Transports.PeerTo(SipTransport.Tcp, server.EndPoint, host.Trunk("test"));
        Assert.True(Send(host, peer));
        Assert.True(Send(host, peer));
        var stream = await server.Accept();
        Assert.Equal(s_message, (await stream.Next())!.Value.Bytes);
        Assert.Equal(s_message, (await stream.Next())!.Value.Bytes);
        Assert.Same(peer, host.Transports.PeerTo(SipTransport.Tcp, server.EndPoint, host.Trunk("test")));
        Assert.Equal(1, host.Connections);
    }

    [Fact]
    public async Task A_request_that_comes_back_on_our_connection_is_served_on_it()
    {
        await using var host = await EdgeHost.Start(trunks: [new EdgeTrunk { Name = "local", Tenant = "demo", From = [IPNetwork.Parse("127.0.0.1/32")] }]);
        await using var server = new PeerServer();
        host.Transports.PeerTo(SipTransport.Tcp, server.EndPoint, host.Trunk("local"));
        var stream = await server.Accept();
        await stream.Send(s_message);
        Assert.Equal(200, Assert.IsType<SipResponse>(SipParser.Parse((await stream.Next())!.Value.Bytes).Message).Status);
    }

    [Fact]
    public async Task A_server_with_the_right_certificate_is_spoken_to_and_shown_ours_when_it_asks()
    {
        using var own = _authority.Issue("edge.example");
        await using var host = await EdgeHost.Start(trunks: [_trunk], certificate: ServerCertificate.Of(own));
        using var certificate = Certificate("sip:carrier.example");
        await using var server = new PeerServer(certificate);
        Assert.True(Send(host, host.Transports.PeerTo(SipTransport.Tls, server.EndPoint, _trunk, "Carrier.Example")));
        var stream = await server.Accept();
        Assert.Equal(s_message, (await stream.Next())!.Value.Bytes);
        Assert.Equal(own.Thumbprint, server.Shown?.Thumbprint);
    }

    [Fact]
    [Clause("26.3.2.1", "where the certificate is invalid or another one's no REGISTER is sent")]
    public async Task A_server_with_a_certificate_for_another_domain_is_told_nothing() => await Is_told_nothing(Certificate("sip:other.example"));

    [Fact]
    [Clause("26.3.1", "certificates that are shown in TLS are checked")]
    [Clause("26.3.2.1", "where the certificate is invalid or another one's no REGISTER is sent")]
    public async Task A_server_whose_certificate_nobody_we_trust_signed_is_told_nothing()
    {
        using var stranger = new TestAuthority();
        await Is_told_nothing(stranger.Issue(uris: ["sip:carrier.example"]));
    }

    [Fact]
    public async Task A_server_with_a_certificate_for_the_code_of_programs_is_told_nothing() =>
        await Is_told_nothing(_authority.Issue(uris: ["sip:carrier.example"], usage: "1.3.6.1.5.5.7.3.3"));

    [Fact]
    public async Task A_server_with_an_expired_certificate_is_told_nothing() =>
        await Is_told_nothing(_authority.Issue(uris: ["sip:carrier.example"], life: TimeSpan.FromHours(-1)));

    private async Task Is_told_nothing(X509Certificate2 certificate)
    {
        await using var host = await EdgeHost.Start(trunks: [_trunk]);
        await using var server = new PeerServer(certificate);
        var peer = host.Transports.PeerTo(SipTransport.Tls, server.EndPoint, _trunk, "carrier.example");
        Send(host, peer);
        try
        {
            var stream = await server.Accept();
            Assert.Null(await stream.Next());
        }
        catch (Exception e) when (e is IOException or System.Security.Authentication.AuthenticationException)
        {
            // Refused within the handshake.
        }
        await EdgeHost.Until(() => host.Connections == 0);
        Assert.False(Send(host, peer));
        certificate.Dispose();
    }

    [Fact]
    public async Task A_name_that_another_connection_proved_is_not_proven_for_this_one()
    {
        await using var host = await EdgeHost.Start(trunks: [_trunk]);
        using var certificate = Certificate("sip:carrier.example", "sip:b.example");
        await using var server = new PeerServer(certificate);
        var a = host.Transports.PeerTo(SipTransport.Tls, server.EndPoint, _trunk, "carrier.example");
        var b = host.Transports.PeerTo(SipTransport.Tls, server.EndPoint, _trunk, "b.example");
        Assert.NotEqual(a.Connection, b.Connection);
    }

    [Fact]
    public async Task A_peer_that_connected_to_us_is_reached_on_its_connection()
    {
        await using var host = await EdgeHost.Start();
        await using var phone = await Phone.Stream(host.Tcp, tls: false);
        await phone.Request("OPTIONS", 1);
        Assert.Equal(200, (await phone.Final()).Status);
        Assert.True(Send(host, host.Transports.PeerTo(SipTransport.Tcp, phone.Local, host.Trunk("test"))));
        Assert.Equal("OPTIONS", Assert.IsType<SipRequest>(await phone.Receive()).Method);
        Assert.Equal(1, host.Connections);
    }

    [Fact]
    public async Task A_connection_that_cannot_be_made_is_lost_and_the_table_empty_again()
    {
        await using var host = await EdgeHost.Start();
        await using var server = new PeerServer(listening: false);
        var peer = host.Transports.PeerTo(SipTransport.Tcp, server.EndPoint, host.Trunk("test"));
        Assert.NotEqual(0, peer.Connection);
        await EdgeHost.Until(() => host.Connections == 0);
        Assert.False(Send(host, peer));
    }

    [Fact]
    public async Task Too_much_for_a_connection_that_does_not_stand_yet_ends_it()
    {
        await using var host = await EdgeHost.Start(trunks: [_trunk]);
        using var certificate = Certificate("sip:carrier.example");
        await using var server = new PeerServer(certificate); // Accepts, and never shakes hands.
        var peer = host.Transports.PeerTo(SipTransport.Tls, server.EndPoint, _trunk, "carrier.example");
        var large = new byte[60_000];
        var sent = 0;
        while (sent < 100 && host.Transports.Send(new SipSend(peer, large, "INVITE"))) sent++;
        Assert.InRange(sent, 4, 12);
        await EdgeHost.Until(() => host.Connections == 0);
    }

    [Fact]
    public async Task The_end_of_a_browsers_connection_cannot_be_dialled()
    {
        await using var host = await EdgeHost.Start();
        var peer = host.Transports.PeerTo(SipTransport.Wss, new IPEndPoint(IPAddress.Parse("127.0.31.9"), 443), host.Trunk("test"), "x.example");
        Assert.False(Send(host, peer));
        Assert.Equal(0, host.Connections);
    }

    [Fact]
    public async Task A_dialog_whose_stream_ended_gets_another_one_to_the_same_place()
    {
        await using var host = await EdgeHost.Start();
        await using var server = new PeerServer();
        var lost = host.Transports.PeerTo(SipTransport.Tcp, server.EndPoint, host.Trunk("test"));
        await (await server.Accept()).DisposeAsync();
        await EdgeHost.Until(() => host.Connections == 0);
        var again = host.Transports.Reconnect(lost, s_nowhere)!;
        Assert.True(Send(host, again));
        Assert.Equal(s_message, (await (await server.Accept()).Next())!.Value.Bytes);
    }

    [Fact]
    public async Task A_peer_that_had_connected_is_called_back_where_it_listens_but_only_at_addresses_that_are_its_own()
    {
        await using var host = await EdgeHost.Start(trunks: [_trunk]);
        var tcp = new SipPeer(SipTransport.Tcp, IPEndPoint.Parse("127.0.33.5:40000"), 77, _trunk);
        Assert.Equal("127.0.33.5:5060", host.Transports.Reconnect(tcp, Uri("sip:127.0.33.5"))?.EndPoint.ToString());
        Assert.Equal("127.0.33.9:5080", host.Transports.Reconnect(tcp, Uri("sip:127.0.33.9:5080"))?.EndPoint.ToString());
        Assert.Null(host.Transports.Reconnect(tcp, Uri("sip:127.0.50.1")));
        Assert.Null(host.Transports.Reconnect(tcp, s_nowhere));
        Assert.Null(host.Transports.Reconnect(new SipPeer(SipTransport.Tls, IPEndPoint.Parse("127.0.31.5:40000"), 78, host.Trunk("test")), Uri("sip:127.0.31.5")));
        Assert.Null(host.Transports.Reconnect(new SipPeer(SipTransport.Wss, IPEndPoint.Parse("127.0.33.5:40000"), 79, _trunk), Uri("sip:127.0.33.5")));
    }

    private static SipUri Uri(string text) => SipUri.TryParse(text, out var uri) ? uri : throw new ArgumentException(text);
}
