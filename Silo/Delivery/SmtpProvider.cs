using System.Net;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces;
using IvrActors.Silo.Cluster;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace IvrActors.Silo.Delivery;

/// <summary>
/// Sends a code as mail (RFC 5321), one connection a message. Nothing is tried twice: after the message was handed over nobody can tell whether it left.
/// With TLS asked for, a server that does not offer it or whose certificate does not verify gets neither password nor message.
/// </summary>
internal sealed class SmtpProvider(ProviderSettings settings, Secret<char>? password, ProviderTrust trust) : ICodeProvider, IDisposable
{
    /// <summary>Servers take their time for a greeting; a caller does not.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(8);

    public async Task<DeliveryResult> Send(CodeMessage message, CancellationToken cancellation)
    {
        if (RecipientOf(message) is not { } recipient) return DeliveryResult.Refused;
        using var mail = MailOf(message, recipient);
        using var smtp = new SmtpClient();
        // The library's own check lets certificates of some known services pass that do not verify.
        smtp.ServerCertificateValidationCallback = (_, certificate, _, errors) => trust.Accepts(certificate, errors);
        smtp.CheckCertificateRevocation = false;
        smtp.LocalDomain = "ivr.invalid"; // The machine's own name is nobody's business.
        try
        {
            await smtp.ConnectAsync(settings.Server!.Host, settings.Server.Port, OptionOf(settings.Tls), cancellation);
            if (password is not null) await smtp.AuthenticateAsync(new NetworkCredential(settings.User, new string(password.Expose())), cancellation);
            await smtp.SendAsync(mail, cancellation);
        }
        catch (SmtpCommandException e) when ((int)e.StatusCode >= 500)
        {
            return DeliveryResult.Refused;
        }
        await Leave(smtp, cancellation);
        return DeliveryResult.Sent;
    }

    public void Dispose() => password?.Dispose();

    private static async Task Leave(SmtpClient smtp, CancellationToken cancellation)
    {
        try
        {
            await smtp.DisconnectAsync(quit: true, cancellation);
        }
        catch (Exception e) when (e is IOException or MailKit.ProtocolException or OperationCanceledException)
        {
            // It was taken; how the server says good-bye changes nothing.
        }
    }

    private static MailboxAddress? RecipientOf(CodeMessage message) =>
        message.Address!.Reveal() is { Length: <= 254 } text && !text.AsSpan().ContainsAny('\r', '\n', '\0') && MailboxAddress.TryParse(text, out var mailbox) && mailbox.Address == text && mailbox.Domain.Length > 0 ? mailbox : null;

    private MimeMessage MailOf(CodeMessage message, MailboxAddress recipient)
    {
        var mail = new MimeMessage
        {
            Subject = CodeText.Subject(message.Language),
            // The same for the same code, so that a server can tell that it had it.
            MessageId = $"{message.Id}@{settings.From[(settings.From.IndexOf('@', StringComparison.Ordinal) + 1)..]}",
        };
        mail.From.Add(MailboxAddress.Parse(settings.From));
        mail.To.Add(recipient);
        // RFC 3834: nobody's out-of-office note should answer it.
        mail.Headers.Add(HeaderId.AutoSubmitted, "auto-generated");
        var text = new MimePart("text", "plain") { Content = new MimeContent(CodeText.Body(message)), ContentTransferEncoding = ContentEncoding.SevenBit };
        text.ContentType.Charset = "us-ascii";
        mail.Body = text;
        return mail;
    }

    private static SecureSocketOptions OptionOf(SmtpTls tls) => tls switch
    {
        SmtpTls.StartTls => SecureSocketOptions.StartTls,
        SmtpTls.Implicit => SecureSocketOptions.SslOnConnect,
        _ => SecureSocketOptions.None,
    };
}
