import { cellRow, drawnIntervals, EVIDENCE_FILL, EVIDENCE_SHAPE, HEADER, INTERVALS_CUT, tooltip } from "./common.js";

const CHOICES = ["tpot_ms_mean", "ttft_ms_mean", "itl_ms_p99", "stall_decode_ms_mean", "stall_prefill_ms_mean"];

// A cell is on the front where no other of its group is at most as large and faster.
function markFront(rows) {
  const groups = new Map();
  for (const row of rows) {
    if (!groups.has(row.group)) groups.set(row.group, []);
    groups.get(row.group).push(row);
  }
  for (const members of groups.values()) {
    members.sort((a, b) => a.memory - b.memory || a.latency - b.latency);
    let best = Infinity;
    for (const row of members) {
      row.front = row.latency < best;
      best = Math.min(best, row.latency);
    }
  }
}

// A panel a group keeps each group's scale readable; with many groups one panel has to do.
const MAX_PANELS = 8;
function panels(rows, layer) {
  const groups = new Set(rows.map((row) => row.group)).size;
  if (groups === 1 || groups > MAX_PANELS) return { width: 720, height: 340, layer };
  return {
    facet: { row: { field: "group", title: null, header: HEADER, sort: null } },
    resolve: { scale: { y: "independent" } },
    spec: { width: 720, height: 200, layer },
  };
}

export default {
  id: "pareto",
  title: "Latency against memory",
  build(view) {
    const metric = CHOICES.find((id) => view.cells.some((cell) => cell.value(id) !== null && cell.value("fast_bytes") !== null));
    if (!metric) return null;
    const { title, unit } = view.report.metric[metric];
    const rows = view.cells
      .filter((cell) => cell.value(metric) !== null && cell.value("fast_bytes") !== null)
      .map((cell) => ({
        ...cellRow(cell),
        memory: cell.value("fast_bytes"),
        latency: cell.value(metric),
        low: cell.value(metric, "low"),
        high: cell.value(metric, "high"),
      }));
    markFront(rows);
    const x = {
      field: "memory",
      type: "quantitative",
      title: "table bytes in RAM and VRAM",
      scale: { type: "symlog", constant: 1e6 },
      axis: { labelExpr: "format(datum.value, '~s') + 'B'", values: [0, 1e6, 3e6, 1e7, 3e7, 1e8, 3e8, 1e9, 3e9, 1e10] },
    };
    const y = { field: "latency", type: "quantitative", title: `${title} (${unit})`, scale: { zero: true } };
    return {
      explains: `${title} of each placement over the fast memory that its table rows take. The line joins placements that no other beats in both; below and left is better.${INTERVALS_CUT}`,
      rows,
      spec: panels(rows, [
        {
          transform: [{ filter: "datum.front" }],
          mark: { type: "line", interpolate: "step-after", strokeWidth: 1.5, opacity: 0.5 },
          encoding: { x, y, detail: { field: "group" } },
        },
        {
          transform: drawnIntervals("latency", "group"),
          mark: { type: "rule", opacity: 0.6 },
          encoding: { x, y: { field: "from", type: "quantitative" }, y2: { field: "to" } },
        },
        {
          mark: { type: "point", size: 90, strokeWidth: 2, filled: false },
          encoding: {
            x,
            y,
            color: { field: "policy", type: "nominal", title: "policy" },
            fill: { field: "policy", type: "nominal", title: "policy" },
            fillOpacity: EVIDENCE_FILL,
            shape: EVIDENCE_SHAPE,
            tooltip: tooltip([
              { field: "memory", format: ".4~s", title: "table bytes in fast memory" },
              { field: "latency", format: ".4~g", title: `${title} (${unit})` },
              { field: "low", format: ".4~g", title: "95 % from" },
              { field: "high", format: ".4~g", title: "95 % to" },
            ]),
          },
        },
      ]),
    };
  },
};
