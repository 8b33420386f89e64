using System.Reflection;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Edges;
using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Nodes;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Interfaces.Tracing;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

/// <summary>
/// The storage provider reads a key of hex digits (before a plus) as a number and one of 32 as a Guid, and so merges rows of different grains. A letter that is no hex digit in
/// the constant part of every key keeps it from that, whatever the variable part is.
/// </summary>
public sealed class GrainKeyTests
{
    // What others may choose: tenants, trunks, edges, flows, operators, and whatever a pseudonym could be.
    private static readonly string[] s_hostile = ["", "7", "007", "abcdef", "A1+x", "+", "0123456789abcdef", "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef+x"];

    public static TheoryData<string> Keys =>
    [
        .. s_hostile.SelectMany(h => new[]
        {
            IAuditGrain.Key(h), IEdgeGrain.Key(h), IFlowGrain.Key(h, h), IOperatorGrain.Key(h), ILockoutDirectoryGrain.Key(h), IRateLimitGrain.DestinationKey(h, h),
            IRateLimitGrain.CallerKey(new CallerKey(h), OriginClass.Unattested), ILimitGrain.TenantKey(h), ILimitGrain.TrunkKey(h, h), ILockoutGrain.Key(new CallerKey(h), OriginClass.Unattested), ISpendGrain.Key(h), ITraceGrain.Key(h), IMediaLaneGrain.Key(h),
            IRecordingIndexGrain.Key(h, DateTimeOffset.UnixEpoch), IRecordingHoursGrain.Key(h), IRiskPinGrain.Key(h, 7), IRiskOriginGrain.Key(h, 7), IRiskAccountGrain.Key(h, 7), IRiskTenantGrain.Key(h), INodeGrain.Key(h), RecordingId.Of(new CallId("call-" + h), 1).Value,
        }),
        CallId.New().Value, CallerKey.ForAccount(new byte[32], "demo", "1").Value, CallerKey.ForNumber(new byte[32], "demo", "+1").Value,
        ILimitGrain.ClusterKey, IKnownCallersGrain.Key(0), IEnrolmentGrain.Key, IEdgeDirectoryGrain.Key, IOperatorDirectoryGrain.Key, ITraceDirectoryGrain.Key, IBlockListGrain.Key, IRecordingRetentionGrain.Key, IRiskCallGrain.Key(7), IRiskCollectorGrain.Key,
    ];

    [Theory]
    [MemberData(nameof(Keys))]
    public void No_key_is_read_as_a_number_or_a_Guid(string key)
    {
        var grain = GrainId.Create("type", key);
        Assert.False(grain.TryGetIntegerKey(out long _, out _));
        Assert.False(grain.TryGetGuidKey(out Guid _, out _));
        Assert.Matches("^[a-z]", key);
        Assert.Contains(key.Split('+')[0], c => char.IsAsciiLetter(c) && !char.IsAsciiHexDigit(c));
    }

    [Fact]
    public void Every_grain_interface_has_its_key_in_this_test()
    {
        // Calls and callers are keyed by their id and pseudonym, which the list above makes.
        string[] tested =
        [
            nameof(IAuditGrain), nameof(IEdgeGrain), nameof(IFlowGrain), nameof(IOperatorGrain), nameof(ILockoutDirectoryGrain), nameof(IRateLimitGrain), nameof(ILockoutGrain), nameof(ISpendGrain),
            nameof(ICallGrain), nameof(ICallerGrain), nameof(IEnrolmentGrain), nameof(IEdgeDirectoryGrain), nameof(IOperatorDirectoryGrain), nameof(ITraceGrain), nameof(ITraceDirectoryGrain), nameof(IBlockListGrain),
            nameof(ILimitGrain), nameof(INodeGrain), nameof(IKnownCallersGrain), nameof(IMediaLaneGrain), nameof(IMediaQualityGrain), nameof(IKeyCadenceGrain),
            nameof(IRiskCollectorGrain), nameof(IRiskPinGrain), nameof(IRiskOriginGrain), nameof(IRiskAccountGrain), nameof(IRiskCallGrain), nameof(IRiskTenantGrain),
            nameof(IRecordingGrain), nameof(IRecordingIndexGrain), nameof(IRecordingHoursGrain), nameof(IRecordingRetentionGrain), nameof(ICallerKeyGrain),
        ];
        var all = typeof(ICallGrain).Assembly.GetTypes().Where(t => t.IsInterface && typeof(IGrainWithStringKey).IsAssignableFrom(t)).Select(t => t.Name);
        Assert.Equal(tested.Order(StringComparer.Ordinal), all.Order(StringComparer.Ordinal));
        Assert.DoesNotContain(typeof(ICallGrain).Assembly.GetTypes(), t => typeof(IGrainWithIntegerKey).IsAssignableFrom(t) || typeof(IGrainWithGuidKey).IsAssignableFrom(t));
    }

    [Fact]
    public void Every_method_of_a_grain_has_an_alias_and_no_permission_is_none()
    {
        var methods = typeof(ICallGrain).Assembly.GetTypes().Where(t => t.IsInterface && typeof(IAddressable).IsAssignableFrom(t)).SelectMany(t => t.GetMethods().Where(m => !m.IsStatic)).ToList();
        Assert.NotEmpty(methods);
        Assert.All(methods, m => Assert.Equal(m.Name, m.GetCustomAttribute<AliasAttribute>()?.Alias));
        Assert.All(methods, m => Assert.NotEqual(Permission.None, m.GetCustomAttribute<RequiresAttribute>()?.Permission));
    }
}
