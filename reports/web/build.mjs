// Bundles src/ into one HTML file without any reference to the network: node build.mjs OUT.html
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";

const [out] = process.argv.slice(2);
if (!out) throw new Error("usage: node build.mjs OUT.html");

const bundle = await build({
  entryPoints: ["src/main.js"],
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  // Vega's CommonJS packages look for node modules that a page never needs.
  external: ["canvas", "node-fetch", "fs"],
  legalComments: "none",
  write: false,
  logLevel: "warning",
});
const script = bundle.outputFiles[0].text.replaceAll("</script", "<\\/script");
const style = await readFile("src/page.css", "utf8");
const template = await readFile("src/page.html", "utf8");
// Functions, because replacement texts would give "$&" in the bundle a meaning.
const page = template.replace("/* STYLE */", () => style).replace("/* SCRIPT */", () => script);
await writeFile(out, page);
