using System.Security.Cryptography;
using IvrActors.Edge.Dtls;
using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Dtls;

/// <summary>ClientHellos in fragments, as browsers with large key shares send them: put together in virtual time from crafted bytes, and whole handshakes of a client with small datagrams.</summary>
public sealed class HelloFragmentTests
{
    private const long Second = 1000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A ClientHello's body of the size that an ML-KEM key share makes it.</summary>
    private static byte[] Body(byte[] cookie, int length = 1800, byte random = 7)
    {
        byte[] head = [0xFE, 0xFD, .. Enumerable.Repeat(random, 32), 0, (byte)cookie.Length, .. cookie, 0, 2, 0xC0, 0x2B, 1, 0];
        var extension = length - head.Length - 6;
        return [.. head, (byte)((extension + 4) >> 8), (byte)(extension + 4), 0x12, 0x34, (byte)(extension >> 8), (byte)extension, .. Enumerable.Range(0, extension).Select(i => (byte)i)];
    }

    private static byte[] Fragment(byte[] body, int offset, int size, ushort message = 1, byte sequence = 1)
    {
        var fragment = DtlsTests.Message(1, message, body.Length, offset, size);
        body.AsSpan(offset, size).CopyTo(fragment.AsSpan(12));
        return DtlsTests.Record(22, 0, fragment, sequence);
    }

    private static byte[]? Add(HelloAssembly assembly, byte[] datagram, MediaAddress? from = null, long now = 0)
    {
        ReadOnlySpan<byte> rest = datagram;
        Assert.True(HelloFragment.TryTake(ref rest, out var fragment));
        return assembly.Add(now, fragment, from ?? DtlsLink.ClientAt);
    }

    [Theory]
    [InlineData(0, 1, 2)]
    [InlineData(0, 2, 1)]
    [InlineData(1, 0, 2)]
    [InlineData(1, 2, 0)]
    [InlineData(2, 0, 1)]
    [InlineData(2, 1, 0)]
    public void In_whatever_order_its_parts_come_it_is_the_hello_that_it_was(int first, int second, int third)
    {
        var body = Body(new byte[32]);
        // They overlap, as the parts of a client whose path became narrower between two tries.
        byte[][] parts = [Fragment(body, 0, 700, sequence: 3), Fragment(body, 600, 700, sequence: 4), Fragment(body, 1200, 600, sequence: 5)];
        var assembly = new HelloAssembly(Second);
        Assert.Null(Add(assembly, parts[first]));
        Assert.Null(Add(assembly, parts[second]));
        Assert.Null(Add(assembly, parts[first]));
        var whole = Add(assembly, parts[third]);
        // The number of the last of its records: those after it are not taken for ones that came twice.
        Assert.Equal(Fragment(body, 0, body.Length, sequence: 5), whole);
        Assert.Equal(0, assembly.Count);
    }

    [Fact]
    public void A_part_that_contradicts_another_begins_the_hello_anew()
    {
        byte[] body = Body(new byte[32]), other = Body(new byte[32], random: 8);
        var assembly = new HelloAssembly(Second);
        Add(assembly, Fragment(other, 0, 900));
        // From now on what came with the other random is forgotten; the rest of both is the same.
        Assert.Null(Add(assembly, Fragment(body, 0, 900)));
        Assert.Equal(Fragment(body, 0, body.Length), Add(assembly, Fragment(body, 900, 900)));

        byte[] forged = Fragment(body, 900, 900);
        forged[^1] ^= 1;
        Add(assembly, forged);
        Assert.Null(Add(assembly, Fragment(body, 900, 900)));
        Assert.Equal(Fragment(body, 0, body.Length), Add(assembly, Fragment(body, 0, 900)));
    }

    [Fact]
    public void A_late_part_of_the_hello_before_does_not_disturb_the_one_with_the_cookie()
    {
        byte[] before = Body([], 1768), body = Body(new byte[32]);
        var assembly = new HelloAssembly(Second);
        Add(assembly, Fragment(body, 0, 900));
        Add(assembly, Fragment(before, 900, 868, message: 0));
        Assert.NotNull(Add(assembly, Fragment(body, 900, 900)));
    }

    [Fact]
    public void What_is_kept_of_hellos_is_bounded_in_size_number_and_time()
    {
        var assembly = new HelloAssembly(Second);
        var body = Body(new byte[32], HelloFragment.MostHello);
        Add(assembly, Fragment(body, 0, 2000));
        Assert.NotNull(Add(assembly, Fragment(body, 2000, body.Length - 2000)));
        ReadOnlySpan<byte> tooLong = Fragment(Body(new byte[32], HelloFragment.MostHello + 1), 0, 2000);
        Assert.False(HelloFragment.TryTake(ref tooLong, out _));

        for (ushort port = 1; port < 100; port++) Add(assembly, Fragment(body, 0, 2000), DtlsLink.Stranger with { Port = port });
        Assert.Equal(HelloAssembly.MostAddresses, assembly.Count);

        Add(assembly, Fragment(body, 0, 2000), now: 100 * Second);
        Assert.Null(Add(assembly, Fragment(body, 2000, body.Length - 2000), now: (101 + HelloAssembly.MostSeconds) * Second));
        Assert.Equal(1, assembly.Count);

        assembly = new HelloAssembly(Second);
        for (var i = 0; i < HelloAssembly.MostFragments; i++) Add(assembly, Fragment(body, i, 1));
        Assert.Null(Add(assembly, Fragment(body, HelloAssembly.MostFragments, body.Length - HelloAssembly.MostFragments)));
    }

