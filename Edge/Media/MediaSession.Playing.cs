using IvrActors.Grains.Interfaces.Flows;

namespace IvrActors.Edge.Media;

/// <summary>What is done with what plays: moving within it, and sounds that go on until something else is heard.</summary>
internal sealed partial class MediaSession
{
    public void Seek(int playId, TimeSpan by)
    {
        lock (_gate) _player.Seek(playId, (int)(by.TotalSeconds * Telephone.SampleRate));
    }

    public bool IsPlaying
    {
        get
        {
            lock (_gate) return !_player.IsIdle;
        }
    }

    public void TogglePause(int playId)
    {
        lock (_gate) _player.TogglePause(playId);
    }

    public void Ring() => Repeat(Ringback.Audio);

    public void Hold(PromptPart sound)
    {
        var audio = new List<PromptAudio>();
        _engine.Prompts.Resolve(sound, audio);
        // One that has nothing to be heard would never end a frame.
        Repeat(audio is [var one, ..] && one.Bytes(aLaw: false).Length > 0 ? one : Ringback.Audio);
    }

    private void Repeat(PromptAudio audio)
    {
        lock (_gate)
        {
            if (IsOpus) audio.PrepareOpus();
            if (!_closed) _player.Repeat(audio);
        }
    }
}
