import { element } from "./dom.js";
import { formatPercent, formatValue } from "./format.js";

const SHOWN = 300;
const ORDER = { regression: 0, unknown: 1, improvement: 2 };

export function comparison(report) {
  const { changes, baseline, only_before, only_after } = report.comparison;
  const counts = { regression: 0, improvement: 0, unknown: 0, same: 0 };
  for (const change of changes) counts[change.verdict] += 1;
  const shown = changes
    .filter((change) => change.verdict !== "same")
    .sort((a, b) => ORDER[a.verdict] - ORDER[b.verdict] || Math.abs(b.relative) - Math.abs(a.relative));
  const row = (change) => {
    const cell = report.allCells[change.cell];
    const metric = report.metric[change.metric];
    const interval = change.low === null ? "one repeat" : `${formatPercent(change.low)} to ${formatPercent(change.high)}`;
    return element(
      "tr",
      { class: change.verdict },
      element("td", {}, element("strong", {}, change.verdict)),
      element("th", { scope: "row" }, element("code", {}, cell.placement), ` ${cell.axis("trace")} ${cell.axis("compute")}`),
      element("td", {}, metric.title),
      element("td", { class: "number" }, formatValue(change.before, metric.unit)),
      element("td", { class: "number" }, formatValue(change.after, metric.unit)),
      element("td", { class: "number" }, formatPercent(change.relative)),
      element("td", { class: "number" }, interval),
    );
  };
  const unpaired = only_before + only_after > 0 ? ` Without a counterpart: ${only_before} cells before, ${only_after} after.` : "";
  const cut = shown.length > SHOWN ? ` The first ${SHOWN} of ${shown.length} differences.` : "";
  return element(
    "section",
    { id: "comparison" },
    element("h2", {}, `Compared with ${baseline}`),
    element(
      "p",
      {},
      `${counts.regression} regressions, ${counts.improvement} improvements, ${counts.unknown} differences of single repeats (noise unknown), ${counts.same} figures the same within their noise.${unpaired}${cut}`,
    ),
    shown.length === 0
      ? null
      : element(
          "div",
          { class: "scroll", tabindex: "0", role: "region", "aria-label": "table of differences" },
          element(
            "table",
            {},
            element("thead", {}, element("tr", {}, ["verdict", "cell", "figure", "before", "after", "change", "95 % interval"].map((text) => element("th", { scope: "col" }, text)))),
            element("tbody", {}, shown.slice(0, SHOWN).map(row)),
          ),
        ),
  );
}
