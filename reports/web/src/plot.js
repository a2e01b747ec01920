// A figure: caption, a Vega-Lite plot that is drawn when it comes near the window, and buttons that save it.
import * as vega from "vega";
import { compile } from "vega-lite";
import { Handler } from "vega-tooltip";
import { download, element } from "./dom.js";
import { toCsv } from "./format.js";
import { plotConfig, theme } from "./theme.js";

// Above this many marks a canvas draws faster than SVG elements.
const SVG_MARKS = 1500;
const TABLE_ROWS = 200;

const drawn = new Map(); // container -> vega.View
const waiting = new Map(); // container -> draw function

const nearby = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
  },
  { rootMargin: "400px" },
);

async function draw(container) {
  const start = waiting.get(container);
  if (!start) return;
  waiting.delete(container);
  nearby.unobserve(container);
  await start();
}

export async function drawAll() {
  await Promise.all([...waiting.keys()].map(draw));
}

export function forgetPlots() {
  for (const view of drawn.values()) view.finalize();
  drawn.clear();
  waiting.clear();
  nearby.disconnect();
}

function save(container, name, kind) {
  const view = drawn.get(container);
  if (view) view.toImageURL(kind, 2).then((url) => download(`${name}.${kind}`, `image/${kind}`, url));
}

function dataTable(rows) {
  const columns = Object.keys(rows[0]);
  const note = rows.length > TABLE_ROWS ? `The first ${TABLE_ROWS} of ${rows.length} rows; CSV has all.` : "";
  return element(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": "data of the plot" },
    element(
      "table",
      {},
      element("thead", {}, element("tr", {}, columns.map((column) => element("th", { scope: "col" }, column)))),
      element(
        "tbody",
        {},
        rows.slice(0, TABLE_ROWS).map((row) => element("tr", {}, columns.map((column) => element("td", {}, String(row[column] ?? ""))))),
      ),
    ),
    note,
  );
}

// `rows`: the plot's data as shown and saved. `spec`: Vega-Lite, without data and theme.
export function plotFigure({ id, title, explains, rows, spec }) {
  const container = element("div", { class: "plot", role: "img", "aria-label": `Plot: ${title}. ${explains}` });
  const button = (label, action) =>
    element("button", { type: "button", "aria-label": `${label} of ${title}`, onclick: action }, label);
  const table = element("details", {}, element("summary", {}, "Data"));
  table.addEventListener("toggle", () => {
    if (table.open && table.childElementCount === 1) table.append(dataTable(rows));
  });
  waiting.set(container, async () => {
    const compiled = compile({ $schema: "https://vega.github.io/schema/vega-lite/v5.json", ...spec, data: { name: "rows", values: rows } }, {
      config: plotConfig(),
      logger: vega.logger(vega.Error),
    });
    const view = new vega.View(vega.parse(compiled.spec), {
      renderer: rows.length > SVG_MARKS ? "canvas" : "svg",
      container,
      hover: true,
    });
    view.tooltip(new Handler({ theme: theme() }).call);
    await view.runAsync();
    drawn.set(container, view);
    container.dataset.drawn = "true";
  });
  nearby.observe(container);
  return element(
    "figure",
    { id: `plot-${id}` },
    container,
    element("figcaption", {}, explains),
    element(
      "div",
      { class: "actions" },
      button("SVG", () => draw(container).then(() => save(container, id, "svg"))),
      button("PNG", () => draw(container).then(() => save(container, id, "png"))),
      button("CSV", () => download(`${id}.csv`, "text/csv", toCsv(rows))),
      table,
    ),
  );
}
