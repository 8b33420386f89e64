using System.Collections.Concurrent;
using System.Reflection;
using System.Security.Cryptography;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using Orleans;
using Orleans.Runtime;

namespace IvrActors.Dashboard.Tests;

/// <summary>
/// Grains in memory behind a factory that checks the role token of every call against [Requires], as the silo's filter does: what the
/// dashboard forgets to forbid is refused here too, and a call without a token fails.
/// </summary>
public sealed partial class FakeCluster : IRoleTokens, IPhonePasses
{
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly ConcurrentDictionary<(Type, string), object> _grains = new();

    public FakeCluster(TimeProvider time)
    {
        Time = time;
        Grains = DispatchProxy.Create<IGrainFactory, FactoryProxy>();
        ((FactoryProxy)(object)Grains).Cluster = this;
        Directory = new(this);
    }

    public TimeProvider Time { get; }
    public IGrainFactory Grains { get; }
    public ConcurrentDictionary<string, OperatorRecord> Operators { get; } = new();
    public ConcurrentDictionary<string, string> Invitations { get; } = new();
    public ConcurrentDictionary<string, EdgeReport> Edges { get; } = new();
    public ConcurrentDictionary<string, MediaView> Media { get; } = new();
    public ConcurrentDictionary<string, LockoutSummary> Lockouts { get; } = new();
    public ConcurrentDictionary<string, FlowGraph> Flows { get; } = new();
    public List<AuditRecord> Audit { get; } = [];
    public ConcurrentDictionary<string, RecordingSummary> Recordings { get; } = new();

    /// <summary>The data key of every recording, and who was given it and why.</summary>
    public byte[] RecordingKey { get; } = RandomNumberGenerator.GetBytes(32);
    public ConcurrentQueue<(string Recording, string Reason)> RecordingsOpened { get; } = new();
    public ConcurrentBag<string> HungUp { get; } = [];
    public ConcurrentBag<(string Key, string Reason)> Unlocked { get; } = [];

    /// <summary>Every call that reached a grain: method and the role that it came with.</summary>
    public ConcurrentQueue<(string Method, string Name, string Role)> Calls { get; } = new();
    public string? AuditFault { get; set; }
    public bool IsDown { get; set; }

    /// <summary>Set: calls of the live view are under way until it is completed, as to a silo that was just lost.</summary>
    public TaskCompletionSource<List<string>>? Silence { get; set; }

    /// <summary>A method that is refused whatever the role: the grain knows better than the page.</summary>
    public string? Refused { get; set; }
    internal DirectoryFake Directory { get; }

    public string Issue(string name, string role) => new RoleToken { Name = name, Role = role, Expires = Time.GetUtcNow().AddMinutes(5) }.Sign(_key);

    /// <summary>Whether a trunk takes passes.</summary>
    public bool GivesPasses { get; set; } = true;

    /// <summary>Those that were given.</summary>
    public List<string> Passes { get; } = [];

    PhonePass? IPhonePasses.Issue()
    {
        if (!GivesPasses) return null;
        var pass = PhonePass.Make(_key, "ivr.test", Time.GetUtcNow());
        Passes.Add(pass.User);
        return pass;
    }

    public string Invite(string role)
    {
        var secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        Invitations[secret] = role;
        return secret;
    }

    public void Record(string tenant, string action, AuditResult result, string actor = "system", string target = "", string detail = "", DateTimeOffset? at = null)
    {
        lock (Audit)
        {
            Audit.Add(new AuditRecord
            {
                Tenant = tenant,
                Number = Audit.Count(record => record.Tenant == tenant) + 1,
                At = at ?? Time.GetUtcNow(),
                Hash = [],
                Entry = new AuditEntry { Actor = actor, Action = action, Result = result, Object = target, Detail = detail },
            });
        }
    }

    public List<AuditEntry> Acts(string action)
    {
        lock (Audit) return [.. Audit.Where(record => record.Tenant == IAuditGrain.Cluster && record.Entry.Action == action).Select(record => record.Entry)];
    }

