// A consent that is given anew: the questions of a new face, with the answers so far.

import { ask } from "/page/api.js";
import { askGround } from "/page/consent.js";
import { one, say } from "/page/dom.js";

const bases = () => [...document.querySelectorAll("#renew-basis input")];
const uses = () => [...document.querySelectorAll("#renew-scope input")];

// The face whose consent is in question, its bank, and the day on which it ends so far.
let asked = null;

export function startRenew() {
  const dialog = one("renew-dialog");
  askGround(one("renew-basis"));
  one("renew-close").addEventListener("click", () => dialog.close());
  one("renew-never").addEventListener("change", endless);
  one("renew-form").addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
}

export function openRenew(card, bank) {
  const ended = card.expires && new Date(card.expires) <= new Date();
  const day = card.expires && !ended ? card.expires.slice(0, 10) : "";
  asked = { card, bank, day, endless: !card.expires && Boolean(card.basis) };
  one("renew-title").textContent = `Renew the consent for ${card.name}`;
  bases().forEach((button) => {
    button.checked = button.value === card.basis;
  });
  one("renew-subject").value = card.subject ?? "";
  uses().forEach((box) => {
    box.checked = (card.scope ?? []).includes(box.value);
  });
  one("renew-expires").value = day;
  one("renew-never").checked = asked.endless;
  endless();
  problem("");
  one("renew-dialog").showModal();
}

function endless() {
  one("renew-expires").disabled = one("renew-never").checked;
}

function problem(text) {
  one("renew-problem").textContent = text;
  one("renew-problem").hidden = !text;
  if (text) {
    one("renew-problem").scrollIntoView({ block: "center" });
  }
}

async function save() {
  const basis = bases().find((button) => button.checked)?.value;
  const [subject, day, never] = [one("renew-subject").value.trim(), one("renew-expires").value, one("renew-never").checked];
  const scope = uses().filter((box) => box.checked).map((box) => box.value);
  const lacking = [
    [!basis, "Say on what ground the face may be worn."],
    [basis !== "synthetic" && basis !== "self" && !subject, "Say whose face it is; it is kept in the consent record."],
    [!scope.length, "Say for what it may be worn."],
    [!never && !day, "Say until when, or that it has no end."],
  ].find(([lacks]) => lacks);
  problem(lacking ? lacking[1] : "");
  if (lacking) {
    return;
  }
  const wish = { basis, subject, scope };
  // An end that stays is not said again: it may be at an hour of that day.
  if (never !== asked.endless || (!never && day !== asked.day)) {
    wish.expires = never ? "never" : day;
  }
  const { card, bank } = asked;
  one("renew-save").disabled = true;
  try {
    const answer = await ask(`/api/bank/${encodeURIComponent(card.name)}/consent`, { method: "PUT", body: wish });
    say(answer.said);
    one("renew-dialog").close();
    one("face-dialog").close();
  } catch (error) {
    problem(error.message);
  }
  one("renew-save").disabled = false;
  await bank.refresh();
}
