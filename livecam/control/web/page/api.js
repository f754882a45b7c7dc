// Requests to livecam. Every one that changes something carries a header that a foreign page cannot send.

/** A request that was not followed; the message is a sentence to show. */
export class Refused extends Error {
  constructor(message, status = 0) {
    super(message);
    this.status = status;
  }
}

/** Ask `path`; `body` is sent as JSON, a Blob as it is. Returns the JSON answer; throws `Refused`. */
export async function ask(path, { method = "GET", body, signal } = {}) {
  const headers = method === "GET" ? {} : { "X-Livecam": "1" };
  const raw = body instanceof Blob;
  if (body !== undefined) {
    headers["Content-Type"] = raw ? body.type || "application/octet-stream" : "application/json";
  }
  const wish = { method, headers, signal, cache: "no-store", body: raw ? body : body && JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, wish);
  } catch {
    throw new Refused("livecam does not answer.");
  }
  return read(answer);
}

async function read(answer) {
  const text = await answer.text();
  let content = null;
  try {
    content = JSON.parse(text);
  } catch {
    // A refusal may be plain text.
  }
  if (!answer.ok) {
    throw new Refused(content?.said || text || `livecam answered ${answer.status}.`, answer.status);
  }
  return content;
}

/** What went wrong, as a sentence. */
export const sentence = (error) => (error instanceof Refused ? error.message : "livecam does not answer.");
