// Everything that moves or flashes, drawn straight on one canvas: aircraft, trail, anomalies, the place asked for. Keeps no state of its own but the trail.
import type { Anomaly, Fast, LonLat } from "../api.ts";
import type { Palette } from "./style.ts";
import { MARK, RANK } from "../alarms.ts";

const FONT = '"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif';
const TRAIL_POINTS = 1500;
/** With more aircraft than this the others' trails are cut, and only the chosen and the abnormal say their height. */
const MANY = 8;
const SHORT_TRAIL = 60;
const SMALL = 0.65;

/** Where an aircraft has been, thinned to a point every 0.3 s or so, bounded. */
export class Trails {
  private trails = new Map<number, { t: number; at: LonLat }[]>();
  add(id: number, t: number, at: LonLat): void {
    const trail = this.trails.get(id) ?? [];
    const last = trail.at(-1);
    if (last && t < last.t) trail.length = 0; // a replay went back
    else if (last && (t - last.t < 300 || (last.at[0] === at[0] && last.at[1] === at[1]))) return;
    trail.push({ t, at });
    if (trail.length > TRAIL_POINTS) trail.splice(0, trail.length - TRAIL_POINTS);
    this.trails.set(id, trail);
  }
  of(id: number): { t: number; at: LonLat }[] { return this.trails.get(id) ?? []; }
  clear(): void { this.trails.clear(); }
}

export interface Scene {
  palette: Palette;
  pixel: (at: LonLat) => [number, number] | null;
  craft: { f: Fast; name: string; stale: boolean; abnormal: "none" | "high" | "urgent"; chosen: boolean }[];
  trails: Trails;
  anomalies: { a: Anomaly; word: string; chosen: boolean; fresh: boolean }[];
  /** Incidents by hand are marked; the chosen one is ringed. */
  incidents: { at: LonLat; number: number; chosen: boolean; mark: boolean }[];
  target: LonLat | null;
  order: LonLat | null;
  flash: boolean;
  /** CSS pixels across. */
  width: number;
}

/** Draws one frame in CSS pixels; the caller has scaled and cleared the context. */
export function draw(c: CanvasRenderingContext2D, s: Scene): void {
  const p = s.palette;
  c.lineJoin = "round";
  c.lineCap = "round";
  const many = s.craft.length > MANY;
  for (const { f, chosen } of s.craft) {
    const whole = s.trails.of(f.id);
    const trail = many && !chosen ? whole.slice(-SHORT_TRAIL) : whole;
    if (trail.length < 2) continue;
    c.strokeStyle = p.trail;
    c.globalAlpha = 0.55;
    c.lineWidth = 3;
    c.beginPath();
    trail.forEach(({ at }, i) => {
      const q = s.pixel(at);
      if (!q) return;
      if (i === 0) c.moveTo(q[0], q[1]);
      else c.lineTo(q[0], q[1]);
    });
    if (f.at) { const q = s.pixel(f.at); if (q) c.lineTo(q[0], q[1]); }
    c.stroke();
    c.globalAlpha = 1;
  }
  for (const at of [s.order, s.target]) {
    const q = at && s.pixel(at);
    if (!q) continue;
    const asked = at === s.target;
    c.strokeStyle = p.look;
    c.lineWidth = 2.5;
    c.setLineDash(asked ? [5, 4] : []);
    c.beginPath(); c.arc(q[0], q[1], 15, 0, 7); c.stroke();
    c.setLineDash([]);
    c.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) { c.moveTo(q[0] + dx * 8, q[1] + dy * 8); c.lineTo(q[0] + dx * 21, q[1] + dy * 21); }
    c.stroke();
  }
  // Marks from the least to the gravest, so that the gravest lies on top; then words from the gravest on, each moved off those before.
  const ordered = [...s.anomalies].sort((x, y) => Number(x.a.state === "open") - Number(y.a.state === "open") || RANK[y.a.priority] - RANK[x.a.priority]);
  for (const m of ordered) {
    const q = s.pixel([m.a.lon_deg, m.a.lat_deg]);
    if (!q) continue;
    const open = m.a.state === "open";
    const colour = m.a.state === "dismissed" ? p.done : p[m.a.priority];
    c.globalAlpha = m.fresh && s.flash ? 0.35 : m.a.state === "dismissed" ? 0.7 : 1;
    mark(c, q[0], q[1], m.a.priority, colour, p, open ? 13 : 9, m.a.state !== "dismissed");
    c.globalAlpha = 1;
    if (m.chosen) { c.strokeStyle = p.look; c.lineWidth = 3; c.beginPath(); c.arc(q[0], q[1], 21, 0, 7); c.stroke(); }
  }
  for (const i of s.incidents) {
    const q = s.pixel(i.at);
    if (!q) continue;
    if (i.mark) {
      c.beginPath(); c.roundRect(q[0] - 13, q[1] - 11, 26, 22, 4);
      c.lineWidth = 5; c.strokeStyle = p.halo; c.stroke();
      c.fillStyle = p.high; c.fill();
      c.font = `700 13px ${FONT}`; c.textBaseline = "middle"; c.textAlign = "center"; c.fillStyle = p.markInk;
      c.fillText(String(i.number), q[0], q[1] + 1);
      c.textAlign = "start";
    }
    if (i.chosen) { c.strokeStyle = p.look; c.lineWidth = 3; c.beginPath(); c.arc(q[0], q[1], 22, 0, 7); c.stroke(); }
  }
  // What several aircraft report of one thing has one plate, which says how many more there are.
  const plates: { m: Scene["anomalies"][number]; q: [number, number]; more: number }[] = [];
  for (const m of ordered.reverse()) {
    const q = m.a.state === "open" || m.chosen ? s.pixel([m.a.lon_deg, m.a.lat_deg]) : null;
    if (!q) continue;
    const same = plates.find((p) => p.m.a.aircraft !== m.a.aircraft && p.m.a.kind === m.a.kind && p.m.a.subject === m.a.subject && p.m.a.state === m.a.state && Math.hypot(p.q[0] - q[0], p.q[1] - q[1]) < SAME_PX);
    if (!same) plates.push({ m, q, more: 0 });
    else { same.more++; if (m.chosen) same.m = m; }
  }
  const taken: Box[] = [];
  for (const { m, q, more } of plates) {
    const open = m.a.state === "open";
    plate(c, `${MARK[m.a.priority]} ${m.a.number} ${m.word}${more ? ` +${more}` : ""}`, q[0], q[1], s.width, open ? p[m.a.priority] : p.halo, open ? p.markInk : p.label, taken);
  }
  // The chosen and the abnormal lie on top.
  const over = (k: Scene["craft"][number]) => (k.chosen ? 2 : k.abnormal === "none" ? 0 : 1);
  for (const k of [...s.craft].sort((x, y) => over(x) - over(y))) {
    const q = k.f.at && s.pixel(k.f.at);
    if (!q) continue;
    const body = k.stale ? p.craftStale : k.abnormal === "none" ? p.craft : p[k.abnormal];
    if (k.chosen) { c.strokeStyle = p.craft; c.globalAlpha = 0.45; c.lineWidth = 1.5; c.beginPath(); c.arc(q[0], q[1], 24, 0, 7); c.stroke(); c.globalAlpha = 1; }
    c.save();
    c.translate(q[0], q[1]);
    c.rotate(((k.f.heading_deg ?? 0) * Math.PI) / 180);
    if (many && !k.chosen) c.scale(SMALL, SMALL);
    c.beginPath(); c.moveTo(0, -17); c.lineTo(12, 13); c.lineTo(0, 7); c.lineTo(-12, 13); c.closePath();
    c.lineWidth = 5; c.strokeStyle = p.craftEdge; c.stroke();
    if (k.stale) { c.setLineDash([4, 3]); c.lineWidth = 2; c.strokeStyle = body; c.fillStyle = p.craftEdge; c.fill(); c.stroke(); c.setLineDash([]); }
    else { c.fillStyle = body; c.fill(); }
    c.restore();
    const height = many && over(k) === 0 ? null : k.f.alt_above_home_m;
    label(c, height === null ? k.name : `${k.name}  ${Math.round(height)} m`, q[0] + (many && !k.chosen ? 12 : 20), q[1] + (s.craft.length > 1 ? -16 : 20), body, p.halo, many && !k.chosen ? 12 : 14);
  }
}

