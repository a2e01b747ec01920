// What several sections share: rows for bars over placements, and how results that were not measured are marked.

export const MAX_BARS = 60;

// Hollow and dashed: not measured. Every plot that shows cells uses it.
export const EVIDENCE_SHAPE = {
  field: "evidence",
  type: "nominal",
  title: "evidence",
  legend: { symbolFillColor: "transparent" },
  scale: { range: ["circle", "diamond", "triangle-up", "square", "cross", "triangle-down"] },
};
export const EVIDENCE_FILL = {
  condition: { test: "datum.evidence === 'measured'", value: 0.9 },
  value: 0,
};
export const EVIDENCE_OPACITY = {
  condition: { test: "datum.evidence === 'measured'", value: 0.95 },
  value: 0.45,
};

export function cellRow(cell) {
  return { group: cell.groupText, placement: cell.placement, policy: cell.policy, evidence: cell.evidence };
}

// Name of the bar: what was not measured says so in the label itself.
export function barLabel(cell) {
  return cell.caveats ? `${cell.placement} [${cell.caveats}]` : cell.placement;
}

// One row a cell and a part: parts = [{metric, part}], only where the cell has the figure.
export function barRows(view, parts) {
  const rows = [];
  let bars = 0;
  for (const cell of view.cells) {
    const present = parts.filter(({ metric }) => cell.value(metric) !== null);
    if (present.length === 0) continue;
    bars += 1;
    if (bars > MAX_BARS) continue;
    for (const { metric, part } of present)
      rows.push({
        ...cellRow(cell),
        bar: barLabel(cell),
        part,
        value: cell.value(metric),
        low: cell.value(metric, "low"),
        high: cell.value(metric, "high"),
      });
  }
  return { rows, note: bars > MAX_BARS ? ` Shown: the first ${MAX_BARS} of ${bars}; filters narrow them.` : "" };
}

const INTERVAL_TOOLTIP = [
  { field: "low", title: "95 % from", format: ".4~g" },
  { field: "high", title: "95 % to", format: ".4~g" },
];

export function tooltip(extra) {
  return [
    { field: "placement" },
    { field: "group" },
    { field: "evidence" },
    ...extra,
  ];
}

export const HEADER = { labelAngle: 0, labelOrient: "top", labelAnchor: "start" };
export const BAR = { field: "bar", type: "nominal", title: null, sort: null };

// Transforms that give intervals as they are drawn, from .. to: no figure is negative, and an interval far wider than its
// plot says no more than one that reaches its edge. The data keep the whole interval.
export function drawnIntervals(value, panel) {
  return [
    { joinaggregate: [{ op: "min", field: value, as: "least" }, { op: "max", field: value, as: "most" }], groupby: [panel] },
    { filter: "isValid(datum.low)" },
    { calculate: "max(datum.low, 0, datum.least - 0.3 * datum.most)", as: "from" },
    { calculate: "min(datum.high, 1.3 * datum.most)", as: "to" },
  ];
}
export const INTERVALS_CUT = " Intervals end where the plot does; the data have them whole.";

// A panel for each group of comparable cells, a line for each placement in it.
function panels(layer) {
  return {
    facet: { row: { field: "group", title: null, header: HEADER } },
    resolve: { scale: { y: "independent" } },
    spec: { width: 520, height: { step: 20 }, layer: layer.filter(Boolean) },
  };
}

// Points on a line from 0, with their interval: several parts of a placement stay comparable and do not hide each other.
export function pointSpec({ unit, intervals, limit, legend = true, format = ".3~g" }) {
  const x = { field: "value", type: "quantitative", title: unit, axis: { format }, scale: { zero: true } };
  const part = { field: "part", type: "nominal", title: null, sort: null };
  const colour = { ...part, legend: null };  // the points' fill has it
  return panels([
    {
      transform: [{ calculate: "0", as: "zero" }],
      mark: { type: "rule", strokeWidth: 1, opacity: 0.35 },
      encoding: { x: { field: "zero", type: "quantitative" }, x2: { field: "value" }, y: BAR },
    },
    intervals && {
      transform: drawnIntervals("value", "group"),
      mark: { type: "rule", strokeWidth: 5, opacity: 0.4 },
      encoding: { x: { field: "from", type: "quantitative" }, x2: { field: "to" }, y: BAR, color: colour },
    },
    limit && { mark: { type: "rule", strokeDash: [6, 4], strokeWidth: 2 }, encoding: { x: { datum: limit, type: "quantitative" } } },
    {
      mark: { type: "point", size: 80, strokeWidth: 2 },
      encoding: {
        x,
        y: BAR,
        color: colour,
        fill: { ...part, legend: legend ? { orient: "top" } : null },
        fillOpacity: EVIDENCE_FILL,
        tooltip: tooltip([{ field: "part" }, { field: "value", format: ".4~g" }, ...(intervals ? INTERVAL_TOOLTIP : [])]),
      },
    },
  ]);
}

// Bars whose parts add up to a whole.
export function stackSpec({ unit }) {
  return panels([
    {
      mark: { type: "bar", height: { band: 0.8 } },
      encoding: {
        x: { field: "value", type: "quantitative", title: unit, stack: "zero" },
        y: BAR,
        color: { field: "part", type: "nominal", title: null, sort: null, legend: { orient: "top" } },
        opacity: EVIDENCE_OPACITY,
        tooltip: tooltip([{ field: "part" }, { field: "value", format: ".4~g" }]),
      },
    },
  ]);
}

// A section of plain points: one panel a group, one line a placement and part.
export function barSection({ id, title, explains, parts, ...options }) {
  return {
    id,
    title,
    build(view) {
      const { rows, note } = barRows(view, parts);
      if (rows.length === 0) return null;
      const cut = options.intervals ? INTERVALS_CUT : "";
      return { explains: explains + cut + note, rows, spec: pointSpec({ legend: parts.length > 1, ...options }) };
    },
  };
}
