// The report's JSON (reports/schema/report.schema.json) as cells that sections read.

// Of several caches the topmost names the policy: it is the one that a step asks first.
function policyOf(placement) {
  const [tiers] = placement.split(",");
  const [backing, ...caches] = tiers.split("+");
  return caches.length === 0 ? `all in ${backing}` : caches.at(-1).split(":")[2];
}

function requestsText(requests) {
  return requests ? `first ${requests} requests` : "all requests";
}

class Cell {
  constructor(report, index) {
    this.report = report;
    this.index = index;
    this.placement = this.axis("placement");
    this.policy = policyOf(this.placement);
    const { names, index: at } = report.cells.caveats;
    this.caveats = names[at[index]];
    this.evidence = this.caveats || "measured";
  }
  axis(name) {
    if (name === "policy") return this.policy;
    const column = this.report.cells.axes[name];
    return column.names[column.index[this.index]];
  }
  get id() {
    return this.report.cells.id[this.index];
  }
  get repeats() {
    return this.report.cells.repeats[this.index];
  }
  get command() {
    return this.report.cells.command[this.index];
  }
  value(metric, part = "median") {
    return this.report.cells.figures[metric]?.[part]?.[this.index] ?? null;
  }
  // What identifies the cells it may be compared with: every axis but the placement.
  group(axes) {
    return axes
      .map((axis) => (axis === "requests" ? requestsText(this.axis(axis)) : this.axis(axis)))
      .filter((text) => text)
      .join(" · ");
  }
}

export const AXES = ["model", "trace", "source", "compute", "state", "device", "backend", "requests", "threads", "chunk"];
export const FILTERS = ["model", "trace", "device", "policy", "source", "compute", "state"];

export function load(text) {
  const report = JSON.parse(text);
  report.metric = Object.fromEntries(report.metrics.map((metric) => [metric.id, metric]));
  report.allCells = Array.from({ length: report.cells.count }, (_, index) => new Cell(report, index));
  return report;
}

export function valuesOf(cells, axis) {
  return [...new Set(cells.map((cell) => cell.axis(axis)))];
}

// What sections see: the cells that pass the filters, and which axes tell their groups apart.
export function makeView(report, filters) {
  const chosen = Object.entries(filters).filter(([axis, value]) => axis !== "search" && value !== null);
  const search = (filters.search ?? "").toLowerCase();
  const cells = report.allCells.filter(
    (cell) =>
      chosen.every(([axis, value]) => cell.axis(axis) === value) && cell.placement.toLowerCase().includes(search),
  );
  // "" means that an axis does not apply, which is no difference to name; of requests it means all.
  const varying = AXES.filter((axis) => valuesOf(cells, axis).filter((value) => value || axis === "requests").length > 1);
  for (const cell of cells) cell.groupText = cell.group(varying) || "all cells";
  return { report, cells, filters, varying };
}

export function hasFigure(view, metric) {
  return view.cells.some((cell) => cell.value(metric) !== null);
}
