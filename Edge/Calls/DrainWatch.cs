using IvrActors.Edge.Admission;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace IvrActors.Edge.Calls;

/// <summary>
/// Drains this edge when the cluster says so: no new calls, those that there are go on until they end or the deadline has passed, then a process that is nothing but
/// an edge ends. One that has other roles stays, and goes on refusing, until it is told to take calls again. A process that ends drains whatever the cluster says.
/// </summary>
internal sealed partial class DrainWatch(EdgeOptions options, EdgeLoop loop, CallGate gate, EdgeReadiness readiness, TimeProvider time, ILogger<DrainWatch> log, IHostApplicationLifetime? lifetime = null) : IEdgeDrain
{
    private readonly Lock _lock = new();
    private DateTimeOffset? _until;
    private bool _over;
    private bool _ending;

    public int ActiveCalls => loop.ActiveCalls;

    /// <summary>The process ends: no new calls, and nothing lets them in again.</summary>
    public void End()
    {
        lock (_lock)
        {
            _ending = true;
            gate.Drain(true);
            readiness.Draining();
        }
    }

    public void EndCalls() => loop.EndCalls();

    /// <summary>What the cluster wants.</summary>
    /// <param name="until">When calls that are left are ended; null: take calls.</param>
    public void Take(DateTimeOffset? until)
    {
        lock (_lock)
        {
            if (_ending) return;
            if (until is null && _until is not null) Began(log, "taking calls again", 0);
            if (until is not null && _until is null) Began(log, "draining", loop.ActiveCalls);
            if (until is null != _until is null)
            {
                gate.Drain(until is not null);
                readiness.Draining(until is not null);
            }
            if (until is null) _over = false;
            _until = until;
        }
    }

    /// <summary>Ends what is left when it is time. To be asked every few seconds, also while the cluster cannot be reached.</summary>
    public void Check()
    {
        if (_until is not { } until || _over) return;
        if (loop.ActiveCalls > 0)
        {
            if (time.GetUtcNow() >= until) loop.EndCalls();
            return;
        }
        _over = true;
        Began(log, "drained", 0);
        if (options.EndsWhenDrained) lifetime?.StopApplication();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "this edge is {State}; {Calls} calls go on")]
    private static partial void Began(ILogger log, string state, int calls);
}
