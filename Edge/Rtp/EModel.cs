namespace IvrActors.Edge.Rtp;

/// <summary>Whether a receiver fills the holes that lost packets leave: the packet-loss robustness Bpl of G.711 (ITU-T G.113 Appendix I, Table I.4).</summary>
public enum Concealment
{
    /// <summary>Silence in the hole.</summary>
    None = 0,

    /// <summary>As ITU-T G.711 Appendix I, or better: telephones and browsers.</summary>
    G711AppendixI = 1,
}

/// <summary>Transmission ratings R: of listening alone, and of a conversation, which suffers from delay as well.</summary>
public readonly record struct VoiceRating(double Listening, double Conversation)
{
    /// <summary>MOS-LQ (RFC 3611 4.7.5).</summary>
    public double MosListening => EModel.MosOf(Listening);

    /// <summary>MOS-CQ (RFC 3611 4.7.5).</summary>
    public double MosConversation => EModel.MosOf(Conversation);
}

/// <summary>
/// Estimates how a call over G.711 sounds, from loss and delay, by the E-model (ITU-T G.107). All of its other inputs have their default values (Table 2), so that
/// R = Ro − Is − Id − Ie,eff with Ro and Is constant, and no advantage A: 93.2 for a call without loss and delay.
/// </summary>
public static class EModel
{
    /// <summary>Ro: signal to noise with the default levels (G.107 7.2). With the default loudness ratings Roe of 7.4 is the same.</summary>
    private const double Ro = 94.7688;

    /// <summary>Is: too loud a connection, sidetone, quantizing distortion (G.107 7.3).</summary>
    private const double Is = 1.4136;

    /// <summary>Default loudness of the talker's echo and weighted echo path loss in dB (G.107 Table 2).</summary>
    private const double Telr = 65, Wepl = 110;

    /// <summary>Delay that is heard as such (mT of G.107 7.4, default conversation).</summary>
    private const double HeardDelayMs = 100;

    /// <summary>Ie of G.711 (G.113 Table I.1): the codec itself costs nothing.</summary>
    private const double Ie = 0;

    /// <param name="loss">Fraction of packets that were not played, 0 to 1.</param>
    /// <param name="burstRatio">See <see cref="LossSummary.BurstRatio"/>.</param>
    /// <param name="oneWay">From mouth to ear.</param>
    public static VoiceRating Rate(double loss, double burstRatio, Concealment concealment, TimeSpan oneWay)
    {
        var listening = Ro - Is - DelayImpairment(TimeSpan.Zero) - EquipmentImpairment(loss, burstRatio, concealment);
        return new VoiceRating(listening, listening + DelayImpairment(TimeSpan.Zero) - DelayImpairment(oneWay));
    }

    /// <summary>Ie,eff (G.107 7.5): what loss costs.</summary>
    public static double EquipmentImpairment(double loss, double burstRatio, Concealment concealment)
    {
        var percent = 100 * Math.Clamp(loss, 0, 1);
        var robustness = concealment == Concealment.None ? 4.3 : 25.1;
        return Ie + (95 - Ie) * percent / (percent / Math.Max(1, burstRatio) + robustness);
    }

    /// <summary>Id (G.107 7.4): what delay costs, as echo of the talker and of the listener and by itself.</summary>
    public static double DelayImpairment(TimeSpan oneWay)
    {
        var t = Math.Max(0, oneWay.TotalMilliseconds);
        return TalkerEcho(t) + ListenerEcho(2 * t) + Sluggishness(t);
    }

    private static double TalkerEcho(double t)
    {
        var terv = Telr - 40 * Math.Log10((1 + t / 10) / (1 + t / 150)) + 6 * Math.Exp(-0.3 * t * t);
        var re = 80 + 2.5 * (terv - 14);
        var half = (Ro - re) / 2;
        return (half + Math.Sqrt(half * half + 100) - 1) * (1 - Math.Exp(-t));
    }

    private static double ListenerEcho(double roundTrip)
    {
        var rle = 10.5 * (Wepl + 7) * Math.Pow(roundTrip + 1, -0.25);
        var half = (Ro - rle) / 2;
        return half + Math.Sqrt(half * half + 169);
    }

    private static double Sluggishness(double t)
    {
        if (t <= HeardDelayMs) return 0;
        var x = Math.Log2(t / HeardDelayMs);
        return 25 * (SixthRoot(1 + Math.Pow(x, 6)) - 3 * SixthRoot(1 + Math.Pow(x / 3, 6)) + 2);

        static double SixthRoot(double value) => Math.Pow(value, 1.0 / 6);
    }

    /// <summary>The mean opinion that goes with a rating, 1 to 4.5 (G.107 Annex B; the polynomial dips below 1 for ratings under 6.5).</summary>
    public static double MosOf(double rating) => rating switch
    {
        <= 0 => 1,
        >= 100 => 4.5,
        _ => Math.Max(1, 1 + 0.035 * rating + rating * (rating - 60) * (100 - rating) * 7e-6),
    };
}
