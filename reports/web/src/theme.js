// Colours of the page are CSS variables; Vega needs them as values. Categories follow Okabe and Ito (legible without
// colour vision), lightened for the dark page.
const CATEGORIES = {
  light: ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#7f3c8d", "#555555", "#a63603", "#2b8a3e"],
  dark: ["#5ab4f0", "#ff8c42", "#3fd1a5", "#e8a3c8", "#e6c229", "#9ad0f5", "#c79be0", "#b8b8b8", "#f0a070", "#7fd18b"],
};

const dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;

export function theme() {
  return chosen ?? (dark.matches ? "dark" : "light");
}

export function chooseTheme(name) {
  chosen = name;
  document.documentElement.dataset.theme = theme();
}

export function onThemeChange(listener) {
  dark.addEventListener("change", () => {
    document.documentElement.dataset.theme = theme();
    listener();
  });
}

export function plotConfig() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const text = colour("--text");
  const line = colour("--line");
  const font = "system-ui, sans-serif";
  const axisText = { labelColor: text, titleColor: text, labelFontSize: 11, titleFontSize: 12, titleFontWeight: 500 };
  return {
    background: colour("--surface"),
    font,
    view: { stroke: null },
    axis: { ...axisText, gridColor: line, domainColor: line, tickColor: line, labelLimit: 340 },
    legend: { ...axisText, labelLimit: 300, symbolStrokeWidth: 2 },
    header: { labelColor: text, titleColor: text, labelFontSize: 12, labelFontWeight: 600, labelLimit: 700 },
    title: { color: text },
    text: { color: text },
    rule: { color: text },
    range: { category: CATEGORIES[theme()] },
  };
}
