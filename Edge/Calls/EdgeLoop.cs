using System.Threading.Channels;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Limits;
using IvrActors.Edge.Media;
using IvrActors.Edge.Net;
using IvrActors.Edge.Net.Stir;
using IvrActors.Edge.Recording;
using IvrActors.Edge.Sip.Dialogs;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Stir;
using IvrActors.Edge.Trunks;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Recordings;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Calls;

/// <summary>
/// The signalling thread: one queue through which the user agent and all call legs run, one at a time, so none of them needs a lock. Sockets,
/// media threads and grain replies post to it; grains are called from the thread pool.
/// </summary>
internal sealed partial class EdgeLoop : IAsyncDisposable
{
    /// <summary>Inputs from the network that may wait: about a second of work. What comes above it is dropped; UDP peers repeat it.</summary>
    private const int MostWaiting = 20_000;

    private readonly Channel<LoopInput> _inputs = Channel.CreateUnbounded<LoopInput>(new UnboundedChannelOptions { SingleReader = true });
    private readonly TimeProvider _time;
    private readonly IPromptCatalogue _prompts;
    private readonly SipTransports _transports;
    private readonly ICallCluster _cluster;
    private readonly ILogger<EdgeLoop> _log;
    private readonly EdgeIncarnation _life;
    private readonly UserAgent _agent;
    private readonly TrunkDesk _trunks;
    private readonly CallGate _gate;
    private readonly TimerQueue<CallLeg> _legTimers = new();
    private readonly LiveCalls _calls;
    private readonly CallIntake _intake;
    private readonly CallerVerification _verification;
    private readonly BridgeDesk _bridges;
    private readonly CallBackDesk _callBacks;
    private readonly TakeOverDesk _takeOvers;
    private readonly RecordingDesk _recordings;
    private readonly ITimer _timer;
    private readonly Task _run;
    private long _armedFor = SipTimes.Never;
    private readonly List<long> _lost = [];
    private TaskCompletionSource? _drained;
    private int _waiting;

    public EdgeLoop(EdgeOptions options, TimeProvider time, IMediaEngine media, IPromptCatalogue prompts, SipTransports transports, ICallCluster cluster,
        EdgeReadiness readiness, TrunkDesk trunks, CallGate gate, WaitingCalls waiting, RecordingDesk recordings, MediaLane lane, CallerVerification verification, EdgeIncarnation life, ILogger<EdgeLoop> log)
    {
        (_time, _prompts, _transports, _cluster, _trunks, _gate, _recordings, _verification, _life, _log) = (time, prompts, transports, cluster, trunks, gate, recordings, verification, life, log);
        _agent = new UserAgent(transports.Address, TokenSource.Next, Random.Shared.NextDouble, options.Admission.MostTransactions)
        {
            Reconnect = transports.Reconnect,
            OverStream = transports.OverStream,
            Policy = new UserAgentPolicy
            {
                // Both legs of a bridged call may be of one trunk.
                MostCallsPerTrunk = 2 * options.Admission.MostCallsOf(CallClass.Emergency),
                MostCallLength = options.LongestCall.Ticks,
                SessionSeconds = (uint)options.SessionInterval.TotalSeconds,
            },
            IsShut = () => gate.IsShut || _drained is not null,
        };
        trunks.Attach(_agent, step => Post(new LoopInput(LoopInputKind.Run, step)));
        _calls = new LiveCalls(options, time, trunks, gate, transports.Tap, life);
        _intake = new CallIntake(options, time, media, readiness, trunks, gate, _calls, lane, waiting, life)
        {
            Post = Resume,
            Admitted = Admitted,
            Heard = (leg, signal) => Post(new LoopInput(LoopInputKind.Media, leg) { Media = signal }),
        };
        _bridges = new BridgeDesk(options, _agent, media, trunks, gate, waiting, time)
        {
            Post = step => Post(new LoopInput(LoopInputKind.Run, step)),
            Pump = Pump,
            Joined = (leg, sipCallId) => transports.Tap.Joined(leg.Id.Value, sipCallId),
        };
        _callBacks = new CallBackDesk(options, time, _agent, media, readiness, trunks, gate, _calls, lane, life)
        {
            Heard = (leg, signal) => Post(new LoopInput(LoopInputKind.Media, leg) { Media = signal }),
            Joined = (call, sipCallId) => transports.Tap.Joined(call.Value, sipCallId),
            Began = Began,
            Tell = (call, ended) => _ = Tell(call, ended),
        };
        _takeOvers = new TakeOverDesk(options, time, _agent, transports.Reconnect, media, readiness, life, trunks, gate, _calls, lane)
        {
            Heard = (leg, signal) => Post(new LoopInput(LoopInputKind.Media, leg) { Media = signal }),
            Began = Began,
            Tell = (call, failed) => ThreadPool.UnsafeQueueUserWorkItem(_ => _ = Handled(call, new LegEvent(failed)), null),
        };
        _timer = time.CreateTimer(static loop => ((EdgeLoop)loop!).Post(new LoopInput(LoopInputKind.Timer)), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _run = Task.Run(Run);
    }

    /// <summary>Calls that are not over.</summary>
    public int ActiveCalls => _calls.Active;

    internal int Transactions => _agent.Transactions;

    /// <summary>Whether the network should drop what comes, because this thread is behind.</summary>
    internal bool IsFlooded => Volatile.Read(ref _waiting) > MostWaiting;

    internal void Post(in LoopInput input)
    {
        Interlocked.Increment(ref _waiting);
        _inputs.Writer.TryWrite(input);
    }

    /// <summary>State of the edge for the cluster.</summary>
    public Task<EdgeReport> Report()
    {
        var report = new TaskCompletionSource<EdgeReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new LoopInput(LoopInputKind.Report, report));
        return report.Task;
    }

