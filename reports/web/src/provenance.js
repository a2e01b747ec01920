// The end of a report: where its figures come from, and how to get them again.
import { element } from "./dom.js";
import { formatValue } from "./format.js";

function facts(object) {
  return element(
    "dl",
    {},
    Object.entries(object).flatMap(([name, value]) => [element("dt", {}, name.replaceAll("_", " ")), element("dd", {}, name.endsWith("bytes") ? formatValue(value, "B") : String(value))]),
  );
}

function files(kind, list) {
  return list.map((file) => facts({ [kind]: file.path, bytes: file.bytes, "xxh3 128": file.xxh3_128, ...(file.disk ?? {}) }));
}

function manifest(one) {
  return element(
    "section",
    { class: "manifest" },
    element("h3", {}, one.shard && one.shard !== "1/1" ? `${one.name}, shard ${one.shard}` : one.name),
    one.description ? element("p", {}, one.description) : null,
    facts({ command: one.command ?? "", started: one.started_at ?? "", seed: one.seed ?? "", ...(one.program ?? {}), ...(one.machine ?? {}) }),
    files("model", one.models ?? []),
    files("trace", one.traces ?? []),
    element("details", {}, element("summary", {}, "Plan"), element("pre", {}, one.plan ?? "")),
    element("details", {}, element("summary", {}, "Manifest as JSON"), element("pre", {}, JSON.stringify(one, null, 1))),
  );
}

export function provenance(report) {
  const commands = element("details", { id: "commands" }, element("summary", {}, `The exact commands of ${report.cells.count} cells`));
  commands.addEventListener("toggle", () => {
    if (commands.open && commands.childElementCount === 1)
      commands.append(element("pre", { tabindex: "0" }, [...new Set(report.cells.command)].join("\n")));
  });
  return element("section", { id: "provenance" }, element("h2", {}, "Where this comes from"), report.manifests.map(manifest), commands);
}

export function failures(report) {
  if (report.failures.length === 0) return null;
  return element(
    "section",
    { id: "failures", class: "warning" },
    element("h2", {}, `${report.failures.length} repeats failed`),
    element("ul", {}, report.failures.map((failure) => element("li", {}, element("code", {}, failure.command), `: ${failure.error}`))),
  );
}
