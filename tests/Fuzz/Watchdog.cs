namespace IvrActors.Fuzz;

/// <summary>Ends the process with the input when one never returns: nothing else can interrupt it.</summary>
internal sealed class Watchdog : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _name;
    private readonly Timer _timer;
    private ReadOnlyMemory<byte> _input;
    private long _count;
    private long _seen = -1;

    internal Watchdog(string name)
    {
        _name = name;
        _timer = new Timer(_ => Look(), null, Patience, Patience);
    }

    internal void Begin(ReadOnlyMemory<byte> input)
    {
        _input = input;
        Volatile.Write(ref _count, _count + 1);
    }

    public void Dispose() => _timer.Dispose();

    private void Look()
    {
        var count = Volatile.Read(ref _count);
        if (count == _seen)
            Environment.FailFast($"{_name}: one input hangs: {Convert.ToHexString(_input.Span)}");
        _seen = count;
    }
}
