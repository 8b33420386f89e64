using System.Globalization;

namespace IvrActors.SystemTests.Harness;

/// <summary>
/// A <c>kamailio</c>: a proxy in front of the server, which speaks UDP, TCP and TLS on its outer side and one transport of the test's choice on its inner side, or a
/// carrier's registrar. It stays on the path of every dialog by Record-Route.
/// </summary>
internal sealed class Kamailio : IAsyncDisposable
{
    private readonly ChildProcess _process;

    private Kamailio(ChildProcess process, int port, int tlsPort) => (_process, Port, TlsPort) = (process, port, tlsPort);

    /// <summary>Of UDP and TCP.</summary>
    public int Port { get; }

    public int TlsPort { get; }

    public string Output => _process.Output;

    /// <param name="transport"><c>udp</c>, <c>tcp</c> or <c>tls</c>: how it speaks to the server.</param>
    public static Task<Kamailio> InFrontOf(IvrServer server, string transport)
    {
        var certificates = Path.Combine(server.Data, "certs");
        return Start(Path.Combine(server.Folder, "kamailio-" + transport), certificates, "server", Path.Combine(certificates, "ca.pem"),
            ProxyModules, Proxying($"sip:127.0.0.1:{(transport == "tls" ? server.TlsPort : server.SipPort)};transport={transport}"));
    }

    /// <summary>
    /// A carrier's registrar: it demands digest of this algorithm (<c>MD5</c> or <c>SHA-256</c>) of every REGISTER, with one password and the domain as realm, grants some
    /// seconds, and sends calls for a registered user by the way on which that registered. It logs <c>registered user@domain over transport</c>.
    /// </summary>
    /// <param name="certificates">A folder with <c>carrier.pem</c> and <c>carrier.key</c>.</param>
    public static Task<Kamailio> Registrar(string folder, string algorithm, string password, string certificates) =>
        Start(folder, certificates, "carrier", Path.Combine(certificates, "ca.pem"), ProxyModules + RegistrarModules(algorithm), Registering(password));

    /// <summary>
    /// A carrier that signs who calls by its secsipid module (RFC 8588, attestation A), and passes calls on to the server over UDP. Caller and callee must be numbers with a
    /// plus sign.
    /// </summary>
    /// <param name="certificateUrl">What it says of where its certificate is.</param>
    /// <param name="key">PEM file of its private key.</param>
    public static Task<Kamailio> Signing(IvrServer server, string certificateUrl, string key)
    {
        if (!File.Exists(Path.Combine(Modules, "secsipid.so"))) Programs.Lack("the secsipid module of kamailio is not installed: the README's test command installs it");
        var certificates = Path.Combine(server.Data, "certs");
        return Start(Path.Combine(server.Folder, "kamailio-signer"), certificates, "server", Path.Combine(certificates, "ca.pem"), ProxyModules + "loadmodule \"secsipid.so\"\n",
            Proxying($"sip:127.0.0.1:{server.SipPort};transport=udp", $$"""if (is_method("INVITE") && secsipid_add_identity("$(fU{s.rm,+})", "$(rU{s.rm,+})", "A", "", "{{certificateUrl}}", "{{key}}") < 0) exit;"""));
    }

    private static async Task<Kamailio> Start(string folder, string certificates, string certificate, string authorities, string modules, string routes)
    {
        var program = Programs.Require("kamailio");
        Directory.CreateDirectory(folder);
        var (port, tlsPort) = (Ports.Free(), Ports.Free());
        await File.WriteAllTextAsync(Path.Combine(folder, "tls.cfg"), $"""
            [server:default]
            method = TLSv1.2+
            certificate = {certificates}/{certificate}.pem
            private_key = {certificates}/{certificate}.key
            [client:default]
            method = TLSv1.2+
            certificate = {certificates}/{certificate}.pem
            private_key = {certificates}/{certificate}.key
            verify_certificate = yes
            require_certificate = yes
            ca_list = {authorities}

            """);
        var config = Path.Combine(folder, "kamailio.cfg");
        await File.WriteAllTextAsync(config, Head(folder, port, tlsPort) + modules + routes);
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

    private static string Head(string folder, int port, int tlsPort) => $"""
        debug=2
        log_stderror=yes
        children=2
        tcp_children=2
        auto_aliases=no
        enable_tls=yes
        listen=udp:127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}
        listen=tcp:127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}
        listen=tls:127.0.0.1:{tlsPort.ToString(CultureInfo.InvariantCulture)}
        mpath="{Modules}/"
        loadmodule "tls.so"
        modparam("tls", "config", "{folder}/tls.cfg")

        """;

    private static string Modules => new[] { "/usr/lib/x86_64-linux-gnu/kamailio/modules", "/usr/lib/aarch64-linux-gnu/kamailio/modules", "/usr/lib/kamailio/modules" }.First(Directory.Exists);

    private const string ProxyModules = """
        loadmodule "tm.so"
        loadmodule "tmx.so"
        loadmodule "sl.so"
        loadmodule "rr.so"
        loadmodule "pv.so"
        loadmodule "maxfwd.so"
        loadmodule "siputils.so"
        loadmodule "textops.so"
        modparam("rr", "enable_double_rr", 1)

        """;

    // Twelve seconds: a refresh is seen within a test.
    private static string RegistrarModules(string algorithm) => $"""
        loadmodule "xlog.so"
        loadmodule "auth.so"
        loadmodule "usrloc.so"
        loadmodule "registrar.so"
        loadmodule "nathelper.so"
        modparam("auth", "algorithm", "{algorithm}")
        modparam("usrloc", "use_domain", 1)
        modparam("registrar", "max_expires", 12)
        modparam("nathelper|registrar", "received_avp", "$avp(received)")

        """;

    private const string InDialog = """
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

        """;

    /// <param name="first">What is done with a request outside of dialogs before it goes on.</param>
    private static string Proxying(string next, string first = "") => $$"""
        request_route {
        {{InDialog}}
            {{first}}
            record_route();
            $du = "{{next}}";
            t_relay();
        }

        """;

    // The second argument of www_challenge asks for qop.
    private static string Registering(string password) => $$"""
        request_route {
        {{InDialog}}
            if (is_method("REGISTER")) {
                if (!pv_www_authenticate("$td", "{{password}}", "0")) {
                    www_challenge("$td", "1");
                    exit;
                }
                # Calls come on the connection of the REGISTER, as carriers send them.
                fix_nated_register();
                save("location");
                xlog("L_NOTICE", "registered $tU@$td over $proto\n");
                exit;
            }
            if (!lookup("location")) {
                sl_send_reply("404", "Not Found");
                exit;
            }
            record_route();
            t_relay();
        }

        """;
}
