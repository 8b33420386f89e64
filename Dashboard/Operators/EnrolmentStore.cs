using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;

namespace IvrActors.Dashboard.Operators;

/// <summary>
/// Enrolments kept in this process: the cookie carries only a random name, so the key and the password's hash of a person who
/// enrols never leave it. A restart lets them begin again.
/// </summary>
internal sealed class EnrolmentStore(TimeProvider time) : ITicketStore
{
    // Far above the number of people who enrol at once; a bound, so that nobody fills the memory by starting to join.
    private const int MostEnrolments = 10_000;
    private const int NameBytes = 32;

    private readonly ConcurrentDictionary<string, AuthenticationTicket> _tickets = new(StringComparer.Ordinal);

    public Task<string> StoreAsync(AuthenticationTicket ticket)
    {
        foreach (var (old, kept) in _tickets)
        {
            if (IsOver(kept)) _tickets.TryRemove(old, out _);
        }
        if (_tickets.Count >= MostEnrolments) throw new InvalidOperationException("Too many people enrol at once.");
        var name = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(NameBytes));
        _tickets[name] = ticket;
        return Task.FromResult(name);
    }

    public Task RenewAsync(string key, AuthenticationTicket ticket)
    {
        // Only while it is there: a request in flight must not bring back an enrolment that has ended.
        if (_tickets.TryGetValue(key, out var kept)) _tickets.TryUpdate(key, ticket, kept);
        return Task.CompletedTask;
    }

    public Task<AuthenticationTicket?> RetrieveAsync(string key) =>
        Task.FromResult(_tickets.TryGetValue(key, out var ticket) && !IsOver(ticket) ? ticket : null);

    public Task RemoveAsync(string key)
    {
        _tickets.TryRemove(key, out _);
        return Task.CompletedTask;
    }

    private bool IsOver(AuthenticationTicket ticket) => ticket.Properties.ExpiresUtc <= time.GetUtcNow();
}
