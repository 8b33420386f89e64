using System.Text.RegularExpressions;

namespace IvrActors.SystemTests.Harness;

/// <summary>The repository's own <c>cluster.yaml</c> with other ports and folders, so that what is tested is what is shipped.</summary>
internal static class ClusterFile
{
    /// <summary>Server, counterparts and test share a few cores, and a first call is slow: that calls are turned away under load is shown by tests of the edge and by the flood.</summary>
    private const string NeverShed = "overload: { cpu: 100, loop_delay: 5s, grain_latency: 30s }\n";

    public static string Adapt(string yaml, ClusterPorts ports)
    {
        yaml = NeverShed + yaml;
        yaml = Replace(yaml, @"flows: flows\b", $"flows: {Repository.At("flows")}");
        yaml = Replace(yaml, @"prompts: flows/prompts\b", $"prompts: {Repository.At("flows", "prompts")}");
        yaml = Replace(yaml, "udp: 5060, tcp: 5060, tls: 5061, wss: 7443", $"udp: {ports.Sip}, tcp: {ports.Sip}, tls: {ports.Tls}, ws: {ports.Ws}, wss: {ports.Wss}");
        yaml = Replace(yaml, "wss://127.0.0.1:7443/sip", $"wss://127.0.0.1:{ports.Wss}/sip");
        yaml = Replace(yaml, "first: 20000, last: 29999", $"first: {ports.Media}, last: {ports.LastMedia}");
        yaml = Replace(yaml, "port: 8443", $"port: {ports.Dashboard}");
        yaml = Replace(yaml, "port: 9464", $"port: {ports.Metrics}");
        yaml = Replace(yaml, "port: 11111", $"port: {ports.Silo}");
        yaml = Replace(yaml, "port: 30000", $"port: {ports.Gateway}");
        // Long enough to outlive a restart on a slow machine.
        return Replace(yaml, "first: 30s", "first: 30m");
    }

    /// <summary>With these trunks, indented as list items of <c>trunks</c>, in place of the shipped one.</summary>
    public static string WithTrunks(string yaml, string trunks) => Replace(yaml, @"(?s)      - name: loopback\b.*?\n\n", string.Concat(trunks.Split('\n').Select(line => "      " + line + "\n")) + "\n");

    private static string Replace(string yaml, string pattern, string by)
    {
        Assert.True(Regex.IsMatch(yaml, pattern), $"cluster.yaml has no '{pattern}'");
        return Regex.Replace(yaml, pattern, by.Replace("$", "$$", StringComparison.Ordinal));
    }
}

internal sealed record ClusterPorts(int Sip, int Tls, int Ws, int Wss, int Dashboard, int Metrics, int Silo, int Gateway, int Media)
{
    public const int UsualMediaCount = 200;

    public int MediaCount { get; init; } = UsualMediaCount;

    public int LastMedia => Media + MediaCount - 1;
}
