namespace IvrActors.Fuzz;

/// <summary>All targets.</summary>
public static class FuzzTargets
{
    public static IReadOnlyList<IFuzzTarget> All() =>
    [
        new MessageTarget(), new FramingTarget(), new UriTarget(), new ViaTarget(), new AuthorizationTarget(), new PassportTarget(), new SdpTarget(), new MultipartTarget(),
        new RtpTarget(), new StunTarget(), new DtlsTarget(), new DtmfTarget(), new OpusTarget(), new MaskTarget(),
    ];
}