    private RoleToken Check(MethodInfo method)
    {
        if (IsDown) throw new TimeoutException("down");
        var token = RequestContext.Get(RoleToken.ContextKey) is string text ? RoleToken.Verify(_key, text, Time.GetUtcNow()) : null;
        var needed = method.GetCustomAttribute<RequiresAttribute>()?.Permission ?? Permission.None;
        Calls.Enqueue((method.Name, token?.Name ?? "", token?.Role ?? ""));
        if (token is null || method.Name == Refused || !Roles.Allows(token.Role, needed)) throw new UnauthorizedAccessException(method.Name);
        return token;
    }

    private object Make(Type type, string key) => type.Name switch
    {
        nameof(IOperatorDirectoryGrain) => Directory,
        nameof(IOperatorGrain) => new OperatorFake(this, key),
        nameof(IEdgeDirectoryGrain) => new EdgeDirectoryFake(this),
        nameof(IEdgeGrain) => new EdgeFake(this, key),
        nameof(IMediaQualityGrain) => new MediaFake(this, key),
        nameof(ILockoutDirectoryGrain) => new LockoutDirectoryFake(this, key),
        nameof(ILockoutGrain) => new LockoutFake(this, key),
        nameof(IAuditGrain) => new AuditFake(this, key),
        nameof(IFlowGrain) => new FlowFake(this, key),
        nameof(ICallGrain) => new CallFake(this, key),
        nameof(IRecordingHoursGrain) => new RecordingHoursFake(this, key),
        nameof(IRecordingIndexGrain) => new RecordingIndexFake(this, key),
        nameof(IRecordingGrain) => new RecordingFake(this, key),
        nameof(IEnrolmentGrain) => new EnrolmentFake(this),
        nameof(ICallerGrain) => new CallerFake(this, key),
        _ => throw new InvalidOperationException(type.Name),
    };

    public class FactoryProxy : DispatchProxy
    {
        public FakeCluster Cluster { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            var type = targetMethod!.GetGenericArguments().Single();
            return Cluster._grains.GetOrAdd((type, (string)args![0]!), _ =>
            {
                var proxy = (GrainProxy)typeof(DispatchProxy).GetMethod(nameof(Create), 2, [])!.MakeGenericMethod(type, typeof(GrainProxy)).Invoke(null, null)!;
                (proxy.Cluster, proxy.Grain) = (Cluster, Cluster.Make(type, (string)args[0]!));
                return proxy;
            });
        }
    }

    public class GrainProxy : DispatchProxy
    {
        public FakeCluster Cluster { get; set; } = null!;
        public object Grain { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            Cluster.Check(targetMethod!);
            try
            {
                // By name: a grain interface may grow, and what the dashboard does not call needs no fake.
                return Grain.GetType().GetMethod(targetMethod!.Name)!.Invoke(Grain, args);
            }
            catch (TargetInvocationException failure)
            {
                throw failure.InnerException!;
            }
        }
    }

    private sealed class OperatorFake(FakeCluster cluster, string key)
    {
        public Task<OperatorRecord?> Get() => Task.FromResult(cluster.Operators.GetValueOrDefault(key));

        public Task<bool> Put(OperatorRecord record)
        {
            lock (cluster.Operators)
            {
                if ((cluster.Operators.GetValueOrDefault(key)?.Version ?? 0) != record.Version) return Task.FromResult(false);
                cluster.Operators[key] = Copy(record, record.Role, record.Version + 1);
                return Task.FromResult(true);
            }
        }

        public Task<bool> SetRole(string role)
        {
            lock (cluster.Operators)
            {
                if (!cluster.Operators.TryGetValue(key, out var record)) return Task.FromResult(false);
                cluster.Operators[key] = Copy(record, role, record.Version + 1);
                return Task.FromResult(true);
            }
        }

