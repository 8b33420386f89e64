using IvrActors.Grains.Callers;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;

namespace IvrActors.Grains.Flows;

/// <summary>Reads the steps that ask who is calling. What they say and how long they wait has defaults, so that a flow needs to say little.</summary>
internal static class AuthenticationReader
{
    private static readonly string[] s_exits = ["reached", "exhausted", "unreachable", "unavailable", "failed", "locked", "must_change"];
    private static readonly string[] s_levels = ["low", "medium", "high"];
    private static readonly string[] s_askKeys = ["prompt", "again", "first_digit_timeout", "again_timeout", "inter_digit_timeout"];

    public static readonly string[] AuthenticateKeys = ["authenticate", "assurance", "attempts", "pin", "totp", "hotp", "sent_code", "device", "recovery_code", "other", "no_input", "no_match", "on"];
    public static readonly string[] SetPinKeys = ["set_pin", "prompt", "repeat", "different", "weak", "first_digit_timeout", "inter_digit_timeout", "attempts", "no_input", "no_match", "on"];
    public static readonly string[] BranchKeys = ["branch", "choices", "otherwise"];

    internal static IEnumerable<string> AskKeys => s_askKeys;

    /// <summary>How a telephone asks for factors: the prompts of the standard folder; 6 digits but for what is kept on paper or shown by a device; and the time that it takes to find them.</summary>
    private static readonly Dictionary<FactorKind, Defaults> s_defaults = new()
    {
        [FactorKind.Pin] = new("enter-pin", WeakPins.LeastDigits, WeakPins.MostDigits, 6, 6, 3),
        // Long enough for the next code: each counts once.
        [FactorKind.Totp] = new("enter-code", Hotp.Digits, Hotp.Digits, 15, 35, 5),
        [FactorKind.Hotp] = new("enter-token-code", Hotp.Digits, Hotp.Digits, 15, 15, 5),
        [FactorKind.SentCode] = new("enter-sent-code", SentCodeFactor.Digits, SentCodeFactor.Digits, 45, 30, 5),
        // The caller opens the page and shows finger or face to it before there is a number.
        [FactorKind.Device] = new("enter-device-number", DeviceFactor.Digits, DeviceFactor.Digits, 60, 30, 5),
        [FactorKind.RecoveryCode] = new("enter-recovery-code", RecoveryCodeFactor.Digits, RecoveryCodeFactor.Digits, 30, 20, 5),
    };

    public static AuthenticateStep Authenticate(ValueReader values, YamlScalar name, Fields fields)
    {
        var on = fields.On(s_exits);
        return new AuthenticateStep
        {
            Name = name.Value,
            At = name.At,
            Account = fields.Name("authenticate"),
            Wanted = Level(fields),
            Attempts = fields.Int("attempts", 3, 1, StepReader.MostAttempts),
            Asking = s_defaults.ToDictionary(d => d.Key, d => Ask(values, name.At, fields, FactorTraits.NameOf(d.Key), d.Value)),
            Other = Or(values, fields, "other", name.At, "press-star-for-another"),
            NoInput = Or(values, fields, "no_input", name.At, "sorry-no-input"),
            NoMatch = Or(values, fields, "no_match", name.At, "sorry-no-match"),
            Reached = on.Name("reached"),
            Exhausted = on.Name("exhausted"),
            Unreachable = on.Name("unreachable"),
            Unavailable = on.Name("unavailable"),
            Failed = on.OptionalName("failed"),
            Locked = on.OptionalName("locked"),
            MustChange = on.OptionalName("must_change"),
        };
    }

    public static SetPinStep SetPin(ValueReader values, YamlScalar name, Fields fields)
    {
        fields.OneOf("set_pin", "true");
        var on = fields.On("changed", "failed", "refused", "unavailable");
        return new SetPinStep
        {
            Name = name.Value,
            At = name.At,
            Prompt = Or(values, fields, "prompt", name.At, "enter-new-pin"),
            Repeat = Or(values, fields, "repeat", name.At, "repeat-new-pin"),
            Different = Or(values, fields, "different", name.At, "pins-differ"),
            Weak = Or(values, fields, "weak", name.At, "pin-too-easy"),
            NoInput = Or(values, fields, "no_input", name.At, "sorry-no-input"),
            NoMatch = Or(values, fields, "no_match", name.At, "sorry-no-match"),
            FirstDigitTimeout = StepReader.Timeout(fields, "first_digit_timeout", TimeSpan.FromSeconds(10)),
            InterDigitTimeout = StepReader.Timeout(fields, "inter_digit_timeout", TimeSpan.FromSeconds(3)),
            Attempts = fields.Int("attempts", 3, 1, StepReader.MostAttempts),
            Changed = on.Name("changed"),
            Failed = on.Name("failed"),
            Refused = on.Name("refused"),
            Unavailable = on.Name("unavailable"),
        };
    }

    public static BranchStep Branch(ValueReader values, YamlScalar name, Fields fields)
    {
        fields.OneOf("branch", "attestation");
        var labels = Enum.GetValues<Attestation>().Select(Interpreter.LabelOf).ToList();
        var choices = new List<Exit>();
        if (fields.Require("choices") is YamlMap { Entries.Count: > 0 } map)
        {
            foreach (var (key, target) in map.Entries)
            {
                if (!labels.Contains(key.Value)) values.Error(key.At, $"choices: '{YamlTree.Shown(key.Value)}' is no verdict; expected one of A, B, C, failed and none");
                choices.Add(new Exit(key.Value, values.NameOf(target, "a step name")));
            }
        }
        else if (fields.Optional("choices") is { } node)
        {
            values.Error(node.At, "choices: expected a map from verdicts to step names, such as { A: known }");
        }
        return new BranchStep { Name = name.Value, At = name.At, Choices = choices, Otherwise = fields.Name("otherwise") };
    }

    public static Assurance Level(Fields fields) => fields.OneOf("assurance", s_levels) switch { "high" => Assurance.High, "medium" => Assurance.Medium, _ => Assurance.Low };

    private static FactorAsk Ask(ValueReader values, Position at, Fields step, string key, Defaults otherwise)
    {
        var map = step.Optional(key) as YamlMap;
        if (map is null && step.Optional(key) is { } node) values.Error(node.At, $"{key}: expected a map with the keys {string.Join(", ", s_askKeys)}");
        var fields = new Fields(values, map ?? new YamlMap { At = at, Entries = [] }, map?.At ?? at, key, s_askKeys);
        return new FactorAsk(
            Or(values, fields, "prompt", at, otherwise.Prompt), Or(values, fields, "again", at, otherwise.Prompt + "-again"), otherwise.Least, otherwise.Most,
            StepReader.Timeout(fields, "first_digit_timeout", TimeSpan.FromSeconds(otherwise.First)), StepReader.Timeout(fields, "again_timeout", TimeSpan.FromSeconds(otherwise.Again)),
            StepReader.Timeout(fields, "inter_digit_timeout", TimeSpan.FromSeconds(otherwise.Between)));
    }

    private static IReadOnlyList<SpeechPart> Or(ValueReader values, Fields fields, string key, Position at, string prompt) =>
        fields.Optional(key) is { } node ? SpeechReader.Read(values, key, node) : [new RecordedPart { At = at, Prompt = prompt }];

    /// <summary>Times in seconds.</summary>
    private sealed record Defaults(string Prompt, int Least, int Most, int First, int Again, int Between);
}
