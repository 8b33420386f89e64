// The telephone of the dashboard. A key that is pressed is sent and forgotten: nothing here shows, keeps or prints which one it was.
import { UA, WebSocketInterface } from "/assets/sip.js";
import "/assets/sip-digest.js";

const phone = document.querySelector("[data-phone]");
const part = name => phone.querySelector(`[data-phone-${name}]`);
const dial = part("dial"), call = part("call"), end = part("end"), keys = [...phone.querySelectorAll("[data-key]")];

// RFC 9147 and RFC 6347, as the first bytes of their records say it.
const versions = { FEFC: "DTLS 1.3", FEFD: "DTLS 1.2", FEFF: "DTLS 1.0" };
const toneMs = 100, gapMs = 70; // What every receiver of RFC 4733 takes for two keys.
const lookMs = 200;
const connectMs = 10000;
const dotsMs = 4000;

const failures = {
  "Authentication Error": "The edge did not take the call's pass",
  "Busy": "Busy: the edge is full",
  "Connection Error": "The connection broke",
  "Incompatible SDP": "The edge and this browser have no encryption in common",
  "Not Found": "There is no such number",
};

let running = null; // The call that is made or goes on.

dial.addEventListener("submit", event => {
  event.preventDefault();
  if (!running) begin(dial.querySelector("#number").value.trim());
});
end.addEventListener("click", () => running?.hangUp());
for (const key of keys) key.addEventListener("click", () => running?.press(key.dataset.key));
document.addEventListener("keydown", event => {
  if (!running || event.repeat || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, select, textarea")) return;
  if (!/^[0-9*#]$/.test(event.key)) return;
  event.preventDefault();
  running.press(event.key);
});
addEventListener("pagehide", () => running?.hangUp());
show("idle", "Ready");

async function begin(number) {
  const mine = running = { hangUp: () => over(mine, "idle", "Ended"), press: () => {} };
  show("calling", "Calling");
  protect("signalling", false, "Signalling: connecting");
  protect("media", false, "Speech and keys: not yet");
  try {
    // Asked first: a human answers, and the pass is good for a minute.
    const microphone = await microphoneOf();
    if (running !== mine) return stop(microphone);
    mine.microphone = microphone;
    const pass = await passOf();
    if (running === mine) connect(mine, number, pass);
  } catch (failure) {
    over(mine, "failed", failure.message);
  }
}

async function microphoneOf() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    throw new Error("The browser gave no microphone");
  }
}

function stop(microphone) {
  for (const track of microphone.getTracks()) track.stop();
}

/** A user name and password for one call, from the dashboard: they are in this page's memory only, and good for a minute. */
async function passOf() {
  const answer = await fetch(dial.action, { method: "POST", body: new FormData(dial), redirect: "manual" });
  if (answer.type === "opaqueredirect") throw new Error("Signed out: load the page again");
  if (!answer.ok) throw new Error(`The dashboard gave no pass (${answer.status})`);
  return answer.json();
}

function connect(mine, number, pass) {
  const url = new URL(phone.dataset.url);
  const agent = new UA({
    sockets: [new WebSocketInterface(url.href)],
    uri: `sip:${pass.user ?? "web"}@${url.hostname}`,
    ...(pass.user && { authorization_user: pass.user, password: pass.password }),
    register: false,
    session_timers: false,
    user_agent: "IvrActors phone",
  });
  const late = setTimeout(() => over(mine, "failed", "The edge cannot be reached"), connectMs);
  mine.close = () => {
    clearTimeout(late);
    clearInterval(mine.looking);
    agent.stop();
  };
  agent.on("disconnected", () => over(mine, "failed", mine.session ? "The connection broke" : "The edge cannot be reached"));
  agent.once("connected", () => {
    clearTimeout(late);
    protect("signalling", url.protocol === "wss:", "Signalling: encrypted, TLS (WSS)");
    mine.session = agent.call(`sip:${number}@${url.hostname}`, {
      mediaStream: mine.microphone,
      pcConfig: { iceServers: [], bundlePolicy: "max-bundle", rtcpMuxPolicy: "require" },
      eventHandlers: {
        peerconnection: ({ peerconnection }) => attach(mine, peerconnection),
        // The edge is a lite agent: where we are it learns from our checks, so that nothing is to be waited for.
        icecandidate: ({ ready }) => ready(),
        progress: () => show("calling", "Ringing"),
        confirmed: () => talk(mine),
        ended: ({ originator }) => over(mine, "idle", originator === "remote" ? "Ended by the other side" : "Ended"),
        failed: ({ cause }) => over(mine, "failed", failures[cause] ?? cause),
      },
    });
  });
  agent.start();
}

function attach(mine, connection) {
  mine.connection = connection;
  connection.addEventListener("track", ({ track }) => { part("audio").srcObject = new MediaStream([track]); });
}

function talk(mine) {
  const began = performance.now();
  show("talking", "In call");
  mine.press = key => press(mine, key);
  mine.looking = setInterval(() => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    part("time").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    look(mine);
  }, lookMs);
  mine.hangUp = () => {
    if (mine.session.isEnded()) over(mine, "idle", "Ended");
    else mine.session.terminate();
  };
}

