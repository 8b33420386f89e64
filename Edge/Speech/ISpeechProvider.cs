using IvrActors.Edge.Media;

namespace IvrActors.Edge.Speech;

/// <summary>Turns text into audio: a program of this machine or a service of the network. Safe for several threads at once.</summary>
public interface ISpeechProvider
{
    /// <summary>From a closed set: it is a metric label.</summary>
    string Name { get; }

    /// <summary>Whether there is something to ask. That it answers is known only when it has.</summary>
    bool IsAvailable { get; }

    /// <summary>All that decides how a text of this language sounds, but the text: speech that was kept is used again only for the same.</summary>
    string VoiceOf(string language);

    /// <summary>Renders one text, or says why not. Never throws, but for cancellation.</summary>
    Task<SpeechAnswer> RenderAsync(string text, string language, CancellationToken cancellation);
}

/// <summary>Audio, or why there is none.</summary>
public readonly struct SpeechAnswer
{
    private SpeechAnswer(WavFile? audio, SpeechFailure failure) => (Audio, Failure) = (audio, failure);

    /// <summary>At any rate that <see cref="WavFile"/> reads.</summary>
    public WavFile? Audio { get; }

    public SpeechFailure Failure { get; }

    public static implicit operator SpeechAnswer(WavFile audio) => new(audio, SpeechFailure.None);

    public static implicit operator SpeechAnswer(SpeechFailure failure) => new(null, failure);
}

/// <summary>Why a text was not rendered.</summary>
public enum SpeechFailure
{
    None = 0,

    /// <summary>No such program is installed, or it does not start.</summary>
    NotThere,

    /// <summary>No connection, or none whose certificate is trusted.</summary>
    Unreachable,

    /// <summary>The answer did not come whole in the time allowed.</summary>
    TimedOut,

    /// <summary>Another status than 200, or an exit code other than 0.</summary>
    Refused,

    /// <summary>The service wants us to ask somewhere else, which we do not.</summary>
    Redirected,

    /// <summary>The answer is no audio of a type that was asked for.</summary>
    WrongType,

    /// <summary>More bytes or seconds than a prompt may have.</summary>
    TooLong,

    /// <summary>The connection or the audio ended before what was announced.</summary>
    Truncated,

    /// <summary>No WAV file, or of a format that cannot be played.</summary>
    Malformed,
}
