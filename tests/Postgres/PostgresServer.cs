using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Npgsql;

namespace IvrActors.TestPostgres;

/// <summary>
/// A PostgreSQL server in a temporary folder: TLS with an authority of its own on a free loopback port, for the role <see cref="User"/>, and a socket in the folder for the
/// administrator. Ended by its own pid, and its folder removed, when disposed.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    public const string User = "ivr";

    /// <summary>What its certificate is for.</summary>
    public const string Host = "localhost";

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);
    private static int s_database;

    private readonly string _programs;
    private readonly string _folder;

    private PostgresServer(string programs)
    {
        _programs = programs;
        // Short: the path of a socket has at most 107 bytes.
        _folder = Directory.CreateTempSubdirectory("ivr-pg-").FullName;
        Administrator = NpgsqlDataSource.Create($"Host={_folder};Port={Port};Username=postgres;Database=postgres;Pooling=false");
    }

    public int Port { get; } = FreePort();

    public string AuthorityFile => Path.Combine(_folder, "ca.pem");

    public string PasswordFile => Path.Combine(_folder, "password");

    /// <summary>May do everything, past TLS and passwords.</summary>
    public NpgsqlDataSource Administrator { get; }

    /// <summary>Of the process that begins all others of it; runs until it is stopped.</summary>
    public int ProcessId => int.Parse(ReadPid()[0], CultureInfo.InvariantCulture);

    /// <summary>What the server said.</summary>
    public string Log => File.Exists(LogFile) ? File.ReadAllText(LogFile) : "";

    private string Data => Path.Combine(_folder, "data");

    private string LogFile => Path.Combine(_folder, "log");

    /// <summary>Where the programs of the newest PostgreSQL on this machine are (Debian's folders); null: there is none.</summary>
    public static string? Programs { get; } = !Directory.Exists("/usr/lib/postgresql") ? null
        : Directory.EnumerateDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin"))
            .Where(folder => File.Exists(Path.Combine(folder, "initdb"))).MaxBy(folder => int.TryParse(Path.GetFileName(Path.GetDirectoryName(folder)), out var version) ? version : 0);

    /// <param name="durable">Whether it waits for the disk: only where that is what is measured.</param>
    public static async Task<PostgresServer> Start(bool durable = false)
    {
        var server = new PostgresServer(Programs ?? throw new InvalidOperationException("PostgreSQL is not installed"));
        try
        {
            server.WriteCertificates();
            await File.WriteAllTextAsync(server.PasswordFile, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)));
            await server.Run("chown", ["-R", Owner, server._folder]);
            // A small log: its files are written whole.
            await server.Run("initdb", ["-D", server.Data, "-U", "postgres", "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=C", "--wal-segsize=1", "--no-sync", "--no-instructions"]);
            await File.AppendAllTextAsync(Path.Combine(server.Data, "postgresql.conf"), server.Configuration(durable));
            await File.WriteAllTextAsync(Path.Combine(server.Data, "pg_hba.conf"), "local all postgres trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n");
            await server.Resume();
            await server.Execute($"CREATE ROLE {User} LOGIN PASSWORD '{await File.ReadAllTextAsync(server.PasswordFile)}'");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it again on what it has.</summary>
    public async Task Resume()
    {
        Start("postgres", ["-D", Data], LogFile);
        // The eighth line says how far it is.
        await Until(() => File.Exists(PidFile) && ReadPid() is { Length: >= 8 } lines && lines[7].Trim() == "ready", "PostgreSQL is ready");
    }

    /// <summary>Ends it: clients are cut off, and what they had not committed is undone.</summary>
    /// <param name="immediate">As a crash ends it.</param>
    public async Task Stop(bool immediate = false)
    {
        if (!File.Exists(PidFile) || ReadPid() is not [var pid, ..]) return;
        await Run("kill", [immediate ? "-QUIT" : "-INT", pid]);
        await Until(() => !Directory.Exists("/proc/" + pid), "PostgreSQL ended");
        // What crashes leaves its file behind.
        File.Delete(PidFile);
    }

    /// <summary>What the server and its processes that run took of the processors so far. Linux only.</summary>
    public TimeSpan ProcessorTime()
    {
        var server = ReadPid()[0];
        var ticks = 0L;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!File.Exists(Path.Combine(folder, "stat")) || !char.IsAsciiDigit(Path.GetFileName(folder)[0])) continue;
            // proc(5): after the name, which may have spaces, stand state, parent … and as twelfth and thirteenth the time as a user and in the kernel.
            var text = File.ReadAllText(Path.Combine(folder, "stat"));
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            if (Path.GetFileName(folder) == server || fields[1] == server) ticks += long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        }
        return TimeSpan.FromSeconds(ticks / 100.0);
    }

    /// <summary>An empty database that <see cref="User"/> owns; its name.</summary>
    public async Task<string> CreateDatabase()
    {
        var name = $"ivr{Interlocked.Increment(ref s_database)}";
        await Execute($"CREATE DATABASE {name} OWNER {User}");
        return name;
    }

    public async Task Execute(string sql)
    {
        await using var command = Administrator.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>May do everything in one database.</summary>
    public NpgsqlDataSource AdministratorOf(string database) => NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(Administrator.ConnectionString) { Database = database }.ConnectionString);

    /// <summary>Files of one database, and the log that all write to.</summary>
    public IEnumerable<string> FilesOf(long database) => [.. Directory.EnumerateFiles(Path.Combine(Data, "base", database.ToString(CultureInfo.InvariantCulture))), .. Directory.EnumerateFiles(Path.Combine(Data, "pg_wal"))];

    /// <summary>Ends the process of one connection as the kernel does when memory is short.</summary>
    public Task Kill(int backend) => Run("kill", ["-KILL", backend.ToString(CultureInfo.InvariantCulture)]);

    public async ValueTask DisposeAsync()
    {
        await Stop(immediate: true);
        await Administrator.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private string PidFile => Path.Combine(Data, "postmaster.pid");

    private string[] ReadPid() => File.ReadAllLines(PidFile);

    /// <summary>PostgreSQL refuses to run as root.</summary>
    private static string Owner => Environment.IsPrivilegedProcess ? "postgres" : Environment.UserName;

    private string Configuration(bool durable) => string.Create(CultureInfo.InvariantCulture, $"""
        listen_addresses = '127.0.0.1'
        port = {Port}
        unix_socket_directories = '{_folder}'
        max_connections = 200
        shared_buffers = 64MB
        min_wal_size = 32MB
        max_wal_size = 512MB
        checkpoint_timeout = 30min
        ssl = on
        ssl_cert_file = '{_folder}/server.pem'
        ssl_key_file = '{_folder}/server.key'
        fsync = {(durable ? "on" : "off")}
        full_page_writes = {(durable ? "on" : "off")}

        """);

    private void WriteCertificates()
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=authority of a test's database", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        authorityRequest.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        var now = DateTimeOffset.UtcNow;
        using var authority = authorityRequest.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=database", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(Host);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        using var certificate = request.Create(authority, now.AddHours(-1), now.AddDays(1), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(AuthorityFile, authority.ExportCertificatePem());
        File.WriteAllText(Path.Combine(_folder, "server.pem"), certificate.ExportCertificatePem());
        var keyFile = Path.Combine(_folder, "server.key");
        File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(keyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private async Task Run(string program, string[] arguments)
    {
        using var process = Start(program, arguments, Path.Combine(_folder, "output"));
        using var limit = new CancellationTokenSource(s_limit);
        await process.WaitForExitAsync(limit.Token);
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {await File.ReadAllTextAsync(Path.Combine(_folder, "output"), limit.Token)}");
    }

    /// <summary>PostgreSQL's own programs run as its owner. All write to a file: a server outlives the pipes of who started it.</summary>
    private Process Start(string program, string[] arguments, string output)
    {
        var path = Path.Combine(_programs, program);
        string[] command = !File.Exists(path) ? [program, .. arguments] : Environment.IsPrivilegedProcess ? ["runuser", "-u", Owner, "--", path, .. arguments] : [path, .. arguments];
        // The descriptors of a shell's redirection, and then the program in its place.
        return Process.Start(new ProcessStartInfo("sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", output, .. command]) { WorkingDirectory = _folder })!;
    }

    private async Task Until(Func<bool> condition, string what)
    {
        var until = DateTime.UtcNow + s_limit;
        while (!condition())
        {
            if (DateTime.UtcNow > until) throw new TimeoutException($"it did not come true that {what}:\n{Log}");
            await Task.Delay(10);
        }
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
