// What every browser story needs: Chromium with the page open, rows that pass or fail, screenshots, axe, sizes of targets.
//   const { page, row, … } = await open();  …  await finish(failed);
// Usage of every story: SCRIPT BASE_URL OUT_DIR [--replay] [--minutes N] [--code FIRST_CODE]. Screenshots and summary.json go to OUT_DIR.
// Exit 0: every check held; 1: one did not; 2: bad usage or no browser. Needs `npm ci` in ground-station/web and a Chromium
// (CHROMIUM, default /usr/bin/chromium); it downloads nothing.
import { createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const bytes = (base32) => { const bits = [...base32.replace(/\s/g, "")].map((c) => ALPHABET.indexOf(c).toString(2).padStart(5, "0")).join(""); return Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2))); };
/** RFC 6238; `ahead` steps of 30 s from now: one of drift is allowed, and no code counts twice. */
export const totp = (secret, ahead = 0) => {
  const at = Buffer.alloc(8);
  at.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const mac = createHmac("sha1", bytes(secret)).update(at).digest(), from = mac[19] & 15;
  return String((mac.readUInt32BE(from) & 0x7fffffff) % 1_000_000).padStart(6, "0");
};

/** `expected`: refusals that the story asks for; the browser writes each on its console. */
export async function open(expected = /status of 404/) {
  const args = process.argv.slice(2);
  const [base, out] = args.filter((a, i) => !a.startsWith("--") && args[i - 1] !== "--minutes" && args[i - 1] !== "--code");
  const replay = args.includes("--replay");
  const minutes = Number(args[args.indexOf("--minutes") + 1]) || 6;
  if (!base || !out) { console.error("usage: BASE_URL OUT_DIR [--replay] [--minutes N]"); process.exit(2); }
  const chromiumPath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const web = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "ground-station", "web");
  if (!existsSync(chromiumPath) || !existsSync(join(web, "node_modules", "playwright-core"))) { console.error("skipped: no Chromium or no node_modules in ground-station/web"); process.exit(2); }
  const require = createRequire(join(web, "package.json"));
  const { chromium } = require("playwright-core");
  const axePath = require.resolve("axe-core/axe.min.js");
  mkdirSync(out, { recursive: true });

  const deadline = Date.now() + minutes * 60_000;
  const rows = [];
  const row = (name, measured, pass) => { rows.push({ name, measured, pass }); console.log(`${pass ? "pass" : "FAIL"}  ${name}: ${typeof measured === "string" ? measured : JSON.stringify(measured)}`); };

  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"],
  });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: false });
  const page = await context.newPage();
  // While the page is worked on: its files as they lie there, not as the binary has them.
  const dist = process.env.CONSOLE_DIST;
  if (dist) for (const [name, contentType] of [["console.js", "text/javascript"], ["console.css", "text/css"]]) await page.route(`**/${name}`, (r) => r.fulfill({ body: readFileSync(join(dist, name)), contentType }));
  const outside = [], errors = [], home = new URL(base);
  page.on("request", (r) => { const u = new URL(r.url()); if (u.host !== home.host && u.protocol !== "data:" && u.protocol !== "blob:") outside.push(r.url()); });
  page.on("pageerror", (e) => errors.push(e.message));
  // A 404 of a picture or preview that is still on its way is no fault of the page.
  page.on("console", (m) => { if (m.type() === "error" && !expected.test(m.text())) errors.push(m.text()); });

  const shot = (name) => page.screenshot({ path: join(out, `${name}.png`) });
  const state = () => page.locator("[data-testid=state]").getAttribute("data-state");
  async function until(what, ms) {
    const end = Math.min(Date.now() + ms, deadline);
    for (;;) {
      const v = await what().catch(() => null);
      if (v) return v;
      if (Date.now() > end) return null;
      await page.waitForTimeout(150);
    }
  }
  /** `where`: another page than the story's own. */
  async function axe(name, where = page) {
    if (!(await where.evaluate(() => "axe" in globalThis))) await where.evaluate(readFileSync(axePath, "utf8"));
    const found = await where.evaluate(async () => {
      const r = await globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
      return r.violations.map((v) => ({ id: v.id, n: v.nodes.length, first: v.nodes[0]?.html.slice(0, 120), why: v.nodes[0]?.failureSummary?.slice(0, 200) }));
    });
    row(`axe ${name}`, found, found.length === 0);
  }
  async function smallTargets(name) {
    const small = await page.evaluate(() => [...document.querySelectorAll("button, input, select, textarea")].filter((e) => e.offsetParent !== null).map((e) => ({ e: e.outerHTML.slice(0, 80), r: e.getBoundingClientRect() })).filter(({ r }) => r.width > 0 && (r.height < 43.5 || r.width < 43.5)).map(({ e, r }) => `${Math.round(r.width)}x${Math.round(r.height)} ${e}`));
    row(`targets 44 px ${name}`, small, small.length === 0);
  }
  /** The story's end, however it came to it; `cause` is what was thrown. */
  async function finish(cause) {
    if (cause) {
      row("ran to the end", String(cause?.stack ?? cause).slice(0, 600), false);
      await shot("failed").catch(() => {});
    } else {
      row("requests off the machine", outside, outside.length === 0);
      row("errors in the page", errors, errors.length === 0);
    }
    await browser.close();
    const summary = { base, replay, passed: rows.filter((r) => r.pass).length, failed: rows.filter((r) => !r.pass).length, rows };
    writeFileSync(join(out, "summary.json"), JSON.stringify(summary, null, 2) + "\n");
    console.log(`${summary.passed} passed, ${summary.failed} failed`);
    process.exit(summary.failed ? 1 : 0);
  }
  return { base, out, browser, page, code: args[args.indexOf("--code") + 1], replay, deadline, row, shot, state, until, axe, smallTargets, finish };
}
