using System.Text;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Delivery;

/// <summary>Writes each code as a line of JSON, for the person who develops a flow. Refused outside of development.</summary>
/// <param name="file">Full path; empty: standard output.</param>
internal sealed class SinkProvider(string file) : ICodeProvider
{
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(2);

    public async Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation)
    {
        using var line = new MemoryStream();
        CodeJson.Write(line, message);
        if (file.Length == 0)
        {
            await Console.Out.WriteLineAsync(Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length));
            return DeliveryResult.Sent;
        }
        line.WriteByte((byte)'\n');
        PrivateFiles.CreateIfMissing(file);
        await using var stream = new FileStream(file, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        await stream.WriteAsync(line.GetBuffer().AsMemory(0, (int)line.Length), cancellation);
        return DeliveryResult.Sent;
    }
}
