"use strict";
// The grid: only rows that are near the window are in the document, however many samples there are.

const scroller = document.getElementById("scroll");
const grid = document.getElementById("grid");
const GAP = 10;
const EDGE = 12;
const NEARBY = 2; // rows above and below the window
const rows = new Map(); // number of a row → its element

function columnsOfGrid() {
  return Math.max(1, Math.floor((grid.clientWidth + GAP) / (state.size + GAP)));
}

// Tiles share the width that is left over: they are as large as asked for, or somewhat larger.
function widthOfTile() {
  return Math.floor((grid.clientWidth + GAP) / columnsOfGrid()) - GAP;
}

function heightOfRow() {
  return widthOfTile() + 22 + GAP; // a square picture within borders, its caption, and a gap
}

function drawGrid() {
  const columns = columnsOfGrid();
  const height = heightOfRow();
  const count = Math.ceil(order.length / columns);
  grid.style.height = `${count * height + 2 * EDGE}px`;
  grid.setAttribute("aria-rowcount", count);
  grid.setAttribute("aria-colcount", columns);
  const first = Math.max(0, Math.floor((scroller.scrollTop - EDGE) / height) - NEARBY);
  const last = Math.min(count - 1, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + NEARBY);
  for (const [number, row] of rows) {
    if ((number < first || number > last) && !row.contains(document.activeElement)) {
      row.remove();
      rows.delete(number);
    }
  }
  for (let number = first; number <= last; number++) {
    if (!rows.has(number)) rows.set(number, grid.appendChild(makeRow(number, columns, height)));
  }
}

// After another order, size or width all rows are others.
function drawAnew() {
  const focused = grid.contains(document.activeElement);
  for (const row of rows.values()) row.remove();
  rows.clear();
  document.documentElement.style.setProperty("--size", `${widthOfTile()}px`);
  grid.classList.toggle("crisp", widthOfTile() > 2 * GALLERY.side);
  document.getElementById("nothing").hidden = order.length > 0;
  drawGrid();
  if (order.length) bringIntoView(focused);
}

function makeRow(number, columns, height) {
  const row = document.createElement("div");
  row.className = "row";
  row.setAttribute("role", "row");
  row.setAttribute("aria-rowindex", number + 1);
  row.style.top = `${EDGE + number * height}px`;
  for (let place = number * columns; place < Math.min((number + 1) * columns, order.length); place++) {
    row.append(makeTile(place));
  }
  return row;
}

function makeTile(place) {
  const sample = order[place];
  const tile = document.createElement("div");
  tile.className = "tile";
  tile.setAttribute("role", "gridcell");
  tile.tabIndex = place === state.current ? 0 : -1;
  tile.dataset.place = place;
  const frame = document.createElement("span");
  frame.className = "frame";
  const picture = new Image();
  picture.loading = "lazy";
  picture.decoding = "async";
  picture.draggable = false;
  picture.alt = "";
  picture.src = pictureOf(sample);
  frame.append(picture);
  const caption = document.createElement("div");
  caption.className = "caption";
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.tabIndex = -1;
  box.setAttribute("aria-label", `reject ${keyOf(sample)}`);
  const key = document.createElement("span");
  key.textContent = keyOf(sample);
  label.append(box, key);
  label.title = `reject ${keyOf(sample)}`;
  const value = document.createElement("span");
  value.className = "value";
  const column = COLUMNS.get(state.sort || GALLERY.shown);
  if (column) value.textContent = told(column, column.values[sample]);
  if (column) value.title = column.name;
  caption.append(label, value);
  tile.append(frame, caption);
  showTick(tile, sample);
  return tile;
}

function showTick(tile, sample) {
  const ticked = rejected.has(sample);
  tile.classList.toggle("rejected", ticked);
  tile.querySelector("input").checked = ticked;
  tile.setAttribute("aria-selected", ticked);
  const value = tile.querySelector(".value");
  const score = value.title ? `, ${value.title} ${value.textContent}` : "";
  tile.setAttribute("aria-label", `sample ${keyOf(sample)}${score}${ticked ? ", rejected" : ""}`);
}

function tileAt(place) {
  return grid.querySelector(`[data-place="${place}"]`);
}

function bringIntoView(focus) {
  const height = heightOfRow();
  const top = EDGE + Math.floor(state.current / columnsOfGrid()) * height;
  const room = scroller.clientHeight;
  if (top < scroller.scrollTop) scroller.scrollTop = top - EDGE;
  else if (top + height > scroller.scrollTop + room) scroller.scrollTop = top + height - room;
  drawGrid();
  if (focus) tileAt(state.current)?.focus({ preventScroll: true });
}

function moveTo(place, focus = true) {
  if (!order.length) return;
  const old = tileAt(state.current);
  if (old) old.tabIndex = -1;
  state.current = Math.min(order.length - 1, Math.max(0, place));
  bringIntoView(focus);
  const tile = tileAt(state.current);
  if (tile) tile.tabIndex = 0;
}

function showView() {
  const place = (view) => `${(100 * view) / Math.max(1, VIEWS.length - 1)}%`;
  document.documentElement.style.setProperty("--view", place(state.view));
  document.documentElement.style.setProperty("--hover", place(state.hover));
}

listeners.push((what) => {
  if (what === "view") showView();
  if (what === "order" || what === "size") drawAnew();
  if (what === "ticks") {
    for (const tile of grid.querySelectorAll(".tile")) showTick(tile, order[tile.dataset.place]);
  }
});

let drawing = 0;
scroller.addEventListener("scroll", () => {
  drawing ||= requestAnimationFrame(() => {
    drawing = 0;
    drawGrid();
  });
}, { passive: true });

let width = 0;
new ResizeObserver(() => {
  if (width !== grid.clientWidth) {
    width = grid.clientWidth;
    drawAnew();
  } else {
    drawGrid();
  }
}).observe(scroller);

grid.addEventListener("change", (event) => {
  const tile = event.target.closest(".tile");
  setRejected([order[tile.dataset.place]], event.target.checked);
});
grid.addEventListener("click", (event) => {
  const tile = event.target.closest(".tile");
  if (tile) moveTo(Number(tile.dataset.place));
});
grid.addEventListener("dblclick", (event) => {
  if (event.target.closest(".frame")) openLarge();
});
