"use strict";

// A click on the head of a column sorts by it, a second one the other way, a third one not at all.
const numberOf = (cell) => parseFloat(cell.textContent.trim().replaceAll(",", "").replace("−", "-"));

function compare(one, other) {
  const [a, b] = [numberOf(one), numberOf(other)];
  if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1;
  return one.textContent.localeCompare(other.textContent);
}

function sortRows(table, original, column, order) {
  const rows = [...original];
  if (order) {
    const isBlank = (row) => row.cells[column].textContent.trim() === "";
    const sign = order === "ascending" ? 1 : -1;
    rows.sort((one, other) =>
      isBlank(one) - isBlank(other) || sign * compare(one.cells[column], other.cells[column]));
  }
  table.tBodies[0].append(...rows);
  table.classList.toggle("sorted", Boolean(order));
}

for (const table of document.querySelectorAll("[data-sortable]")) {
  const original = [...table.tBodies[0].rows];
  const heads = [...table.tHead.rows[0].cells];
  const next = { ascending: "descending", descending: "" };
  heads.forEach((head, column) => {
    if (head.textContent.trim() === "") return;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const order = next[head.getAttribute("aria-sort")] ?? "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      if (order) head.setAttribute("aria-sort", order);
      sortRows(table, original, column, order);
    });
  });
}

// A link to a row opens it.
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}
addEventListener("hashchange", openTarget);
openTarget();

// On paper, all rows are open.
addEventListener("beforeprint", () => {
  for (const row of document.querySelectorAll("#rows > details")) row.open = true;
});
