// What crosses between page and server (API.md), and the reading of a binary batch. No state, no network.
import { CODES, type AnomalyKind, type Cause, type Code, type FlightState, type InCharge, type Priority, type Response, type Verdict, type ZoneRole } from "./i18n/codes.ts";
import type { Params } from "./i18n/index.ts";

/** [longitude, latitude] in degrees, WGS-84. */
export type LonLat = [number, number];

export interface Reason { code: string; params: Params; at?: LonLat | null }
export interface OnLinkLoss { action: Code<"on_link_loss">; wait_s: number | null }

export interface Aircraft {
  id: number; name: string; system_id: number; autopilot: string | null; mode: string | null; armed: boolean | null; simulated: boolean;
  plan_state: Code<"plan_state">; plan?: string | null; upload?: Upload; on_link_loss: OnLinkLoss | null; home: LonLat | null;
  gps: { fix: number; satellites: number | null } | null; wind_mps: number | null; voltage_v: number | null;
  eyes: "off" | "running" | "restarting" | "failed"; storage_ok: boolean | null; pending: number; camera_ms: number | null;
  control?: Control | null;
  order: { id?: number; kind: Code<"order_kind">; at: LonLat | null; state: Code<"order_state">; reason: Reason | null } | null;
}

export interface Line { line: number; trust: "signed" | "wired_lab" | null; up: boolean; loss_pct: number | null; best: boolean }
/** Who has the aircraft: the companion's word. */
export interface Control {
  station: number | null; line: number | null; officer: string; before: string; hand_over: "none" | "alarm" | "acted"; left_s: number | null;
  refused: number; dropped: number; lines: Line[]; age_s: number;
}

export interface Anomaly {
  id: string; aircraft: number; number: number; kind: AnomalyKind; priority: Priority; rule: string; subject: string;
  first_seen_ms: number; flagged_ms: number; received_ms: number; lat_deg: number; lon_deg: number; alt_amsl_m: number | null;
  error: { major_m: number; minor_m: number; bearing_deg: number }; confidence: number; picture: string | null; picture_ready: boolean;
  state: "open" | "confirmed" | "dismissed"; reason: string | null; note: string | null; decided_ms: number | null;
}

export interface Preflight { aircraft: number; ready: boolean; checks: { check: string; status: "unknown" | "pass" | "fail"; value: number | null }[]; lines?: Line[] | null }

export interface Finding { code: Code<"rehearsal_finding">; params: Params }
/** One flight of a rehearsal. Clearance below 0 is outside. */
export interface RehearsedCase {
  case: Code<"rehearsal_case">; fault_s: number | null; landed: boolean; landed_at: LonLat; from_home_m: number; in_crowd: boolean; flight_s: number; battery_pct: number; min_clearance_m: number | null; clearance_zone: string;
  deeds: { t_s: number; at: LonLat; above_home_m: number; state: string; response: string; cause: string }[];
}
export interface RehearsalResult {
  plan: string; name: string; autopilot: string; seed: number; wind_mps: number; places: [number, number]; passed: boolean; blocking: Finding[]; notes: Finding[];
  watched: { zone: string; covered_pct: number; worst_age_s: number }[]; found: { what: Code<"rehearsal_staged">; at: LonLat; appears_s: number; in_view_s: number; found_s: number | null }[];
  cases: RehearsedCase[]; simulated_s: number; real_time_factor: number;
}
export interface ReflownFlight { flight_s: number; length_m: number; highest_m: number; min_clearance_m: number | null; clearance_zone: string; alarms: Record<string, number>; track: { t_s: number; at: LonLat; above_home_m: number }[] }
/** A recording's plan flown again in the simulator, beside what was recorded. */
export interface Reflown {
  plan: string; name: string; autopilot: string; seed: number; wind_mps: number; recorded: ReflownFlight; again: ReflownFlight; case: RehearsedCase;
  apart: { p50_m: number; p95_m: number; most_m: number; most_at: LonLat; ends_m: number }; problems: string[];
}
/** The rehearsal of this very plan. `needed`: no launch without one that passed, or a duty officer's word. */
export interface Rehearsal {
  needed: boolean; state: "none" | "waiting" | "running" | "passed" | "blocked" | "failed"; part: number; result: RehearsalResult | null; words: string | null; overridden: { officer: string; reason: string } | null;
}

export interface Plan {
  name: string; hash: string; path: [number, number, number][]; items: (LonLat | null)[]; home: LonLat; rally: LonLat[]; gained?: LonLat[];
  alt_max_m: number; speed_mps: number; time_s: number; distance_m: number; reserve_pct: number; on_link_loss: OnLinkLoss;
  rehearsal?: Rehearsal;
  /** Who is to fly it; absent in recordings from before fleets: all. */
  aircraft?: number[];
  upload: Upload;
}
export interface Upload { state: "idle" | "sending" | "checking" | "on_aircraft" | "failed"; sent: number; total: number; reason: Reason | null }

