// Parses the flowcharts of a folder with Mermaid; prints a JSON list of [file, error].
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [place, folder] = process.argv.slice(2);
const require = createRequire(join(place, "package.json"));
const { JSDOM } = require("jsdom");
const { window } = new JSDOM("<!doctype html><body></body>");
Object.assign(globalThis, { window, document: window.document });
const module = join(place, "node_modules", "mermaid", "dist", "mermaid.core.mjs");
const { default: mermaid } = await import(pathToFileURL(module).href);
const faults = [];
for (const name of readdirSync(folder)) {
  try {
    const { diagramType } = await mermaid.parse(readFileSync(join(folder, name), "utf8"));
    if (!diagramType.startsWith("flowchart")) faults.push([name, diagramType]);
  } catch (error) {
    faults.push([name, String(error.message)]);
  }
}
console.log(JSON.stringify(faults));
