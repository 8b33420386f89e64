using System.Xml.Linq;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>A key ring as a backup holds it: still encrypted to what protects it. As a store it is only of this process.</summary>
/// <param name="certificate">The files of what protects it, where a development cluster made that for itself.</param>
internal sealed class CopiedKeys(IEnumerable<KeyElement> elements, IEnumerable<(string Name, byte[] Content)> secrets, IReadOnlyList<(string Name, byte[] Content)> certificate) : IKeyStore
{
    private readonly SortedDictionary<string, XElement> _elements = new(elements.ToDictionary(element => element.Name, element => element.Xml), StringComparer.Ordinal);
    private readonly SortedDictionary<string, byte[]> _secrets = new(secrets.ToDictionary(secret => secret.Name, secret => secret.Content), StringComparer.Ordinal);
    private int _changes;

    public static CopiedKeys Of(IKeyStore store, IReadOnlyList<(string Name, byte[] Content)> certificate) =>
        new(store.Elements(), store.Secrets("").Select(name => (name, store.Secret(name)!)), certificate);

    public static CopiedKeys Of(IEnumerable<object[]> elements, IEnumerable<object[]> secrets, IEnumerable<object[]> certificate) => new(
        elements.Select(row => new KeyElement((string)row[0], XElement.Parse((string)row[1]))), secrets.Select(row => ((string)row[0], (byte[])row[1])), [.. certificate.Select(row => ((string)row[0], (byte[])row[1]))]);

    public IReadOnlyList<(string Name, byte[] Content)> Certificate => certificate;

    public string Place => "the backup";

    public bool HasKeys => _elements.Keys.Any(name => name.StartsWith("key-", StringComparison.Ordinal));

    public string PlaceOf(string secret) => $"'{secret}' in the backup";

    public string Stamp() => $"{_changes}";

    public IReadOnlyList<KeyElement> Elements() => [.. _elements.Select(element => new KeyElement(element.Key, element.Value))];

    public void Add(KeyElement element) => Replace(element);

    public void Replace(KeyElement element)
    {
        _elements[element.Name] = element.Xml;
        _changes++;
    }

    public byte[]? Secret(string name) => _secrets.GetValueOrDefault(name);

    public bool TryAddSecret(string name, byte[] content) => _secrets.TryAdd(name, content);

    public bool TryReplaceSecret(string name, byte[] expected, byte[] content)
    {
        if (Secret(name) is not { } present || !present.AsSpan().SequenceEqual(expected)) return false;
        _secrets[name] = content;
        return true;
    }

    public IReadOnlyList<string> Secrets(string prefix) => [.. _secrets.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal))];

    /// <summary>Nobody else has it.</summary>
    public IDisposable Lock() => new MemoryStream();

    public bool IsSameAs(IKeyStore other) =>
        other.Elements() is var elements && elements.Count == _elements.Count && elements.All(element => _elements.TryGetValue(element.Name, out var xml) && XNode.DeepEquals(xml, element.Xml)) &&
        other.Secrets("") is var names && names.Count == _secrets.Count && names.All(name => Secret(name) is { } content && other.Secret(name) is { } theirs && content.AsSpan().SequenceEqual(theirs));

    /// <summary>The rows of a table of keys, in the order of their names.</summary>
    public IEnumerable<object[]> Rows(StoredTable table)
    {
        if (table == StoredTable.KeyElements) return _elements.Select(element => new object[] { element.Key, element.Value.ToString() });
        if (table == StoredTable.KeySecrets) return _secrets.Select(secret => new object[] { secret.Key, secret.Value });
        return certificate.OrderBy(file => file.Name, StringComparer.Ordinal).Select(file => new object[] { file.Name, file.Content });
    }
}
