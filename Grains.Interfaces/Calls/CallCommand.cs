using IvrActors.Grains.Interfaces.Flows;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Interfaces.Recordings;

namespace IvrActors.Grains.Interfaces.Calls;

/// <summary>What the edge is to do next. A reply's commands run in order; the edge sends its next event when one of them asks for one.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand")]
public abstract class CallCommand;

/// <summary>Refuse the INVITE with this SIP status.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Reject")]
public sealed class Reject : CallCommand
{
    [Id(0)] public required int Status { get; init; }

    /// <summary>Seconds for Retry-After, or null.</summary>
    [Id(1)] public int? RetryAfter { get; init; }
}

/// <summary>Answer the INVITE with 200 and the media that was negotiated; after <see cref="EarlyMedia"/> when what plays has ended.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Answer")]
public sealed class Answer : CallCommand;

/// <summary>Let the INVITE ring (180) for so long before the next command. Asks for no event.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Ring")]
public sealed class Ring : CallCommand
{
    [Id(0)] public required TimeSpan Time { get; init; }
}

/// <summary>
/// Answer the INVITE provisionally with the media that was negotiated (183): what plays from now on is heard before the call is answered, for so long at most. Then
/// the <see cref="Answer"/> or <see cref="HangUp"/> that follows is done at once. Asks for no event.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.EarlyMedia")]
public sealed class EarlyMedia : CallCommand
{
    [Id(0)] public required TimeSpan Most { get; init; }
}

/// <summary>Queue prompts behind what is playing. Asks for no event.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Play")]
public sealed class Play : CallCommand
{
    [Id(0)] public required List<PromptPart> Prompts { get; init; }

    /// <summary>Whether a key during this prompt stops it and counts for the next collect; otherwise keys during it are discarded.</summary>
    [Id(1)] public bool BargeIn { get; init; }

    /// <summary>Keys that move within it; null for none.</summary>
    [Id(2)] public PlayControls? Controls { get; init; }
}

/// <summary>Keys with which a caller moves within what plays. They are for nothing else while it plays.</summary>
[GenerateSerializer, Immutable, Alias("ivr.PlayControls")]
public sealed class PlayControls
{
    [Id(0)] public char? Back { get; init; }
    [Id(1)] public char? Forward { get; init; }

    /// <summary>Stops it where it is, and goes on there.</summary>
    [Id(2)] public char? Pause { get; init; }

    /// <summary>How far <see cref="Back"/> and <see cref="Forward"/> go.</summary>
    [Id(3)] public required TimeSpan Step { get; init; }
}

/// <summary>Play prompts, then gather keys; answered by <see cref="DigitsCollected"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Collect")]
public sealed class Collect : CallCommand
{
    /// <summary>The variable that the digits go to; the purpose to which secret digits are sealed.</summary>
    [Id(0)] public required string Name { get; init; }
    [Id(1)] public required List<PromptPart> Prompts { get; init; }
    [Id(2)] public required int MinDigits { get; init; }
    [Id(3)] public required int MaxDigits { get; init; }

    /// <summary>The key that ends the input early (<c>#</c>), or null for none. Never part of the digits.</summary>
    [Id(4)] public char? Terminator { get; init; }

    /// <summary>Counted from the end of the prompt.</summary>
    [Id(5)] public required TimeSpan FirstDigitTimeout { get; init; }
    [Id(6)] public required TimeSpan InterDigitTimeout { get; init; }

    /// <summary>Whether a key stops the prompt. When false, keys during the prompt are discarded.</summary>
    [Id(7)] public required bool BargeIn { get; init; }

    /// <summary>Whether the digits are sealed at the edge and named nowhere.</summary>
    [Id(8)] public required bool Secret { get; init; }

    /// <summary>The key that, pressed first, says that the caller has not got what is asked for; null: none. Ends the input at once.</summary>
    [Id(9)] public char? Skip { get; init; }
}

/// <summary>When what plays has ended, send the caller to another party by REFER (RFC 3515); answered by <see cref="TransferEnded"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Transfer")]
public sealed class Transfer : CallCommand
{
    /// <summary>A SIP URI from the cluster's configuration, never from the caller's input.</summary>
    [Id(0)] public required string Target { get; init; }
}

/// <summary>
/// When what plays has ended, call another party by a trunk and connect the caller with it; answered by <see cref="BridgeEnded"/> when it came to nothing, else by
/// <see cref="CallEnded"/>. The cluster has permitted it: the edge dials nobody by itself.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Bridge")]
public sealed class Bridge : CallCommand
{
    /// <summary>Of the tenant of the call.</summary>
    [Id(0)] public required string Trunk { get; init; }

    /// <summary>Whom to call, in E.164; null when it is <see cref="Address"/>.</summary>
    [Id(1)] public PhoneNumber? Number { get; init; }

    /// <summary>A SIP URI from the cluster's configuration, never from the caller's input.</summary>
    [Id(2)] public string? Address { get; init; }

    /// <summary>How long it may ring.</summary>
    [Id(3)] public required TimeSpan RingTime { get; init; }

    /// <summary>The call is ended after so much talk: what was set aside for it is used up.</summary>
    [Id(4)] public required TimeSpan MostTalk { get; init; }

    /// <summary>Recorded prompt that the caller hears over and over until somebody answers or is heard; null: ringback, when it rings.</summary>
    [Id(5)] public PromptPart? Hold { get; init; }
}

/// <summary>
/// Call somebody back by a trunk, under the id of a call that the cluster has prepared: when it is answered that call begins, by <see cref="CallOffered"/>; when it is not,
/// the one event of it is <see cref="CallEnded"/>. Sent by itself, and never part of a reply.
/// </summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Originate")]
public sealed class Originate : CallCommand
{
    [Id(0)] public required string Tenant { get; init; }
    [Id(1)] public required string Trunk { get; init; }

    /// <summary>In E.164.</summary>
    [Id(2)] public required PhoneNumber Number { get; init; }

    /// <summary>How long it may ring, each time.</summary>
    [Id(3)] public required TimeSpan RingTime { get; init; }

    /// <summary>The call is ended after so much talk: what was set aside for it is used up.</summary>
    [Id(4)] public required TimeSpan MostTalk { get; init; }

    /// <summary>When it is first dialled, from now: a line that was just hung up takes a moment to be free.</summary>
    [Id(5)] public required TimeSpan After { get; init; }

    /// <summary>How often it is dialled at most, where it is busy, and what goes by between.</summary>
    [Id(6)] public required int Tries { get; init; }
    [Id(7)] public required TimeSpan Pause { get; init; }
}

/// <summary>Record both sides of the call from now on; answered by <see cref="RecordingBegun"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.Record")]
public sealed class Record : CallCommand
{
    [Id(0)] public required RecordingId Recording { get; init; }
}

/// <summary>End the recording, if there is one. Asks for no event.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.StopRecording")]
public sealed class StopRecording : CallCommand;

/// <summary>When what plays has ended, send BYE; answered by <see cref="CallEnded"/>.</summary>
[GenerateSerializer, Immutable, Alias("ivr.CallCommand.HangUp")]
public sealed class HangUp : CallCommand
{
    /// <summary>Stop what plays instead of letting it end (an operator's order).</summary>
    [Id(0)] public bool AtOnce { get; init; }
}
