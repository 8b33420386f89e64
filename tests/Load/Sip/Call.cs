using System.Net;
using System.Security.Cryptography;
using IvrActors.Edge.Sip.Message;
using IvrActors.Edge.Srtp;
using IvrActors.Load.Media;
using IvrActors.Load.Report;

namespace IvrActors.Load.Sip;

/// <summary>One call as a softphone makes it: INVITE, ACK, BYE with their repetitions (RFC 3261 17.1), media, and a script to follow. Only the engine's thread enters.</summary>
internal sealed class Call
{
    private const long T1 = 500 * TimeSpan.TicksPerMillisecond, GiveUp = 64 * T1;
    private const byte EventType = 101;

    private readonly Engine _engine;
    private readonly Link _link;
    private readonly UacDialog _dialog;
    private readonly MediaReceiver _receiver;
    private readonly SrtpMasterKey? _key;
    private readonly uint _ssrc;
    private string _branch;
    private byte[] _repeat = [];
    private byte[] _ack = [];
    private byte[] _accepted = [];
    private uint _acceptedSequence;
    private IPEndPoint? _movedTo;
    private long _started, _repeatAt, _repeatAfter, _expires;
    private State _state = State.Inviting;
    private IEnumerator<Pause>? _script;

    private enum State
    {
        Inviting,
        Proceeding,
        Up,
        Closing,
        Done,
    }

    public Call(Engine engine, Link link, MediaReceiver receiver, int number, string to, Caller? caller)
    {
        _engine = engine;
        _link = link;
        _receiver = receiver;
        Caller = caller;
        var id = engine.RunId + "-" + number.ToString(System.Globalization.CultureInfo.InvariantCulture);
        // 1000 different numbers: limits for each caller are at work but do not refuse.
        var user = "+4420790" + (number % 1000).ToString("D5", System.Globalization.CultureInfo.InvariantCulture);
        var uri = $"sip:{to}@{Texts.Text(engine.Server)}";
        _dialog = new UacDialog { User = user, CallId = id, From = $"<sip:{user}@{link.Local.Address}>;tag=f{id}", To = $"<{uri}>", Target = uri };
        _branch = "z9hG4bKi" + id;
        _key = engine.Srtp is { } suite ? new SrtpMasterKey(suite, RandomNumberGenerator.GetBytes(suite.KeyAndSaltSize)) : null;
        _ssrc = (uint)number * 2654435761u;
    }

    public string CallId => _dialog.CallId;

    /// <summary>When the engine looks at this call next; its own note.</summary>
    public long DueAt { get; set; }

    public Caller? Caller { get; }

    /// <summary>The final answer that is no failure.</summary>
    public int ExpectedStatus { get; init; } = 200;

    public CallMedia? Media { get; private set; }

    /// <summary>What failed, or null.</summary>
    public string? Failure { get; private set; }

    public Result Result => _engine.Result;

    /// <summary>Sends the INVITE; <paramref name="script"/> is entered when the call is up.</summary>
    public void Start(long now, Func<Call, IEnumerable<Pause>> script)
    {
        _script = script(this).GetEnumerator();
        _started = now;
        Media = new CallMedia(_receiver, _engine.PayloadType, EventType, Result);
        var offer = Texts.Offer(_link.Local.Address, _receiver.Port, _engine.PayloadType, EventType, _key);
        SendRepeated(Texts.Request("INVITE", _dialog.Target, _link, _dialog, _branch, 1, offer), now);
    }

    public void OnResponse(SipResponse response, long now)
    {
        var isInvite = response.CSeq.Method == "INVITE";
        if (isInvite && response.Status >= 200 && _state > State.Proceeding)
        {
            if (_ack.Length > 0) _link.Send(_ack, _movedTo); // the server did not get our ACK and sent its answer again
        }
        else if (isInvite && response.Status < 200)
        {
            if (_state != State.Inviting) return;
            _state = State.Proceeding;
            _repeatAt = 0;
        }
        else if (isInvite)
        {
            OnFinal(response, now);
        }
        else if (response.CSeq.Method == "BYE" && response.Status >= 200 && _state == State.Closing)
        {
            if (response.Status != 200) Failure ??= $"BYE got {response.Status}";
            End(now);
        }
    }

    public void OnRequest(SipRequest request, long now)
    {
        if (request.Method == "ACK") return;
        if (request.Method == "INVITE")
        {
            Reinvited(request, now);
            return;
        }
        var known = request.Method is "BYE" or "INFO" or "OPTIONS" or "NOTIFY";
        _link.Send(SipWriter.ToBytes(SipResponses.For(request, known ? 200 : 501)), WayBack(request));
        if (request.Method != "BYE" || _state == State.Done) return;
        if (_state == State.Up && !HangUpIsExpected) Failure ??= "the server hung up";
        End(now);
    }

    /// <summary>How often another edge took the call over.</summary>
    public int Moves { get; private set; }

