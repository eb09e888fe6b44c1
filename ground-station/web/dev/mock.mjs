// Development only: serves dist/ and speaks API.md with one made-up aircraft, so that the page can be worked on without the server.
// node dev/mock.mjs [--port 8090] [--replay] [--airborne] [--trouble]     Loopback only. Nothing here flies.
import { createServer } from "node:http";
import { readFileSync, existsSync } from "node:fs";
import { createHash, randomUUID } from "node:crypto";
import { deflateSync } from "node:zlib";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { WebSocketServer } from "ws";

const args = process.argv.slice(2);
const flag = (n) => args.includes(n);
const port = Number(args[args.indexOf("--port") + 1] || 8090) || 8090;
const dist = join(dirname(fileURLToPath(import.meta.url)), "..", "dist");
const csrf = randomUUID();
const HOME = [120.0869921, 27.7855562];
const M_LAT = 1 / 111320, M_LON = 1 / (111320 * Math.cos((27.787 * Math.PI) / 180));
const off = (e, n, from = [120.091, 27.787]) => [from[0] + e * M_LON, from[1] + n * M_LAT];
const venue = JSON.parse(readFileSync(join(dist, "../../../missions/venues/sixi-river.geojson"), "utf8"));
const path = [[-300, -140]];
for (let i = 0, y = -140; y <= 150; y += 45, i++) path.push(...(i % 2 ? [[400, y], [-230, y]] : [[-230, y], [400, y]]));
const legs = path.map(([e, n]) => [...off(e, n), 45]);
const loss = { action: "hold_then_return", wait_s: 20 };
const plan = { name: "泗溪河 巡查 sweep", hash: "ab".repeat(32), path: [[...HOME, 0], ...legs, [...HOME, 45]], items: legs.map(([x, y]) => [x, y]), home: HOME, rally: [off(380, -150)], alt_max_m: 45, speed_mps: 8, time_s: 760, distance_m: 5400, reserve_pct: 31, on_link_loss: loss, upload: { state: "on_aircraft", sent: 9100, total: 9100, reason: null } };
const CHECKS = ["plan_read_back", "fence_armed", "failsafe_parameters", "position_quality", "battery_for_plan", "home_inside", "ground_link", "storage", "clock", "own_remote_id", "wind", "autopilot_ready"];
const VALUES = [null, 3, 0, 1.2, 38.5, 0.6, 0.1, null, null, 0.4, 3.4, null];

/** A PNG of a made-up thermal frame: warm blob on a noisy floor. */
function thermal(x0, y0, seed) {
  const w = 320, h = 256, raw = Buffer.alloc((w + 1) * h);
  let s = seed * 2654435761 + 1;
  for (let y = 0; y < h; y++) for (let x = 0; x < w; x++) {
    s = (s * 1664525 + 1013904223) >>> 0;
    raw[y * (w + 1) + 1 + x] = Math.min(255, 60 + 25 * Math.sin(x / 40 + seed) + (s >>> 24) / 10 + 190 * Math.exp(-((x - x0) ** 2 + (y - y0) ** 2) / 60));
  }
  const crcTable = [...Array(256).keys()].map((n) => { for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1; return n >>> 0; });
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]), out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length); body.copy(out, 4);
    out.writeUInt32BE((body.reduce((c, b) => crcTable[(c ^ b) & 255] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0, body.length + 4);
    return out;
  };
  const head = Buffer.alloc(13); head.writeUInt32BE(w); head.writeUInt32BE(h, 4); head[8] = 8;
  return Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), chunk("IHDR", head), chunk("IDAT", deflateSync(raw)), chunk("IEND", Buffer.alloc(0))]);
}

