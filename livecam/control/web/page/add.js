// A new face: pictures come as drafts, are judged by livecam, and are kept only by "Save".

import { ask } from "/page/api.js";
import { askGround } from "/page/consent.js";
import { make, one, say } from "/page/dom.js";
import { adviceList, qualityWords } from "/page/face.js";

const LARGEST = 40 * 1024 * 1024;

/** Drafts of the face that is being added, by the order they came in. */
class Drafts {
  constructor(bank) {
    this.bank = bank;
    this.entries = [];
  }

  async take(files) {
    // One after the other: pictures can be large, and livecam swaps faces meanwhile.
    for (const file of files) {
      await this.#judge(file.name || "picture", () => sent(file));
    }
  }

  shoot() {
    return this.#judge("Shot of the camera", () => ask("/api/bank/shot", { method: "POST" }));
  }

  clear() {
    this.entries = [];
    this.show();
  }

  ready() {
    return this.entries.filter((entry) => entry.draft);
  }

  async #judge(name, request) {
    const entry = { name, draft: null, problem: "", quality: null, advice: [], thumbnail: "" };
    this.entries.push(entry);
    this.show();
    try {
      Object.assign(entry, await request());
    } catch (error) {
      entry.problem = error.message;
    }
    this.show();
  }

  show() {
    one("drafts").replaceChildren(...this.entries.map((entry) => this.#item(entry)));
    one("add-save").disabled = !this.ready().length;
  }

  #item(entry) {
    const gone = () => {
      this.entries = this.entries.filter((other) => other !== entry);
      this.show();
    };
    const waiting = !entry.draft && !entry.problem;
    const words = waiting ? "Looking at it…" : entry.problem || qualityWords(entry.quality) || "Good.";
    return make(
      "li",
      { class: entry.problem ? "draft broken" : "draft" },
      entry.thumbnail ? make("img", { src: entry.thumbnail, alt: "", width: 96, height: 96 }) : make("span", { class: "blank" }),
      make("div", {}, make("b", { text: entry.name }), make("p", { class: entry.problem ? "problem" : "hint", text: words }), adviceList(entry)),
      make("button", { class: "button small", type: "button", "aria-label": `Leave out ${entry.name}`, text: "Leave out", on: { click: gone } }),
    );
  }
}

function sent(file) {
  if (file.size > LARGEST) {
    throw new Error(`${file.name} has ${Math.round(file.size / 1048576)} MB; a picture may have 40.`);
  }
  return ask(`/api/bank/drafts?filename=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
}

export function startAdd(bank) {
  const drafts = new Drafts(bank);
  const dialog = one("add-dialog");
  askGround(one("basis"));
  one("add-open").addEventListener("click", () => open(drafts));
  one("add-close").addEventListener("click", () => dialog.close());
  one("pick").addEventListener("click", () => one("files").click());
  one("files").addEventListener("change", (event) => {
    drafts.take([...event.target.files]);
    event.target.value = "";
  });
  one("shot").addEventListener("click", () => drafts.shoot());
  one("add-name").addEventListener("input", () => replaces(bank));
  one("add-form").addEventListener("submit", (event) => {
    event.preventDefault();
    save(drafts);
  });
  dropping(drafts);
}

function open(drafts) {
  const dialog = one("add-dialog");
  if (!dialog.open) {
    drafts.show();
    problem("");
    replaces(drafts.bank);
    dialog.showModal();
  }
}

function problem(text) {
  one("add-problem").textContent = text;
  one("add-problem").hidden = !text;
  if (text) {
    // Below all fields: in a low window it would be out of sight, and the button seem dead.
    one("add-problem").scrollIntoView({ block: "center" });
  }
}

function replaces(bank) {
  const name = one("add-name").value.trim();
  const taken = bank.cards.some((card) => card.name === name && !card.built_in);
  one("replace-row").hidden = !taken;
  one("replace").checked = taken && one("replace").checked;
}

// Pictures may be dropped anywhere: the dialog opens with them.
function dropping(drafts) {
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const veil = (on) => {
    one("drop-veil").hidden = !on || one("add-dialog").open;
    one("drop").classList.toggle("over", on);
  };
  document.addEventListener("dragover", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      veil(true);
    }
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && veil(false));
  document.addEventListener("drop", (event) => {
    if (carriesFiles(event)) {
      event.preventDefault();
      veil(false);
      open(drafts);
      drafts.take([...event.dataTransfer.files]);
    }
  });
}

async function save(drafts) {
  const basis = document.querySelector("#basis input:checked")?.value;
  const name = one("add-name").value.trim();
  const lacking = [
    [!drafts.ready().length, "Add a picture first."],
    [!name, "Give the face a name."],
    [!basis, "Say on what ground the face may be worn."],
    [basis && basis !== "synthetic" && !one("add-subject").value.trim(), "Say whose face it is; it is kept in the consent record."],
  ].find(([lacks]) => lacks);
  problem(lacking ? lacking[1] : "");
  if (lacking) {
    return;
  }
  const wish = {
    name,
    drafts: drafts.ready().map((entry) => entry.draft),
    basis,
    subject: one("add-subject").value.trim(),
    replace: one("replace").checked,
    scope: one("add-scope").value.split(",").filter(Boolean),
    expires: one("add-expires").value,
  };
  one("add-save").disabled = true;
  one("add-save").textContent = "Saving…";
  try {
    const answer = await ask("/api/bank", { method: "POST", body: wish });
    if (answer.ok === false) {
      throw new Error(answer.said);
    }
    say(answer.said);
    one("add-dialog").close();
    one("add-form").reset();
    drafts.clear();
    await drafts.bank.refresh();
  } catch (error) {
    problem(error.message);
  }
  one("add-save").textContent = "Save the face";
  one("add-save").disabled = !drafts.ready().length;
}
