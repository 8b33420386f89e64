using IvrActors.Edge.Sip.Message;

namespace IvrActors.Edge.Sip.Dialogs;

/// <summary>The methods that a user agent serves: its own, and those of the servers that it was given.</summary>
internal sealed class ServedMethods
{
    private const string Own = "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, NOTIFY, PRACK, UPDATE, REFER";

    private int _servers = -1;

    public Dictionary<string, IRequestServer> Servers { get; } = [];

    public string Allow => Current().Allow;

    public ScreeningRules Rules => Current().Rules;

    private (string Allow, ScreeningRules Rules) _current;

    /// <summary>Made again when a server was added.</summary>
    private (string Allow, ScreeningRules Rules) Current()
    {
        if (_servers == Servers.Count) return _current;
        _servers = Servers.Count;
        string[] methods = [.. Own.Split(", ").Union(Servers.Keys)];
        var rules = new ScreeningRules
        {
            Methods = methods,
            Extensions = OptionTags.All.Split(", "),
            ContentTypes = new Dictionary<string, IReadOnlyList<string>>
            {
                [SipMethods.Invite] = [UserAgent.Sdp, "multipart/mixed", "multipart/alternative"],
                [SipMethods.Info] = [DtmfInfo.RelayType, DtmfInfo.PlainType, "multipart/mixed"],
                [SipMethods.Update] = [UserAgent.Sdp],
            },
        };
        return _current = (string.Join(", ", methods), rules);
    }
}
