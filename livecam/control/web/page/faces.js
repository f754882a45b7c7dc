// The gallery: every persona, what it is worn as, and the keys of favourites.

import { ask, sentence } from "/page/api.js";
import { icon, make, one, say } from "/page/dom.js";
import { openFace } from "/page/face.js";
import { tell } from "/page/orders.js";

/** Keeps the gallery up to date; returns what other parts may know of it. */
export function startFaces(stream) {
  const bank = { cards: [], shown: "", persona: null, wanted: false, asking: null, refresh: () => refresh(bank) };
  stream.on("open", bank.refresh);
  stream.on("bank", bank.refresh);
  stream.on("now", (now) => {
    bank.persona = now.persona;
    worn(now.persona);
  });
  return bank;
}

// One answer at a time, and after a change one that was asked for later: an old one must not come last.
function refresh(bank) {
  bank.wanted = true;
  bank.asking ??= asked(bank);
  return bank.asking;
}

async function asked(bank) {
  while (bank.wanted) {
    bank.wanted = false;
    try {
      show(bank, await ask("/api/bank"));
    } catch (error) {
      say(sentence(error), true);
    }
  }
  bank.asking = null;
}

function show(bank, cards) {
  bank.cards = cards.sort((a, b) => Number(b.built_in) - Number(a.built_in));
  const shown = JSON.stringify(bank.cards);
  if (shown === bank.shown) {
    return;
  }
  bank.shown = shown;
  const focused = document.activeElement?.dataset?.focus;
  one("faces").replaceChildren(...bank.cards.map((card) => tile(card, bank)));
  // What is worn comes by the stream as well, and there sooner.
  worn(bank.persona ?? bank.cards.find((card) => card.worn)?.name);
  if (focused) {
    // A gallery that is drawn again must not lose the place of who works by keyboard.
    one("faces").querySelector(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }
}

function worn(name) {
  for (const item of one("faces").children) {
    const on = item.dataset.name === name;
    item.classList.toggle("worn", on);
    item.querySelector(".wear").setAttribute("aria-pressed", String(on));
    item.querySelector(".badge").hidden = !on;
  }
}

function tile(card, bank) {
  const wear = make(
    "button",
    {
      class: "wear",
      type: "button",
      "aria-pressed": "false",
      "data-focus": `wear ${card.name}`,
      title: card.problem || `Wear ${card.name}`,
      on: { click: () => tell(`persona ${card.name}`) },
    },
    make("img", { src: picture(card), alt: "", width: 256, height: 256, loading: "lazy" }),
    make("span", { class: "name", text: card.name }),
    make("span", { class: "note", text: noteOf(card) }),
  );
  const number = card.favourite ? String(card.favourite) : "";
  const star = make(
    "button",
    {
      class: "star",
      type: "button",
      "aria-pressed": String(Boolean(card.favourite)),
      "aria-label": number ? `${card.name} is favourite ${number}; make it none` : `Make ${card.name} a favourite`,
      "data-focus": `star ${card.name}`,
      on: { click: () => favoured(card, bank) },
    },
    number ? make("kbd", { text: number }) : icon("star"),
  );
  const settings = make(
    "button",
    {
      class: "settings",
      type: "button",
      "aria-label": `Settings of ${card.name}`,
      "data-focus": `settings ${card.name}`,
      on: { click: () => openFace(card, bank) },
    },
    icon("gear"),
  );
  const badge = make("span", { class: "badge", text: "Worn", set: { hidden: true } });
  const kinds = ["face", card.problem && "broken"].filter(Boolean).join(" ");
  return make("li", { class: kinds, "data-name": card.name }, wear, star, settings, badge);
}

/** The address of a face's picture; another one when it was replaced. */
export const picture = (card) => `/api/bank/${encodeURIComponent(card.name)}/thumbnail.jpg?v=${encodeURIComponent(`${card.added}${card.photos}`)}`;

function noteOf(card) {
  if (card.problem) {
    return "Cannot be worn";
  }
  if (card.quality?.advice?.length) {
    return "Has advice";
  }
  return card.built_in ? "Built in" : [card.preset].filter(Boolean).join();
}

/** The lowest number key that is free, or null. */
export function freeNumber(cards) {
  const taken = new Set(cards.map((card) => card.favourite));
  return [1, 2, 3, 4, 5, 6, 7, 8, 9].find((number) => !taken.has(number)) ?? null;
}

async function favoured(card, bank) {
  const number = card.favourite ? null : freeNumber(bank.cards);
  if (!card.favourite && number === null) {
    say("All nine number keys are taken. Take the star from another face first.", true);
    return;
  }
  await changed(card.name, { favourite: number }, bank);
}

/** Change what is kept of a persona and say what is answered; true when it was done. */
export async function changed(name, change, bank) {
  try {
    const answer = await ask(`/api/bank/${encodeURIComponent(name)}`, { method: "PATCH", body: change });
    say(answer.said, answer.ok === false);
    await bank.refresh();
    return answer.ok !== false;
  } catch (error) {
    say(error.message, true);
    return false;
  }
}
