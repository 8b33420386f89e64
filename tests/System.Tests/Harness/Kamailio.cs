using System.Globalization;

namespace IvrActors.SystemTests.Harness;

/// <summary>
/// A <c>kamailio</c> proxy in front of the server: it stays on the path of every dialog by Record-Route, and speaks UDP, TCP and TLS on its outer side
/// and one transport of the test's choice on its inner side.
/// </summary>
internal sealed class Kamailio : IAsyncDisposable
{
    private readonly ChildProcess _process;

    private Kamailio(ChildProcess process, int port, int tlsPort) => (_process, Port, TlsPort) = (process, port, tlsPort);

    /// <summary>Of UDP and TCP.</summary>
    public int Port { get; }

    public int TlsPort { get; }

    public string Output => _process.Tail();

    /// <param name="transport"><c>udp</c>, <c>tcp</c> or <c>tls</c>: how it speaks to the server.</param>
    public static async Task<Kamailio> InFrontOf(IvrServer server, string transport)
    {
        var program = Programs.Require("kamailio");
        var folder = Directory.CreateDirectory(Path.Combine(server.Folder, "kamailio-" + transport)).FullName;
        var (port, tlsPort) = (IvrServer.FreeTcpPort(), IvrServer.FreeTcpPort());
        var modules = new[] { "/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules", "/usr/lib/kamailio/modules" }.First(Directory.Exists);
        var certificates = Path.Combine(server.Data, "certs");
        await File.WriteAllTextAsync(Path.Combine(folder, "tls.cfg"), $"""
            [server:default]
            method = TLSv1.2+
            certificate = {certificates}/server.pem
            private_key = {certificates}/server.key
            [client:default]
            method = TLSv1.2+
            verify_certificate = yes
            require_certificate = yes
            ca_list = {certificates}/ca.pem

            """);
        var config = Path.Combine(folder, "kamailio.cfg");
        await File.WriteAllTextAsync(config, Config(folder, modules, port, tlsPort, $"sip:127.0.0.1:{(transport == "tls" ? server.TlsPort : server.SipPort)};transport={transport}"));
        var process = new ChildProcess(program, ["-DD", "-E", "-f", config, "-Y", folder, "-m", "64", "-M", "8"], folder);
        var proxy = new Kamailio(process, port, tlsPort);
        await Eventually.Holds(async () => !process.HasExited && await Listens(port) && await Listens(tlsPort), "kamailio listens", process.Tail);
        return proxy;
    }

    /// <summary>Its main process ends its children only when it is asked to end.</summary>
    public async ValueTask DisposeAsync()
    {
        _process.Terminate();
        await _process.WaitForExit(Eventually.Limit);
        await _process.DisposeAsync();
    }

    private static async Task<bool> Listens(int port)
    {
        using var probe = new System.Net.Sockets.TcpClient();
        try
        {
            await probe.ConnectAsync(System.Net.IPAddress.Loopback, port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }

    private static string Config(string folder, string modules, int port, int tlsPort, string next) => $$"""
        debug=2
        log_stderror=yes
        children=2
        tcp_children=2
        auto_aliases=no
        enable_tls=yes
        listen=udp:127.0.0.1:{{port.ToString(CultureInfo.InvariantCulture)}}
        listen=tcp:127.0.0.1:{{port.ToString(CultureInfo.InvariantCulture)}}
        listen=tls:127.0.0.1:{{tlsPort.ToString(CultureInfo.InvariantCulture)}}
        mpath="{{modules}}/"
        loadmodule "tls.so"
        loadmodule "tm.so"
        loadmodule "tmx.so"
        loadmodule "sl.so"
        loadmodule "rr.so"
        loadmodule "pv.so"
        loadmodule "maxfwd.so"
        loadmodule "siputils.so"
        loadmodule "textops.so"
        modparam("tls", "config", "{{folder}}/tls.cfg")
        modparam("rr", "enable_double_rr", 1)

        request_route {
            if (!mf_process_maxfwd_header("10")) {
                sl_send_reply("483", "Too Many Hops");
                exit;
            }
            if (is_method("CANCEL")) {
                if (t_check_trans()) t_relay();
                exit;
            }
            if (has_totag()) {
                if (loose_route()) {
                    t_relay();
                    exit;
                }
                if (is_method("ACK")) {
                    if (t_check_trans()) t_relay();
                    exit;
                }
                sl_send_reply("404", "Not Here");
                exit;
            }
            record_route();
            $du = "{{next}}";
            t_relay();
        }

        """;
}
