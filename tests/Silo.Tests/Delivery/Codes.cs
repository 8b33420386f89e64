using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Silo.Delivery;
using Microsoft.Extensions.Logging;

namespace IvrActors.Silo.Tests.Delivery;

/// <summary>Messages of tests, and a delivery with one provider for everything.</summary>
internal static class Codes
{
    public const string Number = "+12125550100";
    public const string Address = "ada@example.net";
    public const string Code = "604718";

    public static readonly DateTimeOffset Expires = new(2026, 11, 29, 12, 10, 0, TimeSpan.Zero);

    public static CodeMessage Message(CodeChannel channel, string id = "code-1", string? address = null, string? number = null) => new()
    {
        Id = id,
        Tenant = "demo",
        Channel = channel,
        Call = new CallId("call-1"),
        Number = new PhoneNumber(number ?? Number),
        Address = new PersonalText(address ?? Address),
        Code = new Secret<byte>("604718"u8.ToArray()),
        Language = "en",
        Expires = Expires,
    };

    public static CodeDelivery Delivery(ICodeProvider provider, TimeProvider time, Lines lines, int atOnce = 4, TimeSpan? longest = null)
    {
        var routes = Enum.GetValues<CodeChannel>().ToDictionary(channel => ("demo", channel), _ => "test");
        return new CodeDelivery(routes, [new ProviderSlot("test", provider, atOnce, longest ?? WebhookProvider.Longest)], time, new Logger<CodeDelivery>(LoggerFactory.Create(logging => logging.AddProvider(lines).SetMinimumLevel(LogLevel.Trace))));
    }
}

/// <summary>Everything that is logged.</summary>
internal sealed class Lines : ILoggerProvider, ILogger
{
    private readonly List<string> _lines = [];

    public string Text
    {
        get
        {
            lock (_lines) return string.Join('\n', _lines);
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines) _lines.Add(formatter(state, exception) + exception);
    }

    public void Dispose()
    {
    }
}
