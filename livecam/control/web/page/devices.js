// The camera that is read and the outputs that are fed.

import { ask } from "/page/api.js";
import { make, one } from "/page/dom.js";
import { tell } from "/page/orders.js";

export function startDevices(stream, tabs) {
  const seen = { source: "" };
  const refresh = () => {
    cameras(seen);
    outputs(seen);
  };
  tabs.onShow("devices", refresh);
  stream.on("open", () => tabs.shown() === "devices" && refresh());
  stream.on("status", (status) => {
    if (status.source && status.source !== seen.source) {
      seen.source = status.source;
      tabs.shown() === "devices" && cameras(seen);
    }
  });
  one("cameras-again").addEventListener("click", () => cameras(seen));
  one("outputs-again").addEventListener("click", () => outputs(seen));
  spoken("camera-form", "camera-spec", (spec) => use(`source ${spec}`, refresh));
  spoken("output-form", "output-spec", (spec) => use(`sink add ${spec}`, refresh));
}

function spoken(form, field, follow) {
  one(form).addEventListener("submit", async (event) => {
    event.preventDefault();
    const spec = one(field).value.trim();
    if (spec && (await follow(spec)).ok) {
      one(field).value = "";
    }
  });
}

async function use(line, refresh) {
  const answer = await tell(line, null);
  refresh();
  return answer;
}

async function listed(path, place) {
  try {
    return await ask(path);
  } catch (error) {
    one(place).replaceChildren(make("li", { class: "none", text: error.message }));
    return null;
  }
}

async function cameras(seen) {
  const found = await listed("/api/cameras", "cameras");
  if (!found) {
    return;
  }
  const isUsed = ({ spec }) => spec === seen.source || seen.source.startsWith(`${spec}:`);
  if (seen.source && !found.some(isUsed)) {
    found.unshift({ spec: seen.source, name: seen.source, detail: "" });
  }
  const rows = found.map((camera) => {
    const { spec, name, detail } = camera;
    const on = isUsed(camera);
    const button = make("button", {
      class: "button small",
      type: "button",
      text: on ? "In use" : "Use",
      "aria-label": on ? `${name} is in use` : `Use ${name}`,
      set: { disabled: on },
      on: { click: () => use(`source ${spec}`, () => cameras(seen)) },
    });
    return row(name, spec, detail, on ? "on" : "", button);
  });
  one("cameras").replaceChildren(...(rows.length ? rows : [make("li", { class: "none", text: "No camera was found." })]));
}

async function outputs(seen) {
  const answer = await listed("/api/outputs", "outputs");
  if (!answer) {
    return;
  }
  const open = answer.outputs ?? [];
  const rows = open.map(({ spec, name, open: isOpen, problem }) => {
    const words = problem || (isOpen ? "Open" : "Not open yet");
    const button = make("button", {
      class: "button small",
      type: "button",
      text: "Remove",
      "aria-label": `Remove ${name}`,
      on: { click: () => use(`sink remove ${spec || name}`, () => outputs(seen)) },
    });
    return row(name, spec, words, problem ? "bad" : isOpen ? "on" : "", button);
  });
  one("outputs").replaceChildren(...(rows.length ? rows : [make("li", { class: "none", text: "Nothing is fed." })]));
  const available = answer.available ?? [];
  one("output-specs").replaceChildren(...available.map((entry) => make("option", { value: entry.spec, label: [entry.name, entry.detail].filter(Boolean).join(": ") })));
}

function row(name, spec, detail, kind, button) {
  const title = make("b", { text: name || spec });
  const under = [detail, spec && spec !== name ? spec : ""].filter(Boolean).join(" · ");
  return make("li", { class: `row ${kind}` }, make("span", { class: "lamp" }), make("span", { class: "caption" }, title, make("small", { text: under })), button);
}

