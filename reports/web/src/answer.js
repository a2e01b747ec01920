import { element } from "./dom.js";
import { evidenceBadge } from "./table.js";

const SHOWN = 6;

// Of what a group of cells shares, the axes in `shown`.
function groupText(group, shown) {
  return Object.entries(group)
    .filter(([axis, value]) => value && shown(axis))
    .map(([axis, value]) => (axis === "compute" && value === "none" ? "rows only (compute none)" : `${axis} ${value}`))
    .join(", ");
}

function matches(answer, filters) {
  return Object.entries(filters).every(([axis, value]) => value === null || !(axis in answer.group) || answer.group[axis] === value);
}

// The needs as one table for each group of comparable cells.
export function answers(view) {
  const list = view.report.answers.filter((answer) => matches(answer, { ...view.filters, search: null }));
  if (list.length === 0)
    return element("p", {}, "These cells give no answer: at least two placements with a latency and their memory are needed.");
  // What all groups have in common is said once.
  const differs = (axis) => new Set(view.report.answers.map((answer) => answer.group[axis] ?? "")).size > 1;
  const common = groupText(list[0].group, (axis) => !differs(axis));
  const shown = list.slice(0, SHOWN).map((answer) =>
    element(
      "section",
      { class: "answer" },
      element("h3", {}, groupText(answer.group, differs) || "All cells", " ", evidenceBadge(answer.caveats.join(", "))),
      element(
        "table",
        {},
        element("thead", {}, element("tr", {}, ["If you need", "take", "it costs"].map((text) => element("th", { scope: "col" }, text)))),
        element(
          "tbody",
          {},
          answer.advice.map(({ need, placement, costs }) =>
            element("tr", {}, element("th", { scope: "row" }, need), element("td", {}, element("code", {}, placement)), element("td", {}, costs)),
          ),
        ),
      ),
    ),
  );
  if (list.length > SHOWN) shown.push(element("p", {}, `${list.length - SHOWN} more groups: filters narrow them.`));
  return element("div", {}, common ? element("p", { class: "common" }, common) : null, shown);
}
