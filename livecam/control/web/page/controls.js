// Every live value: sliders, choices and switches. What they show is what livecam says, not what was clicked.

import { ask } from "/page/api.js";
import { confirmed } from "/page/dialog.js";
import { make, one } from "/page/dom.js";
import { isBusy, tell } from "/page/orders.js";

const SLIDERS = ["blend", "shape", "steadiness"];
const OTHERS = {
  withhold: "While somebody else is in the picture, the slate is shown.",
  blur: "Other faces are blurred.",
  leave: "Other people are sent as they are. Ask them first.",
};

export function startControls(stream) {
  SLIDERS.forEach(slider);
  ["eyes", "others"].forEach(choice);
  one("label").addEventListener("change", (event) => wanted(`label ${onOff(event.target.checked)}`));
  one("passthrough").addEventListener("change", (event) => passthrough(event.target));
  one("preset").addEventListener("change", (event) => tell(`preset ${event.target.value}`));
  stream.on("now", show);
  stream.on("open", () => presets(stream));
  stream.on("status", (status) => preset(status.preset));
}

const onOff = (on) => (on ? "on" : "off");

function slider(name) {
  const input = one(name);
  input.addEventListener("input", () => {
    value(name, Number(input.value));
    tell(`${name} ${input.value}`);
  });
  // A refused value goes back to what holds once nothing more is under way.
  input.addEventListener("change", () => setTimeout(() => settle(name), 500));
}

let held = null;

function settle(name) {
  if (held && !isBusy(name)) {
    one(name).value = held[name];
    value(name, held[name]);
  }
}

function value(name, number) {
  one(`${name}-value`).textContent = number.toFixed(2);
}

function choice(name) {
  one(name).addEventListener("change", async (event) => {
    await tell(`${name} ${event.target.value}`);
    show(held);
  });
}

async function wanted(line) {
  await tell(line);
  show(held);
}

async function passthrough(box) {
  const on = box.checked;
  // Shown as it is until livecam says otherwise.
  box.checked = held?.mode === "passthrough";
  const text =
    "Your own face, not the persona’s, will be seen by everybody in the call, until you swap again. Nothing is painted over it.";
  if (!on || (await confirmed("Send your own face?", text, "Send my own face"))) {
    await tell(`passthrough ${onOff(on)}`, null);
  }
}

function show(now) {
  held = now;
  if (!now) {
    return;
  }
  for (const name of SLIDERS) {
    // A slider in the user's hand, or with an order under way, is newer than what livecam says.
    if (!isBusy(name) && !one(name).matches(":active") && now[name] !== undefined) {
      one(name).value = now[name];
      value(name, now[name]);
    }
  }
  for (const name of ["eyes", "others"]) {
    one(name).querySelectorAll("input").forEach((input) => {
      input.checked = input.value === now[name];
    });
  }
  one("others-note").textContent = OTHERS[now.others] ?? "";
  one("others-note").classList.toggle("careful", now.others === "leave");
  one("label").checked = now.label !== false;
  one("passthrough").checked = now.mode === "passthrough";
  preset(now.preset);
}

function preset(name) {
  const list = one("preset");
  if (name && document.activeElement !== list && [...list.options].some((option) => option.value === name)) {
    list.value = name;
    note(list);
  }
}

async function presets(stream) {
  const list = one("preset");
  let found = [];
  try {
    found = await ask("/api/presets");
  } catch (error) {
    one("preset-note").textContent = error.message;
    return;
  }
  list.replaceChildren(
    ...found.map(({ name, ready, missing, cost }) =>
      make("option", { value: name, text: name, "data-note": ready ? cost : lacking(missing), set: { disabled: !ready } }),
    ),
  );
  preset(stream.last.get("now")?.preset ?? stream.last.get("status")?.preset);
  note(list);
}

const lacking = (missing) => `Not ready: ${[missing].flat().join(", ") || "networks are missing"}.`;

function note(list) {
  const waiting = [...list.options].filter((option) => option.disabled);
  const cost = list.selectedOptions[0]?.dataset.note ?? "";
  const rest = waiting.length ? `Networks are missing for ${waiting.map((option) => option.value).join(", ")}: see livecam models list.` : "";
  one("preset-note").textContent = [cost && `${cost}.`.replace("..", "."), rest].filter(Boolean).join(" ");
}
