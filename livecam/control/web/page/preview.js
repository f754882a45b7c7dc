// The camera beside what is sent, each only while its button is down: livecam encodes nothing otherwise.

import { Refused } from "/page/api.js";
import { one } from "/page/dom.js";
import { tell } from "/page/orders.js";

const AGAIN_MS = 1500;

export function startPreviews(stream) {
  const windows = ["input", "output"].map((name) => new Preview(name));
  // A browser opens six connections to one program: previews in one page at a time leave room for orders in the others.
  const others = new BroadcastChannel("livecam-preview");
  windows.forEach((preview) => {
    preview.onStart = () => others.postMessage("mine");
  });
  others.addEventListener("message", () => windows.forEach((preview) => preview.stop("Shown in another page now.")));
  document.addEventListener("visibilitychange", () => windows.forEach((preview) => (document.hidden ? preview.rest() : preview.wake())));
  stream.on("lost", () => windows.forEach((preview) => preview.rest()));
  stream.on("open", () => windows.forEach((preview) => preview.wake()));
  recording(stream);
}

class Preview {
  constructor(name) {
    this.name = name;
    this.wanted = false;
    this.reading = null;
    this.onStart = () => {};
    const figure = one(`preview-${name}`);
    this.canvas = figure.querySelector("canvas");
    this.off = figure.querySelector(".off");
    this.words = this.off.textContent;
    this.button = figure.querySelector("button");
    this.button.addEventListener("click", () => (this.wanted ? this.stop() : this.start()));
  }

  start() {
    this.wanted = true;
    this.onStart();
    this.#show("Waiting for a picture…");
    this.wake();
  }

  stop(why = "") {
    if (this.wanted || !why) {
      this.wanted = false;
      this.rest();
      this.#show(why || this.words);
    }
  }

  /** Give the connection back without forgetting that the preview is wanted. */
  rest() {
    this.reading?.abort();
    this.reading = null;
  }

  wake() {
    if (this.wanted && !this.reading && !document.hidden) {
      this.reading = new AbortController();
      this.#read(this.reading);
    }
  }

  #show(words) {
    this.canvas.hidden = words !== "";
    this.off.hidden = words === "";
    this.off.textContent = words;
    this.button.setAttribute("aria-pressed", String(this.wanted));
    const what = this.name === "input" ? "camera" : "what is sent";
    this.button.textContent = `${this.wanted ? "Hide" : "Show"} ${what}`;
  }

  async #read(reading) {
    let again = true;
    try {
      for await (const picture of pictures(`/api/preview/${this.name}.mjpg`, reading.signal)) {
        await this.#paint(picture);
      }
    } catch (error) {
      again = !(error instanceof Refused);
      if (!again && this.reading === reading) {
        this.stop(error.message);
      }
    }
    if (this.reading === reading) {
      this.reading = null;
      if (again) {
        setTimeout(() => this.wake(), AGAIN_MS);
      }
    }
  }

  async #paint(picture) {
    const image = await createImageBitmap(picture);
    if (this.wanted) {
      this.canvas.width = image.width;
      this.canvas.height = image.height;
      this.canvas.getContext("2d").drawImage(image, 0, 0);
      if (this.canvas.hidden) {
        this.#show("");
      }
    }
    image.close();
  }
}

/** The newest pictures of a multipart stream, as Blobs. A part must carry its length. */
export async function* pictures(path, signal) {
  const answer = await fetch(path, { signal, cache: "no-store" });
  if (!answer.ok) {
    throw new Refused(await refusal(answer), answer.status);
  }
  const reader = answer.body.getReader();
  let held = new Uint8Array(0);
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    held = joined(held, value);
    let newest = null;
    for (let part = cut(held); part; part = cut(held)) {
      newest = part.body;
      held = held.subarray(part.end);
    }
    if (newest) {
      yield new Blob([newest], { type: "image/jpeg" });
    }
  }
}

async function refusal(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).said || text;
  } catch {
    return text || `livecam answered ${answer.status}.`;
  }
}

function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

// The first whole part of `bytes`: its headers end in an empty line and say how long it is.
function cut(bytes) {
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 400));
  const blank = head.indexOf("\r\n\r\n", head.indexOf("Content-"));
  const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? NaN);
  if (blank < 0 || Number.isNaN(length) || bytes.length < blank + 4 + length) {
    return null;
  }
  return { body: bytes.slice(blank + 4, blank + 4 + length), end: blank + 4 + length };
}

function recording(stream) {
  const button = one("record");
  let on = false;
  button.addEventListener("click", () => tell(`record ${on ? "stop" : "start"}`, null));
  one("snapshot").addEventListener("click", () => tell("snapshot", null));
  stream.on("status", (status) => {
    on = Boolean(status.recording);
    button.setAttribute("aria-pressed", String(on));
    button.querySelector(".caption").textContent = on ? "Stop recording" : "Record";
  });
}
