using System.Globalization;
using System.Text;

namespace IvrActors.Edge.Sdp;

/// <summary>The lines of DTLS (RFC 8122, 8842), of a lite ICE agent (RFC 8839) and of grouping (RFC 9143).</summary>
public static partial class SdpWriter
{
    /// <summary>RFC 8445 5.1.2: type preference of host candidates, then ours among the addresses, then component 1.</summary>
    private const uint HostPreference = 126;

    private static void WriteSessionTransport(Output output, SdpOurDtls? ours, string? bundledMid)
    {
        if (bundledMid is not null) output.Line($"a=group:BUNDLE {bundledMid}");
        if (ours?.Ice is not null) output.Line($"a=ice-lite");
    }

    private static void WriteTransport(Output output, SdpLocal local, SdpOurDtls ours, string? mid)
    {
        if (mid is not null) output.Line($"a=mid:{mid}");
        output.Line($"a=setup:{NameOf(ours.Setup)}");
        WriteFingerprint(output, ours.Fingerprint);
        if (ours.TlsId is { } id) output.Line($"a=tls-id:{id}");
        if (ours.Ice is not { } ice) return;
        output.Line($"a=ice-ufrag:{ice.Fragment}");
        output.Write("a=ice-pwd:"u8);
        output.Write(ice.ExposePassword());
        output.Write("\r\n"u8);
        for (var i = 0; i < ours.Candidates.Count; i++)
        {
            var priority = HostPreference << 24 | (uint)(65535 - i) << 8 | 255;
            output.Line($"a=candidate:{i + 1} 1 udp {priority} {ours.Candidates[i]} {local.RtpPort} typ host");
        }
        output.Line($"a=end-of-candidates");
    }

    private static void WriteFingerprint(Output output, SdpFingerprint fingerprint)
    {
        var text = new StringBuilder("a=fingerprint:").Append(fingerprint.Hash switch { SdpHash.Sha384 => "sha-384", SdpHash.Sha512 => "sha-512", _ => "sha-256" }).Append(' ');
        for (var i = 0; i < fingerprint.Value.Length; i++) text.Append(i == 0 ? "" : ":").Append(fingerprint.Value[i].ToString("X2", CultureInfo.InvariantCulture));
        output.Line($"{text.ToString()}");
    }

    private static string NameOf(SdpSetup setup) => setup switch
    {
        SdpSetup.Active => "active",
        SdpSetup.Passive => "passive",
        _ => "actpass",
    };
}