/** An anomaly as it stood when it was taken into an incident. */
export interface SeenAnomaly { id: string; number: number; what: AnomalyKind; aircraft: number; flagged_ms: number; at: LonLat; major_m: number; picture: string | null }
export type Assignee = { aircraft: number } | { team: string };
export interface CaseTask { number: number; to: Assignee; owner: string; t_ms: number; by: string; due_ms: number; arrived_ms: number | null; state: Code<"task_state">; code: string | null }
export interface Incident {
  number: number; state: Code<"incident_state">; priority: Priority; words: string; at: LonLat; seen: SeenAnomaly[]; opened_ms: number; opened_by: string; owner: string | null; due_ms: number | null;
  tasks: CaseTask[]; outcome: { outcome: Code<"incident_outcome">; by: string; t_ms: number; words: string } | null; review: { by: string; t_ms: number; words: string } | null;
  closed_ms: number | null; reopened: number; steps: number; changed_ms: number;
}
export interface Flown { t_ms: number; by: string; whole: boolean; anomalies: number; flight: string }
export interface PatrolFinding { number: number; t_ms: number; by: string; words: string; mender: string; due_ms: number; mended_ms: number | null; mended_by: string | null }
export interface Patrol { number: number; name: string; plan: string; owner: string; every_min: number; stopped: string | null; last: Flown | null; broken_off: Flown | null; findings: PatrolFinding[]; due_ms: number | null; deeds: Deed[] }
/** A step in an incident or a patrol, as it is asked for and as it stands in the journal. */
export type Step =
  | { kind: "open"; words: string; priority: Priority; lat_deg: number; lon_deg: number; anomaly?: string }
  | { kind: "link"; anomaly: string }
  | { kind: "note" | "close" | "reopen" | "patrol_stop"; words: string }
  | { kind: "task"; to: Assignee; owner: string; due_ms: number; words: string }
  | { kind: "task_refused"; task: number; code: string }
  | { kind: "arrive"; task: number; words: string }
  | { kind: "extend"; due_ms: number; words: string }
  | { kind: "outcome"; outcome: Code<"incident_outcome">; words: string }
  | { kind: "review"; agree: boolean; words: string }
  | { kind: "patrol_add"; name: string; plan: string; owner: string; every_min: number }
  | { kind: "patrol_change"; owner: string; every_min: number; words: string }
  | { kind: "patrol_flown"; whole: boolean; words: string }
  | { kind: "found"; words: string; mender: string; due_ms: number }
  | { kind: "mended"; finding: number; words: string };
export interface Deed { n: number; t_ms: number; who: string; about: number; step: Step }

export interface Event { t_ms: number; code: string; params: Params; aircraft: number | null; at?: LonLat | null }
export interface Replay { start_ms: number; end_ms: number; now_ms: number; playing: boolean; speed: number; ticks: { t_ms: number; priority: Priority }[] }

export interface VenueFeature {
  type: "Feature"; id?: string;
  properties: { role: ZoneRole; id: string; name: string; floor_m?: number | null; ceiling_m?: number | null; limit_frame?: string | null; from?: string | null; until?: string | null; radius_m?: number | null };
  geometry: { type: "Polygon"; coordinates: LonLat[][] } | { type: "Point"; coordinates: LonLat };
}
export interface Venue { type: "FeatureCollection"; name?: string; features: VenueFeature[] }

export interface Snapshot {
  type: "snapshot"; seq: number; server_ms: number; venue: Venue | null; plan: Plan | null; plans?: Plan[]; aircraft: Aircraft[]; anomalies: Anomaly[];
  preflight: Preflight[]; log: Event[]; replay: Replay | null; incidents?: Incident[]; patrols?: Patrol[];
}
export type Message =
  | Snapshot
  | { type: "aircraft"; seq: number; aircraft: Aircraft }
  | { type: "anomaly"; seq: number; anomaly: Anomaly }
  | { type: "preflight"; seq: number; preflight: Preflight }
  | { type: "plan"; seq: number; plan: Plan | null }
  | { type: "venue"; seq: number; venue: Venue | null }
  | { type: "rehearsal"; seq: number; plan?: string | null; part: number }
  | { type: "event"; seq: number; event: Event }
  | { type: "incident"; seq: number; incident: Incident }
  | { type: "patrol"; seq: number; patrol: Patrol }
  | { type: "replay"; seq: number; replay: Replay };

