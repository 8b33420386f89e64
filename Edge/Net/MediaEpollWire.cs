using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using IvrActors.Edge.Rtp;

namespace IvrActors.Edge.Net;

/// <summary>
/// Linux: one epoll set per loop, asked without waiting at each 2 ms step of the media clock. So thousands of ports cost one system call per step
/// and one per datagram, and no thread wakes up for a packet.
/// </summary>
internal sealed unsafe partial class MediaEpollWire : IMediaWire
{
    /// <summary>Ports that one poll serves, and the time (nanoseconds) after which it leaves the rest to the next, so that a burst of datagrams holds up no frame that is due.</summary>
    private const int MostEvents = 64, MostTime = 250_000;

    private readonly int _epoll;
    private readonly ConcurrentDictionary<ulong, Port> _ports = new();
    private readonly byte[] _events = new byte[MostEvents * EventSize];
    private readonly byte[] _datagram = new byte[MediaWire.MostDatagram];
    private ulong _lastId;

    public MediaEpollWire()
    {
        _epoll = Native.EpollCreate(Native.CloseOnExec);
        if (_epoll < 0) throw new IOException("epoll_create1 failed");
    }

    public static bool IsSupported => OperatingSystem.IsLinux() && Stopwatch.Frequency == 1_000_000_000;

    // struct epoll_event is packed on x64 only.
    private static int EventSize => RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static int EventDataOffset => EventSize - 8;

    public IMediaPort? Open(IPAddress address, int port, bool rtcp, IMediaInput input)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
        var opened = new Port(this, Interlocked.Increment(ref _lastId), socket, rtcp, input);
        _ports[opened.Id] = opened;
        Span<byte> e = stackalloc byte[16];
        e.Clear();
        BitConverter.TryWriteBytes(e, Native.PollIn);
        BitConverter.TryWriteBytes(e[EventDataOffset..], opened.Id);
        int result;
        fixed (byte* pointer = e) result = Native.EpollControl(_epoll, Native.Add, opened.Descriptor, pointer);
        if (result == 0) return opened;
        opened.Dispose();
        return null;
    }

    public bool Poll()
    {
        int ready;
        fixed (byte* events = _events) ready = Native.EpollWait(_epoll, events, MostEvents, 0);
        var until = Stopwatch.GetTimestamp() + MostTime;
        for (var i = 0; i < ready && Stopwatch.GetTimestamp() < until; i++)
        {
            var id = BitConverter.ToUInt64(_events, i * EventSize + EventDataOffset);
            if (_ports.TryGetValue(id, out var port) && port.TryReceive(_datagram, out var length, out var from))
            {
                port.Input.Receive(_datagram.AsSpan(0, length), from, port.IsRtcp);
            }
        }
        return ready > 0;
    }

    /// <summary>Needs CAP_SYS_NICE or RLIMIT_NICE; without it nothing changes. (Thread.Priority does nothing on Linux.)</summary>
    public void PreferThisThread() => _ = Native.SetPriority(Native.OneThread, Native.ThisThread, Native.Urgent);

    public void WaitUntil(long timestamp)
    {
        var until = new Native.TimeSpec { Seconds = (nint)(timestamp / 1_000_000_000), Nanoseconds = (nint)(timestamp % 1_000_000_000) };
        while (Native.ClockSleep(Native.MonotonicClock, Native.Absolute, &until, null) == Native.Interrupted)
        {
            // A signal came: sleep on.
        }
    }

    public void Dispose()
    {
        foreach (var port in _ports.Values) port.Dispose();
        Native.Close(_epoll);
    }

    private sealed class Port(MediaEpollWire wire, ulong id, Socket socket, bool rtcp, IMediaInput input) : IMediaPort
    {
        private readonly Lock _closing = new();
        private bool _closed;

        public ulong Id => id;
        public bool IsRtcp => rtcp;
        public IMediaInput Input => input;
        public int Descriptor { get; } = (int)socket.Handle;

        /// <summary>Under a lock with closing, since the descriptor's number may belong to another port right after it.</summary>
        public bool TryReceive(byte[] datagram, out int length, out MediaAddress from)
        {
            Span<byte> address = stackalloc byte[Native.AddressSize];
            var addressLength = Native.AddressSize;
            from = default;
            lock (_closing)
            {
                length = -1;
                if (_closed) return false;
                fixed (byte* data = datagram)
                fixed (byte* sender = address)
                {
                    length = (int)Native.ReceiveFrom(Descriptor, data, (nuint)datagram.Length, Native.DoNotWait, sender, &addressLength);
                }
            }
            if (length < 0) return false;
            var port = BinaryPrimitives.ReadUInt16BigEndian(address[2..]);
            from = BitConverter.ToUInt16(address) == Native.FamilyV6 ? MediaAddress.V6(address[8..24], port) : MediaAddress.V4(address[4..8], port);
            return true;
        }

        public bool Send(ReadOnlySpan<byte> datagram, MediaAddress to)
        {
            Span<byte> address = stackalloc byte[Native.AddressSize];
            address.Clear();
            BitConverter.TryWriteBytes(address, to.IsV6 ? Native.FamilyV6 : Native.FamilyV4);
            BinaryPrimitives.WriteUInt16BigEndian(address[2..], to.Port);
            to.WriteIp(address[(to.IsV6 ? 8 : 4)..]);
            fixed (byte* data = datagram)
            fixed (byte* target = address)
            {
                return Native.SendTo(Descriptor, data, (nuint)datagram.Length, Native.DoNotWait, target, to.IsV6 ? 28 : 16) == datagram.Length;
            }
        }

        public void Dispose()
        {
            lock (_closing)
            {
                if (_closed) return;
                _closed = true;
                wire._ports.TryRemove(id, out _);
                socket.Dispose(); // Closing takes it out of the epoll set.
            }
        }
    }

    private static partial class Native
    {
        public const int CloseOnExec = 0x80000, Add = 1, DoNotWait = 0x40, MonotonicClock = 1, Absolute = 1, Interrupted = 4, AddressSize = 28;
        public const int OneThread = 0, ThisThread = 0, Urgent = -15;
        public const uint PollIn = 1;
        public const ushort FamilyV4 = 2, FamilyV6 = 10;

        [StructLayout(LayoutKind.Sequential)]
        public struct TimeSpec
        {
            public nint Seconds;
            public nint Nanoseconds;
        }

        [LibraryImport("libc", EntryPoint = "epoll_create1")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int EpollCreate(int flags);

        [LibraryImport("libc", EntryPoint = "epoll_ctl")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int EpollControl(int epoll, int operation, int descriptor, byte* e);

        [LibraryImport("libc", EntryPoint = "epoll_wait")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int EpollWait(int epoll, byte* events, int most, int timeout);

        [LibraryImport("libc", EntryPoint = "recvfrom")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial nint ReceiveFrom(int descriptor, byte* data, nuint length, int flags, byte* address, int* addressLength);

        [LibraryImport("libc", EntryPoint = "sendto")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial nint SendTo(int descriptor, byte* data, nuint length, int flags, byte* address, int addressLength);

        [LibraryImport("libc", EntryPoint = "setpriority")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int SetPriority(int kind, int who, int nice);

        [LibraryImport("libc", EntryPoint = "close")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int Close(int descriptor);

        [LibraryImport("libc", EntryPoint = "clock_nanosleep")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int ClockSleep(int clock, int flags, TimeSpec* until, TimeSpec* remaining);
    }
}
