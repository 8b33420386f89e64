using IvrActors.Grains.Flows;
using Xunit;

namespace IvrActors.Grains.Tests.Flows;

/// <summary>Bad documents and the exact finding that each must give.</summary>
public class FlowErrorTests
{
    private const string Head = "flow: f\nlanguage: en\nstart: a\nsteps:\n";
    private const string Early = "flow: f\nlanguage: en\nanswer: { early: 20s }\nstart: a\nsteps:\n";
    private const string Damage = "{}[]:,#&*!|>'\"%@`- \n\tA0\0\u00e9";
    private const string Bye = "  bye: { hang_up: true }\n";
    private const string Ask = "prompt: [enter-pin], no_input: [sorry-no-input], no_match: [sorry-no-match]";
    private const string Account = "  a: { collect: acc, digits: 8, secret: false, " + Ask + ", on: { next: b, failed: bye } }\n";
    private const string Pin = "  b: { collect: pin, digits: 4, secret: true, " + Ask + ", on: { next: c, failed: bye } }\n";
    private const string CheckPin = "  c: { verify: pin, account: acc, with: pin, on: { accepted: d, refused: b, exhausted: bye, unavailable: bye } }\n";
    private const string Code = "  d: { collect: code, digits: 6, secret: true, " + Ask + ", on: { next: e, failed: bye } }\n";
    private const string CheckCode = "  e: { verify: totp, account: acc, with: code, on: { accepted: f, refused: d, exhausted: bye, unavailable: bye } }\n";
    private const string Keyed = Head + "  a: { collect: number, digits: { min: 4, max: 15 }, secret: false, " + Ask + ", on: { next: b, failed: bye } }\n  b: { ";
    private const string Proven = Head + Account + Pin + CheckPin + Code + CheckCode + Bye;

    private static string SignIn(string assurance) => "  c: { authenticate: acc, assurance: " + assurance + ", on: { reached: f, exhausted: bye, unreachable: bye, unavailable: bye } }\n";

