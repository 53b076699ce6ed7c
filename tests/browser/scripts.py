"""What tests ask of a page from within."""

DRAW = """async (texts) => {
  const script = document.querySelector('script[src$="/assistant.js"]').src;
  const { draw } = await import(script.replace("assistant.js", "markdown.js"));
  const box = document.createElement("div");
  document.body.append(box);
  const found = [];
  for (const text of texts) {
    for (let length = 1; length < text.length; length += 7) draw(box, text.slice(0, length), {}, { growing: true });
    draw(box, text, {});
    await new Promise((resolve) => setTimeout(resolve, 5));
    const all = [...box.querySelectorAll("*")];
    found.push({
      tags: all.map((one) => one.localName),
      attributes: all.flatMap((one) => one.getAttributeNames()),
      links: all.filter((one) => one.localName === "a").map((one) => [one.href, one.rel, one.target]),
      html: box.innerHTML,
    });
  }
  box.remove();
  return found;
}"""
"""Draws texts as they would come, and tells what is left in the page of each."""

CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const read = (colour, under) => {
    canvas.globalAlpha = 1;
    if (under) { canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1); } else canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((one) => one / 255)
    .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (read(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const faint = [];
  for (const element of document.querySelectorAll(".log *, .composer *, .threads *, .talk-head *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const seen = element.checkVisibility({ opacityProperty: true }) && !element.matches(":disabled, .hidden, option");
    if (!own || !seen) continue;
    const under = ground(element);
    const [a, b] = [light(read(under)), light(read(getComputedStyle(element).color, under))].sort().reverse();
    const ratio = (a + 0.05) / (b + 0.05);
    const name = `${element.localName}.${element.className} ${element.textContent.trim()}`;
    if (ratio < 4.5) faint.push(`${name}: ${ratio.toFixed(2)}`);
  }
  return faint;
}"""
"""Lists the texts that stand out from their ground by less than 4.5 to 1."""
