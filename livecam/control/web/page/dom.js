// Small helpers around the document. Text goes in as text, never as markup.

export const one = (id) => document.getElementById(id);

/** An element; `attributes` may hold `text`, `on` (listeners by event) and `set` (properties). */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") {
      node.textContent = value;
    } else if (name === "on") {
      Object.entries(value).forEach(([event, listen]) => node.addEventListener(event, listen));
    } else if (name === "set") {
      Object.assign(node, value);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const PATHS = {
  star: "M12 3.6l2.6 5.3 5.8.8-4.2 4.1 1 5.8L12 16.9l-5.2 2.7 1-5.8L3.6 9.7l5.8-.8z",
  gear: "M4 7h9m5 0h2M4 17h3m5 0h8M15.5 4.5v5M9.5 14.5v5",
  cross: "M6 6l12 12M18 6L6 18",
};

/** A drawn icon, for the eye alone: the button around it carries the words. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("class", `icon icon-${name}`);
  drawing.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
}

/** Bytes that a canvas can show at the screen's own resolution; its size in CSS px. */
export function fitted(canvas) {
  const box = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(box.width * scale), Math.round(box.height * scale)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, box.width, box.height);
  return { pen, width: box.width, height: box.height };
}

let hiding = 0;

/** Say `text` at the foot of the page, and to screen readers. */
export function say(text, bad = false) {
  const toast = one("toast");
  clearTimeout(hiding);
  one("aloud").textContent = text;
  toast.textContent = text;
  toast.classList.toggle("bad", bad);
  // Shown anew, it lies above a dialog that was opened since.
  toast.hidePopover();
  toast.showPopover();
  hiding = setTimeout(() => toast.hidePopover(), bad ? 9000 : 4000);
}
