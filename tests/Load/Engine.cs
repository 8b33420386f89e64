using System.Collections.Concurrent;
using System.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Srtp;
using IvrActors.Load.Media;
using IvrActors.Load.Report;
using IvrActors.Load.Sip;

namespace IvrActors.Load;

/// <summary>Runs scenarios, one after the other, in one thread; the links and the media have threads of their own and hand over here.</summary>
internal sealed class Engine : IDisposable
{
    /// <summary>Seconds that good calls are up before a flood begins.</summary>
    internal const double BeforeFlood = 5;

    private const int MediaPorts = 4;
    private readonly ConcurrentQueue<(SipMessage Message, long At)> _received = new();
    private readonly SemaphoreSlim _signal = new(0);
    private readonly PriorityQueue<Call, long> _due = new();
    private readonly Dictionary<string, Call> _calls = new(StringComparer.Ordinal);
    private readonly List<(Call Call, long At)> _ended = [];
    private readonly List<Link> _links = [];
    private readonly List<MediaReceiver> _receivers = [];
    private readonly LoadOptions _options;
    private int _unreadable, _number;
    private Oracle? _oracle;
    private long _comparedFrom;

    private Engine(LoadOptions options) => _options = options;

    public string RunId { get; } = Environment.ProcessId.ToString("x", System.Globalization.CultureInfo.InvariantCulture) + DateTime.UtcNow.Ticks.ToString("x", System.Globalization.CultureInfo.InvariantCulture);

    public IPEndPoint Server => _options.Server;

    public SrtpSuite? Srtp => _options.Srtp;

    public byte PayloadType => _options.Codec == "pcma" ? (byte)8 : (byte)0;

    public MediaSender Sender { get; } = new();

    public Result Result { get; private set; } = new() { Name = "", Transport = "" };

    public static async Task<Engine> Open(LoadOptions options)
    {
        var engine = new Engine(options);
        for (var i = 0; i < (options.Transport == "udp" ? 1 : options.Connections); i++)
            engine._links.Add(await Link.Open(options.Transport, options.Server, options.From, engine.OnReceived));
        for (var i = 0; i < MediaPorts; i++)
            engine._receivers.Add(new MediaReceiver(options.From, options.MediaPort + 2 * i));
        return engine;
    }

    /// <summary>Has the call looked at then, instead of when it was to be looked at before.</summary>
    public void Wake(Call call, long at)
    {
        if (at == long.MaxValue || call.DueAt == at) return;
        call.DueAt = at;
        _due.Enqueue(call, at);
    }

    public Result Run(Scenario scenario, Callers callers)
    {
        Result = new Result { Name = scenario.Name, Transport = _options.Transport.ToUpperInvariant() + (Srtp is null ? "" : " + " + Srtp.Name) };
        using var probe = _options.ServerPid is { } pid ? new ServerProbe(pid) : null;
        _oracle = scenario.Name == "oracle" ? new Oracle((scenario.Calls - Oracle.Locked) / 3, callers.All) : null;
        var started = DateTime.UtcNow.Ticks;
        var dropsBefore = _receivers.Sum(r => r.Drops());
        var ownCpu = Environment.CpuUsage.TotalTime;
        Flood? flood = null;
        var floodFrom = started + (long)(BeforeFlood * TimeSpan.TicksPerSecond);
        var floodTo = floodFrom + (long)(scenario.Seconds * TimeSpan.TicksPerSecond);
        var steady = new Steady();
        while (Result.Started < scenario.Calls || _calls.Count > 0)
        {
            var now = DateTime.UtcNow.Ticks;
            if (scenario.Name == "play") Result.IsSteady = steady.Is(allUp: _calls.Count == scenario.Calls, now, probe);
            if (scenario.Flood > 0 && flood is null && now >= floodFrom) flood = new Flood(_options.FloodFrom, Server, scenario.To ?? _options.Play, scenario.Flood);
            if (flood is not null && now >= floodTo) flood.Dispose();
            var nextStart = StartDue(scenario, callers, started, now);
            HandOver();
            TickDue(callers);
            var next = Math.Min(nextStart, _due.TryPeek(out _, out var at) ? at : long.MaxValue);
            var wait = Math.Clamp((next - DateTime.UtcNow.Ticks) / TimeSpan.TicksPerMillisecond, 0, 100);
            _signal.Wait((int)wait);
        }
        Result.Seconds = TimeSpan.FromTicks(DateTime.UtcNow.Ticks - started).TotalSeconds;
        Result.OwnCores = (Environment.CpuUsage.TotalTime - ownCpu).TotalSeconds / Result.Seconds;
        Result.SocketDrops = _receivers.Sum(r => r.Drops()) - dropsBefore;
        if (_unreadable > 0) Result.Fail("the server sent a SIP message that does not parse");
        if (flood is not null)
        {
            flood.Dispose();
            (Result.Flooded, Result.FloodAnswers) = (flood.Sent, flood.Answers);
            Thread.Sleep(TimeSpan.FromSeconds(scenario.After));
        }
        if (scenario.MostP99 > 0 && Result.Setup.QuantileMs(0.99) > scenario.MostP99) Result.Fail($"the set-up p99 of {Result.Setup.QuantileMs(0.99):0} ms is above {scenario.MostP99:0} ms");
        if (scenario.MostSilence > 0 && Result.KeyToPrompt.MaxMs > scenario.MostSilence) Result.Fail($"a caller heard nothing for {Result.KeyToPrompt.MaxMs:0} ms, more than {scenario.MostSilence:0}");
        if (scenario.MostControl > 0 && Result.KeyToControl.QuantileMs(0.99) > scenario.MostControl) Result.Fail($"the p99 of answering prompts, {Result.KeyToControl.QuantileMs(0.99):0} ms, is above {scenario.MostControl:0} ms");
        if (probe is not null)
        {
            (Result.MemoryBefore, Result.MemoryAfter) = (probe.MemoryBefore, probe.MemoryNow);
            Result.SteadyCores = steady.Cores;
            (Result.CpuSeconds, Result.MemoryGrowth, Result.MemoryPeak) = (probe.CpuSecondsUsed, probe.MemoryGrowth, probe.MemoryPeak);
            var grown = Result.MemoryGrowth / 1048576.0;
            if (scenario.MostGrowth > 0 && grown > scenario.MostGrowth) Result.Fail($"the server's memory grew by {grown:0} MB, more than {scenario.MostGrowth:0} MB");
        }
        _oracle?.Judge(Result, scenario.Timed, Console.Out);
        _due.Clear();
        return Result;
    }

