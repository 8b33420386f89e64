using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Interfaces.Tests;

/// <summary>Makes one value of any wire type with every member set, the same each time. Each text in it contains <see cref="Canary"/>.</summary>
internal static class Sample
{
    public const string Canary = "canary";

    public static readonly IReadOnlyList<Type> WireTypes =
        [.. typeof(Secret<>).Assembly.GetTypes().Where(t => t.GetCustomAttribute<GenerateSerializerAttribute>(inherit: false) is not null && !t.IsAbstract).OrderBy(AliasOf, StringComparer.Ordinal)];

    public static string AliasOf(Type type) => type.GetCustomAttribute<AliasAttribute>(inherit: false)?.Alias ?? "";

    public static object Of(Type type, string name = "")
    {
        if (Nullable.GetUnderlyingType(type) is { } inner) return Of(inner, name);
        if (type == typeof(string)) return $"{Canary} {name}";
        if (type == typeof(bool)) return true;
        if (type == typeof(int)) return 7;
        if (type == typeof(uint)) return 1234567890u;
        if (type == typeof(long)) return 1234567890123L;
        if (type == typeof(ulong)) return 1234567890123UL;
        if (type == typeof(double)) return 0.25;
        if (type == typeof(char)) return '#';
        if (type == typeof(byte[])) return new byte[] { 1, 2, 253 };
        if (type == typeof(int[])) return new[] { 7, -2 };
        if (type == typeof(ulong[])) return new[] { 7UL, ulong.MaxValue };
        if (type == typeof(TimeSpan)) return TimeSpan.FromMilliseconds(1500);
        if (type == typeof(DateOnly)) return new DateOnly(2026, 5, 4);
        if (type == typeof(DateTimeOffset)) return new DateTimeOffset(2026, 5, 4, 12, 30, 15, TimeSpan.Zero);
        if (type == typeof(PhoneNumber)) return new PhoneNumber($"{Canary} number");
        if (type == typeof(PersonalText)) return new PersonalText($"{Canary} text");
        if (type == typeof(InvitationCode)) return new InvitationCode($"{Canary} code");
        if (type == typeof(CallCommand)) return Of(typeof(HangUp));
        if (type == typeof(CallEvent)) return Of(typeof(CallEnded));
        if (type.IsEnum) return Enum.GetValuesAsUnderlyingType(type) is var values ? Enum.ToObject(type, values.GetValue(values.Length - 1)!) : 0;
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(List<>)) return ListOf(type, name);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Dictionary<,>)) return DictionaryOf(type, name);
        return WireTypes.Contains(type) ? ObjectOf(type) : throw new NotSupportedException($"a sample of {type} (member {name}) is missing here");
    }

    private static IList ListOf(Type type, string name)
    {
        var list = (IList)Activator.CreateInstance(type)!;
        list.Add(Of(type.GenericTypeArguments[0], name));
        return list;
    }

    private static IDictionary DictionaryOf(Type type, string name)
    {
        var dictionary = (IDictionary)Activator.CreateInstance(type)!;
        dictionary.Add(Of(type.GenericTypeArguments[0], name), Of(type.GenericTypeArguments[1], name));
        return dictionary;
    }

    private static object ObjectOf(Type type)
    {
        var value = RuntimeHelpers.GetUninitializedObject(type);
        foreach (var member in type.GetProperties().Where(p => p.GetCustomAttribute<IdAttribute>() is not null)) member.SetValue(value, Of(member.PropertyType, member.Name));
        return value;
    }
}
