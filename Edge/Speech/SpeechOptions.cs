using IvrActors.Grains.Interfaces;

namespace IvrActors.Edge.Speech;

/// <summary>What <c>cluster.yaml</c> says about text to speech.</summary>
public sealed class SpeechOptions
{
    public SpeechEngine Engine { get; init; } = SpeechEngine.Espeak;

    /// <summary>The engine's names of voices, by language; a language without one is spoken by the engine's own choice.</summary>
    public IReadOnlyDictionary<string, string> Voices { get; init; } = new Dictionary<string, string>();

    /// <summary>Where an HTTP service is asked. From the configuration only: no flow and no caller names it.</summary>
    public Uri? Address { get; init; }

    /// <summary>Sent as <c>Authorization: Bearer</c> (RFC 6750 2.1); null: no authorization.</summary>
    public Secret<char>? Token { get; init; }

    /// <summary>For one text, from the question to the last byte. A sentence takes milliseconds; a caller does not wait for longer.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes of one answer: about 90 s of speech at 22.05 kHz.</summary>
    public int MostBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Texts that are rendered at once. Rendering is rare and must not take the cores from the media.</summary>
    public int AtOnce { get; init; } = 1;

    /// <summary>What rendered speech is encrypted with on the disk; null: nothing is kept there.</summary>
    public Secret<byte>? CacheKey { get; init; }

    /// <summary>Bytes that rendered speech may take on the disk: over four hours of it.</summary>
    public long CacheBytes { get; init; } = 256L * 1024 * 1024;
}

public enum SpeechEngine
{
    /// <summary>The program <c>espeak-ng</c>, where it is installed.</summary>
    Espeak = 0,

    /// <summary>A service that is asked by HTTP.</summary>
    Http,

    /// <summary>None: what the recorded vocabulary does not cover cannot be said.</summary>
    Off,
}
