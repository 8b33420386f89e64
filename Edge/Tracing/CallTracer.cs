using System.Net;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Sip.Tracing;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace IvrActors.Edge.Tracing;

/// <summary>Masks what the tap took, off the threads that carry calls, and publishes it to the grains of the traces. Runs only while there is one.</summary>
internal sealed partial class CallTracer(EdgeOptions options, SipTap tap, SipTransports transports, EdgeLoop loop, EdgeToken token, IGrainFactory grains, TimeProvider time,
    ILogger<CallTracer> log) : IDisposable
{
    /// <summary>How long a message waits to travel with others: not seen by who watches.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private static readonly TimeSpan s_publishTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A reply to a report that was under way when a trace began does not know of it.</summary>
    private static readonly TimeSpan s_leastTime = TimeSpan.FromSeconds(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Running> _running = new(StringComparer.Ordinal);
    private readonly SipMasker _masker = new();
    private readonly CancellationTokenSource _stopping = new();
    private Task _work = Task.CompletedTask;
    private bool _isWorking;

    /// <summary>What the cluster wants traced now.</summary>
    public void Set(IReadOnlyList<TraceOrder> orders) => Set(orders, TimeSpan.Zero);

    /// <summary>As <see cref="Set(IReadOnlyList{TraceOrder})"/>, told in passing.</summary>
    public void Renew(IReadOnlyList<TraceOrder> orders) => Set(orders, s_leastTime);

    public async Task Stop()
    {
        await _stopping.CancelAsync();
        await _work;
        tap.Watches = null;
    }

    public void Dispose() => _stopping.Dispose();

    private void Set(IReadOnlyList<TraceOrder> orders, TimeSpan leastTime)
    {
        lock (_lock)
        {
            var gone = _running.Values.Where(trace => time.GetElapsedTime(trace.Since) >= leastTime && !orders.Any(order => order.Id == trace.Watch.Id)).ToList();
            var added = orders.Where(order => !_running.ContainsKey(order.Id) && order.Left > TimeSpan.Zero)
                .Select(order => TraceWatch.Of(order.Id, order.Filter) is { } watch ? new Running(watch, time.GetTimestamp(), order.Left) : null).OfType<Running>().ToList();
            if (gone.Count + added.Count == 0) return;
            foreach (var trace in gone) _running.Remove(trace.Watch.Id);
            foreach (var trace in added) _running[trace.Watch.Id] = trace;
            // What a thread put there while the last trace ended is not of this one.
            if (!_isWorking) Forget();
            tap.Watches = [.. _running.Values.Select(trace => trace.Watch)];
            if (_running.Count == 0 || _isWorking || _stopping.IsCancellationRequested) return;
            _isWorking = true;
            _work = Task.Run(Work);
        }
    }

    private async Task Work()
    {
        try
        {
            while (Current() is { Count: > 0 } traces)
            {
                await NameCalls(traces);
                var (messages, dropped) = tap.Buffer.Take(TraceBatch.MostMessages);
                TraceMetrics.Dropped.Inc(dropped);
                if (messages.Count > 0 || dropped > 0) await Publish(traces, messages, dropped);
                if (messages.Count < TraceBatch.MostMessages) await Task.Delay(s_pause, time, _stopping.Token);
            }
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The edge stops.
        }
#pragma warning disable CA1031 // Whatever it is: calls go on, and the next order begins anew.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failed(log, e.GetType().Name, e.StackTrace ?? "");
            lock (_lock)
            {
                _running.Clear();
                End();
            }
        }
    }

    /// <summary>The traces that go on; at the end of the last the work is over.</summary>
    private List<Running> Current()
    {
        lock (_lock)
        {
            foreach (var over in _running.Values.Where(trace => trace.IsOver || time.GetElapsedTime(trace.Since) >= trace.Left).ToList()) _running.Remove(over.Watch.Id);
            if (_running.Count == 0) End();
            else if (_running.Count != tap.Watches?.Count) tap.Watches = [.. _running.Values.Select(trace => trace.Watch)];
            return [.. _running.Values];
        }
    }

    /// <summary>Nothing is tapped any more, and nothing of what was is kept.</summary>
    private void End()
    {
        _isWorking = false;
        tap.Watches = null;
        Forget();
        tap.Names.Clear();
    }

    private void Forget()
    {
        foreach (var message in tap.Buffer.Take(int.MaxValue).Messages) message.Forget();
    }

    /// <summary>Of calls that are asked for by name, and were there before, the dialogs.</summary>
    private async Task NameCalls(List<Running> traces)
    {
        var wanted = traces.Where(trace => trace.Watch.Call is not null && !trace.IsNamed).ToList();
        if (wanted.Count == 0) return;
        if (await Dialogs(null, wanted.Select(trace => new CallId(trace.Watch.Call!)).ToHashSet()) is not { } dialogs) return;
        foreach (var (sipCallId, call) in dialogs) tap.Joined(call.Value, sipCallId);
        foreach (var trace in wanted) trace.IsNamed = true;
    }

    private async Task Publish(List<Running> traces, List<TappedMessage> messages, long dropped)
    {
        List<(TappedMessage Message, TracedMessage Shown)> shown;
        try
        {
            // Of calls that began before the trace the dialogs are not known yet.
            var unnamed = messages.Select(message => message.SipCallId).OfType<string>().Where(id => !tap.Names.Knows(id)).ToHashSet(StringComparer.Ordinal);
            if (unnamed.Count > 0)
            {
                foreach (var (sipCallId, call) in await Dialogs(unnamed, null) ?? []) tap.Joined(call.Value, sipCallId);
            }
            shown = messages.ConvertAll(message => (message, Show(message)));
        }
        finally
        {
            foreach (var message in messages) message.Forget();
        }
        foreach (var trace in traces)
        {
            var batch = shown.Where(pair => trace.Watch.Matches(pair.Message)).Select(pair => pair.Shown).ToList();
            if (batch.Count + dropped + trace.Lost > 0) await Publish(trace, batch, dropped);
        }
    }

    /// <summary>Null when the signalling thread is too far behind to tell: the messages are shown without the name of their call.</summary>
    private async Task<List<(string SipCallId, CallId Call)>?> Dialogs(IReadOnlySet<string>? sipCallIds, IReadOnlySet<CallId>? calls)
    {
        try
        {
            return await loop.Dialogs(sipCallIds, calls).WaitAsync(s_publishTimeout, time, _stopping.Token);
        }
        catch (TimeoutException e)
        {
            NotNamed(log, e.GetType().Name);
            return null;
        }
    }

    private async Task Publish(Running trace, List<TracedMessage> messages, long dropped)
    {
        try
        {
            RequestContext.Set(RoleToken.ContextKey, token.Value);
            var batch = new TraceBatch { Messages = messages, Dropped = dropped + trace.Lost };
            trace.IsOver = !await grains.GetGrain<ITraceGrain>(ITraceGrain.Key(trace.Watch.Id)).Publish(batch).WaitAsync(s_publishTimeout, time, _stopping.Token);
            trace.Lost = 0;
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            throw;
        }
#pragma warning disable CA1031 // Telemetry fails open, and counted.
        catch (Exception e)
#pragma warning restore CA1031
        {
            trace.Lost += messages.Count + dropped;
            TraceMetrics.Dropped.Inc(messages.Count);
            NotPublished(log, e.GetType().Name);
        }
    }

    private TracedMessage Show(TappedMessage message)
    {
        var masked = Mask(message);
        (masked.Bytes.Length > 0 ? TraceMetrics.Shown : TraceMetrics.NotShown).Inc();
        return new TracedMessage
        {
            Edge = options.Name,
            At = message.At,
            Direction = message.Kind switch { TapKind.Received => TraceDirection.Received, TapKind.Sent => TraceDirection.Sent, _ => TraceDirection.NotListenedTo },
            Transport = message.Transport.ToString().ToUpperInvariant(),
            Local = LocalOf(message).ToString(),
            Remote = message.Remote.ToString(),
            Trunk = message.Trunk?.Name ?? "",
            Call = message.SipCallId is { } id ? tap.Names[id] : "",
            Text = System.Text.Encoding.ASCII.GetString(masked.Bytes),
            Length = masked.Length,
            Method = masked.Method,
            OpenedByEdge = message.OpenedByUs,
            Fault = masked.Bytes.Length > 0 ? "" : SipRejections.NameOf(masked.Rejection),
        };
    }

    private MaskedSip Mask(TappedMessage message)
    {
        try
        {
            return _masker.Mask(message.Bytes, framed: message.Transport is SipTransport.Tcp or SipTransport.Tls);
        }
#pragma warning disable CA1031 // One message that shows an error of ours must not end the trace of the others: nothing of it is shown.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Failed(log, e.GetType().Name, e.StackTrace ?? "");
            return new MaskedSip([], "", message.Bytes.Length, SipRejection.None);
        }
    }

    private IPEndPoint LocalOf(TappedMessage message)
    {
        // Of a connection of ours the system chose the port. Any will do, if it is the same one for all of its messages.
        const int FirstEphemeral = 49152, Ephemerals = 16384;
        var port = message.OpenedByUs ? FirstEphemeral + (int)(message.Connection % Ephemerals) : transports.Address.PortOf(message.Transport);
        return new IPEndPoint(options.AddressOf(message.Remote.AddressFamily) ?? options.Address, port);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the calls of traced messages are not known: {Error}")]
    private static partial void NotNamed(ILogger log, string error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "messages of a trace were not published: {Error}")]
    private static partial void NotPublished(ILogger log, string error);

    [LoggerMessage(Level = LogLevel.Error, Message = "internal error while tracing: {Error}\n{Stack}")]
    private static partial void Failed(ILogger log, string error, string stack);

    private sealed class Running(TraceWatch watch, long since, TimeSpan left)
    {
        public TraceWatch Watch { get; } = watch;

        public long Since { get; } = since;

        public TimeSpan Left { get; } = left;

        /// <summary>The grain wants no more.</summary>
        public volatile bool IsOver;

        /// <summary>The dialogs that its call had at the start are known; further ones join by themselves.</summary>
        public bool IsNamed { get; set; }

        /// <summary>Messages that were lost and of which the grain does not know yet.</summary>
        public long Lost { get; set; }
    }
}
