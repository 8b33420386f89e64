using Prometheus;

namespace IvrActors.Edge.Speech;

/// <summary>The text-to-speech part of the edge's metrics.</summary>
internal static class SpeechMetrics
{
    /// <summary>Labels are of closed sets: no text is a label.</summary>
    public static readonly Counter Texts = Metrics.CreateCounter("ivr_speech_texts_total", "Texts to be spoken, by engine and by what became of them.", "engine", "result");

    public static readonly Histogram Render = Metrics.CreateHistogram(
        "ivr_speech_render_seconds", "Time that a text took to be rendered; what was kept is not counted.",
        new HistogramConfiguration { Buckets = [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });

    public static string ResultOf(SpeechFailure failure) => failure switch
    {
        SpeechFailure.None => "rendered",
        SpeechFailure.NotThere => "not_there",
        SpeechFailure.Unreachable => "unreachable",
        SpeechFailure.TimedOut => "timed_out",
        SpeechFailure.Refused => "refused",
        SpeechFailure.Redirected => "redirected",
        SpeechFailure.WrongType => "wrong_type",
        SpeechFailure.TooLong => "too_long",
        SpeechFailure.Truncated => "truncated",
        _ => "malformed",
    };
}
