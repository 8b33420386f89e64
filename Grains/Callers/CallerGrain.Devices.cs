using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using IvrActors.Grains.Callers.Factors;
using IvrActors.Grains.Interfaces.Audit;
using IvrActors.Grains.Interfaces.Callers;
using IvrActors.Grains.Interfaces.Privacy;

namespace IvrActors.Grains.Callers;

/// <summary>Devices that approve calls: a one-time link registers one, and its page asks for calls that wait and answers for them.</summary>
internal sealed partial class CallerGrain
{
    private const int SecretBytes = 32;
    private const int MostDevices = 5;
    private const int MostDeviceName = 40;
    private const int MostResponse = 16 * 1024;

    // A caller gets the link by letter or mail, or has it read out: a day, as for operators.
    private static readonly TimeSpan s_linkLife = TimeSpan.FromDays(1);

    public async Task<DeviceLink> MakeDeviceLink(string tenant)
    {
        if (_policy.Devices is not { } devices) return new DeviceLink { Error = "cluster.yaml has no devices" };
        var secret = RandomNumberGenerator.GetBytes(SecretBytes);
        var link = new PendingDevice { Link = SHA256.HashData(secret), Expires = _time.GetUtcNow() + s_linkLife };
        var result = await Bind(tenant, "operator.device-link", before => Task.FromResult(WithLink(tenant, before, link)), liftsLocks: false);
        return result.Error is { } error ? new DeviceLink { Error = error } : new DeviceLink { Secret = SecretOf(secret), Expires = link.Expires, Origin = devices.Origin };
    }

    private (string? Error, CallerState? State) WithLink(string tenant, CallerState before, PendingDevice link)
    {
        if (!IsOf(tenant, before)) return ("no such caller", null);
        return before.Devices.Count >= MostDevices ? ($"the caller has {MostDevices} devices", null) : (null, before.With(next => next.Device = link));
    }

    public Task<string?> BeginDevice(PageSecret link) => Served<string>(async () =>
    {
        var state = await _row.Read();
        if (PendingOf(state, link) is not { } pending) return null;
        var challenge = RandomNumberGenerator.GetBytes(SecretBytes);
        await _row.Write(state.With(next => next.Device = pending.With(challenge)));
        return _passkeys.ToRegister(_caller, state.Devices, challenge).ToJson();
    });

    public Task<PageSecret?> RegisterDevice(DeviceRegistration registration) => Served<PageSecret>(async () =>
    {
        var state = await _row.Read();
        var name = registration.Name.Reveal().Trim();
        if (PendingOf(state, registration.Link) is not { Challenge: { } challenge } || name.Length is 0 or > MostDeviceName || registration.Response.Length > MostResponse) return null;
        var credential = await _passkeys.Register(_passkeys.ToRegister(_caller, state.Devices, challenge), registration.Response.Reveal());
        await AuditDevice(state, "device.registered", credential is null ? AuditResult.Failure : AuditResult.Success, "");
        if (credential is null) return null;
        var page = RandomNumberGenerator.GetBytes(SecretBytes);
        var device = new RegisteredDevice
        {
            CredentialId = credential.Id,
            PublicKey = credential.PublicKey,
            SignCount = credential.SignCount,
            Name = new PersonalText(name),
            RegisteredAt = _time.GetUtcNow(),
            Page = SHA256.HashData(page),
        };
        await _row.Write(state.With(next => (next.Device, next.Devices) = (null, [.. state.Devices, device])));
        return SecretOf(page);
    });

    public Task<ApprovalQuestion?> LookForCall(PageSecret page) => Served<ApprovalQuestion>(async () =>
    {
        var state = await _row.Read();
        if (DeviceOf(state, page) is not { } device || WaitingOf(state) is not { } asked) return null;
        return new ApprovalQuestion { At = asked.At, Expires = asked.Expires, Tenant = state.Tenant, Options = _passkeys.ToApprove([device], asked.Challenge).ToJson() };
    });

    /// <summary>An answer uses the challenge up, a wrong one as well. The number comes out once, to the page that signed.</summary>
    public Task<PageSecret?> AnswerForCall(ApprovalAnswer answer) => Served<PageSecret>(async () =>
    {
        var state = await _row.Read();
        if (DeviceOf(state, answer.Page) is not { } device || WaitingOf(state) is not { } asked) return null;
        var signed = answer.Response is { Length: <= MostResponse } response ? await _passkeys.Approve(_caller, [device], asked.Challenge, response.Reveal()) : null;
        var (action, result) = answer.Response is null ? ("device.denied", AuditResult.Denied) : signed is null ? ("device.approved", AuditResult.Failure) : ("device.approved", AuditResult.Success);
        await AuditDevice(state, action, result, asked.Call.Value);
        if (signed is null)
        {
            await _row.Write(state.With(next => next.Approval = null));
            return null;
        }
        using var number = RandomDigits.Make(DeviceFactor.Digits);
        var approved = new AskedApproval
        {
            Call = asked.Call,
            Challenge = [],
            At = asked.At,
            Expires = _time.GetUtcNow() + DeviceFactor.Life,
            Number = SecretTag.Make(_keys, DeviceFactor.PurposeOf(asked.Call), number.Expose()),
        };
        await _row.Write(state.With(next => (next.Approval, next.Devices) = (approved, [.. state.Devices.Select(one => ReferenceEquals(one, device) ? signed : one)])));
        return new PageSecret(Encoding.ASCII.GetString(number.Expose()));
    });

    /// <summary>A link or page of nobody, one that was used and a failure of ours answer alike.</summary>
    private async Task<T?> Served<T>(Func<Task<T?>> serve) where T : class
    {
        try
        {
            return _policy.Devices is null ? null : await serve();
        }
        catch (Exception e)
        {
            Fail(e);
            return null;
        }
    }

    private PageSecret SecretOf(byte[] secret) => new($"{_caller.Value}.{Base64Url.EncodeToString(secret)}");

    private PendingDevice? PendingOf(CallerState state, PageSecret link) =>
        state.Device is { } pending && _time.GetUtcNow() < pending.Expires && state.Devices.Count < MostDevices && Proves(link, pending.Link) ? pending : null;

    private RegisteredDevice? DeviceOf(CallerState state, PageSecret page) => state.Devices.Find(device => device.Page is { } known && Proves(page, known));

    private AskedApproval? WaitingOf(CallerState state) => state.Approval is { Number: null } asked && _time.GetUtcNow() < asked.Expires ? asked : null;

    private bool Proves(PageSecret secret, byte[] digest)
    {
        var text = secret.Reveal();
        var prefix = _caller.Value + ".";
        var bytes = new byte[SecretBytes];
        return text.Length < 200 && text.StartsWith(prefix, StringComparison.Ordinal)
            && Base64Url.TryDecodeFromChars(text.AsSpan(prefix.Length), bytes, out var length) && length == SecretBytes
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(bytes), digest);
    }

    private Task AuditDevice(CallerState state, string action, AuditResult result, string call) => Append(state.Tenant, new AuditEntry
    {
        Actor = _caller.Value,
        Action = action,
        Result = result,
        Object = call,
        Detail = $"caller-v={state.Version}",
    });
}
