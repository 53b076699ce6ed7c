// Draws what each month brought, what it cost within that, and what is left as a line.

import { given, send, toast } from "./page.js";
import { bars, colour, draw, keep, nothing, row, writer } from "./plot.js";

const words = given("margins-words");
const figure = document.getElementById("plot");

if (figure) show();

async function show() {
  let data;
  try {
    data = await (await send(figure.dataset.url, { method: "GET" })).json();
  } catch (error) {
    toast(error.message, "problem");
    return;
  }
  keep(figure, () => months(data));
}

function months(data) {
  figure.querySelector(".nothing")?.remove();
  const { revenue, cost, margin } = data;
  if ([...revenue, ...cost].every((number) => number === 0)) return nothing(figure, words.empty);
  const write = writer(data.currency);
  const column = (number, size) => ({ fill: colour(`--series-${number}`), width: 0, paths: bars({ size }), points: { show: false } });
  const line = colour("--series-3");
  return draw(figure, {
    days: data.days,
    step: "month",
    series: [
      column(1, [0.6, 84]),
      column(2, [0.34, 48]),
      { stroke: line, width: 2, points: { show: true, size: 9, fill: line, stroke: colour("--surface") } },
    ],
    values: [revenue, cost, margin],
    write,
    tell: (place) => [
      row("dot dot-1", words.revenue, write.long(revenue[place])),
      row("dot dot-2", words.cost, write.long(cost[place])),
      row("dot dot-3", words.margin, write.long(margin[place])),
    ],
  });
}
