using System.Buffers;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Flows;

/// <summary>Reads one step. The key that names its kind decides which other keys it may have.</summary>
internal static class StepReader
{
    public const string KindKeys = "play, answer, collect, menu, authenticate, verify, set_pin, fetch, branch, transfer, call_back, record, hang_up";

    /// <summary>The longest that a caller enters; card numbers have up to 19 digits.</summary>
    private const int MostDigits = 32;

    /// <summary>How often one caller may be asked the same in one visit.</summary>
    internal const int MostAttempts = 10;

    /// <summary>How often one thing is said at a stretch.</summary>
    private const int MostRepeats = 10;

    private static readonly TimeSpan s_firstDigitTimeout = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan s_interDigitTimeout = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_ringTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_leastRingTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_mostRingTime = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan s_seekStep = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_leastSeekStep = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_leastTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_mostTimeout = TimeSpan.FromSeconds(60);
    private static readonly SearchValues<char> s_keys = SearchValues.Create("0123456789*#");
    private static readonly string[] s_kinds = ["answer", "collect", "menu", "authenticate", "verify", "set_pin", "fetch", "branch", "transfer", "call_back", "record", "hang_up"];
    private static readonly string[] s_asking = ["first_digit_timeout", "inter_digit_timeout", "barge_in", "attempts", "no_input", "no_match", "on"];
    private static readonly string[] s_collectKeys = ["collect", "prompt", "digits", "terminator", "secret", .. s_asking];
    private static readonly string[] s_menuKeys = ["menu", "choices", .. s_asking];
    private static readonly string[] s_verifyKeys = ["verify", "account", "with", "attempts", "on"];
    private static readonly string[] s_fetchKeys = ["fetch", "assurance", "on"];
    private static readonly string[] s_transferKeys = ["transfer", "mode", "trunk", "ring", "hold", "from_input", "play", "on"];
    private static readonly string[] s_transferDigits = ["digits"];
    private static readonly string[] s_recordKeys = ["record", "consent", "first_digit_timeout", "next", "on"];
    private static readonly string[] s_hangUpKeys = ["hang_up", "play"];
    private static readonly string[] s_answerKeys = ["answer", "next"];
    private static readonly string[] s_playKeys = ["play", "barge_in", "volume", "repeat", "controls", "next"];
    private static readonly string[] s_repeatKeys = ["times", "pause"];
    private static readonly string[] s_controlKeys = ["back", "forward", "pause", "step"];

    internal static IEnumerable<string> AllKeys =>
        new[] { s_repeatKeys, s_controlKeys, s_answerKeys, s_collectKeys, s_menuKeys, s_verifyKeys, s_fetchKeys, s_transferKeys, CallBackReader.Keys, s_recordKeys, s_hangUpKeys, s_playKeys,
            AuthenticationReader.AuthenticateKeys, AuthenticationReader.SetPinKeys, AuthenticationReader.BranchKeys }.SelectMany(k => k).Concat(AuthenticationReader.AskKeys).Distinct();

    public static FlowStep? Read(ValueReader values, YamlScalar name, YamlMap map)
    {
        var kinds = s_kinds.Where(k => map.Find(k) is not null).ToList();
        if (kinds.Count > 1)
        {
            values.Error(name.At, $"step '{name.Value}' has the keys {string.Join(" and ", kinds)}; expected one of them");
            return null;
        }
        var kind = kinds.Count == 1 ? kinds[0] : map.Find("play") is not null ? "play" : null;
        if (kind is null)
        {
            values.Error(name.At, $"step '{name.Value}' has no kind; expected one of the keys {KindKeys}");
            return null;
        }
        var what = $"{kind} step '{name.Value}'";
        return kind switch
        {
            "answer" => Answer(name, new Fields(values, map, name.At, what, s_answerKeys)),
            "collect" => Collect(values, name, new Fields(values, map, name.At, what, s_collectKeys)),
            "menu" => Menu(values, name, new Fields(values, map, name.At, what, s_menuKeys)),
            "authenticate" => AuthenticationReader.Authenticate(values, name, new Fields(values, map, name.At, what, AuthenticationReader.AuthenticateKeys)),
            "set_pin" => AuthenticationReader.SetPin(values, name, new Fields(values, map, name.At, what, AuthenticationReader.SetPinKeys)),
            "branch" => AuthenticationReader.Branch(values, name, new Fields(values, map, name.At, what, AuthenticationReader.BranchKeys)),
            "verify" => Verify(name, new Fields(values, map, name.At, what, s_verifyKeys)),
            "fetch" => Fetch(name, new Fields(values, map, name.At, what, s_fetchKeys)),
            "transfer" => Transfer(values, name, new Fields(values, map, name.At, what, s_transferKeys)),
            "call_back" => CallBackReader.Read(values, name, new Fields(values, map, name.At, what, CallBackReader.Keys)),
            "record" => Record(values, name, new Fields(values, map, name.At, what, s_recordKeys)),
            "hang_up" => HangUp(values, name, new Fields(values, map, name.At, what, s_hangUpKeys)),
            _ => Play(values, name, new Fields(values, map, name.At, what, s_playKeys)),
        };
    }

