import { answers } from "./answer.js";
import { comparison } from "./comparison.js";
import { FILTERS, load, makeView, valuesOf } from "./data.js";
import { element } from "./dom.js";
import { drawAll, forgetPlots, plotFigure } from "./plot.js";
import { failures, provenance } from "./provenance.js";
import { SECTIONS } from "./sections/index.js";
import { cellTable } from "./table.js";
import { chooseTheme, onThemeChange, theme } from "./theme.js";

const report = load(document.getElementById("report-data").textContent);
const filters = { search: "" };
const results = element("div", { id: "results" });

function plots(view) {
  const contents = element("ul");
  const figures = [];
  for (const section of SECTIONS) {
    const plot = section.build(view);
    if (!plot) continue;
    contents.append(element("li", {}, element("a", { href: `#${section.id}` }, section.title)));
    figures.push(
      element("section", { id: section.id }, element("h2", {}, section.title), plotFigure({ id: section.id, title: section.title, ...plot })),
    );
  }
  return [element("nav", { "aria-label": "plots" }, contents), ...figures];
}

function render() {
  forgetPlots();
  const view = makeView(report, filters);
  const marked = report.allCells.length - view.cells.length;
  results.replaceChildren(
    element("p", { role: "status", id: "shown" }, `${view.cells.length} of ${report.allCells.length} cells shown${marked > 0 ? "; filters hide the others" : ""}.`),
    ...(view.cells.length === 0 && report.curves.length === 0
      ? [element("p", {}, "No cell passes the filters.")]
      : [
          element("section", { id: "answer" }, element("h2", {}, "Which placement for which need"), answers(view)),
          ...plots(view),
          element("section", { id: "all-cells" }, element("h2", {}, "All cells"), cellTable(view)),
        ]),
  );
}

// A name for "any value" that no value has.
const ANY = "\u0000any";

function filterControl(axis) {
  const values = valuesOf(report.allCells, axis);
  if (values.length < 2) return null;
  const select = element(
    "select",
    {
      id: `filter-${axis}`,
      onchange: () => {
        filters[axis] = select.value === ANY ? null : select.value;
        render();
      },
    },
    element("option", { value: ANY }, `any ${axis}`),
    values.map((value) => element("option", { value }, value || (axis === "device" ? "this machine" : "–"))),
  );
  filters[axis] = null;
  return element("label", {}, axis, select);
}

function searchControl() {
  let pending = 0;
  const input = element("input", {
    type: "search",
    id: "filter-placement",
    placeholder: "e.g. lru",
    oninput: () => {
      clearTimeout(pending);
      pending = setTimeout(() => {
        filters.search = input.value;
        render();
      }, 200);
    },
  });
  return element("label", {}, "placement contains", input);
}

function toolbar() {
  const switchTheme = () => {
    chooseTheme(theme() === "dark" ? "light" : "dark");
    render();
  };
  // Plots are drawn when they come near the window; paper shows them all, and on white.
  const print = async () => {
    const before = theme();
    chooseTheme("light");
    render();
    await drawAll();
    window.print();
    chooseTheme(before);
    render();
  };
  return element(
    "div",
    { class: "toolbar" },
    element("button", { type: "button", id: "theme", onclick: switchTheme }, "Light or dark"),
    element("button", { type: "button", onclick: print }, "Print"),
  );
}

chooseTheme(null);
onThemeChange(render);
window.addEventListener("beforeprint", drawAll);
document.title = `${report.title} · tierscope`;
document.getElementById("main").append(
  element("header", {}, element("h1", {}, report.title), element("p", { class: "subtitle" }, report.manifests[0]?.description ?? ""), toolbar()),
  element("form", { class: "filters", role: "search", "aria-label": "filters", onsubmit: (event) => event.preventDefault() }, FILTERS.map(filterControl), searchControl()),
  ...[failures(report), report.comparison ? comparison(report) : null, results, provenance(report)].filter(Boolean),
);
render();
