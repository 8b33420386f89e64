using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using OtpNet;

namespace IvrActors.Load;

/// <summary>An enrolled caller, as <c>ivr caller add</c> reads it.</summary>
internal sealed class Caller
{
    public required string Account { get; init; }
    public required string Pin { get; init; }

    /// <summary>Base32.</summary>
    public required string TotpSecret { get; init; }

    // A code is accepted once: the step of the last one that was typed.
    private long _usedStep;

    /// <summary>A code that was not used yet, or null while the current step's code is used up.</summary>
    public string? NextCode(DateTime now)
    {
        var step = new DateTimeOffset(now).ToUnixTimeSeconds() / 30;
        if (step <= _usedStep) return null;
        _usedStep = step;
        return new Totp(Base32Encoding.ToBytes(TotpSecret)).ComputeTotp(now);
    }
}

/// <summary>The callers that scenarios log in as, each used again only when its one-time code is a new one.</summary>
internal sealed class Callers(IReadOnlyList<Caller> all)
{
    private readonly Queue<(Caller Caller, long NotBefore)> _free = new(all.Select(c => (c, 0L)));

    public IReadOnlyList<Caller> All => all;

    public static Callers Read(string path) => new([.. File.ReadLines(path).Where(l => l.Length > 0).Select(l => JsonSerializer.Deserialize<Caller>(l, JsonSerializerOptions.Web)!)]);

    /// <summary>New callers of the tenant <c>demo</c>, as <c>ivr caller add</c> reads them.</summary>
    public static IEnumerable<string> MakeUp(int count) => Enumerable.Range(0, count).Select(i => JsonSerializer.Serialize(
        new
        {
            Tenant = "demo",
            Account = (30_000_000 + i).ToString(CultureInfo.InvariantCulture),
            // Begins so that no PIN is one of the common ones, which enrolment refuses.
            Pin = "7042" + RandomNumberGenerator.GetInt32(100).ToString("D2", CultureInfo.InvariantCulture),
            TotpSecret = Base32Encoding.ToString(RandomNumberGenerator.GetBytes(20)),
            Balance = "1234.56",
            Currency = "USD",
        },
        JsonSerializerOptions.Web));

    /// <summary>A caller who is in no call and has not logged in for a minute; null when there is none.</summary>
    public Caller? Take(long now)
    {
        if (!_free.TryPeek(out var next) || next.NotBefore > now) return null;
        return _free.Dequeue().Caller;
    }

    // Two steps, because the server accepts the code of the step before as well and refuses what is not later than the last.
    public void Return(Caller caller, long now) => _free.Enqueue((caller, now + 61 * TimeSpan.TicksPerSecond));
}
