using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace IvrActors.Load.Media;

/// <summary>
/// One UDP port on which many calls hear their RTP, told apart by the server's port. A thread reads it in batches, and each packet carries
/// the time at which the kernel took it in: how late this thread gets to run does not enter the figures. Linux only.
/// </summary>
internal sealed unsafe partial class MediaReceiver : IDisposable
{
    private const int Batch = 64, PacketSize = 1500, ControlSize = 64;
    private const int SolSocket = 1, SoReceiveBufferForce = 33, SoTimestampNs = 35, WaitForOne = 0x10000;

    private readonly CallMedia?[] _byRemotePort = new CallMedia?[65536];
    private readonly Socket _rtcp;
    private readonly Thread _thread;
    private volatile bool _stopped;

    public MediaReceiver(IPAddress address, int port)
    {
        Socket = Open(address, port);
        // The port above takes the server's RTCP, which is not looked at; without it the server would get ICMP errors.
        _rtcp = Open(address, port + 1);
        Port = port;
        var on = 1;
        Socket.SetRawSocketOption(SolSocket, SoTimestampNs, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in on)));
        Socket.ReceiveTimeout = 100;
        _thread = new Thread(Run) { Name = "rtp-" + port, IsBackground = true };
        _thread.Start();
    }

    public Socket Socket { get; }

    public int Port { get; }

    public void Attach(int remotePort, CallMedia call) => Volatile.Write(ref _byRemotePort[remotePort], call);

    public void Detach(int remotePort) => Volatile.Write(ref _byRemotePort[remotePort], null);

    /// <summary>Packets that the kernel threw away because this process did not read in time.</summary>
    public long Drops() => (from line in File.ReadLines("/proc/net/udp").Skip(1)
                            let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                            where fields[1].EndsWith($":{Port:X4}", StringComparison.Ordinal)
                            select long.Parse(fields[^1], System.Globalization.CultureInfo.InvariantCulture)).Sum();

    public void Dispose()
    {
        _stopped = true;
        _thread.Join();
        Socket.Dispose();
        _rtcp.Dispose();
    }

    private static Socket Open(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var size = 16 << 20;
        try
        {
            socket.SetRawSocketOption(SolSocket, SoReceiveBufferForce, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in size)));
        }
        catch (SocketException)
        {
            socket.ReceiveBufferSize = size; // not root: as much as the kernel allows everybody
        }
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    }

    private void Run()
    {
        var memory = (byte*)NativeMemory.AllocZeroed(Batch * (nuint)(sizeof(MessageHeader) + sizeof(IoVector) + 16 + ControlSize + PacketSize));
        var headers = (MessageHeader*)memory;
        var vectors = (IoVector*)(headers + Batch);
        var names = (byte*)(vectors + Batch);
        var controls = names + 16 * Batch;
        var packets = controls + ControlSize * Batch;
        try
        {
            while (!_stopped)
            {
                for (var i = 0; i < Batch; i++)
                {
                    vectors[i] = new IoVector { Base = packets + PacketSize * i, Length = PacketSize };
                    headers[i] = new MessageHeader { Name = names + 16 * i, NameLength = 16, Vectors = vectors + i, VectorCount = 1, Control = controls + ControlSize * i, ControlLength = ControlSize };
                }
                var count = ReceiveMany((int)Socket.Handle, headers, Batch, WaitForOne, null);
                for (var i = 0; i < count; i++)
                {
                    var remotePort = names[16 * i + 2] << 8 | names[16 * i + 3];
                    Volatile.Read(ref _byRemotePort[remotePort])?.Receive(new Span<byte>(packets + PacketSize * i, (int)headers[i].Received), ArrivalOf(headers[i]));
                }
            }
        }
        finally
        {
            NativeMemory.Free(memory);
        }
    }

    // struct cmsghdr { size_t len; int level; int type; }, then struct timespec { long seconds; long nanoseconds; }
    private static long ArrivalOf(in MessageHeader header)
    {
        if (header.ControlLength < 32 || *(int*)(header.Control + 8) != SolSocket || *(int*)(header.Control + 12) != SoTimestampNs) return DateTime.UtcNow.Ticks;
        return DateTime.UnixEpoch.Ticks + *(long*)(header.Control + 16) * TimeSpan.TicksPerSecond + *(long*)(header.Control + 24) / 100;
    }

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    private static partial int ReceiveMany(int socket, MessageHeader* headers, uint count, int flags, void* timeout);

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    // struct mmsghdr of 64-bit Linux: a struct msghdr, which the compiler pads to 56 bytes, and the count
    [StructLayout(LayoutKind.Explicit, Size = 64)]
    private struct MessageHeader
    {
        [FieldOffset(0)] public byte* Name;
        [FieldOffset(8)] public uint NameLength;
        [FieldOffset(16)] public IoVector* Vectors;
        [FieldOffset(24)] public nuint VectorCount;
        [FieldOffset(32)] public byte* Control;
        [FieldOffset(40)] public nuint ControlLength;
        [FieldOffset(56)] public uint Received;
    }
}