        public Task<bool> Delete() => Task.FromResult(cluster.Operators.TryRemove(key, out _));
    }

    internal static OperatorRecord Copy(OperatorRecord record, string role, int version, DateTimeOffset? lockoutEnd = null) => new()
    {
        UserName = record.UserName,
        NormalizedUserName = record.NormalizedUserName,
        Role = role,
        PasswordHash = record.PasswordHash,
        AuthenticatorKey = record.AuthenticatorKey,
        TwoFactorEnabled = record.TwoFactorEnabled,
        SecurityStamp = record.SecurityStamp,
        AccessFailedCount = record.AccessFailedCount,
        LockoutEnd = lockoutEnd ?? record.LockoutEnd,
        RecoveryCodeHashes = record.RecoveryCodeHashes,
        LastTotpStep = record.LastTotpStep,
        Version = version,
    };

    internal sealed class DirectoryFake(FakeCluster cluster)
    {
        public Task<List<OperatorSummary>> List() => Task.FromResult(cluster.Operators.Values
            .Select(record => new OperatorSummary { UserName = record.UserName, Role = record.Role, TwoFactorEnabled = record.TwoFactorEnabled }).ToList());

        public Task<InvitationCode> Invite(string role) => Task.FromResult(new InvitationCode(cluster.Invite(role)));

        public Task<InvitationCode?> InviteFirst() => Task.FromResult(cluster.Operators.IsEmpty ? new InvitationCode(cluster.Invite(Roles.Administrator)) : null);

        public Task<OperatorRecord?> Redeem(InvitationCode secret, string userName)
        {
            var normalized = userName.ToUpperInvariant();
            if (cluster.Operators.ContainsKey(IOperatorGrain.Key(normalized)) || !cluster.Invitations.TryRemove(secret.Reveal(), out var role)) return Task.FromResult<OperatorRecord?>(null);
            var record = new OperatorRecord { UserName = userName, NormalizedUserName = normalized, Role = role, Version = 1 };
            cluster.Operators[IOperatorGrain.Key(normalized)] = record;
            return Task.FromResult<OperatorRecord?>(record);
        }

        public Task<bool> IsInvitation(InvitationCode secret) => Task.FromResult(cluster.Invitations.ContainsKey(secret.Reveal()));
    }

    private sealed class RecordingHoursFake(FakeCluster cluster, string key)
    {
        public Task<List<DateTimeOffset>> List(DateTimeOffset? before, int most) => Task.FromResult(key != IRecordingHoursGrain.Key("demo") ? [] :
            cluster.Recordings.Values.Select(recording => new DateTimeOffset(recording.At.Year, recording.At.Month, recording.At.Day, recording.At.Hour, 0, 0, TimeSpan.Zero))
                .Distinct().Where(hour => before is null || hour < before).OrderDescending().Take(most).ToList());
    }

    private sealed class RecordingIndexFake(FakeCluster cluster, string key)
    {
        public Task<List<RecordingId>> List() => Task.FromResult(cluster.Recordings.Values.Where(recording => IRecordingIndexGrain.Key("demo", recording.At) == key)
            .OrderBy(recording => recording.At).Select(recording => recording.Recording).ToList());
    }

    private sealed class RecordingFake(FakeCluster cluster, string key)
    {
        public Task<RecordingSummary?> Get() => Task.FromResult(cluster.Recordings.GetValueOrDefault(key));

        public Task<SealedSecret?> Open(RecordingOpening opening)
        {
            cluster.RecordingsOpened.Enqueue((key, opening.Reason));
            var isKept = cluster.Recordings.ContainsKey(key) && opening.WrappedKey.AsSpan().SequenceEqual(TestRecordings.Wrapped);
            return Task.FromResult(isKept ? SecretSealer.Seal(opening.To, key, IRecordingGrain.OpenPurpose, cluster.RecordingKey) : null);
        }
    }

