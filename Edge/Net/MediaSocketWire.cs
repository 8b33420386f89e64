using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Net;

/// <summary>Where there is no epoll: asks every port at each step. Right for a developer's machine with a few calls, not for load.</summary>
internal sealed class MediaSocketWire : IMediaWire
{
    private readonly ConcurrentDictionary<Port, bool> _ports = new();
    private readonly byte[] _datagram = new byte[MediaWire.MostDatagram];

    public IMediaPort? Open(IPAddress address, int port, bool rtcp, IMediaInput input)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            socket.Bind(new IPEndPoint(address, port));
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
        var opened = new Port(this, socket, rtcp, input);
        _ports[opened] = true;
        return opened;
    }

    public bool Poll()
    {
        var any = false;
        foreach (var (port, _) in _ports)
        {
            if (!port.TryReceive(_datagram, out var length, out var from)) continue;
            any = true;
            port.Input.Receive(_datagram.AsSpan(0, length), from, port.IsRtcp);
        }
        return any;
    }

    public void PreferThisThread() => Thread.CurrentThread.Priority = ThreadPriority.Highest;

    public void WaitUntil(long timestamp)
    {
        var left = timestamp - Stopwatch.GetTimestamp();
        if (left > 0) Thread.Sleep(TimeSpan.FromSeconds((double)left / Stopwatch.Frequency));
    }

    public void Dispose()
    {
        foreach (var (port, _) in _ports) port.Dispose();
    }

    private sealed class Port(MediaSocketWire wire, Socket socket, bool rtcp, IMediaInput input) : IMediaPort
    {
        private readonly SocketAddress _sender = new(socket.AddressFamily);
        private SocketAddress? _target;
        private MediaAddress _targetValue;

        public bool IsRtcp => rtcp;
        public IMediaInput Input => input;

        public bool TryReceive(byte[] datagram, out int length, out MediaAddress from)
        {
            (length, from) = (-1, default);
            try
            {
                if (socket.Available == 0) return false;
                length = socket.ReceiveFrom(datagram, SocketFlags.None, _sender);
                var end = (IPEndPoint)new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0).Create(_sender);
                from = MediaAddress.From(end.Address, end.Port);
                return true;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return false; // Closed meanwhile, refused by the other side, or too long.
            }
        }

        public bool Send(ReadOnlySpan<byte> datagram, MediaAddress to)
        {
            if (_target is null || to != _targetValue)
            {
                _target = to.ToEndPoint().Serialize();
                _targetValue = to;
            }
            try
            {
                return socket.SendTo(datagram, SocketFlags.None, _target) == datagram.Length;
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return false;
            }
        }

        public void Dispose()
        {
            wire._ports.TryRemove(this, out _);
            socket.Dispose();
        }
    }
}
