using IvrActors.Dashboard.Recordings;
using IvrActors.Edge.Recording;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Silo.Hosting;

/// <summary>What this machine's edge recorded, for the dashboard of the same machine.</summary>
internal sealed class RecordingFiles(string folder) : IRecordingFiles
{
    public IRecordingFile? Open(RecordingId recording)
    {
        // The name becomes part of a path.
        if (!RecordingId.TryParse(recording.Value, out var id)) return null;
        try
        {
            var file = new FileStream(RecordingNames.PathOf(folder, id), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (RecordingChunks.Open(file, out var chunks) == RecordingRejection.None) return new Opened(chunks!);
            file.Dispose();
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private sealed class Opened(RecordingChunks chunks) : IRecordingFile
    {
        public byte[] WrappedKey => chunks.Header.WrappedKey;

        public void Unlock(ReadOnlySpan<byte> key) => chunks.Unlock(key);

        public Stream Play() => new RecordingStream(chunks);

        public RecordingOutline Outline(int columns)
        {
            var shape = RecordingShape.Of(chunks, columns);
            return new RecordingOutline
            {
                Seconds = shape.Seconds,
                Caller = [.. shape.Caller.Select(peak => (int)peak)],
                Heard = [.. shape.Heard.Select(peak => (int)peak)],
                Secret = [.. shape.Secret.Select(stretch => new[] { stretch.From, stretch.To })],
                Warning = shape.End switch
                {
                    RecordingCompleteness.Complete => null,
                    RecordingCompleteness.CutShort => "It was cut short: it goes on, or whoever wrote it was ended.",
                    _ => "It is damaged: what follows was altered.",
                },
            };
        }

        public void Dispose() => chunks.Dispose();
    }
}
