using System.Net;
using System.Net.Mail;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Silo.Cluster;

internal enum DeliveryKind
{
    Webhook = 0,
    Smtp = 1,
    File = 2,
    Console = 3,
}

internal enum SmtpTls
{
    /// <summary>STARTTLS, or nothing is sent.</summary>
    StartTls = 0,

    /// <summary>TLS from the first byte (RFC 8314 3).</summary>
    Implicit = 1,
    None = 2,
}

/// <summary>One way in which codes leave; secrets are read when the cluster starts.</summary>
internal sealed class ProviderSettings
{
    public required string Name { get; init; }
    public required DeliveryKind Kind { get; init; }

    /// <summary>Deliveries that run at once; the rest wait.</summary>
    public required int AtOnce { get; init; }

    /// <summary>Full path of a PEM file with the authorities that sign the provider's certificate; null: those that the system trusts.</summary>
    public string? AuthorityFile { get; init; }

    /// <summary>Of a webhook.</summary>
    public Uri? Address { get; init; }

    /// <summary>Key of a webhook's signature, or password of an SMTP account.</summary>
    public SecretSource? Secret { get; init; }

    /// <summary>Of SMTP, host name and port.</summary>
    public DnsEndPoint? Server { get; init; }
    public SmtpTls Tls { get; init; }
    public string? User { get; init; }
    public string From { get; init; } = "";

    /// <summary>Full path of a sink's file.</summary>
    public string File { get; init; } = "";
}

/// <summary>What <c>cluster.yaml</c> says about one-time codes that are sent out of band.</summary>
internal sealed class DeliverySettings
{
    public IReadOnlyList<ProviderSettings> Providers { get; init; } = [];

    /// <summary>By channel, the provider of tenants that name none of their own.</summary>
    public IReadOnlyDictionary<CodeChannel, string> Channels { get; init; } = new Dictionary<CodeChannel, string>();
}

