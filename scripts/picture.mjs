// The top of a report as README shows it: the first answer, and latency against memory of what it is about.
//   node picture.mjs FOLDER_OF_NODE_MODULES REPORT.html OUT.png
import { createRequire } from "node:module";
import { resolve } from "node:path";

const [modules, report, out] = process.argv.slice(2);
const { chromium } = createRequire(`${resolve(modules)}/`)("playwright-core");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1000, height: 900 }, colorScheme: "light", deviceScaleFactor: 1.5 });
await page.goto(`file://${resolve(report)}`);
await page.locator("#all-cells").waitFor();
for (const [axis, value] of [["source", "measured"], ["compute", "real"]])
  if (await page.locator(`#filter-${axis}`).count()) await page.selectOption(`#filter-${axis}`, value);
await page.locator("#pareto").scrollIntoViewIfNeeded();
await page.waitForFunction(() => document.querySelector("#pareto .plot").dataset.drawn === "true");
// Controls and what lies between mean nothing on a picture.
await page.addStyleTag({ content: ".toolbar, .filters, #shown, nav, .actions, .subtitle { display: none !important; }" });
await page.evaluate(() => window.scrollTo(0, 0));
const bottom = await page.locator("#pareto").evaluate((node) => node.getBoundingClientRect().bottom);
await page.screenshot({ path: out, fullPage: true, clip: { x: 0, y: 0, width: 1000, height: Math.ceil(bottom) + 12 } });
await browser.close();
