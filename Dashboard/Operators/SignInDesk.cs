using IvrActors.Grains.Interfaces.Audit;
using Microsoft.AspNetCore.Authentication;

namespace IvrActors.Dashboard.Operators;

/// <summary>Checks factors for a purpose, audits and counts the result, and opens and closes sessions.</summary>
internal sealed class SignInDesk(Credentials credentials, Sessions sessions, OperatorActs acts, DashboardOptions options, TimeProvider time)
{
    /// <summary>Signs the person in, in a new session; false for every reason that there may be.</summary>
    public async Task<bool> SignIn(HttpContext http, string? name, string? password, string? code)
    {
        var began = time.GetTimestamp();
        var result = await credentials.Check(name, password, code);
        OperatorActs.CountSignIn(result.Outcome);
        if (result.Accepted is null)
        {
            await Refuse("operator.sign-in-refused", result, began);
            return false;
        }
        await acts.Record(result.Accepted.UserName, "operator.signed-in");
        await Open(http, result.Accepted);
        return true;
    }

    /// <summary>The factors again, before one of them is changed; failures count towards the lock.</summary>
    public async Task<OperatorUser?> Again(HttpContext http, string? password, string? code)
    {
        var began = time.GetTimestamp();
        var result = await credentials.Check(http.User.Identity?.Name, password, code);
        if (result.Accepted is null) await Refuse("operator.re-authentication-refused", result, began);
        return result.Accepted;
    }

    /// <summary>Starts a new session; one that was there before ends.</summary>
    public async Task Open(HttpContext http, OperatorUser user)
    {
        var person = sessions.Start(user, http.User);
        await http.SignInAsync(Sessions.Scheme, person);
        http.User = person;
    }

    public async Task SignOut(HttpContext http)
    {
        await acts.Record(http.User.Identity?.Name ?? OperatorActs.Nobody, "operator.signed-out");
        sessions.Close(http.User);
        await http.SignOutAsync(Sessions.Scheme);
    }

    /// <summary>Audits the refusal, and answers no sooner than any other refusal.</summary>
    private async Task Refuse(string action, CredentialResult result, long began)
    {
        await acts.Record(result.Known ?? OperatorActs.Nobody, action, AuditResult.Failure, detail: result.Outcome == CredentialOutcome.Locked ? "locked" : "credentials");
        var rest = options.SignInFloor - time.GetElapsedTime(began);
        if (rest > TimeSpan.Zero) await Task.Delay(rest, time);
    }
}
