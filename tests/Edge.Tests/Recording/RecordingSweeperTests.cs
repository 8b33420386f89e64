using System.Reflection;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Tests.Media;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Recording;

/// <summary>Which files go, and when.</summary>
public sealed class RecordingSweeperTests : IDisposable
{
    private static readonly DateTimeOffset s_now = new(2030, 6, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("ivr-recording").FullName;
    private readonly FakeTimeProvider _time = new(s_now);
    private readonly List<string> _asked = [];
    private bool _isOver = true;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_is_over_goes_when_the_cluster_says_so_and_what_is_not_stays()
    {
        Written("rec-old-1", s_now.AddDays(-31));
        Written("rec-new-1", s_now.AddDays(-29));
        _isOver = false;
        await Sweep();
        Assert.Equal(["rec-new-1", "rec-old-1"], Files());
        _isOver = true;
        await Sweep();
        Assert.Equal(["rec-new-1"], Files());
        Assert.Equal(["rec-old-1", "rec-old-1"], _asked);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public async Task A_file_whose_header_was_not_written_whole_goes_by_its_time(int bytes)
    {
        var file = Path.Combine(_folder, "rec-partial-1.ivrrec");
        await File.WriteAllBytesAsync(file, "IVRREC\u0001"u8[..bytes].ToArray(), TestContext.Current.CancellationToken);
        File.SetLastWriteTimeUtc(file, s_now.AddDays(-29).UtcDateTime);
        await Sweep();
        Assert.Single(Files());
        File.SetLastWriteTimeUtc(file, s_now.AddDays(-31).UtcDateTime);
        await Sweep();
        Assert.Empty(Files());
        Assert.Equal(["rec-partial-1"], _asked);
    }

    private void Written(string name, DateTimeOffset start) =>
        File.WriteAllBytes(Path.Combine(_folder, name + ".ivrrec"), new RecordingHeader { Recording = new RecordingId(name), ALaw = false, Start = start, WrappedKey = [1] }.ToBytes());

    private string[] Files() => [.. Directory.GetFiles(_folder).Select(file => Path.GetFileNameWithoutExtension(file)!).Order(StringComparer.Ordinal)];

    private async Task Sweep()
    {
        var options = MediaEngineTests.Options(recordingsKept: TimeSpan.FromDays(30));
        var grains = Answering.Make<IGrainFactory>((_, given) => Answering.Make<IRecordingGrain>((_, _) =>
        {
            _asked.Add((string)given[0]!);
            return Task.FromResult(_isOver);
        }));
        using var sweeper = new RecordingSweeper(options, grains, new EdgeToken(options, new Tokens(), _time), new EdgeReadiness(_time), _time, NullLogger<RecordingSweeper>.Instance);
        await sweeper.Sweep(_folder, TestContext.Current.CancellationToken);
    }

    private sealed class Tokens : IRoleTokens
    {
        public string Issue(string name, string role) => name;
    }

    /// <summary>Implements an interface by one function.</summary>
    public class Answering : DispatchProxy
    {
        private Func<MethodInfo, object?[], object?> _answer = (_, _) => null;

        public static T Make<T>(Func<MethodInfo, object?[], object?> answer) where T : class
        {
            var made = Create<T, Answering>();
            ((Answering)(object)made)._answer = answer;
            return made;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!, args ?? []);
    }
}
