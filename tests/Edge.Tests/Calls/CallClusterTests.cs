using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Edge.Admission;
using IvrActors.Edge.Calls;
using IvrActors.Edge.Tests.Media;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Edge.Tests.Calls;

public class CallClusterTests : IRoleTokens
{
    private static readonly CallId s_call = new("call-test");
    private readonly ECDiffieHellman _key = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
    private readonly EdgeReadiness _readiness = new(TimeProvider.System);
    private readonly CallGrain _grain = new();
    private readonly CallCluster _cluster;

    public CallClusterTests()
    {
        var token = new EdgeToken(MediaEngineTests.Options(), this, TimeProvider.System);
        _cluster = new CallCluster(CallGrains.With(_grain), token, _readiness, new LatencyWindow(), TimeProvider.System, NullLogger<CallCluster>.Instance);
    }

    string IRoleTokens.Issue(string name, string role) => $"{name}/{role}";

    private static LegEvent Pin(string digits) =>
        new(new DigitsCollected { Seq = 3, Outcome = CollectOutcome.Digits }) { Digits = new Secret<byte>(Encoding.ASCII.GetBytes(digits)), Purpose = "pin" };

    [Fact]
    public async Task Secret_digits_leave_sealed_to_the_cluster_for_this_call_and_purpose_and_are_zeroed_here()
    {
        _readiness.Heard(SecretSealer.PublicKeyOf("k1", _key));
        var pin = Pin("8642");
        Assert.NotNull(await _cluster.Handle(s_call, pin));
        var sent = Assert.IsType<DigitsCollected>(Assert.Single(_grain.Events));
        Assert.Null(sent.Digits);
        Assert.Equal((3, CollectOutcome.Digits), (sent.Seq, sent.Outcome));
        using var opened = SecretSealer.Open(_key, "call-test", "pin", sent.Sealed!);
        Assert.Equal("8642", Encoding.ASCII.GetString(opened!.Expose()));
        Assert.Null(SecretSealer.Open(_key, "call-other", "pin", sent.Sealed!));
        Assert.Throws<ObjectDisposedException>(() => pin.Digits!.Expose().Length);
        Assert.Equal("edge/edge", _grain.Token);
    }

    [Fact]
    public async Task Secret_digits_that_cannot_be_sealed_leave_not_at_all()
    {
        var first = Pin("8642");
        Assert.Null(await _cluster.Handle(s_call, first));
        _readiness.Heard(new SealingKey { KeyId = "bad", PublicKey = new byte[65] });
        Assert.Null(await _cluster.Handle(s_call, Pin("8642")));
        Assert.Empty(_grain.Events);
        Assert.Throws<ObjectDisposedException>(() => first.Digits!.Expose().Length);
    }

    [Fact]
    public async Task An_event_is_repeated_with_its_number_until_the_cluster_answers()
    {
        _grain.Failures = 3;
        var reply = await _cluster.Handle(s_call, new LegEvent(new TransferEnded { Seq = 7, Status = 200 }));
        Assert.Equal(7, reply!.Seq);
        Assert.Equal([7, 7, 7, 7], _grain.Events.Select(e => e.Seq));
    }

    [Fact]
    public async Task An_error_that_no_repeat_can_help_is_given_up_at_once()
    {
        _grain.Failures = 1;
        _grain.Error = new InvalidOperationException();
        Assert.Null(await _cluster.Handle(s_call, new LegEvent(new TransferEnded { Seq = 7, Status = 200 })));
        Assert.Single(_grain.Events);
    }

    private sealed class CallGrain : ICallGrain
    {
        public List<CallEvent> Events { get; } = [];

        public int Failures { get; set; }

        public Exception Error { get; set; } = new TimeoutException();

        public object? Token { get; private set; }

        public Task<CallReply> Handle(CallEvent callEvent)
        {
            Events.Add(callEvent);
            Token = RequestContext.Get(RoleToken.ContextKey);
            return Failures-- > 0 ? Task.FromException<CallReply>(Error) : Task.FromResult(new CallReply { Seq = callEvent.Seq, Commands = [] });
        }

        public Task<bool> Expect(CallBackTicket ticket) => throw new NotSupportedException();

        public Task CallBack() => throw new NotSupportedException();

        public Task Visit() => throw new NotSupportedException();

        public Task Keep(int epoch, CallDialog dialog, CallDialog? other) => Failures-- > 0 ? Task.FromException(Error) : Task.CompletedTask;

        public Task<bool> EdgeGone(EdgeLoss loss) => throw new NotSupportedException();

        public Task<bool> HangUp() => Task.FromResult(false);
    }
}

/// <summary>A grain factory that knows one call grain.</summary>
public class CallGrains : DispatchProxy
{
    private object? _call;

    public static IGrainFactory With(object call)
    {
        var factory = Create<IGrainFactory, CallGrains>();
        ((CallGrains)(object)factory)._call = call;
        return factory;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
        targetMethod!.Name == "GetGrain" && targetMethod.GetGenericArguments() is [var type] && type == typeof(ICallGrain) && args![0] is "call-test" ? _call : throw new NotSupportedException(targetMethod.Name);
}
