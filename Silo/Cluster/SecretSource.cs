using IvrActors.Grains.Interfaces;

namespace IvrActors.Silo.Cluster;

/// <summary>A secret that <c>cluster.yaml</c> needs is not there; the message says which and where it was looked for.</summary>
internal sealed class MissingSecretException(string message) : Exception(message);

/// <summary>Where a password is: a file or an environment variable, never <c>cluster.yaml</c> itself. Read when the cluster starts, so that verbs that need none run without.</summary>
internal sealed class SecretSource(string? file, string? variable, string purpose)
{
    /// <summary>Longest password; RFC 7616 sets no bound, and no person or generator needs more.</summary>
    public const int MostCharacters = 256;

    /// <summary>The password. The caller disposes it.</summary>
    /// <exception cref="MissingSecretException">It is not there, empty or too long.</exception>
    public Secret<char> Read()
    {
        var text = file is not null ? ReadFile(file).TrimEnd('\r', '\n') : Environment.GetEnvironmentVariable(variable!);
        if (text is { Length: > 0 and <= MostCharacters }) return new Secret<char>(text.ToCharArray());
        throw new MissingSecretException($"The password of {purpose} is missing, empty or longer than {MostCharacters} characters ({(file is not null ? $"file '{file}'" : $"environment variable {variable}")}).");
    }

    private string ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MissingSecretException($"The password of {purpose} cannot be read from file '{path}'.");
        }
    }
}

/// <summary>A file of <c>user:password</c> lines; empty lines and lines that begin with # mean nothing.</summary>
internal sealed class AccountFile(string path, string purpose)
{
    /// <summary>Accounts of one trunk: their hashes stay in memory, about 300 bytes each.</summary>
    public const int MostAccounts = 10_000;

    /// <summary>User names with their passwords. The caller disposes them.</summary>
    /// <exception cref="MissingSecretException">The file cannot be read, or a line is no account. The line's text is not repeated.</exception>
    public List<(string User, Secret<char> Password)> Read()
    {
        var accounts = new List<(string, Secret<char>)>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var number = 0;
        foreach (var line in Lines())
        {
            number++;
            if (line.Length == 0 || line[0] == '#') continue;
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon < 1 || line.Length - colon - 1 is 0 or > SecretSource.MostCharacters || !IsUser(line[..colon])) throw new MissingSecretException($"{path}:{number}: no account (expected user:password, for {purpose})");
            if (!names.Add(line[..colon])) throw new MissingSecretException($"{path}:{number}: duplicate account (expected each user once, for {purpose})");
            if (accounts.Count == MostAccounts) throw new MissingSecretException($"{path}:{number}: too many accounts (expected at most {MostAccounts}, for {purpose})");
            accounts.Add((line[..colon], new Secret<char>(line[(colon + 1)..].ToCharArray())));
        }
        return accounts.Count > 0 ? accounts : throw new MissingSecretException($"{path}:1: no account (expected user:password, for {purpose})");
    }

    /// <summary>A user part of a SIP address that needs no escape.</summary>
    public static bool IsUser(string text) => text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or '+');

    private string[] Lines()
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new MissingSecretException($"The accounts of {purpose} cannot be read from file '{path}'.");
        }
    }
}
