"use strict";
// What is shown, in which order, and what is rejected. Samples are told by their place in the arrays of data.js.

const VIEWS = GALLERY.views;
const COUNT = GALLERY.keys.length;
const COLUMNS = new Map(GALLERY.columns.map((column) => [column.name, column]));
const STORED = `l4f-datagen gallery ${GALLERY.fingerprint}`;

const state = {
  view: 0, // of VIEWS, everywhere
  hover: VIEWS.length - 1, // of VIEWS, under the pointer
  size: 160, // width of a tile in CSS pixels
  sort: "", // a column, or "": by key
  descending: false,
  show: "all", // or "kept", "rejected"
  limits: new Map(), // column → [least, most]
  current: 0, // place in `order` of the sample that keys act on
};
const rejected = new Set();
const others = new Set(GALLERY.rejected_before); // lines of lists that are of no sample here: they are saved again
const changes = []; // what Undo takes back: lists of samples whose ticks were changed
let order = []; // samples that are shown
let kept = true; // whether the browser keeps ticks
const listeners = [];

const keyOf = (sample) => String(GALLERY.keys[sample]).padStart(9, "0");
const lineOf = (sample) => `${keyOf(sample)} ${GALLERY.candidates[sample]}`;
const pictureOf = (sample) => `pictures/${keyOf(sample).slice(0, 6)}/${keyOf(sample)}.jpg`;
const samples = new Map(Array.from({ length: COUNT }, (_, sample) => [lineOf(sample), sample]));

function told(column, value) {
  if (value === null) return "–";
  if (column.kind === "truth") return value ? "yes" : "no";
  return column.kind === "whole" ? String(value) : Number(value).toPrecision(value < 0.1 ? 2 : 3);
}

function passes(sample) {
  if (state.show !== "all" && rejected.has(sample) !== (state.show === "rejected")) return false;
  for (const [name, [least, most]] of state.limits) {
    const value = COLUMNS.get(name).values[sample];
    if (value === null || value < least || value > most) return false;
  }
  return true;
}

// Empty values come last in either direction; equal ones stay in the order of their keys.
function arrange() {
  const before = order[state.current];
  order = [];
  for (let sample = 0; sample < COUNT; sample++) if (passes(sample)) order.push(sample);
  const sign = state.descending ? -1 : 1;
  if (!state.sort) {
    if (state.descending) order.reverse();
  } else {
    const values = COLUMNS.get(state.sort).values;
    order.sort((a, b) => {
      if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null) || a - b;
      return sign * (values[a] - values[b]) || a - b;
    });
  }
  state.current = Math.max(0, order.indexOf(before));
}

function changed(what) {
  if (what === "order") arrange();
  for (const listener of listeners) listener(what);
}

function setRejected(list, value) {
  const flipped = list.filter((sample) => rejected.has(sample) !== value);
  if (!flipped.length) return;
  changes.push(flipped);
  flip(flipped);
}

function flip(list) {
  for (const sample of list) rejected.delete(sample) || rejected.add(sample);
  keep();
  changed("ticks");
}

function undo() {
  if (changes.length) flip(changes.pop());
}

function listed() {
  return [...others, ...[...rejected].map(lineOf)].sort();
}

function listAsText() {
  const head = `# l4f-datagen reject list: KEY CANDIDATE\n# of ${GALLERY.name}, ${GALLERY.of} samples\n`;
  return head + listed().map((line) => `${line}\n`).join("");
}

// A line without a candidate means the sample that is here under its key.
function takeList(text) {
  const byKey = new Map(Array.from({ length: COUNT }, (_, sample) => [keyOf(sample), sample]));
  const ticked = [];
  let strange = 0;
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    const words = line.replace(/#.*/, "").trim().split(/[\s,;]+/);
    if (words[0] === "") continue;
    if (words.length > 2 || !words.every((word) => /^\d{1,18}$/.test(word))) {
      strange++;
      continue;
    }
    const key = words[0].replace(/^0+(?=\d)/, "").padStart(9, "0");
    const entry = words.length > 1 ? `${key} ${Number(words[1])}` : key;
    const sample = words.length > 1 ? samples.get(entry) : byKey.get(key);
    if (sample === undefined) others.add(entry);
    else ticked.push(sample);
  }
  setRejected(ticked, true);
  return { ticked: ticked.length, strange };
}

function keep() {
  try {
    localStorage.setItem(STORED, JSON.stringify(listed()));
  } catch {
    kept = false; // the count says so
  }
}

function recall() {
  try {
    for (const line of JSON.parse(localStorage.getItem(STORED) ?? "[]")) {
      const sample = samples.get(line);
      if (sample === undefined) others.add(line);
      else rejected.add(sample);
    }
  } catch {
    kept = false;
  }
}
