using System.Security.Cryptography;
using IvrActors.Edge.Media;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Tests.Media;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Recording;

/// <summary>A media session's recording on the disk, in virtual time.</summary>
public sealed class RecordingWriterTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ivr-recording").FullName;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(RecordingCipher.KeySize);
    private readonly FakeTimeProvider _time = new();
    private readonly VirtualWire _wire = new();
    private readonly MediaEngine _engine;
    private readonly RecordingWriter _writer = new(NullLogger<RecordingWriter>.Instance, ownThread: false);
    private readonly List<RecordingTotals> _closed = [];

    public RecordingWriterTests()
    {
        _engine = new MediaEngine(MediaEngineTests.Options(), _time, AudioTests.Prompts(), () => _wire, loops: 1, ownThreads: false);
        _engine.Loops[0].RunDue();
    }

    private string FilePath => RecordingNames.PathOf(_folder, new RecordingId("rec-1"));

    public void Dispose()
    {
        _engine.Dispose();
        _writer.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void What_a_caller_is_sent_is_in_the_recording_and_nowhere_in_the_file()
    {
        var session = Open();
        var recording = Record();
        session.Record(recording);
        session.Play([new PromptPart { Prompt = "main-menu" }], 1);
        Run(TimeSpan.FromSeconds(2));
        session.Record(null);
        _writer.Drain();

        var (audio, end, _) = Read();
        Assert.Equal(RecordingCompleteness.Complete, end);
        Assert.Equal([new RecordingTotals(TimeSpan.FromSeconds(audio.Length / 16000.0), TimeSpan.Zero, true)], _closed);
        Assert.InRange(audio.Length, 15_000 * 2, 16_640 * 2);
        var sent = _wire.Sent.Where(s => s.Port % 2 == 0).SelectMany(s => s.Datagram[12..]).ToArray();
        var heard = audio.Where((_, i) => i % 2 == 1).ToArray();
        var spoken = sent.AsSpan(8000, 64).ToArray();
        Assert.NotEqual(64, spoken.Count(b => b == G711.MuLawSilence));
        Assert.NotEqual(-1, heard.AsSpan().IndexOf(spoken));
        // Every piece of speech that left is looked for in the file.
        var file = File.ReadAllBytes(FilePath);
        for (var at = 0; at + 8 <= sent.Length; at += 8)
        {
            var piece = sent.AsSpan(at, 8);
            if (piece.Count(G711.MuLawSilence) < 4) Assert.Equal(-1, file.AsSpan().IndexOf(piece));
        }
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
    }

    [Fact]
    public void A_writer_that_is_killed_leaves_all_but_the_last_second()
    {
        var session = Open();
        session.Record(Record());
        for (var i = 0; i < 20; i++)
        {
            Run(TimeSpan.FromMilliseconds(250));
            _writer.Drain();
        }
        // As the disk is now: nobody finishes it.
        var (audio, end, _) = Read();
        Assert.Equal(RecordingCompleteness.CutShort, end);
        Assert.InRange(audio.Length / 16000.0, 4, 5);
    }

    [Fact]
    public void A_call_that_ends_ends_its_recording_and_a_second_recording_the_first()
    {
        var session = Open();
        var first = Record();
        session.Record(first);
        var second = new CallRecording(aLaw: false);
        session.Record(second);
        Assert.True(first.IsFinished);
        Assert.False(second.IsFinished);
        session.Dispose();
        Assert.True(second.IsFinished);
        var third = new CallRecording(aLaw: false);
        session.Record(third);
        Assert.True(third.IsFinished);
    }

    [Fact]
    public void A_recording_that_begins_while_a_secret_is_keyed_begins_silent()
    {
        var session = Open();
        session.SetHush(Hush.LookingBack);
        session.Record(Record());
        session.Play([new PromptPart { Prompt = "main-menu" }], 1);
        Run(TimeSpan.FromSeconds(1));
        session.Dispose();
        _writer.Drain();
        var (audio, _, flags) = Read();
        Assert.All(audio, sample => Assert.Equal(G711.MuLawSilence, sample));
        Assert.Equal([ChunkFlags.Secret], flags.Distinct());
        Assert.Equal(_closed.Single().Length, _closed.Single().Secret);
    }

    [Fact]
    public void Nothing_is_written_over_a_file_that_is_there()
    {
        Record();
        Assert.ThrowsAny<IOException>(() => Record());
    }

    [Fact]
    public void A_recorded_call_allocates_nothing_on_the_media_thread()
    {
        var session = Open();
        session.Record(Record());
        session.Play([.. Enumerable.Repeat(new PromptPart { Prompt = "main-menu" }, 10)], 1);
        Run(TimeSpan.FromSeconds(2));
        _wire.Sent.EnsureCapacity(100_000);
        var clock = new long[2];
        for (var i = 0; i < 2; i++)
        {
            // The wire of this test keeps copies, so the same time is run with and without a recording.
            var before = GC.GetAllocatedBytesForCurrentThread();
            Run(TimeSpan.FromSeconds(4));
            clock[i] = GC.GetAllocatedBytesForCurrentThread() - before;
            session.Record(null);
        }
        Assert.InRange(clock[0] - clock[1], -2000, 2000);
    }

    private IMediaSession Open()
    {
        var session = _engine.Answer(MediaEngineTests.OfferOf(), new MediaPolicy(SecureSignalling: true, SrtpPolicy.Preferred, SdesWithoutTls: false), new HeardEvents()).Session!;
        session.Start();
        return session;
    }

    private CallRecording Record()
    {
        var recording = new CallRecording(aLaw: false);
        var header = new RecordingHeader { Recording = new RecordingId("rec-1"), ALaw = false, Start = _time.GetUtcNow(), WrappedKey = [1, 2, 3] };
        _writer.Add(new RecordingFile(FilePath, header, _key, recording) { Closed = _closed.Add });
        return recording;
    }

    private void Run(TimeSpan time)
    {
        for (var end = _time.GetUtcNow() + time; _time.GetUtcNow() < end;)
        {
            _time.Advance(TimeSpan.FromMilliseconds(2));
            _engine.Loops[0].RunDue();
        }
    }

    private (byte[] Audio, RecordingCompleteness End, List<ChunkFlags> Flags) Read()
    {
        RecordingReader.Open(new FileStream(FilePath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite), out var reader);
        using (reader)
        {
            reader!.Unlock(_key);
            var (all, seen, audio) = (new List<byte>(), new List<ChunkFlags>(), new byte[RecordingCipher.MostAudio]);
            while (reader.TryNext(audio, out var length, out var flags))
            {
                all.AddRange(audio[..length]);
                seen.Add(flags);
            }
            return ([.. all], reader.End, seen);
        }
    }
}