    public static TheoryData<string, string, string> Documents => new()
    {
        // The text itself.
        { "empty", "", "f.yaml:1:1: the document is empty; expected the keys flow, language, start and steps" },
        { "not a map", "- a\n", "f.yaml:1:1: expected a map with the keys flow, language, start and steps" },
        { "alias bomb", "flow: &a [x, x]\nlanguage: *a\n", "f.yaml:1:7: an anchor stands here; anchors are not part of the flow language" },
        { "alias", "flow: *a\n", "f.yaml:1:7: an alias stands here; aliases are not part of the flow language" },
        { "tag", "flow: !!int 5\n", "f.yaml:1:7: a tag stands here; tags are not part of the flow language" },
        { "depth", "flow: [[[[[[[[[[x]]]]]]]]]]\n", "f.yaml:1:15: values nest deeper than 8" },
        { "two documents", "flow: f\n---\nflow: g\n", "f.yaml:2:1: a second document begins here; expected one document in a file" },
        { "duplicate key", Head + "  a: { play: [welcome], next: bye }\n  a: { hang_up: true }\n" + Bye, "f.yaml:6:3: the key 'a' stands here a second time; the first is on line 5" },
        // Keys.
        { "unknown key of the document", "flow: f\nlanguage: en\nversion: 2\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:1: unknown key 'version' in a flow document; expected one of: flow, language, answer, volume, hold, start, steps" },
        { "missing key of the document", "flow: f\nlanguage: en\nsteps:\n" + Bye, "f.yaml:1:1: a flow document lacks the key 'start'" },
        { "unknown key of a step", Head + "  a: { play: [welcome], nxt: bye, next: bye }\n" + Bye, "f.yaml:5:25: unknown key 'nxt' in play step 'a'; expected one of: play, barge_in, volume, repeat, controls, next" },
        { "missing key of a step", Head + "  a: { play: [welcome] }\n" + Bye, "f.yaml:5:3: play step 'a' lacks the key 'next'" },
        { "no kind", Head + "  a: { next: bye }\n" + Bye, "f.yaml:5:3: step 'a' has no kind; expected one of the keys play, answer, collect, menu, authenticate, verify, set_pin, fetch, branch, transfer, call_back, record, hang_up" },
        { "two kinds", Head + "  a: { menu: [main-menu], hang_up: true }\n" + Bye, "f.yaml:5:3: step 'a' has the keys menu and hang_up; expected one of them" },
        { "log of a secret", Head + "  a: { play: [welcome], log: pin, next: bye }\n" + Bye, "f.yaml:5:25: unknown key 'log' in play step 'a'; expected one of: play, barge_in, volume, repeat, controls, next" },
        { "a step that is no map", Head + "  a: bye\n" + Bye, "f.yaml:5:6: step 'a': expected a map of keys; one of play, answer, collect, menu, authenticate, verify, set_pin, fetch, branch, transfer, call_back, record, hang_up names its kind" },
        { "missing exit", Head + "  a: { fetch: facts, assurance: high, on: { next: bye } }\n" + Bye, "f.yaml:5:43: 'on' of fetch step 'a' lacks the key 'unavailable'" },
        // The answer.
        { "answer of no kind", "flow: f\nlanguage: en\nanswer: later\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:9: answer: expected at_once, { ringing: 2s } or { early: 20s }" },
        { "answer of two kinds", "flow: f\nlanguage: en\nanswer: { ringing: 2s, early: 2s }\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:9: answer: expected at_once, { ringing: 2s } or { early: 20s }" },
        { "answer of an unknown key", "flow: f\nlanguage: en\nanswer: { silence: 2s }\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:11: unknown key 'silence' in answer; expected one of: ringing, early" },
        { "early media of minutes", "flow: f\nlanguage: en\nanswer: { early: 31s }\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:18: early: expected a duration such as 6s or 1500ms, from 1000ms to 30s" },
        { "a ring too short", "flow: f\nlanguage: en\nanswer: { ringing: 500ms }\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:20: ringing: expected a duration such as 6s or 1500ms, from 1000ms to 30s" },
        { "answered twice", Head + "  a: { answer: true, next: bye }\n" + Bye, "f.yaml:5:3: answer step 'a': the call is answered before the flow begins; expected 'answer: { early: 20s }' of the flow, or no such step" },
        { "keys before the answer", Early + "  a: { menu: [main-menu], choices: { \"1\": b }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }\n  b: { answer: true, next: bye }\n" + Bye, "f.yaml:6:3: menu step 'a' comes before an answer step on the path a" },
        { "a secret before the answer", Early + Account.Replace("secret: false", "secret: true", StringComparison.Ordinal) + "  b: { answer: true, next: bye }\n" + Bye, "f.yaml:6:3: collect step 'a' comes before an answer step on the path a" },
        { "a recording before the answer", Early + "  a: { play: [welcome], next: b }\n  b: { record: start, consent: none, on: { next: bye, unavailable: bye } }\n" + Bye, "f.yaml:7:3: record step 'b' comes before an answer step on the path a → b" },
        { "a transfer before the answer", Early + "  a: { transfer: agent, on: { failed: bye } }\n" + Bye, "f.yaml:6:3: transfer step 'a' comes before an answer step on the path a" },
        // How it is played.
        { "volume without a unit", Head + "  a: { play: [welcome], volume: 3, next: bye }\n" + Bye, "f.yaml:5:33: volume: expected a gain such as -6dB, from -20dB to 10dB" },
        { "volume that hurts", Head + "  a: { play: [welcome], volume: 11dB, next: bye }\n" + Bye, "f.yaml:5:33: volume: expected a gain such as -6dB, from -20dB to 10dB" },
        { "volume of the flow", "flow: f\nlanguage: en\nvolume: loud\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:9: volume: expected a gain such as -6dB, from -20dB to 10dB" },
        { "repeat of once", Head + "  a: { play: [welcome], repeat: { times: 1 }, next: bye }\n" + Bye, "f.yaml:5:42: times: expected a number from 2 to 10" },
        { "repeat as a number", Head + "  a: { play: [welcome], repeat: 3, next: bye }\n" + Bye, "f.yaml:5:33: repeat: expected { times: 3, pause: 1s }" },
        { "pause of a minute", Head + "  a: { play: [{ pause: 60s }], next: bye }\n" + Bye, "f.yaml:5:24: pause: expected a duration such as 6s or 1500ms, from 100ms to 10s" },
        { "controls without a key", Head + "  a: { play: [welcome], controls: { step: 5s }, next: bye }\n" + Bye, "f.yaml:5:35: controls: expected a key for back, forward or pause" },
        { "a key of two controls", Head + "  a: { play: [welcome], controls: { back: \"4\", forward: \"4\" }, next: bye }\n" + Bye, "f.yaml:5:35: controls: one key cannot do two things" },
        { "controls of a letter", Head + "  a: { play: [welcome], controls: { back: a }, next: bye }\n" + Bye, "f.yaml:5:43: back: expected one of the keys 0 to 9, * and #" },
        { "hold by a prompt that is not there", "flow: f\nlanguage: en\nhold: no-such\nstart: bye\nsteps:\n" + Bye, "f.yaml:3:7: prompt 'no-such' (heard on hold) is not recorded; expected a file of this name in the prompt folder" },
        { "hold of a transfer by REFER", Head + "  a: { transfer: agent, hold: welcome, on: { failed: bye } }\n" + Bye, "f.yaml:5:31: hold: only a bridged transfer has it; expected mode: bridge beside it" },
        // Values.
        { "unknown language", "flow: f\nlanguage: tlh\nstart: bye\nsteps:\n" + Bye, "f.yaml:2:11: language: 'tlh' is not known; expected en" },
        { "bad flow name", "flow: Bank 1\nlanguage: en\nstart: bye\nsteps:\n" + Bye, "f.yaml:1:7: 'Bank 1' is not a name for 'flow'; expected a small letter, then small letters, digits, '_' or '-', at most 64 characters" },
        { "bad duration", Head + "  a: { collect: v, digits: 1, secret: false, " + Ask + ", first_digit_timeout: soon, on: { next: bye, failed: bye } }\n" + Bye, "f.yaml:5:144: first_digit_timeout: expected a duration such as 6s or 1500ms, from 500ms to 60s" },
        { "long duration", Head + "  a: { collect: v, digits: 1, secret: false, " + Ask + ", first_digit_timeout: 61s, on: { next: bye, failed: bye } }\n" + Bye, "f.yaml:5:144: first_digit_timeout: expected a duration such as 6s or 1500ms, from 500ms to 60s" },
        { "no digits", Head + "  a: { collect: v, digits: 0, secret: false, " + Ask + ", on: { next: bye, failed: bye } }\n" + Bye, "f.yaml:5:28: digits: expected a number from 1 to 32" },
        { "min above max", Head + "  a: { collect: v, digits: { min: 8, max: 4 }, secret: false, " + Ask + ", on: { next: bye, failed: bye } }\n" + Bye, "f.yaml:5:28: digits: min 8 is more than max 4" },
        { "secret left open", Head + "  a: { collect: v, digits: 4, " + Ask + ", on: { next: bye, failed: bye } }\n" + Bye, "f.yaml:5:3: collect step 'a' lacks the key 'secret'" },
        { "terminator", Head + "  a: { collect: v, digits: 4, terminator: 5, secret: false, " + Ask + ", on: { next: bye, failed: bye } }\n" + Bye, "f.yaml:5:43: terminator: expected \"#\", \"*\" or none" },
        { "menu of two keys", Head + "  a: { menu: [main-menu], choices: { \"12\": bye }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: bye } }\n" + Bye, "f.yaml:5:38: choices: '12' is not a single key; expected one of 0 to 9, * and #" },
        { "unknown factor", Head + "  a: { verify: voice, account: acc, with: pin, on: { accepted: bye, refused: bye, exhausted: bye, unavailable: bye } }\n" + Bye, "f.yaml:5:16: verify: 'voice' is not known; expected pin or totp" },
        { "hang up not", Head + "  a: { hang_up: false }\n", "f.yaml:5:17: hang_up: 'false' is not known; expected true" },
        { "speech", Head + "  a: { play: [{ shout: hi }], next: bye }\n" + Bye, "f.yaml:5:15: expected a prompt id, {say: text}, {pause: 500ms}, {amount: facts.NAME}, {transactions: facts.transactions, last: N} or {digits: VARIABLE}" },
        { "amount of no fact", Head + "  a: { play: [{ amount: balance }], next: bye }\n" + Bye, "f.yaml:5:25: amount: expected the name of an amount among the facts, such as facts.balance" },
        // Names and paths.
        { "unknown step", Head + "  a: { play: [welcome], next: nowhere }\n" + Bye, "f.yaml:5:31: step 'a' leads to 'nowhere', which is no step; expected one of the names under 'steps'" },
        { "unknown start", "flow: f\nlanguage: en\nstart: z\nsteps:\n" + Bye, "f.yaml:3:8: start leads to 'z', which is no step; expected one of the names under 'steps'" },
        { "unreachable", Head + "  a: { hang_up: true }\n" + Bye, "f.yaml:6:3: step 'bye' cannot be reached from 'a'; expected some step to lead to it" },
        { "no way out and endless", Head + "  a: { play: [welcome], next: b }\n  b: { play: [welcome], next: a }\n", "f.yaml:5:3: step 'a' has no way out; expected some path from it to a hang_up, transfer or call_back step" },
        { "endless for the silent", Head + "  a: { menu: [main-menu], choices: { \"9\": bye }, no_input: [sorry-no-input], no_match: [sorry-no-match], on: { failed: b } }\n  b: { play: [goodbye], next: a }\n" + Bye, "f.yaml:5:3: endless loop when the caller presses nothing: a → b → a; expected a way that ends" },
        { "endless transfer", Head + "  a: { transfer: agent, on: { failed: a } }\n", "f.yaml:5:3: endless loop when the caller presses nothing: a → a; expected a way that ends" },
        // Prompts and targets.
        { "missing prompt", Head + "  a: { play: [welcome-back], next: bye }\n" + Bye, "f.yaml:5:15: prompt 'welcome-back' (of step 'a') is not recorded; expected a file of this name in the prompt folder" },
        { "text outside the vocabulary", Head + "  a: { play: [{ say: one hello }], next: bye }\n" + Bye, "f.yaml:5:22: say: the recorded vocabulary does not cover \"one hello\" and no speech engine is there; install espeak-ng, name a service under speech of cluster.yaml, or record it as a prompt" },
        { "unknown target", Head + "  a: { transfer: boss, on: { failed: bye } }\n" + Bye, "f.yaml:5:18: transfer target 'boss' is not configured; expected one of: agent, desk" },
        // Calls out.
        { "bridge without a trunk", Head + "  a: { transfer: agent, mode: bridge, on: { failed: bye } }\n" + Bye, "f.yaml:5:3: transfer step 'a' lacks the key 'trunk'" },
        { "unknown mode", Head + "  a: { transfer: agent, mode: blind, on: { failed: bye } }\n" + Bye, "f.yaml:5:31: mode: 'blind' is not known; expected refer or bridge" },
        { "trunk of a REFER", Head + "  a: { transfer: agent, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:5:32: trunk: only a bridged transfer has it; expected mode: bridge beside it" },
        { "ring of a REFER", Head + "  a: { transfer: agent, mode: refer, ring: 20s, on: { failed: bye } }\n" + Bye, "f.yaml:5:44: ring: only a bridged transfer has it; expected mode: bridge beside it" },
        { "busy of a REFER", Head + "  a: { transfer: agent, on: { failed: bye, busy: bye } }\n" + Bye, "f.yaml:5:44: unknown key 'busy' in 'on' of transfer step 'a'; expected one of: failed" },
        { "endless ringing", Head + "  a: { transfer: agent, mode: bridge, trunk: carrier, ring: 10m, on: { failed: bye } }\n" + Bye, "f.yaml:5:61: ring: expected a duration such as 6s or 1500ms, from 5000ms to 120s" },
        { "trunk without a way out", Head + "  a: { transfer: agent, mode: bridge, trunk: phones, on: { failed: bye } }\n" + Bye, "f.yaml:5:46: trunk 'phones' has no way out; expected one of: carrier" },
        { "number by REFER", Head + "  a: { transfer: desk, on: { failed: bye } }\n" + Bye, "f.yaml:5:18: transfer target 'desk' is a number, which is called and not referred to; expected mode: bridge" },
        { "number in the flow", Head + "  a: { transfer: \"+4930123456\", mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:5:18: '+4930123456' is not a name for 'transfer'; expected a small letter, then small letters, digits, '_' or '-', at most 64 characters" },
        { "number of the caller, undeclared", Keyed + "transfer: { digits: number }, mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:6:18: transfer: the number comes from the caller's input; expected from_input: allowed beside it, if that is meant" },
        { "number of the caller, declared wrongly", Keyed + "transfer: { digits: number }, from_input: true, mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:6:50: from_input: 'true' is not known; expected allowed" },
        { "number of the caller by REFER", Keyed + "transfer: { digits: number }, from_input: allowed, on: { failed: bye } }\n" + Bye, "f.yaml:6:18: transfer: a number that the caller keyed is never sent by REFER; expected mode: bridge" },
        { "declared for a fixed target", Head + "  a: { transfer: agent, mode: bridge, trunk: carrier, from_input: allowed, on: { failed: bye } }\n" + Bye, "f.yaml:5:67: from_input: the target is fixed; expected transfer: { digits: VARIABLE }, or no from_input" },
        { "name of a variable as target", Keyed + "transfer: number, mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:6:18: transfer target 'number' is not configured; expected one of: agent, desk" },
        { "secret called", Keyed.Replace("secret: false", "secret: true", StringComparison.Ordinal) + "transfer: { digits: number }, from_input: allowed, mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:6:28: 'number' is secret and must not be sent; expected a variable collected with 'secret: false'" },
        { "nobody collects it", Head + "  a: { transfer: { digits: number }, from_input: allowed, mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, "f.yaml:5:28: no step collects 'number'" },
        { "called before it is collected", Head + "  a: { transfer: { digits: number }, from_input: allowed, mode: bridge, trunk: carrier, on: { failed: b } }\n" + Keyed.Replace(Head, "", StringComparison.Ordinal).Replace("  a:", "  b:", StringComparison.Ordinal).Replace("next: b", "next: bye", StringComparison.Ordinal).Replace("  b: { \n", "", StringComparison.Ordinal).Split("\n")[0] + "\n" + Bye, "f.yaml:5:28: 'number' is called before it is collected on the path a" },
        // Secrets and what must come before.
        { "secret spoken", Head + "  a: { collect: pin, digits: 4, secret: true, " + Ask + ", on: { next: b, failed: bye } }\n  b: { play: [{ digits: pin }], next: bye }\n" + Bye, "f.yaml:6:25: 'pin' is secret and must not be spoken; expected a variable collected with 'secret: false'" },
        { "secret in text", Head + "  a: { collect: pin, digits: 4, secret: true, " + Ask + ", on: { next: b, failed: bye } }\n  b: { play: [{ say: \"one {pin}\" }], next: bye }\n" + Bye, "f.yaml:6:22: 'pin' is secret and must not be spoken; expected text without variables" },
        { "secret sent", Head + "  a: { collect: pin, digits: 4, secret: true, " + Ask + ", on: { next: b, failed: bye } }\n  b: { transfer: pin, on: { failed: bye } }\n" + Bye, "f.yaml:6:18: 'pin' is secret and must not be sent; expected the name of a transfer target" },
        { "secret as account", Head + Account.Replace("secret: false", "secret: true", StringComparison.Ordinal) + Pin + CheckPin.Replace("accepted: d", "accepted: bye", StringComparison.Ordinal) + Bye, "f.yaml:7:30: 'acc' is secret and must not be logged, and an account becomes a key that is; expected a variable collected with 'secret: false'" },
        { "PIN in clear", Head + Account + Pin.Replace("secret: true", "secret: false", StringComparison.Ordinal) + CheckPin.Replace("accepted: d", "accepted: bye", StringComparison.Ordinal) + Bye, "f.yaml:7:41: 'pin' is collected in clear; expected 'secret: true' where it is collected, so that it is sealed at the edge" },
        { "once secret, once not", Proven.Replace("exhausted: bye", "exhausted: g", StringComparison.Ordinal).Replace("accepted: f", "accepted: bye", StringComparison.Ordinal) + "  g: { collect: pin, digits: 4, secret: false, " + Ask + ", on: { next: bye, failed: bye } }\n", "f.yaml:11:17: 'pin' is collected here in clear and elsewhere as a secret; expected 'secret: true' in both" },
        { "never collected", Head + "  a: { play: [{ digits: acc }], next: bye }\n" + Bye, "f.yaml:5:25: no step collects 'acc'" },
        { "used before", Head + "  a: { play: [{ digits: acc }], next: b }\n" + Account.Replace("  a:", "  b:", StringComparison.Ordinal).Replace("next: b", "next: bye", StringComparison.Ordinal) + Bye, "f.yaml:5:25: 'acc' is spoken before it is collected on the path a" },
        { "used up", Proven.Replace("accepted: f", "accepted: bye", StringComparison.Ordinal).Replace("refused: b", "refused: c", StringComparison.Ordinal), "f.yaml:7:3: endless loop when the caller presses nothing: c → c; expected a way that ends" },
        { "secret used twice", Proven.Replace("accepted: f", "accepted: c", StringComparison.Ordinal), "f.yaml:7:41: 'pin' is used before it is collected (a verify step uses it up) on the path a → b → c → d → e → c" },
        { "facts without a fetch", Proven.Replace("accepted: f", "accepted: g", StringComparison.Ordinal) + "  g: { play: [{ amount: facts.balance }], next: bye }\n", "f.yaml:11:25: facts.balance is spoken, but no fetch step of a verified caller comes before it on the path a → b → c → d → e → g" },
        { "one factor for two", Proven.Replace("accepted: d", "accepted: f", StringComparison.Ordinal) + "  f: { fetch: facts, assurance: high, on: { next: d, unavailable: bye } }\n", "f.yaml:11:3: facts are fetched with assurance high, but totp is not verified on the path a → b → c → f" },
        { "no factor", Head + "  a: { fetch: facts, assurance: low, on: { next: bye, unavailable: bye } }\n" + Bye, "f.yaml:5:3: facts are fetched with assurance low, but no factor is verified on the path a" },
        { "an account collected anew", Proven + "  f: { collect: acc, digits: 8, secret: false, " + Ask + ", on: { next: g, failed: bye } }\n  g: { fetch: facts, assurance: low, on: { next: bye, unavailable: bye } }\n", "f.yaml:12:3: facts are fetched with assurance low, but no factor is verified on the path a → b → c → d → e → f → g" },
        { "unknown assurance", Head + Account.Replace("next: b", "next: c", StringComparison.Ordinal) + "  c: { authenticate: acc, assurance: two_factors, on: { reached: bye, exhausted: bye, unreachable: bye, unavailable: bye } }\n" + Bye, "f.yaml:6:38: assurance: 'two_factors' is not known; expected low or medium or high" },
        { "authenticate without an account", Head + "  a: { authenticate: acc, assurance: low, on: { reached: bye, exhausted: bye, unreachable: bye, unavailable: bye } }\n" + Bye, "f.yaml:5:22: no step collects 'acc'" },
        { "authenticate before the account", Head + SignIn("low").Replace("  c:", "  a:", StringComparison.Ordinal).Replace("exhausted: bye", "exhausted: b", StringComparison.Ordinal) + Account.Replace("  a:", "  b:", StringComparison.Ordinal).Replace("next: b", "next: a", StringComparison.Ordinal) + "  f: { hang_up: true }\n" + Bye, "f.yaml:5:22: 'acc' is used before it is collected on the path a" },
        { "digits of a factor", Head + Account.Replace("next: b", "next: c", StringComparison.Ordinal) + SignIn("low").Replace("assurance: low", "assurance: low, totp: { digits: 8 }", StringComparison.Ordinal) + "  f: { hang_up: true }\n" + Bye, "f.yaml:6:51: unknown key 'digits' in totp; expected one of: prompt, again, first_digit_timeout, again_timeout, inter_digit_timeout" },
        { "a prompt of a factor that is not recorded", Head + Account.Replace("next: b", "next: c", StringComparison.Ordinal) + SignIn("low").Replace("assurance: low", "assurance: low, sent_code: { again: [no-such] }", StringComparison.Ordinal) + "  f: { hang_up: true }\n" + Bye, "f.yaml:6:64: prompt 'no-such' (of step 'c') is not recorded; expected a file of this name in the prompt folder" },
        { "too little is proven", Head + Account.Replace("next: b", "next: c", StringComparison.Ordinal) + SignIn("medium") + "  f: { fetch: facts, assurance: high, on: { next: bye, unavailable: bye } }\n" + Bye, "f.yaml:7:3: facts are fetched with assurance high, but pin is not verified on the path a → c → f" },
        { "nothing is proven on another way out", Head + Account.Replace("next: b", "next: c", StringComparison.Ordinal) + SignIn("high").Replace("unreachable: bye", "unreachable: f", StringComparison.Ordinal) + "  f: { fetch: facts, assurance: low, on: { next: bye, unavailable: bye } }\n" + Bye, "f.yaml:7:3: facts are fetched with assurance low, but no factor is verified on the path a → c → f" },
        { "a PIN of nobody", Head + "  a: { set_pin: true, on: { changed: bye, failed: bye, refused: bye, unavailable: bye } }\n" + Bye, "f.yaml:5:3: a PIN is changed, but nothing is proven on the path a" },
        { "a branch by nothing", Head + "  a: { branch: weather, choices: { A: bye }, otherwise: bye }\n" + Bye, "f.yaml:5:16: branch: 'weather' is not known; expected attestation" },
        { "a branch by no verdict", Head + "  a: { branch: attestation, choices: { D: bye }, otherwise: bye }\n" + Bye, "f.yaml:5:40: choices: 'D' is no verdict; expected one of A, B, C, failed and none" },
        { "a branch without an otherwise", Head + "  a: { branch: attestation, choices: { A: bye } }\n" + Bye, "f.yaml:5:3: branch step 'a' lacks the key 'otherwise'" },
        { "two account variables", Proven.Replace("totp, account: acc", "totp, account: bcc", StringComparison.Ordinal).Replace("accepted: f", "accepted: bye", StringComparison.Ordinal).Replace("exhausted: bye", "exhausted: g", StringComparison.Ordinal) + "  g: { collect: bcc, digits: 4, secret: false, " + Ask + ", on: { next: bye, failed: bye } }\n", "f.yaml:9:31: account 'bcc' differs from 'acc' of step 'c'; expected one account variable in a flow" },
    };

    [Theory]
    [MemberData(nameof(Documents))]
    public void A_bad_document_is_refused_with_place_and_expectation(string what, string yaml, string expected)
    {
        Assert.NotEmpty(what);
        var parse = FlowCheck.Text("f.yaml", yaml, new TestCatalogue(), FlowTexts.Transfers);
        Assert.Null(parse.Document);
        Assert.Contains(expected, parse.Errors.Select(e => e.ToString()));
    }

    [Fact]
    public void A_tenant_that_makes_no_calls_has_no_flow_that_does()
    {
        var plan = new TransferPlan { Targets = FlowTexts.Transfers.Targets, Trunks = ["carrier"] };
        var errors = FlowCheck.Text("f.yaml", Head + "  a: { transfer: agent, mode: bridge, trunk: carrier, on: { failed: bye } }\n" + Bye, new TestCatalogue(), plan).Errors;
        Assert.Equal("f.yaml:5:46: the tenant makes no calls; expected 'outbound' of the tenant in cluster.yaml, or mode: refer", Assert.Single(errors).ToString());
    }

    [Fact]
    public void Broken_yaml_is_named_with_the_line_where_reading_stopped() =>
        Assert.StartsWith("f.yaml:3:1: the text is not YAML: ", Assert.Single(FlowParser.Parse("f.yaml", "flow: f\nstart: [a\n").Errors).ToString());

    [Fact]
    public void A_document_too_large_is_not_read() =>
        Assert.Equal("f.yaml:1:1: the document has 300000 characters; expected at most 262144", Assert.Single(FlowParser.Parse("f.yaml", new string('a', 300_000)).Errors).ToString());

    [Fact]
    public void Several_errors_are_told_at_once_in_the_order_of_the_file()
    {
        var errors = FlowCheck.Text("f.yaml", Head + "  a: { play: [nothing], next: x }\n  b: { play: [never], next: y }\n", new TestCatalogue()).Errors;
        Assert.Equal([(5, 15), (5, 31), (6, 15), (6, 29)], errors.Select(e => (e.Line, e.Column)));
    }

    [Fact]
    public void Missing_vocabulary_is_told_where_an_amount_is_spoken()
    {
        var catalogue = new TestCatalogue().Without("number/hundred", "and");
        var parse = FlowCheck.Text("bank.yaml", FlowTexts.Bank, catalogue, FlowTexts.Transfers);
        Assert.Contains(parse.Errors, e => e.Message == "to speak amounts, the prompt folder lacks number/hundred, and");
    }

    [Fact]
    public void A_flow_needs_the_prompt_for_failures() =>
        Assert.Contains(FlowCheck.Text("f.yaml", Head + "  a: { hang_up: true }\n", new TestCatalogue().Without("error-polite")).Errors,
            e => e.ToString() == "f.yaml:1:7: prompt 'error-polite' (said when something fails) is not recorded; expected a file of this name in the prompt folder");

    [Theory]
    [InlineData("one two", false)]
    [InlineData("one hello", true)]
    public void Text_may_be_covered_or_rendered(string text, bool canRender) =>
        Assert.Empty(FlowCheck.Text("f.yaml", Head + $"  a: {{ play: [{{ say: {text} }}], next: bye }}\n" + Bye, new TestCatalogue { CanRender = canRender }).Errors);

    [Fact]
    public void The_demo_flow_is_valid() => FlowTexts.Valid(FlowTexts.Bank);

    [Fact]
    public void The_prompts_of_the_demo_flow_are_committed()
    {
        var folder = Path.Combine(FlowTexts.Root, "flows", "prompts", "en");
        var recorded = Directory.EnumerateFiles(folder, "*.wav", SearchOption.AllDirectories).Select(f => Path.ChangeExtension(Path.GetRelativePath(folder, f), null).Replace('\\', '/'));
        Assert.Empty(FlowCheck.Text("bank.yaml", FlowTexts.Bank, new TestCatalogue(recorded)).Errors.Select(e => e.ToString()));
    }

    [Fact]
    public void Random_damage_to_a_flow_never_throws()
    {
        var random = new Random(4711);
        for (var round = 0; round < 2_000; round++)
        {
            var text = FlowTexts.Bank.ToCharArray();
            for (var hit = random.Next(1, 8); hit > 0; hit--) text[random.Next(text.Length)] = Damage[random.Next(Damage.Length)];
            var parse = FlowCheck.Text("f.yaml", new string(text), new TestCatalogue(), FlowTexts.Transfers);
            Assert.True(parse.Document is null == parse.Errors.Count > 0);
        }
    }
}