const STATES = ["boot", "recovering", "grounded", "ready", "taking_off", "patrolling", "investigating", "holding", "returning", "landing", "manual"];
const born = Date.now();
const replaying = flag("--replay");
let wall = born;
const sim = { state: "ready", at: HOME.slice(), alt: 0, heading: 70, speed: 0, climb: 0, battery: 96, leg: 0, cause: 0, response: 0, charge: 1, aloftMs: 0, look: null, goal: null };
const aircraft = { id: 1, name: "巡查一号 P1", system_id: 1, autopilot: "px4", mode: "AUTO.LOITER", armed: false, simulated: true, plan_state: "on_aircraft", on_link_loss: loss, home: HOME, gps: { fix: 3, satellites: 16 }, wind_mps: 3.4, voltage_v: 23.1, eyes: "running", storage_ok: true, pending: 0, camera_ms: null, order: null };
const anomalies = [], log = [], pictures = new Map(), answered = new Map(), clients = new Set();
let seq = 0, batchSeq = 0;
const replay = replaying ? { start_ms: born - 600000, end_ms: born, now_ms: born - 600000, playing: true, speed: 1, ticks: [{ t_ms: born - 590000, priority: "urgent" }, { t_ms: born - 575000, priority: "high" }, { t_ms: born - 200000, priority: "notice" }] } : null;
let camera = thermal(160, 128, 1);
const nowMs = () => (replay ? replay.now_ms : Date.now());
const tell = (m) => { const text = JSON.stringify({ ...m, seq: ++seq }); for (const c of clients) c.send(text); };
const event = (code, params = {}, at = null) => { const e = { t_ms: nowMs(), code, params, aircraft: 1, at }; log.push(e); tell({ type: "event", event: e }); };
const preflight = () => ({ aircraft: 1, ready: Date.now() - born > 3000, checks: CHECKS.map((check, i) => ({ check, status: Date.now() - born > 3000 || i !== 3 ? "pass" : "fail", value: VALUES[i] })) });
const snapshot = () => ({ type: "snapshot", seq, server_ms: nowMs(), venue, plan, aircraft: [aircraft], anomalies, preflight: [preflight()], log: log.slice(-200), replay });

const become = (state, cause = 0, response = 0) => { sim.state = state; sim.cause = cause; sim.response = response; event("state", { state }); };
const hex = (b) => createHash("sha256").update(b).digest("hex");
function flag_(kind, priority, subject, at, delayMs) {
  const n = anomalies.length + 1, png = thermal(130 + n * 15, 100 + n * 20, n), sha = hex(png);
  const a = { id: `1-${n}`, aircraft: 1, number: n, kind, priority, rule: kind, subject, first_seen_ms: nowMs() - 900, flagged_ms: nowMs(), received_ms: nowMs(), lat_deg: at[1], lon_deg: at[0], alt_amsl_m: kind === "unknown_drone" ? 130 : null, error: { major_m: 4.2, minor_m: 2.1, bearing_deg: 40 }, confidence: 0.87, picture: kind === "unknown_drone" ? null : sha, picture_ready: false, state: "open", reason: null, note: null, decided_ms: null };
  anomalies.push(a);
  tell({ type: "anomaly", anomaly: a });
  event("anomaly", { number: n, kind }, at);
  if (a.picture) setTimeout(() => { pictures.set(sha, png); a.picture_ready = true; tell({ type: "anomaly", anomaly: a }); event("picture", { number: n }); }, delayMs);
}

