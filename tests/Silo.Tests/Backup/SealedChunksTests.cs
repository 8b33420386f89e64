using System.Security.Cryptography;
using IvrActors.Silo.Backup;
using Xunit;

namespace IvrActors.Silo.Tests.Backup;

public sealed class SealedChunksTests
{
    private const int Sealed = SealedChunks.Size + SealedChunks.TagSize;

    private static readonly byte[] s_key = RandomNumberGenerator.GetBytes(32);

    [Theory]
    [InlineData(0), InlineData(1), InlineData(SealedChunks.Size - 1), InlineData(SealedChunks.Size), InlineData(SealedChunks.Size + 1), InlineData(3 * SealedChunks.Size), InlineData(3 * SealedChunks.Size + 5)]
    public void What_was_sealed_opens(int length)
    {
        var plain = RandomNumberGenerator.GetBytes(length);
        var file = Seal(plain);
        Assert.Equal(length + Math.Max(1, (length + SealedChunks.Size - 1) / SealedChunks.Size) * SealedChunks.TagSize, file.Length);
        Assert.Equal(plain, Open(file));
    }

    [Fact]
    public void It_is_read_as_well_from_a_stream_that_gives_a_few_bytes_at_a_time()
    {
        var plain = RandomNumberGenerator.GetBytes(2 * SealedChunks.Size + 77);
        using var opened = new OpeningStream(new Trickle(Seal(plain)), s_key);
        using var copy = new MemoryStream();
        opened.CopyTo(copy, 999);
        Assert.Equal(plain, copy.ToArray());
    }

    /// <summary>Of each kind of end: nothing, within a tag, within a chunk, at the border of chunks, one byte short.</summary>
    [Theory]
    [InlineData(0), InlineData(15), InlineData(16), InlineData(1000), InlineData(Sealed - 1), InlineData(Sealed), InlineData(Sealed + 1), InlineData(2 * Sealed), InlineData(3 * Sealed - 1)]
    public void A_stream_that_was_cut_off_is_refused(int length)
    {
        var file = Seal(new byte[3 * SealedChunks.Size]);
        Assert.Contains("cut off", Assert.Throws<BackupException>(() => Open(file[..length])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0), InlineData(Sealed - 1), InlineData(Sealed), InlineData(2 * Sealed + 100), InlineData(2 * Sealed + 3 + 15)]
    public void A_changed_bit_is_refused_wherever_it_is(int at)
    {
        var file = Seal(new byte[2 * SealedChunks.Size + 3 + 100]);
        file[at] ^= 0x40;
        Assert.Throws<BackupException>(() => Open(file));
    }

    [Fact]
    public void Chunks_that_were_swapped_doubled_left_out_or_added_are_refused()
    {
        var file = Seal(RandomNumberGenerator.GetBytes(3 * SealedChunks.Size));
        byte[][] chunks = [file[..Sealed], file[Sealed..(2 * Sealed)], file[(2 * Sealed)..]];
        var empty = Seal([]);
        byte[][][] forged = [[chunks[1], chunks[0], chunks[2]], [chunks[0], chunks[0], chunks[1], chunks[2]], [chunks[0], chunks[2]], [chunks[2]], [.. chunks, chunks[2]], [.. chunks, empty], [chunks[0], empty], [.. chunks, [0]]];
        foreach (var parts in forged) Assert.Throws<BackupException>(() => Open([.. parts.SelectMany(part => part)]));
        Assert.Equal(3 * SealedChunks.Size, Open([.. chunks.SelectMany(part => part)]).Length);
    }

    [Fact]
    public void A_stream_that_was_never_completed_is_refused()
    {
        using var file = new MemoryStream();
        using (var sealing = new SealingStream(file, s_key)) sealing.Write(new byte[3 * SealedChunks.Size]);
        Assert.Equal(2 * Sealed, file.Length);
        Assert.Throws<BackupException>(() => Open(file.ToArray()));
    }

    private static byte[] Seal(byte[] plain)
    {
        using var file = new MemoryStream();
        using var sealing = new SealingStream(file, s_key);
        // In pieces that meet the borders of chunks everywhere.
        foreach (var piece in plain.Chunk(10_007)) sealing.Write(piece);
        sealing.Complete();
        return file.ToArray();
    }

    private static byte[] Open(byte[] file)
    {
        using var opened = new OpeningStream(new MemoryStream(file), s_key);
        using var copy = new MemoryStream();
        opened.CopyTo(copy);
        return copy.ToArray();
    }

    private sealed class Trickle(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 4099)]);

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 4099));
    }
}
