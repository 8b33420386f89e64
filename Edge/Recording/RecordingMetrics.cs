using Prometheus;

namespace IvrActors.Edge.Recording;

/// <summary>The recording part of the edge's metrics.</summary>
internal static class RecordingMetrics
{
    public static readonly Gauge Active = Metrics.CreateGauge("ivr_recordings_active", "Recordings that are being written.");

    public static readonly Counter Ended = Metrics.CreateCounter("ivr_recordings_ended_total", "Recordings ended, by whether all of it was written.", "result");

    public static readonly Counter Refused = Metrics.CreateCounter("ivr_recordings_refused_total", "Recordings that did not begin: no key, or no file.");

    public static readonly Counter Dropped = Metrics.CreateCounter("ivr_recording_dropped_frames_total", "Frames of 20 ms that are silence in a recording, because the disk did not follow.");

    public static readonly Counter Expired = Metrics.CreateCounter("ivr_recordings_expired_total", "Recordings deleted at the end of the retention period.");

    public static readonly Gauge LastSweep = Metrics.CreateGauge("ivr_recording_retention_last_run_timestamp_seconds", "When the retention of recordings was last enforced.");
}
