using IvrActors.Silo.Storage;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace IvrActors.Architecture.Tests;

/// <summary>A row that is moved to another key has to be known by its grain's type, which stands in a table: here it is compared with the grains.</summary>
public sealed class StateOwnerTests
{
    [Fact]
    public void Every_stored_state_of_a_grain_is_in_the_table_of_owners_with_its_grain()
    {
        var found = Code.Types("Grains").SelectMany(StatesOf).Distinct().ToDictionary(state => state.Name, state => state.Owner, StringComparer.Ordinal);
        Assert.True(found.Count >= 15, "the states of grains were not found in the code");
        Assert.Equal(found.OrderBy(state => state.Key, StringComparer.Ordinal), StateOwners.All.OrderBy(state => state.Key, StringComparer.Ordinal));
    }

    private static IEnumerable<(string Name, string Owner)> StatesOf(TypeDefinition type)
    {
        var owner = OwnerOf(Code.Outermost(type).Name);
        foreach (var method in type.Methods)
        {
            foreach (var attribute in method.Parameters.SelectMany(p => p.CustomAttributes).Where(a => a.AttributeType.Name == "PersistentStateAttribute"))
                yield return ((string)attribute.ConstructorArguments[0].Value, owner);
            if (!method.HasBody) continue;
            foreach (var instruction in method.Body.Instructions)
            {
                if (instruction.OpCode == OpCodes.Newobj && instruction.Operand is MethodReference { DeclaringType: GenericInstanceType { ElementType.Name: "StoredRow`1" } }) yield return (NameBefore(instruction), owner);
            }
        }
    }

    // Storage, name, grain: the name is the last text that is loaded before the call.
    private static string NameBefore(Instruction call)
    {
        for (var at = call.Previous; at is not null; at = at.Previous)
        {
            if (at.OpCode == OpCodes.Ldstr) return (string)at.Operand;
        }
        throw new InvalidOperationException("a row whose name is not a constant");
    }

    // As Orleans names grain types: without the suffix, in small letters.
    private static string OwnerOf(string type) => type.EndsWith("Grain", StringComparison.Ordinal) ? type[..^"Grain".Length].ToLowerInvariant() : type;
}