    [Fact]
    public void The_cookie_that_a_first_part_asked_for_is_that_of_the_whole_hello()
    {
        var cookies = new DtlsCookies(TimeProvider.System);
        ReadOnlySpan<byte> first = Fragment(Body([]), 0, 900, message: 0, sequence: 9);
        Assert.True(HelloFragment.TryTake(ref first, out var fragment));
        Assert.False(cookies.Holds(fragment, DtlsLink.Stranger, 900, out var answer));
        Assert.Equal((22, 9, 3), (answer![0], answer[10], answer[13]));
        var cookie = answer[^32..];
        var hello = Body(cookie);
        Assert.NotNull(cookies.Verify(Fragment(hello, 0, hello.Length), DtlsLink.Stranger, out _));
        Assert.Null(cookies.Verify(Fragment(hello, 0, hello.Length), DtlsLink.ClientAt, out _));
        var otherRandom = Body(cookie, random: 8);
        Assert.Null(cookies.Verify(Fragment(otherRandom, 0, otherRandom.Length), DtlsLink.Stranger, out _));
        Assert.False(cookies.Holds(fragment, DtlsLink.Stranger, answer.Length - 1, out answer));
        Assert.Null(answer);
    }

    [Fact]
    public async Task Of_a_strangers_hello_in_parts_nothing_is_kept_before_its_cookie()
    {
        using var link = new DtlsLink();
        var hello = Body([]);
        for (var i = 0; i < 20; i++)
        {
            link.Inject(Fragment(hello, 900, 900, message: 0), DtlsLink.Stranger);
            link.Inject(Fragment(hello, 0, 900, message: 0), DtlsLink.Stranger);
            link.Inject(Fragment(Body(RandomNumberGenerator.GetBytes(32)), 0, 900), DtlsLink.Stranger);
        }
        await Until(() => link.Server.Strange.Count == 40);
        Assert.Equal((0, 0), (link.Server.Association.Hellos.Count, link.Running));

        // One that it sends back keeps its hello's parts, and a handshake begins with the last one.
        Assert.True(link.Server.Strange.TryPeek(out var asked));
        hello = Body(asked.Datagram[^32..]);
        link.Inject(Fragment(hello, 0, 900), DtlsLink.Stranger);
        await Until(() => link.Server.Association.Hellos.Count == 1);
        link.Inject(Fragment(hello, 900, 900), DtlsLink.Stranger);
        await Until(() => link.Server.Association.Hellos.Count == 0);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_whose_hello_takes_several_datagrams_is_keyed(bool anyAddress)
    {
        using var link = new DtlsLink(clientSends: 150, anyAddress: anyAddress);
        await IsKeyed(link);
        Assert.True(link.Server.Got.Count(IsPart) >= 4, link.Log());
    }

    [Fact]
    public async Task Where_ice_has_proved_the_address_parts_may_overtake_each_other()
    {
        var waiting = new List<byte[]>();
        var swapped = 0;
        using var link = new DtlsLink((toServer, datagram) =>
        {
            if (!toServer || !IsPart(datagram)) return [datagram];
            if (datagram[13 + 8] == 0)
            {
                waiting.Add(datagram);
                return [];
            }
            byte[][] all = [datagram, .. waiting];
            if (waiting.Count > 0) swapped++;
            waiting.Clear();
            return all;
        }, clientSends: 150, anyAddress: true);
        link.Begin();
        Assert.True(await Task.WhenAny(link.Client.Keyed, Task.Delay(Patience)) == link.Client.Keyed, link.Log());
        Assert.True(swapped >= 2);
    }

    [Fact]
    public async Task A_part_that_was_lost_comes_again_and_the_hello_is_whole()
    {
        var lost = 0;
        using var link = new DtlsLink((toServer, datagram) => toServer && IsPart(datagram) && datagram[13 + 8] != 0 && datagram[18] == 1 && lost++ == 0 ? [] : [datagram], clientSends: 150);
        await IsKeyed(link);
        Assert.True(lost > 1);
    }

    private static bool IsPart(byte[] datagram) => DtlsRecords.IsClientHello(datagram) && DtlsRecords.UInt24(datagram.AsSpan(14)) > DtlsRecords.UInt24(datagram.AsSpan(22));

    private static async Task IsKeyed(DtlsLink link)
    {
        link.Begin();
        Assert.True(await Task.WhenAny(link.Client.Keyed, Task.Delay(Patience)) == link.Client.Keyed, link.Log());
        var (client, server) = ((await link.Client.Keyed).Keys, (await link.Server.Keyed.WaitAsync(Patience)).Keys);
        Assert.True(client.Ours.IsSameAs(server.Peers));
    }

    private static async Task Until(Func<bool> holds)
    {
        var until = DateTime.UtcNow + Patience;
        while (!holds())
        {
            if (DateTime.UtcNow >= until) Assert.Fail("it did not happen");
            await Task.Delay(5);
        }
    }
}
