// Everything about one persona: what it was made of, how it is worn, and its end.

import { ask } from "/page/api.js";
import { groundWords } from "/page/consent.js";
import { confirmed } from "/page/dialog.js";
import { make, one, say } from "/page/dom.js";
import { changed, picture } from "/page/faces.js";
import { openRenew } from "/page/renew.js";

const SCOPES = { live: "live", recording: "recordings", still: "pictures" };
const SLIDERS = { blend: "Own blend", shape: "Own shape", colour: "Own colour" };
const HINTS = {
  blend: "How much of the enhancer shows.",
  shape: "How far your proportions move to the persona’s.",
  colour: "How far the face takes on the colours of yours.",
};

/** The words of a picture's quality; `quality` may be null. */
export function qualityWords(quality) {
  if (!quality) {
    return "";
  }
  const parts = [
    quality.pixels ? `face ${Math.round(quality.pixels)} px` : "",
    Number.isFinite(quality.sharpness) ? `sharpness ${Number(quality.sharpness).toFixed(quality.sharpness < 10 ? 2 : 0)}` : "",
    Number.isFinite(quality.yaw) ? `turned ${Math.abs(Math.round(quality.yaw))}°` : "",
  ];
  return parts.filter(Boolean).join(" · ");
}

/** The advice of a quality or a draft as a list, or null where there is none. */
export function adviceList(judged) {
  const advice = judged?.advice ?? [];
  return advice.length ? make("ul", { class: "advice" }, ...advice.map((text) => make("li", { text }))) : null;
}

export function openFace(card, bank) {
  const dialog = one("face-dialog");
  one("face-title").textContent = card.name;
  one("face-body").replaceChildren(head(card), ...kept(card, bank), ...[end(card, bank)].filter(Boolean));
  dialog.showModal();
}

function head(card) {
  const facts = [
    ["Pictures", card.built_in ? "built in" : String(card.photos ?? "–")],
    ["Consent", [groundWords(card.basis), card.subject].filter(Boolean).join(": ")],
    ["Worn for", (card.scope ?? []).map((use) => SCOPES[use] ?? use).join(", ")],
    ["Until", card.expires ? card.expires.slice(0, 10) : ""],
    ["Added", (card.added ?? "").slice(0, 10)],
    ["Quality", qualityWords(card.quality)],
  ].filter(([, words]) => words);
  const list = make("dl", { class: "facts" });
  facts.forEach(([what, words]) => list.append(make("dt", { text: what }), make("dd", { text: words })));
  const problem = card.problem ? make("p", { class: "problem", text: card.problem }) : null;
  return make("div", { class: "face-head" }, make("img", { src: picture(card), alt: "", width: 256, height: 256 }), make("div", {}, list, problem, adviceList(card.quality)));
}

function kept(card, bank) {
  return [favourite(card, bank), preset(card, bank), ...Object.keys(SLIDERS).map((name) => own(name, card, bank))];
}

function favourite(card, bank) {
  const options = [make("option", { value: "", text: "none" })];
  for (let number = 1; number <= 9; number += 1) {
    const holder = bank.cards.find((other) => other.favourite === number && other.name !== card.name);
    options.push(make("option", { value: String(number), text: holder ? `${number}, now ${holder.name}` : String(number) }));
  }
  const list = make("select", { on: { change: (event) => changed(card.name, { favourite: Number(event.target.value) || null }, bank) } }, ...options);
  list.value = String(card.favourite ?? "");
  return make("label", { class: "field" }, make("span", { text: "Number key" }), list);
}

function preset(card, bank) {
  const names = [...one("preset").options];
  const list = make(
    "select",
    { on: { change: (event) => changed(card.name, { preset: event.target.value || null }, bank) } },
    make("option", { value: "", text: "as it is" }),
    ...names.map((option) => make("option", { value: option.value, text: option.value, set: { disabled: option.disabled } })),
  );
  list.value = card.preset ?? "";
  return make("label", { class: "field" }, make("span", { text: "Preset" }), list);
}

// A value of its own, or, with the box cleared, whatever is in force when the face is put on.
function own(name, card, bank) {
  const has = card[name] !== null && card[name] !== undefined;
  const id = `own-${name}`;
  const range = make("input", { id, type: "range", min: 0, max: 1, step: 0.01, "aria-label": SLIDERS[name], set: { disabled: !has } });
  range.value = has ? card[name] : one(name)?.value ?? 0.5;
  const shown = make("output", { for: id, text: has ? Number(range.value).toFixed(2) : "as it is" });
  const box = make("input", { type: "checkbox", "aria-label": SLIDERS[name], set: { checked: has } });
  const send = () => changed(card.name, { [name]: box.checked ? Number(range.value) : null }, bank);
  box.addEventListener("change", () => {
    range.disabled = !box.checked;
    shown.textContent = box.checked ? Number(range.value).toFixed(2) : "as it is";
    send();
  });
  range.addEventListener("input", () => {
    shown.textContent = Number(range.value).toFixed(2);
  });
  range.addEventListener("change", send);
  const words = make("label", { class: "tick" }, box, make("span", { text: SLIDERS[name] }));
  return make("div", { class: "slider" }, words, shown, range, make("p", { class: "hint", text: HINTS[name] }));
}

function end(card, bank) {
  if (card.built_in) {
    return null;
  }
  const buttons = [make("button", { class: "button danger", type: "button", text: "Delete this face", on: { click: () => remove(card, bank) } })];
  buttons.unshift(make("button", { class: "button", type: "button", "data-do": "renew", text: "Renew the consent", on: { click: () => openRenew(card, bank) } }));
  if (card.basis && !card.revoked) {
    buttons.unshift(make("button", { class: "button", type: "button", "data-do": "revoke", text: "Take the consent back", on: { click: () => revoke(card, bank) } }));
  }
  return make("div", { class: "buttons end" }, ...buttons);
}

async function revoke(card, bank) {
  const text = `From now on ${card.name} is worn nowhere: not live, not in recordings, not in pictures. What was recorded before stays, and so do its pictures and its record. It can be renewed.`;
  if (await confirmed(`Take the consent for ${card.name} back?`, text, "Take it back")) {
    await ended(card, bank, "/consent");
  }
}

async function remove(card, bank) {
  const text = "Its pictures, its consent record and its settings are deleted from this machine. This cannot be undone.";
  if (await confirmed(`Delete ${card.name}?`, text, "Delete")) {
    await ended(card, bank, "");
  }
}

// `part` of the face is over: its consent, or with "" all of it.
async function ended(card, bank, part) {
  try {
    const answer = await ask(`/api/bank/${encodeURIComponent(card.name)}${part}`, { method: "DELETE" });
    say(answer.said, answer.ok === false);
    one("face-dialog").close();
    await bank.refresh();
  } catch (error) {
    say(error.message, true);
  }
}
