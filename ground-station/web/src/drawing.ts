// The venue that an officer draws or changes, with every step back and forth. Knows no map and sends nothing by itself: nothing that is
// drawn is in force before a plan is made over it.
import { computed, signal } from "@preact/signals";
import type { Imported, LonLat, Reason, Venue, VenueFeature } from "./api.ts";
import { CODES, type ZoneRole } from "./i18n/codes.ts";
import { importVenue, venue } from "./store.ts";

/** A line to follow (a river, a road): no area, so no zone. */
export interface LineFeature { type: "Feature"; properties: { role: "line"; id: string; name: string }; geometry: { type: "LineString"; coordinates: LonLat[] } }
export type Drawn = VenueFeature | LineFeature;
export type DrawnRole = ZoneRole | "line";
export type Geometry = Drawn["geometry"];
/** A venue as it is drawn: members that this page does not know (datum, ground, notes) stay with it. */
export type Draft = Omit<Venue, "features"> & { features: Drawn[] };
export type Tool = "polygon" | "circle" | "point" | "line";

export const ROLES: readonly DrawnRole[] = [...CODES.zone_role, "line"];
/** What a role may be drawn as; the first is usual. */
export const toolsOf = (role: DrawnRole): readonly Tool[] => (role === "line" ? ["line"] : role === "launch" || role === "landing" ? ["point"] : ["polygon", "circle"]);

/** Steps that can be taken back. */
const STEPS = 100;
/** A circle that is set down by a key, metres. */
export const CIRCLE_M = 30;

const past = signal<readonly Draft[]>([]);
const future = signal<readonly Draft[]>([]);
export const draft = signal<Draft | null>(null);
/** The zone in hand. */
export const picked = signal<string | null>(null);
/** What the next presses on the map draw. */
export const tool = signal<null | { tool: Tool; role: DrawnRole }>(null);
/** Why the venue as drawn was refused. */
export const refused = signal<Reason | null>(null);

export const pickedFeature = computed<Drawn | null>(() => draft.value?.features.find((f) => f.properties.id === picked.value) ?? null);
export const canUndo = computed(() => past.value.length > 0);
export const canRedo = computed(() => future.value.length > 0);

/** The venue in force, as a draft. */
const inForce = (): Draft | null => (venue.value ? { ...venue.value, features: venue.value.features } : null);

/** A draft where there is none: the venue in force. One that was not changed goes along with it. */
export function begin(): void {
  if (draft.value === null || !past.value.length) draft.value = inForce();
}

function become(next: Draft): void {
  if (draft.value) past.value = [...past.value, draft.value].slice(-STEPS);
  future.value = [];
  refused.value = null;
  draft.value = next;
}
export function undo(): void {
  const last = past.value.at(-1);
  if (!last || !draft.value) return;
  future.value = [draft.value, ...future.value];
  past.value = past.value.slice(0, -1);
  draft.value = last;
  refused.value = null;
}
export function redo(): void {
  const [next, ...rest] = future.value;
  if (!next || !draft.value) return;
  past.value = [...past.value, draft.value];
  future.value = rest;
  draft.value = next;
  refused.value = null;
}
/** Back to the venue in force; that too can be taken back. */
export function discard(): void {
  const v = inForce();
  if (v && draft.value) become(v);
  picked.value = null;
}

/** An id that no zone of the draft has: its role and a number. */
function freshId(d: Draft, role: DrawnRole): string {
  const taken = new Set(d.features.map((f) => f.properties.id));
  for (let n = 1; ; n++) { const id = `${role.replace("_", "-")}-${n}`; if (!taken.has(id)) return id; }
}

/** A new zone, in hand at once. */
export function add(role: DrawnRole, geometry: Geometry, radius_m: number | null, name: (n: string) => string): void {
  const d = draft.value;
  if (!d) return;
  const id = freshId(d, role);
  const said = name(id.replace(/^.*-/, ""));
  const f: Drawn | null = geometry.type === "LineString" ? { type: "Feature", properties: { role: "line", id, name: said }, geometry }
    : role === "line" ? null : { type: "Feature", properties: { role, id, name: said, ...(radius_m === null ? {} : { radius_m }) }, geometry };
  if (!f) return;
  become({ ...d, features: [...d.features, f] });
  picked.value = id;
}