    private static PlayStep Play(ValueReader values, YamlScalar name, Fields fields) => new()
    {
        Name = name.Value,
        At = name.At,
        Parts = SpeechReader.Read(values, "play", fields.Require("play")),
        BargeIn = fields.Bool("barge_in", true),
        Volume = fields.Optional("volume") is { } volume ? values.Decibels("volume", volume) : null,
        Repeat = Repeat(values, fields.Optional("repeat")),
        Controls = Controls(values, fields.Optional("controls")),
        Next = fields.Name("next"),
    };

    /// <summary><c>repeat: { times: 3, pause: 1s }</c>.</summary>
    private static (int Times, TimeSpan Pause) Repeat(ValueReader values, YamlNode? node)
    {
        if (node is null) return (1, TimeSpan.Zero);
        if (node is YamlMap map)
        {
            var fields = new Fields(values, map, map.At, "repeat", s_repeatKeys);
            return (fields.Require("times") is { } times ? values.Int("times", times, 2, MostRepeats) : 1, fields.Duration("pause", TimeSpan.Zero, SpeechReader.LeastPause, SpeechReader.MostPause));
        }
        values.Error(node.At, "repeat: expected { times: 3, pause: 1s }");
        return (1, TimeSpan.Zero);
    }

    /// <summary><c>controls: { back: "4", forward: "6", pause: "5", step: 5s }</c>, of which one key must be there.</summary>
    private static PlayControls? Controls(ValueReader values, YamlNode? node)
    {
        if (node is null) return null;
        if (node is YamlMap map)
        {
            var fields = new Fields(values, map, map.At, "controls", s_controlKeys);
            var controls = new PlayControls
            {
                Back = ControlKey(values, fields, "back"),
                Forward = ControlKey(values, fields, "forward"),
                Pause = ControlKey(values, fields, "pause"),
                Step = fields.Duration("step", s_seekStep, s_leastSeekStep, s_mostTimeout),
            };
            var keys = new[] { controls.Back, controls.Forward, controls.Pause }.OfType<char>().ToList();
            if (keys.Count == 0) values.Error(map.At, "controls: expected a key for back, forward or pause");
            else if (keys.Distinct().Count() < keys.Count) values.Error(map.At, "controls: one key cannot do two things");
            return controls;
        }
        values.Error(node.At, "controls: expected { back: \"4\", forward: \"6\", pause: \"5\", step: 5s }");
        return null;
    }

    private static char? ControlKey(ValueReader values, Fields fields, string name)
    {
        if (fields.Optional(name) is not { } node) return null;
        if (node is YamlScalar { Value.Length: 1 } key && s_keys.Contains(key.Value[0])) return key.Value[0];
        values.Error(node.At, $"{name}: expected one of the keys 0 to 9, * and #");
        return null;
    }

    /// <summary>What callers hear while somebody is called for them: <c>ringback</c> or a recorded prompt, such as <c>hold-music</c>.</summary>
    internal static Named? Hold(ValueReader values, Fields fields) =>
        fields.Optional("hold") is { } node && SpeechReader.PromptId(values, node) is { } prompt ? new Named(prompt, node.At) : null;

    internal static TimeSpan Timeout(Fields fields, string key, TimeSpan otherwise) => fields.Duration(key, otherwise, s_leastTimeout, s_mostTimeout);

    private static AnswerStep Answer(YamlScalar name, Fields fields)
    {
        fields.OneOf("answer", "true");
        return new AnswerStep { Name = name.Value, At = name.At, Next = fields.Name("next") };
    }

