// Keys of the page. Escape shows the slate, unless it closes a dialog; single letters can be turned off.

import { one } from "/page/dom.js";
import { tell } from "/page/orders.js";
import { panic, resume } from "/page/state.js";

const STORED = "livecam-single-keys";

export function startKeys(tabs) {
  const singles = one("keys-on");
  singles.checked = localStorage.getItem(STORED) !== "off";
  singles.addEventListener("change", () => localStorage.setItem(STORED, singles.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
      event.preventDefault();
      panic();
    } else if (singles.checked && !event.repeat && isFree(event)) {
      followed(event, tabs);
    }
  });
}

// Letters belong to a field that text is typed in, and chords to the browser.
function isFree(event) {
  const typing = event.target.closest?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, select");
  return !typing && !event.ctrlKey && !event.altKey && !event.metaKey && !document.querySelector("dialog[open]");
}

function followed(event, tabs) {
  const key = event.key.toLowerCase();
  if (key === "p") {
    panic();
  } else if (key === "r") {
    resume();
  } else if (/^[1-9]$/.test(key)) {
    tell(`favourite ${key}`, null);
  } else if (key === "n" || key === "b") {
    tell(key === "n" ? "next" : "previous", null);
  } else if (key === "/") {
    event.preventDefault();
    tabs.go("console");
    setTimeout(() => one("command").focus());
  }
}
