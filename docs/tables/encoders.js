// The table of docs/encoders.md: rows of encoders.json that can be searched, filtered and sorted.
"use strict";

const COLUMNS = [
  { key: "name", title: "architecture" },
  { key: "kind", title: "kind" },
  { key: "supported", title: "supported" },
  { key: "encoder", title: "encoder, M", numeric: true },
  { key: "decoder", title: "decoder", numeric: true },
  { key: "head", title: "classifier", numeric: true },
  { key: "strides", title: "strides" },
  { key: "gflops", title: "GFLOPs", numeric: true },
  { key: "license", title: "license of weights" },
];
const AT_FIRST = 50;

// Whether a name has all words of a search; * stands for any characters, and then the whole name counts.
function matches(name, search) {
  return search.trim().toLowerCase().split(/\s+/).every((word) => {
    if (!word.includes("*")) return name.includes(word);
    const parts = word.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${parts.join(".*")}$`).test(name);
  });
}

function filterRows(rows, { search = "", kind = "", supported = "", most = "", stride = "", license = "" } = {}) {
  return rows.filter(
    (row) =>
      matches(row.name, search) &&
      (!kind || row.kind === kind) &&
      (!supported || (row.refused === "") === (supported === "yes")) &&
      (!most || row.encoder <= Number(most)) &&
      (!stride || row.strides.includes(Number(stride))) &&
      (!license || row.license === license)
  );
}

// Rows without a value, such as the cost of an architecture that is not supported, come last in both orders.
function sortRows(rows, key, descending) {
  const value = (row) => (key === "supported" ? row.refused : key === "strides" ? row.strides[0] : row[key]);
  const missing = (row) => value(row) === null || value(row) === undefined;
  return [...rows].sort((one, other) => {
    if (missing(one) || missing(other)) return missing(one) - missing(other);
    const [a, b] = [value(one), value(other)];
    const order = typeof a === "number" ? a - b : a < b ? -1 : a > b ? 1 : 0;
    return descending ? -order : order;
  });
}

function cellText(row, key) {
  if (key === "supported") return row.refused ? `no: ${row.refused}` : "yes";
  if (key === "strides") return row.strides.join(" ");
  if (row[key] === null) return "";
  if (key === "encoder") return row.encoder.toFixed(2);
  if (key === "gflops") return `${row.gflops.toFixed(2)} (/${row.stride})`;
  return row[key].toLocaleString("en-US");
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function labeled(text, control) {
  return element("label", {}, `${text} `, control);
}

function choice(name, options) {
  return element("select", { name }, ...options.map(([value, text]) => element("option", { value }, text)));
}

function show(place, rows) {
  const kinds = [...new Set(rows.map((row) => row.kind))];
  const licenses = [...new Set(rows.map((row) => row.license).filter(Boolean))].sort();
  const strides = [...new Set(rows.flatMap((row) => row.strides))].sort((a, b) => a - b);
  const form = element(
    "form",
    { role: "search", class: "encoder-filters" },
    labeled("Name", element("input", { name: "search", type: "search", placeholder: "resnet*" })),
    labeled("Supported", choice("supported", [["yes", "yes"], ["no", "no"], ["", "all"]])),
    labeled("Kind", choice("kind", [["", "all"], ...kinds.map((kind) => [kind, kind])])),
    labeled("Encoder, at most M parameters", element("input", { name: "most", type: "number", min: "0", step: "any" })),
    labeled("Ends at stride", choice("stride", [["", "any"], ...strides.map((n) => [n, n])])),
    labeled("License of weights", choice("license", [["", "any"], ...licenses.map((name) => [name, name])]))
  );
  const status = element("p", { role: "status" });
  const more = element("button", { type: "button", class: "md-button" });
  const body = element("tbody");
  const head = element("tr");
  const order = { key: "name", descending: false };
  let shown = AT_FIRST;

  function render() {
    const found = sortRows(
      filterRows(rows, Object.fromEntries(new FormData(form))),
      order.key,
      order.descending
    );
    body.replaceChildren(
      ...found.slice(0, shown).map((row) =>
        element(
          "tr",
          {},
          ...COLUMNS.map(({ key, numeric }) =>
            element("td", numeric ? { style: "text-align: right" } : {}, cellText(row, key))
          )
        )
      )
    );
    for (const cell of head.children) {
      const own = cell.dataset.key === order.key;
      cell.setAttribute("aria-sort", own ? (order.descending ? "descending" : "ascending") : "none");
      cell.querySelector("span").textContent = own ? (order.descending ? " ▼" : " ▲") : "";
    }
    status.textContent = `${found.length} of ${rows.length} architectures`;
    more.hidden = found.length <= shown;
    more.textContent = `Show all ${found.length}`;
  }

  for (const { key, title } of COLUMNS) {
    const button = element("button", { type: "button" }, title, element("span", { "aria-hidden": "true" }));
    button.addEventListener("click", () => {
      order.descending = order.key === key && !order.descending;
      order.key = key;
      render();
    });
    head.append(element("th", { scope: "col", "data-key": key }, button));
  }
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    shown = AT_FIRST;
    render();
  });
  more.addEventListener("click", () => {
    shown = Infinity;
    render();
  });
  const style = element(
    "style",
    {},
    `.encoder-filters { display: flex; flex-wrap: wrap; gap: .5em 1em; align-items: baseline }
     .encoder-filters input, .encoder-filters select { font: inherit; color: inherit; background: transparent;
       border: 1px solid currentColor; border-radius: 3px; padding: .15em .4em; max-width: 9em }
     .encoder-filters option { color: #000; background: #fff }
     #encoder-table th button { font: inherit; color: inherit; background: none; border: 0; padding: 0;
       cursor: pointer; white-space: nowrap; text-align: left }
     #encoder-table :is(button, input, select):focus-visible { outline: 2px solid #526cfe; outline-offset: 2px }
     #encoder-table .rows { overflow-x: auto }`
  );
  const table = element("table", {}, element("thead", {}, head), body);
  place.replaceChildren(style, form, status, element("div", { class: "rows" }, table), more);
  render();
}

if (typeof document === "undefined") {
  module.exports = { filterRows, sortRows, cellText };
} else {
  const source = new URL("encoders.json", document.currentScript.src);
  fetch(source)
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`${source}: ${answer.status}`))))
    .then((rows) => show(document.getElementById("encoder-table"), rows))
    .catch((error) => console.error(error)); // the page says what to do without the table
}
