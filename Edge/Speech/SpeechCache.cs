using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Media;
using IvrActors.Grains.Interfaces;

namespace IvrActors.Edge.Speech;

/// <summary>
/// Rendered speech on the disk. A text may be personal, so neither a file nor its name tells it: contents are AES-256-GCM, names are HMAC-SHA-256 of text, language and voice, both under keys of this cluster. A file
/// that does not verify is as if it were not there.
/// <code>
///  "IVRS" 0x01 | nonce 12 | 16-bit samples at 8 kHz, little-endian, encrypted | tag 16      associated data: the first 5 bytes and the name
/// </code>
/// </summary>
internal sealed class SpeechCache : IDisposable
{
    private const string Ending = ".speech";
    private const int NonceSize = 12, TagSize = 16;
    private static readonly byte[] s_magic = [.. "IVRS"u8, 1];

    /// <summary>None longer was ever written, and one that is shall take no memory.</summary>
    private static readonly long s_mostFileBytes = s_magic.Length + NonceSize + (2L * Telephone.SampleRate * SpeechRenderer.MostSeconds) + TagSize;

    /// <summary>What is left when room is made, so that it is not made for every file.</summary>
    private const double Kept = 0.9;

    private readonly string _folder;
    private readonly long _mostBytes;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly byte[] _nameKey;
    private readonly AesGcm _cipher;
    private long _bytes = -1;

    public SpeechCache(string folder, Secret<byte> key, long mostBytes, TimeProvider time)
    {
        (_folder, _mostBytes, _time) = (folder, mostBytes, time);
        _nameKey = Derive(key, "name");
        var content = Derive(key, "content");
        _cipher = new AesGcm(content, TagSize);
        CryptographicOperations.ZeroMemory(content);
    }

    /// <summary>Removes what versions before this one kept here in clear. Never throws.</summary>
    public static void RemoveClear(string folder)
    {
        try
        {
            if (!Directory.Exists(folder)) return;
            foreach (var file in Directory.EnumerateFiles(folder, "*.wav").Concat(Directory.EnumerateFiles(folder, "*.partial"))) File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that cannot be written is said where it is written to; old files in it are no reason not to start.
        }
    }

    /// <summary>Samples at 8 kHz, or null where there are none that verify.</summary>
    public short[]? Read(string voice, string language, string text)
    {
        var name = NameOf(voice, language, text);
        var path = Path.Combine(_folder, name);
        try
        {
            if (!File.Exists(path)) return null;
            if (ReadWhole(path) is not { } file || Open(file, name) is not { } samples)
            {
                File.Delete(path);
                return null;
            }
            // Room is made by the time of the last use.
            File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
            return samples;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // Rendered again.
        }
    }

    public void Write(string voice, string language, string text, ReadOnlySpan<short> samples)
    {
        var name = NameOf(voice, language, text);
        var file = Seal(samples, name);
        if (file.Length > _mostBytes) return;
        try
        {
            MakeFolder();
            MakeRoom(file.Length);
            var path = Path.Combine(_folder, name);
            var partial = $"{path}.{Environment.ProcessId}.partial";
            File.Delete(partial);
            using (var stream = new FileStream(partial, PrivateFile())) stream.Write(file);
            File.Move(partial, path, overwrite: true); // At once: another process reads a whole file or none.
            File.SetLastWriteTimeUtc(path, _time.GetUtcNow().UtcDateTime);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The cache saves time; without it the prompt is rendered again after a restart.
        }
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_nameKey);
        _cipher.Dispose();
    }

    private static byte[]? ReadWhole(string path)
    {
        using var stream = File.OpenRead(path);
        if (stream.Length > s_mostFileBytes) return null;
        var file = new byte[stream.Length];
        stream.ReadExactly(file);
        return file;
    }

    private string NameOf(string voice, string language, string text) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(_nameKey, Encoding.UTF8.GetBytes($"{voice}\0{language}\0{text}"))) + Ending;

    private byte[] Seal(ReadOnlySpan<short> samples, string name)
    {
        var file = new byte[s_magic.Length + NonceSize + 2 * samples.Length + TagSize];
        s_magic.CopyTo(file, 0);
        var nonce = file.AsSpan(s_magic.Length, NonceSize);
        RandomNumberGenerator.Fill(nonce);
        var content = file.AsSpan(s_magic.Length + NonceSize, 2 * samples.Length);
        for (var i = 0; i < samples.Length; i++) BinaryPrimitives.WriteInt16LittleEndian(content[(2 * i)..], samples[i]);
        lock (_lock) _cipher.Encrypt(nonce, content, content, file.AsSpan(file.Length - TagSize), Associated(name));
        return file;
    }

    private short[]? Open(byte[] file, string name)
    {
        var length = file.Length - s_magic.Length - NonceSize - TagSize;
        if (length <= 0 || length % 2 != 0 || !file.AsSpan().StartsWith(s_magic)) return null;
        var content = file.AsSpan(s_magic.Length + NonceSize, length);
        try
        {
            lock (_lock) _cipher.Decrypt(file.AsSpan(s_magic.Length, NonceSize), content, file.AsSpan(file.Length - TagSize), content, Associated(name));
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
        var samples = new short[length / 2];
        for (var i = 0; i < samples.Length; i++) samples[i] = BinaryPrimitives.ReadInt16LittleEndian(content[(2 * i)..]);
        return samples;
    }

    private static byte[] Associated(string name) => [.. s_magic, .. Encoding.ASCII.GetBytes(name)];

    /// <summary>Deletes what was not used for longest, until there is room for a file of this size.</summary>
    private void MakeRoom(long size)
    {
        lock (_lock)
        {
            if (_bytes < 0) _bytes = Files().Sum(file => file.Length);
            _bytes += size;
            if (_bytes <= _mostBytes) return;
            var files = Files().OrderBy(file => file.LastWriteTimeUtc).ToList();
            _bytes = files.Sum(file => file.Length) + size;
            foreach (var file in files)
            {
                if (_bytes <= _mostBytes * Kept) return;
                _bytes -= file.Length; // Known no more when it is deleted.
                file.Delete();
            }
        }
    }

    private IEnumerable<FileInfo> Files() => new DirectoryInfo(_folder).EnumerateFiles("*" + Ending);

    private void MakeFolder()
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(_folder);
        else Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static FileStreamOptions PrivateFile()
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return options;
    }

    private static byte[] Derive(Secret<byte> key, string purpose)
    {
        var derived = new byte[32];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key.Expose(), derived, [], Encoding.ASCII.GetBytes("ivr speech cache " + purpose));
        return derived;
    }
}
