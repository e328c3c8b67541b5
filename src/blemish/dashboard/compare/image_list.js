// The list of images, the counter, the buttons and the keys: one position for all of them.
// A step shows at once; Python hears of it when the steps pause. Texts go in as text, never as HTML.
const lists = new WeakMap();
const PAUSE_MS = 120;
const TYPING = "input, textarea, select, [role=slider], [role=tab], [contenteditable], [role=combobox]";

export default function (component) {
  const { parentElement, data, setStateValue } = component;
  const state = lists.get(parentElement) ?? { id: data.start, stamp: null, timer: 0 };
  lists.set(parentElement, state);
  const ids = data.items.map((item) => item.id);
  if (state.stamp !== data.stamp) Object.assign(state, { stamp: data.stamp, id: data.start });
  if (!ids.includes(state.id)) state.id = ids[0];
  const list = parentElement.querySelector(".list");
  const [back, forth] = parentElement.querySelectorAll("button");
  const counter = parentElement.querySelector(".counter");

  function mark() {
    const place = ids.indexOf(state.id);
    for (const row of list.children) row.setAttribute("aria-selected", row.dataset.id === state.id);
    counter.textContent = ids.length ? `${place + 1} of ${ids.length}` : "none";
    back.disabled = place <= 0;
    forth.disabled = place < 0 || place >= ids.length - 1;
    const row = list.children[place];
    if (!row) return;
    list.setAttribute("aria-activedescendant", row.id);
    const above = row.offsetTop - list.scrollTop, below = above + row.offsetHeight - list.clientHeight;
    if (above < 0) list.scrollTop += above;
    else if (below > 0) list.scrollTop += below;
  }
  function select(place) {
    if (place < 0 || place >= ids.length || ids[place] === state.id) return;
    const direction = Math.sign(place - ids.indexOf(state.id));
    state.id = ids[place];
    mark();
    window.dispatchEvent(new CustomEvent("blemish-image", { detail: state.id }));
    clearTimeout(state.timer);
    state.timer = setTimeout(() => setStateValue("image", { id: state.id, direction }), PAUSE_MS);
  }
  const step = (by) => select(ids.indexOf(state.id) + by);
  back.onclick = () => step(-1);
  forth.onclick = () => step(1);

  function rowOf(item, number) {
    const row = document.createElement("div");
    row.className = "row";
    row.id = `row-${number}`;
    row.dataset.id = item.id;
    row.setAttribute("role", "option");
    row.onclick = () => select(ids.indexOf(item.id));
    const image = document.createElement("img");
    image.src = item.thumbnail;
    image.alt = "";
    image.loading = "lazy";
    const text = document.createElement("div");
    text.className = "text";
    for (const [name, content] of [["name", item.id], ["note", item.note], ["note differs", item.result]]) {
      if (!content) continue;
      const line = document.createElement("div");
      line.className = name;
      line.textContent = content;
      text.append(line);
    }
    row.append(image, text);
    return row;
  }
  list.replaceChildren(...data.items.map(rowOf));
  mark();

  const moves = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 };
  list.onkeydown = (event) => {
    const ends = { Home: 0, End: ids.length - 1 };
    if (event.key in ends) select(ends[event.key]);
    else if (event.key in moves) step(moves[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  function onKey(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    if (event.composedPath().some((node) => node.matches?.(TYPING))) return;
    event.preventDefault();
    step(moves[event.key]);
  }
  if (state.onKey) document.removeEventListener("keydown", state.onKey);
  state.onKey = onKey;
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
