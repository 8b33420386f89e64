using IvrActors.Grains.Interfaces.Operators;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Support.UI;
using OtpNet;
using Xunit;

namespace IvrActors.Dashboard.Tests;

/// <summary>A person in front of a real browser, scripts and content policy included.</summary>
public sealed class BrowserTests
{
    private static readonly string[] s_browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    private const string Driver = "/usr/bin/chromedriver";

    [Fact]
    public async Task A_person_joins_signs_in_sees_a_call_appear_and_hangs_it_up()
    {
        await using var server = await DashboardServer.Start();
        using var browser = Open(out var profile);
        try
        {
            var wait = new WebDriverWait(browser, TimeSpan.FromSeconds(60));
            Samples.Report(server.Cluster, "edge-1");
            browser.Navigate().GoToUrl($"{server.Address}join?code={server.Cluster.Invite(Roles.Operator)}");
            Type(browser, "name", "ada");
            Type(browser, "password", Visitor.Password);
            Type(browser, "again", Visitor.Password);
            Submit(browser);
            var key = wait.Until(found => found.FindElement(By.Id("key"))).Text.Replace(" ", "");
            string Code() => new Totp(Base32Encoding.ToBytes(key)).ComputeTotp(server.Time.GetUtcNow().UtcDateTime);
            Type(browser, "code", Code());
            Submit(browser);
            wait.Until(found => found.FindElement(By.Id("recovery-codes")));
            Assert.Equal(10, browser.FindElements(By.CssSelector("#recovery-codes li")).Count);
            browser.FindElement(By.CssSelector("a.primary")).Click();
            wait.Until(found => found.FindElement(By.XPath("//button[.='Sign out']"))).Click();

            wait.Until(found => found.FindElement(By.Id("password")));
            server.Time.Advance(TimeSpan.FromSeconds(30));
            Type(browser, "name", "ada");
            Type(browser, "password", Visitor.Password);
            Type(browser, "code", Code());
            Submit(browser);
            wait.Until(found => found.FindElement(By.LinkText("Live calls"))).Click();
            wait.Until(found => found.FindElement(By.CssSelector("[data-state=on]")));
            Assert.Empty(browser.FindElements(By.CssSelector("[data-calls] tr")));

            const string step = "<img src=x onerror=document.title='owned'>";
            var call = Samples.Call(server.Time.GetUtcNow(), step);
            Samples.Report(server.Cluster, "edge-1", call);
            var row = wait.Until(found => found.FindElements(By.CssSelector("[data-calls] tr")).SingleOrDefault());
            Assert.Equal(step, row!.FindElement(By.CssSelector("[data-f=step]")).Text);
            Assert.Equal("Live calls · IvrActors", browser.Title);
            row.FindElement(By.TagName("button")).Click();
            wait.Until(found => Accepted(found));
            wait.Until(found => found.FindElement(By.CssSelector(".notice")));
            Assert.Equal([call.Call.Value], server.Cluster.HungUp);

            Samples.Report(server.Cluster, "edge-1");
            wait.Until(found => found.FindElements(By.CssSelector("[data-calls] tr")).Count == 0);
            Assert.DoesNotContain(browser.Manage().Logs.GetLog(LogType.Browser), entry => entry.Message.Contains("Content Security Policy", StringComparison.Ordinal));
        }
        finally
        {
            browser.Quit();
            Directory.Delete(profile, recursive: true);
        }
    }

    internal static ChromeDriver Open(out string profile)
    {
        var program = Array.Find(s_browsers, File.Exists);
        if ((program is null || !File.Exists(Driver)) && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("chromium and chromedriver are not installed");
        profile = Directory.CreateTempSubdirectory("ivr-browser-").FullName;
        var options = new ChromeOptions { BinaryLocation = program!, AcceptInsecureCertificates = true };
        options.AddArguments(
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--ignore-certificate-errors", "--no-proxy-server", "--user-data-dir=" + profile);
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        var service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver));
        service.SuppressInitialDiagnosticInformation = true;
        return new ChromeDriver(service, options, TimeSpan.FromMinutes(2));
    }

    private static void Type(ChromeDriver browser, string id, string text) => browser.FindElement(By.Id(id)).SendKeys(text);

    private static void Submit(ChromeDriver browser) => browser.FindElement(By.CssSelector("main button.primary")).Click();

    private static bool Accepted(IWebDriver browser)
    {
        try
        {
            browser.SwitchTo().Alert().Accept();
            return true;
        }
        catch (NoAlertPresentException)
        {
            return false;
        }
    }
}
