using System.Security.Cryptography;
using IvrActors.Edge.Recording;
using IvrActors.Grains.Interfaces.Recordings;
using Xunit;

namespace IvrActors.Edge.Tests.Recording;

/// <summary>The container: what is written is read, what is altered is refused, and what is cut short still opens and says so.</summary>
public sealed class RecordingFormatTests
{
    private static readonly byte[] Key = RandomNumberGenerator.GetBytes(RecordingCipher.KeySize);

    private static readonly RecordingHeader Header = new()
    {
        Recording = new RecordingId("rec-0123456789abcdef-3"),
        ALaw = true,
        Start = new DateTimeOffset(2026, 11, 2, 3, 4, 5, 678, TimeSpan.Zero),
        WrappedKey = RandomNumberGenerator.GetBytes(60),
    };

    [Fact]
    public void A_header_is_read_as_it_was_written()
    {
        var bytes = Header.ToBytes();
        Assert.Equal(RecordingRejection.None, RecordingHeader.TryRead([.. bytes, 1, 2, 3], out var header, out var length));
        Assert.Equal(bytes.Length, length);
        Assert.Equal((Header.Recording, Header.ALaw, Header.Start), (header!.Recording, header.ALaw, header.Start));
        Assert.Equal(Header.WrappedKey, header.WrappedKey);
    }

    [Fact]
    public void A_header_that_is_cut_anywhere_or_is_of_another_version_is_refused()
    {
        var bytes = Header.ToBytes();
        for (var length = 0; length < bytes.Length; length++) Assert.NotEqual(RecordingRejection.None, RecordingHeader.TryRead(bytes.AsSpan(0, length), out _, out _));
        bytes[6] = 2;
        Assert.Equal(RecordingRejection.UnknownVersion, RecordingHeader.TryRead(bytes, out _, out _));
    }

    [Fact]
    public void A_name_that_would_lead_out_of_its_folder_is_none()
    {
        foreach (var name in new[] { "rec-../x", "rec-", "../rec-1", "rec-A", "rec-1/2", "rec-" + new string('a', 61) }) Assert.False(RecordingId.TryParse(name, out _), name);
        Assert.True(RecordingId.TryParse("rec-" + new string('a', 60), out _));
    }

    [Fact]
    public void Any_number_of_chunks_comes_back_in_order_with_its_flags()
    {
        var random = new Random(1);
        for (var run = 0; run < 50; run++)
        {
            var chunks = Enumerable.Range(0, random.Next(12)).Select(_ => (Flags: (ChunkFlags)random.Next(2), Audio: Bytes(random, 2 * random.Next(RecordingCipher.MostAudio / 2 + 1)))).ToList();
            var (read, end) = Read(File(chunks));
            Assert.Equal(RecordingCompleteness.Complete, end);
            Assert.Equal(chunks.Count, read.Count);
            for (var i = 0; i < read.Count; i++)
            {
                Assert.Equal(chunks[i].Flags, read[i].Flags);
                Assert.Equal(chunks[i].Audio, read[i].Audio);
            }
        }
    }

    [Fact]
    public void Whatever_bit_is_changed_nothing_from_there_on_is_given_out()
    {
        var chunks = Three();
        var file = File(chunks);
        var header = Header.ToBytes().Length;
        var random = new Random(2);
        for (var run = 0; run < 2000; run++)
        {
            var at = random.Next(header, file.Length);
            var altered = (byte[])file.Clone();
            altered[at] ^= (byte)(1 << random.Next(8));
            var (read, end) = Read(altered);
            Assert.NotEqual(RecordingCompleteness.Complete, end);
            Assert.True(read.Count <= ChunkAt(file, header, at), $"byte {at}");
            for (var i = 0; i < read.Count; i++) Assert.Equal(chunks[i].Audio, read[i].Audio);
        }
    }

    [Fact]
    public void A_changed_header_breaks_the_first_chunk()
    {
        var file = File(Three());
        file[9 + 7] ^= 1; // The time of its beginning.
        var (read, end) = Read(file);
        Assert.Equal((0, RecordingCompleteness.Damaged), (read.Count, end));
    }

    [Fact]
    public void Chunks_that_changed_places_left_out_or_repeated_are_damage()
    {
        var header = Header.ToBytes();
        var whole = Pieces(Three());
        Assert.Equal(RecordingCompleteness.Complete, Read([.. header, .. whole[0], .. whole[1], .. whole[2], .. whole[3]]).End);
        Assert.Equal((1, RecordingCompleteness.Damaged), CountOf(Read([.. header, .. whole[0], .. whole[2], .. whole[1], .. whole[3]])));
        Assert.Equal((1, RecordingCompleteness.Damaged), CountOf(Read([.. header, .. whole[0], .. whole[2], .. whole[3]])));
        Assert.Equal((1, RecordingCompleteness.Damaged), CountOf(Read([.. header, .. whole[0], .. whole[0], .. whole[1]])));
        Assert.Equal((3, RecordingCompleteness.Damaged), CountOf(Read([.. header, .. whole[0], .. whole[1], .. whole[2], .. whole[3], 0])));
        // A number that was put right does not help: it is authenticated.
        whole[2][7] = 1;
        Assert.Equal((1, RecordingCompleteness.Damaged), CountOf(Read([.. header, .. whole[0], .. whole[2], .. whole[3]])));
    }

