using IvrActors.Edge.Sip;

namespace IvrActors.Edge.Reputation;

/// <summary>What is known of a source before it is judged: how little an offence that was seen in its name proves.</summary>
public enum SourceStanding
{
    /// <summary>Nobody that we know: blocking it by mistake harms no call that was ever made.</summary>
    Stranger = 0,

    /// <summary>It authenticated or completed a call within the last day.</summary>
    Vouched = 1,

    /// <summary>An address of a trunk: behind it are all calls of a carrier.</summary>
    Trunk = 2,

    /// <summary>No trunk's, but in the /64 of one, which would be blocked with it.</summary>
    Neighbour = 3,
}

/// <summary>
/// How much offences count. A source is blocked when its score reaches <see cref="Threshold"/>; scores halve every <see cref="HalfLife"/>. Nobody can get
/// a trunk blocked by forging its address: what a datagram alone says counts only against strangers (ADR 0011).
/// </summary>
public static class ReputationRules
{
    public const double Threshold = 100;

    /// <summary>A person who mistypes a password once in a while is forgotten in between; who tries once a minute is not.</summary>
    public static readonly TimeSpan HalfLife = TimeSpan.FromMinutes(10);

    /// <summary>A first block is short, because it may be a mistake …</summary>
    public static readonly TimeSpan FirstBlock = TimeSpan.FromMinutes(2);

    /// <summary>… and each further one is twice as long, up to a day.</summary>
    public static readonly TimeSpan LongestBlock = TimeSpan.FromDays(1);

    /// <summary>One block is forgiven for each such time without another.</summary>
    public static readonly TimeSpan Forgiveness = TimeSpan.FromDays(1);

    /// <summary>How long a success protects from what others do in a source's name.</summary>
    public static readonly TimeSpan VouchedFor = TimeSpan.FromDays(1);

    /// <summary>By less two times of the same block do not differ: they are reckoned anew at each edge.</summary>
    public static readonly TimeSpan Rounding = TimeSpan.FromSeconds(1);

    public static double WeightOf(SourceOffence offence) => offence switch
    {
        SourceOffence.Scanner => Threshold, // No honest program has such a name.
        SourceOffence.DigestFailed => 10, // Ten wrong passwords within minutes: svcrack tries that many in a second.
        SourceOffence.UnknownNumber => 10, // Ten numbers that are not there.
        SourceOffence.RegisterFlood => 10,
        SourceOffence.Malformed => 5, // A phone with a bug sends some; a fuzzer many.
        SourceOffence.ManyUsers => 2.5, // Forty users: a site whose phones all come back at once has one with a right password long before.
        SourceOffence.ForgedInDialog => 2, // Also what a phone sends after this edge was restarted.
        _ => 4, // Unknown source: 25 messages, as a phone sends that is set up wrongly, and gets no answer either way.
    };

    /// <summary>What an offence adds to the score of a source.</summary>
    public static double Weigh(SourceOffence offence, bool proven, SourceStanding standing) => standing switch
    {
        SourceStanding.Stranger => WeightOf(offence),
        SourceStanding.Neighbour => 0,
        _ when !proven => 0,
        SourceStanding.Vouched => WeightOf(offence),
        // A carrier passes on what its customers dial and the names of their phones: that is not the carrier's doing.
        _ => offence is SourceOffence.Scanner or SourceOffence.UnknownNumber or SourceOffence.UnknownSource or SourceOffence.ManyUsers ? 0 : WeightOf(offence),
    };

    /// <summary>Length of a block after so many earlier ones.</summary>
    public static TimeSpan BlockFor(int strikes)
    {
        var length = FirstBlock;
        for (var i = 0; i < strikes && length < LongestBlock; i++) length *= 2;
        return length < LongestBlock ? length : LongestBlock;
    }

    public static double Decayed(double score, long elapsed) =>
        elapsed <= 0 ? score : score * Math.Pow(2, -(double)elapsed / HalfLife.Ticks);

    /// <summary>Whether a block that another edge decided holds here. An operator's holds for everybody.</summary>
    /// <param name="proven">Whether what led to it was.</param>
    public static bool Accepts(SourceOffence reason, bool proven, SourceStanding standing) =>
        reason == SourceOffence.Operator || standing == SourceStanding.Stranger || (standing == SourceStanding.Vouched && proven);

    /// <summary>Whether a block that is on still holds against a source that may have become a trunk's since it began: what would begin none now does not.</summary>
    /// <param name="own">Whether this edge decided it, and so saw the proof.</param>
    public static bool Holds(SourceOffence reason, bool proven, bool own, SourceStanding standing) =>
        Accepts(reason, proven, standing) || (own && Weigh(reason, proven, standing) > 0);

    /// <summary>Whether a right password takes the points of an offence away: of those who ask without one a site with many telephones has many, and what others did in its name is not its own.</summary>
    public static bool IsForgivenByProof(SourceOffence offence, bool proven) => !proven || offence == SourceOffence.ManyUsers;

    /// <summary>The offence of that name; null for one that this version does not know.</summary>
    public static SourceOffence? OffenceOf(string name)
    {
        foreach (var offence in Enum.GetValues<SourceOffence>())
        {
            if (NameOf(offence) == name) return offence;
        }
        return null;
    }

    /// <summary>Metric label and word in the log line.</summary>
    public static string NameOf(SourceOffence offence) => offence switch
    {
        SourceOffence.Malformed => "malformed",
        SourceOffence.UnknownSource => "unknown-source",
        SourceOffence.Scanner => "scanner",
        SourceOffence.DigestFailed => "digest-failed",
        SourceOffence.UnknownNumber => "unknown-number",
        SourceOffence.RegisterFlood => "register-flood",
        SourceOffence.ForgedInDialog => "forged-in-dialog",
        SourceOffence.ManyUsers => "many-users",
        SourceOffence.Operator => "operator",
        SourceOffence.Guessing => "guessing",
        _ => "other",
    };
}
