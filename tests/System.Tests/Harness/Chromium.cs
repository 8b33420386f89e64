using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using OpenQA.Selenium;
using OpenQA.Selenium.Chrome;

namespace IvrActors.SystemTests.Harness;

/// <summary>Chromium without a window, with a microphone that beeps and nobody who is asked for it. It trusts the server's own certificate and no other.</summary>
internal sealed class Chromium : IDisposable
{
    private readonly string _profile;
    private readonly ChromeDriver _driver;

    private Chromium(ChromeDriver driver, string profile) => (_driver, _profile) = (driver, profile);

    public string Address => _driver.Url;

    /// <summary>What the page's text and the browser's console say, for a failure's message and for what must not stand there.</summary>
    public string Said => $"{_driver.Url}\n{_driver.FindElement(By.TagName("body")).Text}\n{Console}";

    private string? _console;

    /// <summary>The console up to now. The driver hands out each line once.</summary>
    public string Console => _console += string.Concat(_driver.Manage().Logs.GetLog(LogType.Browser).Select(entry => entry.Message + "\n"));

    public static Chromium Open(IvrServer server)
    {
        var (program, service) = (Programs.Require("chromium"), Programs.Require("chromedriver"));
        using var certificate = X509CertificateLoader.LoadCertificateFromFile(Path.Combine(server.Data, "certs", "server.pem"));
        var pin = Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        var profile = Directory.CreateTempSubdirectory("ivr-chromium-").FullName;
        var options = new ChromeOptions { BinaryLocation = program };
        options.AddArguments(
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
            "--disable-dev-shm-usage", "--no-proxy-server", "--user-data-dir=" + profile, "--ignore-certificate-errors-spki-list=" + pin,
            "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream");
        options.SetLoggingPreference(LogType.Browser, LogLevel.All);
        var driver = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(service), Path.GetFileName(service));
        driver.SuppressInitialDiagnosticInformation = true;
        return new Chromium(new ChromeDriver(driver, options, TimeSpan.FromMinutes(1)), profile);
    }

    public void Go(string address) => _driver.Navigate().GoToUrl(address);

    public void Type(string selector, string text) => _driver.FindElement(By.CssSelector(selector)).SendKeys(text);

    public void Click(string selector) => _driver.FindElement(By.CssSelector(selector)).Click();

    public string Text(string selector) => _driver.FindElement(By.CssSelector(selector)).Text;

    public IReadOnlyList<string> Texts(string selector) => [.. _driver.FindElements(By.CssSelector(selector)).Select(element => element.Text)];

    public T Run<T>(string script) => (T)_driver.ExecuteScript(script)!;

    /// <summary>Waits until the page has an element like this.</summary>
    public Task Shows(string selector, Func<string>? detail = null) =>
        Eventually.Holds(() => Task.FromResult(_driver.FindElements(By.CssSelector(selector)).Count > 0), "the page shows " + selector, () => $"{Said}\n{detail?.Invoke()}");

    public void Shoot(string file, int width, int height)
    {
        _driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new Dictionary<string, object?> { ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 1, ["mobile"] = false });
        _driver.GetScreenshot().SaveAsFile(file);
    }

    public void Dispose()
    {
        _driver.Quit();
        _driver.Dispose();
        Directory.Delete(_profile, recursive: true);
    }
}
