using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>
/// Puts the key ring of a backup where a cluster has files for it, before its rows are committed: rows without keys would be worse than keys without rows. Takes back what it put there unless
/// told to keep it.
/// </summary>
internal sealed class RestoredKeyFiles : IDisposable
{
    private readonly ClusterFile _cluster;
    private readonly CopiedKeys _keys;
    private readonly List<string> _files = [];
    private string? _folder;

    /// <param name="inDatabase">Whether the ring itself goes into the database.</param>
    /// <exception cref="BackupException">Other keys are there.</exception>
    public RestoredKeyFiles(ClusterFile cluster, CopiedKeys keys, bool inDatabase)
    {
        (_cluster, _keys, InDatabase) = (cluster, keys, inDatabase);
        var store = new FileKeyStore(cluster.KeyFolder);
        if (!inDatabase && Directory.Exists(cluster.KeyFolder) && (store.Elements().Count > 0 || store.Secrets("").Count > 0) && !keys.IsSameAs(store))
            throw new BackupException($"There is a key ring in '{cluster.KeyFolder}' already, and it is not that of the backup. A restore goes into an empty place: move it away.");
        foreach (var (name, content) in keys.Certificate)
        {
            var path = Path.Combine(cluster.CertificateFolder, name);
            if (File.Exists(path) && !File.ReadAllBytes(path).AsSpan().SequenceEqual(content))
                throw new BackupException($"There is a certificate in '{path}' already, and it is not the one that opens the key ring of the backup. A restore goes into an empty place: move it away.");
        }
    }

    private bool InDatabase { get; }

    public void Put()
    {
        PrivateFiles.CreateFolder(_cluster.CertificateFolder);
        foreach (var (name, content) in _keys.Certificate)
        {
            var path = Path.Combine(_cluster.CertificateFolder, name);
            if (File.Exists(path)) continue;
            _files.Add(path);
            PrivateFiles.Write(path, content);
        }
        if (InDatabase || _keys.IsSameAs(new FileKeyStore(Existing(_cluster.KeyFolder)))) return;
        // A folder is renamed whole: there is no half of a ring.
        var temporary = _cluster.KeyFolder + ".new";
        if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        _folder = temporary;
        var store = new FileKeyStore(temporary);
        foreach (var element in _keys.Elements()) store.Replace(element);
        foreach (var name in _keys.Secrets("")) store.TryAddSecret(name, _keys.Secret(name)!);
        if (!_keys.IsSameAs(store)) throw new BackupException($"The key ring in '{temporary}' is not what was written there.");
        // Nothing but a lock can be in it: it was looked at.
        if (Directory.Exists(_cluster.KeyFolder)) Directory.Delete(_cluster.KeyFolder, recursive: true);
        Directory.Move(temporary, _cluster.KeyFolder);
        _folder = _cluster.KeyFolder;
    }

    public void Keep()
    {
        _files.Clear();
        _folder = null;
    }

    public void Dispose()
    {
        foreach (var file in _files) File.Delete(file);
        if (_folder is not null && Directory.Exists(_folder)) Directory.Delete(_folder, recursive: true);
    }

    private static string Existing(string folder)
    {
        PrivateFiles.CreateFolder(folder);
        return folder;
    }
}
