using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using IvrActors.Grains.Audit;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Storage;

namespace IvrActors.Silo.Backup;

/// <summary>Checks rows of a backup as they pass: each state opens for its grain with the keys of the backup, and the ledger holds from its first record to the head.</summary>
internal sealed class BackupCheck : IDisposable
{
    private readonly RingProtection _protection;
    private readonly KeyRing _ring;
    private readonly ClusterKeys _keys;
    private readonly HashSet<Guid> _known;
    private readonly Dictionary<string, long> _unreadable = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AuditHead> _heads = new(StringComparer.Ordinal);
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private readonly List<string> _quiet;
    private (string Tenant, AuditCheck Check)? _chain;

    private BackupCheck(ClusterFile cluster, RingProtection protection, CopiedKeys keys)
    {
        _protection = protection;
        try
        {
            // A copy: where the newest key is old a ring makes another one, which the backup does not have.
            _ring = KeyRing.Open(CopiedKeys.Of(keys, keys.Certificate), protection, cluster.Service, mayCreate: false, cluster.Keys.Lifetime);
            _keys = ClusterKeys.Load(_ring, mayCreate: false);
        }
        catch
        {
            _ring?.Dispose();
            protection.Dispose();
            throw;
        }
        _known = [.. _ring.Live.All.Select(key => key.KeyId)];
        _quiet = [.. cluster.Tenants.Select(tenant => tenant.Name), IAuditGrain.Cluster];
    }

    /// <exception cref="KeyRingException">The ring does not open with what <c>cluster.yaml</c> names.</exception>
    public static BackupCheck Open(ClusterFile cluster, CopiedKeys keys, DateTimeOffset now) => new(
        cluster,
        keys.Certificate.Count > 0
            ? RingProtection.Open(cluster.Certificates.KeyRing, () => CertificateOf(keys))
            : RingProtection.Open(cluster.Certificates.KeyRing, cluster.CertificateFolder, mayCreate: false, now),
        keys);

    public void State(object[] row)
    {
        var (state, grain, version, payload) = ((string)row[0], (string)row[1], (long)row[2], (byte[])row[3]);
        // A state that a newer version has: its owner is not known here, its key is.
        var opens = StateOwners.All.TryGetValue(state, out var owner)
            ? Opens(state, GrainId.Create(owner, grain), version, payload)
            : ProtectedPayload.KeyOf(payload) is { } key && _known.Contains(key);
        if (!opens) _unreadable[state] = _unreadable.GetValueOrDefault(state) + 1;
        _quiet.RemoveAll(tenant => grain.Contains(SqliteAuditStore.KeyOfActed(tenant), StringComparison.Ordinal) && Acted(tenant));
    }

    public void Head(object[] row) => _heads[(string)row[0]] = HeadOf(row);

    /// <exception cref="BackupException">The ledger does not hold.</exception>
    public void Record(object[] row)
    {
        var tenant = (string)row[0];
        if (_chain?.Tenant != tenant)
        {
            EndChain();
            _chain = (tenant, ChainOf(tenant).Check());
            _seen.Add(tenant);
        }
        Refuse(tenant, _chain!.Value.Check.FaultOf(RecordOf(row)));
    }

    /// <exception cref="BackupException">The ledger does not hold, or rows do not open.</exception>
    public void End()
    {
        EndChain();
        foreach (var (tenant, head) in _heads.Where(head => !_seen.Contains(head.Key))) Refuse(tenant, ChainOf(tenant).Check().FaultOfEnd(head));
        foreach (var tenant in _acted.Where(tenant => !_seen.Contains(tenant) && !_heads.ContainsKey(tenant))) Refuse(tenant, "all records and the head were removed");
        if (_unreadable.Count == 0) return;
        throw new BackupException(
            $"{_unreadable.Values.Sum()} rows in the backup do not open with its keys ({string.Join(", ", _unreadable.OrderBy(state => state.Key, StringComparer.Ordinal).Select(state => $"{state.Value} of {state.Key}"))}): " +
            "they were changed before it was made, or are under a key that was revoked. --without-keys takes them as they are.");
    }

    /// <summary>The record and the head with which the cluster's ledger goes on.</summary>
    public (object[] Record, object[] Head) Next(AuditEntry entry, DateTimeOffset now)
    {
        var chain = ChainOf(IAuditGrain.Cluster);
        var record = chain.Next(_heads.GetValueOrDefault(IAuditGrain.Cluster) ?? NoHead, now, entry);
        var head = chain.HeadAfter(record);
        return (
            [record.Tenant, record.Number, record.At.UtcTicks, entry.Actor, entry.Action, (long)entry.Result, entry.Origin, entry.Object, entry.Detail, record.Hash],
            [record.Tenant, head.Number, head.Hash, head.Mac]);
    }

    public void Dispose()
    {
        _ring.Dispose();
        _protection.Dispose();
    }

    private readonly List<string> _acted = [];

    private bool Acted(string tenant)
    {
        _acted.Add(tenant);
        return true;
    }

    private bool Opens(string state, GrainId grain, long version, byte[] payload)
    {
        if (_ring.States.Open(state, grain, version, payload) is not { } plain) return false;
        CryptographicOperations.ZeroMemory(plain);
        return true;
    }

    private static AuditHead NoHead => new() { Number = 0, Hash = [], Mac = [] };

    private static CertificateKey CertificateOf(CopiedKeys keys)
    {
        string Text(string name) => keys.Certificate.FirstOrDefault(file => file.Name == name).Content is { } content ? Encoding.ASCII.GetString(content) : throw new KeyRingException($"'{name}' is missing in the backup.");
        return CertificateKey.Of(X509Certificate2.CreateFromPem(Text("keyring.pem"), Text("keyring.key")), "the backup");
    }

    private AuditChain ChainOf(string tenant) => new(tenant, _keys.AuditKey(tenant).ToArray());

    private void EndChain()
    {
        if (_chain is { } chain) Refuse(chain.Tenant, chain.Check.FaultOfEnd(_heads.GetValueOrDefault(chain.Tenant) ?? NoHead));
    }

    private static void Refuse(string tenant, string? fault)
    {
        if (fault is not null) throw new BackupException($"The ledger of '{tenant}' in the backup does not hold: {fault}. It was changed before the backup was made (ivr audit verify). --without-keys takes it as it is.");
    }

    private static AuditHead HeadOf(object[] row) => new() { Number = (long)row[1], Hash = (byte[])row[2], Mac = (byte[])row[3] };

    private static AuditRecord RecordOf(object[] row) => new()
    {
        Tenant = (string)row[0],
        Number = (long)row[1],
        At = new DateTimeOffset((long)row[2], TimeSpan.Zero),
        Entry = new AuditEntry { Actor = (string)row[3], Action = (string)row[4], Result = (AuditResult)(long)row[5], Origin = (string)row[6], Object = (string)row[7], Detail = (string)row[8] },
        Hash = (byte[])row[9],
    };
}