/** By RFC 4733 in the media, encrypted as they are. What is not sent yet stays in the browser's own queue. */
function press(mine, key) {
  const sender = mine.connection.getSenders().find(found => found.dtmf)?.dtmf;
  if (!sender?.canInsertDTMF) return;
  sender.insertDTMF(sender.toneBuffer + key, toneMs, gapMs);
  mine.sent = (mine.sent ?? 0) + 1;
  dots(mine.sent);
  clearTimeout(mine.fading);
  mine.fading = setTimeout(() => dots(mine.sent = 0), dotsMs);
}

function dots(count) {
  part("dots").textContent = "•".repeat(Math.min(count, 24));
  part("sent").textContent = count > 0 ? `${count} ${count === 1 ? "key" : "keys"} sent` : "";
}

/** What the browser says of the media that it receives and of what protects them. */
async function look(mine) {
  const reports = [...(await mine.connection.getStats()).values()];
  if (running !== mine) return;
  const heard = reports.find(report => report.type === "inbound-rtp" && report.kind === "audio");
  part("level").value = Math.sqrt(heard?.audioLevel ?? 0);
  phone.dataset.energy = heard?.totalAudioEnergy ?? 0;
  const transport = reports.find(report => report.type === "transport" && report.dtlsState);
  if (transport?.dtlsState === "connected" && transport.srtpCipher) {
    protect("media", true, `Speech and keys: encrypted, DTLS-SRTP, ${transport.srtpCipher.replace(/^SRTP_/, "")}; agreed by ${versions[transport.tlsVersion] ?? transport.tlsVersion}, ${transport.dtlsCipher}`);
  } else if (transport?.dtlsState === "failed") {
    protect("media", false, "Speech and keys: no encryption was agreed, so nothing is sent or heard");
  }
}

function over(mine, state, text) {
  if (running !== mine) return;
  running = null;
  mine.close?.();
  if (mine.microphone) stop(mine.microphone);
  clearTimeout(mine.fading);
  dots(0);
  part("audio").srcObject = null;
  part("level").value = 0;
  part("time").textContent = "";
  protect("signalling", false, "Signalling: no call");
  protect("media", false, "Speech and keys: no call");
  show(state, text);
}

function show(state, text) {
  phone.dataset.phone = state;
  part("text").textContent = text;
  call.disabled = state === "calling" || state === "talking";
  end.disabled = !call.disabled;
  for (const key of keys) key.disabled = state !== "talking";
}

function protect(name, on, text) {
  const line = part(name);
  line.classList.toggle("on", on);
  const words = line.querySelector("span");
  if (words.textContent !== text) words.textContent = text;
}
