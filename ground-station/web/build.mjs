// Bundles the console into dist/ with stable names, and writes src/i18n/codes.json from codes.ts.
// Same sources, same bytes: no hashes of time, no absolute paths, no source map. `--check` fails when dist/ is stale.
// Reads only this folder; never the network.
import { build } from "esbuild";
import { readFileSync, writeFileSync, mkdirSync, existsSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const check = process.argv.includes("--check");
const budget = 250 * 1024;
const stale = [];

/** Writes a file, or under --check only compares it. */
function put(path, bytes) {
  const full = join(here, path);
  const next = Buffer.from(bytes);
  if (existsSync(full) && readFileSync(full).equals(next)) return;
  if (check) stale.push(path);
  else {
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, next);
  }
}

/** Loads a TypeScript module that has no side effects. */
async function load(entry) {
  const out = await build({ entryPoints: [join(here, entry)], bundle: true, format: "esm", write: false, logLevel: "error" });
  return import("data:text/javascript;base64," + Buffer.from(out.outputFiles[0].text).toString("base64"));
}

// Both dictionaries name the same parameters in every sentence (the types already hold the keys together).
const { CODES } = await load("src/i18n/codes.ts");
const { zh } = await load("src/i18n/zh.ts");
const { en } = await load("src/i18n/en.ts");
const holes = (s) => [...s.matchAll(/\{(\w+)/g)].map((m) => m[1]).sort().join(",");
function compare(a, b, path) {
  if (typeof a === "string") {
    if (holes(a) !== holes(b)) throw new Error(`dictionaries differ at ${path}: {${holes(a)}} and {${holes(b)}}`);
    if (a === "" || b === "") throw new Error(`empty sentence at ${path}`);
    return;
  }
  for (const k of Object.keys(a)) compare(a[k], b[k], `${path}.${k}`);
}
compare(zh, en, "dict");
put("src/i18n/codes.json", JSON.stringify(CODES, null, 2) + "\n");
// The ground station's report speaks in the same sentences.
put("src/i18n/words.json", JSON.stringify({ "zh-CN": zh.codes, en: en.codes }, null, 1) + "\n");

const out = await build({
  entryPoints: { console: join(here, "src/main.tsx") },
  outdir: join(here, "dist"),
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  write: false,
  metafile: true,
  logLevel: "info",
});
let total = 0;
for (const f of out.outputFiles) {
  const name = "dist/" + f.path.split(/[\\/]/).pop();
  const zipped = gzipSync(f.contents, { level: 9 }).length;
  total += zipped;
  console.log(`${name}  ${f.contents.length} B, ${zipped} B gzip`);
  put(name, f.contents);
}
put("dist/index.html", readFileSync(join(here, "src/index.html")));
put("dist/icon.svg", readFileSync(join(here, "src/icon.svg")));
// What the bundle contains is distributed: its licences go with it.
const notice = ["ol", "preact", "@preact/signals", "@preact/signals-core", "rbush", "quickselect", "earcut"]
  .filter((p) => Object.keys(out.metafile.inputs).some((i) => i.includes(`node_modules/${p}/`)))
  .map((p) => {
    const dir = join(here, "node_modules", p);
    const file = ["LICENSE", "LICENSE.md", "LICENSE.txt"].map((n) => join(dir, n)).find(existsSync);
    const version = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")).version;
    return `${p} ${version}\n\n${file ? readFileSync(file, "utf8").trim() : ""}\n`;
  });
put("dist/LICENSES.txt", notice.join("\n" + "-".repeat(72) + "\n\n"));
const inBundle = new Set(Object.keys(out.metafile.inputs).map((i) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(i)?.[1]).filter(Boolean));
console.log("bundled: " + [...inBundle].sort().join(", "));
console.log(`JS+CSS ${total} B gzip of ${budget}`);
if (total > budget) throw new Error("over the size budget");
if (stale.length) {
  console.error("stale, run npm run build: " + stale.join(", "));
  process.exit(1);
}
