namespace IvrActors.SystemTests.Harness;
internal static class ClusterFile { public static string Adapt(string y, int[] p, int m) => y; }
