using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr ca init</c>, <c>node</c>, <c>renew</c>, <c>revoke</c> and <c>show</c>: a private CA for those who have none. They need no cluster.yaml and speak to nobody.</summary>
internal sealed class CaCommands
{
    private const string DefaultVariable = "IVR_CA_PASSWORD";

    private readonly Terminal _terminal;
    private readonly TimeProvider _time = TimeProvider.System;
    private readonly Option<string> _folder = new("--folder") { Description = "Where the CA is.", DefaultValueFactory = _ => "ca", Recursive = true, HelpName = "FOLDER" };
    private readonly Option<string?> _passwordFile = new("--password-file") { Description = "A file that holds the password of the CA's key.", Recursive = true, HelpName = "FILE" };
    private readonly Option<string> _passwordVariable = new("--password-variable")
    {
        Description = "The environment variable that holds it, where there is no file.",
        DefaultValueFactory = _ => DefaultVariable,
        Recursive = true,
        HelpName = "NAME",
    };

    private CaCommands(Terminal terminal) => _terminal = terminal;

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var commands = new CaCommands(terminal);
        root.Add(new Command("ca", "A private CA for the certificates that nodes show each other.")
        {
            commands._folder, commands._passwordFile, commands._passwordVariable,
            commands.Init(), commands.Node(), commands.Renew(), commands.Revoke(), commands.Show(),
        });
    }

    private Command Init()
    {
        var name = new Option<string>("--name") { Description = "Whose CA it is: stands in its subject.", DefaultValueFactory = _ => "ivr" };
        MustBeNames(name.Validators);
        var days = Days(3650);
        var replace = Replace("Overwrite a CA that is there.");
        var init = new Command("init", "Makes the CA: ca.pem and revoked.pem, which every node gets, and ca.key, which no node gets.") { name, days, replace };
        init.SetAction(parsed => Try(() =>
        {
            var folder = FolderOf(parsed);
            using var password = PasswordOf(parsed);
            using var made = NodeAuthority.Create(folder, parsed.GetRequiredValue(name), TimeSpan.FromDays(parsed.GetRequiredValue(days)), password, parsed.GetValue(replace), _time.GetUtcNow());
            _terminal.Output.WriteLine($"{NodeAuthority.CertificateFile(folder)} until {Time(made.Until.UtcDateTime)}");
        }));
        return init;
    }

    private Command Node()
    {
        var name = new Argument<string>("name") { Description = "As in cluster.yaml: a-z, 0-9 and dashes, at most 40 characters." };
        MustBeNames(name.Validators);
        var roles = new Option<NodeRoles>("--roles") { Description = $"What the node may be: of {string.Join(", ", NodeRoleNames.All)}, with commas.", Required = true, CustomParser = ParseRoles };
        var dns = Several("--dns", "A name by which it is reached besides its own; several are possible.");
        dns.Validators.Add(result => Each(result, text => Uri.CheckHostName(text) == UriHostNameType.Dns, "is no DNS name"));
        var ip = Several("--ip", "An address by which it is reached; several are possible.");
        ip.Validators.Add(result => Each(result, text => IPAddress.TryParse(text, out _), "is no IP address"));
        var days = Days(90);
        var replace = Replace("Make it anew though there is one.");
        var node = new Command("node", "Makes a node's certificate and key: nodes/NAME.pem and nodes/NAME.key.") { name, roles, dns, ip, days, replace };
        node.SetAction(parsed => Try(() =>
        {
            var identity = new NodeIdentity(parsed.GetRequiredValue(name), parsed.GetRequiredValue(roles));
            var life = TimeSpan.FromDays(parsed.GetRequiredValue(days));
            Issue(parsed, [new NodeRequest(identity, parsed.GetValue(dns) ?? [], [.. (parsed.GetValue(ip) ?? []).Select(IPAddress.Parse)], life)], parsed.GetValue(replace));
        }));
        return node;
    }

    private Command Renew()
    {
        var names = new Argument<string[]>("names") { Description = "Whose; without any, all that expire soon.", Arity = ArgumentArity.ZeroOrMore };
        MustBeNames(names.Validators);
        var within = new Option<int>("--within") { Description = "What is soon, in days.", DefaultValueFactory = _ => 30 };
        var renew = new Command("renew", "Makes new certificates and keys with the names, roles and days that nodes have, in place of the old ones.") { names, within };
        renew.SetAction(parsed => Try(() =>
        {
            var folder = FolderOf(parsed);
            var soon = _time.GetUtcNow() + TimeSpan.FromDays(parsed.GetRequiredValue(within));
            var asked = parsed.GetValue(names) ?? [];
            var due = (asked.Length > 0 ? [.. asked] : NodesIn(folder)).Select(node => (Node: node, Certificate: CertificateOf(folder, node)))
                .Where(node => asked.Length > 0 || new DateTimeOffset(node.Certificate.NotAfter) < soon).ToList();
            if (due.Count == 0) _terminal.Output.WriteLine("nothing is due");
            else Issue(parsed, [.. due.Select(one => RequestOf(one.Node, one.Certificate))], replace: true);
        }));
        return renew;
    }

    private Command Revoke()
    {
        var name = new Argument<string>("name") { Description = "Whose." };
        MustBeNames(name.Validators);
        var revoke = new Command("revoke", "Puts the certificate that a node has now on the list of those that count no more, revoked.pem. Give that to the nodes, then make the node a new one by renew.") { name };
        revoke.SetAction(parsed => Try(() =>
        {
            var folder = FolderOf(parsed);
            using var certificate = CertificateOf(folder, parsed.GetRequiredValue(name));
            using var password = PasswordOf(parsed);
            using var authority = NodeAuthority.Open(folder, password);
            authority.Revoke(folder, certificate, _time.GetUtcNow());
            _terminal.Output.WriteLine($"{NodeAuthority.RevokedFile(folder)} names {parsed.GetRequiredValue(name)} {certificate.SerialNumber}");
        }));
        return revoke;
    }

    private Command Show()
    {
        var show = new Command("show", "Prints the CA and each node's certificate: name, roles, when it expires, other names.");
        show.SetAction(parsed => Try(() =>
        {
            var folder = FolderOf(parsed);
            using var authority = NodeAuthority.ReadCertificate(NodeAuthority.CertificateFile(folder)) ?? throw new NodeAuthorityException($"There is no CA in '{folder}'. Make one by: ivr ca init");
            var revoked = RevokedBy(authority, folder);
            _terminal.Output.WriteLine($"{authority.Subject} {Expiry(authority)}");
            foreach (var node in NodesIn(folder))
            {
                using var certificate = CertificateOf(folder, node);
                _terminal.Output.WriteLine($"{Line(node, certificate)}{(NodeAuthority.HasSigned(authority, certificate) ? "" : ", not signed by this CA")}{(revoked.Contains(certificate) ? ", revoked" : "")}");
            }
        }));
        return show;
    }

    private static NodeRequest RequestOf(string node, X509Certificate2 certificate) =>
        NodeAuthority.RequestOf(certificate) ?? throw new NodeAuthorityException($"The certificate of '{node}' names no node: make it anew by: ivr ca node {node} --replace");

    private void Issue(ParseResult parsed, IReadOnlyList<NodeRequest> asked, bool replace)
    {
        var folder = FolderOf(parsed);
        using var password = PasswordOf(parsed);
        using var authority = NodeAuthority.Open(folder, password);
        foreach (var request in asked)
        {
            using var made = authority.Issue(folder, request, replace, _time.GetUtcNow());
            _terminal.Output.WriteLine($"{NodeAuthority.FilesOf(folder, request.Identity.Name).Certificate} {Expiry(made)}");
        }
    }

    private int Try(Action work)
    {
        try
        {
            work();
            return ExitCode.Done;
        }
        catch (NodeAuthorityException e)
        {
            _terminal.Error.WriteLine(e.Message);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _terminal.Error.WriteLine($"The CA's files cannot be read or written: {e.Message}");
        }
        return ExitCode.Findings;
    }

    private string FolderOf(ParseResult parsed) => parsed.GetRequiredValue(_folder);

    private Grains.Interfaces.Secret<char> PasswordOf(ParseResult parsed) =>
        new SecretSource(parsed.GetValue(_passwordFile), parsed.GetRequiredValue(_passwordVariable), "the CA's key").Read();

    private static NodeRevocations RevokedBy(X509Certificate2 authority, string folder)
    {
        try
        {
            return NodeRevocations.Read(NodeAuthority.RevokedFile(folder), [authority]);
        }
        catch (Exception e) when (e is CryptographicException or FormatException or IOException)
        {
            throw new NodeAuthorityException($"'{NodeAuthority.RevokedFile(folder)}' is not this CA's list of revoked certificates.");
        }
    }

    private static List<string> NodesIn(string folder)
    {
        var nodes = NodeAuthority.NodeFolder(folder);
        return Directory.Exists(nodes) ? [.. Directory.EnumerateFiles(nodes, "*.pem").Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)] : [];
    }

    private static X509Certificate2 CertificateOf(string folder, string node) =>
        NodeAuthority.ReadCertificate(NodeAuthority.FilesOf(folder, node).Certificate) ?? throw new NodeAuthorityException($"There is no certificate of '{node}' in '{NodeAuthority.NodeFolder(folder)}'.");

    private string Line(string node, X509Certificate2 certificate)
    {
        if (NodeAuthority.RequestOf(certificate) is not { } request) return $"{node}: names no node";
        var others = request.Dns.Where(name => name != node).Select(name => " dns=" + name).Concat(request.Addresses.Select(address => " ip=" + address));
        return $"{request.Identity.Name} {string.Join(',', NodeRoleNames.Of(request.Identity.Roles))} {Expiry(certificate)}{string.Concat(others)}";
    }

    private string Expiry(X509Certificate2 certificate)
    {
        var left = certificate.NotAfter.ToUniversalTime() - _time.GetUtcNow().UtcDateTime;
        return $"until {Time(certificate.NotAfter)} {(left < TimeSpan.Zero ? "(expired)" : $"({Math.Round(left.TotalDays)} days)")}";
    }

    private static string Time(DateTime at) => at.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture);

    private static Option<int> Days(int fallback)
    {
        var days = new Option<int>("--days") { Description = "How long it is valid.", DefaultValueFactory = _ => fallback };
        days.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && int.TryParse(result.Tokens[0].Value, out var count) && count is < 1 or > 36500) result.AddError("--days must be from 1 to 36500.");
        });
        return days;
    }

    private static Option<bool> Replace(string description) => new("--replace") { Description = description };

    private static Option<string[]> Several(string name, string description) => new(name) { Description = description, Arity = ArgumentArity.OneOrMore };

    private static NodeRoles ParseRoles(ArgumentResult result)
    {
        var roles = NodeRoles.None;
        foreach (var text in result.Tokens.SelectMany(token => token.Value.Split(',')))
        {
            var role = NodeRoleNames.RoleOf(text);
            if (role == NodeRoles.None) result.AddError($"'{text}' is no role: {string.Join(", ", NodeRoleNames.All)}");
            roles |= role;
        }
        return roles;
    }

    private static void MustBeNames(List<Action<OptionResult>> validators) => validators.Add(result => Each(result, YamlMap.IsName, "is no name: a-z, 0-9 and dashes, at most 40 characters"));

    private static void MustBeNames(List<Action<ArgumentResult>> validators) => validators.Add(result => Each(result, YamlMap.IsName, "is no name: a-z, 0-9 and dashes, at most 40 characters"));

    private static void Each(SymbolResult result, Func<string, bool> isRight, string fault)
    {
        foreach (var token in result.Tokens.Where(token => !isRight(token.Value))) result.AddError($"'{token.Value}' {fault}");
    }
}
