using k8s;
using k8s.Models;

namespace IvrActors.Architecture.Tests;

/// <summary>What <c>deploy/kubernetes/kustomization.yaml</c> lists, read as strictly as the API server would: a field that Kubernetes does not have, or a value of another kind, is an exception.</summary>
internal static class Manifests
{
    public const string Folder = "deploy/kubernetes";

    public const string ClusterFile = Folder + "/cluster.yaml";

    public static readonly IReadOnlyList<string> Files = [.. Listed("resources").Select(name => $"{Folder}/{name}")];

    public static readonly Lazy<IReadOnlyList<IKubernetesObject<V1ObjectMeta>>> All = new(() => [.. Files.SelectMany(file => Read(Repository.Read(file)))]);

    /// <summary>Each pod that is run, by what runs it.</summary>
    public static IEnumerable<(string Name, string Namespace, V1PodTemplateSpec Pod)> Pods =>
        Of<V1StatefulSet>().Select(set => (set.Name(), set.Namespace(), set.Spec.Template)).Concat(Of<V1Deployment>().Select(set => (set.Name(), set.Namespace(), set.Spec.Template)));

    public static IEnumerable<T> Of<T>() => All.Value.OfType<T>();

    public static IEnumerable<IKubernetesObject<V1ObjectMeta>> Read(string yaml) => KubernetesYaml.LoadAllFromString(yaml, typeMap: null, strict: true).Cast<IKubernetesObject<V1ObjectMeta>>();

    /// <summary>The items of a list of plain names in the kustomization.</summary>
    private static IEnumerable<string> Listed(string key) =>
        Repository.Read(Folder + "/kustomization.yaml").Split('\n').SkipWhile(line => line != key + ":").Skip(1).TakeWhile(line => line.StartsWith("  - ", StringComparison.Ordinal)).Select(line => line[4..]);
}
