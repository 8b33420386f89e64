using System.Text;
using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Delivery;
using Xunit;

namespace IvrActors.Silo.Tests.Delivery;

public sealed class MailTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly TestAuthority _authority;
    private readonly Lines _lines = new();

    public MailTests() => _authority = new TestAuthority(_folder);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _authority.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_code_goes_as_one_mail_and_password_and_mail_only_under_TLS(bool @implicit)
    {
        await using var server = new MailServer(_authority.Sign("127.0.0.1"), @implicit);

        Assert.Equal(DeliveryResult.Sent, await Send(server, @implicit ? SmtpTls.Implicit : SmtpTls.StartTls));

        var mail = Assert.Single(server.Mails);
        Assert.Contains("From: codes@bank.example", mail, StringComparison.Ordinal);
        Assert.Contains("To: ada@example.net", mail, StringComparison.Ordinal);
        Assert.Contains("Message-Id: <code-1@bank.example>", mail, StringComparison.Ordinal);
        Assert.Contains("Your code is 604718\n", mail, StringComparison.Ordinal);
        Assert.Contains("until 12:10 UTC", mail, StringComparison.Ordinal);
        Assert.All(mail.Split('\n'), line => Assert.InRange(line.Length, 0, 78));
        Assert.Equal(@implicit ? [] : ["clear EHLO ivr.invalid", "clear STARTTLS"], server.Heard.Where(line => line.StartsWith("clear", StringComparison.Ordinal)));
        var account = Assert.Single(server.Heard, line => line.StartsWith("tls AUTH PLAIN ", StringComparison.Ordinal));
        Assert.Equal("\0ivr\0pass word", Encoding.UTF8.GetString(Convert.FromBase64String(account.Split(' ')[^1])));
    }

    [Fact]
    public async Task A_server_without_TLS_gets_neither_password_nor_mail()
    {
        await using var server = new MailServer(certificate: null);

        Assert.Equal(DeliveryResult.Unavailable, await Send(server, SmtpTls.StartTls));

        Assert.DoesNotContain(server.Heard, line => !line.StartsWith("clear EHLO", StringComparison.Ordinal) && !line.StartsWith("clear QUIT", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("127.0.0.1", false)]
    [InlineData("mail.example", true)]
    public async Task A_server_whose_certificate_does_not_verify_gets_neither_password_nor_mail(string name, bool trusted)
    {
        await using var server = new MailServer(_authority.Sign(name));

        Assert.Equal(DeliveryResult.Unavailable, await Send(server, SmtpTls.StartTls, trusted));

        Assert.DoesNotContain(server.Heard, line => line.StartsWith("tls", StringComparison.Ordinal));
        Assert.Empty(server.Mails);
    }

    [Theory]
    [InlineData("550 no such person ada@example.net", DeliveryResult.Refused)]
    [InlineData("451 later", DeliveryResult.Unavailable)]
    public async Task What_the_server_says_of_the_recipient_is_told_apart_and_not_logged(string answer, DeliveryResult expected)
    {
        await using var server = new MailServer(_authority.Sign("127.0.0.1"));
        server.Answers["RCPT"] = answer;

        Assert.Equal(expected, await Send(server, SmtpTls.StartTls));

        Assert.Empty(server.Mails);
        Assert.All(new[] { Codes.Address, Codes.Code, "pass word", "later" }, text => Assert.DoesNotContain(text, _lines.Text, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("ada@example.net\r\nBcc: mallory@example.net")]
    [InlineData("ada@example.net, mallory@example.net")]
    [InlineData("Ada <ada@example.net>")]
    [InlineData("ada")]
    [InlineData("")]
    public async Task What_is_not_one_address_is_refused_before_anybody_is_connected_to(string address)
    {
        await using var server = new MailServer(_authority.Sign("127.0.0.1"));

        Assert.Equal(DeliveryResult.Refused, await Send(server, SmtpTls.StartTls, address: address));

        Assert.Empty(server.Heard);
    }

    private Task<DeliveryResult> Send(MailServer server, SmtpTls tls, bool trusted = true, string? address = null)
    {
        var settings = new ProviderSettings { Name = "mail", Kind = DeliveryKind.Smtp, AtOnce = 1, Server = server.EndPoint, Tls = tls, User = "ivr", From = "codes@bank.example" };
        var provider = new SmtpProvider(settings, new Secret<char>("pass word".ToCharArray()), new ProviderTrust(trusted ? _authority.File : null));
        return Codes.Delivery(provider, TimeProvider.System, _lines, longest: TimeSpan.FromSeconds(60)).Send(Codes.Message(CodeChannel.Email, address: address), Cancellation);
    }
}
