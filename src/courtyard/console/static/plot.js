// What every plot shares: its axes, its numbers and days in the reader's language, and the box that tells a place.

import { locale } from "./page.js";
import uPlot from "./vendor/uplot/uPlot.esm.js";

export const HEIGHT = 272;
export const NANO = 1e9;

const HALF = { day: 43200, month: 15 * 86400 };

/** Draw columns or lines over days or months, up to `top` where there is a most; `tell(place)` gives the rows of the box. */
export function draw(figure, { days, step = "day", series, values, write, tell, top }) {
  const axis = { stroke: colour("--muted"), font: `12px ${getComputedStyle(document.body).fontFamily}` };
  const seconds = days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const least = Math.min(0, ...values.flat());
  return new uPlot(
    {
      width: figure.clientWidth,
      height: HEIGHT,
      tzDate: (at) => uPlot.tzDate(new Date(at * 1000), "UTC"),
      padding: [12, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: (_, first, last) => [first - HALF[step], last + HALF[step]] },
        y: { range: (_, __, most) => [least * 1.08, top ?? (most > 0 ? most * 1.08 : least < 0 ? 0 : 1)] },
      },
      axes: [
        { ...axis, grid: { show: false }, ticks: { show: false }, size: 32, ...(step === "month" ? { splits: () => seconds } : { incrs: dayIncrements() }), values: (_, ticks) => ticks.map(dayWriter(step)) },
        { ...axis, size: labelSize, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, values: (_, ticks) => ticks.map(write.short) },
      ],
      series: [{}, ...series],
      hooks: { setCursor: [tip(days, step, tell)] },
    },
    [seconds, ...values],
    figure,
  );
}

/** Draw again when the light changes, and follow the width of the page. */
export function keep(figure, again) {
  let plot = again();
  const redraw = () => {
    plot?.destroy();
    plot = again();
  };
  document.addEventListener("themechange", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new ResizeObserver(() => plot?.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
  return redraw;
}

/** Say that there is nothing to draw. */
export function nothing(figure, text) {
  figure.append(element("p", "nothing", text));
  return null;
}

export function bars(options) {
  return uPlot.paths.bars({ radius: 0.12, ...options });
}

export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** A row of the box: a colour, or "sum", then a name and a number. */
export function row(kind, name, value) {
  const line = element("div", kind === "sum" ? "sum" : "");
  if (kind !== "sum") line.append(element("span", kind));
  line.append(element("span", "", name), element("span", "", value));
  return line;
}

/** Writers of numbers, short for axes and long for the box; money comes in nano-units. */
export function writer(currency) {
  const number = (options) => new Intl.NumberFormat(locale, options).format;
  if (!currency) return { short: number({ notation: "compact" }), long: number({}) };
  const short = number({ style: "currency", currency, notation: "compact", maximumSignificantDigits: 3 });
  const long = number({ style: "currency", currency, maximumFractionDigits: 9 });
  return { short: (nano) => short(nano / NANO), long: (nano) => long(nano / NANO) };
}

function tip(days, step, tell) {
  const box = element("div", "tip");
  box.hidden = true;
  return (plot) => {
    if (!box.isConnected) plot.over.append(box);
    const { idx, left } = plot.cursor;
    const rows = idx != null && left >= 0 ? tell(idx) : [];
    box.hidden = rows.length === 0;
    if (box.hidden) return;
    box.replaceChildren(element("p", "", longDay(days[idx], step)), ...rows);
    const width = box.offsetWidth;
    box.style.top = "8px";
    box.style.left = `${left + width + 24 > plot.over.clientWidth ? Math.max(0, left - width - 14) : left + 14}px`;
  };
}

function dayWriter(step) {
  const options = step === "month" ? { month: "short", year: "2-digit" } : { month: "short", day: "numeric" };
  const write = new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format;
  return (seconds) => write(new Date(seconds * 1000));
}

function longDay(day, step) {
  const options = step === "month" ? { month: "long", year: "numeric" } : { dateStyle: "full" };
  return new Intl.DateTimeFormat(locale, { ...options, timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

// As wide as the longest label: about seven pixels a letter, twice that for a Chinese one.
function labelSize(_, labels) {
  const wide = (label) => [...label].reduce((sum, letter) => sum + (letter > "\u2e80" ? 13 : 7.2), 0);
  return Math.ceil(Math.max(24, ...(labels ?? []).map(wide)) + 14);
}

function dayIncrements() {
  return [1, 2, 7, 14, 30, 60, 120].map((days) => days * 86400);
}
