// Returns what the page shows, as one object.
(() => {
  const channels = (colour) => {
    const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const luminance = (colour) => {
    const linear = channels(colour).slice(0, 3).map((channel) => {
      const part = channel / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const backgroundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (channels(colour)[3] === 255) return colour;
    }
    return "white";
  };
  const contrast = (left, right) => {
    const [dark, light] = [luminance(left), luminance(right)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const isSeen = (element) => element.getClientRects().length > 0;

  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !isSeen(element)) continue;
    const style = getComputedStyle(element);
    const drawing = element.closest("svg");
    const scale = drawing ? drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width : 1;
    texts.push({
      text: walker.currentNode.data.trim().slice(0, 60),
      size: parseFloat(style.fontSize) * scale,
      contrast: contrast(drawing ? style.fill : style.color, backgroundOf(element)),
    });
  }

  const overlap = (left, right) =>
    left.left < right.right && right.left < left.right &&
    left.top < right.bottom && right.top < left.bottom;
  const drawings = [...document.querySelectorAll("figure > svg")].filter(isSeen).map((drawing) => {
    const frame = drawing.getBoundingClientRect();
    const labels = [...drawing.querySelectorAll("text")]
      .map((label) => ({ text: label.textContent, box: label.getBoundingClientRect() }));
    const lines = [...drawing.querySelectorAll("path")].map((line) => line.getBoundingClientRect());
    const leaves = (box) => box.left < frame.left - 0.5 || box.right > frame.right + 0.5 ||
      box.top < frame.top - 0.5 || box.bottom > frame.bottom + 0.5;
    return {
      name: drawing.getAttribute("aria-label"),
      width: frame.width,
      height: frame.height,
      lines: lines.length,
      outside: lines.filter(leaves).length,
      cut: labels.filter((label) => leaves(label.box)).map((label) => label.text),
      collided: labels.flatMap((left, index) => labels.slice(index + 1)
        .filter((right) => overlap(left.box, right.box))
        .map((right) => `${left.text} and ${right.text}`)),
    };
  });

  const overfull = [...document.querySelectorAll("th, td, dt, dd, li")].filter(isSeen)
    .filter((box) => box.clientWidth > 0 && box.scrollWidth > box.clientWidth + 1)
    .map((box) => box.textContent.trim().slice(0, 60));
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);

  const root = document.documentElement;
  return {
    title: document.title,
    scripts: document.querySelectorAll("script").length,
    foreign: document.querySelectorAll("img, iframe, object, embed, [onload], [onerror]").length,
    ambiguous: ids.filter((id, index) => ids.indexOf(id) !== index),
    background: luminance(getComputedStyle(document.body).backgroundColor),
    overfull,
    overflow: root.scrollWidth - root.clientWidth,
    figures: [...document.querySelectorAll("data[data-figure]")].map((figure) => ({
      run: Number(figure.dataset.run),
      pointer: figure.dataset.figure,
      value: figure.value,
      shown: figure.textContent,
    })),
    texts,
    charts: document.querySelectorAll("figure").length,
    drawings,
  };
})()
