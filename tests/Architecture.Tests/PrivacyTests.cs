using Mono.Cecil;

namespace IvrActors.Architecture.Tests;

/// <summary>What keeps secrets and personal values out of texts, and what keeps the grain boundary closed.</summary>
public sealed class PrivacyTests
{
    private static readonly string[] s_personal =
    [
        "IvrActors.Grains.Interfaces.Secret`1", "IvrActors.Grains.Interfaces.Privacy.PersonalText", "IvrActors.Grains.Interfaces.Privacy.PhoneNumber",
    ];

    public static TheoryData<string> Parts => [.. Code.Ours];

    // A record's ToString prints every member, and Orleans prints arguments of calls at its verbose log level.
    [Theory, MemberData(nameof(Parts))]
    public void No_record_holds_a_secret_or_a_personal_value(string part)
    {
        Assert.Empty(RecordsWithPersonalMembers(Code.Types(part)));
    }

    [Fact]
    public void A_record_with_a_personal_member_is_found()
    {
        var fixtures = Code.Types("Architecture.Tests").Where(t => t.DeclaringType?.Name == nameof(PrivacyTests));

        Assert.Equal(2, RecordsWithPersonalMembers(fixtures).Count());
    }

    [Fact]
    public void The_personal_types_are_the_ones_in_the_contracts()
    {
        Assert.All(s_personal, name => Assert.Contains(Code.Types("Grains.Interfaces"), t => t.FullName == name));
    }

    [Fact]
    public void Every_wire_and_state_type_has_an_alias_of_its_own()
    {
        var types = Code.Ours.SelectMany(Code.Types).Where(t => Code.Has(t, "Orleans.GenerateSerializerAttribute")).ToList();
        var aliases = types.Select(t => (t.FullName, Alias: AliasOf(t))).ToList();

        Assert.NotEmpty(types);
        Assert.Empty(aliases.Where(a => a.Alias?.StartsWith("ivr.", StringComparison.Ordinal) != true).Select(a => a.FullName));
        Assert.Empty(aliases.GroupBy(a => a.Alias).Where(g => g.Count() > 1).Select(g => g.Key));
    }

    // A member without an id is left out of the serialized form without a word.
    [Fact]
    public void Every_settable_member_of_a_wire_type_has_an_id()
    {
        var members = from type in Code.Ours.SelectMany(Code.Types)
                      where Code.Has(type, "Orleans.GenerateSerializerAttribute") && !type.IsEnum
                      from property in type.Properties
                      where property.SetMethod is { IsStatic: false } && !Code.Has(property, "Orleans.IdAttribute") && !Code.Has(property, "System.NonSerializedAttribute")
                      select $"{type.FullName}.{property.Name}";

        Assert.Empty(members);
    }

    [Fact]
    public void Every_grain_interface_and_method_has_an_alias()
    {
        var unnamed = GrainInterfaces().Where(t => AliasOf(t) is null).Select(t => t.FullName)
            .Concat(GrainInterfaces().SelectMany(Methods).Where(m => AliasOf(m) is null).Select(m => m.FullName));

        Assert.NotEmpty(GrainInterfaces());
        Assert.Empty(unnamed);
    }

    // Such a method answers grains only: a call to it from outside is refused at run time, so it is a mistake at build time.
    [Theory]
    [InlineData("Edge")]
    [InlineData("Dashboard")]
    public void Code_outside_the_silo_calls_only_grain_methods_that_declare_a_permission(string part)
    {
        var closed = GrainInterfaces().Where(t => !Code.Implements(t, "Orleans.IGrainObserver"))
            .SelectMany(Methods).Where(m => !Code.Has(m, "IvrActors.Grains.Interfaces.Operators.RequiresAttribute"))
            .Select(m => (m.DeclaringType.FullName, m.Name)).ToHashSet();
        var calls = Code.Types(part).SelectMany(Code.Uses).Where(u => u.UsedMember is not null && closed.Contains((u.UsedType, u.UsedMember)));

        Assert.NotEmpty(closed);
        Assert.Empty(calls.Select(c => c.ToString()));
    }

    private static IEnumerable<string> RecordsWithPersonalMembers(IEnumerable<TypeDefinition> types) =>
        from type in types
        where type.Methods.Any(m => m.Name == "PrintMembers")
        from member in type.Properties.Select(p => (p.Name, Type: p.PropertyType)).Concat(type.Fields.Select(f => (f.Name, Type: f.FieldType)))
        where !member.Name.StartsWith('<') && Mentions(member.Type)
        select $"{type.FullName}.{member.Name}";

    private static bool Mentions(TypeReference type) =>
        s_personal.Contains(type.GetElementType().FullName)
        || (type is GenericInstanceType generic && generic.GenericArguments.Any(Mentions))
        || (type is TypeSpecification { ElementType: var element } and not GenericInstanceType && Mentions(element));

    private static IEnumerable<TypeDefinition> GrainInterfaces() =>
        Code.Types("Grains.Interfaces").Where(t => t.IsInterface && Code.Implements(t, "Orleans.Runtime.IAddressable"));

    private static IEnumerable<MethodDefinition> Methods(TypeDefinition grain) => grain.Methods.Where(m => m is { IsStatic: false, IsAbstract: true });

    private static string? AliasOf(ICustomAttributeProvider of) =>
        of.CustomAttributes.FirstOrDefault(a => a.AttributeType.FullName == "Orleans.AliasAttribute")?.ConstructorArguments[0].Value as string;

    internal sealed record HoldsASecret(List<IvrActors.Grains.Interfaces.Secret<byte>> Pins);

    internal readonly record struct HoldsANumber(IvrActors.Grains.Interfaces.Privacy.PhoneNumber? Caller);

    internal sealed record HoldsNothing(string Name);
}
