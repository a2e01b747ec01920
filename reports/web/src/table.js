// The table of all cells: sortable, a page at a time, so that ten thousand cells do not slow it down.
import { download, element } from "./dom.js";
import { formatValue, toCsv } from "./format.js";

const PAGE_ROWS = 50;
const COLUMNS = [
  "ttft_ms_mean",
  "tpot_ms_mean",
  "stall_prefill_ms_mean",
  "stall_decode_ms_mean",
  "decode_tokens_per_s",
  "hit_ratio",
  "reads",
  "device_bytes",
  "read_amplification",
  "fast_bytes",
  "peak_rss_bytes",
];

export function evidenceBadge(caveats) {
  return caveats ? element("span", { class: "badge" }, `not measured: ${caveats}`) : null;
}

// Every figure of every cell, named as in the program's own CSV.
export function cellsCsv(view) {
  return toCsv(
    view.cells.map((cell) => {
      const row = { cell: cell.id };
      for (const axis of Object.keys(view.report.cells.axes)) row[axis] = cell.axis(axis);
      row.caveats = cell.caveats;
      row.repeats = cell.repeats;
      for (const metric of Object.keys(view.report.cells.figures))
        for (const part of ["median", "low", "high"])
          row[part === "median" ? metric : `${metric}_${part}`] = cell.value(metric, part);
      return row;
    }),
  );
}

export function cellTable(view) {
  const metrics = COLUMNS.filter((id) => view.cells.some((cell) => cell.value(id) !== null)).map((id) => view.report.metric[id]);
  const texts = [...view.varying, "placement"];
  const state = { column: null, descending: false, page: 0 };
  const valueOf = (cell, column) => (view.report.metric[column] ? cell.value(column) : cell.axis(column));
  const body = element("tbody");
  const status = element("span", { role: "status" });
  const head = element("tr");

  const sorted = () => {
    if (!state.column) return view.cells;
    const sign = state.descending ? -1 : 1;
    return [...view.cells].sort((a, b) => {
      const [x, y] = [valueOf(a, state.column), valueOf(b, state.column)];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === "number" ? x - y : x.localeCompare(y));
    });
  };
  const draw = () => {
    const pages = Math.max(1, Math.ceil(view.cells.length / PAGE_ROWS));
    state.page = Math.min(Math.max(0, state.page), pages - 1);
    const rows = sorted().slice(state.page * PAGE_ROWS, (state.page + 1) * PAGE_ROWS);
    body.replaceChildren(
      ...rows.map((cell) =>
        element(
          "tr",
          { class: cell.caveats ? "unmeasured" : null, title: cell.command },
          view.varying.map((axis) => element("td", {}, cell.axis(axis))),
          element("th", { scope: "row" }, element("code", {}, cell.placement), " ", evidenceBadge(cell.caveats)),
          metrics.map((metric) =>
            element("td", { class: "number", "data-metric": metric.id, "data-value": cell.value(metric.id) }, formatValue(cell.value(metric.id), metric.unit)),
          ),
        ),
      ),
    );
    for (const header of head.children)
      header.setAttribute("aria-sort", header.dataset.column !== state.column ? "none" : state.descending ? "descending" : "ascending");
    status.textContent = `${view.cells.length} cells, page ${state.page + 1} of ${pages}`;
  };
  const sortBy = (column) => {
    state.descending = state.column === column && !state.descending;
    state.column = column;
    state.page = 0;
    draw();
  };
  const header = (column, title, unit) =>
    element("th", { scope: "col", "data-column": column }, element("button", { type: "button", onclick: () => sortBy(column) }, unit ? `${title} (${unit})` : title));
  head.append(...texts.map((axis) => header(axis, axis)), ...metrics.map((metric) => header(metric.id, metric.title)));
  const turn = (by) => () => {
    state.page += by;
    draw();
  };
  draw();
  return element(
    "div",
    {},
    element(
      "div",
      { class: "actions" },
      element("button", { type: "button", onclick: turn(-1) }, "Previous page"),
      element("button", { type: "button", onclick: turn(1) }, "Next page"),
      status,
      element("button", { type: "button", onclick: () => download("cells.csv", "text/csv", cellsCsv(view)) }, "CSV of these cells"),
    ),
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "table of cells" },
      element("table", { id: "cells" }, element("caption", {}, "Medians over repeats. Point at a row for its command."), element("thead", {}, head), body),
    ),
  );
}
