using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using IvrActors.Edge.Recording;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Silo.Cluster;

namespace IvrActors.Silo.Commands;

/// <summary><c>ivr recording list</c> and <c>decrypt</c>; <c>ivr caller erase</c>.</summary>
internal static class RecordingCommands
{
    private const int HoursOfADay = 24;

    public static void AddTo(RootCommand root, Terminal terminal)
    {
        var recording = new Command("recording", "Recordings of calls.");
        var tenant = new Option<string>("--tenant") { Description = "Whose.", Required = true };
        var day = new Option<DateOnly>("--day")
        {
            Description = "The day (UTC) on which they began, such as 2026-11-02; without it: today.",
            DefaultValueFactory = _ => DateOnly.FromDateTime(DateTime.UtcNow),
        };
        var list = new Command("list", "Prints the recordings of a day: name, beginning, call, pseudonym of the caller, edge, length.") { tenant, day };
        list.SetAction(terminal, (parsed, cluster, _) => ClusterConnection.Use(cluster, terminal, grains => List(grains, parsed.GetRequiredValue(tenant), parsed.GetValue(day), terminal)));
        var name = new Argument<string>("name") { Description = "As printed by list." };
        var output = new Option<string>("--out") { Description = "The WAV file to be made: stereo G.711, left the caller.", Required = true };
        var reason = new Option<string>("--reason") { Description = "Why, for the ledger.", DefaultValueFactory = _ => "" };
        var decrypt = new Command("decrypt", "Decrypts a recording of this machine. Who does that, and why, is in the ledger first.") { name, output, reason };
        decrypt.SetAction(terminal, (parsed, cluster, _) =>
            Decrypt(cluster, parsed.GetRequiredValue(name), parsed.GetRequiredValue(output), parsed.GetValue(reason) ?? "", terminal));
        recording.Add(list);
        recording.Add(decrypt);
        root.Add(recording);
    }

    public static Command Erase(Terminal terminal)
    {
        var tenant = new Option<string>("--tenant") { Description = "Whose caller.", Required = true };
        var account = new Option<string?>("--account") { Description = "The account; the number that it was enrolled with is erased, too." };
        var number = new Option<string?>("--number") { Description = "Or a number in E.164, which need not be enrolled." };
        var erase = new Command("erase", "Destroys what is kept of a caller: factors, facts, and the keys of recordings, which nothing opens any more.") { tenant, account, number };
        erase.SetAction(terminal, (parsed, cluster, _) =>
            ClusterConnection.Use(cluster, terminal, grains => Erase(grains, parsed.GetRequiredValue(tenant), parsed.GetValue(account), parsed.GetValue(number), terminal)));
        return erase;
    }

    private static async Task<int> List(IGrainFactory grains, string tenant, DateOnly day, Terminal terminal)
    {
        var midnight = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        for (var hour = 0; hour < HoursOfADay; hour++)
        {
            foreach (var id in await grains.GetGrain<IRecordingIndexGrain>(IRecordingIndexGrain.Key(tenant, midnight.AddHours(hour))).List())
            {
                if (await grains.GetGrain<IRecordingGrain>(id.Value).Get() is { } found) await terminal.Output.WriteLineAsync(Line(found));
            }
        }
        return ExitCode.Done;
    }

    private static string Line(RecordingSummary recording)
    {
        var length = recording.Length is { } known ? string.Create(CultureInfo.InvariantCulture, $"seconds={known.TotalSeconds:F1} {(recording.Complete ? "complete" : "incomplete")}") : "open or cut short";
        return $"{recording.Recording} {recording.At.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)} {recording.Call} {recording.Owner} {(recording.Edge.Length > 0 ? recording.Edge : "-")} {length}";
    }

    private static async Task<int> Decrypt(ClusterFile cluster, string name, string output, string reason, Terminal terminal)
    {
        if (cluster.Recordings is not { } settings) return await Wrong("This cluster records nothing: cluster.yaml has no recordings.");
        if (!RecordingId.TryParse(name, out var id)) return await Wrong("That is no name of a recording. See: ivr recording list");
        var path = RecordingNames.PathOf(settings.Folder, id);
        if (!File.Exists(path)) return await Wrong("No file of this name is on this machine.");
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (RecordingReader.Open(file, out var reader) is not RecordingRejection.None and var rejection) return await Wrong($"The file is no recording of ours ({rejection}).");
        using (reader) return await ClusterConnection.Use(cluster, terminal, grains => Decrypt(grains, id, reader!, output, reason, terminal));

        async Task<int> Wrong(string message)
        {
            await terminal.Error.WriteLineAsync(message);
            return ExitCode.Findings;
        }
    }

    private static async Task<int> Decrypt(IGrainFactory grains, RecordingId id, RecordingReader reader, string output, string reason, Terminal terminal)
    {
        using var own = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        var opening = new RecordingOpening { WrappedKey = reader.Header.WrappedKey, To = SecretSealer.PublicKeyOf("once", own), Reason = reason };
        var answer = await grains.GetGrain<IRecordingGrain>(id.Value).Open(opening);
        using var key = answer is null ? null : SecretSealer.Open(own, id.Value, IRecordingGrain.OpenPurpose, answer);
        if (key is null)
        {
            await terminal.Error.WriteLineAsync("There is no key to it any more: the caller was erased, the recording expired, or the file is of another cluster.");
            return ExitCode.Findings;
        }
        reader.Unlock(key.Expose());
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        try
        {
            using var wav = new FileStream(output, options);
            var export = RecordingWav.Write(reader, wav);
            await terminal.Output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                $"{output}: {export.Length.TotalSeconds:F1} s, of which {export.Secret.TotalSeconds:F1} s are silent for secret input; {Told(export.End)}"));
            return export.End is RecordingCompleteness.Damaged ? ExitCode.Findings : ExitCode.Done;
        }
        catch (IOException e)
        {
            await terminal.Error.WriteLineAsync(e.Message);
            return ExitCode.Findings;
        }
    }

    private static string Told(RecordingCompleteness end) => end switch
    {
        RecordingCompleteness.Complete => "complete",
        RecordingCompleteness.CutShort => "cut short: it goes on, or whoever wrote it was ended",
        _ => "damaged: what follows was altered",
    };

    private static async Task<int> Erase(IGrainFactory grains, string tenant, string? account, string? number, Terminal terminal)
    {
        if (account is null == number is null)
        {
            await terminal.Error.WriteLineAsync("Name the caller by either --account or --number.");
            return ExitCode.Usage;
        }
        string? error;
        try
        {
            var key = await grains.GetGrain<IEnrolmentGrain>(IEnrolmentGrain.Key).KeyToErase(tenant, account is null ? null : new PersonalText(account), number is null ? null : new PhoneNumber(number));
            error = (await grains.GetGrain<ICallerGrain>(key.Value).Erase(tenant)).Error;
        }
        catch (ArgumentException)
        {
            error = "no such tenant";
        }
        if (error is null) await terminal.Output.WriteLineAsync("erased");
        else await terminal.Error.WriteLineAsync(error);
        return error is null ? ExitCode.Done : ExitCode.Findings;
    }
}
