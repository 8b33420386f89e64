using Microsoft.AspNetCore.Identity;

namespace IvrActors.Dashboard.Operators;

/// <summary>What the length alone does not catch (SP 800-63B-4 3.1.1.2: context words, repetition); length itself is Identity's rule.</summary>
internal sealed class PasswordRule : IPasswordValidator<OperatorUser>
{
    private const int LeastDistinct = 6;
    private static readonly string[] s_contextWords = ["ivractors", "password", "administrator", "1234567890", "qwertyuiop"];

    public Task<IdentityResult> ValidateAsync(UserManager<OperatorUser> manager, OperatorUser user, string? password)
    {
        var text = password ?? "";
        string? fault =
            text.Length > Credentials.LongestPassword ? $"Use at most {Credentials.LongestPassword} characters."
            : text.Distinct().Count() < LeastDistinct ? $"Use at least {LeastDistinct} different characters."
            : user.UserName.Length > 0 && text.Contains(user.UserName, StringComparison.OrdinalIgnoreCase) ? "Leave your name out of the password."
            : s_contextWords.Any(word => text.Contains(word, StringComparison.OrdinalIgnoreCase)) ? "This password contains a word that is tried first. Choose another."
            : null;
        return Task.FromResult(fault is null ? IdentityResult.Success : IdentityResult.Failed(new IdentityError { Code = "WeakPassword", Description = fault }));
    }
}