/** Changes one zone. Nothing is remembered where nothing changed. */
export function edit(id: string, change: (f: Drawn) => Drawn): void {
  const d = draft.value;
  if (!d) return;
  const features = d.features.map((f) => (f.properties.id === id ? change(f) : f));
  if (JSON.stringify(features) !== JSON.stringify(d.features)) become({ ...d, features });
}
export function reshape(id: string, geometry: Geometry, radius_m: number | null): void {
  edit(id, (f) => ({ ...f, geometry, properties: radius_m === null ? f.properties : { ...f.properties, radius_m } }) as Drawn);
}
export function remove(id: string): void {
  const d = draft.value;
  if (!d) return;
  become({ ...d, features: d.features.filter((f) => f.properties.id !== id) });
  if (picked.value === id) picked.value = null;
}

/** A venue from a file takes the draft's place; its lines come with it. */
export function takeImported(i: Imported): void {
  if (!i.venue) return;
  const lines: LineFeature[] = (i.drawn ?? []).map((l, n) => ({ type: "Feature", properties: { role: "line", id: `line-${n + 1}`, name: l.name }, geometry: { type: "LineString", coordinates: l.points } }));
  become({ ...i.venue, features: [...i.venue.features, ...lines] });
  picked.value = null;
}

export interface Difference { id: string; name: string; kind: "added" | "changed" | "removed" }
/** What the draft is beside the venue in force. */
export const differences = computed<Difference[]>(() => {
  const d = draft.value, v = venue.value;
  if (!d) return [];
  const before = new Map((v?.features ?? []).map((f) => [f.properties.id, JSON.stringify(f)]));
  const now = new Set(d.features.map((f) => f.properties.id));
  const out: Difference[] = [];
  for (const f of d.features) {
    const was = before.get(f.properties.id), { id, name } = f.properties;
    if (was === undefined) out.push({ id, name, kind: "added" });
    else if (was !== JSON.stringify(f)) out.push({ id, name, kind: "changed" });
  }
  for (const f of v?.features ?? []) if (!now.has(f.properties.id)) out.push({ id: f.properties.id, name: f.properties.name, kind: "removed" });
  return out;
});

/** The draft as a file that every reader of GeoJSON opens. */
export const asFile = (d: Draft): string => JSON.stringify(d, null, 1) + "\n";

/** Has the server read the draft, as it reads any venue's file: an id to plan over it, or why not. Null: it is the venue in force. */
export async function handIn(): Promise<{ id: string | null } | { reason: Reason }> {
  const d = draft.value;
  if (!d || !differences.value.length) return { id: null };
  const told = await importVenue(new File([asFile(d)], "venue.geojson"), "");
  if (told.accepted && told.id) { refused.value = null; return { id: told.id }; }
  const reason = told.reason ?? { code: "unknown", params: {} };
  refused.value = reason;
  // The zone at fault comes to hand.
  const place = String(reason.params["place"] ?? "");
  const at = d.features.find((f) => place.split(/[\s,:]+/).includes(f.properties.id));
  if (at) picked.value = at.properties.id;
  return { reason };
}

/** Corners as text: a line each, latitude and longitude. */
export const cornersText = (g: Geometry): string => {
  const list = g.type === "Point" ? [g.coordinates] : g.type === "LineString" ? g.coordinates : (g.coordinates[0] ?? []).slice(0, -1);
  return list.map(([lon, lat]) => `${lat.toFixed(7)}, ${lon.toFixed(7)}`).join("\n");
};
/** And back: null where a line is no place, or too few are left. Holes stay as they are. */
export function cornersFrom(text: string, g: Geometry): Geometry | null {
  const list: LonLat[] = [];
  for (const line of text.split("\n")) {
    if (!line.trim()) continue;
    // People write a wide comma too.
    const [lat, lon, ...rest] = line.split(/[,，\s]+/).filter(Boolean).map(Number);
    if (lat === undefined || lon === undefined || rest.length || !(Math.abs(lat) <= 90) || !(Math.abs(lon) <= 180)) return null;
    list.push([lon, lat]);
  }
  const first = list[0];
  if (!first) return null;
  if (g.type === "Point") return list.length === 1 ? { type: "Point", coordinates: first } : null;
  if (g.type === "LineString") return list.length >= 2 ? { type: "LineString", coordinates: list } : null;
  return list.length >= 3 ? { type: "Polygon", coordinates: [[...list, first], ...g.coordinates.slice(1)] } : null;
}
