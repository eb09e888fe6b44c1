// What is known of the air, from typed events: our own aircraft as they say it ten times a second, and drones that an aircraft of ours heard by
// their Remote ID. Other sensing joins as further sources of the same tracks. Draws nothing.
import { computed } from "@preact/signals";
import { metresBetween, type Anomaly, type LonLat } from "./api.ts";
import { nowMs } from "./cases.ts";
import { AIRBORNE, anomalies, fast, nameOf, now, venue } from "./store.ts";

export interface Track {
  id: string; source: "own" | "remote_id"; name: string; at: LonLat | null; above_home_m: number | null; amsl_m: number | null;
  /** When it was last heard of, server time; null: now. */
  seen_ms: number | null; anomaly: Anomaly | null; aircraft: number | null;
}

/** The newest word on each unknown drone: what was dismissed is known. */
export const intruders = computed<Anomaly[]>(() => {
  const newest = new Map<string, Anomaly>();
  for (const a of anomalies.value) {
    if (a.kind !== "unknown_drone" || a.state === "dismissed") continue;
    const key = a.subject || a.id, before = newest.get(key);
    if (!before || a.flagged_ms > before.flagged_ms) newest.set(key, a);
  }
  return [...newest.values()].sort((a, b) => b.flagged_ms - a.flagged_ms);
});

export const tracks = computed<Track[]>(() => {
  void now.value; // four times a second is enough for a list
  const own: Track[] = [...fast.peek().values()].map((f) => ({ id: `own-${f.id}`, source: "own", name: nameOf(f.id), at: f.at, above_home_m: f.alt_above_home_m, amsl_m: null, seen_ms: null, anomaly: null, aircraft: f.id }));
  const heard: Track[] = intruders.value.map((a) => ({ id: `rid-${a.id}`, source: "remote_id", name: a.subject || a.id, at: [a.lon_deg, a.lat_deg], above_home_m: null, amsl_m: a.alt_amsl_m, seen_ms: a.flagged_ms, anomaly: a, aircraft: null }));
  return [...heard, ...own];
});

export interface Pair { a: string; b: string; across_m: number; up_m: number | null }
/** Nearer than this in both, two of ours are too close to leave unsaid, metres. */
export const CLOSE_ACROSS_M = 30, CLOSE_UP_M = 10;
/** The two of our own in the air that are closest, across the ground. */
export const closest = computed<Pair | null>(() => {
  void now.value;
  const up = [...fast.peek().values()].filter((f) => f.at && AIRBORNE.has(f.flight_state));
  let best: Pair | null = null;
  up.forEach((f, i) => {
    for (const g of up.slice(i + 1)) {
      const across_m = metresBetween(f.at as LonLat, g.at as LonLat);
      if (!best || across_m < best.across_m) best = { a: nameOf(f.id), b: nameOf(g.id), across_m, up_m: f.alt_above_home_m === null || g.alt_above_home_m === null ? null : Math.abs(f.alt_above_home_m - g.alt_above_home_m) };
    }
  });
  return best;
});

/** Our aircraft nearest to a place. */
export function nearestOwn(at: LonLat): { name: string; from: LonLat; m: number } | null {
  let best: { name: string; from: LonLat; m: number } | null = null;
  for (const f of fast.peek().values()) {
    if (!f.at) continue;
    const m = metresBetween(f.at, at);
    if (!best || m < best.m) best = { name: nameOf(f.id), from: f.at, m };
  }
  return best;
}

export interface Volume { id: string; name: string; role: string; floor_m: number | null; ceiling_m: number | null; frame: string; state: "now" | "later" | "over"; from: string | null; until: string | null }
/** Every zone with heights, hours or a duty of its own, those in force first. */
export const volumes = computed<Volume[]>(() => {
  const at = nowMs.value;
  const out = (venue.value?.features ?? []).filter((f) => f.properties.role !== "launch" && f.properties.role !== "landing").map((f): Volume => {
    const p = f.properties, from = p.from ? Date.parse(p.from) : -Infinity, until = p.until ? Date.parse(p.until) : Infinity;
    return { id: p.id, name: p.name, role: p.role, floor_m: p.floor_m ?? null, ceiling_m: p.ceiling_m ?? null, frame: p.limit_frame ?? "above_home", state: at < from ? "later" : at >= until ? "over" : "now", from: p.from ?? null, until: p.until ?? null };
  });
  const order = { now: 0, later: 1, over: 2 };
  return out.sort((a, b) => order[a.state] - order[b.state]);
});
