// The budgets of the console measured against a running server, with the load of the machine beside each figure: size, first map,
// input to frame, anomaly from socket to screen, frames a second, heap. A command, not a test: times depend on the machine.
//   ground-station demo --aircraft 50 --auto --http 127.0.0.1:8777
//   node tests/browser/budgets.mjs http://127.0.0.1:8777/ OUT_DIR [--minutes N]
// N minutes of watching for anomalies and the heap (default 6); the heap's slope is stated with the length it was measured over.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { open } from "./kit.mjs";

const { base, browser, page, deadline, row, shot, until, finish } = await open();
const BUDGET = { gzip_b: 250_000, map_ms: 1500, input_ms: 100, anomaly_ms: 250, fps: 30, heap_mb_h: 6 };
const load = () => readFileSync("/proc/loadavg", "utf8").split(" ")[0];
const told = (name, measured, pass) => row(`${name} (load ${load()})`, measured, pass);
const quantile = (list, q) => (list.length ? [...list].sort((a, b) => a - b)[Math.round((list.length - 1) * q)] : NaN);
const figures = (list) => ({ n: list.length, p50: Math.round(quantile(list, 0.5)), p95: Math.round(quantile(list, 0.95)), max: Math.round(Math.max(...list)) });

/** Runs in the page before anything else: stamps what is measured there. */
const stamps = () => {
  globalThis.measured = { map: null, input: [], anomaly: [], seen: new Set() };
  const m = globalThis.measured;
  // A frame is there when the one after the change has begun.
  const framed = (f) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => f(performance.now()); c.port2.postMessage(null); });
  new MutationObserver(() => { if (m.map === null && document.querySelector(".ol canvas")?.width) framed((t) => { m.map ??= t; }); }).observe(document, { childList: true, subtree: true });
  addEventListener("keydown", (e) => { const at = e.timeStamp; framed((t) => m.input.push(t - at)); }, { capture: true });
  const Real = globalThis.WebSocket;
  globalThis.WebSocket = class extends Real {
    constructor(...a) {
      super(...a);
      this.addEventListener("message", (e) => {
        if (typeof e.data !== "string" || !e.data.startsWith('{"anomaly"') && !e.data.includes('"type":"anomaly"')) return;
        const v = JSON.parse(e.data), at = e.timeStamp;
        if (v.type !== "anomaly" || m.seen.has(v.anomaly.id)) return;
        m.seen.add(v.anomaly.id);
        const look = () => (document.querySelector(`[data-anomaly="${v.anomaly.id}"]`) ? framed((t) => m.anomaly.push(t - at)) : requestAnimationFrame(look));
        look();
      });
    }
  };
};

async function framesASecond(ms, during) {
  const counting = page.evaluate((length) => new Promise((done) => {
    const began = performance.now();
    let n = 0, last = began, worst = 0;
    const step = (t) => { n++; worst = Math.max(worst, t - last); last = t; if (t - began < length) requestAnimationFrame(step); else done({ fps: Math.round((n / (t - began)) * 10_000) / 10, worst_ms: Math.round(worst) }); };
    requestAnimationFrame(step);
  }), ms);
  await during?.();
  return counting;
}

let failed = null;
try {
  // Size.
  let gzip = 0;
  for (const f of ["console.js", "console.css"]) gzip += gzipSync(Buffer.from(await (await fetch(new URL(f, base))).arrayBuffer()), { level: 9 }).length;
  row("JS+CSS gzip, bytes", gzip, gzip <= BUDGET.gzip_b);

  // First map, each time in a browser that has never been here.
  const maps = [];
  for (let i = 0; i < 5; i++) {
    const fresh = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const p = await fresh.newPage();
    await p.addInitScript(stamps);
    await p.goto(base);
    await p.waitForFunction(() => globalThis.measured.map !== null, null, { timeout: 30_000 });
    maps.push(await p.evaluate(() => globalThis.measured.map));
    await fresh.close();
  }
  told("first map, ms", figures(maps), quantile(maps, 0.5) <= BUDGET.map_ms);

  await page.addInitScript(stamps);
  await page.goto(base);
  await until(() => page.locator("[data-testid=connection]:not(.bad)").count(), 20_000);
  await until(() => page.evaluate(() => document.querySelectorAll("[data-fleet]").length > 0 || document.querySelector("[data-testid=state]")?.dataset.state), 60_000);
  const aircraft = Math.max(1, await page.locator("[data-fleet]").count());
  row("aircraft", aircraft, true);
  await page.waitForTimeout(3000);
  await shot("budgets");

  // Keys that change much: theme, language, the selected aircraft.
  const keys = ["n", "2", "l", "1", "n", "3", "l", "4"];
  for (let i = 0; i < 80; i++) { await page.keyboard.press(keys[i % keys.length]); await page.waitForTimeout(120); }
  const input = await page.evaluate(() => globalThis.measured.input);
  told("input to frame, ms", figures(input), quantile(input, 0.95) <= BUDGET.input_ms);

  // What the page costs, whoever else uses the machine.
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  const metric = async (name) => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === name)?.value ?? NaN;
  const cpu = async () => [await metric("ProcessTime"), performance.now() / 1000];
  const [cpu0, at0] = await cpu();

  // Frames: what comes by itself, and while a hand moves the map.
  const still = await framesASecond(8000);
  told(`frames a second, ${aircraft} aircraft`, still, still.fps >= BUDGET.fps);
  const [cpu1, at1] = await cpu();
  row("CPU of the page's process, cores", Math.round(((cpu1 - cpu0) / (at1 - at0)) * 100) / 100, true);
  const box = await page.locator(".ol").boundingBox();
  const x = box.x + box.width / 2, y = box.y + box.height / 2;
  const moved = await framesASecond(8000, async () => {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let i = 0; i < 120; i++) { await page.mouse.move(x + 120 * Math.sin(i / 10), y + 80 * Math.cos(i / 10)); await page.waitForTimeout(50); }
    await page.mouse.up();
  });
  told(`frames a second while the map is dragged, ${aircraft} aircraft`, moved, moved.fps >= BUDGET.fps);

  // Heap after collections, and anomalies as they come.
  const heap = [];
  const began = Date.now();
  while (Date.now() < deadline - 5000 || heap.length < 3) {
    await cdp.send("HeapProfiler.collectGarbage");
    heap.push([(Date.now() - began) / 3.6e6, (await metric("JSHeapUsedSize")) / 1e6]);
    await page.waitForTimeout(15_000);
  }
  const late = heap.slice(Math.floor(heap.length / 3));
  const mx = late.reduce((s, h) => s + h[0], 0) / late.length, my = late.reduce((s, h) => s + h[1], 0) / late.length;
  const slope = late.reduce((s, h) => s + (h[0] - mx) * (h[1] - my), 0) / late.reduce((s, h) => s + (h[0] - mx) ** 2, 0);
  const minutes = (late.at(-1)[0] - late[0][0]) * 60;
  // Over a few minutes a slope says little: it is judged from ten on.
  told("heap, MB an hour", { slope: Math.round(slope * 10) / 10, over_minutes: Math.round(minutes * 10) / 10, at_end_mb: Math.round(heap.at(-1)[1] * 10) / 10 }, minutes < 10 || slope <= BUDGET.heap_mb_h);
  const anomaly = await page.evaluate(() => globalThis.measured.anomaly);
  told("anomaly, socket to screen, ms", figures(anomaly), anomaly.length === 0 || quantile(anomaly, 0.95) <= BUDGET.anomaly_ms);
  await shot("budgets-end");
} catch (e) {
  failed = e;
}
await finish(failed);
