using SharpFuzz;

namespace IvrActors.Fuzz.Coverage;

/// <summary>Makes the code under test count its edges: rewrites Edge.dll in a folder of its own, never the one that was built.</summary>
internal static class Instrumentation
{
    private static readonly string[] Namespaces = ["IvrActors.Edge.Sip.", "IvrActors.Edge.Sdp.", "IvrActors.Edge.Rtp.", "IvrActors.Edge.Srtp.", "IvrActors.Edge.Dtmf.", "IvrActors.Edge.Dtls.", "IvrActors.Edge.Ice."];

    /// <summary>Instruments the pure protocol code. Call it from a process that has loaded another copy of Edge.dll, or none.</summary>
    internal static int Apply(string folder)
    {
        var types = Fuzzer.Instrument(Path.Combine(folder, "Edge.dll"), type => Namespaces.Any(name => type.StartsWith(name, StringComparison.Ordinal)), Options.Value);
        return types.Count();
    }
}
