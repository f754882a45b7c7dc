// What livecam says by itself: one stream of events, opened again by itself when it breaks.

const EVENTS = ["now", "status", "figures", "bank", "log", "preview"];
const SILENCE_MS = 6000;
const AGAIN_MS = 1000;
const SHUT_MS = 3000;
const ASKED_MS = 3000;
const HIDDEN_MS = 5000;

/** Events by name, each remembered, so that who listens late still hears the last. */
export class Stream {
  constructor(path) {
    this.path = path;
    this.listeners = new Map();
    this.last = new Map();
    this.source = null;
    this.alarm = 0;
    this.leaving = 0;
  }

  /** Call `listen(data)` with every event of that name. `open` and `lost` are events too. */
  on(name, listen) {
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listen]);
    if (this.last.has(name)) {
      listen(this.last.get(name));
    }
  }

  start() {
    this.#open();
    // A browser gives one program six connections: a page that nobody looks at gives its own back.
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.leaving);
      if (document.hidden) {
        this.leaving = setTimeout(() => this.#close(), HIDDEN_MS);
      } else if (!this.source) {
        this.open();
      }
    });
  }

  /** Connect, or connect again. */
  open() {
    this.#open();
  }

  #open() {
    this.#close();
    const source = new EventSource(this.path);
    this.source = source;
    source.addEventListener("open", () => this.#tell("open", null));
    source.addEventListener("error", () => this.#lost());
    source.addEventListener("away", () => this.#sentOff());
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        this.#listenOn();
        this.#tell(name, JSON.parse(event.data || "null"));
      });
    }
    this.#listenOn();
  }

  #close() {
    clearTimeout(this.alarm);
    this.source?.close();
    this.source = null;
  }

  #listenOn() {
    clearTimeout(this.alarm);
    this.alarm = setTimeout(() => this.#lost(), SILENCE_MS);
  }

  #lost() {
    if (this.source) {
      this.#close();
      this.#again();
    }
  }

  async #again() {
    this.#tell("lost", {});
    const status = await asked();
    const shut = status === 401 || status === 403;
    if (shut) {
      this.#tell("lost", { shut });
    }
    // A new address that was opened beside lets this page in as well, so that it goes on asking.
    this.alarm = setTimeout(() => (document.hidden ? null : this.#open()), shut ? SHUT_MS : AGAIN_MS);
  }

  // Its seat was given to a newer page of this browser: coming back by itself would send that one off. When livecam
  // ends, everybody is sent off.
  #sentOff() {
    this.#close();
    this.#tell("lost", {});
    this.alarm = setTimeout(async () => {
      if ((await asked()) !== 200) {
        this.#again();
        return;
      }
      this.#tell("lost", { away: true });
      addEventListener("focus", () => this.source || this.#open(), { once: true });
    }, AGAIN_MS);
  }

  #tell(name, data) {
    this.last.set(name, data);
    (this.listeners.get(name) ?? []).forEach((listen) => listen(data));
  }
}

// Whether livecam answers, and how; 0 where it does not.
async function asked() {
  try {
    return (await fetch("/api/words", { cache: "no-store", signal: AbortSignal.timeout(ASKED_MS) })).status;
  } catch {
    return 0;
  }
}