    private static CollectStep Collect(ValueReader values, YamlScalar name, Fields fields)
    {
        var (least, most) = Digits(values, fields.Require("digits"));
        var on = fields.On("next", "failed");
        return new CollectStep
        {
            Name = name.Value,
            At = name.At,
            Variable = fields.Name("collect"),
            MinDigits = least,
            MaxDigits = most,
            Terminator = Terminator(values, fields.Optional("terminator")),
            Secret = fields.Require("secret") is { } secret && values.Bool("secret", secret),
            Prompt = SpeechReader.Read(values, "prompt", fields.Require("prompt")),
            FirstDigitTimeout = fields.Duration("first_digit_timeout", s_firstDigitTimeout, s_leastTimeout, s_mostTimeout),
            InterDigitTimeout = fields.Duration("inter_digit_timeout", s_interDigitTimeout, s_leastTimeout, s_mostTimeout),
            BargeIn = fields.Bool("barge_in", true),
            Attempts = fields.Int("attempts", 3, 1, MostAttempts),
            NoInput = SpeechReader.Read(values, "no_input", fields.Require("no_input")),
            NoMatch = SpeechReader.Read(values, "no_match", fields.Require("no_match")),
            Next = on.Name("next"),
            Failed = on.Name("failed"),
        };
    }

    private static MenuStep Menu(ValueReader values, YamlScalar name, Fields fields)
    {
        var choices = Choices(values, fields.Require("choices"));
        var on = fields.On("failed");
        return new MenuStep
        {
            Name = name.Value,
            At = name.At,
            Choices = choices,
            Prompt = SpeechReader.Read(values, "menu", fields.Require("menu")),
            FirstDigitTimeout = fields.Duration("first_digit_timeout", s_firstDigitTimeout, s_leastTimeout, s_mostTimeout),
            InterDigitTimeout = fields.Duration("inter_digit_timeout", s_interDigitTimeout, s_leastTimeout, s_mostTimeout),
            BargeIn = fields.Bool("barge_in", true),
            Attempts = fields.Int("attempts", 3, 1, MostAttempts),
            NoInput = SpeechReader.Read(values, "no_input", fields.Require("no_input")),
            NoMatch = SpeechReader.Read(values, "no_match", fields.Require("no_match")),
            Failed = on.Name("failed"),
        };
    }

    private static VerifyStep Verify(YamlScalar name, Fields fields)
    {
        var on = fields.On("accepted", "refused", "locked", "exhausted", "unavailable");
        return new VerifyStep
        {
            Name = name.Value,
            At = name.At,
            Factor = fields.OneOf("verify", "pin", "totp") == "pin" ? FactorKind.Pin : FactorKind.Totp,
            Account = fields.Name("account"),
            With = fields.Name("with"),
            Attempts = fields.Int("attempts", 3, 1, MostAttempts),
            Accepted = on.Name("accepted"),
            Refused = on.Name("refused"),
            Locked = on.OptionalName("locked"),
            Exhausted = on.Name("exhausted"),
            Unavailable = on.Name("unavailable"),
        };
    }

    private static FetchStep Fetch(YamlScalar name, Fields fields)
    {
        fields.OneOf("fetch", "facts");
        var on = fields.On("next", "unavailable");
        return new FetchStep
        {
            Name = name.Value,
            At = name.At,
            Wanted = AuthenticationReader.Level(fields),
            Next = on.Name("next"),
            Unavailable = on.Name("unavailable"),
        };
    }

    private static TransferStep Transfer(ValueReader values, YamlScalar name, Fields fields)
    {
        var bridges = fields.Optional("mode") is not null && fields.OneOf("mode", "refer", "bridge") == "bridge";
        if (!bridges)
        {
            foreach (var key in new[] { "trunk", "ring", "hold", "from_input" })
                if (fields.Optional(key) is { } node) values.Error(node.At, $"{key}: only a bridged transfer has it; expected mode: bridge beside it");
        }
        var on = bridges ? fields.On("failed", "busy", "no_answer", "refused") : fields.On("failed");
        return new TransferStep
        {
            Name = name.Value,
            At = name.At,
            Target = fields.Optional("transfer") is YamlMap ? null : fields.Name("transfer"),
            Digits = fields.Optional("transfer") is YamlMap digits ? FromInput(values, fields, digits, bridges) : NotFromInput(values, fields, bridges),
            Bridge = bridges ? new BridgeWay(fields.Name("trunk"), fields.Duration("ring", s_ringTime, s_leastRingTime, s_mostRingTime), Hold(values, fields)) : null,
            Parts = SpeechReader.ReadOptional(values, "play", fields.Optional("play")),
            Failed = on.Name("failed"),
            Busy = bridges ? on.OptionalName("busy") : null,
            NoAnswer = bridges ? on.OptionalName("no_answer") : null,
            Refused = bridges ? on.OptionalName("refused") : null,
        };
    }