export type Intent =
  | { kind: "hold"; aircraft: number | null }
  | { kind: "resume" | "return" | "preflight" | "upload"; aircraft: number }
  | { kind: "launch"; aircraft: number; purpose: string; incident: string; pilot: string }
  | { kind: "override_rehearsal"; officer: string; reason: string; aircraft?: number }
  | { kind: "acknowledge"; alarm: string }
  | { kind: "shelve"; alarm: string; words: string; reason: string; minutes: number }
  | { kind: "hand_over"; from: string; to: string }
  | { kind: "take_control"; officer: string }
  | { kind: "land_at"; aircraft: number; site: string }
  | { kind: "look"; aircraft: number; lat_deg: number; lon_deg: number }
  | { kind: "confirm"; anomaly: string }
  | { kind: "dismiss"; anomaly: string; reason: string; note: string }
  | { kind: "replay"; op: "play" | "pause" | "seek" | "speed"; value: number };

export interface Answer { accepted: boolean; reason: Reason | null }
/** The answer to a venue file. */
export interface Imported {
  accepted: boolean; reason: Reason | null; kind?: Code<"venue_kind">; name?: string; zones?: number; boundaries?: number; keep_outs?: number;
  /** Which of the venues read of late: a plan over it is asked for by this. */
  id?: string; venue?: Venue;
  /** Lines that the file draws: none is a zone. */
  drawn?: { name: string; points: LonLat[] }[]; datum_stated?: boolean; notes?: { code: Code<"import_note">; about: string; words: string }[];
}
export type Role = Code<"role">;
/** `state`: open (nobody logs in here), first_run, login, in, locked, or over (password and code are asked anew). */
export interface Hello { csrf: string; mode: "live" | "replay"; lang: "zh-CN" | "en" | null; version: string; state?: "open" | "first_run" | "login" | "in" | "locked" | "over"; who?: { name: string; roles: Role[] } | null }

/** Ten times a second, newest wins. Figures are null where the aircraft does not know them. */
export interface Fast {
  id: number; flight_state: FlightState; in_charge: InCharge; verdict: Verdict; at: LonLat | null;
  alt_above_home_m: number | null; heading_deg: number | null; ground_speed_mps: number | null; climb_mps: number | null;
  battery_pct: number | null; endurance_min: number | null; link_age_s: number | null; margin_m: number | null;
  item: number | null; response: Response; cause: Cause;
}

const HEAD_BYTES = 13;
const AIRCRAFT_BYTES = 48;

/** Reads one batch. A short or over-long batch is refused whole (null): half an aircraft is worse than an old one. */
export function readBatch(buffer: ArrayBuffer): { seq: number; server_ms: number; aircraft: Fast[] } | null {
  if (buffer.byteLength < HEAD_BYTES) return null;
  const v = new DataView(buffer);
  const count = v.getUint8(12);
  if (buffer.byteLength !== HEAD_BYTES + count * AIRCRAFT_BYTES) return null;
  const aircraft: Fast[] = [];
  for (let i = 0; i < count; i++) {
    const o = HEAD_BYTES + i * AIRCRAFT_BYTES;
    const num = (at: number) => { const x = v.getFloat32(o + at, true); return Number.isFinite(x) ? x : null; };
    const lat = v.getInt32(o + 4, true), lon = v.getInt32(o + 8, true);
    const item = v.getUint16(o + 44, true);
    aircraft.push({
      id: v.getUint8(o),
      flight_state: CODES.flight_state[v.getUint8(o + 1)] ?? "boot",
      in_charge: CODES.in_charge[v.getUint8(o + 2)] ?? "unknown",
      verdict: CODES.verdict[v.getUint8(o + 3)] ?? "unknown",
      at: lat === 0 && lon === 0 ? null : [lon / 1e7, lat / 1e7],
      alt_above_home_m: num(12), heading_deg: num(16), ground_speed_mps: num(20), climb_mps: num(24),
      battery_pct: num(28), endurance_min: num(32), link_age_s: num(36), margin_m: num(40),
      item: item === 65535 ? null : item,
      response: CODES.response[v.getUint8(o + 46)] ?? "continue",
      cause: CODES.cause[v.getUint8(o + 47)] ?? "none",
    });
  }
  return { seq: v.getUint32(0, true), server_ms: v.getFloat64(4, true), aircraft };
}

/** Metres between two places; enough for a venue (haversine on a sphere). */
export function metresBetween(a: LonLat, b: LonLat): number {
  const rad = Math.PI / 180, dLat = (b[1] - a[1]) * rad, dLon = (b[0] - a[0]) * rad;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a[1] * rad) * Math.cos(b[1] * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * 6371008.8 * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Degrees clockwise from north, a to b. */
export function bearing(a: LonLat, b: LonLat): number {
  const rad = Math.PI / 180, dLon = (b[0] - a[0]) * rad;
  const y = Math.sin(dLon) * Math.cos(b[1] * rad);
  const x = Math.cos(a[1] * rad) * Math.sin(b[1] * rad) - Math.sin(a[1] * rad) * Math.cos(b[1] * rad) * Math.cos(dLon);
  return (Math.atan2(y, x) / rad + 360) % 360;
}