function towards(goal, speed, dt) {
  const e = (goal[0] - sim.at[0]) / M_LON, n = (goal[1] - sim.at[1]) / M_LAT, d = Math.hypot(e, n);
  sim.heading = ((Math.atan2(e, n) * 180) / Math.PI + 360) % 360;
  const step = Math.min(d, speed * dt);
  sim.speed = step / dt;
  if (d > 0) sim.at = [sim.at[0] + (e / d) * step * M_LON, sim.at[1] + (n / d) * step * M_LAT];
  return d - step < 1;
}
const staged = [[9, () => flag_("person_in_zone", "urgent", "pontoon-east", off(270, -20), 1800)], [16, () => flag_("unknown_drone", "high", "1581F4XYZ00000000K7", off(60, 180), 0)], [26, () => flag_("person_in_zone", "notice", "pontoon-east", off(300, 5), 2500)]];
function step(dt) {
  sim.speed = 0; sim.climb = 0;
  switch (sim.state) {
    case "taking_off": sim.climb = 4; sim.alt += 4 * dt; if (sim.alt >= 45) { sim.alt = 45; become("patrolling"); } break;
    case "patrolling": if (towards(legs[sim.leg], 8, dt)) sim.leg = (sim.leg + 1) % legs.length; break;
    case "investigating": if (towards(sim.look, 8, dt)) { if (aircraft.order) aircraft.order.state = "done"; become("holding", 1, 2); } break;
    case "returning": if (towards(HOME, 8, dt)) become("landing", sim.cause, sim.response); break;
    case "landing": if (sim.goal && !towards(sim.goal, 8, dt)) break; sim.climb = -2; sim.alt -= 2 * dt; if (sim.alt <= 0) { sim.alt = 0; sim.goal = null; aircraft.armed = false; become("ready", 0, 0); event("disarmed"); } break;
  }
  if (sim.alt > 0) { sim.battery -= 0.045 * dt; sim.aloftMs += dt * 1000; for (const s of staged) if (!s.done && sim.aloftMs > s[0] * 1000) { s.done = true; s[1](); } }
}
function order(kind, at, then) {
  aircraft.order = { kind, at, state: "sent", reason: null };
  event("order_sent", { order: kind });
  tell({ type: "aircraft", aircraft });
  setTimeout(() => { aircraft.order.state = "accepted"; event("order_accepted", { order: kind }); then(); tell({ type: "aircraft", aircraft }); }, 250);
}
const no = (code, params = {}, at) => ({ accepted: false, reason: { code, params, at } });
const yes = { accepted: true, reason: null };
const aloft = () => sim.alt > 0;
function command({ kind, ...p }) {
  if (replay && kind !== "replay") return no("desk.replay_only");
  switch (kind) {
    case "hold": if (!aloft()) return no("refusal.wrong_state"); order(kind, null, () => become("holding", 1, 2)); return yes;
    case "resume": if (!["holding", "investigating"].includes(sim.state)) return no("refusal.wrong_state"); order(kind, null, () => become("patrolling")); return yes;
    case "return": if (!aloft()) return no("refusal.wrong_state"); order(kind, null, () => become("returning", 1, 3)); return yes;
    case "launch": event("launch_recorded", p); order(kind, null, () => { aircraft.armed = true; aircraft.mode = "AUTO.MISSION"; event("armed"); become("taking_off"); }); return yes;
    case "land_at": { const z = venue.features.find((f) => f.properties.id === p.site); if (!z) return no("desk.site_unknown"); order(kind, z.geometry.coordinates, () => { sim.goal = z.geometry.coordinates; become("landing", 1, 4); }); return yes; }
    case "look": {
      const e = (p.lon_deg - 120.091) / M_LON, n = (p.lat_deg - 27.787) / M_LAT;
      if (Math.abs(e) > 440 || Math.abs(n) > 190) return no("refusal.target_outside", { value: Math.max(Math.abs(e) - 440, Math.abs(n) - 190) }, [p.lon_deg, p.lat_deg]);
      order(kind, [p.lon_deg, p.lat_deg], () => { sim.look = [p.lon_deg, p.lat_deg]; become("investigating", 1, 0); }); return yes;
    }
    case "confirm": case "dismiss": { const a = anomalies.find((x) => x.id === p.anomaly); if (!a) return no("desk.anomaly_unknown"); a.state = kind === "confirm" ? "confirmed" : "dismissed"; a.reason = p.reason ?? null; a.note = p.note || null; a.decided_ms = Date.now(); tell({ type: "anomaly", anomaly: a }); event(kind === "confirm" ? "anomaly_confirmed" : "anomaly_dismissed", { number: a.number, reason: a.reason }); return yes; }
    case "preflight": tell({ type: "preflight", preflight: preflight() }); return yes;
    case "upload": return yes;
    case "replay": if (!replay) return no("desk.bad_request");
      if (p.op === "play") replay.playing = true; else if (p.op === "pause") replay.playing = false; else if (p.op === "speed") replay.speed = p.value;
      else if (p.op === "seek") { replay.now_ms = p.value; for (const c of clients) c.send(JSON.stringify({ ...snapshot(), seq: ++seq })); }
      tell({ type: "replay", replay }); return yes;
  }
  return no("desk.bad_request");
}

