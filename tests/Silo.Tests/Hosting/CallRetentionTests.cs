using System.Reflection;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

public sealed class CallRetentionTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly List<string> _visits = [];
    private readonly KeyRing _ring;
    private readonly CallRetention _retention;
    private string _broken = "";
    private bool _isAway;

    public CallRetentionTests()
    {
        TestKeys.CopyTo(_folder, "test");
        _ring = TestKeys.Open(_folder, "test", first: false);
        var time = new FakeTimeProvider();
        var tokens = new RoleTokens(ClusterKeys.Load(_ring, mayCreate: true), time);
        _retention = new CallRetention(Answering.Make<IStateTable>((_, _) => Keys()), Answering.Make<IGrainFactory>((_, arguments) => CallOf((string)arguments[0]!)), tokens, time, NullLogger<CallRetention>.Instance);
    }

    public void Dispose()
    {
        _retention.Dispose();
        _ring.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Every_stored_call_is_come_back_to_also_after_one_that_fails_and_after_a_time_without_a_database()
    {
        var cancellation = TestContext.Current.CancellationToken;
        _broken = "call-2";
        await _retention.TryRun(cancellation);
        Assert.Equal(["call-1", "call-2", "call-3"], Visited());
        _isAway = true;
        await _retention.TryRun(cancellation);
        Assert.Empty(Visited());
        _isAway = false;
        await _retention.TryRun(cancellation);
        Assert.Equal(["call-1", "call-2", "call-3"], Visited());
    }

    [Fact]
    public async Task A_silo_that_ends_comes_back_to_none()
    {
        await _retention.TryRun(new CancellationToken(canceled: true));
        Assert.Empty(Visited());
    }

    private List<string> Visited()
    {
        var visits = _visits.ToList();
        _visits.Clear();
        return visits;
    }

    private Task<IReadOnlyList<string>> Keys()
    {
        return _isAway ? Task.FromException<IReadOnlyList<string>>(new IOException("the database is away")) : Task.FromResult<IReadOnlyList<string>>(["call-1", "call-2", "call-3"]);
    }

    private ICallGrain CallOf(string key) => Answering.Make<ICallGrain>((_, _) =>
    {
        _visits.Add(key);
        return key == _broken ? Task.FromException(new TimeoutException("no answer")) : Task.CompletedTask;
    });
}

/// <summary>Implements an interface by one function.</summary>
internal class Answering : DispatchProxy
{
    private Func<MethodInfo, object?[], object?> _answer = (_, _) => null;

    public static T Make<T>(Func<MethodInfo, object?[], object?> answer) where T : class
    {
        var made = Create<T, Answering>();
        ((Answering)(object)made)._answer = answer;
        return made;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!, args ?? []);
}
