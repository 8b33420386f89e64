using System.Runtime.CompilerServices;
using Orleans.Runtime;

namespace IvrActors.Grains.Interfaces;

/// <summary>
/// References to grains by key. Orleans finds an interface's name by its attributes for every single one, which was 5 % of a call's processor time; here it is asked once.
/// </summary>
public static class GrainReferences
{
    /// <summary>As <c>factory.GetGrain&lt;T&gt;(key)</c>.</summary>
    public static T Grain<T>(this IGrainFactory factory, string key)
        where T : IGrainWithStringKey => Of<T>.Make(factory, key);

    private static class Of<T>
        where T : IGrainWithStringKey
    {
        // By factory: two clusters in one process may not agree on types.
        private static readonly ConditionalWeakTable<IGrainFactory, Kind> s_kinds = [];

        public static T Make(IGrainFactory factory, string key)
        {
            if (s_kinds.TryGetValue(factory, out var kind)) return (T)factory.GetGrain(GrainId.Create(kind.Grain, key), kind.Interface);
            var first = factory.GetGrain<T>(key);
            // What is none was made by a test.
            if (first is GrainReference reference) s_kinds.AddOrUpdate(factory, new Kind(reference.GrainId.Type, reference.InterfaceType));
            return first;
        }
    }

    private sealed class Kind(GrainType grain, GrainInterfaceType @interface)
    {
        public GrainType Grain => grain;

        public GrainInterfaceType Interface => @interface;
    }
}
