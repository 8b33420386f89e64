using System.Collections.Frozen;

namespace IvrActors.Silo.Storage;

/// <summary>
/// Which type of grain each state belongs to. Rows hold the state's name and the grain's key, but what they are encrypted for has the type as well: who re-encrypts a row, with no
/// grain at hand, has it from here.
/// </summary>
internal static class StateOwners
{
    /// <summary>By the state's name, the grain type as Orleans names it. Architecture.Tests compares it with the grains.</summary>
    public static readonly FrozenDictionary<string, string> All = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["blocks"] = "blocklist",
        ["call"] = "call",
        ["caller"] = "caller",
        ["caller-callbacks"] = "caller",
        ["caller-key"] = "callerkey",
        ["edge-drain"] = "edge",
        ["edge-life"] = "edge",
        ["flow"] = "flow",
        ["known-callers"] = "knowncallers",
        ["limit"] = "limit",
        ["lockout"] = "lockout",
        ["lockouts"] = "lockoutdirectory",
        ["operator"] = "operator",
        ["operators"] = "operatordirectory",
        ["recording"] = "recording",
        ["recording-hour"] = "recordingindex",
        ["recording-hours"] = "recordinghours",
        ["recording-page"] = "recordingindex",
        ["risk"] = "risktenant",
        ["spend"] = "spend",
    }.ToFrozenDictionary(StringComparer.Ordinal);
}
