// What needs a hand, derived from the state. Only that: a figure that is merely interesting is not an alarm.
// States: active-unacknowledged (flashes, sounds), active-acknowledged, cleared-unacknowledged (stays until seen). Nothing here is sent anywhere.
import { computed, effect, signal, untracked } from "@preact/signals";
import { AIRBORNE, BEHIND_S, behindS, aircraft, anomalies, chosenAnomaly, chosenId, fast, fleet, linkAge, log, now, replaying, send, serverSilent } from "./store.ts";
import { overdueAlarms } from "./cases.ts";
import { mayStop } from "./session.ts";
import { t, word } from "./i18n/index.ts";
import type { Priority } from "./i18n/codes.ts";
import type { Aircraft, OnLinkLoss } from "./api.ts";
import { beep } from "./sound.ts";

/** `cause`: what alarms of several aircraft have in common; `aircraft`: whose, null: nobody's. */
export interface Alarm { id: string; cause: string; aircraft: number | null; priority: Priority; what: () => string; act: () => string }
export interface ShownAlarm extends Alarm { acked: boolean; cleared: boolean }

export const MARK: Record<Priority, string> = { urgent: "▲", high: "◆", notice: "●" };
export const RANK: Record<Priority, number> = { urgent: 0, high: 1, notice: 2 };
export const LINK_GREY_S = 1;
export const LINK_ALARM_S = 3;
/** Below these the officer is told, per cent. The aircraft's own limit is the plan's; this is the words' limit. */
export const BATTERY_HIGH_PCT = 30;
export const BATTERY_URGENT_PCT = 20;

export const lossWords = (l: OnLinkLoss | null): string => (l ? word("on_link_loss", l.action, { wait_s: l.wait_s }) : t("loss_unknown"));

/** What one aircraft asks for. Words are asked anew each time they are shown: their figures move. */
function alarmsOf(a: Aircraft): Alarm[] {
  const out: Alarm[] = [];
  const latest = () => fast.value.get(a.id) ?? null;
  const f = latest();
  const add = (cause: string, priority: Priority, what: () => string, act: () => string) => { out.push({ id: fleet.value ? `${a.id}:${cause}` : cause, cause, aircraft: a.id, priority, what, act }); };
  if (!f) return out;
  const age = linkAge(f);
  if (age !== null && age >= LINK_ALARM_S && !serverSilent.value && !replaying.value) add("link", "urgent", () => t("alarm_link", { s: Math.floor(linkAge(latest()) ?? 0) }), () => t("alarm_link_do", { loss: lossWords(a.on_link_loss) }));
  if (AIRBORNE.has(f.flight_state)) {
    if (f.verdict === "outside") add("outside", "urgent", () => t("alarm_outside"), () => t("alarm_outside_do"));
    if (f.verdict === "unknown") add("verdict", "urgent", () => t("alarm_verdict"), () => t("alarm_verdict_do"));
    // Close to the fence is how a patrol flies; it asks for a hand only where the guard may do nothing but warn.
    if (f.response === "warn" && f.cause === "fence") add("near", "high", () => t("alarm_near"), () => t("alarm_near_do", { m: latest()?.margin_m ?? null }));
    if (f.in_charge === "autopilot_failsafe") add("failsafe", "urgent", () => t("alarm_failsafe"), () => t("alarm_failsafe_do"));
    if (f.in_charge === "safety_pilot") add("rc", "high", () => t("alarm_rc"), () => t("alarm_rc_do"));
    if (f.in_charge === "other_station") add("other", "high", () => t("alarm_other"), () => t("alarm_other_do"));
    if ((f.response === "hold" || f.response === "return" || f.response === "land_here") && f.cause !== "officer" && f.cause !== "none" && f.cause !== "plan_complete") {
      const { response, cause } = f;
      add(`response-${response}-${cause}`, response === "land_here" ? "urgent" : "high", () => word("response", response), () => t("alarm_response_do", { cause: word("cause", cause) }));
    }
    if (f.battery_pct !== null && f.battery_pct < BATTERY_HIGH_PCT && f.flight_state !== "landing") {
      const urgent = f.battery_pct < BATTERY_URGENT_PCT;
      add(urgent ? "battery-urgent" : "battery", urgent ? "urgent" : "high", () => t("alarm_battery", { p: Math.round(latest()?.battery_pct ?? 0) }), () => { const m = latest()?.endurance_min; return t("alarm_battery_do", { m: m == null ? null : Math.max(0, m) }); });
    }
  }
  if (a.control?.hand_over === "alarm") add("no-officer", "urgent", () => t("alarm_no_officer", { s: aircraft.value.find((x) => x.id === a.id)?.control?.left_s ?? 0 }), () => t("alarm_no_officer_do"));
  if (a.control?.hand_over === "acted") add("no-officer-acted", "urgent", () => t("alarm_no_officer_acted"), () => t("alarm_no_officer_acted_do"));
  if (a.storage_ok === false) add("storage", "high", () => t("alarm_storage"), () => t("alarm_storage_do"));
  if (a.eyes === "failed") add("eyes", "high", () => t("alarm_eyes"), () => t("alarm_eyes_do"));
  return out;
}