    /// <summary>The SIP dialogs of live calls: those of these Call-IDs, or of these calls.</summary>
    public Task<List<(string SipCallId, CallId Call)>> Dialogs(IReadOnlySet<string>? sipCallIds, IReadOnlySet<CallId>? calls)
    {
        var found = new TaskCompletionSource<List<(string, CallId)>>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new LoopInput(LoopInputKind.Run, (Action<long>)(_ => found.TrySetResult(_calls.Dialogs(sipCallIds, calls)))));
        return found.Task;
    }

    /// <summary>An order of the cluster for one call.</summary>
    public void Order(CallId call, CallCommand command) => Post(new LoopInput(LoopInputKind.Order, command, call));

    /// <summary>Done when what was posted before is done: this thread lives.</summary>
    public Task Turn()
    {
        var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new LoopInput(LoopInputKind.Run, (Action<long>)(_ => turn.TrySetResult())));
        return turn.Task;
    }

    /// <summary>This life was missed: its calls are others', so they end here without a word to their peers, and another life begins.</summary>
    /// <param name="sure">Until when the cluster surely knew this life: what began later it may have let in and not given to anybody, so that it ends as calls do.</param>
    public void Disown(string missed, DateTimeOffset sure) => Post(new LoopInput(LoopInputKind.Run, (Action<long>)(now =>
    {
        if (!_life.Renew(missed)) return;
        // Nobody else rings for these.
        _callBacks.End(now);
        var calls = _calls.All();
        Disowned(_log, calls.Length);
        foreach (var call in calls)
        {
            if (call.Since > sure)
            {
                End(now, call, CallEndReason.EdgeLost);
                continue;
            }
            call.Disown(now);
            Pump(now, call);
        }
    })));

    /// <summary>Ends the calls that there are now.</summary>
    public void EndCalls() => Post(new LoopInput(LoopInputKind.Run, (Action<long>)(now =>
    {
        _callBacks.End(now);
        foreach (var call in _calls.All()) End(now, call, CallEndReason.Shutdown);
    })));

    /// <summary>Ends all calls; done when the cluster knows the end of each, and each peer was told.</summary>
    public Task Drain()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(new LoopInput(LoopInputKind.Drain, drained));
        return drained.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _inputs.Writer.TryComplete();
        await _run;
        await _timer.DisposeAsync();
    }

    private async Task Run()
    {
        var reader = _inputs.Reader;
        while (await reader.WaitToReadAsync())
        {
            while (reader.TryRead(out var input))
            {
                Interlocked.Decrement(ref _waiting);
                Step(input);
            }
            Arm();
        }
    }

    private void Step(in LoopInput input)
    {
        var now = Now;
        try
        {
            Handle(now, input);
            Flush(now);
            if (_agent.NextDeadline <= now) _agent.Tick(now);
            if (_trunks.NextDeadline <= now) _trunks.Tick(now);
            if (_callBacks.NextDeadline <= now) _callBacks.Tick(now);
            while (_legTimers.TakeDue(now) is { } leg) Tick(now, leg);
            Flush(now);
            // A dialog outlives its call where its BYE has to wait for the ACK (RFC 3261 15), and an INVITE of ours where its CANCEL has to wait.
            if (_drained is not null && _calls.Count == 0 && _callBacks.Count == 0 && _agent.Calls == 0 && _agent.Cancelling == 0 && !_trunks.IsEnding) _drained.TrySetResult();
        }
#pragma warning disable CA1031 // One call's internal error must not end all others.
        catch (Exception e)
#pragma warning restore CA1031
        {
            InternalError(_log, input.Kind, e.GetType().Name, e.StackTrace ?? "");
            _agent.Outputs.Sends.Clear();
            _agent.Outputs.Signals.Clear();
            _lost.Clear();
            // The call whose turn it was is in an unknown state: it ends, so that its ports come free.
            if (input is { Kind: LoopInputKind.Media or LoopInputKind.Reply, Subject: CallLeg { IsOver: false } leg }) Post(new LoopInput(LoopInputKind.Fail, leg));
        }
    }

    private void Handle(long now, in LoopInput input)
    {
        switch (input.Kind)
        {
            case LoopInputKind.Message:
                _agent.Receive(now, (SipMessage)input.Subject!, input.Peer!);
                break;
            case LoopInputKind.Refused:
                _agent.Refuse((SipRequest)input.Subject!, input.Number, input.Peer!);
                break;
            case LoopInputKind.CloseStream:
                _transports.Close(input.Peer!);
                break;
            case LoopInputKind.StreamGone:
                _agent.ConnectionLost(now, input.Peer!.Connection);
                break;
            case LoopInputKind.Media:
                var leg = (CallLeg)input.Subject!;
                leg.Heard(now, input.Media);
                Pump(now, leg);
                break;
            case LoopInputKind.Reply:
                Replied(now, (CallLeg)input.Subject!, (CallReply?)input.Detail);
                break;
            case LoopInputKind.Order:
                Ordered(now, (CallId)input.Detail!, (CallCommand)input.Subject!);
                break;
            case LoopInputKind.Fail:
                End(now, (CallLeg)input.Subject!, CallEndReason.Failed);
                break;
            case LoopInputKind.Run:
                ((Action<long>)input.Subject!)(now);
                break;
            case LoopInputKind.Timer:
                _armedFor = SipTimes.Never;
                break;
            case LoopInputKind.Report:
                ((TaskCompletionSource<EdgeReport>)input.Subject!).TrySetResult(_calls.Report(now));
                break;
            case LoopInputKind.Drain:
                _drained = (TaskCompletionSource)input.Subject!;
                _trunks.End(now);
                _callBacks.End(now);
                foreach (var open in _calls.All())
                {
                    End(now, open, CallEndReason.Shutdown);
                }
                break;
        }
    }

    private void Ordered(long now, CallId call, CallCommand command)
    {
        if (command is Originate originate) _callBacks.Begin(now, call, originate);
        else if (command is TakeOver takeOver) _takeOvers.Begin(now, call, takeOver);
        else if (command is EndDialogs dialogs) _takeOvers.End(now, dialogs);
        else if (command is HangUp && _calls.TryFind(call, out var leg)) End(now, leg, CallEndReason.OperatorHungUp);
        else if (command is HangUp) _callBacks.Cancel(now, call);
    }

    /// <summary>Sends and signals until nothing is left: a signal may bring new messages. Sends go first, so a 100 leaves before media is set up.</summary>
    private void Flush(long now)
    {
        var outputs = _agent.Outputs;
        while (outputs.Sends.Count > 0 || outputs.Signals.Count > 0)
        {
            foreach (var send in outputs.Sends)
            {
                if (!_transports.Send(send) && send.Peer.Reliable) _lost.Add(send.Peer.Connection);
            }
            outputs.Sends.Clear();
            foreach (var connection in _lost) _agent.ConnectionLost(now, connection);
            _lost.Clear();
            for (var i = 0; i < outputs.Signals.Count; i++) Guarded(now, outputs.Signals[i]);
            outputs.Signals.Clear();
        }
    }

    /// <summary>Hands a signal to its call. An internal error ends that call, so that its ports come free, and no other.</summary>
    private void Guarded(long now, in CallSignal signal)
    {
        try
        {
            Signalled(now, signal);
        }
#pragma warning disable CA1031 // One call's internal error must not end all others.
        catch (Exception e)
#pragma warning restore CA1031
        {
            InternalError(_log, LoopInputKind.Message, e.GetType().Name, e.StackTrace ?? "");
            if ((signal.Call.User as CallLeg ?? (signal.Call.User as BridgedLeg)?.Caller) is { } leg) Post(new LoopInput(LoopInputKind.Fail, leg));
            else if (signal.Call.User is not OriginatedCall) signal.Call.Reject(now, 500, null);
        }
    }

    private void End(long now, CallLeg leg, CallEndReason reason)
    {
        try
        {
            leg.HangUp(now, reason);
        }
#pragma warning disable CA1031 // As above: the leg is over all the same, and the others are to end too.
        catch (Exception e)
#pragma warning restore CA1031
        {
            InternalError(_log, LoopInputKind.Drain, e.GetType().Name, e.StackTrace ?? "");
        }
        Pump(now, leg);
    }

    private void Tick(long now, CallLeg leg)
    {
        try
        {
            leg.Tick(now);
            Pump(now, leg);
        }
#pragma warning disable CA1031 // As above.
        catch (Exception e)
#pragma warning restore CA1031
        {
            InternalError(_log, LoopInputKind.Timer, e.GetType().Name, e.StackTrace ?? "");
            Post(new LoopInput(LoopInputKind.Fail, leg));
        }
    }

    private void Signalled(long now, in CallSignal signal)
    {
        if (signal.Kind == CallSignalKind.Offered)
        {
            _intake.Admit(now, signal, _drained is not null);
            return;
        }
        if (signal.Call.User is BridgedLeg other)
        {
            other.Signalled(now, signal);
            Pump(now, other.Caller);
            return;
        }
        if (signal.Call.User is OriginatedCall own)
        {
            _callBacks.Signalled(now, own, signal);
            return;
        }
        if (signal.Call.User is not CallLeg leg) return;
        if (signal.Kind == CallSignalKind.Key) EdgeMetrics.InfoDigits.Inc();
        leg.Signalled(now, signal);
        Pump(now, leg);
    }

    /// <summary>A call whose identity is asked for waits until it was looked at, with 100 sent; its caller may hang up meanwhile.</summary>
    private void Admitted(long now, Arrival arrival)
    {
        if (arrival.Identity is not { } identity) Begin(now, arrival, arrival.Verdict);
        else _verification.Begin(identity, arrival.Trunk.Name, verdict => Resume(arrival.Call, at => Begin(at, arrival, verdict)));
    }

    /// <summary>Goes on with a call that comes in and waited. An internal error ends it, as in <see cref="Guarded"/>.</summary>
    private void Resume(SipCall call, Action<long> step) => Post(new LoopInput(LoopInputKind.Run, (Action<long>)(now =>
    {
        try
        {
            step(now);
        }
        catch
        {
            if (call.User is CallLeg leg) Post(new LoopInput(LoopInputKind.Fail, leg));
            else call.Reject(now, 500, null);
            throw;
        }
    })));

    private void Begin(long now, Arrival arrival, StirVerdict verdict)
    {
        if (_intake.Begin(now, arrival, verdict, _drained is not null) is { } leg) Began(now, leg);
    }

    private void Began(long now, CallLeg leg)
    {
        Began(_log, leg.Id.Value, leg.Peer.Trunk.Name, leg.Peer.Transport);
        Pump(now, leg);
    }

    private void Replied(long now, CallLeg leg, CallReply? reply)
    {
        if (reply is null) leg.Unreachable(now, _prompts.Contains(CallLeg.ErrorPrompt));
        else TakeReply(now, leg, reply);
        Pump(now, leg);
    }

    private void TakeReply(long now, CallLeg leg, CallReply reply)
    {
        var before = leg.IsVerified;
        leg.Replied(now, reply);
        if (leg.IsVerified && !before) _gate.Verified(now, leg.Caller);
    }

    /// <summary>After anything happened to a leg: its next event goes up, its deadline is noted, and when it is done it is forgotten.</summary>
    private void Pump(long now, CallLeg leg)
    {
        if (leg.TryTakeBridge(out var order)) _bridges.Begin(now, leg, order);
        if (leg.TryTakeRecording(out var recording)) _ = Record(leg, recording);
        if (leg.TryTakeKeep(out var dialog, out var other)) _ = Keep(leg, dialog, other);
        if (leg.TryTakeEvent(now, out var legEvent))
            ThreadPool.UnsafeQueueUserWorkItem(static work => _ = work.Loop.Deliver(work.Leg, work.Event), (Loop: this, Leg: leg, Event: legEvent), preferLocal: false);
        _legTimers.Schedule(leg);
        if (!leg.IsDone || !_calls.Remove(leg)) return;
        // Answered, confirmed and ended in order: its ACK carried a tag that only who hears us knows, so an honest peer is there.
        if (leg.WasCompleted) _trunks.Vouch(leg.Peer);
        if (leg.WasUnknown) _trunks.CalledInVain(leg.Peer);
        Finished(_log, leg.Id.Value, leg.EndReason);
    }

    private async Task Record(CallLeg leg, RecordingId id)
    {
        var aLaw = leg.Media.Codec == "PCMA";
        var recording = await Task.Run(() => _recordings.Begin(id, aLaw));
        Post(new LoopInput(LoopInputKind.Run, (Action<long>)(now =>
        {
            leg.RecordingBegan(id, recording);
            Pump(now, leg);
        })));
    }

    private async Task Keep(CallLeg leg, CallDialog dialog, CallDialog? other)
    {
        if (!await Task.Run(() => _cluster.Keep(leg.Id, leg.Epoch, dialog, other))) Post(new LoopInput(LoopInputKind.Run, (Action<long>)(_ => leg.NotKept())));
    }

    private async Task Deliver(CallLeg leg, LegEvent legEvent) => Post(new LoopInput(LoopInputKind.Reply, leg, await Handled(leg.Id, legEvent)));

    /// <summary>A call of ours that nobody answered has no leg: its end is told, and nothing comes of the answer.</summary>
    private async Task Tell(CallId call, CallEnded ended)
    {
        await Task.Run(() => Handled(call, new LegEvent(ended)));
        Post(new LoopInput(LoopInputKind.Run, (Action<long>)(_ => _callBacks.Told())));
    }

    private async Task<CallReply?> Handled(CallId call, LegEvent legEvent)
    {
        try
        {
            return await _cluster.Handle(call, legEvent);
        }
#pragma warning disable CA1031 // It never throws; if it does all the same, the leg must not wait for ever.
        catch (Exception e)
#pragma warning restore CA1031
        {
            InternalError(_log, LoopInputKind.Reply, e.GetType().Name, e.StackTrace ?? "");
            return null;
        }
    }

    private long Now => _time.GetElapsedTime(0).Ticks;

    /// <summary>One timer for all deadlines; it is touched only when the earliest one changes.</summary>
    private void Arm()
    {
        var next = Math.Min(Math.Min(_agent.NextDeadline, _legTimers.NextDeadline), Math.Min(_trunks.NextDeadline, _callBacks.NextDeadline));
        var now = Now;
        if (next == _armedFor && next > now) return;
        _armedFor = next;
        // Rounded up: a timer that fires early would find nothing due. Bounded: a time-out of days in a flow must not be more than a timer takes.
        _timer.Change(next == SipTimes.Never ? Timeout.InfiniteTimeSpan : TimeSpan.FromMilliseconds(Math.Ceiling(Math.Clamp(next - now, 0, TimeSpan.TicksPerHour) / (double)TimeSpan.TicksPerMillisecond)), Timeout.InfiniteTimeSpan);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the cluster missed this edge: its {Calls} calls were given to others and end here")]
    private static partial void Disowned(ILogger log, int calls);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Call} began on trunk {Trunk} over {Transport}")]
    private static partial void Began(ILogger log, string call, string trunk, SipTransport transport);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Call} finished: {Reason}")]
    private static partial void Finished(ILogger log, string call, CallEndReason reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "internal error while handling {Kind}: {Error}\n{Stack}")]
    private static partial void InternalError(ILogger log, LoopInputKind kind, string error, string stack);
}
