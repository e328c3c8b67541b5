// Panes over one image: they zoom and move together. Texts go in as text, never as HTML.
// Frames of neighbouring images come ahead, so that a step in the list is drawn without waiting.
const views = new WeakMap();
const KEPT = 12; // frames

export default function (component) {
  const { parentElement, data } = component;
  const view = views.get(parentElement) ?? {
    scale: 1, x: 0, y: 0, shown: null, frames: new Map(), mode: "grid", wipe: 50, brightness: 100, contrast: 100,
  };
  views.set(parentElement, view);
  if (view.stamp !== data.stamp) {
    view.frames.clear();
    view.stamp = data.stamp;
  }
  for (const frame of data.frames) {
    view.frames.delete(frame.id);
    view.frames.set(frame.id, frame);
  }
  while (view.frames.size > KEPT) view.frames.delete(view.frames.keys().next().value);
  const grid = parentElement.querySelector(".grid");
  const bar = parentElement.querySelector(".bar");

  function place() {
    for (const sheet of grid.querySelectorAll(".sheet")) {
      const x = (100 * view.x).toFixed(4), y = (100 * view.y).toFixed(4);
      sheet.style.transform = `translate(${x}%, ${y}%) scale(${view.scale.toFixed(4)})`;
      sheet.parentElement.classList.toggle("close", view.scale > 2);
      sheet.parentElement.classList.toggle("near", view.scale > 1);
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
  function look() {
    for (const image of grid.querySelectorAll("img.base"))
      image.style.filter = `brightness(${view.brightness}%) contrast(${view.contrast}%)`;
    for (const image of grid.querySelectorAll("img.wipe-a")) image.style.clipPath = `inset(0 ${100 - view.wipe}% 0 0)`;
    for (const image of grid.querySelectorAll("img.wipe-b")) image.style.clipPath = `inset(0 0 0 ${view.wipe}%)`;
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
  function slider(name, low, high) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: low, max: high, value: view[name] });
    input.oninput = () => {
      view[name] = Number(input.value);
      view.act.look();
    };
    input.ondblclick = () => {
      input.value = view[name] = name === "wipe" ? 50 : 100;
      view.act.look();
    };
    label.append(name[0].toUpperCase() + name.slice(1), input);
    label.dataset.name = name;
    return label;
  }
  view.act = { zoomBy, reset, look, draw };
  const comparable = data.frames[0].panes.some((pane) => pane.place === "b");
  if (!bar.childElementCount) {
    const hint = document.createElement("span");
    hint.className = "hint";
    hint.textContent = "Scroll or pinch to zoom, drag to move: all panes follow.";
    const zoom = document.createElement("span");
    zoom.className = "zoom";
    const large = button("Large", "One large image, with a wipe from A to B", () => {
      view.mode = view.mode === "grid" ? "single" : "grid";
      large.setAttribute("aria-pressed", view.mode === "single");
      view.act.draw(view.shown);
    });
    large.setAttribute("aria-pressed", view.mode === "single");
    bar.append(hint, slider("wipe", 0, 100), slider("brightness", 30, 300), slider("contrast", 30, 300));
    if (comparable) bar.append(large);
    bar.append(zoom, button("\u2212", "Zoom out", () => view.act.zoomBy(1 / 1.5)),
      button("+", "Zoom in", () => view.act.zoomBy(1.5)),
      button("\u27f2", "Whole image", () => view.act.reset()));
  }

  const keys = { "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), "0": reset,
    ArrowLeft: () => moveBy(0.1, 0), ArrowRight: () => moveBy(-0.1, 0),
    ArrowUp: () => moveBy(0, 0.1), ArrowDown: () => moveBy(0, -0.1) };

  function stageOf(frame) {
    const stage = document.createElement("div");
    stage.className = "stage";
    stage.tabIndex = 0;
    stage.setAttribute("role", "group");
    stage.setAttribute("aria-label", "Image; plus and minus zoom, 0 shows all of it");
    stage.style.aspectRatio = `${frame.width} / ${frame.height}`;
    const sheet = document.createElement("div");
    sheet.className = "sheet";
    stage.append(sheet);
    const touching = new Map();
    const within = (x, y) => {
      const box = stage.getBoundingClientRect();
      return [(x - box.left) / box.width, (y - box.top) / box.height];
    };
    stage.onwheel = (event) => {
      event.preventDefault();
      zoomBy(Math.exp(-event.deltaY / 400), ...within(event.clientX, event.clientY));
    };
    stage.onpointerdown = (event) => {
      touching.set(event.pointerId, [event.clientX, event.clientY]);
      if (event.pointerType !== "touch" || view.scale > 1) stage.setPointerCapture(event.pointerId);
      stage.classList.add("dragging");
    };
    stage.onpointermove = (event) => {
      const before = touching.get(event.pointerId);
      if (!before) return;
      const box = stage.getBoundingClientRect();
      const now = [event.clientX, event.clientY];
      if (touching.size === 2) {
        const other = [...touching].find(([id]) => id !== event.pointerId)[1];
        const apart = (point) => Math.hypot(point[0] - other[0], point[1] - other[1]);
        zoomBy(apart(now) / Math.max(1, apart(before)), ...within((now[0] + other[0]) / 2, (now[1] + other[1]) / 2));
      } else if (event.pointerType !== "touch" || view.scale > 1) {
        moveBy((now[0] - before[0]) / box.width, (now[1] - before[1]) / box.height);
      }
      touching.set(event.pointerId, now);
    };
    stage.onpointerup = stage.onpointercancel = (event) => {
      touching.delete(event.pointerId);
      if (!touching.size) stage.classList.remove("dragging");
    };
    stage.ondblclick = reset;
    stage.onkeydown = (event) => {
      if (!keys[event.key] || (view.scale === 1 && event.key.startsWith("Arrow"))) return;
      event.preventDefault();
      event.stopPropagation();
      keys[event.key]();
    };
    return stage;
  }
  function imageOf(src, alt, name = "") {
    const image = document.createElement("img");
    image.src = src;
    image.alt = alt;
    image.className = name;
    image.draggable = false;
    if (name !== "base") image.style.opacity = data.opacity;
    return image;
  }
  function figureOf(frame, title, alt, layers, place = "") {
    const figure = document.createElement("figure");
    figure.className = ["original", "difference", "a", "b"].includes(place) ? place : "";
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    caption.title = title;
    const stage = stageOf(frame);
    stage.firstChild.append(imageOf(frame.base, layers.length ? "" : alt, "base"));
    for (const [pane, name] of layers) stage.firstChild.append(imageOf(pane.layer, pane.alt, name));
    figure.append(caption, stage);
    return figure;
  }
  function draw(id) {
    const frame = view.frames.get(id);
    if (!frame) return;
    if (view.shown !== id) Object.assign(view, { scale: 1, x: 0, y: 0, shown: id });
    const last = (side) => frame.panes.findLast((pane) => pane.place === side && pane.layer);
    const single = view.mode === "single" && last("a") && last("b");
    const figures = single
      ? [figureOf(frame, `${last("a").title} | ${last("b").title}`, "", [[last("a"), "wipe-a"], [last("b"), "wipe-b"]])]
      : frame.panes.map((pane) => figureOf(frame, pane.title, pane.alt, pane.layer ? [[pane, "layer"]] : [], pane.place));
    grid.classList.toggle("single", Boolean(single));
    bar.querySelector("[data-name=wipe]").hidden = !single;
    const focused = [...grid.querySelectorAll(".stage")].indexOf(parentElement.activeElement);
    grid.replaceChildren(...figures);
    if (focused >= 0) grid.querySelectorAll(".stage")[focused]?.focus({ preventScroll: true });
    place();
    look();
  }
  draw(data.current);

  const onImage = (event) => draw(event.detail);
  if (view.onImage) window.removeEventListener("blemish-image", view.onImage);
  view.onImage = onImage;
  window.addEventListener("blemish-image", onImage);
  const observer = new ResizeObserver(place);
  observer.observe(grid);
  return () => {
    window.removeEventListener("blemish-image", onImage);
    observer.disconnect();
  };
}
