namespace IvrActors.Silo.Cluster;

/// <summary>A key that can open what is encrypted to it.</summary>
/// <param name="Secret">Opens it: a password or a PIN.</param>
internal abstract record RingKeySettings(SecretSource Secret);

/// <param name="File">Full path of a PKCS#12 file with an RSA certificate and its private key.</param>
internal sealed record CertificateFileSettings(string File, SecretSource Password) : RingKeySettings(Password);

/// <summary>An RSA key in a PKCS#11 token.</summary>
/// <param name="Library">Full path of the token's PKCS#11 library.</param>
/// <param name="Token">Label of the token.</param>
/// <param name="Key">Label of the private key.</param>
internal sealed record TokenSettings(string Library, string Token, string Key, SecretSource Pin) : RingKeySettings(Pin);

/// <summary>What protects the key ring.</summary>
/// <param name="Key">What new keys of the ring are encrypted to; null: a certificate that is generated (development).</param>
/// <param name="Additional">More that open what was encrypted to them, while the key is changed.</param>
internal sealed record KeyRingSettings(RingKeySettings? Key, IReadOnlyList<RingKeySettings> Additional)
{
    public IEnumerable<SecretSource> Secrets => (Key is null ? Additional : Additional.Prepend(Key)).Select(key => key.Secret);
}

/// <summary>Keys of the ring.</summary>
/// <param name="Lifetime">How long a key is used for what is written.</param>
/// <param name="RowsPerSecond">How many rows are moved to the current key in a second at most.</param>
internal sealed record KeySettings(TimeSpan Lifetime, int RowsPerSecond);

/// <summary>Reads <c>certificates.key_ring</c> and <c>keys</c>. What each key means: docs/operations.md, "Keys".</summary>
/// <param name="folder">What relative paths in the file are relative to.</param>
/// <param name="isHere">Whether this node uses them: on another machine its files need not be.</param>
/// <param name="weak">Reports a setting that only a development cluster may have.</param>
internal sealed class KeyRingReader(string folder, bool isHere, Action<YamlMap, string, string, string> weak)
{
    private const string Ring = "key_ring";
    private const string More = "additional";
    private const string Token = "pkcs11";
    private const string CertificateFile = "file";
    private const string LifetimeKey = "lifetime";

    private static readonly TimeSpan s_shortest = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(3650);

    public KeyRingSettings ReadRing(YamlMap certificates)
    {
        var map = certificates.Map(Ring, required: false);
        var key = ReadKey(map, "the key ring's certificate");
        if (key is null) weak(certificates, Ring, "a generated certificate for the key ring", $"{CertificateFile} or {Token}");
        var additional = (map.Has(More) ? map.Maps(More) : map.Absent<IReadOnlyList<YamlMap>>(More) ?? []).Select(ReadAdditional).OfType<RingKeySettings>().ToList();
        map.Done();
        return new KeyRingSettings(key, additional);
    }

    public static KeySettings ReadKeys(YamlMap map)
    {
        var settings = new KeySettings(map.Time(LifetimeKey, Storage.KeyRing.DefaultLifetime), map.Number("rows_per_second", 1, 100_000, 200));
        if (settings.Lifetime < s_shortest || settings.Lifetime > s_longest) map.Report(LifetimeKey, "bad value", "a time from 1d to 3650d");
        map.Done();
        return settings;
    }

    private RingKeySettings? ReadAdditional(YamlMap map)
    {
        var key = ReadKey(map, "an additional certificate of the key ring");
        if (key is null) map.Report(CertificateFile, "no key", $"{CertificateFile}, or {Token}");
        map.Done();
        return key;
    }

    private RingKeySettings? ReadKey(YamlMap map, string purpose)
    {
        var file = map.File(CertificateFile, folder, "a PKCS#12 file", isHere);
        var password = ReadSecret(map, "password", purpose, needed: file is not null);
        var token = map.Has(Token) ? ReadToken(map.Map(Token)) : map.Absent<TokenSettings>(Token);
        if (file is not null && token is not null) map.Report(Token, "two keys", $"either {CertificateFile} or {Token}");
        return token ?? (file is not null && password is not null ? new CertificateFileSettings(file, password) : (RingKeySettings?)null);
    }

    private TokenSettings? ReadToken(YamlMap map)
    {
        var library = map.File("library", folder, "the token's PKCS#11 library", isHere);
        if (library is null) map.Text("library", "the token's PKCS#11 library");
        var token = map.Text("token", "the label of a token, at most 32 characters", valid: text => text.Length <= 32);
        var key = map.Text("key", "the label of an RSA key in the token");
        var pin = ReadSecret(map, "pin", $"the token '{token}' (its PIN)", needed: true);
        map.Done();
        return library is null || pin is null ? null : new TokenSettings(library, token, key, pin);
    }

    private SecretSource? ReadSecret(YamlMap map, string name, string purpose, bool needed)
    {
        var file = map.File(name + "_file", folder, "a file", isHere);
        var variable = map.OptionalText(name + "_variable", "the name of an environment variable");
        if (needed && file is null == variable is null)
        {
            map.Report(name + "_file", $"no single {name}", $"either {name}_file or {name}_variable");
            return null;
        }
        return needed ? new SecretSource(file, variable, purpose) : null;
    }
}
