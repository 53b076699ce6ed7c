// Draws usage by day as stacked bars. The table under the plot says the same in numbers.

import uPlot from "./vendor/uplot/uPlot.esm.js";
import { given, send, toast } from "./page.js";

const HEIGHT = 272;
const NANO = 1e9;
const SERIES_MAX = 8;

const words = given("usage-words");
const language = document.documentElement.lang;
const figure = document.getElementById("plot");

for (const select of document.querySelectorAll("select[data-submits]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
if (figure) show();

async function show() {
  let data;
  try {
    data = await (await send(figure.dataset.url, { method: "GET" })).json();
  } catch (error) {
    toast(error.message, "problem");
    return;
  }
  legend(data.series);
  const measured = () => document.querySelector('input[name="measure"]:checked').value;
  let plot = draw(data, measured());
  const again = () => {
    plot?.destroy();
    plot = draw(data, measured());
  };
  for (const input of document.querySelectorAll('input[name="measure"]')) input.addEventListener("change", again);
  document.addEventListener("themechange", again);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  new ResizeObserver(() => plot?.setSize({ width: figure.clientWidth, height: HEIGHT })).observe(figure);
}

function draw(data, measure) {
  figure.querySelector(".nothing")?.remove();
  const values = data.series.map((series) => series[measure]);
  if (values.every((numbers) => numbers.every((number) => number === 0))) {
    figure.append(element("p", "nothing", words.empty));
    return null;
  }
  const days = data.days.map((day) => Date.parse(`${day}T00:00:00Z`) / 1000);
  const stacked = sums(values);
  const write = writer(measure, data.currency);
  const colours = data.series.map((_, number) => colour(`--series-${Math.min(number, SERIES_MAX - 1) + 1}`));
  // The tallest bar is drawn first; each one after it covers the foot of the one before.
  const order = stacked.map((_, number) => stacked.length - 1 - number);
  const bars = uPlot.paths.bars({ size: [0.72, 48], radius: 0.12 });
  const axis = { stroke: colour("--muted"), font: `12px ${getComputedStyle(document.body).fontFamily}` };
  return new uPlot(
    {
      width: figure.clientWidth,
      height: HEIGHT,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "UTC"),
      padding: [12, 4, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { range: (_, least, most) => [least - 43200, most + 43200] },
        y: { range: (_, __, most) => [0, most > 0 ? most * 1.08 : 1] },
      },
      axes: [
        { ...axis, grid: { show: false }, ticks: { show: false }, size: 32, values: (_, ticks) => ticks.map(dayWriter()), incrs: dayIncrements() },
        { ...axis, size: labelSize, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, values: (_, ticks) => ticks.map(write.short) },
      ],
      series: [
        {},
        ...order.map((number) => ({ fill: colours[number], width: 0, paths: bars, points: { show: false } })),
      ],
      hooks: { setCursor: [tip(data, values, write)] },
    },
    [days, ...order.map((number) => stacked[number])],
    figure,
  );
}

function sums(values) {
  const stacked = [];
  for (const numbers of values) {
    const below = stacked.at(-1);
    stacked.push(numbers.map((number, day) => number + (below ? below[day] : 0)));
  }
  return stacked;
}

function tip(data, values, write) {
  const box = element("div", "tip");
  box.hidden = true;
  return (plot) => {
    if (!box.isConnected) plot.over.append(box);
    const { idx, left } = plot.cursor;
    const shown = idx != null && left >= 0 ? values.map((numbers, number) => [number, numbers[idx]]).filter(([, value]) => value > 0) : [];
    box.hidden = shown.length === 0;
    if (box.hidden) return;
    const rows = shown.reverse().map(([number, value]) => row(`dot dot-${Math.min(number + 1, SERIES_MAX)}`, data.series[number].name, write.long(value)));
    const total = shown.reduce((sum, [, value]) => sum + value, 0);
    if (shown.length > 1) rows.push(row("sum", words.total, write.long(total)));
    box.replaceChildren(element("p", "", longDay(data.days[idx])), ...rows);
    const width = box.offsetWidth;
    box.style.top = "8px";
    box.style.left = `${left + width + 24 > plot.over.clientWidth ? Math.max(0, left - width - 14) : left + 14}px`;
  };
}

function row(kind, name, value) {
  const line = element("div", kind === "sum" ? "sum" : "");
  if (kind !== "sum") line.append(element("span", kind));
  line.append(element("span", "", name), element("span", "", value));
  return line;
}

function legend(series) {
  document.getElementById("legend").replaceChildren(
    ...series.map((one, number) => {
      const item = document.createElement("li");
      item.append(element("span", `dot dot-${Math.min(number + 1, SERIES_MAX)}`), one.name);
      return item;
    }),
  );
}

function writer(measure, currency) {
  const number = (options) => new Intl.NumberFormat(language, options).format;
  if (measure !== "cost_nano" || !currency) {
    return { short: number({ notation: "compact" }), long: number({}) };
  }
  const short = number({ style: "currency", currency, notation: "compact", maximumSignificantDigits: 3 });
  const long = number({ style: "currency", currency, maximumFractionDigits: 9 });
  return { short: (nano) => short(nano / NANO), long: (nano) => long(nano / NANO) };
}

function dayWriter() {
  const write = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" }).format;
  return (seconds) => write(new Date(seconds * 1000));
}

function longDay(day) {
  return new Intl.DateTimeFormat(language, { dateStyle: "full", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}

// As wide as the longest label: about seven pixels a letter, twice that for a Chinese one.
function labelSize(_, labels) {
  const wide = (label) => [...label].reduce((sum, letter) => sum + (letter > "\u2e80" ? 13 : 7.2), 0);
  return Math.ceil(Math.max(24, ...(labels ?? []).map(wide)) + 14);
}

function dayIncrements() {
  return [1, 2, 7, 14, 30, 60, 120].map((days) => days * 86400);
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}
