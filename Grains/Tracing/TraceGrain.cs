using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Tracing;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace IvrActors.Grains.Tracing;

/// <summary>Holds what edges publish until the operator who asked for it reads it, in memory only. Reentrant, so that edges do not wait for the reader.</summary>
[Reentrant]
internal sealed partial class TraceGrain(TimeProvider time, ILogger<TraceGrain> logger) : Grain, ITraceGrain
{
    private static readonly TimeSpan s_look = TimeSpan.FromSeconds(5);

    private readonly TraceBuffer _buffer = new();
    private TraceRequest? _request;
    private string _reader = "";
    private TraceEnd _end;
    private bool _isRunning;
    private long _startedAt;
    private long _readAt;

    private string Id => this.GetPrimaryKeyString()[ITraceGrain.Key("").Length..];

    private ITraceDirectoryGrain Directory => GrainFactory.GetGrain<ITraceDirectoryGrain>(ITraceDirectoryGrain.Key);

    public async Task<TraceStarted> Start(TraceRequest request)
    {
        if (_request is not null) return Refuse(TraceRefusal.Started);
        if (!TraceRules.MayBeAsked(request) || Id.Length < 16) return Refuse(TraceRefusal.BadRequest);
        _request = request;
        _reader = RequestActor.Current;
        // First the record: what cannot be audited is not done.
        try
        {
            await Record("trace.started", AuditResult.Success, TraceRules.Describe(request));
        }
        catch
        {
            _request = null;
            throw;
        }
        (_startedAt, _readAt, _isRunning) = (time.GetTimestamp(), time.GetTimestamp(), true);
        List<string>? edges = null;
        try
        {
            edges = await Directory.Add(new TraceOrder { Id = Id, Filter = request.Filter, Left = request.Lasting });
        }
        finally
        {
            if (edges is null) _isRunning = false;
        }
        if (edges is null)
        {
            await Record("trace.ended", AuditResult.Failure, "too many");
            return Refuse(TraceRefusal.TooMany);
        }
        // It may have been stopped meanwhile, before the directory had it.
        if (!_isRunning) await Forget();
        else this.RegisterGrainTimer(Look, new GrainTimerCreationOptions { DueTime = s_look, Period = s_look, Interleave = true });
        TraceMetrics.Started.WithLabels("started").Inc();
        return new TraceStarted { Refusal = TraceRefusal.None, Edges = edges };
    }

    public async Task<TraceView> Read()
    {
        // Only who is named in the record of the start reads it.
        if (_request is null || RequestActor.Current != _reader) return new TraceView { Messages = [], Dropped = 0, End = TraceEnd.Unknown };
        await Look();
        _readAt = time.GetTimestamp();
        var messages = _buffer.Take();
        return new TraceView { Messages = messages, Dropped = _buffer.Dropped, End = _buffer.IsEmpty ? _end : TraceEnd.None };
    }

    public Task Stop() => _request is not null && RequestActor.Current == _reader ? Over(TraceEnd.Stopped) : Task.CompletedTask;

    public async Task<bool> Publish(TraceBatch batch)
    {
        await Look();
        if (!_isRunning)
        {
            // Edges go on because the directory has it: the activation that was to take it out is gone, or could not.
            await Forget();
            return false;
        }
        if (batch.Messages.Count > TraceBatch.MostMessages) return true;
        var left = _request!.MostMessages - _buffer.Total;
        _buffer.Add(batch.Messages.Take((int)Math.Min(left, batch.Messages.Count)), batch.Dropped);
        await Look();
        return _isRunning;
    }

    private async Task Forget()
    {
        try
        {
            await Directory.Remove(Id);
        }
        catch (Exception e)
        {
            LogEnd(e.GetType().Name);
        }
    }

    /// <summary>Ends it when it is over.</summary>
    private Task Look()
    {
        if (!_isRunning) return Task.CompletedTask;
        var end = TraceRules.EndOf(_request!, time.GetElapsedTime(_startedAt), time.GetElapsedTime(_readAt), _buffer.Total);
        return end == TraceEnd.None ? Task.CompletedTask : Over(end);
    }

    private async Task Over(TraceEnd end)
    {
        if (!_isRunning) return;
        (_isRunning, _end) = (false, end);
        try
        {
            await Directory.Remove(Id);
            await Record("trace.ended", AuditResult.Success, FormattableString.Invariant($"{end}: {_buffer.Total} messages"));
        }
        catch (Exception e)
        {
            // It is over all the same: edges hear so with their next batch.
            LogEnd(e.GetType().Name);
        }
        if (end == TraceEnd.NobodyReads) DeactivateOnIdle();
    }

    private Task<long> Record(string action, AuditResult result, string detail) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster))
        .Append(new AuditEntry { Actor = _reader, Action = action, Result = result, Object = "trace-" + Id[..8], Detail = detail });

    private static TraceStarted Refuse(TraceRefusal refusal)
    {
        TraceMetrics.Started.WithLabels("refused").Inc();
        return new TraceStarted { Refusal = refusal, Edges = [] };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the end of a trace could not be told or recorded ({Failure})")]
    private partial void LogEnd(string failure);
}
