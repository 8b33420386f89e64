using System.Text;
using IvrActors.Grains.Callers.Delivery;

namespace IvrActors.Silo.Delivery;

/// <summary>The words around a code in a mail. English is what flows speak.</summary>
internal static class CodeText
{
    public static string Subject(string language) => language switch
    {
        _ => "Your code for this call",
    };

    /// <summary>ASCII, lines of less than 78 characters. Who did not call is told what it means.</summary>
    public static MemoryStream Body(CodeMessage message)
    {
        var body = new MemoryStream();
        body.Write("Your code is "u8);
        body.Write(message.Code.Expose());
        body.Write(Encoding.ASCII.GetBytes($"\r\n\r\nIt is for the call that you are in now, and is good until {message.Expires.UtcDateTime:HH:mm} UTC.\r\n"));
        body.Write("Key it in on the telephone. Tell it to nobody.\r\n\r\n"u8);
        body.Write("If you are not calling us now, somebody else knows your PIN: please call us.\r\n"u8);
        body.Position = 0;
        return body;
    }
}