function mark(c: CanvasRenderingContext2D, x: number, y: number, priority: Anomaly["priority"], colour: string, p: Palette, r: number, full: boolean): void {
  c.beginPath();
  if (priority === "urgent") { c.moveTo(x, y - r * 1.15); c.lineTo(x + r * 1.1, y + r * 0.85); c.lineTo(x - r * 1.1, y + r * 0.85); c.closePath(); }
  else if (priority === "high") { c.moveTo(x, y - r * 1.15); c.lineTo(x + r * 1.15, y); c.lineTo(x, y + r * 1.15); c.lineTo(x - r * 1.15, y); c.closePath(); }
  else c.arc(x, y, r * 0.9, 0, 7);
  c.lineWidth = 5; c.strokeStyle = p.halo; c.stroke();
  if (full) { c.fillStyle = colour; c.fill(); }
  c.lineWidth = 2; c.strokeStyle = colour; c.stroke();
}

interface Box { x: number; y: number; w: number }
const PLATE_H = 24, PLATE_GAP = 20;
/** Reports of one thing lie within this, pixels. */
const SAME_PX = 40;

/** Words on a plate beside a mark, to its left when the edge is near, below another plate that is there already. */
function plate(c: CanvasRenderingContext2D, text: string, x: number, y: number, width: number, fill: string, ink: string, taken: Box[]): void {
  c.font = `700 14px ${FONT}`;
  c.textBaseline = "middle";
  const w = c.measureText(text).width + 14;
  const left = x + PLATE_GAP + w > width - 6 ? x - PLATE_GAP - w : x + PLATE_GAP;
  for (const t of taken) if (left < t.x + t.w && t.x < left + w && Math.abs(y - t.y) < PLATE_H + 2) y = t.y + PLATE_H + 2;
  taken.push({ x: left, y, w });
  c.fillStyle = fill;
  c.beginPath(); c.roundRect(left, y - PLATE_H / 2, w, PLATE_H, 5); c.fill();
  c.fillStyle = ink;
  c.fillText(text, left + 7, y + 1);
}

function label(c: CanvasRenderingContext2D, text: string, x: number, y: number, colour: string, halo: string, size: number): void {
  c.font = `700 ${size}px ${FONT}`;
  c.textBaseline = "middle";
  c.lineWidth = 4;
  c.strokeStyle = halo;
  c.strokeText(text, x, y);
  c.fillStyle = colour;
  c.fillText(text, x, y);
}
