using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace IvrActors.Silo.Backup;

/// <summary>The key of one backup, closed for one of those who may open it.</summary>
/// <param name="Kind">How it is closed: <see cref="PasswordLock.Kind"/> or <see cref="CertificateLock.Kind"/>.</param>
internal sealed record Stanza(byte Kind, byte[] Body);

/// <summary>Closes the key of a backup.</summary>
internal interface IBackupLock
{
    Stanza Close(ReadOnlySpan<byte> fileKey);
}

/// <summary>Opens the key of a backup that was closed for whoever has this.</summary>
internal interface IBackupOpener
{
    /// <summary>The password or the key, for a message.</summary>
    string Name { get; }

    /// <summary>The key, or null when the stanza is for somebody else.</summary>
    byte[]? Open(Stanza stanza);
}

/// <summary>
/// What stands before the sealed chunks: the random key of the file, closed for each who may open it, and under that key a MAC of all that. The form of
/// https://age-encryption.org/v1, with the platform's primitives.
/// </summary>
/// <remarks>
/// <code>
/// "ivr-backup v1\n" | length (2) | for each: kind (1) | length (2) | body | MAC (32) | chunks
/// MAC         = HMAC-SHA-256(HKDF-SHA-256(file key, "ivr backup header v1"), all before it)
/// key, chunks = HKDF-SHA-256(file key, "ivr backup chunks v1")
/// </code>
/// </remarks>
internal static class BackupEnvelope
{
    public const int KeySize = 32;

    private const int MacSize = 32;
    private const int MostStanzas = 16;
    private const int MostHeader = 16 * 1024;

    private static ReadOnlySpan<byte> Magic => "ivr-backup v"u8;

    private static ReadOnlySpan<byte> Version => "1\n"u8;

    /// <summary>Writes the header. Complete the stream that it answers, then dispose it; what is below stays open.</summary>
    public static SealingStream Write(Stream output, IReadOnlyList<IBackupLock> locks)
    {
        if (locks.Count is 0 or > MostStanzas) throw new ArgumentException($"from 1 to {MostStanzas} who may open it", nameof(locks));
        var fileKey = RandomNumberGenerator.GetBytes(KeySize);
        try
        {
            using var header = new MemoryStream();
            header.Write(Magic);
            header.Write(Version);
            var stanzas = locks.Select(one => one.Close(fileKey)).ToList();
            WriteLength(header, stanzas.Sum(stanza => 3 + stanza.Body.Length));
            foreach (var stanza in stanzas)
            {
                header.WriteByte(stanza.Kind);
                WriteLength(header, stanza.Body.Length);
                header.Write(stanza.Body);
            }
            header.Write(MacOf(fileKey, header.ToArray()));
            output.Write(header.ToArray());
            return new SealingStream(output, Derive(fileKey, "ivr backup chunks v1"));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(fileKey);
        }
    }

    /// <exception cref="BackupException">It is no backup, of a newer format, for somebody else, or its header was changed.</exception>
    public static OpeningStream Open(Stream input, IBackupOpener opener)
    {
        var (header, stanzas) = Read(input);
        var mac = ReadAll(input, MacSize);
        foreach (var fileKey in stanzas.Select(opener.Open).OfType<byte[]>())
        {
            try
            {
                if (fileKey.Length != KeySize || !CryptographicOperations.FixedTimeEquals(MacOf(fileKey, header), mac)) throw new BackupException("The header of the backup was changed.");
                return new OpeningStream(input, Derive(fileKey, "ivr backup chunks v1"));
            }
            finally
            {
                CryptographicOperations.ZeroMemory(fileKey);
            }
        }
        throw new BackupException($"The backup does not open with {opener.Name}, or its header was changed. It opens with {string.Join(" or ", stanzas.Select(NameOf))}.");
    }

    private static (byte[] Header, List<Stanza> Stanzas) Read(Stream input)
    {
        var start = ReadAll(input, Magic.Length + Version.Length, "This is no backup of ivr.");
        if (!start.AsSpan().StartsWith(Magic)) throw new BackupException("This is no backup of ivr.");
        if (!start.AsSpan(Magic.Length).SequenceEqual(Version)) throw new BackupException("The backup is of a newer format: a later version of ivr wrote it, and one opens it.");
        var length = ReadAll(input, 2);
        var size = BinaryPrimitives.ReadUInt16BigEndian(length);
        if (size > MostHeader) throw Changed();
        var body = ReadAll(input, size);
        var stanzas = new List<Stanza>();
        for (var rest = body.AsSpan(); rest.Length > 0;)
        {
            if (rest.Length < 3 || stanzas.Count == MostStanzas) throw Changed();
            var end = 3 + BinaryPrimitives.ReadUInt16BigEndian(rest[1..]);
            if (rest.Length < end) throw Changed();
            stanzas.Add(new Stanza(rest[0], rest[3..end].ToArray()));
            rest = rest[end..];
        }
        return ([.. start, .. length, .. body], stanzas);
    }

    private static byte[] ReadAll(Stream input, int count, string shorter = "The backup is cut off within its header.")
    {
        var bytes = new byte[count];
        return input.ReadAtLeast(bytes, count, throwOnEndOfStream: false) == count ? bytes : throw new BackupException(shorter);
    }

    private static BackupException Changed() => new("The header of the backup was changed.");

    private static string NameOf(Stanza stanza) => stanza.Kind switch
    {
        PasswordLock.Kind => "a password",
        CertificateLock.Kind => CertificateLock.NameOf(stanza),
        _ => "something that a later version knows",
    };

    private static void WriteLength(MemoryStream header, int length)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, checked((ushort)length));
        header.Write(bytes);
    }

    private static byte[] MacOf(byte[] fileKey, byte[] header) => HMACSHA256.HashData(Derive(fileKey, "ivr backup header v1"), header);

    private static byte[] Derive(byte[] fileKey, string label) => HKDF.DeriveKey(HashAlgorithmName.SHA256, fileKey, KeySize, info: Encoding.ASCII.GetBytes(label));
}
