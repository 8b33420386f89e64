using IvrActors.SystemTests.Harness;

namespace IvrActors.SystemTests;

/// <summary>The script that the dashboard takes from npm is committed as it was built, so that nobody needs npm for it and nobody can put anything else there.</summary>
public sealed class SoftphoneBundleTests
{
    [Fact]
    public async Task The_committed_script_is_byte_for_byte_what_its_lock_file_builds()
    {
        var npm = Programs.Require("npm");
        Programs.Require("node");
        var folder = Directory.CreateTempSubdirectory("ivr-softphone-").FullName;
        try
        {
            foreach (var file in (string[])["package.json", "package-lock.json", "entry.mjs", "build.mjs"]) File.Copy(Repository.At("Dashboard", "softphone", file), Path.Combine(folder, file));
            await Run(npm, ["ci", "--no-audit", "--no-fund", "--ignore-scripts"], folder);
            var built = Path.Combine(folder, "sip.js");
            await Run(npm, ["run", "build", "--", built], folder);
            Assert.Equal(await File.ReadAllBytesAsync(Repository.At("Dashboard", "assets", "sip.js")), await File.ReadAllBytesAsync(built));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Run(string program, string[] arguments, string folder)
    {
        await using var process = new ChildProcess(program, arguments, folder);
        Assert.True(await process.WaitForExit(Eventually.Limit) == 0, process.Output);
    }
}
