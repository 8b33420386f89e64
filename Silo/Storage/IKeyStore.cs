using System.Xml.Linq;

namespace IvrActors.Silo.Storage;

/// <summary>A key or a revocation of DataProtection as it rests, its secrets encrypted, under a name of its own.</summary>
internal sealed record KeyElement(string Name, XElement Xml);

/// <summary>
/// Where the key ring of a cluster rests, shared by all of its silos: elements of DataProtection and named secrets. Nothing in it is in clear: elements are encrypted to
/// what protects the ring, secrets under the ring's keys. Synchronous, as DataProtection is.
/// </summary>
internal interface IKeyStore
{
    /// <summary>Where this is, for a message: <c>the folder '/var/lib/ivr/keys'</c>.</summary>
    string Place { get; }

    /// <summary>Where this secret is, or would be, for a message.</summary>
    string PlaceOf(string secret);

    bool HasKeys { get; }

    /// <summary>Changes whenever an element does. Cheap: every silo asks every other second.</summary>
    string Stamp();

    IReadOnlyList<KeyElement> Elements();

    /// <summary>Adds an element of a new name.</summary>
    void Add(KeyElement element);

    /// <summary>Puts this element in place of the one of its name, whole or not at all.</summary>
    void Replace(KeyElement element);

    /// <summary>The sealed secret of this name, or null.</summary>
    byte[]? Secret(string name);

    /// <summary>False when there is one of this name: then that one counts, so that silos that start at once agree.</summary>
    bool TryAddSecret(string name, byte[] content);

    /// <summary>False when another one than <paramref name="expected"/> is there.</summary>
    bool TryReplaceSecret(string name, byte[] expected, byte[] content);

    /// <summary>Names of secrets that begin so.</summary>
    IReadOnlyList<string> Secrets(string prefix);

    /// <summary>Held while elements are looked at and then added or replaced; one holder in the cluster, and the end of its process frees it.</summary>
    IDisposable Lock();
}
