// Shows a call that waits for this device, and answers for it with the device's passkey. Text goes into textContent only.

const part = name => document.querySelector(`[data-approve-${name}]`);
const secret = localStorage.getItem("ivr-device");
const say = words => { part("text").textContent = words; };
const wait = milliseconds => new Promise(done => setTimeout(done, milliseconds));
let shown = null;

async function ask(path, body) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  return answer.status === 200 ? answer.json() : null;
}

function show(question) {
  shown = question;
  part("call").hidden = !question;
  if (!question) return;
  part("number").hidden = true;
  part("tenant").textContent = question.tenant;
  part("at").textContent = new Date(question.at).toLocaleTimeString();
  say("A call waits for you. If you are not calling now, it is not you.");
}

async function look() {
  while (true) {
    if (document.visibilityState === "visible") {
      try {
        const question = await ask("/approve/look", { secret });
        if (question?.expires !== shown?.expires) show(question);
        if (!question && part("number").hidden) say("No call waits for you. Keep this page open while you call.");
      } catch {
        say("No connection. Trying again.");
      }
    }
    await wait(2000);
  }
}

document.getElementById("yes").addEventListener("click", async () => {
  if (!shown) return;
  try {
    const options = PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(shown.options));
    const signed = await navigator.credentials.get({ publicKey: options });
    const answer = await ask("/approve/answer", { secret, response: JSON.stringify(signed) });
    show(null);
    if (!answer) return say("That was not taken: the call is gone, or the time is over.");
    document.getElementById("number").textContent = answer.number;
    part("number").hidden = false;
    say("Approved.");
  } catch {
    say("The device did not sign. Try again.");
  }
});

document.getElementById("no").addEventListener("click", async () => {
  if (!shown) return;
  await ask("/approve/answer", { secret });
  show(null);
  say("The call was refused. Somebody knows your PIN: please call us.");
  part("call").hidden = true;
});

if (!secret) say("This browser is no registered device. Ask us for a link.");
else look();
