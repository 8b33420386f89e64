namespace IvrActors.SystemTests.Harness;

/// <summary>Calls of a trunk, one after the other for as long as a test wants: each must be answered, heard and ended as it should be.</summary>
internal sealed class HonestCalls : IAsyncDisposable
{
    private readonly RtpListener _phone;
    private readonly Task _calling;
    private int _made;
    private volatile bool _enough;

    private HonestCalls(IvrServer server, string from)
    {
        _phone = new RtpListener(from);
        _calling = CallOn(server, from);
    }

    public int Made => Volatile.Read(ref _made);

    /// <summary>Begins, and comes back when the first call is over.</summary>
    public static async Task<HonestCalls> Begin(IvrServer server, string from)
    {
        var calls = new HonestCalls(server, from);
        await calls.One(server);
        return calls;
    }

    /// <summary>Waits until a call that begins now is over.</summary>
    public async Task One(IvrServer server)
    {
        var wanted = Made + 2; // The one that goes on may have begun before.
        await Eventually.Holds(() => Task.FromResult(Made >= wanted || _calling.IsCompleted), "another call", () => server.Output);
        if (_calling.IsCompleted) await _calling;
    }

    /// <summary>Ends with the call that goes on; how many there were. Throws what went wrong in any.</summary>
    public async Task<int> End()
    {
        _enough = true;
        await _calling;
        return Made;
    }

    public async ValueTask DisposeAsync()
    {
        _enough = true;
        // A failure was thrown by End, or another one is more to the point.
        await _calling.ContinueWith(_ => { }, TaskScheduler.Default);
        await _phone.DisposeAsync();
    }

    private async Task CallOn(IvrServer server, string from)
    {
        while (!_enough)
        {
            var heard = _phone.Packets;
            await using var call = await Sipp.Call(server, _phone.Port, [new(TimeSpan.FromSeconds(0.5), "")], SippEnd.HangUp, number: $"caller{_made}", from: from);
            if (await call.WaitForExit(Eventually.Limit) != 0) Assert.Fail($"call {_made + 1}: {Errors(server)}\n{call.Tail()}\n--- server:\n{server.Output}");
            Assert.True(_phone.Packets > heard, "the call was silent");
            Interlocked.Increment(ref _made);
        }
    }

    /// <summary>What sipp found wrong, with the message that it did not expect.</summary>
    private static string Errors(IvrServer server) => string.Join('\n', Directory.EnumerateFiles(server.Folder, "*.err").Select(File.ReadAllText));
}
