import { barLabel, cellRow, MAX_BARS, stackSpec } from "./common.js";

const FIRST = "a row's first access";
const AGAIN = "a row that was read before: evicted, or never kept";
const UNKNOWN = "not told apart: warm, or pinned rows";

// Reads of the backing tier by cause. Every distinct row of a cold trace is read once, unless it was preloaded.
function causes(cell) {
  const reads = cell.value("reads");
  const distinct = cell.value("compulsory_misses");
  if (!reads || distinct === null || cell.axis("state") !== "cold" || cell.value("preload_bytes") > 0) return [[UNKNOWN, 1]];
  const first = Math.min(1, distinct / reads);
  return [
    [FIRST, first],
    [AGAIN, 1 - first],
  ];
}

export default {
  id: "stall-cause",
  title: "Stall, by cause",
  build(view) {
    const cells = view.cells.filter((cell) => cell.value("stall_ms") !== null && cell.value("reads") !== null);
    const rows = cells.slice(0, MAX_BARS).flatMap((cell) =>
      causes(cell).map(([part, share]) => ({ ...cellRow(cell), bar: barLabel(cell), part, value: cell.value("stall_ms") * share, share })),
    );
    if (rows.length === 0) return null;
    return {
      explains:
        "All stalls of a trace, shared out by why their rows had to be read: first accesses, which no policy avoids and preloading does, and rows that were read before, which a larger or better cache keeps.",
      rows,
      spec: stackSpec({ unit: "ms over the trace" }),
    };
  },
};
