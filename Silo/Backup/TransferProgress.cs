using System.Globalization;

namespace IvrActors.Silo.Backup;

/// <summary>Tells how far a backup or a restore is, every few seconds.</summary>
/// <param name="told">Null: to nobody.</param>
internal sealed class TransferProgress(TextWriter? told, TimeProvider time)
{
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(5);

    private readonly long _started = time.GetTimestamp();
    private long _last = time.GetTimestamp();

    public long Rows { get; private set; }

    public long Bytes { get; private set; }

    public void Add(long rows, long bytes)
    {
        Rows += rows;
        Bytes += bytes;
        // The clock costs more than a row.
        if (told is null || Rows % 256 != 0 || time.GetElapsedTime(_last) < s_period) return;
        _last = time.GetTimestamp();
        told.WriteLine(Text());
    }

    /// <summary><c>200000 rows, 61.3 MB, 48211 rows/s, 14.8 MB/s</c></summary>
    public string Text()
    {
        var seconds = Math.Max(time.GetElapsedTime(_started).TotalSeconds, 0.001);
        return string.Create(CultureInfo.InvariantCulture, $"{Rows} rows, {Bytes / 1e6:F1} MB, {Rows / seconds:F0} rows/s, {Bytes / 1e6 / seconds:F1} MB/s");
    }
}
