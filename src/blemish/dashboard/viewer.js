// Panes over one image: they zoom and move together. Texts go in as text, never as HTML.
const views = new WeakMap();

export default function (component) {
  const { parentElement, data } = component;
  const view = views.get(parentElement) ?? { scale: 1, x: 0, y: 0, base: null };
  views.set(parentElement, view);
  if (view.base !== data.base) Object.assign(view, { scale: 1, x: 0, y: 0, base: data.base });
  const grid = parentElement.querySelector(".grid");
  const bar = parentElement.querySelector(".bar");
  grid.parentElement?.style?.setProperty("container-type", "inline-size");

  function place() {
    for (const sheet of grid.querySelectorAll(".sheet")) {
      const x = (100 * view.x).toFixed(4), y = (100 * view.y).toFixed(4);
      sheet.style.transform = `translate(${x}%, ${y}%) scale(${view.scale.toFixed(4)})`;
      sheet.parentElement.classList.toggle("close", view.scale > 2);
    }
    const zoom = bar.querySelector(".zoom");
    if (zoom) zoom.textContent = `${Math.round(view.scale * 100)} %`;
  }
  function bound() {
    view.x = Math.min(0, Math.max(1 - view.scale, view.x));
    view.y = Math.min(0, Math.max(1 - view.scale, view.y));
  }
  // (u, v): the point of a pane, in shares of its sides, that stays where it is.
  function zoomBy(factor, u = 0.5, v = 0.5) {
    const scale = Math.min(32, Math.max(1, view.scale * factor));
    view.x = u - ((u - view.x) / view.scale) * scale;
    view.y = v - ((v - view.y) / view.scale) * scale;
    view.scale = scale;
    bound();
    place();
  }
  function moveBy(dx, dy) {
    view.x += dx;
    view.y += dy;
    bound();
    place();
  }
  function reset() {
    Object.assign(view, { scale: 1, x: 0, y: 0 });
    place();
  }

  function button(label, title, act) {
    const element = document.createElement("button");
    element.type = "button";
    element.textContent = label;
    element.title = title;
    element.setAttribute("aria-label", title);
    element.onclick = act;
    return element;
  }
  if (!bar.childElementCount) {
    const hint = document.createElement("span");
    hint.className = "hint";
    hint.textContent = "Scroll to zoom, drag to move: all panes follow.";
    const zoom = document.createElement("span");
    zoom.className = "zoom";
    bar.append(hint, zoom, button("\u2212", "Zoom out", () => view.act.zoomBy(1 / 1.5)),
      button("+", "Zoom in", () => view.act.zoomBy(1.5)),
      button("\u27f2", "Whole image", () => view.act.reset()));
  }
  view.act = { zoomBy, reset };

  const keys = { "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), "0": reset,
    ArrowLeft: () => moveBy(0.1, 0), ArrowRight: () => moveBy(-0.1, 0),
    ArrowUp: () => moveBy(0, 0.1), ArrowDown: () => moveBy(0, -0.1) };

  function stageOf(pane) {
    const stage = document.createElement("div");
    stage.className = "stage";
    stage.tabIndex = 0;
    stage.style.aspectRatio = `${data.width} / ${data.height}`;
    const sheet = document.createElement("div");
    sheet.className = "sheet";
    stage.append(sheet);
    stage.onwheel = (event) => {
      event.preventDefault();
      const box = stage.getBoundingClientRect();
      zoomBy(Math.exp(-event.deltaY / 400), (event.clientX - box.left) / box.width,
        (event.clientY - box.top) / box.height);
    };
    stage.onpointerdown = (event) => {
      stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragging");
    };
    stage.onpointermove = (event) => {
      if (!stage.hasPointerCapture(event.pointerId)) return;
      const box = stage.getBoundingClientRect();
      moveBy(event.movementX / box.width, event.movementY / box.height);
    };
    stage.onpointerup = () => stage.classList.remove("dragging");
    stage.ondblclick = reset;
    stage.onkeydown = (event) => {
      if (!keys[event.key]) return;
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    };
    return stage;
  }
  function imageOf(src, alt, opacity) {
    const image = document.createElement("img");
    image.src = src;
    image.alt = alt;
    image.draggable = false;
    image.style.opacity = opacity;
    return image;
  }

  const figures = data.panes.map((pane) => {
    const figure = document.createElement("figure");
    figure.className = ["original", "difference", "a", "b"].includes(pane.place) ? pane.place : "";
    const caption = document.createElement("figcaption");
    caption.textContent = pane.title;
    caption.title = pane.title;
    const stage = stageOf(pane);
    stage.firstChild.append(imageOf(data.base, pane.layer ? "" : pane.alt, 1));
    if (pane.layer) stage.firstChild.append(imageOf(pane.layer, pane.alt, data.opacity));
    figure.append(caption, stage);
    return figure;
  });
  const focused = [...grid.querySelectorAll(".stage")].indexOf(parentElement.activeElement);
  grid.replaceChildren(...figures);
  if (focused >= 0) grid.querySelectorAll(".stage")[focused]?.focus({ preventScroll: true });
  place();
  const observer = new ResizeObserver(place);
  observer.observe(grid);
  return () => observer.disconnect();
}
