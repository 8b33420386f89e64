using IvrActors.Grains.Interfaces.Operators;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using Xunit;

namespace IvrActors.Dashboard.Tests;

/// <summary>Pictures of the pages for people to look at: <c>dotnet run --project tests/Dashboard.Tests -- -explicit only</c> writes them to IVR_SCREENSHOTS.</summary>
public sealed class Screenshots
{
    [Fact(Explicit = true)]
    public async Task Of_every_page_in_both_themes_and_at_phone_width()
    {
        var folder = Directory.CreateDirectory(Environment.GetEnvironmentVariable("IVR_SCREENSHOTS") ?? Path.Combine(Path.GetTempPath(), "ivr-screenshots")).FullName;
        await using var server = await DashboardServer.Start(phone: PhoneTests.PhoneAt);
        foreach (var (name, role) in new[] { ("grace", Roles.Operator), ("linus", Roles.Viewer) }) (await new Visitor(server).Join(name, role)).Dispose();
        using var ada = await new Visitor(server).Join("ada", Roles.Administrator);
        var view = server.Get<Live.ClusterView>();
        // A history to draw: samples are taken five seconds of the clock apart.
        for (var i = 0; i < 120; i++)
        {
            server.Time.Advance(TimeSpan.FromSeconds(5));
            server.Cluster.Lockouts.Clear();
            Samples.Fill(server.Cluster, withLedger: i == 119);
            if (i == 119) break;
            var busy = server.Cluster.Edges["edge-1"];
            server.Cluster.Edges["edge-1"] = new() { Edge = "edge-1", At = server.Time.GetUtcNow(), Calls = busy.Calls, ActiveCalls = (int)(8 + (5 * Math.Sin(i / 9.0)) + (3 * Math.Sin(i / 2.3))) };
            var version = view.Current.Version;
            await view.After(version, TestContext.Current.CancellationToken);
            await view.After(version + 1, TestContext.Current.CancellationToken);
        }
        await Task.Delay(TimeSpan.FromSeconds(1));
        using var browser = BrowserTests.Open(out var profile);
        try
        {
            browser.Navigate().GoToUrl(server.Address + "signin");
            browser.Manage().Cookies.AddCookie(new Cookie("__Host-ivr-session", ada.Cookies["__Host-ivr-session"], null, "/", null, true, true, "Strict"));
            foreach (var (theme, width) in new[] { ("light", 1360), ("dark", 1360), ("dark", 400) })
            {
                foreach (var (name, path) in new[] { ("overview", ""), ("calls", "calls"), ("lockouts", "lockouts"), ("audit", "audit?tenant=demo&verify=true"), ("flow", "flows/demo/bank"), ("edges", "edges"), ("phone", "phone"), ("operators", "operators"), ("account", "account"), ("signin", "signin") })
                {
                    Shoot(browser, server, server.Address + path, theme, width, Path.Combine(folder, $"{name}-{theme}-{width}.png"));
                }
                browser.Navigate().GoToUrl($"{server.Address}join?code={server.Cluster.Invite(Roles.Viewer)}");
                foreach (var (id, text) in new[] { ("name", "joan"), ("password", Visitor.Password), ("again", Visitor.Password) }) browser.FindElement(By.Id(id)).SendKeys(text);
                browser.FindElement(By.CssSelector("main button.primary")).Click();
                Shoot(browser, server, server.Address + "enrol", theme, width, Path.Combine(folder, $"enrol-{theme}-{width}.png"));
            }
        }
        finally
        {
            browser.Quit();
            Directory.Delete(profile, recursive: true);
        }
    }

    private static void Shoot(ChromeDriver browser, DashboardServer server, string address, string theme, int width, string file)
    {
        foreach (var (edge, report) in server.Cluster.Edges.Where(found => found.Key != "edge-3").ToList())
        {
            server.Cluster.Edges[edge] = new() { Edge = edge, At = server.Time.GetUtcNow(), Calls = report.Calls, ActiveCalls = report.ActiveCalls };
        }
        browser.ExecuteScript("localStorage.setItem('theme', arguments[0])", theme);
        var metrics = new Dictionary<string, object?> { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = width < 600 };
        browser.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", metrics);
        browser.Navigate().GoToUrl(address);
        for (var tries = 0; tries < 50 && browser.FindElements(By.CssSelector("[data-live]")).Count > 0 && browser.FindElements(By.CssSelector("[data-state=on]")).Count == 0; tries++) Thread.Sleep(100);
        metrics["height"] = Math.Clamp(Convert.ToInt32(browser.ExecuteScript("return document.documentElement.scrollHeight")), 600, 2200);
        browser.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", metrics);
        Assert.False((bool)browser.ExecuteScript("return document.documentElement.scrollWidth > document.documentElement.clientWidth")!, $"{address} is wider than {width}");
        browser.GetScreenshot().SaveAsFile(file);
    }
}