/// <summary>Reads <c>delivery</c>. What each key means: docs/operations.md, "Codes out of band".</summary>
/// <param name="folder">What relative paths in the file are relative to.</param>
/// <param name="data">What a sink's file is relative to.</param>
/// <param name="isHere">Whether this node uses them: on another machine its files need not be.</param>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class DeliveryReader(string folder, string data, bool isHere, Action<YamlMap, string, string, string> weak)
{
    private const string Secret = "secret";
    private const string Password = "password";

    private static readonly Dictionary<string, DeliveryKind> s_kinds = new(StringComparer.Ordinal)
    {
        ["webhook"] = DeliveryKind.Webhook,
        ["smtp"] = DeliveryKind.Smtp,
        ["file"] = DeliveryKind.File,
        ["console"] = DeliveryKind.Console,
    };

    private static readonly Dictionary<string, SmtpTls> s_tls = new(StringComparer.Ordinal)
    {
        ["starttls"] = SmtpTls.StartTls,
        ["implicit"] = SmtpTls.Implicit,
        ["none"] = SmtpTls.None,
    };

    private static readonly Dictionary<string, CodeChannel> s_channels = new(StringComparer.Ordinal)
    {
        ["sms"] = CodeChannel.Sms,
        ["voice"] = CodeChannel.Voice,
        ["email"] = CodeChannel.Email,
    };

    public DeliverySettings Read(YamlMap map)
    {
        var providers = new List<ProviderSettings>();
        if (map.Has("providers"))
        {
            foreach (var one in map.Maps("providers"))
            {
                var provider = ReadProvider(one);
                if (providers.Exists(other => other.Name == provider.Name)) one.Report("name", "duplicate provider", "each name once");
                providers.Add(provider);
            }
        }
        else
        {
            map.Absent<object>("providers");
        }
        return new DeliverySettings { Providers = providers, Channels = ReadChannels(map, providers) };
    }

    /// <summary>Which provider each channel has; what is not named is not served.</summary>
    public static Dictionary<CodeChannel, string> ReadChannels(YamlMap map, IReadOnlyList<ProviderSettings> providers)
    {
        var channels = new Dictionary<CodeChannel, string>();
        foreach (var (key, channel) in s_channels)
        {
            if (map.OptionalText(key, "the name of one of delivery.providers", name => providers.Any(provider => provider.Name == name)) is not { Length: > 0 } name) continue;
            if (channel != CodeChannel.Email && providers.First(provider => provider.Name == name).Kind == DeliveryKind.Smtp) map.Report(key, "mail reaches no telephone", "a provider that is not smtp");
            channels[channel] = name;
        }
        map.Done();
        return channels;
    }

    private ProviderSettings ReadProvider(YamlMap map)
    {
        var (name, kind) = (map.Name("name"), map.Choice("kind", s_kinds, DeliveryKind.Webhook));
        if (!map.Has("kind")) map.Report("kind", "missing key", "one of " + string.Join(", ", s_kinds.Keys));
        var settings = kind switch
        {
            DeliveryKind.Smtp => ReadSmtp(map, name),
            DeliveryKind.Webhook => ReadWebhook(map, name),
            _ => ReadSink(map, name, kind),
        };
        map.Done();
        return settings;
    }

    private ProviderSettings ReadWebhook(YamlMap map, string name)
    {
        const string expected = "a URL such as https://codes.example.net/v1/send, without user and fragment";
        var address = AddressOf(map.Text("url", expected, valid: text => AddressOf(text) is not null));
        // Who reads along has code and number.
        if (address?.Scheme == Uri.UriSchemeHttp) weak(map, "url", "codes without TLS", "https://");
        var secret = ReadSecret(map, Secret, $"the delivery provider {name}");
        if (secret is null) map.Report($"{Secret}_file", "no single secret", $"either {Secret}_file or {Secret}_variable");
        return new ProviderSettings { Name = name, Kind = DeliveryKind.Webhook, AtOnce = AtOnce(map), AuthorityFile = map.File("ca", folder, "a file", isHere), Address = address, Secret = secret };
    }

    private ProviderSettings ReadSmtp(YamlMap map, string name)
    {
        const string expected = "a name and a port such as mail.example.net:587";
        var server = ServerOf(map.Text("server", expected, valid: text => ServerOf(text) is not null));
        var tls = map.Choice("tls", s_tls, SmtpTls.StartTls);
        if (tls == SmtpTls.None) weak(map, "tls", "codes without TLS", "starttls or implicit");
        var user = map.OptionalText("user", "a user name");
        var password = ReadSecret(map, Password, $"the delivery provider {name}");
        if (user is null != password is null) map.Report("user", "half of an account", $"user, and {Password}_file or {Password}_variable; or neither");
        return new ProviderSettings
        {
            Name = name,
            Kind = DeliveryKind.Smtp,
            AtOnce = AtOnce(map),
            AuthorityFile = map.File("ca", folder, "a file", isHere),
            Server = server,
            Tls = tls,
            User = user,
            Secret = password,
            From = map.Text("from", "a mail address such as codes@bank.example", valid: IsMailAddress),
        };
    }

    private ProviderSettings ReadSink(YamlMap map, string name, DeliveryKind kind)
    {
        weak(map, "kind", "codes in clear on this machine", "webhook or smtp");
        var file = kind == DeliveryKind.File ? Path.GetFullPath(map.Text("file", "a file, in the data folder where it is relative", "codes.jsonl"), data) : "";
        return new ProviderSettings { Name = name, Kind = kind, AtOnce = 1, File = file };
    }

    private static int AtOnce(YamlMap map) => map.Number("at_once", 1, 64, 8);

    private static Uri? AddressOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp)
        && address is { UserInfo.Length: 0, Fragment.Length: 0, Host.Length: > 0 } ? address : null;

    private static DnsEndPoint? ServerOf(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(text.AsSpan(colon + 1), out var port) || port == 0) return null;
        var host = text[..colon].Trim('[', ']');
        return Uri.CheckHostName(host) is UriHostNameType.Unknown or UriHostNameType.Basic ? null : new DnsEndPoint(host, port);
    }

    private static bool IsMailAddress(string text) => text.All(char.IsAscii) && MailAddress.TryCreate(text, out var address) && address.Address == text;

    private SecretSource? ReadSecret(YamlMap map, string key, string purpose)
    {
        var file = map.File($"{key}_file", folder, "a file", isHere);
        var variable = map.OptionalText($"{key}_variable", "the name of an environment variable");
        if (file is not null && variable is not null) map.Report($"{key}_variable", $"two {key}s", $"either {key}_file or {key}_variable");
        return file is null && variable is null ? null : new SecretSource(file, variable, purpose);
    }
}
