// How fast, how old, what was not sent: the numbers of the running livecam, drawn once a second while they are looked at.

import { make, one } from "/page/dom.js";
import { colour, drawBars, drawLines } from "/page/plot.js";

const SECONDS = 120;
const FEWEST = 40;
const USUAL_MS = 100;
const COLOURS = 8;
const REASONS = {
  "no-face": "no face was found",
  "weak-face": "a face was not sure enough",
  "other-person": "somebody else was there",
  "no-wearer": "the wearer was not there",
  uncovered: "a face was not covered",
  "no-persona": "no persona was ready",
  content: "the content check saw nudity",
  unchecked: "the content check had no fresh answer",
  panic: "panic",
  failed: "a stage failed",
  skipped: "a newer frame was there",
  overtaken: "a newer picture was there",
  expired: "too old when its turn came",
};

export function startFigures(stream, tabs) {
  const past = [];
  const draw = () => tabs.shown() === "figures" && past.length && show(past);
  stream.on("figures", (figures) => {
    past.push({ at: performance.now(), ...figures });
    while (past.length > SECONDS + 2) {
      past.shift();
    }
    draw();
  });
  tabs.onShow("figures", draw);
  one("stage-share").addEventListener("change", draw);
  addEventListener("resize", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
}

function show(past) {
  const last = past.at(-1);
  one("tile-fps").textContent = Number(last.fps ?? 0).toFixed(1);
  one("tile-age50").textContent = ms(last.age_ms?.p50);
  one("tile-age95").textContent = ms(last.age_ms?.p95);
  one("tile-delay").textContent = ms(last.delay_ms);
  one("tile-tier").textContent = last.tier || "full quality";
  stages(past, document.querySelector("#stage-share input:checked").value);
  ages(last);
  bars("drops", last.dropped ?? {}, "None so far.", (name) => REASONS[name] ?? name);
  bars("tiers", last.tiers ?? {}, "Nothing can be given up with this preset.", (name) => name);
}

const ms = (value) => (Number.isFinite(value) ? value.toFixed(value < 10 ? 2 : 1) : "–");

function stages(past, share) {
  const names = Object.keys(past.at(-1).stages ?? {});
  const now = performance.now();
  const lines = names.map((name, index) => ({
    name,
    colour: name === "whole" ? colour("text") : colour(`plot-${index % COLOURS}`),
    bold: name === "whole",
    points: past
      .filter((figures) => figures.stages?.[name])
      .map((figures) => [(now - figures.at) / 1000, figures.stages[name][share]])
      .filter(([ago]) => ago <= SECONDS),
  }));
  const plot = one("stage-plot");
  const oldest = Math.max(...lines.flatMap((line) => line.points.map(([ago]) => ago)), 0);
  drawLines(plot, lines, [FEWEST, SECONDS / 2].find((seconds) => oldest <= seconds) ?? SECONDS);
  const last = past.at(-1).stages ?? {};
  plot.setAttribute("aria-label", `Time by stage over the last seconds, ${share}; the numbers are in the table below.`);
  one("stage-rows").replaceChildren(
    ...names.map((name, index) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, make("span", { class: name === "whole" ? "key whole" : `key key-${index % COLOURS}` }), name),
        make("td", { text: ms(last[name].p50) }),
        make("td", { text: ms(last[name].p95) }),
      ),
    ),
  );
}

function ages(last) {
  const found = worthShowing(last.age_histogram ?? []);
  const marks = [
    { text: `p50 ${ms(last.age_ms?.p50)}`, at: last.age_ms?.p50 },
    { text: `p95 ${ms(last.age_ms?.p95)}`, at: last.age_ms?.p95 },
  ].filter((mark) => Number.isFinite(mark.at) && found.length);
  drawBars(one("age-plot"), found, marks);
  one("age-plot").setAttribute("aria-label", `Age histogram: half below ${ms(last.age_ms?.p50)} ms, 95 % below ${ms(last.age_ms?.p95)} ms.`);
}

// Bars beyond both the usual range and the last age that was seen are left out.
function worthShowing(bars) {
  const last = bars.findLastIndex(([, count]) => count > 0);
  return bars.filter(([upper], index) => upper <= USUAL_MS || index <= last + 1);
}

function bars(id, counts, none, word) {
  const entries = Object.entries(counts).filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]);
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  if (!entries.length) {
    one(id).replaceChildren(make("dt", { class: "none", text: none }));
    return;
  }
  one(id).replaceChildren(
    ...entries.flatMap(([name, count]) => [
      make("dt", { text: word(name) }),
      make("dd", {}, bar(count / total), make("span", { text: count.toLocaleString("en") })),
    ]),
  );
}

function bar(share) {
  const filled = make("span");
  // By script: a style attribute is refused by the page's own policy.
  filled.style.width = `${(100 * share).toFixed(1)}%`;
  return make("div", { class: "bar", "aria-hidden": "true" }, filled);
}
