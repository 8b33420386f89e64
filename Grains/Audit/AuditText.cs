using System.Globalization;
using System.Text;
using IvrActors.Grains.Interfaces.Audit;

namespace IvrActors.Grains.Audit;

/// <summary>Makes what others put into a record safe to keep and to show. Escapes rather than refuses: bytes of a caller must not be able to keep an act out of the ledger.</summary>
internal static class AuditText
{
    // A name, a key or a phrase; a flow version and a lockout key stay below it.
    public const int MostCharacters = 256;

    public static AuditEntry Clean(AuditEntry entry) => new()
    {
        Actor = Clean(entry.Actor),
        Action = Clean(entry.Action),
        Result = entry.Result,
        Origin = Clean(entry.Origin),
        Object = Clean(entry.Object),
        Detail = Clean(entry.Detail),
    };

    /// <summary>Controls, line and direction marks, lone surrogates and the backslash as <c>\uXXXX</c>; what is too long ends with an ellipsis.</summary>
    public static string Clean(string? text)
    {
        if (string.IsNullOrEmpty(text)) return "";
        if (text.Length <= MostCharacters && text.All(IsPlain)) return text;
        var clean = new StringBuilder(MostCharacters);
        for (var i = 0; i < text.Length; i++)
        {
            var paired = char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]);
            var piece = paired ? text.Substring(i, 2) : IsPlain(text[i]) ? text[i].ToString() : $"\\u{(int)text[i]:X4}";
            if (clean.Length + piece.Length > MostCharacters - 1) return clean.Append('…').ToString();
            clean.Append(piece);
            if (paired) i++;
        }
        return clean.ToString();
    }

    private static bool IsPlain(char c) => c != '\\' && CharUnicodeInfo.GetUnicodeCategory(c) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or
        UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.PrivateUse);
}
