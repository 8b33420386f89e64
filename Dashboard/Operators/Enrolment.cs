using System.Security.Claims;
using Microsoft.AspNetCore.Authentication;

namespace IvrActors.Dashboard.Operators;

/// <summary>
/// An authenticator app being set up, kept beside the session until a code proves it. For a new operator it also keeps the
/// invitation and the password's hash: nothing is stored in the cluster, and the invitation is not used up, until the code is right.
/// </summary>
internal sealed class Enrolment
{
    public const string Scheme = "enrolment";
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    // Guessing a code that one's own page shows the key of gains nothing; the bound only keeps a page from being hammered.
    public const int MostAttempts = 20;

    public required string UserName { get; init; }
    public required string Key { get; init; }

    /// <summary>Null when a signed-in operator replaces their app.</summary>
    public string? Invitation { get; init; }
    public string? PasswordHash { get; init; }
    public int Attempts { get; init; }

    public Task Save(HttpContext http)
    {
        var properties = new AuthenticationProperties { IsPersistent = false };
        properties.SetString(nameof(Key), Key);
        properties.SetString(nameof(Invitation), Invitation);
        properties.SetString(nameof(PasswordHash), PasswordHash);
        properties.SetString(nameof(Attempts), Attempts.ToString(System.Globalization.CultureInfo.InvariantCulture));
        return http.SignInAsync(Scheme, new ClaimsPrincipal(new ClaimsIdentity([new(ClaimTypes.Name, UserName)], Scheme)), properties);
    }

    public static async Task<Enrolment?> Load(HttpContext http)
    {
        var found = await http.AuthenticateAsync(Scheme);
        if (!found.Succeeded || found.Principal.Identity?.Name is not { } name || found.Properties?.GetString(nameof(Key)) is not { } key) return null;
        return new Enrolment
        {
            UserName = name,
            Key = key,
            Invitation = found.Properties.GetString(nameof(Invitation)),
            PasswordHash = found.Properties.GetString(nameof(PasswordHash)),
            Attempts = int.TryParse(found.Properties.GetString(nameof(Attempts)), out var attempts) ? attempts : MostAttempts,
        };
    }

    public Enrolment AfterAttempt() => new() { UserName = UserName, Key = Key, Invitation = Invitation, PasswordHash = PasswordHash, Attempts = Attempts + 1 };

    public static Task Forget(HttpContext http) => http.SignOutAsync(Scheme);

    public override string ToString() => nameof(Enrolment);
}
