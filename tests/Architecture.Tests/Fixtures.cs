using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace IvrActors.Architecture.Tests;

/// <summary>One offence each, to prove that the ban finds it. Nothing runs this code.</summary>
internal static class Fixtures
{
    public sealed class ReadsTheClock
    {
        public static bool IsPast(DateTimeOffset deadline) => DateTimeOffset.UtcNow > deadline;
    }

    public sealed class ReadsAStopwatchInAClosure
    {
        public static Func<long> Clock(long offset) => () => Stopwatch.GetTimestamp() + offset;
    }

    public sealed class TakesATimeProvider
    {
        public static string NameOf(TimeProvider? time) => time is null ? "none" : "some";
    }

    public sealed class WaitsAsynchronously
    {
        public static async Task<int> Later(int value)
        {
            await Task.Delay(1);
            return value;
        }
    }

    public sealed class KeepsATimer
    {
        public Timer? Deadline { get; set; }
    }

    public sealed class RollsDice
    {
        public static int Roll() => Random.Shared.Next(6);
    }

    public sealed class MakesAGuid
    {
        public static string Name() => Guid.NewGuid().ToString();
    }

    public sealed class DrawsRandomBytes
    {
        public static IEnumerable<byte> Draw()
        {
            yield return RandomNumberGenerator.GetBytes(1)[0];
        }
    }

    public sealed class OpensASocket
    {
        public static void Open(Action<SocketException> failed) => failed(new SocketException());
    }

    public sealed class ReadsAFile
    {
        public static string Read(string path) => File.ReadAllText(path);
    }

    public sealed class Prints
    {
        public static void Print(string text) => Console.WriteLine(text);
    }

    public sealed class KeepsALoggerInAList
    {
        public List<ILogger[]> Loggers { get; } = [];
    }

    public sealed class CountsAMetric
    {
        public static void Count() => Prometheus.Metrics.CreateCounter("fixture_total", "A metric.").Inc();
    }

    public sealed class CallsAGrain
    {
        public static string KeyOf(global::Orleans.Runtime.GrainReference grain) => grain.ToString()!;
    }

    public sealed class DecidesFromItsArguments
    {
        [Orleans.GenerateSerializer]
        public sealed class State
        {
            [Orleans.Id(0)] public DateTimeOffset Last { get; set; }
        }

        public static bool IsPast(DateTimeOffset now, State state, TimeSpan grace) => now - state.Last > grace && now.AddMinutes(1) > DateTimeOffset.UnixEpoch;
    }
}