    [Fact]
    public void Wherever_a_file_was_cut_all_whole_chunks_before_are_read_and_it_is_called_cut_short()
    {
        var chunks = Three();
        var file = File(chunks);
        var header = Header.ToBytes().Length;
        for (var length = header; length < file.Length; length += 97)
        {
            var (read, end) = Read(file[..length]);
            Assert.Equal(RecordingCompleteness.CutShort, end);
            Assert.Equal(ChunkAt(file, header, length), read.Count);
        }
    }

    [Fact]
    public void Another_key_opens_nothing()
    {
        var (read, end) = Read(File(Three()), RandomNumberGenerator.GetBytes(RecordingCipher.KeySize));
        Assert.Equal((0, RecordingCompleteness.Damaged), (read.Count, end));
    }

    [Fact]
    public void An_empty_recording_is_complete_and_a_header_alone_is_cut_short()
    {
        Assert.Equal((0, RecordingCompleteness.Complete), CountOf(Read(File([]))));
        Assert.Equal((0, RecordingCompleteness.CutShort), CountOf(Read(Header.ToBytes())));
    }

    [Fact]
    public void The_same_audio_looks_different_in_every_chunk()
    {
        var audio = new byte[320];
        var pieces = Pieces([(ChunkFlags.None, audio), (ChunkFlags.None, audio)]);
        Assert.Equal(-1, pieces[1].AsSpan().IndexOf(pieces[0].AsSpan(RecordingCipher.HeadSize, 16)));
        Assert.Equal(-1, pieces[0].AsSpan().IndexOf(audio.AsSpan(0, 16)));
    }

    [Fact]
    public void It_becomes_a_stereo_wav_of_the_same_samples()
    {
        using var wav = new MemoryStream();
        RecordingReader.Open(new MemoryStream(File([(ChunkFlags.None, [1, 2, 3, 4]), (ChunkFlags.Secret, [5, 6])])), out var reader);
        reader!.Unlock(Key);
        var export = RecordingWav.Write(reader, wav);
        var bytes = wav.ToArray();
        Assert.Equal((RecordingCompleteness.Complete, TimeSpan.FromSeconds(6 / 16000.0), TimeSpan.FromSeconds(2 / 16000.0)), (export.End, export.Length, export.Secret));
        Assert.Equal("RIFF"u8.ToArray(), bytes[..4]);
        Assert.Equal(bytes.Length - 8, BitConverter.ToInt32(bytes, 4));
        Assert.Equal((6, 2, 8000, 16000), (BitConverter.ToInt16(bytes, 20), BitConverter.ToInt16(bytes, 22), BitConverter.ToInt32(bytes, 24), BitConverter.ToInt32(bytes, 28)));
        Assert.Equal((3, 6), (BitConverter.ToInt32(bytes, 46), BitConverter.ToInt32(bytes, 54)));
        Assert.Equal([1, 2, 3, 4, 5, 6], bytes[58..]);
    }

    private static List<(ChunkFlags Flags, byte[] Audio)> Three()
    {
        var random = new Random(3);
        return [(ChunkFlags.None, Bytes(random, 640)), (ChunkFlags.Secret, Bytes(random, 320)), (ChunkFlags.None, Bytes(random, 1600))];
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private static (int, RecordingCompleteness) CountOf((List<(ChunkFlags, byte[])> Read, RecordingCompleteness End) result) => (result.Read.Count, result.End);

    /// <summary>Whole chunks before this byte.</summary>
    private static int ChunkAt(byte[] file, int header, int at)
    {
        var count = 0;
        for (var start = header; start < file.Length; count++)
        {
            start += RecordingCipher.HeadSize + RecordingCipher.LengthAfter(file.AsSpan(start), (uint)count)!.Value;
            if (start > at) return count;
        }
        return count;
    }

    private static List<byte[]> Pieces(List<(ChunkFlags Flags, byte[] Audio)> chunks)
    {
        using var cipher = new RecordingCipher(Key, Header.ToBytes());
        var buffer = new byte[RecordingCipher.MostChunk];
        var pieces = new List<byte[]>();
        foreach (var (flags, audio) in chunks.Append((ChunkFlags.Final, []))) pieces.Add(buffer[..cipher.Seal((uint)pieces.Count, flags, audio, buffer)]);
        return pieces;
    }

    private static byte[] File(List<(ChunkFlags Flags, byte[] Audio)> chunks) => [.. Header.ToBytes(), .. Pieces(chunks).SelectMany(piece => piece)];

    private static (List<(ChunkFlags Flags, byte[] Audio)> Read, RecordingCompleteness End) Read(byte[] file, byte[]? key = null)
    {
        Assert.Equal(RecordingRejection.None, RecordingReader.Open(new MemoryStream(file), out var reader));
        using (reader)
        {
            reader!.Unlock(key ?? Key);
            var read = new List<(ChunkFlags, byte[])>();
            var audio = new byte[RecordingCipher.MostAudio];
            while (reader.TryNext(audio, out var length, out var flags)) read.Add((flags, audio[..length]));
            return (read, reader.End);
        }
    }
}
