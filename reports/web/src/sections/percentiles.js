import { BAR, barLabel, cellRow, drawnIntervals, HEADER, INTERVALS_CUT, MAX_BARS, tooltip } from "./common.js";

const FIGURES = [
  ["TTFT", "ttft_ms"],
  ["TPOT", "tpot_ms"],
  ["inter-token", "itl_ms"],
];
const QUANTILES = ["p50", "p90", "p99"];

// All panels of a figure together.
function byFigure(a, b) {
  const place = (panel) => FIGURES.findIndex(([name]) => panel.startsWith(`${name}:`));
  return place(a) - place(b) || a.localeCompare(b);
}

export default {
  id: "percentiles",
  title: "TTFT and TPOT",
  build(view) {
    const cells = view.cells.filter((cell) => FIGURES.some(([, id]) => cell.value(`${id}_mean`) !== null));
    const rows = [];
    for (const cell of cells.slice(0, MAX_BARS))
      for (const [figure, id] of FIGURES)
        for (const quantile of ["mean", ...QUANTILES]) {
          const metric = `${id}_${quantile}`;
          if (cell.value(metric) === null) continue;
          rows.push({
            ...cellRow(cell),
            panel: `${figure}: ${cell.groupText}`,
            bar: barLabel(cell),
            figure,
            quantile,
            value: cell.value(metric),
            low: cell.value(metric, "low"),
            high: cell.value(metric, "high"),
          });
        }
    if (rows.length === 0) return null;
    const cut = cells.length > MAX_BARS ? ` Shown: the first ${MAX_BARS} of ${cells.length}; filters narrow them.` : "";
    return {
      explains: `Milliseconds to the first token (TTFT), between first and last (TPOT) and token by token, as mean and percentiles over requests: medians over repeats, lines are 95 % intervals.${INTERVALS_CUT} A percentile with too few samples is left out.${cut}`,
      rows,
      spec: {
        facet: { row: { field: "panel", title: null, header: HEADER, sort: [...new Set(rows.map((row) => row.panel))].sort(byFigure) } },
        resolve: { scale: { x: "independent", y: "independent" } },
        spec: {
          width: 520,
          height: { step: 20 },
          layer: [
            {
              transform: drawnIntervals("value", "panel"),
              mark: { type: "rule", strokeWidth: 2, opacity: 0.6 },
              encoding: { x: { field: "from", type: "quantitative" }, x2: { field: "to" }, y: BAR },
            },
            {
              mark: { type: "point", size: 60, filled: true, opacity: 1 },
              encoding: {
                x: { field: "value", type: "quantitative", title: "ms", scale: { zero: true } },
                y: BAR,
                color: { field: "quantile", type: "nominal", sort: ["mean", ...QUANTILES], title: null, legend: { orient: "top" } },
                shape: { field: "quantile", type: "nominal", sort: ["mean", ...QUANTILES], title: null, legend: { orient: "top" } },
                tooltip: tooltip([
                  { field: "figure" },
                  { field: "quantile" },
                  { field: "value", format: ".4~g", title: "ms" },
                  { field: "low", format: ".4~g", title: "95 % from" },
                  { field: "high", format: ".4~g", title: "95 % to" },
                ]),
              },
            },
          ],
        },
      },
    };
  },
};
