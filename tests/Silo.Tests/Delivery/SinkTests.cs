using IvrActors.Grains.Callers.Delivery;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Silo.Delivery;
using Xunit;

namespace IvrActors.Silo.Tests.Delivery;

public sealed class SinkTests
{
    [Fact]
    public async Task Codes_stand_one_a_line_in_a_file_that_nobody_else_can_read()
    {
        using var folder = new TestFolder();
        var file = Path.Combine(folder, "codes.jsonl");
        using var delivery = Codes.Delivery(new SinkProvider(file), TimeProvider.System, new Lines());

        Assert.Equal(DeliveryResult.Sent, await delivery.Send(Codes.Message(CodeChannel.Sms, "code-1"), TestContext.Current.CancellationToken));
        Assert.Equal(DeliveryResult.Sent, await delivery.Send(Codes.Message(CodeChannel.Email, "code-2"), TestContext.Current.CancellationToken));

        var lines = await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken);
        Assert.Equal(2, lines.Length);
        Assert.Contains("\"code\":\"604718\"", lines[0], StringComparison.Ordinal);
        Assert.Contains("\"to\":\"ada@example.net\"", lines[1], StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public async Task A_file_that_cannot_be_written_is_answered_as_unavailable()
    {
        using var delivery = Codes.Delivery(new SinkProvider("/no/such/folder/codes"), TimeProvider.System, new Lines());

        Assert.Equal(DeliveryResult.Unavailable, await delivery.Send(Codes.Message(CodeChannel.Sms), TestContext.Current.CancellationToken));
    }
}
