using System.Globalization;

namespace IvrActors.SystemTests.Harness;

/// <summary>A tool of SIPVicious 0.3.3 as Debian installs it, at work from a loopback address of its own.</summary>
internal static class SipVicious
{
    /// <summary>What every tool says that has no result.</summary>
    public const string Nothing = "found nothing";

    // svwar and svcrack take --bindingip and forget it, svcrash takes none. And whoever means it changes what the tools are known by, in a line or two.
    // Python loads a module of this name before any program.
    private const string Patch = """
        import os, socket
        _bind, _sendto = socket.socket.bind, socket.socket.sendto
        def bind(self, address):
            _bind(self, (os.environ["SCAN_FROM"], address[1]) if address[0] in ("", "0.0.0.0") else address)
        def sendto(self, data, address):
            _sendto(self, data.replace(b"friendly-scanner", b"Phone").replace(b"z9hG4bK-", b"z9hG4bK"), address)
            return len(data)
        socket.socket.bind = bind
        if "SCAN_HIDDEN" in os.environ: socket.socket.sendto = sendto

        """;

    /// <summary>Looks for hosts: sends each of these methods once.</summary>
    public static Task<string> Map(IvrServer server, string from, IEnumerable<string> methods, params string[] more) =>
        Run(server, "svmap", from, ["-p", Port(server), "-m", string.Join(',', methods), .. more, "127.0.0.1"]);

    /// <summary>Looks for users of these numbers, whatever the answers are.</summary>
    /// <param name="hidden">Changed, so that neither its name nor its messages show what it is.</param>
    /// <param name="verbose">Prints what it receives.</param>
    public static Task<string> War(IvrServer server, string from, string method, string numbers, bool hidden = false, bool verbose = false) =>
        Run(server, "svwar", from, ["--force", "-p", Port(server), "-m", method, "-e", numbers, "--maximumtime", "3", .. verbose ? (string[])["--debug"] : [], "127.0.0.1"], hidden);

    /// <summary>Tries these passwords for a user, one after the other.</summary>
    public static async Task<string> Crack(IvrServer server, string from, string user, IEnumerable<string> passwords, bool hidden = false)
    {
        var dictionary = Path.Combine(server.Folder, $"passwords-{from}");
        await File.WriteAllLinesAsync(dictionary, passwords);
        return await Run(server, "svcrack", from, ["-p", Port(server), "-u", user, "-d", dictionary, "--maximumtime", "3", "127.0.0.1"], hidden);
    }

    /// <summary>Sends the server the answer that ended older versions of svwar and svcrack.</summary>
    public static Task<string> Crash(IvrServer server, string from) => Run(server, "svcrash", from, ["-d", "127.0.0.1", "-p", Port(server)]);

    private static async Task<string> Run(IvrServer server, string tool, string from, IEnumerable<string> arguments, bool hidden = false)
    {
        var home = Path.Combine(server.Folder, $"scanner-{Guid.NewGuid():N}");
        Directory.CreateDirectory(home);
        await File.WriteAllTextAsync(Path.Combine(home, "sitecustomize.py"), Patch);
        var environment = new Dictionary<string, string> { ["PYTHONPATH"] = home, ["PYTHONDONTWRITEBYTECODE"] = "1", ["HOME"] = home, ["SCAN_FROM"] = from };
        if (hidden) environment["SCAN_HIDDEN"] = "yes";
        await using var process = new ChildProcess(Programs.Require(tool), arguments, home, environment);
        Assert.True(await process.WaitForExit(Eventually.Limit) == 0, process.Tail());
        Assert.DoesNotContain("Unhandled exception", process.Output, StringComparison.Ordinal);
        return process.Output;
    }

    private static string Port(IvrServer server) => server.SipPort.ToString(CultureInfo.InvariantCulture);
}
