using System.Buffers;
using System.Globalization;
using System.Text;

namespace IvrActors.Edge.Sip.Message;

/// <summary>Writes messages: headers in order and in their canonical long form, Content-Length from the body.</summary>
public static class SipWriter
{
    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_output;

    public static void Write(SipMessage message, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(message);
        ArgumentNullException.ThrowIfNull(output);
        WriteStartLine(message, output);
        var headers = message.Headers;
        var lengthWritten = false;
        for (var i = 0; i < headers.Count; i++)
        {
            var name = headers.NameAt(i);
            if (!ReferenceEquals(name, SipHeaderNames.ContentLength))
                WriteHeader(output, name, headers.SpanAt(i));
            else if (!lengthWritten)
            {
                WriteLength(output, message.Body.Length);
                lengthWritten = true;
            }
        }
        if (!lengthWritten)
            WriteLength(output, message.Body.Length);
        output.Write("\r\n"u8);
        output.Write(message.Body.Span);
    }

    public static byte[] ToBytes(SipMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        var output = t_output ??= new ArrayBufferWriter<byte>(2048);
        Write(message, output);
        var bytes = output.WrittenSpan.ToArray();
        // Cleared: a body may hold an SRTP key.
        output.Clear();
        return bytes;
    }

    private static void WriteStartLine(SipMessage message, IBufferWriter<byte> output)
    {
        if (message is SipRequest request)
        {
            WriteText(output, request.Method);
            output.Write(" "u8);
            WriteText(output, request.RequestUri.ToString());
            output.Write(" SIP/2.0\r\n"u8);
        }
        else if (message is SipResponse response)
        {
            output.Write("SIP/2.0 "u8);
            WriteNumber(output, response.Status);
            output.Write(" "u8);
            WriteText(output, response.Reason);
            output.Write("\r\n"u8);
        }
    }

    private static void WriteHeader(IBufferWriter<byte> output, string name, ReadOnlySpan<char> value)
    {
        if (name.AsSpan().ContainsAnyExceptInRange('\0', '\u00FF') || value.ContainsAnyExceptInRange('\0', '\u00FF'))
        {
            WriteText(output, name);
            output.Write(": "u8);
            WriteText(output, value);
            output.Write("\r\n"u8);
            return;
        }
        // As it nearly always is, with one request for room.
        var line = output.GetSpan(name.Length + value.Length + 4);
        var length = Encoding.Latin1.GetBytes(name, line);
        line[length++] = (byte)':';
        line[length++] = (byte)' ';
        length += Encoding.Latin1.GetBytes(value, line[length..]);
        line[length++] = (byte)'\r';
        line[length++] = (byte)'\n';
        output.Advance(length);
    }

    private static void WriteLength(IBufferWriter<byte> output, int length)
    {
        output.Write("Content-Length: "u8);
        WriteNumber(output, length);
        output.Write("\r\n"u8);
    }

    private static void WriteNumber(IBufferWriter<byte> output, int number)
    {
        const int MostDigits = 11;
        number.TryFormat(output.GetSpan(MostDigits), out var written, default, CultureInfo.InvariantCulture);
        output.Advance(written);
    }

    /// <summary>Received text is Latin-1, byte for byte. Text of ours with other letters can only be meant as UTF-8.</summary>
    private static void WriteText(IBufferWriter<byte> output, ReadOnlySpan<char> text)
    {
        if (text.IsEmpty)
            return;
        var encoding = text.ContainsAnyExceptInRange('\0', '\u00FF') ? Encoding.UTF8 : Encoding.Latin1;
        var written = encoding.GetBytes(text, output.GetSpan(encoding.GetMaxByteCount(text.Length)));
        output.Advance(written);
    }
}
