// Everything works without this file except that pages do not update by themselves.
// Text from the server goes into textContent and attributes only, never into markup.

const theme = document.querySelector("[data-theme-toggle]");
if (theme) {
  const isDark = () => (document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", isDark() ? "Change to light colours" : "Change to dark colours"); };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("theme", next);
    name();
  });
  name();
}

document.addEventListener("submit", event => {
  const asked = event.submitter?.dataset.confirm;
  if (asked && !confirm(asked)) event.preventDefault();
});

const setText = (node, text) => { if (node && node.textContent !== text) node.textContent = text; };

function showCalls(now) {
  const body = document.querySelector("[data-calls]");
  const template = document.getElementById("call-row").content.firstElementChild;
  const rows = new Map([...body.children].map(row => [row.dataset.id, row]));
  now.calls.forEach((call, at) => {
    let row = rows.get(call.id);
    if (row) rows.delete(call.id);
    else {
      row = template.cloneNode(true);
      row.dataset.id = call.id;
      row.classList.add("fresh");
      const id = row.querySelector("[data-f=id]");
      id.title = call.id;
      id.textContent = call.id.replace(/^call-/, "").slice(0, 8);
      const target = row.querySelector("input[data-f=call]");
      if (target) target.value = call.id;
    }
    for (const field of ["tenant", "trunk", "flow", "step", "age", "codec", "transport", "loss", "jitter", "roundTrip", "mos"]) setText(row.querySelector(`[data-f=${field}]`), call[field]);
    const shield = row.querySelector("[data-f=srtp]");
    setText(shield, call.srtp ? "SRTP" : "plain RTP");
    shield.className = call.srtp ? "shield on" : "shield off";
    row.classList.toggle("poor", call.poor);
    // Rows are moved only when they must be: a move takes the focus out of a button in it.
    if (body.children[at] !== row) body.insertBefore(row, body.children[at] ?? null);
  });
  for (const gone of rows.values()) gone.remove();
  setText(document.querySelector("[data-active]"), now.active.toLocaleString("en"));
  document.querySelector("[data-calls-empty]").hidden = now.calls.length > 0;
}

function showOverview(now) {
  for (const [key, text] of Object.entries(now.text)) setText(document.querySelector(`[data-text="${key}"]`), text);
  for (const [key, d] of Object.entries(now.paths)) document.querySelector(`[data-path="${key}"]`)?.setAttribute("d", d);
  const list = document.querySelector("[data-edges]");
  list.replaceChildren(...now.edges.map(edge => {
    const item = document.createElement("li");
    if (edge.silent) item.className = "silent";
    const dot = document.createElement("span");
    dot.className = "dot";
    const name = document.createElement("strong");
    name.textContent = edge.name;
    const calls = document.createElement("span");
    calls.textContent = `${edge.calls} calls`;
    const age = document.createElement("span");
    age.className = "hint";
    age.textContent = `${edge.silent ? "silent for" : "heard"} ${edge.age}${edge.silent ? "" : " ago"}`;
    item.append(dot, name, calls, age);
    return item;
  }));
  document.querySelector("[data-edges-empty]").hidden = now.edges.length > 0;
}

const live = document.querySelector("[data-live]");
if (live) {
  const show = live.dataset.live === "/events/calls" ? showCalls : showOverview;
  const state = (name, text) => { live.dataset.state = name; setText(live.querySelector("[data-live-text]"), text); };
  const source = new EventSource(live.dataset.live);
  source.addEventListener("message", event => {
    const now = JSON.parse(event.data);
    show(now);
    state(now.stale ? "stale" : "on", now.stale ? "The cluster does not answer" : "Live");
  });
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) state("off", "Signed out: load the page again");
    else if (live.dataset.state !== "on") state("stale", "Connecting");
  });
}
