using System.Security.Claims;
using System.Text;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Import;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Operators;
using Xunit;

namespace IvrActors.Dashboard.Tests.Import;

public sealed class CallerImportTests
{
    private readonly FakeCluster _cluster = new(TimeProvider.System);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_row_of_CSV_is_enrolled_with_all_that_it_says()
    {
        var results = await Run("""
            account,tenant,pin,number,totpSecret,hotpSecret,hotpCounter,codesBy,codesTo,until,balance,currency
            11111111,demo,480237,+12125550100,ABCDEFGHIJKLMNOPQRSTUVWX,ABCDEFGHIJKLMNOPQRSTUVWXYZ234567,7,email,ada@example.net,2027-01-31,120.50,EUR
            22222222,demo,480238,,,,,,,,,
            """, ImportFormat.Csv);

        Assert.Equal(["2 Enrolled", "3 Enrolled"], results);
        var (first, pin) = _cluster.Callers["11111111"];
        Assert.Equal(("480237", "+12125550100", 7L), (pin, first.Number!.Reveal(), first.HotpCounter));
        Assert.Equal((CodeChannel.Email, "ada@example.net"), (first.CodesTo!.Channel, first.CodesTo.Address.Reveal()));
        Assert.Equal(new DateTimeOffset(2027, 1, 31, 0, 0, 0, TimeSpan.Zero), first.Until);
        Assert.Equal((12050L, "EUR"), (first.Facts.Amounts["balance"].Minor, first.Facts.Amounts["balance"].Currency));
        Assert.True(first.TotpKey is not null && first.HotpKey is not null);
        var (second, _) = _cluster.Callers["22222222"];
        Assert.True(second is { Number: null, TotpKey: null, HotpKey: null, CodesTo: null, Until: null });
    }

    [Fact]
    public async Task Bad_rows_are_told_by_line_without_a_value_and_the_good_ones_go_on()
    {
        var results = await Run(
            "\uFEFFtenant;account;pin;number\r\n" +
            "demo;11111111;480237;\"+1212 5550100\"\r\n" +
            "\r\n" +
            "demo;2222\"2222;480237;\r\n" +
            "demo;33333333;480237;\"+12125550100\r\n" +
            "demo;44444444;480237\r\n" +
            "nobody;55555555;480237;\r\n" +
            "demo;66666666;48;\r\n" +
            $"demo;7777{new string('7', 70_000)};480237;\r\n" +
            ";88888888;480237;\r\n" +
            "demo;99999999;480237;+12125550100", ImportFormat.Csv);

        Assert.Equal(
            [
                "2 Refused number is not in E.164 with its plus sign",
                "4 Refused a quotation mark is not closed on its line, or stands where none may be",
                "5 Refused a quotation mark is not closed on its line, or stands where none may be",
                "6 Refused 3 values where the first line names 4",
                "7 Refused no such tenant",
                "8 Refused a PIN has 4 to 8 digits",
                "9 Refused longer than 65536 characters",
                "10 Refused tenant, account and pin are needed",
                "11 Enrolled",
            ], results);
        Assert.Equal(["99999999"], _cluster.Callers.Keys);
    }

