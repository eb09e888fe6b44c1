// Incidents and the patrol schedule as signals: what is shown, what is overdue, and how a step is asked for. Draws nothing.
import { computed, signal } from "@preact/signals";
import type { Alarm } from "./alarms.ts";
import type { Incident, LonLat, Patrol, Step } from "./api.ts";
import { lang, t, word } from "./i18n/index.ts";
import { isOpen, post, who, type Told } from "./session.ts";
import { incidents, patrols, serverMs } from "./store.ts";

/** Which screen is shown beside the map: the flight, incidents and patrols, the drawing of venues and plans, or what is known of the air. */
export const screen = signal<"operate" | "cases" | "plan" | "air">("operate");
export const tab = signal<"incidents" | "patrols">("incidents");
export const chosenIncident = signal<number | null>(null);
export const chosenPatrol = signal<number | null>(null);
/** An incident is being opened by hand: the map's next press is its place. */
export const placing = signal<{ at: LonLat | null } | null>(null);
/** In whose name steps are done where nobody logs in. */
export const signature = signal(localStorage.getItem("signature") ?? "");
export function sign(name: string): void { signature.value = name; localStorage.setItem("signature", name); }
export const signer = computed(() => (isOpen.value ? signature.value.trim() || who.value?.name || "" : who.value?.name ?? ""));

/** The server's clock in whole seconds: deadlines are its business, and lists are not drawn ten times a second. */
export const nowMs = computed(() => Math.floor(serverMs.value / 1000) * 1000);

export const isOverdue = (dueMs: number | null): boolean => dueMs !== null && nowMs.value > 0 && nowMs.value > dueMs;
export const chosen = computed<Incident | null>(() => incidents.value.find((i) => i.number === chosenIncident.value) ?? null);
export const chosenRound = computed<Patrol | null>(() => patrols.value.find((p) => p.number === chosenPatrol.value) ?? null);

export const overdueIncidents = computed(() => incidents.value.filter((i) => i.state !== "closed" && isOverdue(i.due_ms)).sort((a, b) => (a.due_ms ?? 0) - (b.due_ms ?? 0)));
export const overduePatrols = computed(() => patrols.value.filter((p) => p.stopped === null && isOverdue(p.due_ms)));
export const overdueFindings = computed(() => patrols.value.flatMap((p) => p.findings.filter((f) => f.mended_ms === null && isOverdue(f.due_ms)).map((f) => ({ p, f }))));
export const openIncidents = computed(() => incidents.value.filter((i) => i.state !== "closed"));

/** More overdue incidents than this are one alarm, the first of them named: a flood hides what began it. */
const GROUP_FROM = 10;

export const incidentName = (i: Incident): string => (i.seen[0] ? word("anomaly_kind", i.seen[0].what) : i.words.split("\n")[0] ?? "");
export const minutesWords = (ms: number): string => {
  const min = Math.floor(Math.abs(ms) / 60_000);
  return min < 1 ? t("less_than_minute") : min < 120 ? t("n_minutes", { n: min }) : min < 48 * 60 ? t("n_hours", { n: Math.floor(min / 60) }) : t("n_days", { n: Math.floor(min / 1440) });
};

/** Deadlines that have passed, as alarms: cause, what follows, what to do, how late. */
export const overdueAlarms = computed<Alarm[]>(() => {
  const late = overdueIncidents.value;
  const urgent = (i: Incident) => i.priority === "urgent" && (i.state === "open" || i.state === "tasked");
  const rest = (i: Incident) => minutesWords(nowMs.value - (i.due_ms ?? 0));
  const out: Alarm[] = late.length > GROUP_FROM && late[0]
    ? [{ id: `incidents-${late.length}`, cause: "incidents", aircraft: null, priority: late.some(urgent) ? "urgent" : "high", what: () => t("alarm_incidents", { n: late.length, first: late[0]?.number ?? 0 }), act: () => t("alarm_incidents_do") }]
    : late.map((i) => ({ id: `incident-${i.number}-${i.due_ms}`, cause: `incident-${i.number}`, aircraft: null, priority: urgent(i) ? "urgent" : "high", what: () => t("alarm_incident", { n: i.number, name: incidentName(i), late: rest(i) }), act: () => `${t(NEXT[i.state])}${i.owner ? ` ${t("owner_is", { name: i.owner })}` : ""}` }));
  for (const p of overduePatrols.value) out.push({ id: `patrol-${p.number}-${p.due_ms}`, cause: `patrol-${p.number}`, aircraft: null, priority: "notice", what: () => t("alarm_patrol", { name: p.name }), act: () => t("alarm_patrol_do", { name: p.owner }) });
  for (const { p, f } of overdueFindings.value) out.push({ id: `mend-${p.number}-${f.number}`, cause: `mend-${p.number}-${f.number}`, aircraft: null, priority: "notice", what: () => t("alarm_mend", { name: p.name, words: f.words }), act: () => t("alarm_mend_do", { name: f.mender }) });
  return out;
});
export const NEXT = { open: "next_open", tasked: "next_tasked", on_scene: "next_on_scene", outcome: "next_outcome", reviewed: "next_reviewed", closed: "next_closed" } as const;

export type Stepped = Told & { number?: number | null };
export const freshKey = (): string => (crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join(""));

/** Asks for a step. The same key again does nothing twice. */
export const step = (key: string, about: number | null, what: Step): Promise<Stepped> => post("/api/step", { key, about, by: isOpen.value ? signer.value : "", step: what }) as Promise<Stepped>;

export async function fetchJson<T>(path: string): Promise<T | null> {
  try {
    const r = await fetch(path, { cache: "no-store" });
    return r.ok ? ((await r.json()) as T) : null;
  } catch {
    return null;
  }
}

/** Date and time of day, without seconds. */
export const when = (ms: number | null | undefined): string => (ms === null || ms === undefined ? "–" : new Date(ms).toLocaleString(lang.value, { month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false }));
