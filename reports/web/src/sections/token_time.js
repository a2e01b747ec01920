import { barLabel, cellRow, MAX_BARS, stackSpec } from "./common.js";

const SPLITS = [
  { phase: "a decode token", whole: "itl_ms_mean", stall: "stall_decode_ms_mean" },
  { phase: "a first token", whole: "ttft_ms_mean", stall: "ttft_stall_ms_mean" },
];

export default {
  id: "token-time",
  title: "Where a token's time goes",
  build(view) {
    const rows = [];
    for (const { phase, whole, stall } of SPLITS) {
      const cells = view.cells.filter((cell) => cell.value(whole) !== null && cell.value(stall) !== null);
      for (const cell of cells.slice(0, MAX_BARS)) {
        const group = `${phase}: ${cell.groupText}`;
        const rest = Math.max(0, cell.value(whole) - cell.value(stall));
        const row = { ...cellRow(cell), group, bar: barLabel(cell) };
        rows.push({ ...row, part: "waiting for rows", value: cell.value(stall) });
        rows.push({ ...row, part: "compute and the rest", value: rest });
      }
    }
    if (rows.length === 0) return null;
    return {
      explains: "Mean time of a decode token and to a first token, split into waiting for rows and everything else.",
      rows,
      spec: stackSpec({ unit: "ms" }),
    };
  },
};
