using IvrActors.Grains.Policies;

namespace IvrActors.Silo.Cluster;

/// <summary>Reads <c>devices</c>, with which callers approve calls. What each key means: docs/operations.md, "Devices of callers".</summary>
internal static class DeviceReader
{
    public static DevicePolicy Read(YamlMap map)
    {
        var origin = map.Text("origin", "an origin by name such as https://ivr.example:8443: passkeys are bound to names", valid: text => OriginOf(text) is not null);
        var policy = new DevicePolicy(origin, OriginOf(origin)?.Host ?? "", map.Text("name", "at most 60 characters that callers know you by", valid: text => text.Length <= 60));
        map.Done();
        return policy;
    }

    private static Uri? OriginOf(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var origin) && origin.Scheme == Uri.UriSchemeHttps && origin.HostNameType == UriHostNameType.Dns
        && origin.GetLeftPart(UriPartial.Authority) == text ? origin : null;
}
