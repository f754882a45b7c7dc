// Questions that need a yes.

import { one } from "/page/dom.js";

// Ends the question before, if it is still waiting.
let end = () => {};

/** Asks; resolves to whether the answer was `yes`. Escape and Cancel are no. */
export function confirmed(title, text, yes) {
  const dialog = one("ask-dialog");
  // The end of the one before may come late, when this one is open already: it must not take this one's yes for its own.
  end(false);
  one("ask-title").textContent = title;
  one("ask-text").textContent = text;
  one("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => {
      if (!dialog.open) {
        end(dialog.returnValue === "yes");
      }
    };
    end = (answer) => {
      dialog.removeEventListener("close", closed);
      resolve(answer);
    };
    dialog.addEventListener("close", closed);
  });
}
