using IvrActors.Edge.Rtp;
using Xunit;

namespace IvrActors.Edge.Tests.Rtp;

/// <summary>A stream of another source as part of a stream of ours.</summary>
public sealed class RelayMapTests
{
    private RelayMap _map;
    private ushort _next = 65530;
    private uint _time = 5000;

    private RelayPlace? Map(ushort sequence, uint timestamp, uint ssrc = 1)
    {
        if (!_map.TryMap(new RtpHeader { PayloadType = 0, Sequence = sequence, Timestamp = timestamp, Ssrc = ssrc }, _next, _time, out var place)) return null;
        if (place.IsNewest) (_next, _time) = ((ushort)(place.Sequence + 1), place.Timestamp + 160);
        return place;
    }

    private string Sequences(params int[] sequences) => string.Join(' ', sequences.Select(s => Map((ushort)s, (uint)(s * 160))?.Sequence.ToString() ?? "-"));

    [Fact]
    public void The_first_packet_takes_our_next_place_and_the_others_keep_their_distance_from_it()
    {
        Assert.Equal(new RelayPlace(65530, 5000, Begins: true, IsNewest: true), Map(100, 900));
        Assert.Equal(new RelayPlace(65531, 5160, Begins: false, IsNewest: true), Map(101, 1060));
        // Two were lost, and a pause: both are seen behind us, too.
        Assert.Equal(new RelayPlace(65534, 13000, Begins: false, IsNewest: true), Map(104, 8900));
    }

    [Fact]
    public void Order_is_kept_as_it_came_and_no_packet_is_sent_twice() => Assert.Equal("65530 65532 65531 - - 65533 1 65535 -", Sequences(10, 12, 11, 11, 12, 13, 17, 15, 15));

    [Fact]
    public void What_is_from_before_the_first_packet_is_not_sent_into_what_was_ours() => Assert.Equal("65530 - - 65531", Sequences(10, 9, 8, 11));

    [Fact]
    public void A_packet_of_long_ago_is_left_out() => Assert.Equal("65530 124 - -", Sequences(10, 140, 11, 9));

    [Fact]
    public void Another_source_goes_on_where_the_last_one_stopped()
    {
        Map(100, 900);
        Map(101, 1060);
        Assert.Equal(new RelayPlace(65532, 5320, Begins: true, IsNewest: true), Map(7, 4_000_000_000, ssrc: 2));
        Assert.Equal(new RelayPlace(65533, 5480, Begins: false, IsNewest: true), Map(8, 4_000_000_160, ssrc: 2));
    }

    [Fact]
    public void A_source_that_counts_anew_is_followed_but_not_for_one_stray_packet()
    {
        Sequences(100, 101);
        Assert.Null(Map(40000, 0));
        Assert.Equal("65532", Sequences(102));
        Assert.Null(Map(40000, 0));
        Assert.Equal(new RelayPlace(65533, 5480, Begins: true, IsNewest: true), Map(40001, 777));
    }

    [Fact]
    public void After_something_of_ours_the_next_packet_stands_behind_it()
    {
        Sequences(100, 101);
        (_next, _time) = (40, 70_000);
        _map.Interrupt();
        Assert.Equal(new RelayPlace(40, 70_000, Begins: true, IsNewest: true), Map(102, 1220));
        Assert.Equal(new RelayPlace(41, 70_160, Begins: false, IsNewest: true), Map(103, 1380));
    }

    // Under SRTP two packets with one number would be enciphered by one keystream.
    [Fact]
    public void Whatever_comes_no_number_of_ours_is_given_twice()
    {
        var random = new Random(4711);
        var given = new HashSet<ushort>();
        _next = 0;
        ushort sequence = 0;
        for (var i = 0; i < 20_000 && _next < 60_000; i++)
        {
            sequence += (ushort)random.Next(0, 3);
            var sent = random.Next(10) switch
            {
                0 => (ushort)(sequence - random.Next(200)),
                1 => (ushort)random.Next(65536),
                _ => sequence,
            };
            if (random.Next(50) == 0)
            {
                Assert.True(given.Add(_next++));
                _map.Interrupt();
            }
            if (Map(sent, 0, ssrc: (uint)(random.Next(100) == 0 ? 2 : 1)) is { } place) Assert.True(given.Add(place.Sequence), $"{place.Sequence} was given twice");
        }
        Assert.True(given.Count > 1000);
    }
}
