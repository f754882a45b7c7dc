// What `livecam doctor` finds, with the next step.

import { ask } from "/page/api.js";
import { make, one } from "/page/dom.js";

const WORDS = { ok: "Good", info: "To know", warn: "Look at it", fail: "Broken" };
const RANK = ["fail", "warn", "info", "ok"];

export function startDoctor(tabs) {
  let looked = false;
  tabs.onShow("doctor", () => {
    if (!looked) {
      looked = true;
      examine();
    }
  });
  one("doctor-again").addEventListener("click", examine);
}

async function examine() {
  one("doctor-sum").textContent = "Looking…";
  one("doctor-again").disabled = true;
  try {
    const found = await ask("/api/doctor");
    const sorted = [...found].sort((a, b) => RANK.indexOf(a.level) - RANK.indexOf(b.level));
    one("findings").replaceChildren(...sorted.map(finding));
    one("doctor-sum").textContent = sum(found);
  } catch (error) {
    one("doctor-sum").textContent = error.message;
  }
  one("doctor-again").disabled = false;
}

function sum(found) {
  const count = (level) => found.filter((one) => one.level === level).length;
  const parts = [
    [count("fail"), "broken"],
    [count("warn"), "to look at"],
    [count("info"), "to know"],
    [count("ok"), "good"],
  ].filter(([number]) => number);
  return `${parts.map(([number, word]) => `${number} ${word}`).join(", ")}.`;
}

function finding({ area, level, said, next }) {
  const step = next ? make("p", { class: "next" }, make("code", { text: next })) : null;
  return make("li", { class: `finding ${level}` }, make("span", { class: "level", text: WORDS[level] ?? level }), make("div", {}, make("b", { text: area }), make("p", { text: said }), step));
}
