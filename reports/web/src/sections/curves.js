const OPTIMUM = "belady";

// Distinct rows over accesses: what a cache of any size must miss.
function compulsoryBounds(view) {
  const bounds = new Map();
  for (const cell of view.cells) {
    const misses = cell.value("compulsory_misses");
    const accesses = cell.value("accesses");
    if (misses !== null && accesses && !cell.axis("requests")) bounds.set(cell.axis("trace"), misses / accesses);
  }
  return bounds;
}

export default {
  id: "curves",
  title: "Miss-ratio curves",
  build(view) {
    const { trace, policy } = view.filters;
    const points = view.report.curves.filter(
      (point) => (!trace || point.trace === trace) && (!policy || point.policy === policy || point.policy === OPTIMUM),
    );
    if (points.length === 0) return null;
    const bounds = compulsoryBounds(view);
    const rows = points.map((point) => ({
      ...point,
      policy: point.policy === OPTIMUM ? "MIN (belady)" : point.policy,
      optimum: point.policy === OPTIMUM,
      compulsory: bounds.get(point.trace) ?? null,
    }));
    return {
      explains:
        "Share of accesses that a cache of this many rows misses, policy by policy, over the whole trace. Dashed: MIN, which knows the future. Dotted: compulsory misses, the first access to each row, which only preloading avoids.",
      rows,
      spec: {
        facet: { row: { field: "trace", title: null, header: { labelAngle: 0, labelOrient: "top", labelAnchor: "start" } } },
        spec: {
          width: 680,
          height: 260,
          layer: [
            {
              mark: { type: "line", point: { size: 25 } },
              encoding: {
                x: { field: "capacity_rows", type: "quantitative", title: "capacity (rows)", scale: { type: "log" }, axis: { format: "~s" } },
                y: { field: "miss_ratio", type: "quantitative", title: "miss ratio", axis: { format: "%" } },
                color: { field: "policy", type: "nominal" },
                strokeDash: { condition: { test: "datum.optimum", value: [6, 4] }, value: [1, 0] },
                tooltip: [
                  { field: "policy" },
                  { field: "capacity_rows", format: "," },
                  { field: "miss_ratio", format: ".2%" },
                ],
              },
            },
            {
              transform: [{ filter: "isValid(datum.compulsory)" }],
              mark: { type: "rule", strokeDash: [2, 3] },
              encoding: { y: { aggregate: "max", field: "compulsory", type: "quantitative" } },
            },
          ],
        },
      },
    };
  },
};
