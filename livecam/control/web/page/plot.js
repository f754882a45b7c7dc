// Small drawings on a canvas: lines over time and bars, with axes and units, in the page's own colours.

import { fitted } from "/page/dom.js";

const EDGE = { left: 40, right: 12, top: 24, bottom: 36 };
const MARKS = 20;
const ENDLESS = 10000;
const GAP_S = 4;
const FONT = "12px system-ui, sans-serif";

/** A colour of the page, by the name of its custom property. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** A round number at or above `value`: 1, 2 or 5 times a power of ten. */
export function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 0.1)));
  return [1, 2, 5, 10].map((step) => step * power).find((top) => top >= value * 0.999);
}

function frame(canvas, [xLabel, yLabel], above = 0) {
  const { pen, width, height } = fitted(canvas);
  const top = EDGE.top + above;
  const area = { x: EDGE.left, y: top, width: width - EDGE.left - EDGE.right, height: height - top - EDGE.bottom };
  pen.font = FONT;
  pen.fillStyle = colour("muted");
  pen.textAlign = "right";
  pen.textBaseline = "alphabetic";
  pen.fillText(xLabel, width - EDGE.right, height - 3);
  pen.textAlign = "left";
  pen.fillText(yLabel, 2, top - 10);
  return { pen, area };
}

function levels(pen, area, top, write) {
  const step = rounded(top / 4) || 1;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.lineWidth = 1;
  for (let value = 0; value <= top * 1.001; value += step) {
    const y = Math.round(area.y + area.height * (1 - value / top)) + 0.5;
    pen.strokeStyle = colour(value === 0 ? "muted" : "line");
    pen.beginPath();
    pen.moveTo(area.x, y);
    pen.lineTo(area.x + area.width, y);
    pen.stroke();
    pen.fillStyle = colour("muted");
    pen.fillText(write(value), area.x - 6, y);
  }
}

const plain = (value) => String(Number(value.toFixed(2)));

/** Draw lines over the last `seconds`; each is `{colour, bold, points: [[seconds ago, value], ...]}`. */
export function drawLines(canvas, lines, seconds) {
  const { pen, area } = frame(canvas, ["seconds ago", "ms"]);
  const largest = Math.max(1, ...lines.flatMap((line) => line.points.map((point) => point[1])));
  const top = rounded(largest * 1.05);
  levels(pen, area, top, plain);
  const place = ([ago, value]) => [area.x + area.width * (1 - ago / seconds), area.y + area.height * (1 - value / top)];
  pen.fillStyle = colour("muted");
  pen.textBaseline = "top";
  for (let ago = 0; ago <= seconds; ago += seconds / 4) {
    pen.textAlign = ago === 0 ? "right" : "center";
    pen.fillText(String(ago), place([ago, 0])[0] + (ago === 0 ? 4 : 0), area.y + area.height + 5);
  }
  for (const line of lines) {
    pen.strokeStyle = line.colour;
    pen.lineWidth = line.bold ? 2.5 : 1.6;
    pen.lineJoin = "round";
    pen.beginPath();
    line.points.forEach((point, index) => {
      // Where nothing was heard for a while, nothing is drawn.
      const joins = index > 0 && line.points[index - 1][0] - point[0] < GAP_S;
      joins ? pen.lineTo(...place(point)) : pen.moveTo(...place(point));
    });
    pen.stroke();
  }
}

/** Draw `bars` of `[upper edge, count]` with the edges' unit ms, and marks `{text, at}` over them. */
export function drawBars(canvas, bars, marks) {
  const { pen, area } = frame(canvas, ["ms", "frames"], MARKS);
  const top = rounded(Math.max(4, ...bars.map((bar) => bar[1])) * 1.02);
  levels(pen, area, top, plain);
  if (!bars.length) {
    return;
  }
  const wide = area.width / bars.length;
  pen.fillStyle = colour("accent");
  bars.forEach(([, count], index) => {
    const high = (area.height * count) / top;
    pen.fillRect(area.x + wide * index + 0.5, area.y + area.height - high, Math.max(1, wide - 1.5), high);
  });
  edges(pen, area, bars, wide);
  marks.forEach((mark, index) => drawMark(pen, area, placed(bars, mark.at) * area.width + area.x, mark.text, index));
}

function edges(pen, area, bars, wide) {
  pen.fillStyle = colour("muted");
  pen.textAlign = "center";
  pen.textBaseline = "top";
  const every = Math.max(1, Math.ceil(34 / wide));
  bars.forEach(([upper], index) => {
    if ((index + 1) % every === 0) {
      pen.fillText(upper > ENDLESS ? "more" : plain(upper), Math.min(area.x + wide * (index + 1), area.x + area.width - 4), area.y + area.height + 5);
    }
  });
}

// Where `value` lies along the bars, 0..1; within a bar by its share of the bar's width in ms.
function placed(bars, value) {
  const index = bars.findIndex(([upper]) => value <= upper);
  if (index < 0) {
    return 1;
  }
  const upper = bars[index][0];
  const lower = index ? bars[index - 1][0] : Math.max(0, 2 * upper - (bars[1]?.[0] ?? 2 * upper));
  return (index + Math.min(1, Math.max(0, (value - lower) / (upper - lower || 1)))) / bars.length;
}

// Names of marks stand above the bars, in rows of their own, so that close ones do not meet.
function drawMark(pen, area, x, text, index) {
  const y = area.y - MARKS - 12 + index * 15;
  pen.strokeStyle = colour("text");
  pen.setLineDash([4, 3]);
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(Math.round(x) + 0.5, y);
  pen.lineTo(Math.round(x) + 0.5, area.y + area.height);
  pen.stroke();
  pen.setLineDash([]);
  const wide = pen.measureText(text).width;
  const right = x + 8 + wide > area.x + area.width;
  pen.fillStyle = colour("card");
  pen.fillRect(right ? x - 7 - wide : x + 3, y - 1, wide + 4, 14);
  pen.fillStyle = colour("text");
  pen.textAlign = right ? "right" : "left";
  pen.textBaseline = "top";
  pen.fillText(text, x + (right ? -5 : 5), y);
}
