const DECIMAL = ["B", "kB", "MB", "GB", "TB"];

// Three significant digits with the unit, as the program prints them.
export function formatValue(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "B" || unit === "B/s") {
    let scaled = value;
    let step = 0;
    while (scaled >= 999.5 && step + 1 < DECIMAL.length) {
      scaled /= 1000;
      step += 1;
    }
    const digits = step === 0 ? 0 : scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0;
    return `${scaled.toFixed(digits)} ${DECIMAL[step]}${unit === "B/s" ? "/s" : ""}`;
  }
  if (unit === "ms" && value !== 0 && Math.abs(value) < 0.1) return formatValue(1000 * value, "us");
  const text = Math.abs(value) >= 999.5 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
  return unit ? `${text} ${unit}` : text;
}

export function formatPercent(share) {
  return `${share >= 0 ? "+" : "−"}${Math.abs(100 * share).toFixed(1)} %`;
}

export function toCsv(rows) {
  if (rows.length === 0) return "";
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const quoted = (value) => {
    const text = value === null || value === undefined ? "" : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns, ...rows.map((row) => columns.map((column) => row[column]))]
    .map((line) => line.map(quoted).join(","))
    .join("\n")
    .concat("\n");
}
