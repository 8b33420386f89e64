using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Callers;

namespace IvrActors.Silo.Delivery;

/// <summary>A message as webhooks and sinks have it.</summary>
internal static class CodeJson
{
    // No page shows it: a plus sign may stay one.
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(Stream to, CodeMessage message)
    {
        using var json = new Utf8JsonWriter(to, s_options);
        json.WriteStartObject();
        json.WriteString("id", message.Id);
        json.WriteString("tenant", message.Tenant);
        json.WriteString("channel", NameOf(message.Channel));
        json.WriteString("to", message.Channel == CodeChannel.Email ? message.Address!.Reveal() : message.Number!.Reveal());
        json.WriteString("code", message.Code.Expose());
        json.WriteString("language", message.Language);
        json.WriteString("call", message.Call.Value);
        json.WriteString("expires", message.Expires.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture));
        json.WriteEndObject();
    }

    private static string NameOf(CodeChannel channel) => channel switch
    {
        CodeChannel.Sms => "sms",
        CodeChannel.Voice => "voice",
        _ => "email",
    };
}