const late = computed(() => behindS.value > BEHIND_S);

/** Of every aircraft: one that nobody looks at may not be in trouble unheard. */
const active = computed<Alarm[]>(() => {
  const out: Alarm[] = aircraft.value.flatMap(alarmsOf);
  if (serverSilent.value) out.unshift({ id: "server", cause: "server", aircraft: null, priority: "urgent", what: () => t("alarm_server"), act: () => t("alarm_server_do") });
  else if (late.value) out.unshift({ id: "late", cause: "late", aircraft: null, priority: "urgent", what: () => t("page_late", { s: Math.round(behindS.value) }), act: () => t("page_late_do") });
  const lastOf = log.value.findLast((e) => e.code === "recorder_failed" || e.code === "recorder_started");
  if (lastOf?.code === "recorder_failed") out.push({ id: "recorder", cause: "recorder", aircraft: null, priority: "high", what: () => t("alarm_recorder"), act: () => t("alarm_recorder_do") });
  if (!replaying.value) out.push(...overdueAlarms.value);
  return out.sort((x, y) => RANK[x.priority] - RANK[y.priority]);
});

/** The gravest thing each aircraft asks for. */
export const gravestOf = computed<ReadonlyMap<number, Priority>>(() => {
  const out = new Map<number, Priority>();
  for (const a of active.value) if (a.aircraft !== null && !out.has(a.aircraft)) out.set(a.aircraft, a.priority);
  return out;
});

/** That somebody saw it goes into the record: how long an alarm waited is told from there. */
function tell(alarm: string): void {
  // What the server cannot hear it cannot write down.
  if (!replaying.value && mayStop.value && !serverSilent.value && alarm !== "server" && alarm !== "late") void send({ kind: "acknowledge", alarm });
}

const acked = signal<ReadonlySet<string>>(new Set());
/** Gone, and not yet acknowledged: kept until seen. */
const unseen = signal<ReadonlyMap<string, Alarm>>(new Map());
let before: readonly Alarm[] = [];

const ids = computed(() => active.value.map((a) => a.id).join("|"));
effect(() => {
  void ids.value;
  untracked(() => {
    const nowActive = active.value;
    const still = new Set(nowActive.map((a) => a.id));
    const kept = new Map(unseen.value);
    for (const a of nowActive) kept.delete(a.id);
    for (const a of before) if (!still.has(a.id) && !acked.value.has(a.id) && a.priority !== "notice") kept.set(a.id, frozen(a));
    unseen.value = kept;
    acked.value = new Set([...acked.value].filter((id) => still.has(id)));
    before = nowActive;
  });
});
/** A cleared alarm keeps the words it had. */
function frozen(a: Alarm): Alarm {
  const what = a.what();
  return { ...a, what: () => what };
}

/** Put aside (ISA-18.2: shelved), until when by this page's clock and why. Only of this page: a new one begins without. */
export interface Shelved { id: string; until: number; why: string; words: string }
const shelf = signal<ReadonlyMap<string, Shelved>>(new Map());
export const SHELF_MINUTES = [5, 10, 15] as const;
/** What is put aside and would call otherwise. */
export const shelved = computed<Shelved[]>(() => [...shelf.value.values()].filter((s) => s.until > now.value && active.value.some((a) => a.id === s.id)));
const onShelf = computed<ReadonlySet<string>>(() => new Set(shelved.value.map((s) => s.id)));
/** The gravest is never put aside. */
export const mayShelve = (a: Alarm): boolean => a.priority !== "urgent" && mayStop.value && !replaying.value;
export async function shelve(a: ShownAlarm, idsOfRow: string[], why: string, minutes: number): Promise<boolean> {
  const words = a.what().slice(0, 200), until = now.value + minutes * 60_000;
  for (const id of idsOfRow) {
    if (!(await send({ kind: "shelve", alarm: id, words, reason: why, minutes })).accepted) return false;
    shelf.value = new Map([...shelf.value, [id, { id, until, why, words }]]);
  }
  return true;
}
export function unshelve(id: string): void {
  const rest = new Map(shelf.value);
  rest.delete(id);
  shelf.value = rest;
  // It calls as it did when it was new.
  acked.value = new Set([...acked.value].filter((x) => x !== id));
}
/** Whose time is up calls anew. */
effect(() => {
  const at = now.value;
  untracked(() => { for (const s of shelf.value.values()) if (s.until <= at) unshelve(s.id); });
});

