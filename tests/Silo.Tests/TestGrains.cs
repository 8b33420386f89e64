using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Silo.Security;
using Orleans.Placement;

namespace IvrActors.Silo.Tests;

[Alias("test.INoteGrain")]
public interface INoteGrain : IGrainWithStringKey
{
    [Requires(Permission.ViewCalls), Alias("Read")]
    Task<string> Read();

    [Requires(Permission.ViewCalls), Alias("Write")]
    Task Write(string text);

    [Requires(Permission.ViewCalls), Alias("Clear")]
    Task Clear();

    /// <summary>Only grains.</summary>
    [Alias("ReadInside")]
    Task<string> ReadInside();

    [Requires(Permission.Unlock), Alias("Unlock")]
    Task<string> Unlock();

    /// <summary>Calls <see cref="ReadInside"/> of another note.</summary>
    [Requires(Permission.ViewCalls), Alias("ReadOther")]
    Task<string> ReadOther(string key);

    [Requires(Permission.ViewCalls), Alias("Actor")]
    Task<string> Actor();

    /// <summary>What the request context still holds of the token, here and one grain further.</summary>
    [Requires(Permission.ViewCalls), Alias("TokenSeen")]
    Task<bool> TokenSeen();

    [Requires(Permission.ViewCalls), Alias("Scratch")]
    Task Scratch(string? text);

    [Requires(Permission.ViewCalls), Alias("Deactivate")]
    Task Deactivate();

    [Requires(Permission.EdgeCalls), Alias("Offer")]
    Task<string> Offer();

    /// <summary>Starts a timer; what it found in another note is what <see cref="Read"/> answers then.</summary>
    [Requires(Permission.ViewCalls), Alias("ReadOtherByTimer")]
    Task ReadOtherByTimer(string key);
}

[Alias("test.IPlaceGrain")]
public interface IPlaceGrain : IGrainWithStringKey
{
    /// <summary>The silo where it is.</summary>
    [Alias("Where")]
    Task<string> Where();
}

[RandomPlacement]
public sealed class PlaceGrain(ILocalSiloDetails silo) : Grain, IPlaceGrain
{
    public Task<string> Where() => Task.FromResult(silo.SiloAddress.ToParsableString());
}

[GenerateSerializer, Alias("test.NoteState")]
public sealed class NoteState
{
    [Id(0)] public string Text { get; set; } = "";
}

public sealed class NoteGrain(
    [PersistentState("note", "encrypted")] IPersistentState<NoteState> note,
    [PersistentState("scratch", "encrypted")] IPersistentState<NoteState> scratch) : Grain, INoteGrain
{
    public Task<string> Read() => Task.FromResult(note.RecordExists ? note.State.Text : "(none)");

    public Task Write(string text)
    {
        note.State.Text = text;
        return note.WriteStateAsync();
    }

    public Task Clear() => note.ClearStateAsync();

    public Task<string> ReadInside() => Read();

    public Task<string> Unlock() => Task.FromResult("unlocked");

    public Task<string> Offer() => Task.FromResult("offered");

    public Task<string> ReadOther(string key) => GrainFactory.GetGrain<INoteGrain>(key).ReadInside();

    public Task<string> Actor() => Task.FromResult(RequestContext.Get(RequestActor.ContextKey) as string ?? "(none)");

    public Task<bool> TokenSeen() => Task.FromResult(RequestContext.Get(RoleToken.ContextKey) is not null || RequestContext.Get(GrainMark.ContextKey) is not null);

    public Task Scratch(string? text)
    {
        scratch.State.Text = text ?? "";
        return text is null ? scratch.ClearStateAsync() : scratch.WriteStateAsync();
    }

    public Task ReadOtherByTimer(string key)
    {
        this.RegisterGrainTimer(async () => note.State.Text = "timer: " + await ReadOther(key), new GrainTimerCreationOptions { DueTime = TimeSpan.FromMilliseconds(1), Period = Timeout.InfiniteTimeSpan });
        return note.WriteStateAsync();
    }

    public Task Deactivate()
    {
        DeactivateOnIdle();
        return Task.CompletedTask;
    }
}
