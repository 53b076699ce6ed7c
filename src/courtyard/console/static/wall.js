// Draws what share of each day's requests ran at home.

import { given, locale, send, toast } from "./page.js";
import { colour, draw, keep, nothing, row } from "./plot.js";

const words = given("wall-words");
const percent = (digits) => new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: digits }).format;
const number = new Intl.NumberFormat(locale).format;
const figure = document.getElementById("plot");

show();

async function show() {
  let data;
  try {
    data = await (await send(figure.dataset.url, { method: "GET" })).json();
  } catch (error) {
    toast(error.message, "problem");
    return;
  }
  keep(figure, () => share(data));
}

function share(data) {
  figure.querySelector(".nothing")?.remove();
  if (data.share.every((one) => one === null)) return nothing(figure, words.empty);
  const line = colour("--series-1");
  return draw(figure, {
    days: data.days,
    top: 102,
    series: [{ stroke: line, width: 2, spanGaps: true, points: { show: true, size: 8, fill: line, stroke: colour("--surface") } }],
    values: [data.share],
    write: { short: (value) => percent(0)(value / 100) },
    tell: (place) =>
      data.share[place] === null
        ? []
        : [
            row("dot dot-1", words.share, percent(2)(data.share[place] / 100)),
            row("dot", words.home, number(data.home[place])),
            row("dot", words.away, number(data.away[place])),
          ],
  });
}
