// Draws usage by day as stacked bars. The table under the plot says the same in numbers.

import { given, send, toast } from "./page.js";
import { bars, colour, draw, element, keep, nothing, row, writer } from "./plot.js";

const SERIES_MAX = 8;

const words = given("usage-words");
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
  const again = keep(figure, () => stack(data, measured()));
  for (const input of document.querySelectorAll('input[name="measure"]')) input.addEventListener("change", again);
}

function stack(data, measure) {
  figure.querySelector(".nothing")?.remove();
  const values = data.series.map((series) => series[measure]);
  if (values.every((numbers) => numbers.every((number) => number === 0))) return nothing(figure, words.empty);
  const stacked = sums(values);
  const write = writer(measure === "cost_nano" ? data.currency : null);
  // The tallest bar is drawn first; each one after it covers the foot of the one before.
  const order = stacked.map((_, number) => stacked.length - 1 - number);
  const paths = bars({ size: [0.72, 48] });
  const fill = (number) => colour(`--series-${Math.min(number, SERIES_MAX - 1) + 1}`);
  return draw(figure, {
    days: data.days,
    step: data.step,
    series: order.map((number) => ({ fill: fill(number), width: 0, paths, points: { show: false } })),
    values: order.map((number) => stacked[number]),
    write,
    tell: (place) => told(data, values, write, place),
  });
}

function sums(values) {
  const stacked = [];
  for (const numbers of values) {
    const below = stacked.at(-1);
    stacked.push(numbers.map((number, day) => number + (below ? below[day] : 0)));
  }
  return stacked;
}

function told(data, values, write, place) {
  const shown = values.map((numbers, number) => [number, numbers[place]]).filter(([, value]) => value > 0);
  const rows = shown.reverse().map(([number, value]) => row(`dot dot-${Math.min(number + 1, SERIES_MAX)}`, data.series[number].name, write.long(value)));
  const total = shown.reduce((sum, [, value]) => sum + value, 0);
  if (shown.length > 1) rows.push(row("sum", words.total, write.long(total)));
  return rows;
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
