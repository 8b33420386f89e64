using IvrActors.Grains.Flows;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Recordings;
using IvrActors.Grains.Policies;

namespace IvrActors.Grains.Calls;

/// <summary>One call between two events. Persisted encrypted; removed when the call ends.</summary>
[GenerateSerializer, Alias("ivr.CallState")]
public sealed class CallState
{
    /// <summary>The last event that was answered; 0 before the first.</summary>
    [Id(0)] public int LastSeq { get; set; }

    /// <summary>The answer to it, given again when the event comes again.</summary>
    [Id(1)] public CallReply? LastReply { get; set; }
    [Id(2)] public string Tenant { get; set; } = "";
    [Id(3)] public string Trunk { get; set; } = "";
    [Id(4)] public string Edge { get; set; } = "";
    [Id(5)] public OriginClass Origin { get; set; }

    /// <summary>Pseudonym of the caller for audit records.</summary>
    [Id(6)] public string Actor { get; set; } = "";
    [Id(7)] public string Flow { get; set; } = "";

    /// <summary>The version that this call runs to its end.</summary>
    [Id(8)] public string FlowVersion { get; set; } = "";
    [Id(9)] public FlowState Position { get; set; } = new();

    /// <summary>The call out that was permitted and is not settled.</summary>
    [Id(10)] public OutboundCall? Out { get; set; }

    /// <summary>The recording that was permitted last, in a row of an older version.</summary>
    [Id(11)] public RecordingId? Recording { get; set; }

    /// <summary>All that were permitted: who is known later is heard in these, too.</summary>
    [Id(12)] public List<RecordingId> Recordings { get; set; } = [];

    /// <summary>Where the call comes from, in pseudonyms.</summary>
    [Id(13)] public CallOrigin? From { get; set; }

    /// <summary>This will be a call of our own: it waits to be made, or to be answered.</summary>
    [Id(14)] public CallBackTicket? Expected { get; set; }

    /// <summary>This is a call of our own, and what is to be settled when it is over. Begun or not.</summary>
    [Id(15)] public OutboundCall? Own { get; set; }

    /// <summary>The call by which this caller is called back when this one is over.</summary>
    [Id(16)] public CallId? CallBack { get; set; }

    /// <summary>What was known against the call that ordered this one; nothing of a call that came in.</summary>
    [Id(17)] public RiskLevel Risk { get; set; }

    /// <summary>Limits in which the call has a place, by the keys of their grains.</summary>
    [Id(20)] public List<string> Places { get; set; } = [];

    /// <summary>How the call's dialog stood with its last event, for whoever takes the call over; null where its edge does not say.</summary>
    [Id(21)] public CallDialog? Dialog { get; set; }

    /// <summary>That of the other half of a bridged call.</summary>
    [Id(22)] public CallDialog? Other { get; set; }

    /// <summary>Counts the edges that have had the call; see <see cref="CallEvent.Epoch"/>.</summary>
    [Id(23)] public int Epoch { get; set; }

    /// <summary>The life of the edge that has it.</summary>
    [Id(24)] public string Incarnation { get; set; } = "";

    /// <summary>Edges that were asked to take the call over since it was served last, with the one that has the order now; else empty.</summary>
    [Id(25)] public List<string> Asked { get; set; } = [];

    /// <summary>Where the call comes from, as audit records name it.</summary>
    public string OriginText => OriginOf(Trunk, Origin);

    public static string OriginOf(string trunk, OriginClass origin) => $"{trunk}/{CallOrigins.NameOf(origin)}";
}