    /// <summary>Another edge of the cluster goes on with the call, from an address of its own: the dialog and the media go there from now on (RFC 3261 14.2).</summary>
    private void Reinvited(SipRequest invite, long now)
    {
        if (invite.CSeq.Number == _acceptedSequence)
        {
            _link.Send(_accepted, WayBack(invite));
            return;
        }
        var answer = _state == State.Up ? Texts.ReadAnswer(invite.Body.Span, _engine.PayloadType, _engine.Srtp) : null;
        if (answer is not { } offered || offered.Key?.Suite != _engine.Srtp || invite.Contact is not { } contact)
        {
            _link.Send(SipWriter.ToBytes(SipResponses.For(invite, _state == State.Up ? 488 : 481)), WayBack(invite));
            return;
        }
        _dialog.Target = contact.Uri.ToString();
        _movedTo = IPAddress.TryParse(contact.Uri.Host, out var address) ? new IPEndPoint(address, contact.Uri.Port ?? 5060) : null;
        var response = SipResponses.For(invite, 200);
        response.Headers.Add("Contact", $"<sip:{_dialog.User}@{Texts.Text(_link.Local)};transport={_link.Transport.ToLowerInvariant()}>");
        response.Headers.Add("Content-Type", "application/sdp");
        response.Body = Texts.Offer(_link.Local.Address, _receiver.Port, _engine.PayloadType, EventType, _key, version: 2 + Moves, offered.Tag);
        (_accepted, _acceptedSequence) = (SipWriter.ToBytes(response), invite.CSeq.Number);
        _link.Send(_accepted, WayBack(invite));
        Moves++;
        Media!.Move(offered.Remote, offered.Key, now);
    }

    /// <summary>Where a request came from, as its Via says (RFC 3261 18.2.2); null: from the server.</summary>
    private static IPEndPoint? WayBack(SipRequest request) =>
        IPAddress.TryParse(request.TopVia.Host, out var address) ? new IPEndPoint(address, request.TopVia.Port ?? 5060) : null;

    /// <summary>Whether the script has come to where the server may end the call.</summary>
    public bool HangUpIsExpected { get; set; }

    /// <summary>Does what is due, and says when it wants to be called next.</summary>
    public long Tick(long now)
    {
        if (_state == State.Done) return long.MaxValue;
        if (_state != State.Up && now >= _expires)
        {
            Failure ??= _state == State.Closing ? "no answer to BYE" : "no answer to INVITE";
            End(now);
            return long.MaxValue;
        }
        if (_state == State.Up) return Follow(now);
        if (_repeatAt == 0 || now < _repeatAt) return _repeatAt == 0 ? _expires : _repeatAt;
        if (_state == State.Inviting) Result.InviteRepeats++;
        _link.Send(_repeat, _movedTo);
        // Timer A doubles without end; timer E, for BYE, up to 4 s.
        _repeatAfter = _state == State.Inviting ? 2 * _repeatAfter : Math.Min(2 * _repeatAfter, 8 * T1);
        return _repeatAt = now + _repeatAfter;
    }

    private void OnFinal(SipResponse response, long now)
    {
        _dialog.Establish(response);
        if (response.Status >= 300)
        {
            // The ACK of a refusal belongs to the INVITE's transaction (RFC 3261 17.1.1.3).
            _link.Send(_ack = Texts.Request("ACK", _dialog.Target, _link, _dialog, _branch, 1));
            if (response.Status == ExpectedStatus) Result.Setup.Record(now - _started);
            else Failure = $"{response.Status} {response.Reason}";
            End(now);
            return;
        }
        if (ExpectedStatus != 200) Failure = "answered where it was to be refused";
        Result.Setup.Record(now - _started);
        _link.Send(_ack = Texts.Request("ACK", _dialog.Target, _link, _dialog, _branch + "a", 1));
        _state = State.Up;
        if (Texts.ReadAnswer(response.Body.Span, _engine.PayloadType) is not { } answer || answer.Key?.Suite != _engine.Srtp)
        {
            Failure = "the SDP answer does not take what was offered";
            HangUp(now);
            return;
        }
        Media!.Start(answer.Remote, _key, answer.Key, now, _ssrc);
        _engine.Sender.Add(Media);
        _engine.Wake(this, now);
    }

    private long Follow(long now)
    {
        while (_script!.Current is not { } pause || pause.IsOver(now))
        {
            if (_script.MoveNext())
            {
                if (_script.Current.Failure is { } failure)
                {
                    Failure ??= failure;
                    return HangUp(now);
                }
                _script.Current.Begin(now);
            }
            else
            {
                return HangUp(now);
            }
        }
        return _script.Current.LookAgain(now);
    }

    private long HangUp(long now)
    {
        _state = State.Closing;
        _branch += "b";
        SendRepeated(Texts.Request("BYE", _dialog.Target, _link, _dialog, _branch, 2), now);
        return _repeatAt == 0 ? _expires : _repeatAt;
    }

    private void SendRepeated(byte[] message, long now)
    {
        _repeat = message;
        _repeatAfter = T1;
        _repeatAt = _link.IsUnreliable ? now + T1 : 0;
        _expires = now + GiveUp;
        _link.Send(message, _movedTo);
        _engine.Wake(this, _repeatAt == 0 ? _expires : _repeatAt);
    }

    private void End(long now)
    {
        _state = State.Done;
        Failure ??= Media!.Fault;
        _engine.Sender.Remove(Media!);
        Media!.Dispose();
        _script?.Dispose();
        _engine.OnEnded(this, now);
    }
}
