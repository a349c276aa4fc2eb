"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
/** Kinds of attention; the texts of the queries and of the keys of one are `data.kinds[kind]`. */
const KINDS = Object.keys(data.kinds);
const VIEWS = ["lines", "matrix", "all heads"];
const LINE = 20, SPACE = 230, MASKED = [217, 221, 226];
const SVG = "http://www.w3.org/2000/svg";
const state = { text: 0, kind: "", layer: 1, view: "lines", heads: new Set(), words: false,
  masks: true, at: null, pinned: null };

const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
const colour = (head) => data.colours[head % data.colours.length];
const channels = (text) => [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16));

/** Make an element of HTML or SVG with attributes and children. */
function make(tag, attributes = {}, ...children) {
  const drawn = ["svg", "g", "line", "text", "rect", "image", "title"].includes(tag);
  const element = drawn ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

const panels = () => data.texts[state.text].panels;
const attentions = (panel) => panel.layers.filter((each) => each.weights !== undefined);
const layersOf = (kind) => [...new Set(panels().flatMap(
  (panel) => panel.layers.filter((each) => each.kind === kind).map((each) => each.layer)))].sort(
  (one, other) => one - other);
const kinds = () => KINDS.filter((kind) => layersOf(kind).length);
const layerOf = (panel, kind, number) =>
  panel.layers.find((each) => each.kind === kind && each.layer === number);
const headsOf = (kind, number) => Math.max(0, ...panels().map(
  (panel) => layerOf(panel, kind, number)?.heads ?? 0));

/** The tokens of both columns, or the words that they make. */
function columns(panel, kind) {
  return data.kinds[kind].map((text) => state.words ? panel[text].words : panel[text].tokens);
}

/** The word that each token belongs to. */
function wordOf(starts) {
  let word = -1;
  return starts.map((begins) => begins ? ++word : word);
}

/** Weights and mask [query, key] of a head: of tokens, or summed over the tokens of a key's word
 * and averaged over those of a query's word. */
function head(panel, layer, number) {
  const [rows, cells] = [layer.queries, layer.keys];
  const all = layer.decoded ??= bytes(layer.weights);
  const mask = panel.masks[layer.masks[number]];
  const bits = mask.decoded ??= bytes(mask.bits);
  const weight = (row, cell) => all[(number * rows + row) * cells + cell] / 255;
  const reads = (row, cell) => (bits[(row * cells + cell) >> 3] >> (7 - ((row * cells + cell) & 7))) & 1;
  if (!state.words) return { rows, cells, weight, reads, mask: mask.text };
  const [ofRow, ofCell] = data.kinds[layer.kind].map((text) => wordOf(panel[text].starts));
  const [height, width] = [ofRow.at(-1) + 1, ofCell.at(-1) + 1];
  const sums = new Float64Array(height * width), read = new Uint8Array(height * width);
  const counts = new Float64Array(height);
  for (let row = 0; row < rows; row++) {
    counts[ofRow[row]]++;
    for (let cell = 0; cell < cells; cell++) {
      sums[ofRow[row] * width + ofCell[cell]] += weight(row, cell);
      read[ofRow[row] * width + ofCell[cell]] |= reads(row, cell);
    }
  }
  return { rows: height, cells: width, mask: mask.text,
    weight: (row, cell) => sums[row * width + cell] / counts[row],
    reads: (row, cell) => read[row * width + cell] };
}

const measure = document.createElement("canvas").getContext("2d");
function width(words) {
  measure.font = `13px ${getComputedStyle(document.body).fontFamily}`;
  return Math.ceil(Math.max(20, ...words.map((each) => measure.measureText(each).width)));
}

/** Two columns of tokens with a line for each weight, a colour a head (Vaswani et al., Figure 3). */
function lines(panel, layer, number) {
  const [queries, keys] = columns(panel, layer.kind);
  const [left, right] = [width(queries) + 12, width(keys) + 12];
  const height = LINE * Math.max(queries.length, keys.length) + 30;
  const total = left + SPACE + right;
  const picture = make("svg", { width: total, height, viewBox: `0 0 ${total} ${height}`,
    role: "img", "aria-label": `${layer.kind}, layer ${layer.layer}` });
  picture.append(make("text", { class: "title", x: left - 8, y: 14, "text-anchor": "end" }, "query"),
    make("text", { class: "title", x: left + SPACE + 8, y: 14 }, "key"));
  const [shades, strokes, words] = [make("g"), make("g", { class: "lines" }), make("g")];
  picture.append(shades, strokes, words);
  const shown = [...state.heads].filter((each) => each < layer.heads).sort((a, b) => a - b)
    .map((each) => ({ number: each, ...head(panel, layer, each) }));
  const tokens = { query: [], key: [] };
  const y = (index) => 24 + LINE * index + LINE / 2;
  for (const [side, texts] of [["query", queries], ["key", keys]]) {
    texts.forEach((text, index) => {
      const place = { panel: number, side, index, text };
      const x = side === "query" ? left - 8 : left + SPACE + 8;
      const token = make("text", { x, y: y(index) + 4, "data-side": side, "data-index": index,
        "text-anchor": side === "query" ? "end" : "start", class: "token", tabindex: 0,
        onmouseenter: () => look(place), onmouseleave: () => look(null),
        onfocus: () => look(place), onblur: () => look(null),
        onclick: () => pin(place) }, text);
      tokens[side].push(token);
      words.append(token);
    });
  }
  const redraw = () => {
    const at = state.at ?? state.pinned;
    const same = at && (at.panel === number || tokens[at.side][at.index]?.textContent === at.text);
    const own = same ? at : null;
    shades.replaceChildren();
    strokes.replaceChildren();
    const apart = Math.min(data.apart, data.spread / Math.max(1, shown.length));
    shown.forEach((each, place) => {
      const shift = (place - (shown.length - 1) / 2) * apart;
      for (let row = 0; row < each.rows; row++) {
        if (own?.side === "query" && own.index !== row) continue;
        for (let cell = 0; cell < each.cells; cell++) {
          if (own?.side === "key" && own.index !== cell) continue;
          const weight = each.weight(row, cell);
          if (weight < data.least) continue;
          strokes.append(make("line", { x1: left, y1: y(row) + shift,
            x2: left + SPACE, y2: y(cell) + shift,
            stroke: colour(each.number), "stroke-width": 2, "data-head": each.number,
            "data-query": row, "data-key": cell, "stroke-opacity": Math.min(1, weight).toFixed(3) }));
        }
      }
    });
    shade(own, shown, tokens, shades, { left, right, y });
  };
  picture.redraw = redraw;
  redraw();
  return picture;
}

/** Behind the tokens that the current one reads, or that read it: a stripe for each head. */
function shade(own, shown, tokens, shades, { left, right, y }) {
  for (const side of ["query", "key"]) {
    tokens[side].forEach((token, index) => {
      token.classList.toggle("current", own?.side === side && own.index === index);
      const other = own && own.side !== side;
      const pair = (each) => side === "key" ? [own.index, index] : [index, own.index];
      token.classList.toggle("unread", Boolean(state.masks && other && shown.length
        && !shown.some((each) => each.reads(...pair(each)))));
      if (!other) return;
      const room = (side === "key" ? right : left) / Math.max(1, shown.length);
      shown.forEach((each, place) => {
        const weight = each.weight(...pair(each));
        const x = side === "key" ? left + SPACE + place * room : place * room;
        shades.append(make("rect", { x, y: y(index) - LINE / 2 + 1, width: room, height: LINE - 2,
          fill: colour(each.number), "fill-opacity": Math.min(1, weight * data.shade).toFixed(3) }));
      });
    });
  }
}

/** Draw weights into a canvas, a pixel each: white is 0, grey may not be read. */
function pixels(found, rgb) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [found.cells, found.rows];
  const context = canvas.getContext("2d");
  const image = context.createImageData(found.cells, found.rows);
  for (let row = 0; row < found.rows; row++) {
    for (let cell = 0; cell < found.cells; cell++) {
      const share = Math.min(1, found.weight(row, cell));
      const masked = state.masks && !found.reads(row, cell);
      const place = 4 * (row * found.cells + cell);
      for (let each = 0; each < 3; each++) {
        image.data[place + each] = masked ? MASKED[each] : 255 + (rgb[each] - 255) * Math.sqrt(share);
      }
      image.data[place + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Every weight of a head as a cell: a row a query, a column a key. */
function matrix(panel, layer, number) {
  const [queries, keys] = columns(panel, layer.kind);
  const found = head(panel, layer, number);
  const [left, top, size] = [width(queries) + 10, width(keys) + 10, 15];
  const [wide, high] = [left + size * found.cells + 2, top + size * found.rows + 2];
  const picture = make("svg", { width: wide, height: high, viewBox: `0 0 ${wide} ${high}`,
    class: "matrix", "data-head": number, role: "img", "aria-label": `head ${number + 1}` });
  queries.forEach((text, row) => picture.append(make("text", { x: left - 6,
    y: top + size * row + 12, "text-anchor": "end", class: "small" }, text)));
  keys.forEach((text, cell) => picture.append(make("text", { class: "small",
    transform: `translate(${left + size * cell + 11} ${top - 6}) rotate(-90)` }, text)));
  picture.append(make("image", { x: left, y: top, width: size * found.cells,
    height: size * found.rows, preserveAspectRatio: "none", style: "image-rendering: pixelated",
    href: pixels(found, channels(colour(number))).toDataURL() }));
  picture.append(make("rect", { x: left, y: top, width: size * found.cells, "pointer-events": "all",
    height: size * found.rows, fill: "none", stroke: "#d0d7de", onmousemove: (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      const row = Math.min(found.rows - 1, Math.floor((event.clientY - box.y) / size));
      const cell = Math.min(found.cells - 1, Math.floor((event.clientX - box.x) / size));
      say(`head ${number + 1}: “${queries[row]}” reads “${keys[cell]}”: `
        + (found.reads(row, cell) ? found.weight(row, cell).toFixed(3) : "not allowed by the mask"));
    }, onmouseleave: () => say("") }));
  return make("figure", { style: "margin: 0" },
    make("figcaption", { class: "quiet" }, `head ${number + 1} (mask: ${found.mask})`), picture);
}

/** A small matrix for each layer and head of one kind of attention; layers without weights say
 * what they have in its place. */
function grid(panel, kind, number) {
  const layers = attentions(panel).filter((each) => each.kind === kind);
  const most = Math.max(0, ...layers.map((each) => each.heads));
  const table = make("div", { class: "grid", style: `grid-template-columns: auto repeat(${most}, auto)` });
  table.append(make("span"));
  for (let each = 0; each < most; each++) {
    table.append(make("span", { class: "name" }, `head ${each + 1}`));
  }
  for (const layer of layers) {
    table.append(make("span", { class: "name" }, `layer ${layer.layer}`));
    for (let each = 0; each < most; each++) {
      if (each >= layer.heads) { table.append(make("span")); continue; }
      const chosen = kind === state.kind && layer.layer === state.layer && state.heads.has(each);
      table.append(make("button", { type: "button", class: chosen ? "chosen" : "",
        "aria-label": `${kind}, layer ${layer.layer}, head ${each + 1}`,
        "data-layer": layer.layer, "data-head": each, "data-panel": number,
        onclick: () => { Object.assign(state, { kind, layer: layer.layer, view: "lines",
          heads: new Set([each]), pinned: null }); draw(); } },
      pixels(head(panel, layer, each), channels(colour(each)))));
    }
  }
  const without = panel.layers.filter((each) => each.kind === kind && each.weights === undefined);
  const notes = without.map((each) => each.words);
  if (!layers.length && !notes.length) notes.push(`This network has no ${kind}.`);
  return make("div", { "data-kind": kind }, make("p", { class: "quiet" }, kind),
    ...(layers.length ? [table] : []), ...notes.map((each) => make("p", { class: "note" }, each)));
}

function say(words) { document.getElementById("readout").textContent = words; }

/** Say on which token the largest weight of the current one is, in the run that is pointed at. */
function readout() {
  const at = state.at ?? state.pinned;
  if (!at || state.view !== "lines") { say(""); return; }
  const panel = panels()[at.panel], layer = layerOf(panel, state.kind, state.layer);
  const [queries, keys] = columns(panel, state.kind);
  const said = [...state.heads].filter((each) => each < layer.heads).sort((a, b) => a - b).map((each) => {
    const found = head(panel, layer, each), pairs = [];
    const others = at.side === "query" ? keys : queries;
    others.forEach((text, index) => pairs.push([text, at.side === "query"
      ? found.weight(at.index, index) : found.weight(index, at.index)]));
    const [text, weight] = pairs.reduce((one, other) => other[1] > one[1] ? other : one);
    return `head ${each + 1}: “${text}” ${weight.toFixed(2)}`;
  });
  const side = at.side === "query" ? "from" : "on";
  say(`${panels().length > 1 ? `${panel.name}: ` : ""}largest weight ${side} “${at.text}”: ${said.join(", ")}`);
}

function look(place) { state.at = place; refresh(); }
function pin(place) {
  const same = JSON.stringify(place) === JSON.stringify(state.pinned);
  state.pinned = same ? null : place;
  refresh();
}
function refresh() {
  for (const picture of document.querySelectorAll("svg")) picture.redraw?.();
  readout();
}

/** What one run shows, or says that it has none of. */
function panelOf(panel, number) {
  const element = make("section", { class: "panel", "data-panel": number });
  element.append(make("h2", {}, panel.name), make("p", { class: "about" }, panel.about));
  for (const note of panel.notes) element.append(make("p", { class: "note" }, note));
  const figure = make("div", { class: "figure" });
  element.append(figure);
  if (state.view === "all heads") {
    for (const kind of kinds()) figure.append(grid(panel, kind, number));
    return element;
  }
  const layer = layerOf(panel, state.kind, state.layer);
  figure.before(caption(layer));
  if (!layer) {
    figure.append(make("p", { class: "note" }, `This network has no ${state.kind} in layer ${state.layer}.`));
  } else if (layer.weights === undefined) {
    figure.append(make("p", { class: "note" }, layer.words));
  } else if (state.view === "lines") {
    const masks = [...new Set(layer.masks.map((each) => panel.masks[each].text))];
    figure.append(lines(panel, layer, number),
      make("p", { class: "note" }, `What a head may read (mask): ${masks.join("; ")}`));
  } else {
    const chosen = [...state.heads].filter((each) => each < layer.heads).sort((a, b) => a - b);
    figure.append(make("div", { class: "matrices" },
      ...chosen.map((each) => matrix(panel, layer, each))));
  }
  return element;
}

/** The attention that is shown, and the colours of the heads, for paper, where no control is. */
function caption(layer) {
  const words = make("p", { class: "caption" }, `${state.kind}, layer ${state.layer}`);
  for (const each of [...state.heads].sort((a, b) => a - b)) {
    if (each >= (layer?.heads ?? 0)) continue;
    words.append(make("span", { class: "legend" },
      make("i", { style: `background: ${colour(each)}` }), ` head ${each + 1}`));
  }
  return words;
}

function choice(name, values, current, choose) {
  const set = make("fieldset", { "data-choice": name }, make("legend", {}, name));
  for (const value of values) {
    set.append(make("button", { type: "button", "aria-pressed": String(value === current),
      "data-value": value, onclick: () => { choose(value); draw(); } }, String(value)));
  }
  return set;
}

function controls() {
  const bar = document.getElementById("controls");
  bar.replaceChildren();
  if (data.texts.length > 1) {
    const select = make("select", { "aria-label": "text", id: "text",
      onchange: (event) => { state.text = Number(event.target.value); state.pinned = null; draw(); } });
    data.texts.forEach((each, index) => select.append(make("option", { value: index }, each.title)));
    select.value = state.text;
    bar.append(select);
  }
  bar.append(choice("attention", kinds(), state.kind, (each) => { state.kind = each; }));
  bar.append(choice("layer", layersOf(state.kind), state.layer, (each) => { state.layer = each; }));
  const set = make("fieldset", { "data-choice": "heads" }, make("legend", {}, "heads"));
  const count = headsOf(state.kind, state.layer);
  for (let each = 0; each < count; each++) {
    set.append(make("button", { type: "button", class: "head", "data-head": each,
      "aria-pressed": String(state.heads.has(each)), title: "click: show or hide; double click: alone",
      onclick: () => { state.heads.has(each) ? state.heads.delete(each) : state.heads.add(each); draw(); },
      ondblclick: () => { state.heads = new Set([each]); draw(); } },
    make("i", { style: `background: ${colour(each)}` }), String(each + 1)));
  }
  set.append(make("button", { type: "button", id: "every", onclick: () => { every(); draw(); } }, "all"));
  bar.append(set, choice("view", VIEWS, state.view, (each) => { state.view = each; }));
  for (const [name, label] of [["words", "join subwords to words"], ["masks", "show masks"]]) {
    bar.append(make("button", { type: "button", id: name, "aria-pressed": String(state[name]),
      onclick: () => { state[name] = !state[name]; state.pinned = null; draw(); } }, label));
  }
}

function every() {
  state.heads = new Set(Array.from({ length: headsOf(state.kind, state.layer) }, (_, each) => each));
}

function draw() {
  if (!kinds().includes(state.kind)) state.kind = kinds()[0] ?? "";
  const layers = layersOf(state.kind);
  if (!layers.includes(state.layer)) state.layer = layers.at(-1) ?? 1;
  const focused = document.activeElement;
  const chosen = focused?.closest?.("#controls") && [focused.id, focused.dataset.head, focused.dataset.value];
  state.at = null;
  controls();
  document.getElementById("panels").replaceChildren(...panels().map(panelOf));
  readout();
  if (chosen) {
    [...document.querySelectorAll("#controls button")].find((each) =>
      each.id === chosen[0] && each.dataset.head === chosen[1] && each.dataset.value === chosen[2])?.focus();
  }
}

const next = (values, current, step) =>
  values[(values.indexOf(current) + step + values.length) % values.length];
const KEYS = {
  ArrowUp: () => { state.layer = next(layersOf(state.kind), state.layer, -1); },
  ArrowDown: () => { state.layer = next(layersOf(state.kind), state.layer, 1); },
  ArrowLeft: () => turn(-1),
  ArrowRight: () => turn(1),
  k: () => { state.kind = next(kinds(), state.kind, 1); },
  v: () => { state.view = next(VIEWS, state.view, 1); },
  w: () => { state.words = !state.words; },
  m: () => { state.masks = !state.masks; },
  a: () => every(),
  Escape: () => { state.pinned = null; },
};
function turn(step) {
  const count = headsOf(state.kind, state.layer);
  if (!count) return;
  const current = state.heads.size === 1 ? [...state.heads][0] : (step > 0 ? -1 : 0);
  state.heads = new Set([(current + step + count) % count]);
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
  if (!(event.key in KEYS)) return;
  KEYS[event.key]();
  event.preventDefault();
  draw();
});

state.kind = kinds().includes(data.start.kind) ? data.start.kind : kinds()[0] ?? "";
state.layer = layersOf(state.kind).at(-1) ?? 1;
every();
draw();
