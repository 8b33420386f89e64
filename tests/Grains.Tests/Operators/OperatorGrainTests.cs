using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Operators;
using IvrActors.Grains.Tests.Callers;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Tests.Operators;

[Collection(CallersCluster.Name)]
public sealed class OperatorGrainTests(CallersCluster cluster) : IAsyncLifetime
{
    private IOperatorDirectoryGrain Directory => cluster.Grains.GetGrain<IOperatorDirectoryGrain>(IOperatorDirectoryGrain.Key);

    /// <summary>Each test begins with no operator: one directory serves the cluster.</summary>
    public async ValueTask InitializeAsync()
    {
        await cluster.Storage.Replace("operators", Directory.GetGrainId(), new OperatorDirectoryState());
        await cluster.ForgetActivations();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task The_first_link_makes_the_first_administrator_once()
    {
        var stale = (await Directory.InviteFirst())!;
        var secret = (await Directory.InviteFirst())!;
        Assert.NotEqual(stale, secret);
        Assert.False(await Directory.IsInvitation(stale));
        Assert.True(await Directory.IsInvitation(secret));
        Assert.True(secret.Reveal().Length >= 43, "256 bits in base64url");

        var record = (await Directory.Redeem(secret, Name("root")))!;
        Assert.Equal(Roles.Administrator, record.Role);
        Assert.Null(await Directory.Redeem(secret, Name("second")));
        Assert.False(await Directory.IsInvitation(secret));
        Assert.True(await Of(record).Put(With(record, password: "hash")));
        Assert.Null(await Directory.InviteFirst());
    }

    [Fact]
    public async Task A_first_administrator_who_never_set_a_password_does_not_lock_the_cluster_out()
    {
        var lost = (await Directory.Redeem((await Directory.InviteFirst())!, Name("lost")))!;
        var secret = await Directory.InviteFirst();
        Assert.NotNull(secret);
        Assert.Null(await Of(lost).Get());
        Assert.False(await Of(lost).Put(With(lost, password: "hash")));
        Assert.NotNull(await Directory.Redeem(secret, lost.UserName));
    }

    [Fact]
    public async Task Only_the_hash_of_an_invitation_is_kept_and_it_ends_after_a_day()
    {
        var secret = await Directory.Invite(Roles.Viewer);
        Assert.Equal(-1, cluster.Storage.Bytes("operators", Directory.GetGrainId()).AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(secret.Reveal())));
        cluster.Time.Advance(TimeSpan.FromHours(24));
        Assert.False(await Directory.IsInvitation(secret));
        Assert.Null(await Directory.Redeem(secret, Name("late")));
        Assert.False(await Directory.IsInvitation(new InvitationCode("")));
        await Assert.ThrowsAsync<ArgumentException>(() => Directory.Invite(Roles.Edge));
    }

    [Theory]
    [InlineData("ab"), InlineData("a|administrator"), InlineData("a b c"), InlineData("line\nbreak"), InlineData("-dash"), InlineData("Кириллица"), InlineData(""), InlineData("system"), InlineData("Command-Line")]
    public async Task A_name_that_could_be_read_as_something_else_is_refused(string name)
    {
        var secret = await Directory.Invite(Roles.Viewer);
        Assert.Null(await Directory.Redeem(secret, name));
        Assert.True(await Directory.IsInvitation(secret));
    }

    [Fact]
    public async Task Names_are_unique_whatever_their_case()
    {
        var name = Name("Olga");
        Assert.NotNull(await Directory.Redeem(await Directory.Invite(Roles.Viewer), name));
        Assert.Null(await Directory.Redeem(await Directory.Invite(Roles.Administrator), name.ToLowerInvariant()));
    }

    [Fact]
    public async Task A_record_is_written_only_over_the_version_that_was_read()
    {
        var record = await Administrator("writer");
        Assert.False(await Of(record).Put(With(record, password: "older", version: record.Version - 1)));
        Assert.True(await Of(record).Put(With(record, password: "newer")));
        Assert.False(await Of(record).Put(With(record, password: "again")));
        await cluster.ForgetActivations();
        Assert.Equal(("newer", record.Version + 1), ((await Of(record).Get())!.PasswordHash, (await Of(record).Get())!.Version));
    }

    [Fact]
    public async Task Sign_in_code_can_neither_create_an_operator_nor_change_a_role_or_name()
    {
        await Administrator("root");
        var viewer = (await Directory.Redeem(await Directory.Invite(Roles.Viewer), Name("viewer")))!;
        Assert.False(await Of(viewer).Put(With(viewer, role: Roles.Administrator)));
        Assert.False(await Of(viewer).Put(With(viewer, name: "SOMEBODY")));
        var nobody = With(viewer, name: OperatorName.Normalize(Name("nobody")), version: 0);
        Assert.False(await Of(nobody).Put(nobody));
        Assert.Equal(Roles.Viewer, (await Of(viewer).Get())!.Role);
    }

    [Fact]
    public async Task A_change_of_role_counts_at_once_and_is_recorded()
    {
        await Administrator("root");
        var viewer = (await Directory.Redeem(await Directory.Invite(Roles.Viewer), Name("grows")))!;
        RequestContext.Set(RequestActor.ContextKey, "root");
        Assert.True(await Of(viewer).SetRole(Roles.Operator));
        Assert.False(await Of(viewer).SetRole(Roles.Edge));
        RequestContext.Clear();
        Assert.Equal(Roles.Operator, (await Of(viewer).Get())!.Role);
        var entry = Assert.Single(cluster.Ledger.Of(IAuditGrain.Cluster), r => r.Entry.Action == "operator.role" && r.Entry.Object == viewer.NormalizedUserName).Entry;
        Assert.Equal(("root", "viewer to operator"), (entry.Actor, entry.Detail));
    }

    [Fact]
    public async Task The_last_administrator_who_can_sign_in_is_neither_demoted_nor_deleted()
    {
        var root = await Administrator("root");
        var invited = (await Directory.Redeem(await Directory.Invite(Roles.Administrator), Name("invited")))!;
        Assert.False(await Of(root).SetRole(Roles.Viewer));
        Assert.False(await Of(root).Delete());
        Assert.Equal(Roles.Administrator, (await Of(root).Get())!.Role);

        Assert.True(await Of(invited).Put(With(invited, password: "hash")));
        Assert.True(await Of(root).Delete());
        Assert.Null(await Of(root).Get());
        Assert.False(await Of(root).Delete());
        Assert.False(await Of(invited).SetRole(Roles.Viewer));
        Assert.Equal([invited.UserName], (await Directory.List()).Select(o => o.UserName));
    }

    private IOperatorGrain Of(OperatorRecord record) => cluster.Grains.GetGrain<IOperatorGrain>(IOperatorGrain.Key(record.NormalizedUserName));

    // Grain rows of operators outlive a test.
    private static string Name(string name) => $"{name}-{Guid.NewGuid():N}";

    private async Task<OperatorRecord> Administrator(string name)
    {
        var record = (await Directory.Redeem(await Directory.Invite(Roles.Administrator), Name(name)))!;
        Assert.True(await Of(record).Put(With(record, password: "hash")));
        return (await Of(record).Get())!;
    }

    private static OperatorRecord With(OperatorRecord record, string? password = null, string? role = null, string? name = null, int? version = null) => new()
    {
        UserName = record.UserName,
        NormalizedUserName = name ?? record.NormalizedUserName,
        Role = role ?? record.Role,
        PasswordHash = password,
        Version = version ?? record.Version,
    };
}
