namespace IvrActors.Grains.Flows;

/// <summary>Reads a step that calls the caller back.</summary>
internal static class CallBackReader
{
    public static readonly string[] Keys = ["call_back", "trunk", "ring", "play", "carry", "then", "on"];

    private static readonly TimeSpan s_ringTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_leastRingTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_mostRingTime = TimeSpan.FromSeconds(120);

    public static CallBackStep Read(ValueReader values, YamlScalar name, Fields fields)
    {
        fields.OneOf("call_back", "true");
        var on = fields.On("unavailable", "refused", "limited");
        return new CallBackStep
        {
            Name = name.Value,
            At = name.At,
            Parts = SpeechReader.Read(values, "play", fields.Require("play")),
            Trunk = fields.Name("trunk"),
            RingTime = fields.Duration("ring", s_ringTime, s_leastRingTime, s_mostRingTime),
            Carry = Carry(values, fields.Optional("carry")),
            Then = fields.Name("then"),
            Unavailable = on.Name("unavailable"),
            Refused = on.Name("refused"),
            Limited = on.Name("limited"),
        };
    }

    private static List<Named> Carry(ValueReader values, YamlNode? node)
    {
        if (node is null) return [];
        if (node is YamlList list) return [.. list.Items.Select(item => values.NameOf(item, "a variable for 'carry'"))];
        values.Error(node.At, "carry: expected a list of variables, such as [account]");
        return [];
    }
}
