// On what grounds a face may be worn: one list, for whoever is asked and for what a face's card says.

import { make } from "/page/dom.js";

// The ground's own name, what is answered, and what the card says of it.
const GROUNDS = [
  ["self", "It is my own", "your own face"],
  ["written", "The person agreed in writing", "agreed in writing"],
  ["licensed", "It is licensed for this", "licensed for this"],
  ["synthetic", "It shows nobody: drawn or generated", "shows nobody"],
];

const WORDS = { unstated: "not stated", ...Object.fromEntries(GROUNDS.map(([basis, , words]) => [basis, words])) };

/** What a card says of a ground. */
export const groundWords = (basis) => WORDS[basis] ?? basis;

/** Fill a fieldset with the question and its answers; the buttons have the fieldset's id for their name. */
export function askGround(fieldset) {
  fieldset.replaceChildren(
    make("legend", { text: "May this face be worn?" }),
    ...GROUNDS.map(([basis, answer]) =>
      make("label", {}, make("input", { type: "radio", name: fieldset.id, value: basis }), make("span", { text: answer })),
    ),
  );
}
