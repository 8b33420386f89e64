namespace IvrActors.Dashboard.Access;

/// <summary>Calls grains under somebody's name and role: each call carries a token that is still good.</summary>
public interface IGrainCaller
{
    Task<T> Call<TGrain, T>(string key, Func<TGrain, Task<T>> call) where TGrain : IGrainWithStringKey;
}
