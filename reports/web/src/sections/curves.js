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
      (point) => (!trace || point.trace === trace) && (!policy || point.policy.split(",")[0] === policy || point.policy.split(",")[0] === OPTIMUM),
    );
    if (points.length === 0) return null;
    const bounds = compulsoryBounds(view);
    const isOptimum = (point) => point.policy.split(",")[0] === OPTIMUM;
    const inBytes = points.every((point) => point.capacity_bytes);
    const rows = points.map((point) => ({
      ...point,
      place: point.table ? `${point.trace} (${point.table})` : point.trace,
      capacity: inBytes ? point.capacity_bytes : point.capacity_rows,
      policy: isOptimum(point) ? point.policy.replace(OPTIMUM, "MIN (belady)") : point.policy,
      optimum: isOptimum(point),
      compulsory: point.compulsory_miss_ratio ?? bounds.get(point.trace) ?? null,
    }));
    return {
      explains:
        "Share of accesses that a cache of this size misses, policy by policy, over the whole trace. Dashed: MIN, which knows the future. Dotted: compulsory misses, the first access to each row (or, with unit=page, to each page), which only preloading avoids.",
      rows,
      spec: {
        facet: { row: { field: "place", title: null, header: { labelAngle: 0, labelOrient: "top", labelAnchor: "start" } } },
        spec: {
          width: 680,
          height: 260,
          layer: [
            {
              mark: { type: "line", point: { size: 25 } },
              encoding: {
                x: { field: "capacity", type: "quantitative", title: inBytes ? "capacity (bytes)" : "capacity (rows)", scale: { type: "log" }, axis: { format: "~s" } },
                y: { field: "miss_ratio", type: "quantitative", title: "miss ratio", axis: { format: "%" } },
                color: { field: "policy", type: "nominal" },
                strokeDash: { condition: { test: "datum.optimum", value: [6, 4] }, value: [1, 0] },
                tooltip: [
                  { field: "policy" },
                  { field: "capacity_rows", format: "," },
                  ...(inBytes ? [{ field: "capacity_bytes", format: ".3~s" }] : []),
                  { field: "miss_ratio", format: ".2%" },
                ],
              },
            },
            {
              transform: [{ filter: "isValid(datum.compulsory)" }],
              mark: { type: "rule", strokeDash: [2, 3] },
              encoding: { y: { field: "compulsory", type: "quantitative" } },
            },
          ],
        },
      },
    };
  },
};