    /// <summary><c>transfer: { digits: VARIABLE }</c>: whom a caller can have called costs money, so the step must say that it means it.</summary>
    private static Named FromInput(ValueReader values, Fields fields, YamlMap map, bool bridges)
    {
        var digits = new Fields(values, map, map.At, "transfer", s_transferDigits).Name("digits");
        if (!bridges) values.Error(map.At, "transfer: a number that the caller keyed is never sent by REFER; expected mode: bridge");
        else if (fields.Optional("from_input") is null) values.Error(map.At, "transfer: the number comes from the caller's input; expected from_input: allowed beside it, if that is meant");
        else fields.OneOf("from_input", "allowed");
        return digits;
    }

    private static Named? NotFromInput(ValueReader values, Fields fields, bool bridges)
    {
        if (bridges && fields.Optional("from_input") is { } node) values.Error(node.At, "from_input: the target is fixed; expected transfer: { digits: VARIABLE }, or no from_input");
        return null;
    }

    private static RecordStep Record(ValueReader values, YamlScalar name, Fields fields)
    {
        var starts = fields.OneOf("record", "start", "stop") == "start";
        if (!starts)
        {
            foreach (var key in new[] { "consent", "first_digit_timeout", "on" })
                if (fields.Optional(key) is { } node) values.Error(node.At, $"{key}: only record: start has it");
            return new RecordStep { Name = name.Value, At = name.At, Start = null, Next = fields.Name("next") };
        }
        if (fields.Optional("next") is { } next) values.Error(next.At, "next: expected 'next' within 'on', beside 'unavailable'");
        var consent = fields.Require("consent");
        var asks = consent is not YamlScalar { Value: "none" };
        if (!asks && fields.Optional("first_digit_timeout") is { } wait) values.Error(wait.At, "first_digit_timeout: nothing is asked; expected consent: [a question]");
        var on = asks ? fields.On("next", "declined", "unavailable") : fields.On("next", "unavailable");
        return new RecordStep
        {
            Name = name.Value,
            At = name.At,
            Start = new RecordWay(
                asks ? SpeechReader.Read(values, "consent", consent) : null, fields.Duration("first_digit_timeout", s_firstDigitTimeout, s_leastTimeout, s_mostTimeout),
                asks ? on.Name("declined") : null, on.Name("unavailable")),
            Next = on.Name("next"),
        };
    }

    private static HangUpStep HangUp(ValueReader values, YamlScalar name, Fields fields)
    {
        fields.OneOf("hang_up", "true");
        return new HangUpStep { Name = name.Value, At = name.At, Parts = SpeechReader.ReadOptional(values, "play", fields.Optional("play")) };
    }

    /// <summary><c>digits: 8</c> or <c>digits: {min: 4, max: 8}</c>.</summary>
    private static (int Least, int Most) Digits(ValueReader values, YamlNode? node)
    {
        if (node is null) return (1, 1);
        if (node is not YamlMap map)
        {
            var exact = values.Int("digits", node, 1, MostDigits);
            return (exact, exact);
        }
        var fields = new Fields(values, map, map.At, "digits", ["min", "max"]);
        var least = fields.Require("min") is { } min ? values.Int("min", min, 1, MostDigits) : 1;
        var most = fields.Require("max") is { } max ? values.Int("max", max, 1, MostDigits) : MostDigits;
        if (least > most) values.Error(map.At, $"digits: min {least} is more than max {most}");
        return (least, Math.Max(least, most));
    }

    private static char? Terminator(ValueReader values, YamlNode? node)
    {
        if (node is null) return '#';
        if (node is YamlScalar { Value: "#" or "*" } key) return key.Value[0];
        if (node is not YamlScalar { Value: "none" }) values.Error(node.At, "terminator: expected \"#\", \"*\" or none");
        return null;
    }

    private static List<Exit> Choices(ValueReader values, YamlNode? node)
    {
        var choices = new List<Exit>();
        if (node is null) return choices;
        if (node is not YamlMap { Entries.Count: > 0 } map)
        {
            values.Error(node.At, "choices: expected a map from keys to step names");
            return choices;
        }
        foreach (var (key, target) in map.Entries)
        {
            if (key.Value.Length != 1 || !s_keys.Contains(key.Value[0]))
                values.Error(key.At, $"choices: '{YamlTree.Shown(key.Value)}' is not a single key; expected one of 0 to 9, * and #");
            choices.Add(new Exit(key.Value, values.NameOf(target, "a step name")));
        }
        return choices;
    }
}

