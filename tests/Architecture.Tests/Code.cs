using Mono.Cecil;
using Mono.Cecil.Cil;

namespace IvrActors.Architecture.Tests;

/// <summary>The compiled assemblies of this project, read as data: which type uses which type and member.</summary>
internal static class Code
{
    private static readonly Dictionary<string, AssemblyDefinition> s_assemblies = new(StringComparer.Ordinal);

    /// <summary>The assemblies that the table in architecture.md names.</summary>
    public static readonly string[] Ours = ["Grains.Interfaces", "Grains", "Edge", "Dashboard", "Silo"];

    public static AssemblyDefinition Assembly(string name)
    {
        lock (s_assemblies)
        {
            if (!s_assemblies.TryGetValue(name, out var assembly))
            {
                var resolver = new DefaultAssemblyResolver();
                resolver.AddSearchDirectory(AppContext.BaseDirectory);
                resolver.AddSearchDirectory(Path.GetDirectoryName(typeof(object).Assembly.Location));
                assembly = AssemblyDefinition.ReadAssembly(Path.Combine(AppContext.BaseDirectory, name + ".dll"), new ReaderParameters { AssemblyResolver = resolver });
                s_assemblies.Add(name, assembly);
            }
            return assembly;
        }
    }

    /// <summary>All types of an assembly, nested ones too.</summary>
    public static IEnumerable<TypeDefinition> Types(string assembly) => Assembly(assembly).Modules.SelectMany(m => m.GetTypes());

    /// <summary>The type that stands in the source: the outermost one around closures, iterators and nested types.</summary>
    public static TypeDefinition Outermost(TypeDefinition type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    /// <summary>The namespace of a type, of nested and constructed ones too.</summary>
    public static string NamespaceOf(TypeReference type)
    {
        var element = type.GetElementType();
        while (element.DeclaringType is { } outer) element = outer;
        return element.Namespace;
    }

    public static bool IsIn(string @namespace, string root) => @namespace == root || @namespace.StartsWith(root + ".", StringComparison.Ordinal);

    /// <summary>Whether the type or a base type of it has this full name.</summary>
    public static bool Inherits(TypeDefinition type, string baseName)
    {
        for (var at = type.BaseType; at is not null; at = Resolve(at)?.BaseType)
        {
            if (at.GetElementType().FullName == baseName) return true;
        }
        return false;
    }

    public static bool Implements(TypeDefinition type, string interfaceName)
    {
        for (var at = type; at is not null; at = at.BaseType is { } b ? Resolve(b) : null)
        {
            if (at.Interfaces.Any(i => i.InterfaceType.FullName == interfaceName || (Resolve(i.InterfaceType) is { } r && Implements(r, interfaceName)))) return true;
        }
        return false;
    }

    public static bool Has(ICustomAttributeProvider of, string attributeName) => of.CustomAttributes.Any(a => a.AttributeType.FullName == attributeName);

    /// <summary>Everything that a type names: base types, members' types, attributes, and what the bodies of its methods touch.</summary>
    public static IEnumerable<Use> Uses(TypeDefinition type)
    {
        foreach (var t in Shape(type).SelectMany(Parts)) yield return new Use(type, "", t.FullName, null);
        foreach (var method in type.Methods)
        {
            foreach (var t in Signature(method).SelectMany(Parts)) yield return new Use(type, method.Name, t.FullName, null);
            if (!method.HasBody) continue;
            foreach (var local in method.Body.Variables.SelectMany(v => Parts(v.VariableType))) yield return new Use(type, method.Name, local.FullName, null);
            foreach (var use in method.Body.Instructions.SelectMany(i => Touched(type, method, i))) yield return use;
        }
    }

    private static IEnumerable<TypeReference> Shape(TypeDefinition type)
    {
        if (type.BaseType is not null) yield return type.BaseType;
        foreach (var i in type.Interfaces) yield return i.InterfaceType;
        foreach (var f in type.Fields) yield return f.FieldType;
        foreach (var p in type.Properties) yield return p.PropertyType;
        foreach (var a in type.CustomAttributes.Concat(type.Fields.SelectMany(f => f.CustomAttributes)).Concat(type.Properties.SelectMany(p => p.CustomAttributes))) yield return a.AttributeType;
    }

    private static IEnumerable<TypeReference> Signature(MethodDefinition method)
    {
        yield return method.ReturnType;
        foreach (var p in method.Parameters) yield return p.ParameterType;
        foreach (var a in method.CustomAttributes) yield return a.AttributeType;
    }

    private static IEnumerable<Use> Touched(TypeDefinition type, MethodDefinition method, Instruction instruction)
    {
        switch (instruction.Operand)
        {
            case TypeReference t:
                foreach (var part in Parts(t)) yield return new Use(type, method.Name, part.FullName, null);
                break;
            case MethodReference m:
                foreach (var part in Parts(m.DeclaringType)) yield return new Use(type, method.Name, part.FullName, m.Name);
                foreach (var part in Parts(m.ReturnType).Concat(m.Parameters.SelectMany(p => Parts(p.ParameterType)))) yield return new Use(type, method.Name, part.FullName, null);
                if (m is GenericInstanceMethod g)
                    foreach (var part in g.GenericArguments.SelectMany(Parts)) yield return new Use(type, method.Name, part.FullName, null);
                break;
            case FieldReference f:
                foreach (var part in Parts(f.DeclaringType)) yield return new Use(type, method.Name, part.FullName, f.Name);
                break;
        }
    }

    // A constructed type is its definition and its arguments; an array, pointer or reference is its element.
    private static IEnumerable<TypeReference> Parts(TypeReference type)
    {
        if (type is GenericParameter) yield break;
        if (type is GenericInstanceType generic)
        {
            foreach (var part in generic.GenericArguments.SelectMany(Parts)) yield return part;
        }
        if (type is TypeSpecification specification)
        {
            foreach (var part in Parts(specification.ElementType)) yield return part;
        }
        else
        {
            yield return type;
        }
    }

    public static TypeDefinition? Resolve(TypeReference reference)
    {
        try
        {
            return reference.Resolve();
        }
        catch (AssemblyResolutionException)
        {
            return null;
        }
    }
}

/// <summary>One use: <paramref name="Type"/> (in method <paramref name="Method"/>) names <paramref name="UsedType"/> and perhaps a member of it.</summary>
internal sealed record Use(TypeDefinition Type, string Method, string UsedType, string? UsedMember)
{
    public override string ToString() => $"{Type.FullName}.{Method} uses {UsedType}{(UsedMember is null ? "" : "." + UsedMember)}";
}
