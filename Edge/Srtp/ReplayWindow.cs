namespace IvrActors.Edge.Srtp;

/// <summary>Which of the last 128 packet indices were seen (RFC 3711 3.3.2 asks for at least 64).</summary>
public struct ReplayWindow
{
    public const int Size = 128;

    private UInt128 _seen;
    private ulong _highest;
    private bool _any;

    public readonly bool IsNew(ulong index)
    {
        if (!_any || index > _highest) return true;
        var behind = _highest - index;
        return behind < Size && (_seen >> (int)behind & UInt128.One) == UInt128.Zero;
    }

    /// <summary>Marks an index as seen. Only after the packet was authenticated.</summary>
    public void Commit(ulong index)
    {
        if (!_any || index > _highest)
        {
            var ahead = index - _highest;
            _seen = !_any || ahead >= Size ? UInt128.One : _seen << (int)ahead | UInt128.One;
            _highest = index;
            _any = true;
            return;
        }
        var behind = _highest - index;
        if (behind < Size) _seen |= UInt128.One << (int)behind;
    }
}
