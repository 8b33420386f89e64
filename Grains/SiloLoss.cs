using Orleans.Runtime;
using Orleans.Storage;

namespace IvrActors.Grains;

/// <summary>
/// What a call to a grain ends with whose silo has just gone: nothing is decided, and asked again in a moment the grain is on another silo. Of all failures this one goes back as it is, through the grains that serve a
/// call, to the edge, which sends its event again under the same number; all else is answered for politely where it happens. So what such a grain does has to bear being asked twice.
/// </summary>
internal static class SiloLoss
{
    private const int MostTries = 8;

    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    public static bool Is(Exception e) => e is SiloUnavailableException or OrleansMessageRejectionException;

    /// <summary>
    /// Whether it goes by within seconds: a silo that went, a database that is away, another activation that wrote first. An event of a call that goes on is asked again then, and its caller is held meanwhile; a new
    /// call is refused at once, for it has somewhere else to go.
    /// </summary>
    public static bool Passes(Exception e) => Is(e) || e is StorageUnavailableException or InconsistentStateException;

    /// <summary>Asks again until another silo answers: for what no edge would ask again.</summary>
    public static async Task Outlive(TimeProvider time, Func<Task> ask)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await ask();
                return;
            }
            catch (Exception e) when (Is(e) && tries < MostTries)
            {
                await Task.Delay(s_pause, time);
            }
        }
    }
}