/// <summary>Reads what a step says.</summary>
internal static class SpeechReader
{
    /// <summary>Pieces of one announcement; a caller listens to no more.</summary>
    private const int MostParts = 32;

    private const int LongestText = 500;
    public static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);
    public static readonly TimeSpan MostPause = TimeSpan.FromSeconds(10);

    private const string Expected = "expected a prompt id, {say: text}, {pause: 500ms}, {amount: facts.NAME}, {transactions: facts.transactions, last: N} or {digits: VARIABLE}";
    private static readonly string[] s_say = ["say"];
    private static readonly string[] s_pause = ["pause"];
    private static readonly string[] s_amount = ["amount"];
    private static readonly string[] s_digits = ["digits"];
    private static readonly string[] s_transactions = ["transactions", "last", "intro", "none"];

    public static IReadOnlyList<SpeechPart> ReadOptional(ValueReader values, string key, YamlNode? node) => node is null ? [] : Read(values, key, node);

    /// <summary>A list of pieces; missing ones were reported by whoever asked for the key.</summary>
    public static IReadOnlyList<SpeechPart> Read(ValueReader values, string key, YamlNode? node)
    {
        if (node is null) return [];
        if (node is not YamlList { Items.Count: > 0 and <= MostParts } list)
        {
            values.Error(node.At, $"{key}: expected a list of 1 to {MostParts} pieces, such as [welcome]");
            return [];
        }
        var parts = new List<SpeechPart>();
        foreach (var item in list.Items)
            if (Part(values, item) is { } part) parts.Add(part);
        return parts;
    }

    private static SpeechPart? Part(ValueReader values, YamlNode node)
    {
        if (node is YamlScalar id) return PromptId(values, id) is { } prompt ? new RecordedPart { At = id.At, Prompt = prompt } : null;
        if (node is YamlMap map)
        {
            if (map.Find("say") is { } text) return Say(values, new Fields(values, map, map.At, "say", s_say), text);
            if (map.Find("pause") is not null) return new PausePart { At = map.At, Length = new Fields(values, map, map.At, "pause", s_pause).Duration("pause", default, LeastPause, MostPause) };
            if (map.Find("amount") is { } amount) return Amount(values, new Fields(values, map, map.At, "amount", s_amount), amount);
            if (map.Find("digits") is { } digits) return Digits(values, new Fields(values, map, map.At, "digits", s_digits), digits);
            if (map.Find("transactions") is not null) return Transactions(values, map.At, new Fields(values, map, map.At, "transactions", s_transactions));
        }
        values.Error(node.At, Expected);
        return null;
    }

    private static SayPart? Say(ValueReader values, Fields _, YamlNode node)
    {
        if (node is YamlScalar { Value.Length: > 0 and <= LongestText } text) return new SayPart { At = text.At, Text = text.Value };
        values.Error(node.At, $"say: expected a text of 1 to {LongestText} characters");
        return null;
    }

    private static AmountPart? Amount(ValueReader values, Fields _, YamlNode node)
    {
        const string prefix = "facts.";
        if (node is YamlScalar text && text.Value.StartsWith(prefix, StringComparison.Ordinal) && text.Value.Length > prefix.Length && text.Value != "facts.transactions")
            return new AmountPart { At = text.At, Fact = text.Value[prefix.Length..] };
        values.Error(node.At, "amount: expected the name of an amount among the facts, such as facts.balance");
        return null;
    }

    private static DigitsPart Digits(ValueReader values, Fields _, YamlNode node)
    {
        var name = values.NameOf(node, "a variable for 'digits'");
        return new DigitsPart { At = name.At, Variable = name.Value };
    }

    private static TransactionsPart Transactions(ValueReader values, Position at, Fields fields)
    {
        fields.OneOf("transactions", "facts.transactions");
        return new TransactionsPart
        {
            At = at,
            Last = fields.Require("last") is { } last ? values.Int("last", last, 1, 10) : 1,
            Intro = fields.Optional("intro") is { } intro ? PromptId(values, intro) : null,
            None = fields.Optional("none") is { } none ? PromptId(values, none) ?? "" : "no-transactions",
        };
    }

    internal static string? PromptId(ValueReader values, YamlNode node)
    {
        if (node is YamlScalar { Value.Length: > 0 and <= 64 } id && id.Value.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '/')) return id.Value;
        values.Error(node.At, "expected a prompt id: small letters, digits, '-', '_' and '/'");
        return null;
    }
}
