using System.Reflection;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Orleans.Hosting;
using Orleans.Serialization.Invocation;
using Xunit;

namespace IvrActors.Silo.Tests.Security;

public sealed class AuthorizationFilterTests : IAsyncLifetime
{
    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private TestSilo _silo = null!;
    private IHost _client = null!;

    public async ValueTask InitializeAsync()
    {
        _silo = await TestSilo.Start(_folder, _time);
        _client = await _silo.Client();
    }

    public async ValueTask DisposeAsync()
    {
        await _client.StopAsync();
        _client.Dispose();
        await _silo.DisposeAsync();
        _folder.Dispose();
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_call_without_a_token_is_refused(bool hosted)
    {
        RequestContext.Clear();
        await Refused(() => Note(hosted).Read());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task The_right_role_passes(bool hosted)
    {
        Use(Roles.Viewer);
        Assert.Equal("(none)", await Note(hosted).Read());
        Use(Roles.Operator);
        Assert.Equal("unlocked", await Note(hosted).Unlock());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_role_without_the_permission_is_refused(bool hosted)
    {
        Use(Roles.Viewer);
        await Refused(() => Note(hosted).Unlock());
        Use(Roles.Edge);
        await Refused(() => Note(hosted).Read());
    }

    [Theory, InlineData(true), InlineData(false)]
    public async Task A_method_that_declares_no_permission_is_for_grains_only(bool hosted)
    {
        Use(Roles.Administrator);
        await Refused(() => Note(hosted).ReadInside());
        Assert.Equal("(none)", await Note(hosted).ReadOther("note-2"));
    }

    [Fact]
    public async Task A_forged_token_is_refused()
    {
        var forged = new RoleToken { Name = "eve", Role = Roles.Administrator, Expires = _time.GetUtcNow().AddMinutes(5) }.Sign(new byte[32]);
        RequestContext.Set(RoleToken.ContextKey, forged);
        await Refused(() => Note(false).Read());
        RequestContext.Set(RoleToken.ContextKey, "no token at all");
        await Refused(() => Note(false).Read());
    }

    [Fact]
    public async Task An_expired_token_is_refused()
    {
        Use(Roles.Viewer);
        _time.Advance(TimeSpan.FromMinutes(6));
        await Refused(() => Note(false).Read());
    }

    [Fact]
    public async Task The_verified_name_reaches_the_grain_and_a_name_that_the_client_set_does_not()
    {
        RequestContext.Set(RequestActor.ContextKey, "somebody else");
        Use(Roles.Viewer);
        Assert.Equal("ann", await Note(false).Actor());
    }

    [Fact]
    public async Task The_token_goes_no_further_than_the_filter()
    {
        Use(Roles.Viewer);
        Assert.False(await Note(false).TokenSeen());
    }

    [Fact]
    public void Nobody_can_issue_the_role_of_the_system_or_a_name_that_claims_another_role()
    {
        Assert.Throws<ArgumentException>(() => _silo.Tokens.Issue("eve", RoleTokens.SystemRole));
        Assert.Throws<ArgumentException>(() => _silo.Tokens.Issue("eve|administrator|9999999999", Roles.Viewer));
    }

    [Theory]
    [InlineData("note/note-1")]
    [InlineData("sys.svc.clustering.membership-oracle/127.0.0.1:1@1")]
    public async Task A_call_that_only_names_a_grain_as_its_sender_is_refused(string target)
    {
        var filter = new AuthorizationFilter(_silo.Tokens, NullLogger<AuthorizationFilter>.Instance);
        var forged = new ClaimedCall(GrainId.Parse("note/note-2"), GrainId.Parse(target), typeof(INoteGrain).GetMethod(nameof(INoteGrain.ReadInside))!);
        foreach (var mark in new[] { null, "", "guess" })
        {
            RequestContext.Clear();
            if (mark is not null) RequestContext.Set(GrainMark.ContextKey, mark);
            await Refused(() => filter.Invoke(forged));
        }
        Assert.Equal(0, forged.Invoked);
        RequestContext.Set(GrainMark.ContextKey, _silo.Tokens.GrainMark);
        await filter.Invoke(forged);
        Assert.Equal(1, forged.Invoked);
        Assert.Null(RequestContext.Get(GrainMark.ContextKey));
    }

    [Fact]
    public async Task A_grain_reaches_a_grain_and_the_mark_does_not_stay_with_it()
    {
        Use(Roles.Viewer);
        Assert.Equal("(none)", await Note(false).ReadOther("note-2"));
        Assert.False(await Note(false).TokenSeen());
    }

    [Fact]
    public async Task The_timer_of_a_grain_runs_as_the_grain()
    {
        Use(Roles.Viewer);
        await Note(false).ReadOtherByTimer("note-2");
        var until = DateTime.UtcNow.AddSeconds(30);
        while (await Note(false).Read() != "timer: (none)")
        {
            Assert.True(DateTime.UtcNow < until, "the timer did not run in 30 s");
            await Task.Delay(20, TestContext.Current.CancellationToken);
            Use(Roles.Viewer);
        }
    }

    [Fact]
    public async Task A_client_reaches_no_management_interface_of_the_runtime()
    {
        RequestContext.Clear();
        var management = _client.Services.GetRequiredService<IClusterClient>().GetGrain<IManagementGrain>(0);
        await Refused(() => management.ForceActivationCollection(TimeSpan.FromHours(1)));
        Use(Roles.Administrator);
        await Refused(() => management.GetTotalActivationCount());
    }

    [Fact]
    public async Task Start_up_code_with_the_system_token_may_call_what_is_for_grains_only()
    {
        RequestContext.Set(RoleToken.ContextKey, _silo.Tokens.IssueSystem());
        Assert.Equal("(none)", await Note(true).ReadInside());
    }

    /// <summary>What the filter sees of a message, whose sender is whoever the message says.</summary>
    private sealed class ClaimedCall(GrainId source, GrainId target, MethodInfo method) : IIncomingGrainCallContext
    {
        public int Invoked { get; private set; }
        public GrainId? SourceId => source;
        public GrainId TargetId => target;
        public MethodInfo InterfaceMethod => method;
        public IInvokable Request => throw new NotSupportedException();
        public object Grain => throw new NotSupportedException();
        public IGrainContext TargetContext => throw new NotSupportedException();
        public MethodInfo ImplementationMethod => throw new NotSupportedException();
        public GrainInterfaceType InterfaceType => throw new NotSupportedException();
        public string InterfaceName => throw new NotSupportedException();
        public string MethodName => throw new NotSupportedException();
        public object? Result { get; set; }
        public Response? Response { get; set; }

        public Task Invoke()
        {
            Invoked++;
            return Task.CompletedTask;
        }
    }

    private void Use(string role) => RequestContext.Set(RoleToken.ContextKey, _silo.Tokens.Issue("ann", role));

    private INoteGrain Note(bool hosted) => hosted
        ? _silo.Grains.GetGrain<INoteGrain>("note-1")
        : _client.Services.GetRequiredService<IClusterClient>().GetGrain<INoteGrain>("note-1");

    private static Task Refused(Func<Task> call) => Assert.ThrowsAsync<UnauthorizedAccessException>(call);
}
