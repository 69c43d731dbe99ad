"use strict";
// What stands around the grid: views, sorting, filters, the list.

const element = (id) => document.getElementById(id);
const BARS = 40;
let message = "";

function make(kind, properties = {}, ...children) {
  const made = Object.assign(document.createElement(kind), properties);
  made.append(...children);
  return made;
}

function makeSwitch(id, name) {
  VIEWS.forEach((view, number) => {
    const input = make("input", { type: "radio", name: id, value: number, checked: state[name] === number });
    input.addEventListener("change", () => {
      state[name] = number;
      changed("view");
    });
    element(id).append(make("label", { title: `key ${name === "hover" ? "Shift " : ""}${number + 1}` }, input, view));
  });
}

function histogram(column, least, most) {
  const counts = new Array(BARS).fill(0);
  for (const value of column.values) {
    if (value !== null) counts[Math.min(BARS - 1, Math.floor((BARS * (value - least)) / (most - least)))]++;
  }
  const highest = Math.max(...counts);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${BARS} 26`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  counts.forEach((count, number) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const height = count && Math.max(1, (26 * count) / highest);
    for (const [name, value] of Object.entries({ x: number, y: 26 - height, width: 0.85, height })) {
      bar.setAttribute(name, value);
    }
    svg.append(bar);
  });
  return svg;
}

function makeFilter(column) {
  const there = column.values.filter((value) => value !== null).map(Number);
  const least = there.reduce((a, b) => Math.min(a, b));
  const most = there.reduce((a, b) => Math.max(a, b));
  const box = make("div", { className: "filter", title: column.meaning });
  const name = make("label", { className: "name", textContent: column.name });
  box.append(name);
  const limit = (low, high) => {
    if (low === null && high === null) state.limits.delete(column.name);
    else state.limits.set(column.name, [low ?? -Infinity, high ?? Infinity]);
    box.classList.toggle("active", state.limits.has(column.name));
    changed("order");
  };
  if (column.kind === "truth") {
    const choice = make("select", { id: `filter-${column.name}` });
    for (const option of ["any", "yes", "no"]) choice.append(make("option", { value: option }, option));
    choice.addEventListener("change", () => {
      const wanted = { any: null, yes: 1, no: 0 }[choice.value];
      limit(wanted, wanted);
    });
    name.htmlFor = choice.id;
    box.append(choice);
    return box;
  }
  const bars = histogram(column, least, most);
  const inputs = [["least", least], ["most", most]].map(([end, bound]) => {
    const input = make("input", { type: "number", id: `${end}-${column.name}`, placeholder: told(column, bound) });
    input.step = column.kind === "whole" ? 1 : "any";
    input.setAttribute("aria-label", `${column.name}, at ${end}`);
    input.addEventListener("input", () => {
      const [low, high] = inputs.map((one) => (one.value === "" ? null : Number(one.value)));
      const bar = (most - least) / BARS;
      [...bars.children].forEach((one, number) => {
        const out = least + (number + 1) * bar < (low ?? -Infinity) || least + number * bar > (high ?? Infinity);
        one.classList.toggle("out", out);
      });
      limit(low, high);
    });
    return input;
  });
  name.htmlFor = inputs[0].id;
  box.append(bars, ...inputs);
  return box;
}

function clearFilters() {
  for (const field of element("filters").querySelectorAll("input, select")) {
    field.value = field.tagName === "SELECT" ? "any" : "";
  }
  for (const box of element("filters").children) box.classList.remove("active");
  for (const bar of element("filters").querySelectorAll(".out")) bar.classList.remove("out");
  state.limits.clear();
  state.show = element("show").value = "all";
  changed("order");
}

function save() {
  const address = URL.createObjectURL(new Blob([listAsText()], { type: "text/plain" }));
  make("a", { href: address, download: "rejected.txt" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  tell(`rejected.txt: ${listed().length} entries`);
}

async function load(input) {
  const [file] = input.files;
  if (!file) return;
  const { ticked, strange } = takeList(await file.text());
  tell(`${file.name}: ${ticked} samples ticked` + (strange ? `, ${strange} lines that are no entries left out` : ""));
  input.value = "";
}

function tell(text) {
  message = text;
  showCount();
}

function showCount() {
  const parts = [`${order.length} of ${COUNT} samples shown`, `${rejected.size} rejected`];
  const beside = state.sort || GALLERY.shown;
  if (beside) parts.push(`beside keys: ${beside}`);
  if (others.size) parts.push(`${others.size} more entries in the list`);
  if (!kept) parts.push("this browser keeps no ticks: save the list");
  element("count").textContent = [...parts, ...(message ? [message] : [])].join(" · ");
  element("undo").disabled = !changes.length;
}

function showSort() {
  element("sort").value = state.sort;
  element("direction").textContent = state.descending ? "descending" : "ascending";
  element("direction").setAttribute("aria-pressed", state.descending);
}

function reverse() {
  state.descending = !state.descending;
  changed("order");
}

function resize(size) {
  state.size = Math.min(384, Math.max(64, size));
  element("size").value = state.size;
  changed("size");
}

listeners.push((what) => {
  if (what === "order" || what === "ticks") message = "";
  if (what === "order") showSort();
  if (what === "view") {
    for (const [id, name] of [["views", "view"], ["hovers", "hover"]]) {
      element(id).querySelectorAll("input")[state[name]].checked = true;
    }
  }
  showCount();
});

document.title = `${GALLERY.of} samples · gallery`;
element("title").textContent = `${GALLERY.of} samples`;
element("title").title = GALLERY.name;
makeSwitch("views", "view");
makeSwitch("hovers", "hover");
element("sort").append(make("option", { value: "" }, "key"));
for (const column of GALLERY.columns) {
  element("sort").append(make("option", { value: column.name, title: column.meaning }, column.name));
  element("filters").append(makeFilter(column));
}
element("size").value = state.size;
element("size").addEventListener("input", (event) => resize(Number(event.target.value)));
element("sort").addEventListener("change", (event) => {
  state.sort = event.target.value;
  state.current = 0;
  scroller.scrollTop = 0;
  changed("order");
});
element("show").addEventListener("change", (event) => {
  state.show = event.target.value;
  changed("order");
});
element("direction").addEventListener("click", reverse);
element("clear").addEventListener("click", clearFilters);
element("reject-shown").addEventListener("click", () => setRejected(order, true));
element("keep-shown").addEventListener("click", () => setRejected(order, false));
element("undo").addEventListener("click", undo);
element("save").addEventListener("click", save);
element("load").addEventListener("change", (event) => load(event.target));
