using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace IvrActors.Silo.Storage;

/// <summary>The key ring in a folder that only the service's user can read: an element is an <c>.xml</c> file, a secret a <c>.secret</c> file.</summary>
internal sealed class FileKeyStore(string folder) : IKeyStore
{
    private const string ElementExtension = ".xml";
    private const string SecretExtension = ".secret";

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_retry = TimeSpan.FromMilliseconds(10);

    public string Place => $"the folder '{folder}'";

    public bool HasKeys => Directory.Exists(folder) && Directory.EnumerateFiles(folder, "key-*" + ElementExtension).Any();

    public string PlaceOf(string secret) => $"'{PathOf(secret)}'";

    public string Stamp()
    {
        var stamp = new StringBuilder();
        foreach (var file in ElementFiles()) stamp.Append(CultureInfo.InvariantCulture, $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}\n");
        return stamp.ToString();
    }

    public IReadOnlyList<KeyElement> Elements() => [.. ElementFiles().Select(file => new KeyElement(Path.GetFileNameWithoutExtension(file.Name), XElement.Load(file.FullName)))];

    public void Add(KeyElement element)
    {
        if (File.Exists(ElementPathOf(element.Name))) throw new InvalidOperationException($"internal error: there is an element {element.Name} already");
        Replace(element);
    }

    public void Replace(KeyElement element)
    {
        PrivateFiles.CreateFolder(folder);
        PrivateFiles.Write(ElementPathOf(element.Name), Encoding.UTF8.GetBytes(element.Xml.ToString()));
    }

    public byte[]? Secret(string name) => File.Exists(PathOf(name)) ? File.ReadAllBytes(PathOf(name)) : null;

    public bool TryAddSecret(string name, byte[] content)
    {
        using (Lock())
        {
            if (File.Exists(PathOf(name))) return false;
            PrivateFiles.Write(PathOf(name), content);
            return true;
        }
    }

    public bool TryReplaceSecret(string name, byte[] expected, byte[] content)
    {
        using (Lock())
        {
            if (Secret(name) is not { } present || !present.AsSpan().SequenceEqual(expected)) return false;
            PrivateFiles.Write(PathOf(name), content);
            return true;
        }
    }

    public IReadOnlyList<string> Secrets(string prefix) => [.. Directory.EnumerateFiles(folder, prefix + "*" + SecretExtension).Select(file => Path.GetFileNameWithoutExtension(file))];

    public IDisposable Lock()
    {
        PrivateFiles.CreateFolder(folder);
        var path = Path.Combine(folder, "ring.lock");
        var until = Environment.TickCount64 + (long)s_longestWait.TotalMilliseconds;
        while (true)
        {
            try
            {
                PrivateFiles.CreateIfMissing(path);
                return new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Environment.TickCount64 < until)
            {
                // Somebody holds it, for as long as a file takes to be written.
                Thread.Sleep(s_retry);
            }
        }
    }

    private IEnumerable<FileInfo> ElementFiles() =>
        Directory.Exists(folder) ? new DirectoryInfo(folder).EnumerateFiles("*" + ElementExtension).OrderBy(file => file.Name, StringComparer.Ordinal) : [];

    private string ElementPathOf(string name) => Path.Combine(folder, name + ElementExtension);

    private string PathOf(string secret) => Path.Combine(folder, secret + SecretExtension);
}
