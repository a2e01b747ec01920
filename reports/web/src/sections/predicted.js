import { tooltip } from "./common.js";

const FIGURES = ["ttft_ms_mean", "tpot_ms_mean", "stall_prefill_ms_mean", "stall_decode_ms_mean"];
const SHARED = ["model", "trace", "placement", "state", "requests", "chunk"];

// The decoder runs here ("real") and is priced there ("profile"); "none" and paced are called alike.
function key(cell) {
  const compute = cell.axis("compute");
  return JSON.stringify([compute === "real" ? "profile" : compute, ...SHARED.map((axis) => cell.axis(axis))]);
}

// Simulated cells may be hidden by a filter on the source, so all cells of the report are looked at.
export default {
  id: "predicted",
  title: "Predicted against measured",
  build(view) {
    const measured = new Map();
    for (const cell of view.cells) if (cell.axis("source") === "measured" && !cell.caveats) measured.set(key(cell), cell);
    const rows = [];
    for (const prediction of view.report.allCells) {
      const cell = prediction.caveats === "modelled" ? measured.get(key(prediction)) : undefined;
      if (!cell) continue;
      for (const metric of FIGURES) {
        const before = prediction.value(metric);
        const after = cell.value(metric);
        if (before === null || after === null || before <= 0 || after <= 0) continue;
        rows.push({
          figure: view.report.metric[metric].title,
          placement: cell.placement,
          group: `${cell.groupText} · predicted for ${prediction.axis("device")}`,
          evidence: "modelled",
          measured: after,
          predicted: before,
          error: before / after - 1,
        });
      }
    }
    if (rows.length === 0) return null;
    const bounds = [Math.min(...rows.flatMap((row) => [row.measured, row.predicted])), Math.max(...rows.flatMap((row) => [row.measured, row.predicted]))];
    const scale = { type: "log", domain: [bounds[0] / 1.2, bounds[1] * 1.2] };
    return {
      explains: "Each point is a figure of a placement: what the simulator predicted over what this machine measured. On the line they agree.",
      rows,
      spec: {
        width: 420,
        height: 420,
        layer: [
          {
            mark: { type: "line", strokeDash: [4, 4], opacity: 0.6 },
            data: { values: [{ at: scale.domain[0] }, { at: scale.domain[1] }] },
            encoding: {
              x: { field: "at", type: "quantitative", scale },
              y: { field: "at", type: "quantitative", scale },
            },
          },
          {
            mark: { type: "point", size: 70, strokeWidth: 2 },
            encoding: {
              x: { field: "measured", type: "quantitative", scale, title: "measured (ms)" },
              y: { field: "predicted", type: "quantitative", scale, title: "predicted (ms)" },
              color: { field: "figure", type: "nominal", title: null },
              shape: { field: "figure", type: "nominal" },
              tooltip: tooltip([
                { field: "figure" },
                { field: "measured", format: ".4~g" },
                { field: "predicted", format: ".4~g" },
                { field: "error", format: "+.1%" },
              ]),
            },
          },
        ],
      },
    };
  },
};
