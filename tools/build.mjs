// SPDX-License-Identifier: Apache-2.0
// Bundles the browser parts into src/chengyun/web/static/dist, with hashed names and a manifest the pages read.
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const web = path.join(root, "src/chengyun/web");
const dist = path.join(web, "static/dist");

/** MapLibre runs its tile work in a worker, a module of its own; a file of ours, so that `worker-src 'self'` holds. */
async function copyMapWorker() {
  const bytes = await readFile(path.join(root, "node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs"));
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  const name = `map-worker-${hash}.mjs`;
  await writeFile(path.join(dist, name), bytes);
  return name;
}

async function entries(folder, ending) {
  const names = await readdir(path.join(web, folder));
  return names.filter((name) => name.endsWith(ending)).map((name) => path.join(web, folder, name));
}

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const worker = await copyMapWorker();
const result = await build({
  absWorkingDir: root,
  entryPoints: [...(await entries("js", ".page.js")), ...(await entries("css", ".page.css"))],
  outdir: dist,
  bundle: true,
  splitting: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  minify: true,
  sourcemap: false,
  legalComments: "none",
  metafile: true,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".svg": "file", ".png": "file" },
  define: { MAP_WORKER: JSON.stringify(worker) },
  logLevel: "warning",
});

const manifest = {};
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  if (!output.entryPoint) continue;
  const name = path.basename(output.entryPoint).replace(".page.", ".");
  manifest[name] = path.basename(file);
}
const ordered = Object.fromEntries(Object.entries(manifest).sort());
await writeFile(path.join(dist, "manifest.json"), `${JSON.stringify(ordered, null, 2)}\n`);

/** Every file a bundle may come to need, also those it loads later: what a page without network must have at hand. */
function filesOf(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const { path: needed, external } of result.metafile.outputs[file].imports) if (!external) filesOf(needed, found);
  return found;
}

const bundles = {};
for (const [file, output] of Object.entries(result.metafile.outputs)) {
  if (!output.entryPoint?.endsWith(".page.js")) continue;
  const files = [...filesOf(file)].map((one) => path.basename(one)).sort();
  const sources = files.flatMap((one) => Object.keys(result.metafile.outputs[path.join(path.relative(root, dist), one)].inputs));
  if (sources.some((one) => one.includes("maplibre-gl"))) files.push(worker);
  bundles[path.basename(output.entryPoint).replace(".page.", ".")] = files;
}
await writeFile(path.join(dist, "bundles.json"), `${JSON.stringify(bundles, null, 2)}\n`);
