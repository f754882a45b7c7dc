// Questions that need a yes.

import { one } from "/page/dom.js";

/** Asks; resolves to whether the answer was `yes`. Escape and Cancel are no. */
export function confirmed(title, text, yes) {
  const dialog = one("ask-dialog");
  one("ask-title").textContent = title;
  one("ask-text").textContent = text;
  one("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = () => {
      // The end of the question before may come late, when this one is open already.
      if (!dialog.open) {
        dialog.removeEventListener("close", closed);
        resolve(dialog.returnValue === "yes");
      }
    };
    dialog.addEventListener("close", closed);
  });
}
