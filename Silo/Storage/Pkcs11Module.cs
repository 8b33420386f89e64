using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using IvrActors.Grains.Interfaces;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;
using ISession = Net.Pkcs11Interop.HighLevelAPI.ISession;

namespace IvrActors.Silo.Storage;

/// <summary>
/// A PKCS#11 library of a token, loaded once in this process for as long as it lives: a second initialization, or the end of one, would be everybody's. One operation at a time,
/// because who is signed in to a token is the process and not the session.
/// </summary>
internal sealed class Pkcs11Module
{
    private static readonly ConcurrentDictionary<string, Lazy<Pkcs11Module>> s_modules = new(StringComparer.Ordinal);

    private readonly IPkcs11Library _library;
    private readonly string _path;
    private readonly Lock _one = new();

    // Pkcs11Interop asks for libdl by the name that only development packages install; what it wants of it is in every C library.
    static Pkcs11Module() => NativeLibrary.SetDllImportResolver(typeof(Pkcs11InteropFactories).Assembly, (name, _, _) =>
        name == "libdl" && (NativeLibrary.TryLoad("libdl.so.2", out var handle) || NativeLibrary.TryLoad("libc.so.6", out handle)) ? handle : IntPtr.Zero);

    private Pkcs11Module(string path) => (_path, _library) = (path, Factories.Pkcs11LibraryFactory.LoadPkcs11Library(Factories, path, AppType.MultiThreaded));

    public static Pkcs11InteropFactories Factories { get; } = new();

    /// <exception cref="KeyRingException">It cannot be loaded.</exception>
    public static Pkcs11Module Load(string path)
    {
        try
        {
            return s_modules.GetOrAdd(path, key => new Lazy<Pkcs11Module>(() => new Pkcs11Module(key))).Value;
        }
        catch (Exception e) when (e is Pkcs11Exception or LibraryArchitectureException or UnmanagedException or InvalidOperationException)
        {
            s_modules.TryRemove(path, out _);
            throw new KeyRingException($"The PKCS#11 library '{path}' of the token that protects the key ring cannot be loaded ({e.Message}).", e);
        }
    }

    /// <summary>Does some work signed in to the token of this label.</summary>
    /// <exception cref="KeyRingException">There is no such token, its PIN is wrong or locked, or it failed.</exception>
    public T Use<T>(string token, Secret<byte> pin, Func<ISession, T> work)
    {
        lock (_one)
        {
            try
            {
                var slot = Find(token);
                using var session = slot.OpenSession(SessionType.ReadOnly);
                SignIn(slot, session, token, pin);
                try
                {
                    return work(session);
                }
                finally
                {
                    session.Logout();
                }
            }
            catch (Pkcs11Exception e)
            {
                throw new KeyRingException($"The token '{token}' of '{_path}' failed: {e.RV}.", e);
            }
        }
    }

    private ISlot Find(string token)
    {
        var slots = _library.GetSlotList(SlotsType.WithTokenPresent);
        var labels = slots.Select(slot => slot.GetTokenInfo()).Select(info => info.TokenFlags.TokenInitialized ? info.Label.TrimEnd() : "").ToList();
        var found = labels.Count(label => label == token);
        if (found == 1) return slots[labels.IndexOf(token)];
        var there = string.Join(", ", labels.Where(label => label.Length > 0).Select(label => $"'{label}'"));
        throw new KeyRingException(found == 0
            ? $"The token '{token}' that protects the key ring is not in any slot of '{_path}' (there: {(there.Length > 0 ? there : "none")}). Without it nothing stored can be read."
            : $"{found.ToString(CultureInfo.InvariantCulture)} tokens of '{_path}' have the label '{token}': give each its own.");
    }

    private void SignIn(ISlot slot, ISession session, string token, Secret<byte> pin)
    {
        var flags = slot.GetTokenInfo().TokenFlags;
        if (flags.UserPinLocked) throw new KeyRingException($"The PIN of the token '{token}' of '{_path}' is locked, after too many wrong ones. Its security officer can set a new one.");
        // A service that is started again and again with a wrong PIN must not lock the token by that.
        if (flags.UserPinFinalTry)
            throw new KeyRingException($"The token '{token}' of '{_path}' would be locked by one more wrong PIN: it is not tried. Sign in once with the right one by the token's own program, then start again.");
        try
        {
            session.Login(CKU.CKU_USER, pin.Expose().ToArray());
        }
        catch (Pkcs11Exception e) when (e.RV == CKR.CKR_USER_ALREADY_LOGGED_IN)
        {
            // As good.
        }
        catch (Pkcs11Exception e) when (e.RV is CKR.CKR_PIN_INCORRECT or CKR.CKR_PIN_LEN_RANGE or CKR.CKR_PIN_INVALID)
        {
            throw new KeyRingException($"The PIN given for the token '{token}' of '{_path}' is wrong. It was tried once; too many wrong ones lock the token.", e);
        }
        catch (Pkcs11Exception e) when (e.RV == CKR.CKR_PIN_LOCKED)
        {
            throw new KeyRingException($"The PIN of the token '{token}' of '{_path}' is locked, after too many wrong ones. Its security officer can set a new one.", e);
        }
    }
}
