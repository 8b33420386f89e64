using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace IvrActors.Bench;

/// <summary>
/// What batched system calls could save the media plane: datagrams of 172 bytes from a socket each (as calls have), from one socket one by one, and from
/// one socket in batches. They go to ports that nobody reads, whose queues are full, so that a receiver's work does not enter. Linux only.
/// </summary>
public static unsafe partial class BatchBench
{
    private const int Batch = 64, Size = 172, AddressSize = 16, DoNotWait = 0x40;

    public static void Run()
    {
        using var sink = Open();
        var sockets = Enumerable.Range(0, Batch).Select(_ => Open()).ToArray();
        using var one = Open();
        var costs = Measurement.Compare(
            ("sendto, a socket for each call", () => SendEach(sockets, sink)),
            ("sendto, one socket", () => SendEach(one, sink)),
            ("sendmmsg, one socket", () => SendMany(one, sink)),
            ("send and recvfrom, sockets of calls", () => Exchange(sockets)),
            ("send and recvmmsg, one socket", () => Exchange(one)));
        Console.WriteLine($"{Batch} datagrams of {Size} bytes at each step");
        foreach (var cost in costs)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cost}  {cost.Nanoseconds / Batch,6:F0} ns a datagram"));
        foreach (var socket in sockets) socket.Dispose();
    }

    private static Socket Open()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    private static void SendEach(Socket[] from, Socket to)
    {
        var target = Address(to);
        byte* data = stackalloc byte[Size];
        foreach (var socket in from) Check(SendTo((int)socket.Handle, data, Size, DoNotWait, (byte*)&target, AddressSize), Size);
    }

    private static void SendEach(Socket from, Socket to)
    {
        var target = Address(to);
        byte* data = stackalloc byte[Size];
        for (var i = 0; i < Batch; i++) Check(SendTo((int)from.Handle, data, Size, DoNotWait, (byte*)&target, AddressSize), Size);
    }

    private static void SendMany(Socket from, Socket to)
    {
        var target = Address(to);
        byte* data = stackalloc byte[Size];
        var vector = new IoVector { Base = data, Length = Size };
        var headers = stackalloc MessageHeader[Batch];
        for (var i = 0; i < Batch; i++) headers[i] = new MessageHeader { Name = (byte*)&target, NameLength = AddressSize, Vectors = &vector, VectorCount = 1 };
        Check(SendMany((int)from.Handle, headers, Batch, DoNotWait), Batch);
    }

    private static void Exchange(Socket[] sockets)
    {
        for (var i = 0; i < sockets.Length; i++) SendOne(sockets[i], sockets[(i + 1) % sockets.Length]);
        ReceiveEach(sockets);
    }

    private static void ReceiveEach(Socket[] sockets)
    {
        byte* data = stackalloc byte[Size];
        byte* address = stackalloc byte[AddressSize];
        foreach (var socket in sockets)
        {
            var length = AddressSize;
            Check(ReceiveFrom((int)socket.Handle, data, Size, DoNotWait, address, &length), Size);
        }
    }

    private static void Exchange(Socket one)
    {
        for (var i = 0; i < Batch; i++) SendOne(one, one);
        var data = stackalloc byte[Size * Batch];
        var names = stackalloc byte[AddressSize * Batch];
        var vectors = stackalloc IoVector[Batch];
        var headers = stackalloc MessageHeader[Batch];
        for (var i = 0; i < Batch; i++)
        {
            vectors[i] = new IoVector { Base = data + Size * i, Length = Size };
            headers[i] = new MessageHeader { Name = names + AddressSize * i, NameLength = AddressSize, Vectors = vectors + i, VectorCount = 1 };
        }
        Check(ReceiveMany((int)one.Handle, headers, Batch, DoNotWait, null), Batch);
    }

    private static void SendOne(Socket from, Socket to)
    {
        var target = Address(to);
        byte* data = stackalloc byte[Size];
        Check(SendTo((int)from.Handle, data, Size, DoNotWait, (byte*)&target, AddressSize), Size);
    }

    // struct sockaddr_in
    [StructLayout(LayoutKind.Sequential)]
    private struct SocketAddressV4
    {
        public ushort Family, Port;
        public uint Address;
        public ulong Zero;
    }

    private static SocketAddressV4 Address(Socket socket) => new()
    {
        Family = 2,
        Port = BinaryPrimitives.ReverseEndianness((ushort)((IPEndPoint)socket.LocalEndPoint!).Port),
        Address = BitConverter.ToUInt32(IPAddress.Loopback.GetAddressBytes()),
    };

    private static void Check(nint got, int expected)
    {
        if (got != expected) throw new IOException($"a system call gave {got} instead of {expected} (errno {Marshal.GetLastSystemError()})");
    }

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc", EntryPoint = "sendto")]
    private static partial nint SendTo(int socket, byte* data, nuint length, int flags, byte* address, int addressLength);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc", EntryPoint = "recvfrom")]
    private static partial nint ReceiveFrom(int socket, byte* data, nuint length, int flags, byte* address, int* addressLength);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc", EntryPoint = "sendmmsg")]
    private static partial int SendMany(int socket, MessageHeader* headers, uint count, int flags);

    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [LibraryImport("libc", EntryPoint = "recvmmsg")]
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
        [FieldOffset(56)] public uint Done;
    }
}
