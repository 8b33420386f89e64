using System.Text.RegularExpressions;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Commands;
using k8s.Models;

namespace IvrActors.Architecture.Tests;

/// <summary>The manifests: fields that Kubernetes has, things that lead to each other, and a <c>cluster.yaml</c> that each pod can start with.</summary>
public sealed partial class KubernetesTests : IDisposable
{
    private const int NotRoot = 1654;

    private static readonly string s_cluster = Repository.Read(Manifests.ClusterFile)
        .Replace("flows: /flows", "flows: " + Repository.PathOf("deploy/kubernetes/flows"), StringComparison.Ordinal)
        .Replace("/opt/ivr/flows/prompts", Repository.PathOf("flows/prompts"), StringComparison.Ordinal);

    private readonly string _folder = Directory.CreateTempSubdirectory("ivr-pod-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Every_manifest_has_fields_that_Kubernetes_knows()
    {
        Assert.True(Manifests.All.Value.Count > 15);
        Assert.All(Manifests.All.Value, one => Assert.NotNull(one.Metadata.Name));
        Assert.All(Manifests.All.Value.Where(one => one is not V1Namespace), one => Assert.Contains(Manifests.Of<V1Namespace>(), space => space.Name() == one.Metadata.NamespaceProperty));
        Assert.Equal(Manifests.All.Value.Count, Manifests.All.Value.Select(one => (one.Kind, one.Metadata.Name, one.Metadata.NamespaceProperty)).Distinct().Count());
    }

    [Theory]
    [InlineData("readinessProbe:", "readynessProbe:")]
    [InlineData("securityContext: { allowPrivilegeEscalation:", "securityContext: { alowPrivilegeEscalation:")]
    [InlineData("failureThreshold: 150", "failureThreshold: often")]
    [InlineData("drop: [ALL]", "drop: ALL")]
    [InlineData("minReplicas:", "minimumReplicas:")]
    [InlineData("kind: PodDisruptionBudget", "kind: PodDisruptionBudge")]
    public void What_Kubernetes_does_not_know_is_found(string right, string wrong)
    {
        var text = Repository.Read("deploy/kubernetes/silo.yaml");
        Assert.Contains(right, text, StringComparison.Ordinal);

        Assert.ThrowsAny<Exception>(() => Manifests.Read(text.Replace(right, wrong, StringComparison.Ordinal)).ToList());
    }

    [Fact]
    public void Every_file_is_listed_and_the_edges_differ_by_their_name_only()
    {
        var there = Repository.Files("*.yaml").Where(file => Path.GetDirectoryName(file) == Manifests.Folder && Path.GetFileName(file) is not ("kustomization.yaml" or "cluster.yaml"));

        Assert.Equal(there.Order(), Manifests.Files.Order());
        Assert.Equal(Repository.Read("deploy/kubernetes/edge-1.yaml").Replace("edge-1", "edge-2", StringComparison.Ordinal), Repository.Read("deploy/kubernetes/edge-2.yaml"));
    }

    [Fact]
    public void What_selects_pods_selects_some()
    {
        foreach (var set in Manifests.Of<V1StatefulSet>())
        {
            Assert.True(Fits(set.Spec.Selector.MatchLabels, set.Spec.Template.Metadata.Labels), set.Name());
            Assert.Contains(Manifests.Of<V1Service>(), service => service.Name() == set.Spec.ServiceName && service.Namespace() == set.Namespace() && service.Spec.ClusterIP == "None");
        }
        foreach (var set in Manifests.Of<V1Deployment>()) Assert.True(Fits(set.Spec.Selector.MatchLabels, set.Spec.Template.Metadata.Labels), set.Name());
        foreach (var service in Manifests.Of<V1Service>())
        {
            var pods = Selected(service.Namespace(), service.Spec.Selector);
            Assert.NotEmpty(pods);
            foreach (var port in service.Spec.Ports ?? [])
            {
                var target = port.TargetPort?.Value;
                Assert.All(pods, pod => Assert.Contains(pod.Spec.Containers[0].Ports, known => target is null ? known.ContainerPort == port.Port : known.Name == target));
            }
        }
        Assert.All(Manifests.Of<V1PodDisruptionBudget>(), budget => Assert.NotEmpty(Selected(budget.Namespace(), budget.Spec.Selector.MatchLabels)));
        Assert.Equal(Manifests.Pods.Where(pod => pod.Pod.Metadata.Labels["app"] != "web").Select(pod => pod.Pod.Metadata.Labels["app"]).Distinct().Order(), Manifests.Of<V1PodDisruptionBudget>().Select(budget => budget.Spec.Selector.MatchLabels["app"]).Order());
    }

    [Fact]
    public void What_may_pass_between_pods_is_a_port_that_listens_and_everything_else_is_denied()
    {
        var policies = Manifests.Of<V1NetworkPolicy>().ToList();
        var all = Assert.Single(policies, policy => policy.Name() == "default-deny");
        Assert.Equal(["Egress", "Ingress"], all.Spec.PolicyTypes.Order());
        Assert.Null(all.Spec.Ingress);
        Assert.Null(all.Spec.Egress);
        foreach (var policy in policies.Where(policy => policy.Spec.PodSelector.MatchLabels is { Count: > 0 }))
        {
            var pods = Selected(policy.Namespace(), policy.Spec.PodSelector.MatchLabels);
            Assert.NotEmpty(pods);
            foreach (var rule in policy.Spec.Ingress)
            {
                Assert.NotEmpty(rule.FromProperty);
                Assert.All(rule.Ports, port => Assert.All(pods, pod => Assert.Contains(pod.Spec.Containers[0].Ports, known => $"{known.ContainerPort}" == port.Port.Value)));
            }
            foreach (var peer in policy.Spec.Egress.SelectMany(rule => rule.To))
                if (peer.PodSelector is { } selector && peer.NamespaceSelector is null) Assert.NotEmpty(Selected(policy.Namespace(), selector.MatchLabels));
        }
    }

    [Fact]
    public void No_pod_is_root_writes_beyond_its_volumes_or_may_ask_Kubernetes_for_anything()
    {
        Assert.All(Manifests.Pods, one =>
        {
            var spec = one.Pod.Spec;
            Assert.False(spec.AutomountServiceAccountToken);
            Assert.Equal((true, NotRoot, "RuntimeDefault"), (spec.SecurityContext.RunAsNonRoot, (int)spec.SecurityContext.RunAsUser!, spec.SecurityContext.SeccompProfile.Type));
            Assert.Equal(spec.HostNetwork ?? false, one.Namespace == "ivr-edge");
            var container = Assert.Single(spec.Containers);
            Assert.Equal((false, true), (container.SecurityContext.AllowPrivilegeEscalation, container.SecurityContext.ReadOnlyRootFilesystem));
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.Null(container.SecurityContext.Capabilities.Add);
            Assert.True(container.Resources.Limits.ContainsKey("memory") && container.Resources.Requests.ContainsKey("cpu") && !container.Resources.Limits.ContainsKey("cpu"));
        });
    }

    [Fact]
    public void No_secret_stands_in_a_manifest()
    {
        Assert.Empty(Manifests.Of<V1Secret>());
        Assert.All(Manifests.Pods, one => Assert.All(one.Pod.Spec.Containers[0].Env ?? [], variable => Assert.NotNull(variable.ValueFrom)));
        Assert.DoesNotMatch(@"(?i)\b(password|token|pin|secret): ", s_cluster);
    }

    [Fact]
    public void Every_secret_and_configmap_that_a_pod_needs_is_made_by_a_command_of_the_documentation_or_by_the_kustomization()
    {
        var made = Made().Matches(Repository.Read("docs/deployment.md")).Select(match => (match.Groups["namespace"].Value, match.Groups["name"].Value)).ToHashSet();
        made.UnionWith(Generated().Matches(Repository.Read("deploy/kubernetes/kustomization.yaml")).Select(match => (match.Groups["namespace"].Value, match.Groups["name"].Value)));
        var needed = from pod in Manifests.Pods
                     from volume in pod.Pod.Spec.Volumes
                     from name in (volume.Projected?.Sources.Where(source => source.Secret?.Optional != true).Select(source => source.Secret?.Name ?? source.ConfigMap.Name) ?? []).Append(volume.ConfigMap?.Name).OfType<string>()
                     select (pod.Namespace, name);

        Assert.NotEmpty(needed);
        Assert.Empty(needed.Distinct().Except(made));
    }

    [Fact]
    public void Every_pod_is_a_node_of_the_cluster_and_listens_where_its_probes_and_ports_say()
    {
        var answered = Repository.Read("Silo/Hosting/Observation.cs");
        foreach (var (name, space, pod) in Manifests.Pods)
        {
            var container = pod.Spec.Containers[0];
            var role = pod.Metadata.Labels["app"] switch { "silo" => NodeRoles.Silo, "edge" => NodeRoles.Edge, _ => NodeRoles.Dashboard };
            foreach (var node in Nodes(name, container))
            {
                var cluster = Node(node);
                Assert.Equal((node, role), (cluster.Node.Name, cluster.Node.Roles));
                var ports = container.Ports.ToDictionary(port => port.Name, port => port.ContainerPort);
                Assert.Equal((ports["metrics"], ports["health"], true), (cluster.Listeners.Metrics.Port, cluster.Listeners.Health!.Port, cluster.Listeners.MetricsTls));
                if (role == NodeRoles.Silo) Assert.Equal((ports["silo"], ports["gateway"]), (cluster.Listeners.Silo.Port, cluster.Listeners.Gateway.Port));
                if (role == NodeRoles.Silo) Assert.Equal([$"{node}.silo.{space}.svc.cluster.local"], new[] { cluster.Listeners.Silo.Host, cluster.Listeners.Gateway.Host }.Distinct());
                if (role == NodeRoles.Dashboard) Assert.Equal(ports["https"], cluster.Listeners.Dashboard.Port);
                if (role == NodeRoles.Edge) Assert.Equal((ports["sip"], ports["sip-tcp"], ports["sips"]), (cluster.Listeners.Sip.Udp, cluster.Listeners.Sip.Tcp, cluster.Listeners.Sip.Tls));
                if (role == NodeRoles.Edge) Assert.True(pod.Spec.TerminationGracePeriodSeconds > cluster.DrainAtStop.TotalSeconds + 30);
                Assert.StartsWith(role == NodeRoles.Edge ? "127.0.0.1" : "0.0.0.0", cluster.Listeners.Health.ToString(), StringComparison.Ordinal);
            }
            foreach (var probe in new[] { container.StartupProbe, container.LivenessProbe, container.ReadinessProbe })
            {
                Assert.Contains($"\"{probe.HttpGet.Path}\"", answered, StringComparison.Ordinal);
                Assert.Equal(("health", pod.Spec.HostNetwork == true ? "127.0.0.1" : null), (probe.HttpGet.Port.Value, probe.HttpGet.Host));
            }
        }
    }

    [Fact]
    public void The_autoscaler_asks_for_calls_in_progress_and_makes_no_silo_that_is_not_listed()
    {
        var scaler = Assert.Single(Manifests.Of<V2HorizontalPodAutoscaler>());
        var set = Assert.Single(Manifests.Of<V1StatefulSet>(), set => set.Name() == scaler.Spec.ScaleTargetRef.Name && set.Namespace() == scaler.Namespace());
        Assert.Null(set.Spec.Replicas);
        Assert.Equal(Node("silo-0").Nodes.Count(node => node.Roles == NodeRoles.Silo), scaler.Spec.MaxReplicas);
        var metric = Assert.Single(scaler.Spec.Metrics).External.Metric.Name;
        Assert.Contains($"CreateGauge(\"{metric}\"", Repository.Read("Edge/Calls/EdgeMetrics.cs"), StringComparison.Ordinal);
        Assert.Contains($"name: {{ as: {metric} }}\n      metricsQuery: sum({metric})", Repository.Read("deploy/kubernetes/optional/prometheus-adapter.yaml"), StringComparison.Ordinal);
        // All silos that must be there have their certificate, those that may come later too, or may come without.
        var optional = set.Spec.Template.Spec.Volumes[0].Projected.Sources.Where(source => source.Secret?.Name.EndsWith("-node", StringComparison.Ordinal) == true).Select(source => source.Secret.Optional == true);
        Assert.Equal(Enumerable.Range(0, scaler.Spec.MaxReplicas).Select(i => i >= scaler.Spec.MinReplicas), optional);
    }

    [Fact]
    public async Task Every_pod_has_the_files_that_its_node_reads_and_no_other()
    {
        foreach (var (name, _, pod) in Manifests.Pods)
            foreach (var node in Nodes(name, pod.Spec.Containers[0])) await Check(node, pod);
    }

    [Fact]
    public void The_certificates_of_cert_manager_are_those_of_nodes()
    {
        var uris = SpiffeUri().Matches(Repository.Read("deploy/kubernetes/optional/cert-manager.yaml"));
        Assert.Equal(2, uris.Count);
        Assert.All(uris, uri => Assert.Equal(uri.Groups["role"].Value, Node(uri.Groups["name"].Value).Node.Roles.ToString().ToLowerInvariant()));
    }

    /// <summary>The product's own check, in a folder that holds what the pod's volume does; and once for each file without it.</summary>
    private async Task Check(string node, V1PodTemplateSpec pod)
    {
        var mounts = Mounts(pod);
        Assert.NotNull(mounts["/var/lib/ivr"].EmptyDir);
        Assert.Equal("Memory", mounts["/tmp"].EmptyDir.Medium);
        Assert.Equal(node.StartsWith("silo-", StringComparison.Ordinal) ? "flows" : null, mounts.GetValueOrDefault("/flows")?.ConfigMap.Name);
        foreach (var left in Directory.EnumerateFiles(_folder)) File.Delete(left);
        var files = Fill(pod);
        Assert.Equal((ExitCode.Done, ""), await Ivr(node));
        var own = Node(node).Node.Tls!;
        foreach (var file in files.Where(file => !IsOf(file, own, node)))
        {
            File.Move(Path.Combine(_folder, file), Path.Combine(_folder, "gone"));
            var (exit, error) = await Ivr(node);
            Assert.True(exit == ExitCode.Findings && error.Contains("no such file", StringComparison.Ordinal), $"'{file}' is in the pod of {node}, which does not read it");
            File.Move(Path.Combine(_folder, "gone"), Path.Combine(_folder, file));
        }
        Assert.All(new[] { own.AuthorityFile, own.CertificateFile, own.KeyFile, own.RevokedFile! }, file => Assert.Contains(Path.GetFileName(file), files));
    }

    private static Dictionary<string, V1Volume> Mounts(V1PodTemplateSpec pod) => pod.Spec.Containers[0].VolumeMounts.ToDictionary(mount => mount.MountPath, mount => pod.Spec.Volumes.Single(volume => volume.Name == mount.Name));

    /// <summary>Makes the files that the pod's volume has, and <c>cluster.yaml</c>.</summary>
    private List<string> Fill(V1PodTemplateSpec pod)
    {
        var sources = Mounts(pod)["/etc/ivr"].Projected.Sources;
        Assert.Contains(sources, source => source.ConfigMap is { Name: "cluster", Items: null });
        var files = sources.SelectMany(source => (source.Secret?.Items ?? source.ConfigMap.Items ?? []).Select(item => item.Path)).ToList();
        Assert.Equal(files.Count, files.Distinct().Count());
        foreach (var file in files) File.WriteAllText(Path.Combine(_folder, file), "a secret");
        File.WriteAllText(Path.Combine(_folder, "cluster.yaml"), s_cluster);
        return files;
    }

    /// <summary>The cluster as a node reads it that has the files of all.</summary>
    private ClusterFile Node(string name)
    {
        if (!File.Exists(Path.Combine(_folder, "cluster.yaml")))
            foreach (var (_, _, pod) in Manifests.Pods) Fill(pod);
        var (cluster, errors) = ClusterFileReader.Read(Path.Combine(_folder, "cluster.yaml"), name);
        Assert.Empty(errors);
        return cluster!;
    }

    // Node certificates are read by the start alone. Silos have those of all silos.
    private static bool IsOf(string file, NodeTlsSettings own, string node) =>
        new[] { own.AuthorityFile, own.CertificateFile, own.KeyFile, own.RevokedFile! }.Any(path => Path.GetFileName(path) == file) || (node.StartsWith("silo-", StringComparison.Ordinal) && file.StartsWith("silo-", StringComparison.Ordinal));

    private async Task<(int Exit, string Error)> Ivr(string node)
    {
        using var error = new StringWriter();
        var exit = await CommandLine.Run(["check", "--cluster", Path.Combine(_folder, "cluster.yaml"), "--node", node], TextReader.Null, TextWriter.Null, error);
        return (exit, error.ToString());
    }

    /// <summary>The nodes that pods of a set are: one that its arguments name, or as many as the autoscaler may make.</summary>
    private static IEnumerable<string> Nodes(string set, V1Container container)
    {
        var node = container.Args[container.Args.IndexOf("--node") + 1];
        return node != "$(POD_NAME)" ? [node] : Enumerable.Range(0, Manifests.Of<V2HorizontalPodAutoscaler>().Single().Spec.MaxReplicas).Select(i => $"{set}-{i}");
    }

    private static List<V1PodTemplateSpec> Selected(string space, IDictionary<string, string> labels) => [.. Manifests.Pods.Where(pod => pod.Namespace == space && Fits(labels, pod.Pod.Metadata.Labels)).Select(pod => pod.Pod)];

    private static bool Fits(IDictionary<string, string> asked, IDictionary<string, string> labels) => asked.Count > 0 && asked.All(label => labels.TryGetValue(label.Key, out var value) && value == label.Value);

    [GeneratedRegex(@"kubectl -n (?<namespace>[a-z-]+) create (?:secret (?:generic|tls)|configmap) (?<name>[a-z0-9-]+)")]
    private static partial Regex Made();

    [GeneratedRegex(@"\{ name: (?<name>[a-z]+), namespace: (?<namespace>[a-z-]+), files:")]
    private static partial Regex Generated();

    [GeneratedRegex("spiffe://ivr/(?<role>[a-z]+)/(?<name>[a-z0-9-]+)")]
    private static partial Regex SpiffeUri();
}
