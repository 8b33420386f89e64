using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace IvrActors.Edge.Tests.Net;

/// <summary>A DNS server on loopback with records of a test (RFC 1035, 2782, 3403); what it does not know does not exist.</summary>
internal sealed class DnsServer : IDisposable
{
    private const int A = 1, Aaaa = 28, Srv = 33, Naptr = 35;

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private readonly Dictionary<(string Name, int Type), List<(uint Ttl, byte[] Data)>> _records = [];
    private readonly Task _run;
    private int _queries;

    public DnsServer()
    {
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _run = Task.Run(Run);
    }

    public IPEndPoint EndPoint => (IPEndPoint)_socket.LocalEndPoint!;

    /// <summary>Questions that came.</summary>
    public int Queries => Volatile.Read(ref _queries);

    public bool IsSilent { get; set; }

    public DnsServer Address(string name, string address, uint ttl = 60)
    {
        var parsed = IPAddress.Parse(address);
        return Add(name, parsed.AddressFamily == AddressFamily.InterNetworkV6 ? Aaaa : A, ttl, parsed.GetAddressBytes());
    }

    public DnsServer Service(string name, int priority, int weight, int port, string target) =>
        Add(name, Srv, 60, [.. Short(priority), .. Short(weight), .. Short(port), .. NameOf(target)]);

    public DnsServer Pointer(string name, int order, int preference, string service, string replacement) =>
        Add(name, Naptr, 60, [.. Short(order), .. Short(preference), .. Text("s"), .. Text(service), .. Text(""), .. NameOf(replacement)]);

    public void Dispose()
    {
        _socket.Dispose();
        _run.Wait();
    }

    private DnsServer Add(string name, int type, uint ttl, byte[] data)
    {
        lock (_records)
        {
            if (!_records.TryGetValue((name, type), out var list)) _records[(name, type)] = list = [];
            list.Add((ttl, data));
        }
        return this;
    }

    private void Run()
    {
        var buffer = new byte[1500];
        while (true)
        {
            try
            {
                EndPoint from = new IPEndPoint(IPAddress.Any, 0);
                var length = _socket.ReceiveFrom(buffer, ref from);
                Interlocked.Increment(ref _queries);
                if (!IsSilent) _socket.SendTo(Answer(buffer.AsSpan(0, length)), from);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private byte[] Answer(ReadOnlySpan<byte> query)
    {
        var name = new StringBuilder();
        var at = 12;
        for (int length; (length = query[at]) > 0; at += 1 + length)
        {
            if (name.Length > 0) name.Append('.');
            name.Append(Encoding.ASCII.GetString(query.Slice(at + 1, length)));
        }
        var type = BinaryPrimitives.ReadUInt16BigEndian(query[(at + 1)..]);
        var question = query[12..(at + 5)].ToArray();
        List<(uint Ttl, byte[] Data)> found;
        lock (_records) found = [.. _records.GetValueOrDefault((name.ToString().ToLowerInvariant(), type)) ?? []];
        var nameExists = found.Count > 0;
        List<byte> answer = [query[0], query[1], 0x81, (byte)(nameExists ? 0x80 : 0x83), 0, 1, .. Short(found.Count), 0, 0, 0, 0, .. question];
        foreach (var (ttl, data) in found) answer.AddRange([0xC0, 12, .. Short(type), 0, 1, (byte)(ttl >> 24), (byte)(ttl >> 16), (byte)(ttl >> 8), (byte)ttl, .. Short(data.Length), .. data]);
        return [.. answer];
    }

    private static byte[] Short(int value) => [(byte)(value >> 8), (byte)value];

    private static byte[] Text(string text) => [(byte)text.Length, .. Encoding.ASCII.GetBytes(text)];

    private static byte[] NameOf(string name) => [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(Text), 0];
}
