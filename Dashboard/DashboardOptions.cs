namespace IvrActors.Dashboard;

/// <summary>What the dashboard is told by the composition root.</summary>
public sealed class DashboardOptions
{
    /// <summary>The local port that the pages answer on, and the only one; that port answers nothing else.</summary>
    public required int Port { get; init; }

    public required IReadOnlyList<DashboardTenant> Tenants { get; init; }

    /// <summary>What the phone page calls through; null: it only says how it is switched on.</summary>
    public DashboardPhone? Phone { get; init; }

    /// <summary>How often the cluster is asked for its live state, once for all viewers.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Least time that a refused sign-in takes, so that an unknown name answers no faster than a wrong password.</summary>
    public TimeSpan SignInFloor { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>PBKDF2-HMAC-SHA512 rounds for operators' passwords; the default is OWASP's advice.</summary>
    public int PasswordHashIterations { get; init; } = 210_000;

    /// <summary>Sign-in and join posts that one network address may make in a minute: names that do not exist have no lock of their own.</summary>
    public int SignInsPerMinute { get; init; } = 30;
}

/// <summary>Where the phone page calls.</summary>
public sealed class DashboardPhone
{
    /// <summary>The <c>wss:</c> address of SIP, as browsers reach it.</summary>
    public required Uri Url { get; init; }

    /// <summary>The origin of our pages that the edge lets connect.</summary>
    public required string Origin { get; init; }

    /// <summary>What can be called; the first is what the page begins with.</summary>
    public required IReadOnlyList<string> Numbers { get; init; }
}

/// <summary>A tenant and the flows that it has.</summary>
public sealed class DashboardTenant
{
    public required string Name { get; init; }
    public required IReadOnlyList<string> Flows { get; init; }
}
