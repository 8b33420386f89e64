using System.Text;
using System.Text.RegularExpressions;
using IvrActors.Dashboard.Access;
using IvrActors.Dashboard.Import;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Calls;
using IvrActors.Grains.Interfaces.Operators;
using IvrActors.Grains.Interfaces.Policies;
using IvrActors.Grains.Interfaces.Privacy;
using IvrActors.Silo.Cluster;
using IvrActors.Silo.Hosting;
using IvrActors.Silo.Security;
using IvrActors.Silo.Tests.Cluster;
using Microsoft.Extensions.DependencyInjection;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;
using OpenQA.Selenium.Support.UI;
using OpenQA.Selenium.VirtualAuth;
using Orleans;
using Orleans.Runtime;
using Xunit;

namespace IvrActors.Silo.Tests.Hosting;

/// <summary>A caller with a browser and a passkey in it, and the real grains behind the real pages.</summary>
public sealed partial class DeviceBrowserTests : IDisposable
{
    private const string Driver = "/usr/bin/chromedriver";

    private static readonly string[] s_browsers = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_caller_registers_a_device_by_a_link_approves_a_call_with_it_and_keys_in_its_number()
    {
        var program = Array.Find(s_browsers, File.Exists);
        if ((program is null || !File.Exists(Driver)) && Environment.GetEnvironmentVariable("CI") != "true") Assert.Skip("chromium and chromedriver are not installed");
        var cluster = OnFreePorts();
        await using var process = IvrProcess.Create(cluster, Microsoft.Extensions.Logging.LogLevel.Error);
        await process.Start();
        var grains = new SystemCaller(process.Services);
        await new CallerEnroller(grains).Enrol(new NewCaller { Tenant = "demo", Account = "77001122", Pin = "480261" }, onlyNew: false);
        var caller = await grains.Call<IEnrolmentGrain, CallerKey>(IEnrolmentGrain.Key, front => front.KeyOf("demo", new PersonalText("77001122")));
        var sealing = await grains.Call<IEnrolmentGrain, SealingKey>(IEnrolmentGrain.Key, front => front.GetSealingKey());
        var link = await grains.Call<ICallerGrain, DeviceLink>(caller.Value, grain => grain.MakeDeviceLink("demo"));
        Assert.Null(link.Error);

        var options = new ChromeOptions { BinaryLocation = program!, AcceptInsecureCertificates = true };
        options.AddArguments("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage", "--ignore-certificate-errors", "--no-proxy-server", $"--user-data-dir={Path.Combine(_folder, "browser")}");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        using var browser = new ChromeDriver(ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver), Path.GetFileName(Driver)), options, TimeSpan.FromMinutes(2));
        try
        {
            browser.AddVirtualAuthenticator(new VirtualAuthenticatorOptions().SetTransport(VirtualAuthenticatorOptions.Transport.INTERNAL).SetHasResidentKey(true).SetHasUserVerification(true).SetIsUserVerified(true));
            var wait = new WebDriverWait(browser, TimeSpan.FromSeconds(60));
            browser.Navigate().GoToUrl($"{link.Origin}/device#{link.Secret!.Reveal()}");
            Assert.DoesNotContain("#", browser.Url, StringComparison.Ordinal);
            browser.FindElement(By.Id("register")).Click();
            wait.Until(found => found.FindElement(By.Id("to-approve")).Displayed);
            browser.FindElement(By.Id("to-approve")).Click();
            wait.Until(found => found.FindElement(By.CssSelector("[data-approve-text]")).Text.StartsWith("No call waits", StringComparison.Ordinal));

            var call = CallId.New();
            FactorAttempt Attempt(int seq, FactorKind factor, string digits, VerifiedCaller? before) => new()
            {
                Call = call,
                Seq = seq,
                Tenant = "demo",
                Factor = factor,
                Purpose = "digits",
                Origin = OriginClass.Unattested,
                Before = before,
                Wanted = Assurance.High,
                Digits = SecretSealer.Seal(sealing, call.Value, "digits", Encoding.ASCII.GetBytes(digits)),
            };
            var pin = await grains.Call<ICallerGrain, FactorResult>(caller.Value, grain => grain.Verify(Attempt(1, FactorKind.Pin, "480261", null)));
            Assert.Equal((FactorOutcome.Accepted, FactorKind.Device), (pin.Outcome, pin.Next));
            var begun = await grains.Call<ICallerGrain, FactorBegun>(caller.Value, grain => grain.Begin(new FactorBegin
            {
                Call = call,
                Seq = 2,
                Tenant = "demo",
                Factor = FactorKind.Device,
                Proof = pin.Proof!,
                Origin = OriginClass.Unattested,
                Language = "en",
            }));
            Assert.Equal(BeginOutcome.Sent, begun.Outcome);

            wait.Until(found => found.FindElement(By.Id("yes")).Displayed);
            Assert.Equal("demo", browser.FindElement(By.CssSelector("[data-approve-tenant]")).Text);
            browser.FindElement(By.Id("yes")).Click();
            var number = wait.Until(found => found.FindElement(By.Id("number")).Text is { Length: 4 } text ? text : null)!;
            var done = await grains.Call<ICallerGrain, FactorResult>(caller.Value, grain => grain.Verify(Attempt(3, FactorKind.Device, number, pin.Proof)));
            Assert.Equal((FactorOutcome.Accepted, Assurance.High), (done.Outcome, done.Reached));
            Assert.DoesNotContain(browser.Manage().Logs.GetLog(LogType.Browser), entry => entry.Message.Contains("Content Security Policy", StringComparison.Ordinal));
        }
        finally
        {
            browser.Quit();
            await process.Stop();
        }
    }

    private ClusterFile OnFreePorts()
    {
        var root = ClusterFileTests.Root();
        var text = ClusterFileTests.Text.Replace("flows: flows ", $"flows: {root}/flows ", StringComparison.Ordinal)
            .Replace("prompts: flows/prompts", $"prompts: {root}/flows/prompts", StringComparison.Ordinal)
            .Replace("first: 20000, last: 29999", "first: 36200, last: 36299", StringComparison.Ordinal);
        text = PortNumber().Replace(text, match => match.Groups[1].Value + TestSilo.FreePort());
        var dashboard = DashboardPort().Match(text).Groups[1].Value;
        var file = Path.Combine(_folder, "cluster.yaml");
        File.WriteAllText(file, text + $"\ndevices: {{ origin: \"https://localhost:{dashboard}\", name: Demo Bank }}\n");
        var (cluster, errors) = ClusterFileReader.Read(file);
        Assert.Empty(errors);
        TestKeys.CopyTo(cluster!.DataFolder, cluster.Service);
        return cluster;
    }

    private sealed class SystemCaller(IServiceProvider services) : IGrainCaller
    {
        public async Task<T> Call<TGrain, T>(string key, Func<TGrain, Task<T>> call) where TGrain : IGrainWithStringKey
        {
            RequestContext.Set(RoleToken.ContextKey, services.GetRequiredService<RoleTokens>().IssueSystem());
            return await call(services.GetRequiredService<IGrainFactory>().GetGrain<TGrain>(key));
        }
    }

    [GeneratedRegex(@"((?:udp|tcp|tls|wss|port): )\d+")]
    private static partial Regex PortNumber();

    [GeneratedRegex(@"dashboard: \{ address: 127\.0\.0\.1, port: (\d+)")]
    private static partial Regex DashboardPort();
}
