"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const one = (id) => document.getElementById(id);
const shown = { spec: 0, code: 0 };
let pinned = null, pointed = null;

const make = (tag, text, name) => {
  const element = document.createElement(tag);
  element.textContent = text;
  if (name) element.className = name;
  return element;
};
const settingsOf = (file, line) => data.sets[data.files[file].sets[line]];
const placesOf = (file, line) => settingsOf(file, line).flatMap((n) => data.settings[n].places);
const key = (source, line) => `${source}:${line}`;

// The lines of code for each line of a spec, file by file.
const codeOf = new Map();
data.files.forEach((file, number) => file.sets.forEach((_, line) => {
  for (const [source, at] of placesOf(number, line)) {
    const place = key(source, at);
    if (!codeOf.has(place)) codeOf.set(place, data.files.map(() => []));
    const lines = codeOf.get(place)[number];
    if (lines.at(-1) !== line) lines.push(line);
  }
}));

const fill = (side, texts, marks) => {
  const box = one(side), number = shown[side];
  box.replaceChildren(...texts[number].lines.map((text, line) => {
    const row = make("div", "", "row");
    row.append(make("i", line + 1), make("span", text || " "));
    row.dataset.line = line;
    row.tabIndex = -1;
    marks(row, number, line);
    return row;
  }));
  box.scrollTop = 0;
};
const draw = () => {
  fill("spec", data.sources, (row, source, line) =>
    row.classList.toggle("bare", !codeOf.has(key(source, line))));
  fill("code", data.files, (row, file, line) => {
    row.classList.toggle("bare", !settingsOf(file, line).length);
    row.classList.toggle("edited", data.files[file].edited.includes(line));
  });
};
const tabs = (side, texts) => {
  one(`${side}-tabs`).replaceChildren(...texts.map((each, number) => {
    const button = make("button", each.name);
    button.setAttribute("aria-pressed", number === shown[side]);
    button.append(make("b", ""));
    button.onclick = () => open(side, number);
    return button;
  }));
};
const open = (side, number) => {
  shown[side] = number;
  tabs("spec", data.sources);
  tabs("code", data.files);
  draw();
  light(pinned);
};

// What belongs to a line: the lines of each text of the other side, and the settings between.
const related = ({ side, number, line }) => {
  if (side === "spec") {
    const code = codeOf.get(key(number, line)) || data.files.map(() => []);
    const here = data.settings.filter((each) =>
      each.places.some(([source, at]) => source === number && at === line));
    return { spec: data.sources.map((_, n) => (n === number ? [line] : [])), code, settings: here };
  }
  const spec = data.sources.map(() => []);
  for (const [source, at] of placesOf(number, line)) spec[source].push(at);
  const code = data.files.map((_, n) => (n === number ? [line] : []));
  return { spec, code, settings: settingsOf(number, line).map((n) => data.settings[n]) };
};
const rows = (side) => one(side).children;
const light = (at) => {
  pointed = at;
  document.querySelectorAll(".on, .here, .pinned").forEach((row) =>
    row.classList.remove("on", "here", "pinned"));
  const found = at && related(at);
  for (const side of ["spec", "code"]) {
    const lines = found ? found[side] : [];
    for (const line of lines[shown[side]] || []) rows(side)[line]?.classList.add("on");
    [...one(`${side}-tabs`).children].forEach((button, number) => {
      const count = side !== at?.side && lines[number] ? lines[number].length : 0;
      button.querySelector("b").textContent = count || "";
    });
  }
  if (at && at.number === shown[at.side]) {
    rows(at.side)[at.line].classList.add(at === pinned ? "pinned" : "here");
  }
  tell(at, found);
  join(at);
};
const tell = (at, found) => {
  const box = one("settings");
  if (!at) {
    box.replaceChildren(make("p", one("hint").textContent));
    return;
  }
  if (at.side === "code" && data.files[at.number].edited.includes(at.line)) {
    box.replaceChildren(make("p", `No setting explains this line: ${data.otherwise}.`));
    return;
  }
  if (!found.settings.length) {
    box.replaceChildren(make("p", at.side === "code"
      ? "This line holds no code that a setting decides."
      : "No line of code comes from this line."));
    return;
  }
  const table = make("table", "");
  const rows = found.settings.map((each) => [each.name, each.value, each.where]);
  for (const cells of new Map(rows.map((each) => [each.join("\n"), each])).values()) {
    const row = make("tr", "");
    row.append(...cells.map((each) => make("td", each)));
    table.append(row);
  }
  box.replaceChildren(table);
};

// Curves between the lines that are in sight.
const join = (at) => {
  const svg = one("lines"), frame = one("main").getBoundingClientRect();
  svg.replaceChildren();
  if (!at || at.number !== shown[at.side]) return;
  const ends = { spec: [], code: [] };
  for (const side of ["spec", "code"]) {
    const box = one(side).getBoundingClientRect();
    for (const row of one(side).querySelectorAll(".on")) {
      const place = row.getBoundingClientRect(), y = (place.top + place.bottom) / 2;
      if (y > box.top && y < box.bottom) {
        ends[side].push([(side === "spec" ? box.right : box.left) - frame.left, y - frame.top]);
      }
    }
  }
  for (const [x1, y1] of ends.spec) {
    for (const [x2, y2] of ends.code) {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const middle = (x1 + x2) / 2;
      path.setAttribute("d", `M${x1},${y1} C${middle},${y1} ${middle},${y2} ${x2},${y2}`);
      svg.append(path);
    }
  }
};
const at = (side, row) => ({ side, number: shown[side], line: Number(row.dataset.line) });
const reveal = (found, side) => {
  const other = side === "spec" ? "code" : "spec", lines = found[other];
  if (!(lines[shown[other]] || []).length) {
    const number = lines.findIndex((each) => each.length);
    if (number >= 0) open(other, number);
  }
  const line = (lines[shown[other]] || [])[0];
  if (line !== undefined) rows(other)[line].scrollIntoView({ block: "center" });
};
const pin = (place) => {
  const same = pinned && place.side === pinned.side && place.number === pinned.number
    && place.line === pinned.line;
  pinned = same ? null : place;
  if (pinned) reveal(related(pinned), pinned.side);
  light(pinned);
};
for (const side of ["spec", "code"]) {
  const box = one(side);
  box.onmouseover = (event) => {
    const row = event.target.closest(".row");
    if (row && !pinned) light(at(side, row));
  };
  box.onmouseleave = () => light(pinned);
  box.onclick = (event) => {
    const row = event.target.closest(".row");
    if (row) pin(at(side, row));
  };
  box.onscroll = () => join(pointed);
}
document.onkeydown = (event) => {
  if (event.key === "Escape") { pinned = null; light(null); return; }
  const row = document.activeElement.closest?.(".row");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const side = row ? row.parentElement.id : "code";
  if (step) {
    event.preventDefault();
    const next = row ? (step > 0 ? row.nextElementSibling : row.previousElementSibling)
      : rows(side)[0];
    if (next) { next.focus(); if (!pinned) light(at(side, next)); }
  } else if (event.key === "Enter" && row) {
    pin(at(side, row));
  }
};
window.onresize = () => join(pointed);
open("code", Math.max(0, data.files.findIndex((each) => each.name === "model.py")));