export const alarms = computed<ShownAlarm[]>(() => [
  ...active.value.filter((a) => !onShelf.value.has(a.id)).map((a) => ({ ...a, acked: acked.value.has(a.id), cleared: false })),
  ...[...unseen.value.values()].map((a) => ({ ...a, acked: false, cleared: true })),
].sort((x, y) => Number(x.acked) - Number(y.acked) || RANK[x.priority] - RANK[y.priority]));

/** More than this many are grouped by cause, the first that came on top. */
const GROUP_FROM = 10;
export interface AlarmRow extends ShownAlarm { ids: string[]; aircrafts: number[] }
export const alarmRows = computed<AlarmRow[]>(() => {
  const rows: AlarmRow[] = [];
  const grouped = alarms.value.length > GROUP_FROM;
  for (const a of alarms.value) {
    const same = grouped ? rows.find((r) => r.cause === a.cause && r.acked === a.acked && r.cleared === a.cleared) : undefined;
    if (same) { same.ids.push(a.id); if (a.aircraft !== null) same.aircrafts.push(a.aircraft); }
    else rows.push({ ...a, ids: [a.id], aircrafts: a.aircraft === null ? [] : [a.aircraft] });
  }
  return rows;
});

/** Anomalies already acknowledged (silenced) in this page; deciding one acknowledges it too. */
const seenStored = (() => { try { return JSON.parse(sessionStorage.getItem("seen") ?? "[]") as string[]; } catch { return []; } })();
export const seen = signal<ReadonlySet<string>>(new Set(seenStored));
export function see(id: string): void {
  if (seen.value.has(id)) return;
  seen.value = new Set([...seen.value, id]);
  sessionStorage.setItem("seen", JSON.stringify([...seen.value].slice(-500)));
  tell(`anomaly:${id}`);
}

export const openAnomalies = computed(() => anomalies.value.filter((a) => a.state === "open"));
export const sortedAnomalies = computed(() =>
  [...anomalies.value].sort((a, b) => Number(a.state !== "open") - Number(b.state !== "open") || RANK[a.priority] - RANK[b.priority] || b.flagged_ms - a.flagged_ms));
export const freshAnomalies = computed(() => openAnomalies.value.filter((a) => !seen.value.has(a.id)));

/** Key A: the gravest that was not acknowledged. */
export function acknowledgeNext(): void {
  const alarm = alarms.value.find((a) => !a.acked);
  const fresh = sortedAnomalies.value.find((a) => a.state === "open" && !seen.value.has(a.id));
  if (alarm && (!fresh || RANK[alarm.priority] <= RANK[fresh.priority])) {
    acknowledge(alarm.id);
    // The hands go to the one that called.
    if (alarm.aircraft !== null && !alarm.cleared) chosenId.value = alarm.aircraft;
  } else if (fresh) { see(fresh.id); chosenAnomaly.value = fresh.id; }
}
export function acknowledge(id: string): void {
  tell(id);
  if (unseen.value.has(id)) {
    const kept = new Map(unseen.value);
    kept.delete(id);
    unseen.value = kept;
  } else acked.value = new Set([...acked.value, id]);
}

/** The gravest thing that nobody has acknowledged. */
export const gravest = computed<Priority | null>(() => {
  const all = [...alarms.value.filter((a) => !a.acked && !a.cleared).map((a) => a.priority), ...freshAnomalies.value.map((a) => a.priority)];
  return all.sort((a, b) => RANK[a] - RANK[b])[0] ?? null;
});

effect(() => { document.title = `${gravest.value ? `${MARK[gravest.value]} ` : ""}${t("title")} · Patrol`; });

let lastBeep = -Infinity;
effect(() => {
  const g = gravest.value;
  const at = now.value;
  if (replaying.value || g === null || g === "notice") { if (g === null) lastBeep = -Infinity; return; }
  const every = g === "urgent" ? 3000 : 8000;
  if (at - lastBeep >= every) { lastBeep = at; beep(g === "urgent"); }
});
