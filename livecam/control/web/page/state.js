// What is shown now, in words; panic and resume; and whether livecam can be heard at all.

import { one } from "/page/dom.js";
import { tell } from "/page/orders.js";

const SELDOM_FPS = 5;
const KINDS = { live: "Live", held: "Held", slate: "Slate", bare: "Your own face", away: "Not connected" };

/** The kind and the sentence of what others see, from the settings in force and the last status. */
export function told(now, status) {
  if (now.panic) {
    const until = now.holding ? "until the key is let go" : "until you resume";
    return ["slate", `Panic: only the slate is shown, ${until}.`];
  }
  if (!status?.showing) {
    return ["slate", "livecam is starting."];
  }
  if (status.showing === "slate") {
    return ["slate", status.note || "Nothing is cleared, so the slate is shown."];
  }
  // Where pictures are made less often than they are sent, every other one is a held one: that is no news.
  if (status.showing === "held" && status.fps < SELDOM_FPS) {
    return ["held", "The last cleared picture is shown for a moment."];
  }
  if (now.mode === "passthrough") {
    return ["bare", "The camera’s picture is sent as it is."];
  }
  return ["live", `You are seen as ${now.persona}.`];
}

/** Say "panic" behind nothing. */
export const panic = () => tell("panic", null);

export const resume = () => tell("resume", null);

export function startState(stream) {
  const seen = { now: null, status: null, away: true, shut: false };

  const show = () => {
    const [kind, text] = seen.away || !seen.now ? ["away", "What is shown now is not known."] : told(seen.now, seen.status);
    one("state").dataset.kind = kind;
    write("state-word", KINDS[kind]);
    write("state-text", text);
    write("state-figures", seen.away ? "" : figures(seen.status));
    document.title = `${KINDS[kind]} · livecam`;
    one("resume").hidden = !seen.now?.panic;
    one("bare").hidden = seen.now?.mode !== "passthrough" || Boolean(seen.now?.panic) || seen.away;
    document.body.classList.toggle("away", seen.away);
  };

  stream.on("now", (now) => show(Object.assign(seen, { now, away: false })));
  stream.on("status", (status) => show(Object.assign(seen, { status, away: false })));
  stream.on("open", () => {
    one("lost").hidden = true;
  });
  stream.on("lost", ({ shut, away }) => {
    seen.away = true;
    show();
    write("lost-text", away ? AWAY : shut ? SHUT : LOST);
    one("lost").hidden = false;
    one("lost-again").hidden = !away;
  });
  one("lost-again").addEventListener("click", () => stream.open());

  one("panic").addEventListener("click", panic);
  one("resume").addEventListener("click", resume);
  one("swap-again").addEventListener("click", () => tell("passthrough off", null));
  document.querySelectorAll("[data-panic]").forEach((button) => button.addEventListener("click", panic));
}

const LOST = "The connection to livecam is lost. It is tried again every second; nothing here is up to date until then.";
const SHUT = "livecam does not know this page any more, as after a restart. Open the address that it printed.";

const AWAY = "Too many pages of livecam are open in this browser, so that this one stopped listening.";

function figures(status) {
  if (!status) {
    return "";
  }
  return `${Number(status.fps).toFixed(1)} fps · ${Math.round(status.age_p95_ms)} ms`;
}

// Only what changed is written: a live region would say the same again otherwise.
function write(id, text) {
  if (one(id).textContent !== text) {
    one(id).textContent = text;
  }
}
