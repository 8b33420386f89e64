// Registers a device: the link's secret stands behind the # of the address, so that it is in no log and no history of ours.

const text = document.querySelector("[data-device-text]");
const form = document.querySelector("[data-device-form]");
const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);

const say = words => { text.textContent = words; };

async function ask(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return answer.status === 200 ? answer.json() : null;
}

if (form) {
  if (!secret) {
    form.hidden = true;
    say("This page is opened by a link that you get from us.");
  } else if (!window.PublicKeyCredential?.parseCreationOptionsFromJSON) {
    form.hidden = true;
    say("This browser knows no passkeys.");
  }
  form.addEventListener("submit", async event => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const options = await ask("/device/begin", { secret });
      if (!options) return say("This link cannot be used: it was used already, is too old, or is not complete.");
      const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
      const done = await ask("/device/finish", { secret, name: form.querySelector("input").value, response: JSON.stringify(credential) });
      if (!done) return say("That did not work. Ask for another link.");
      localStorage.setItem("ivr-device", done.page);
      form.hidden = true;
      document.querySelector("[data-device-done]").hidden = false;
      say("This device is registered.");
    } catch (problem) {
      say(problem.name === "InvalidStateError" ? "This device is registered already." : "The device did not do it. Try again.");
    } finally {
      button.disabled = false;
    }
  });
}
