"use strict";

// A click on the head of a column sorts by it, a second one the other way, a third one not at all.
// Cells without a number come after those with one, empty ones last, whatever the order.
const textOf = (row, column) => row.cells[column].textContent.trim();
const numberOf = (text) => parseFloat(text.replaceAll(",", "").replace("−", "-"));
const rankOf = (text) => (text === "" ? 2 : Number.isNaN(numberOf(text)) ? 1 : 0);

function compare(one, other, sign) {
  const rank = rankOf(one);
  if (rank !== rankOf(other)) return rank - rankOf(other);
  return sign * (rank === 0 ? numberOf(one) - numberOf(other) : one.localeCompare(other));
}

function sortRows(table, original, column, order) {
  const rows = [...original];
  const sign = order === "ascending" ? 1 : -1;
  if (order) {
    rows.sort((one, other) => compare(textOf(one, column), textOf(other, column), sign));
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
