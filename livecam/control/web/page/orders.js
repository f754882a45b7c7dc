// Orders, in the words of `livecam ctl`. Of a key at most one request is under way and one waits: the newest.

import { ask, sentence } from "/page/api.js";
import { say } from "/page/dom.js";

// A persona that is put on may take long; a panic that is not answered has to be known at once.
const ANSWER_MS = 60000;
const PANIC_MS = 3000;
const REPLACED = { ok: true, said: "replaced" };
const lanes = new Map();

/** Whether an order of `key` is under way or waits, so that what livecam says now is older than what was asked for. */
export const isBusy = (key) => lanes.has(key);

/** Say `line`; resolves to the answer. An order that waits is replaced by a newer one of the same key. */
export function order(line, key = line.split(" ", 1)[0]) {
  return new Promise((resolve) => {
    const entry = { line, resolve };
    const lane = lanes.get(key);
    if (!lane) {
      lanes.set(key, { waiting: null });
      drive(key, entry);
      return;
    }
    lane.waiting?.resolve(REPLACED);
    lane.waiting = entry;
  });
}

/** Say `line` at once, behind nothing: for panic, and for steps, none of which may be lost. */
export const orderNow = (line) => post(line, "");

/** Say `line` and tell the user what is answered. */
export async function tell(line, key) {
  const answer = await (key === null ? orderNow(line) : order(line, key));
  if (answer.said !== REPLACED.said) {
    say(answer.said, !answer.ok);
  }
  return answer;
}

async function drive(key, first) {
  const lane = lanes.get(key);
  let entry = first;
  while (entry) {
    entry.resolve(await post(entry.line, key));
    entry = lane.waiting;
    lane.waiting = null;
  }
  lanes.delete(key);
}

async function post(line, key) {
  const signal = AbortSignal.timeout(line === "panic" ? PANIC_MS : ANSWER_MS);
  try {
    return await ask("/api/order", { method: "POST", body: { line, key }, signal });
  } catch (error) {
    return { ok: false, said: sentence(error) };
  }
}
