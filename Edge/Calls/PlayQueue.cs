using IvrActors.Edge.Media;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Calls;

/// <summary>What a call plays, in order, and what a key does to it.</summary>
public sealed class PlayQueue(IMediaSession session)
{
    private readonly List<Entry> _entries = [];
    private int _lastId;

    public bool IsEmpty => _entries.Count == 0;

    /// <summary>Whether a key now stops what plays (true) or is discarded (false).</summary>
    public bool BargeIn => IsEmpty || _entries[0].BargeIn;

    /// <summary>Number of the play whose start is the answer to the last input.</summary>
    public int LastId => _lastId;

    /// <summary>Plays behind what plays; returns the number of this play.</summary>
    public int Add(List<PromptPart> prompts, bool bargeIn, PlayControls? controls = null)
    {
        var id = ++_lastId;
        _entries.Add(new Entry(id, bargeIn, prompts, controls));
        session.Play(prompts, id);
        return id;
    }

    /// <summary>A play left: it and what stood before it is over.</summary>
    public void Ended(int id) => _entries.RemoveAll(entry => entry.Id <= id);

    public bool Contains(int id) => _entries.Exists(entry => entry.Id == id);

    /// <summary>Stops all that allows it up to the first that does not, which then plays at once.</summary>
    public void Interrupt()
    {
        if (IsEmpty) return;
        session.Stop();
        var keep = _entries.FindIndex(entry => !entry.BargeIn);
        _entries.RemoveRange(0, keep < 0 ? _entries.Count : keep);
        foreach (var entry in _entries) session.Play(entry.Prompts, entry.Id);
    }

    /// <summary>Moves within what plays, where the key is for that.</summary>
    public bool Control(char key)
    {
        if (IsEmpty || _entries[0] is not { Controls: { } controls } entry) return false;
        if (key == controls.Back) session.Seek(entry.Id, -controls.Step);
        else if (key == controls.Forward) session.Seek(entry.Id, controls.Step);
        else if (key == controls.Pause) session.TogglePause(entry.Id);
        else return false;
        return true;
    }

    public void Clear()
    {
        if (!IsEmpty) session.Stop();
        _entries.Clear();
    }

    private sealed record Entry(int Id, bool BargeIn, List<PromptPart> Prompts, PlayControls? Controls);
}