if (flag("--airborne") || replaying) { sim.state = "patrolling"; sim.alt = 45; sim.at = off(-300, -140); aircraft.armed = true; aircraft.mode = "AUTO.MISSION"; }
event("recorder_started"); event("aircraft_found", { name: aircraft.name }); event("plan_on_aircraft");
let silentUntil = 0;
setInterval(() => {
  const dt = replay ? (replay.playing ? 0.1 * replay.speed : 0) : 0.1;
  if (replay) replay.now_ms = Math.min(replay.end_ms, replay.now_ms + dt * 1000);
  if (dt) step(dt);
  if (flag("--trouble")) {
    const s = Math.floor((Date.now() - born) / 1000) % 40;
    sim.charge = s > 25 && s < 32 ? 2 : s >= 32 ? 3 : 1; sim.response = s > 12 && s < 20 ? 2 : sim.response; sim.cause = s > 12 && s < 20 ? 2 : sim.cause; sim.battery = s > 20 ? 18 : 60;
    if (s === 4) silentUntil = Date.now() + 6000;
  }
  const b = Buffer.alloc(13 + 48);
  b.writeUInt32LE(++batchSeq); b.writeDoubleLE(nowMs(), 4); b[12] = 1;
  let o = 13;
  b[o] = 1; b[o + 1] = STATES.indexOf(sim.state); b[o + 2] = sim.charge; b[o + 3] = flag("--trouble") && sim.charge === 3 ? 3 : 1;
  b.writeInt32LE(Math.round(sim.at[1] * 1e7), o + 4); b.writeInt32LE(Math.round(sim.at[0] * 1e7), o + 8);
  const e = (sim.at[0] - 120.091) / M_LON, n = (sim.at[1] - 27.787) / M_LAT;
  const age = Math.max(0.05 + Math.random() * 0.1, (Date.now() - (silentUntil - 6000)) / 1000);
  [sim.alt, sim.heading, sim.speed, sim.climb, sim.battery, (sim.battery - 25) / 2.7, Date.now() < silentUntil ? age : 0.08 + Math.random() * 0.1, Math.min(440 - Math.abs(e), 190 - Math.abs(n))].forEach((v, i) => b.writeFloatLE(v, o + 12 + i * 4));
  b.writeUInt16LE(sim.leg, o + 44); b[o + 46] = sim.response; b[o + 47] = sim.cause;
  for (const c of clients) c.send(b);
}, 100);
setInterval(() => { camera = thermal(160 + Math.random() * 40, 128, Math.floor(Date.now() / 500) % 1000); aircraft.camera_ms = nowMs(); tell({ type: "aircraft", aircraft }); tell({ type: "preflight", preflight: preflight() }); if (replay) tell({ type: "replay", replay }); }, 1000);

const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", txt: "text/plain; charset=utf-8" };
const server = createServer((q, r) => {
  const path = new URL(q.url, "http://x").pathname;
  const json = (v, code = 200) => { r.writeHead(code, { "Content-Type": "application/json" }); r.end(JSON.stringify(v)); };
  r.setHeader("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'");
  if (path === "/api/hello") return json({ csrf, mode: replay ? "replay" : "live", lang: null, version: "mock" });
  if (path === "/api/camera/1") { r.writeHead(200, { "Content-Type": "image/png", "Cache-Control": "no-store" }); return r.end(camera); }
  if (path.startsWith("/api/picture/")) { const p = pictures.get(path.slice(13)); r.writeHead(p ? 200 : 404, { "Content-Type": "image/png" }); return r.end(p); }
  if (path.startsWith("/api/plan") && q.method === "POST") { q.resume(); plan.upload = { state: "on_aircraft", sent: 9100, total: 9100, reason: null }; tell({ type: "plan", plan }); return json(yes); }
  if (path === "/api/command" && q.method === "POST") {
    if (q.headers["x-csrf"] !== csrf || q.headers.origin !== `http://${q.headers.host}`) return json({}, 403);
    let text = "";
    q.on("data", (d) => { text += d; });
    q.on("end", () => { const { key, intent } = JSON.parse(text); if (!answered.has(key)) answered.set(key, command(intent)); json(answered.get(key)); });
    return;
  }
  const file = join(dist, path === "/" ? "index.html" : path.slice(1));
  if (!file.startsWith(dist) || !existsSync(file)) { r.writeHead(404); return r.end(); }
  r.writeHead(200, { "Content-Type": TYPES[file.split(".").pop()] ?? "application/octet-stream" });
  r.end(readFileSync(file));
});
new WebSocketServer({ server, path: "/api/live" }).on("connection", (c) => { clients.add(c); c.on("close", () => clients.delete(c)); c.send(JSON.stringify(snapshot())); });
server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/`));
