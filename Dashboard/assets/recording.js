// The shape of a recording above its player. Without this file the player alone is there.
// Colours come from the style sheet, so that light and dark need nothing here; text goes into textContent only.

const player = document.querySelector("[data-player]");
const audio = player.querySelector("[data-audio]");
const slider = player.querySelector("[data-wave-slider]");
const problem = player.querySelector("[data-wave-problem]");
const svg = (name, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};
const clock = seconds => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const say = text => { problem.textContent = text; problem.hidden = false; };

// Either side is mirrored about a line of its own: loudest sample of each column, by the square root, so that quiet speech is seen.
function side(peaks, middle, half) {
  const at = peaks.map(peak => half * Math.sqrt(peak / 255));
  const up = at.map((height, x) => `${x},${(middle - height).toFixed(1)}`);
  const down = at.map((height, x) => `${x},${(middle + height).toFixed(1)}`).reverse();
  return `M0,${middle}L${up.join("L")}L${down.join("L")}Z`;
}

function draw(shape) {
  const columns = shape.caller.length;
  const x = seconds => shape.seconds > 0 ? columns * seconds / shape.seconds : 0;
  const picture = svg("svg", { viewBox: `0 0 ${columns} 120`, preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const [from, to] of shape.secret) picture.append(svg("rect", { class: "secret", x: x(from), width: Math.max(1, x(to) - x(from)), y: 0, height: 120 }));
  picture.append(svg("path", { class: "caller", d: side(shape.caller, 30, 28) }), svg("path", { class: "heard", d: side(shape.heard, 90, 28) }));
  const played = svg("line", { class: "played", y1: 0, y2: 120 });
  picture.append(played);
  slider.append(picture);
  slider.setAttribute("aria-valuemax", Math.floor(shape.seconds));
  const show = () => {
    const now = audio.currentTime;
    played.setAttribute("x1", x(now));
    played.setAttribute("x2", x(now));
    const silent = shape.secret.some(([from, to]) => now >= from && now < to);
    slider.setAttribute("aria-valuenow", Math.floor(now));
    slider.setAttribute("aria-valuetext", `${clock(now)} of ${clock(shape.seconds)}${silent ? ", silent for a secret" : ""}`);
  };
  const go = seconds => { audio.currentTime = Math.min(Math.max(0, seconds), shape.seconds); show(); };
  for (const event of ["timeupdate", "seeked", "loadedmetadata"]) audio.addEventListener(event, show);
  slider.addEventListener("pointerdown", event => {
    const box = slider.getBoundingClientRect();
    go(shape.seconds * (event.clientX - box.left) / box.width);
  });
  slider.addEventListener("keydown", event => {
    const steps = { ArrowLeft: -5, ArrowDown: -5, ArrowRight: 5, ArrowUp: 5, PageDown: -30, PageUp: 30 };
    if (event.key in steps) go(audio.currentTime + steps[event.key]);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(shape.seconds);
    else if (event.key === " " || event.key === "Enter") { if (audio.paused) audio.play(); else audio.pause(); }
    else return;
    event.preventDefault();
  });
  const stretches = shape.secret.map(([from, to]) => `${clock(from)}–${clock(to)}`).join(", ");
  player.querySelector("[data-wave-text]").textContent =
    `Left is the caller, right what the caller heard. ${stretches ? `Silent for secrets: ${stretches}.` : "Nothing is silent for a secret."}`;
  if (shape.warning) say(shape.warning);
  player.querySelector("[data-wave]").hidden = false;
  show();
  player.dataset.state = "shown";
}

audio.addEventListener("error", () => say("The recording cannot be played on: it was closed, erased or altered. Load the page again."));
const answer = await fetch(player.dataset.player);
if (answer.ok) draw(await answer.json());
else say("The recording is closed. Load the page again.");
