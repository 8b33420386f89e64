using System.Text.RegularExpressions;

namespace IvrActors.SystemTests.Harness;

/// <summary>fail2ban's own reading of a log with the filter that we ship.</summary>
internal static partial class Fail2Ban
{
    /// <summary>The sources that it would ban, in the order of the log.</summary>
    public static async Task<string[]> Bans(IvrServer server)
    {
        var log = Path.Combine(server.Folder, "journal.log");
        await File.WriteAllTextAsync(log, server.Output + "\n");
        await using var process = new ChildProcess(Programs.Require("fail2ban-regex"), ["--out", "<ip>", log, Repository.At("deploy", "fail2ban", "filter.d", "ivractors.conf")], server.Folder);
        await process.WaitForExit(Eventually.Limit);
        return [.. Address().Matches(process.Output).Select(match => match.Value)];
    }

    [GeneratedRegex(@"^[0-9a-f:.]+(/\d+)?$", RegexOptions.Multiline)]
    private static partial Regex Address();
}
