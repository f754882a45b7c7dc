"use strict";

// The token stays in this page's own address; both requests below carry it on.
const query = location.search;
const picture = document.getElementById("picture");
const main = document.querySelector("main");
const line = document.getElementById("status");
let streaming = false;

document.getElementById("stream").textContent = location.origin + "/stream.mjpg" + query;

function show() {
  picture.src = "/stream.mjpg" + query;
  streaming = true;
}

picture.addEventListener("error", () => {
  streaming = false;
});

async function refresh() {
  try {
    const answer = await fetch("/status" + query, { cache: "no-store" });
    if (!answer.ok) {
      throw new Error(String(answer.status));
    }
    line.textContent = (await answer.json()).text;
    main.className = "";
    if (!streaming) {
      show();
    }
  } catch {
    line.textContent = "livecam does not answer. Was it stopped? After a restart, open the address it prints.";
    main.className = "away";
    streaming = false;
  }
  setTimeout(refresh, 1000);
}

refresh();
