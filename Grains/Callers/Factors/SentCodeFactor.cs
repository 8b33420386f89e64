using System.Security.Cryptography;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Grains.Privacy;

namespace IvrActors.Grains.Callers.Factors;

/// <summary>
/// A code that is sent to where the caller was reached before, for one call (NIST SP 800-63B-4 3.1.3.2). Its tag is stored before it is sent. Replay: one is outstanding, of one
/// call, for ten minutes at most; an accepted code is taken away, and a new one replaces it. Being sent resets no count of failures, and is itself limited.
/// </summary>
internal sealed class SentCodeFactor(IClusterKeys keys, ICodeDelivery delivery) : IBegunFactor
{
    public const int Digits = 6;

    /// <summary>A text message takes seconds, mail a few minutes; the standard allows ten.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    /// <summary>So many within an hour: who needs more has another trouble, and each costs money and annoys its owner.</summary>
    public const int MostAnHour = 5;

    /// <summary>Of these, so many are for attested callers only: who calls from anywhere cannot use up those of the owner.</summary>
    public const int KeptForAttested = 2;

    /// <summary>A destination that replaces another is not used for so long: its owner has a day to notice that it was changed.</summary>
    public static readonly TimeSpan CoolDown = TimeSpan.FromHours(24);

    private static readonly SecretTag s_nobody = new() { Pepper = 0, Tag = RandomNumberGenerator.GetBytes(32) };

    public FactorKind Kind => FactorKind.SentCode;

    public bool IsEnrolled(CallerState caller) => caller.CodesTo is not null;

    /// <summary>A channel that no provider serves brings no code.</summary>
    public bool CanEverBeAsked(CallerState caller) => caller.CodesTo is { } route && delivery.Serves(caller.Tenant, route.To.Channel);

    public bool CanBeAsked(FactorContext context, CallerState caller) => CanSend(context, caller) && !IsLimited(context, caller);

    public FactorStart Begin(FactorContext context, CallerState caller)
    {
        if (!CanSend(context, caller)) return new FactorStart(BeginOutcome.Unavailable);
        if (IsLimited(context, caller)) return new FactorStart(BeginOutcome.Limited);
        var code = RandomDigits.Make(Digits);
        var expires = context.Now + Life;
        var sent = new SentCode { Call = context.Call, Tag = SecretTag.Make(keys, PurposeOf(context.Call), code.Expose()), Expires = expires, Attested = IsAttested(context) };
        var message = MessageOf(context, caller, code, expires);
        return new FactorStart(BeginOutcome.Sent, caller.With(next => (next.Sent, next.CodesSent) = (sent, [.. AskedTimes.OfTheDay(caller.CodesSent, context.Now), context.Now])), cancellation => Send(message, cancellation), code);
    }

    public FactorCheck Verify(FactorContext context, CallerState? caller, ReadOnlySpan<byte> digits)
    {
        var tag = caller?.Sent?.Tag ?? s_nobody;
        var right = tag.Matches(keys, PurposeOf(context.Call), digits);
        return right && caller?.Sent is { } sent && sent.Call == context.Call && context.Now < sent.Expires && caller.CodesTo is not null
            ? new FactorCheck(true, caller.With(next => next.Sent = null))
            : FactorCheck.Refused;
    }

    private bool CanSend(FactorContext context, CallerState caller) =>
        CanEverBeAsked(caller) && context.Now >= caller.CodesTo!.From;

    /// <summary>Too many were sent, or the one that an attested caller waits for would be replaced by somebody who may be anybody.</summary>
    private static bool IsLimited(FactorContext context, CallerState caller)
    {
        if (AskedTimes.AreUsedUp(caller.CodesSent, context.Now, MostAnHour, IsAttested(context) ? 0 : KeptForAttested)) return true;
        return !IsAttested(context) && caller.Sent is { Attested: true } sent && sent.Call != context.Call && context.Now < sent.Expires;
    }

    private static bool IsAttested(FactorContext context) => context.From is { Class: OriginClass.Attested };

    private async Task<bool> Send(CodeMessage message, CancellationToken cancellation) => await delivery.Send(message, cancellation) is DeliveryResult.Sent;

    private static CodeMessage MessageOf(FactorContext context, CallerState caller, Secret<byte> code, DateTimeOffset expires)
    {
        var to = caller.CodesTo!.To;
        return new CodeMessage
        {
            Id = Guid.NewGuid().ToString(),
            Tenant = caller.Tenant,
            Channel = to.Channel,
            Call = context.Call,
            Number = to.Channel is CodeChannel.Email ? null : new PhoneNumber(to.Address.Reveal()),
            Address = to.Channel is CodeChannel.Email ? to.Address : null,
            Code = code,
            Language = context.Language,
            Expires = expires,
        };
    }

    private static string PurposeOf(CallId call) => "sent code of " + call.Value;
}
