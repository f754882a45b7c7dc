// The command box, which speaks the grammar of `livecam ctl`, and the log.

import { ask } from "/page/api.js";
import { make, one } from "/page/dom.js";
import { orderNow } from "/page/orders.js";

const KEPT = 50;
const LOGGED = 400;
const SHOWN = { all: () => true, warning: (level) => /warn|error|crit|fail/i.test(level), error: (level) => /error|crit|fail/i.test(level) };

export function startConsole(stream, tabs) {
  commands();
  stream.on("open", words);
  logging(stream, tabs);
}

function commands() {
  const field = one("command");
  const said = [];
  let place = 0;
  one("command-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    const line = field.value.trim();
    if (!line) {
      return;
    }
    said.push(line);
    place = said.length;
    field.value = "";
    const answer = await orderNow(line);
    reply(line, answer);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      event.preventDefault();
      place = Math.min(said.length, Math.max(0, place + (event.key === "ArrowUp" ? -1 : 1)));
      field.value = said[place] ?? "";
    }
  });
}

function reply(line, answer) {
  const entry = make("div", { class: answer.ok ? "reply" : "reply bad" }, make("b", { text: line }), make("p", { text: answer.said }));
  one("said").prepend(entry);
  while (one("said").children.length > KEPT) {
    one("said").lastChild.remove();
  }
}

async function words() {
  let found = [];
  try {
    found = await ask("/api/words");
  } catch {
    // Help alone is missing; commands still work, and the next connection asks again.
    return;
  }
  one("words").replaceChildren(...found.map(({ word, summary }) => make("option", { value: word, label: summary })));
  one("word-list").replaceChildren(
    ...found.flatMap(({ word, takes, summary }) => [make("dt", {}, make("code", { text: `${word} ${takes}`.trim() })), make("dd", { text: summary })]),
  );
}

function logging(stream, tabs) {
  const lines = [];
  const list = one("log");
  const level = one("log-level");
  const isLow = () => list.scrollTop + list.clientHeight >= list.scrollHeight - 30;
  const show = () => {
    list.replaceChildren(...lines.filter((line) => SHOWN[level.value](line.level)).map(written));
    list.scrollTop = list.scrollHeight;
  };
  // A new connection begins with the last lines again.
  stream.on("open", () => {
    lines.length = 0;
    list.replaceChildren();
  });
  stream.on("log", (line) => {
    const follow = isLow();
    lines.push(line);
    if (SHOWN[level.value](line.level)) {
      list.append(written(line));
    }
    while (lines.length > LOGGED) {
      lines.shift();
      if (list.children.length > lines.length) {
        list.firstChild.remove();
      }
    }
    if (follow) {
      list.scrollTop = list.scrollHeight;
    }
  });
  level.addEventListener("change", show);
  tabs.onShow("console", show);
}

function written({ level, text, at }) {
  const kind = SHOWN.error(level) ? "error" : SHOWN.warning(level) ? "warning" : "";
  return make("li", { class: kind }, make("time", { text: clock(at) }), make("span", { text }));
}

// `at` is in seconds since 1970, or a time that a Date can read.
function clock(at) {
  const date = new Date(typeof at === "number" ? at * 1000 : at);
  return Number.isNaN(date.getTime()) ? "" : date.toLocaleTimeString("en-GB");
}
