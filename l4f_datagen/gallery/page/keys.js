"use strict";
// The keyboard, the large view, and the beginning of it all.

const KEYS = [
  ["← → ↑ ↓", "move", true],
  ["Home End", "first, last sample"],
  ["Page ↑ ↓", "a window up, down"],
  ["Space", "tick: reject or keep", true],
  [`1–${VIEWS.length}`, `picture: ${VIEWS.join(", ")}`, true],
  [`Shift 1–${VIEWS.length}`, "picture on hover"],
  ["Enter", "enlarge, and close", true],
  ["S", "sort by", true],
  ["R", "reverse the order"],
  ["F", "filters", true],
  ["C", "clear filters"],
  ["+ −", "larger, smaller pictures"],
  ["U", "undo ticks", true],
  ["W", "save the list", true],
  ["Esc", "back to the samples"],
  ["?", "all keys", true],
];
const large = element("large");

function showLarge() {
  const sample = order[state.current];
  if (sample === undefined) return large.close();
  element("large-title").textContent = keyOf(sample);
  element("large-reject").setAttribute("aria-pressed", rejected.has(sample));
  element("large-reject").textContent = rejected.has(sample) ? "Rejected" : "Reject";
  element("large-views").replaceChildren(...VIEWS.map((view, number) => {
    const picture = make("img", { src: pictureOf(sample), alt: `${view} of ${keyOf(sample)}` });
    picture.style.objectPosition = `${(100 * number) / Math.max(1, VIEWS.length - 1)}% 0`;
    return make("figure", { className: "view crisp" }, picture, make("figcaption", {}, view));
  }));
  const scores = [
    ...GALLERY.columns.map((column) => [column.name, told(column, column.values[sample])]),
    ["candidate", String(GALLERY.candidates[sample])],
    ...Object.entries(GALLERY.constant).map(([name, value]) => [name, typeof value === "boolean" ? (value ? "yes" : "no") : String(value)]),
  ].filter(([name], place, all) => all.findIndex(([other]) => other === name) === place);
  element("large-scores").replaceChildren(
    ...scores.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
  );
}

function openLarge() {
  if (!order.length) return;
  showLarge();
  large.showModal();
  large.focus(); // not its first button, which would take the space bar
}

function tick() {
  const sample = order[state.current];
  if (sample !== undefined) setRejected([sample], !rejected.has(sample));
}

function page() {
  return columnsOfGrid() * Math.max(1, Math.floor(scroller.clientHeight / heightOfRow()));
}

function step(key) {
  const steps = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columnsOfGrid(), ArrowDown: columnsOfGrid(),
    PageUp: -page(), PageDown: page(), Home: -Infinity, End: Infinity,
  };
  if (!(key in steps)) return false;
  const place = state.current + steps[key];
  if (Math.abs(steps[key]) > 1 && Number.isFinite(place) && (place < 0 || place >= order.length)) {
    // A row or a page further there is nothing: stay in the column, at the end.
    if (key.startsWith("Arrow")) return true;
  }
  moveTo(place, !large.open);
  return true;
}

function inGrid(event) {
  const number = /^Digit([1-9])$/.exec(event.code)?.[1] ?? /^Numpad([1-9])$/.exec(event.code)?.[1];
  if (number && number <= VIEWS.length) {
    state[event.shiftKey ? "hover" : "view"] = number - 1;
    changed("view");
    return true;
  }
  if (step(event.key)) return true;
  const actions = {
    " ": tick, Enter: openLarge, s: () => element("sort").focus(), r: reverse, c: clearFilters, u: undo, w: save,
    f: () => element("filters").querySelector("input, select")?.focus(),
    "+": () => resize(state.size + 32), "=": () => resize(state.size + 32), "-": () => resize(state.size - 32),
    "?": () => element("all-keys").showModal(), Escape: () => moveTo(state.current),
  };
  const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (action) action();
  return Boolean(action);
}

function inLarge(event) {
  if (event.key === " ") tick();
  else if (event.key === "Enter") large.close();
  else if (event.key.toLowerCase() === "u") undo();
  else return step(event.key) && (showLarge(), true);
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) {
    if (event.key.toLowerCase() !== "s" || event.altKey) return;
    event.preventDefault();
    return save();
  }
  const target = event.target instanceof Element ? event.target : document.body;
  const field = target.closest("input, select, button, textarea, a, dialog");
  if (element("all-keys").open) return;
  if (large.open) {
    // A button keeps its own keys, but not the arrows.
    if (target.closest("button") && (event.key === " " || event.key === "Enter")) return;
    if (inLarge(event)) event.preventDefault();
    return;
  }
  if (field && !field.closest("#grid")) {
    if (event.key === "Escape") moveTo(state.current);
    return;
  }
  if (inGrid(event)) event.preventDefault();
});

element("help").addEventListener("click", () => element("all-keys").showModal());
element("previous").addEventListener("click", () => (moveTo(state.current - 1, false), showLarge()));
element("next").addEventListener("click", () => (moveTo(state.current + 1, false), showLarge()));
element("large-reject").addEventListener("click", tick);
element("close").addEventListener("click", () => large.close());
large.addEventListener("close", () => moveTo(state.current));
listeners.push(() => large.open && showLarge());

for (const [keys, does, common] of KEYS) {
  element("key-table").append(make("tr", {}, make("td", {}, make("kbd", {}, keys)), make("td", {}, does)));
  if (common) element("keys").append(make("kbd", {}, keys), ` ${does.split(":")[0]}   `);
}
recall();
showView();
changed("order");
moveTo(0);
