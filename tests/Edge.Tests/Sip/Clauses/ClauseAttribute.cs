using Xunit.v3;

namespace IvrActors.Edge.Tests.Sip.Clauses;

/// <summary>
/// Says which sentence of RFC 3261 a test proves. Every one stands in <c>rfc3261-must.tsv</c>, and <see cref="ClauseTableTests"/> holds the two together. Run one
/// clause with <c>-trait "RFC 3261=12.2.1.1"</c>.
/// </summary>
/// <param name="clause">Number of the section.</param>
/// <param name="must">What it demands, as the table says it.</param>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class ClauseAttribute(string clause, string must) : Attribute, ITraitAttribute
{
    public string Section { get; } = clause;

    public string Must { get; } = must;

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("RFC 3261", Section)];
}
