using IvrActors.Grains.Interfaces.Operators;

namespace IvrActors.Grains.Operators;

/// <summary>Names of operators: they stand in grain keys, audit records and role tokens, so only plain characters.</summary>
internal static class OperatorName
{
    private const int Least = 3;
    private const int Most = 64;

    /// <summary>3 to 64 of ASCII letters, digits, and <c>. _ - @</c>, beginning with a letter or digit, and no name that is reserved.</summary>
    public static bool IsValid(string? name) =>
        name is { Length: >= Least and <= Most } && char.IsAsciiLetterOrDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-' or '@') && !RequestActor.IsReserved(name);

    /// <summary>As ASP.NET Core Identity's default normalizer does.</summary>
    public static string Normalize(string name) => name.Normalize().ToUpperInvariant();
}