    private sealed class EdgeDirectoryFake(FakeCluster cluster)
    {
        public Task<List<string>> List() => cluster.Silence?.Task ?? Task.FromResult(cluster.Edges.Keys.ToList());
    }

    private sealed class EdgeFake(FakeCluster cluster, string key)
    {
        public Task<EdgeReport?> GetReport() => Task.FromResult(cluster.Edges.GetValueOrDefault(key[IEdgeGrain.Key("").Length..]));
    }

    private sealed class MediaFake(FakeCluster cluster, string key)
    {
        public Task<MediaView> GetView() => Task.FromResult(cluster.Media.GetValueOrDefault(key) ?? throw new TimeoutException(key));
    }

    private sealed class LockoutDirectoryFake(FakeCluster cluster, string key)
    {
        public Task<List<LockoutSummary>> List() => Task.FromResult(key == ILockoutDirectoryGrain.Key("demo") ? cluster.Lockouts.Values.ToList() : []);
    }

    private sealed class LockoutFake(FakeCluster cluster, string key)
    {
        public Task<UnlockResult> Approve(string reason)
        {
            var by = RoleToken.Verify(cluster._key, (string)RequestContext.Get(RoleToken.ContextKey)!, cluster.Time.GetUtcNow())!.Name;
            if (!cluster.Lockouts.TryGetValue(key, out var known)) return Answer(UnlockOutcome.NotLocked);
            if (known.AskedBy == by) return Answer(UnlockOutcome.SamePerson);
            if (known.AskedBy is not null)
            {
                cluster.Unlocked.Add((key, reason));
                cluster.Lockouts.TryRemove(key, out _);
                return Answer(UnlockOutcome.Lifted);
            }
            cluster.Lockouts[key] = new LockoutSummary
            {
                LockoutKey = key,
                Failures = known.Failures,
                Since = known.Since,
                Until = known.Until,
                AskedBy = by,
                AskedReason = reason,
                ConfirmBefore = cluster.Time.GetUtcNow().AddMinutes(15),
            };
            return Answer(UnlockOutcome.Asked);
        }

        private Task<UnlockResult> Answer(UnlockOutcome outcome) => Task.FromResult(new UnlockResult { Outcome = outcome, ConfirmBefore = cluster.Time.GetUtcNow().AddMinutes(15) });
    }

    private sealed class AuditFake(FakeCluster cluster, string key)
    {
        private string Tenant => key[IAuditGrain.Key("").Length..];

        public Task<long> AppendOperatorAct(AuditEntry entry)
        {
            cluster.Record(Tenant, entry.Action, entry.Result, entry.Actor, entry.Object, entry.Detail);
            return Task.FromResult(1L);
        }

        public Task<AuditPage> Search(AuditQuery query)
        {
            lock (cluster.Audit)
            {
                var found = cluster.Audit.Where(record => record.Tenant == Tenant && (query.Action is null || record.Entry.Action == query.Action)
                        && (query.Actor is null || record.Entry.Actor == query.Actor) && (query.Object is null || record.Entry.Object == query.Object)
                        && (query.From is null || record.At >= query.From) && (query.To is null || record.At <= query.To) && (query.Before is null || record.Number < query.Before))
                    .OrderByDescending(record => record.Number).ToList();
                var page = found.Take(query.Limit).ToList();
                return Task.FromResult(new AuditPage { Records = page, Next = found.Count > page.Count ? page[^1].Number : null });
            }
        }

        public Task<AuditVerdict> Verify() => Task.FromResult(new AuditVerdict { Records = cluster.Audit.Count, Fault = cluster.AuditFault });
    }

    private sealed class FlowFake(FakeCluster cluster, string key)
    {
        public Task<FlowGraph?> GetGraph() => Task.FromResult(cluster.Flows.GetValueOrDefault(key));
    }

    private sealed class CallFake(FakeCluster cluster, string key)
    {
        public Task<bool> HangUp()
        {
            cluster.HungUp.Add(key);
            return Task.FromResult(true);
        }
    }
}
