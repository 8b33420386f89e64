using System.IO.Pipelines;
using System.Net;
using IvrActors.Edge.Net;
using IvrActors.Edge.Sip.Transactions;
using IvrActors.Edge.Tests.Calls;
using IvrActors.Edge.Tracing;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace IvrActors.Edge.Tests.Net;

/// <summary>The limits of one stream connection, without a socket.</summary>
public class SipConnectionTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly Pipe _toPeer = new();
    private readonly SipConnection _connection;

    public SipConnectionTests()
    {
        _connection = new SipConnection(new SipPeer(SipTransport.Tcp, IPEndPoint.Parse("192.0.2.7:5062"), 1, VirtualCall.Trunk), _time, () => IsAborted = true);
    }

    private bool IsAborted { get; set; }

    private ConnectionSweeper Sweeper()
    {
        var transports = new SipTransports(Media.MediaEngineTests.Options(), new SipTap(TimeProvider.System));
        transports.Add(_connection);
        return new ConnectionSweeper(transports, _time);
    }

    [Fact]
    public void A_peer_that_reads_nothing_is_cut_off_before_it_holds_much_memory()
    {
        _ = _connection.WriteAll(_toPeer.Writer);
        var message = new byte[64 * 1024];
        var taken = 0;
        while (taken < 1000 && _connection.TrySend(message)) taken++;
        Assert.InRange(taken, 32, 64);
        Assert.True(IsAborted);
        Assert.False(_connection.TrySend(message));
    }

    [Fact]
    public async Task A_peer_that_reads_may_be_sent_any_amount()
    {
        var writing = _connection.WriteAll(_toPeer.Writer);
        var message = new byte[64 * 1024];
        for (var i = 0; i < 200; i++)
        {
            Assert.True(_connection.TrySend(message));
            var read = await _toPeer.Reader.ReadAtLeastAsync(message.Length, TestContext.Current.CancellationToken);
            _toPeer.Reader.AdvanceTo(read.Buffer.GetPosition(message.Length));
        }
        _connection.Complete();
        await writing;
        Assert.False(IsAborted);
    }

    [Fact]
    public void A_peer_that_trickles_one_message_is_cut_off()
    {
        using var sweeper = Sweeper();
        for (var second = 0; second < 9; second++)
        {
            _connection.Progress(partial: true);
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.False(IsAborted);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(IsAborted);
    }

    [Fact]
    public void A_busy_peer_whose_reads_always_end_inside_a_message_is_not()
    {
        using var sweeper = Sweeper();
        for (var second = 0; second < 60; second++)
        {
            _connection.Progress(partial: false); // One message is whole,
            _connection.Progress(partial: true); // and the next one has begun.
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.False(IsAborted);
    }

    [Fact]
    public void A_peer_that_is_silent_for_more_than_an_hour_is_cut_off()
    {
        using var sweeper = Sweeper();
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.False(IsAborted);
        _time.Advance(TimeSpan.FromMinutes(2));
        Assert.True(IsAborted);
    }
}
