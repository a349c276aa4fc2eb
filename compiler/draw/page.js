"use strict";
const { nodes } = JSON.parse(document.getElementById("data").textContent);
const facts = document.getElementById("facts");
let chosen = null;

function show(element) {
  chosen?.classList.remove("chosen");
  chosen = element;
  const found = element && nodes[element.dataset.key];
  facts.hidden = !found;
  if (!found) return;
  element.classList.add("chosen");
  const title = document.createElement("h2");
  title.textContent = found.title;
  const table = document.createElement("table");
  for (const [name, value] of found.rows) {
    const row = table.insertRow();
    const head = document.createElement("th");
    head.textContent = name;
    row.append(head);
    row.insertCell().textContent = value;
  }
  facts.replaceChildren(title, table);
}

for (const element of document.querySelectorAll(".node")) {
  element.setAttribute("tabindex", "0");
  element.addEventListener("mouseenter", () => show(element));
  element.addEventListener("mouseleave", () => show(null));
  element.addEventListener("focus", () => show(element));
  element.addEventListener("blur", () => show(null));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") show(null);
});
