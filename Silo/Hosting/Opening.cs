using System.Security.Cryptography;
using System.Text;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Import;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Hosting;

/// <summary>What is done between "the listeners are up" and "ready": flows are published when they changed, demo callers enrolled once, the first administrator invited.</summary>
internal sealed class Opening(ClusterFile cluster, IGrainFactory grains, RoleTokens tokens, KeyRing ring, TimeProvider time)
{
    /// <summary>Findings of flows; when there are any, the cluster must not open.</summary>
    public List<string> FlowErrors { get; } = [];

    /// <summary>Demo callers that are enrolled.</summary>
    public List<DemoCaller> DemoCallers { get; } = [];

    /// <summary>Secret of the first administrator's link, or null when there is an operator already.</summary>
    public InvitationCode? FirstInvitation { get; private set; }

    public async Task Run()
    {
        RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
        foreach (var tenant in cluster.Tenants) await Publish(tenant);
        if (FlowErrors.Count > 0) return;
        if (cluster.Development && cluster.DemoCallers > 0) await EnrolDemoCallers(cluster.Tenants[0].Name);
        if (cluster.DashboardAddress is not null) FirstInvitation = await grains.GetGrain<IOperatorDirectoryGrain>(IOperatorDirectoryGrain.Key).InviteFirst();
    }

    private async Task Publish(TenantSettings tenant)
    {
        foreach (var flow in tenant.Numbers.Values.Distinct(StringComparer.Ordinal))
        {
            var file = Path.Combine(cluster.FlowFolder, flow + ".yaml");
            if (!File.Exists(file))
            {
                FlowErrors.Add($"{file}:1:1: there is no such file, but tenant {tenant.Name} has a number for it");
                continue;
            }
            var yaml = await File.ReadAllTextAsync(file);
            var grain = grains.GetGrain<IFlowGrain>(IFlowGrain.Key(tenant.Name, flow));
            var version = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(yaml)));
            if (string.Equals((await grain.GetPublished())?.Version, version, StringComparison.OrdinalIgnoreCase)) continue;
            FlowErrors.AddRange((await grain.Publish(Path.GetFileName(file), yaml)).Errors.Select(e => e.ToString()));
        }
    }

    /// <summary>Enrols each demo caller once: doing it again at every start would undo what a test did to one.</summary>
    private async Task EnrolDemoCallers(string tenant)
    {
        var callers = Hosting.DemoCallers.Open(ring, cluster.DemoCallers);
        var noteFile = Path.Combine(cluster.DataFolder, "demo-callers");
        var enrolled = File.Exists(noteFile) ? (await File.ReadAllTextAsync(noteFile)).Split(' ') : [];
        var done = enrolled is [var fingerprint, var count] && fingerprint == callers.Fingerprint && int.TryParse(count, out var number) ? number : 0;
        var enroller = new CallerEnroller(new SystemCaller(grains, tokens));
        var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
        foreach (var caller in callers.All.Skip(done))
        {
            var demo = new NewCaller { Tenant = tenant, Account = caller.Account, Pin = caller.Pin, TotpKey = caller.TotpKey, Facts = caller.Facts(today) };
            if ((await enroller.Enrol(demo, onlyNew: false)).Error is { } error)
                throw new InvalidOperationException("internal error: a demo caller was refused: " + error);
        }
        PrivateFiles.Write(noteFile, Encoding.ASCII.GetBytes($"{callers.Fingerprint} {Math.Max(done, callers.All.Count)}"));
        DemoCallers.AddRange(callers.All);
    }

    private sealed class SystemCaller(IGrainFactory grains, RoleTokens tokens) : IGrainCaller
    {
        public async Task<T> Call<TGrain, T>(string key, Func<TGrain, Task<T>> call) where TGrain : IGrainWithStringKey
        {
            RequestContext.Set(RoleToken.ContextKey, tokens.IssueSystem());
            return await call(grains.GetGrain<TGrain>(key));
        }
    }
}