    [Theory]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"12345678\":\"x\"}", "not a caller in JSON (at byte 57)")]
    [InlineData("{\"tenant\":\"demo\",\"account\":12345678,\"pin\":\"480237\"}", "not a caller in JSON (at byte 35, account)")]
    [InlineData("12345678", "not a caller in JSON (at byte 8)")]
    [InlineData("null", "not a caller in JSON")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"totpSecret\":\"1!\"}", "totpSecret is not base32")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"hotpSecret\":\"1!\"}", "hotpSecret is not base32")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"hotpCounter\":3}", "hotpCounter without hotpSecret")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"codesBy\":\"sms\"}", "codesBy and codesTo go together")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"codesBy\":\"fax\",\"codesTo\":\"+12125550100\"}", "codesBy is sms, voice or email")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"until\":\"31.1.2027\"}", "until is a date (YYYY-MM-DD) or a time (YYYY-MM-DDThh:mm:ssZ)")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"balance\":\"1.234\"}", "balance and amounts are decimal numbers with at most two places in quotes, dates are YYYY-MM-DD, currency is three letters")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"480237\",\"transactions\":[null]}", "balance and amounts are decimal numbers with at most two places in quotes, dates are YYYY-MM-DD, currency is three letters")]
    [InlineData("{\"tenant\":\"demo\",\"account\":\"1\",\"pin\":\"４８０２\"}", "a PIN is made of digits")]
    public async Task What_is_wrong_with_a_line_of_JSON_is_said_without_its_values(string line, string expected)
    {
        Assert.Equal([$"1 Refused {expected}"], await Run(line, ImportFormat.JsonLines));
    }

    [Theory]
    [InlineData("demo,12345678,480237", "column 1 has no name of a value")]
    [InlineData("tenant,account,account,pin", "column 3 has the name of another one")]
    [InlineData("\"tenant,account", "no names of columns")]
    public async Task Without_names_of_columns_no_row_is_done_and_nothing_of_the_line_is_repeated(string header, string expected)
    {
        var result = Assert.Single(await Run(header + "\ndemo,12345678,480237", ImportFormat.Csv));

        Assert.StartsWith("1 Stopped " + expected, result, StringComparison.Ordinal);
        Assert.DoesNotContain("12345678", result, StringComparison.Ordinal);
        Assert.Empty(_cluster.Callers);
    }

    [Fact]
    public async Task Feeding_a_file_again_changes_nothing_and_tells_who_was_there()
    {
        var file = Json("11111111") + Json("22222222");

        Assert.Equal(["1 Enrolled", "2 Enrolled"], await Run(file, ImportFormat.JsonLines));
        Assert.Equal(["1 Replaced", "2 Replaced"], await Run(file, ImportFormat.JsonLines));
        Assert.Equal(["1 Left", "2 Left", "3 Enrolled"], await Run(file + Json("33333333"), ImportFormat.JsonLines, onlyNew: true));
        Assert.Equal(["3 Replaced"], await Run(file + Json("33333333"), ImportFormat.JsonLines, from: 3));
    }

    [Fact]
    public async Task Of_two_rows_of_one_caller_the_later_one_counts_though_the_first_takes_longer()
    {
        var second = new TaskCompletionSource();
        _cluster.BeforeEnrolment = async account =>
        {
            if (account == "22222222") second.SetResult();
            else await second.Task;
            return null;
        };

        var results = await Run(Json("11111111", "480237") + Json("11111111", "480238") + Json("22222222"), ImportFormat.JsonLines);

        Assert.Equal(["1 Enrolled", "2 Replaced", "3 Enrolled"], results);
        Assert.Equal("480238", _cluster.Callers["11111111"].Pin);
    }

    [Fact]
    public async Task A_busy_cluster_slows_the_import_down_and_refuses_no_row()
    {
        var (busy, now, most) = (12, 0, 0);
        _cluster.BeforeEnrolment = async _ =>
        {
            lock (_cluster) most = Math.Max(most, ++now);
            await Task.Yield();
            lock (_cluster) now--;
            return Interlocked.Decrement(ref busy) >= 0 ? new EnrolmentResult { Error = "too many PINs are being checked: try again", IsBusy = true } : null;
        };

        var results = await Run(string.Concat(Enumerable.Range(0, 40).Select(i => Json($"{10_000_000 + i}"))), ImportFormat.JsonLines, atOnce: 3);

        Assert.Equal(Enumerable.Range(1, 40).Select(line => $"{line} Enrolled"), results);
        Assert.InRange(most, 1, 3);
    }

    [Fact]
    public async Task An_answer_that_is_lost_once_is_asked_for_again_and_a_cluster_that_is_gone_stops_the_import_at_its_line()
    {
        var lost = 0;
        _cluster.BeforeEnrolment = account => account switch
        {
            "11111111" when lost++ == 0 => throw new TimeoutException("lost"),
            "22222222" => throw new TimeoutException("gone"),
            _ => Task.FromResult<EnrolmentResult?>(null),
        };

        var results = await Run(Json("11111111") + Json("22222222") + Json("33333333"), ImportFormat.JsonLines, atOnce: 1);

        Assert.Equal(["1 Enrolled", "2 Stopped the cluster does not answer"], results);
    }

    [Fact]
    public async Task A_file_without_an_end_is_read_no_further_than_the_rows_that_are_done()
    {
        var gate = new TaskCompletionSource();
        _cluster.BeforeEnrolment = async _ =>
        {
            await gate.Task;
            return null;
        };
        var endless = new Endless();
        await using var results = Import(4).Run(new ImportFile(endless, ImportFormat.JsonLines), onlyNew: false, Cancellation).GetAsyncEnumerator(Cancellation);

        var first = results.MoveNextAsync();
        Assert.False(first.IsCompleted);
        Assert.InRange(endless.Taken, 1, 64 * 1024);
        gate.SetResult();
        Assert.True(await first);
    }

    private CallerImport Import(int atOnce) => new(
        new ClusterAccess(_cluster.Grains, _cluster).For(new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.Name, "ada"), new(ClaimTypes.Role, Roles.Administrator)], "test"))), TimeProvider.System, atOnce);

    private async Task<List<string>> Run(string text, ImportFormat format, bool onlyNew = false, int from = 1, int atOnce = 4)
    {
        var results = new List<string>();
        // Parts of any length come from a pipe.
        using var input = new StreamReader(new Pieces(Encoding.UTF8.GetBytes(text)), Encoding.UTF8, detectEncodingFromByteOrderMarks: false);
        await foreach (var result in Import(atOnce).Run(new ImportFile(input, format, from), onlyNew, Cancellation)) results.Add($"{result.Line} {result.Outcome} {result.Error}".TrimEnd());
        return results;
    }

    private static string Json(string account, string pin = "480237") => $"{{\"tenant\":\"demo\",\"account\":\"{account}\",\"pin\":\"{pin}\"}}\n";

    private sealed class Pieces(byte[] bytes) : MemoryStream(bytes)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 7)]);

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(Read(buffer.Span));
    }

    private sealed class Endless : TextReader
    {
        private string _rest = "";

        public int Taken { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<char> buffer, CancellationToken cancellationToken = default)
        {
            if (_rest.Length == 0) _rest = Json($"{10_000_000 + Taken}");
            var count = Math.Min(buffer.Length, _rest.Length);
            _rest.AsSpan(0, count).CopyTo(buffer.Span);
            _rest = _rest[count..];
            Taken += count;
            return ValueTask.FromResult(count);
        }
    }
}