    public void OnEnded(Call call, long now)
    {
        _calls.Remove(call.CallId);
        if (call.Failure is { } failure) Result.Fail(failure);
        else Result.Completed++;
        _ended.Add((call, now));
    }

    public void Dispose()
    {
        foreach (var link in _links) link.Dispose();
        Sender.Dispose();
        foreach (var receiver in _receivers) receiver.Dispose();
        _signal.Dispose();
    }

    private void OnReceived(SipParseResult result)
    {
        if (result.Message is { } message) _received.Enqueue((message, DateTime.UtcNow.Ticks));
        else Interlocked.Increment(ref _unreadable);
        _signal.Release();
    }

    // Starts the calls that the rate and the number at once ask for now; returns when to look again.
    private long StartDue(Scenario scenario, Callers callers, long started, long now)
    {
        var interval = (long)(TimeSpan.TicksPerSecond / scenario.Rate);
        while (Result.Started < scenario.Calls)
        {
            // What is held is up before the first is to be refused.
            var isHeld = Result.Started < scenario.Held;
            // Those that are compared come at their rate, not all at once when the last account is locked.
            var at = _oracle is not null && Result.Started >= Oracle.Locked ? _comparedFrom + (Result.Started - Oracle.Locked) * interval : started + (scenario.Held > 0 && !isHeld ? TimeSpan.TicksPerSecond : 0) + (Result.Started - (isHeld ? 0 : scenario.Held)) * interval;
            if (at > now) return at;
            var isBeside = Result.Started < scenario.Beside;
            if (_oracle is not null && Result.Started == Oracle.Locked && _comparedFrom == 0)
            {
                // What is to be locked is locked before anything is compared.
                if (_calls.Count > 0) return now + 100 * TimeSpan.TicksPerMillisecond;
                _comparedFrom = now;
            }
            if (!isBeside && scenario.AtOnce > 0 && _calls.Count - scenario.Beside >= scenario.AtOnce) return now + 10 * TimeSpan.TicksPerMillisecond;
            var logsIn = scenario.Name is "keys" or "bank" && !isBeside;
            var caller = logsIn ? callers.Take(now) : null;
            if (logsIn && caller is null) return now + 100 * TimeSpan.TicksPerMillisecond;
            _number++;
            var call = new Call(this, _links[_number % _links.Count], _receivers[_number % _receivers.Count], _number, scenario.To ?? (logsIn || _oracle is not null || scenario.Name == "pins" ? "bank" : _options.Play), caller)
            {
                ExpectedStatus = scenario.Held > 0 && !isHeld ? 503 : 200,
            };
            _calls.Add(call.CallId, call);
            Result.Started++;
            Result.MostAtOnce = Math.Max(Result.MostAtOnce, _calls.Count);
            var subject = _oracle?[Result.Started - 1];
            call.Start(now, scenario.Name switch
            {
                "pins" when Result.Started % 3 == 0 => c => Scripts.Key(c, "account, alone"),
                "pins" => c => scenario.Guesses ? Scripts.Guess(c) : Scripts.Hold(15_000),
                "oracle" => c => Scripts.Refused(c, subject!, _oracle!),
                "setup" or "rejected" or "flood" => _ => Scripts.Hold(scenario.HoldMs),
                "play" => c => Scripts.Listen(c, scenario.Seconds),
                _ when isBeside => _ => Scripts.Hold(() => Result.Started == scenario.Calls && _calls.Count <= scenario.Beside),
                _ => c => Scripts.Bank(c, c.Caller!, scenario.Answer),
            });
        }
        return long.MaxValue;
    }

    private void HandOver()
    {
        while (_received.TryDequeue(out var received))
        {
            if (_calls.TryGetValue(received.Message.CallId, out var call))
            {
                if (received.Message is SipResponse response) call.OnResponse(response, received.At);
                else if (received.Message is SipRequest request) call.OnRequest(request, received.At);
            }
            else if (received.Message is SipRequest { Method: not "ACK" } stray)
            {
                _links[0].Send(SipWriter.ToBytes(SipResponses.For(stray, 481)));
            }
        }
    }

    private void TickDue(Callers callers)
    {
        var now = DateTime.UtcNow.Ticks;
        while (_due.TryPeek(out _, out var at) && at <= now)
        {
            var call = _due.Dequeue();
            if (call.DueAt != at) continue; // it was given another time since
            call.DueAt = 0;
            Wake(call, call.Tick(now));
        }
        foreach (var (call, at) in _ended)
            if (call.Caller is { } caller) callers.Return(caller, at);
        _ended.Clear();
    }
}
