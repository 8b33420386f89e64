using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Xunit;

namespace IvrActors.Grains.Interfaces.Tests;

public sealed class SecretTests
{
    [Fact]
    public void A_secret_prints_as_a_mask()
    {
        using var pin = new Secret<char>("4826".ToCharArray());
        Assert.Equal("[secret]", pin.ToString());
        Assert.Equal("[secret]", $"{pin}");
        Assert.Equal("{ Pin = [secret] }", new { Pin = pin }.ToString());
    }

    [Fact]
    public void A_secret_is_zeroed_when_disposed_and_cannot_be_read_afterwards()
    {
        var bytes = Encoding.ASCII.GetBytes("4826");
        var pin = new Secret<byte>(bytes);
        Assert.True(pin.Expose().SequenceEqual("4826"u8));
        pin.Dispose();
        pin.Dispose();
        Assert.Equal(new byte[4], bytes);
        Assert.Throws<ObjectDisposedException>(() => pin.Expose().Length);
    }

    [Fact]
    public void JSON_refuses_a_secret_alone_and_inside()
    {
        using var pin = new Secret<byte>([1, 2, 3, 4]);
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(pin));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(new { Deep = new { Pin = pin } }));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Deserialize<Secret<char>>("{}"));
    }

    [Fact]
    public void Orleans_refuses_to_serialize_and_to_copy_a_secret()
    {
        using var pin = new Secret<byte>([1, 2, 3, 4]);
        var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        Assert.ThrowsAny<Exception>(() => services.GetRequiredService<Serializer>().SerializeToArray(pin));
        Assert.ThrowsAny<Exception>(() => services.GetRequiredService<Serializer>().SerializeToArray<object>(pin));
        Assert.ThrowsAny<Exception>(() => services.GetRequiredService<DeepCopier>().Copy<object>(pin));
    }
}
