using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Privacy;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace IvrActors.Grains.Operators;

/// <summary>Who operates the cluster, in which role, and the open invitations: one row, so that each rule over all of them is decided by one write.</summary>
internal sealed class OperatorDirectoryGrain : Grain, IOperatorDirectoryGrain
{
    internal static readonly TimeSpan InvitationLife = TimeSpan.FromHours(24);

    // 256 bits; OWASP ASVS asks for 128.
    private const int SecretBytes = 32;
    private const int MostInvitations = 100;

    private readonly TimeProvider _time;
    private readonly StoredRow<OperatorDirectoryState> _row;

    public OperatorDirectoryGrain(IGrainContext context, [FromKeyedServices(StoredRow<OperatorDirectoryState>.Storage)] IGrainStorage storage, TimeProvider time)
    {
        _time = time;
        _row = new StoredRow<OperatorDirectoryState>(storage, "operators", context.GrainId);
    }

    public async Task<List<OperatorSummary>> List() =>
        [.. (await _row.Read()).Operators.Select(o => new OperatorSummary { UserName = o.UserName, Role = o.Role, TwoFactorEnabled = o.TwoFactor })];

    public async Task<InvitationCode> Invite(string role)
    {
        if (!Roles.OfPersons.Contains(role)) throw new ArgumentException("no such role");
        var state = await _row.Read();
        var open = Open(state);
        if (open.Count >= MostInvitations) throw new InvalidOperationException("too many open invitations");
        await Append("operator.invited", AuditResult.Success, "", role);
        return await Invite(state, open, role, isFirst: false);
    }

    public async Task<InvitationCode?> InviteFirst()
    {
        var state = await _row.Read();
        if (state.Operators.Exists(o => o.CanSignIn)) return null;
        await Append("operator.invited", AuditResult.Success, "", "first administrator");
        // Whoever is listed never set a password and cannot any more. Each start gives a new invitation, and the one before ends: it may stand in a log.
        return await Invite(new OperatorDirectoryState(), [], Roles.Administrator, isFirst: true);
    }

    public async Task<bool> IsInvitation(InvitationCode secret) => Find(Open(await _row.Read()), secret) is not null;

    public async Task<OperatorRecord?> Redeem(InvitationCode secret, string userName)
    {
        var state = await _row.Read();
        var open = Open(state);
        if (Find(open, secret) is not { } invitation || !OperatorName.IsValid(userName)) return null;
        if (invitation.IsFirst && state.Operators.Exists(o => o.CanSignIn)) return null;
        var name = OperatorName.Normalize(userName);
        if (Find(state, name) is not null) return null;

        await Append("operator.created", AuditResult.Success, name, invitation.Role);
        var record = new OperatorRecord { UserName = userName, NormalizedUserName = name, Role = invitation.Role, Version = 1 };
        // The record first: without an entry here it is nothing, and a second try writes it anew.
        if (!await GrainFactory.GetGrain<IOperatorGrain>(IOperatorGrain.Key(name)).Create(record)) return null;
        await _row.Write(new OperatorDirectoryState
        {
            Operators = [.. state.Operators, new ListedOperator { UserName = userName, NormalizedName = name, Role = invitation.Role }],
            Invitations = [.. open.Where(i => i != invitation)],
        });
        return record;
    }

    public async Task<string?> RoleOf(string normalizedName) => Find(await _row.Read(), normalizedName)?.Role;

    public async Task<bool> ChangeRole(string normalizedName, string? role)
    {
        var state = await _row.Read();
        if (Find(state, normalizedName) is not { } entry || (role is not null && !Roles.OfPersons.Contains(role))) return false;
        var operators = state.Operators.Where(o => o != entry).ToList();
        if (role is not null) operators.Add(entry.With(role, entry.CanSignIn, entry.TwoFactor));
        if (IsAdministrator(entry) && !operators.Exists(IsAdministrator)) return false;
        await _row.Write(new OperatorDirectoryState { Operators = operators, Invitations = Open(state) });
        return true;
    }

    public async Task Note(string normalizedName, bool canSignIn, bool twoFactor)
    {
        var state = await _row.Read();
        if (Find(state, normalizedName) is not { } entry || (entry.CanSignIn == canSignIn && entry.TwoFactor == twoFactor)) return;
        await _row.Write(new OperatorDirectoryState
        {
            Operators = [.. state.Operators.Select(o => o == entry ? entry.With(entry.Role, canSignIn, twoFactor) : o)],
            Invitations = Open(state),
        });
    }

    private async Task<InvitationCode> Invite(OperatorDirectoryState state, List<Invitation> open, string role, bool isFirst)
    {
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(SecretBytes));
        await _row.Write(new OperatorDirectoryState
        {
            Operators = state.Operators,
            Invitations = [.. open, new Invitation { Hash = HashOf(secret), Role = role, Expires = _time.GetUtcNow() + InvitationLife, IsFirst = isFirst }],
        });
        return new InvitationCode(secret);
    }

    // A plain hash is enough: the secret is random, not chosen.
    private static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static Invitation? Find(List<Invitation> open, InvitationCode secret)
    {
        var hash = HashOf(secret.Reveal());
        return open.Find(i => CryptographicOperations.FixedTimeEquals(i.Hash, hash));
    }

    private static ListedOperator? Find(OperatorDirectoryState state, string normalizedName) =>
        state.Operators.Find(o => string.Equals(o.NormalizedName, normalizedName, StringComparison.Ordinal));

    private List<Invitation> Open(OperatorDirectoryState state)
    {
        var now = _time.GetUtcNow();
        return [.. state.Invitations.Where(i => i.Expires > now)];
    }

    // One who never set a password is no way back in.
    private static bool IsAdministrator(ListedOperator o) => o.CanSignIn && string.Equals(o.Role, Roles.Administrator, StringComparison.Ordinal);

    private Task<long> Append(string action, AuditResult result, string about, string detail) => GrainFactory.GetGrain<IAuditGrain>(IAuditGrain.Key(IAuditGrain.Cluster)).Append(new AuditEntry
    {
        Actor = RequestActor.Current,
        Action = action,
        Result = result,
        Object = about,
        Detail = detail,
    });
}

[GenerateSerializer, Alias("ivr.state.OperatorDirectory")]
internal sealed class OperatorDirectoryState
{
    [Id(0)] public List<ListedOperator> Operators { get; set; } = [];
    [Id(1)] public List<Invitation> Invitations { get; set; } = [];
}

[GenerateSerializer, Immutable, Alias("ivr.state.ListedOperator")]
internal sealed class ListedOperator
{
    [Id(0)] public required string UserName { get; init; }
    [Id(1)] public required string NormalizedName { get; init; }
    [Id(2)] public required string Role { get; init; }

    /// <summary>Whether a password was set.</summary>
    [Id(3)] public bool CanSignIn { get; init; }
    [Id(4)] public bool TwoFactor { get; init; }

    public ListedOperator With(string role, bool canSignIn, bool twoFactor) =>
        new() { UserName = UserName, NormalizedName = NormalizedName, Role = role, CanSignIn = canSignIn, TwoFactor = twoFactor };
}

[GenerateSerializer, Immutable, Alias("ivr.state.Invitation")]
internal sealed class Invitation
{
    /// <summary>SHA-256 of the secret, which is kept nowhere.</summary>
    [Id(0)] public required byte[] Hash { get; init; }
    [Id(1)] public required string Role { get; init; }
    [Id(2)] public required DateTimeOffset Expires { get; init; }

    /// <summary>Made without an operator; ends with the first one.</summary>
    [Id(3)] public bool IsFirst { get; init; }
}
