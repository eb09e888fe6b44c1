// What needs a hand, derived from the state. Only that: a figure that is merely interesting is not an alarm.
// States: active-unacknowledged (flashes, sounds), active-acknowledged, cleared-unacknowledged (stays until seen). Nothing here is sent anywhere.
import { computed, effect, signal, untracked } from "@preact/signals";
import { airborne, anomalies, linkAge, log, now, replaying, selected, selectedFast, send, serverSilent, chosenAnomaly } from "./store.ts";
import { overdueAlarms } from "./cases.ts";
import { mayStop } from "./session.ts";
import { t, word } from "./i18n/index.ts";
import type { Priority } from "./i18n/codes.ts";
import type { OnLinkLoss } from "./api.ts";
import { beep } from "./sound.ts";

export interface Alarm { id: string; priority: Priority; what: () => string; act: () => string }
export interface ShownAlarm extends Alarm { acked: boolean; cleared: boolean }

export const MARK: Record<Priority, string> = { urgent: "▲", high: "◆", notice: "●" };
export const RANK: Record<Priority, number> = { urgent: 0, high: 1, notice: 2 };
export const LINK_GREY_S = 1;
export const LINK_ALARM_S = 3;
/** Below these the officer is told, per cent. The aircraft's own limit is the plan's; this is the words' limit. */
export const BATTERY_HIGH_PCT = 30;
export const BATTERY_URGENT_PCT = 20;

export const lossWords = (l: OnLinkLoss | null): string => (l ? word("on_link_loss", l.action, { wait_s: l.wait_s }) : t("loss_unknown"));

/** True while the link's age calls for an alarm; a slow signal, so that alarms are not rebuilt ten times a second. */
const active = computed<Alarm[]>(() => {
  const out: Alarm[] = [];
  const a = selected.value, f = selectedFast.value;
  if (serverSilent.value) out.push({ id: "server", priority: "urgent", what: () => t("alarm_server"), act: () => t("alarm_server_do") });
  if (a && f) {
    const age = linkAge(f);
    if (age !== null && age >= LINK_ALARM_S && !serverSilent.value && !replaying.value) out.push({ id: "link", priority: "urgent", what: () => t("alarm_link", { s: Math.floor(linkAge(selectedFast.value) ?? 0) }), act: () => t("alarm_link_do", { loss: lossWords(a.on_link_loss) }) });
    if (airborne.value) {
      if (f.verdict === "outside") out.push({ id: "outside", priority: "urgent", what: () => t("alarm_outside"), act: () => t("alarm_outside_do") });
      if (f.verdict === "unknown") out.push({ id: "verdict", priority: "urgent", what: () => t("alarm_verdict"), act: () => t("alarm_verdict_do") });
      // Close to the fence is how a patrol flies; it asks for a hand only where the guard may do nothing but warn.
      if (f.response === "warn" && f.cause === "fence") out.push({ id: "near", priority: "high", what: () => t("alarm_near"), act: () => t("alarm_near_do", { m: selectedFast.value?.margin_m ?? null }) });
      if (f.in_charge === "autopilot_failsafe") out.push({ id: "failsafe", priority: "urgent", what: () => t("alarm_failsafe"), act: () => t("alarm_failsafe_do") });
      if (f.in_charge === "safety_pilot") out.push({ id: "rc", priority: "high", what: () => t("alarm_rc"), act: () => t("alarm_rc_do") });
      if (f.in_charge === "other_station") out.push({ id: "other", priority: "high", what: () => t("alarm_other"), act: () => t("alarm_other_do") });
      if ((f.response === "hold" || f.response === "return" || f.response === "land_here") && f.cause !== "officer" && f.cause !== "none" && f.cause !== "plan_complete") {
        const { response, cause } = f;
        out.push({ id: `response-${response}-${cause}`, priority: response === "land_here" ? "urgent" : "high", what: () => word("response", response), act: () => t("alarm_response_do", { cause: word("cause", cause) }) });
      }
      if (f.battery_pct !== null && f.battery_pct < BATTERY_HIGH_PCT && f.flight_state !== "landing") {
        const urgent = f.battery_pct < BATTERY_URGENT_PCT;
        out.push({ id: urgent ? "battery-urgent" : "battery", priority: urgent ? "urgent" : "high", what: () => t("alarm_battery", { p: Math.round(selectedFast.value?.battery_pct ?? 0) }), act: () => t("alarm_battery_do", { m: selectedFast.value?.endurance_min == null ? null : Math.max(0, selectedFast.value.endurance_min) }) });
      }
    }
    if (a.control?.hand_over === "alarm") out.push({ id: "no-officer", priority: "urgent", what: () => t("alarm_no_officer", { s: selected.value?.control?.left_s ?? 0 }), act: () => t("alarm_no_officer_do") });
    if (a.control?.hand_over === "acted") out.push({ id: "no-officer-acted", priority: "urgent", what: () => t("alarm_no_officer_acted"), act: () => t("alarm_no_officer_acted_do") });
    if (a.storage_ok === false) out.push({ id: "storage", priority: "high", what: () => t("alarm_storage"), act: () => t("alarm_storage_do") });
    if (a.eyes === "failed") out.push({ id: "eyes", priority: "high", what: () => t("alarm_eyes"), act: () => t("alarm_eyes_do") });
  }
  const lastOf = log.value.findLast((e) => e.code === "recorder_failed" || e.code === "recorder_started");
  if (lastOf?.code === "recorder_failed") out.push({ id: "recorder", priority: "high", what: () => t("alarm_recorder"), act: () => t("alarm_recorder_do") });
  if (!replaying.value) out.push(...overdueAlarms.value);
  return out.sort((x, y) => RANK[x.priority] - RANK[y.priority]);
});

/** That somebody saw it goes into the record: how long an alarm waited is told from there. */
function tell(alarm: string): void {
  // What the server cannot hear it cannot write down.
  if (!replaying.value && mayStop.value && !serverSilent.value && alarm !== "server") void send({ kind: "acknowledge", alarm });
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

export const alarms = computed<ShownAlarm[]>(() => [
  ...active.value.map((a) => ({ ...a, acked: acked.value.has(a.id), cleared: false })),
  ...[...unseen.value.values()].map((a) => ({ ...a, acked: false, cleared: true })),
].sort((x, y) => Number(x.acked) - Number(y.acked) || RANK[x.priority] - RANK[y.priority]));

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
  if (alarm && (!fresh || RANK[alarm.priority] <= RANK[fresh.priority])) acknowledge(alarm.id);
  else if (fresh) { see(fresh.id); chosenAnomaly.value = fresh.id; }
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
