// Mission, link age, connection, who flies now, hold-all; and the alarms below it.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { acknowledge, alarmRows, LINK_ALARM_S, LINK_GREY_S, MARK, mayShelve, SHELF_MINUTES, shelve, shelved, unshelve, type AlarmRow } from "../alarms.ts";
import { lang, localName, t, toggleLang, word } from "../i18n/index.ts";
import { chosenId, connection, fleet, heldAll, heldAllShown, holdAll, linkAge, nameOf, now, plan, replaying, selected, selectedFast, venue } from "../store.ts";
import { blocked, muted, setMuted, wake } from "../sound.ts";
import { theme, toggleTheme } from "../theme.ts";
import { mayPlan, mayStop } from "../session.ts";
import { Icon } from "./Icon.tsx";
import { MeButton } from "./Me.tsx";
import { minutesWords, openIncidents, overdueIncidents, screen } from "../cases.ts";
import { showHelp } from "./Help.tsx";

const SHOWN_ALARMS = 2;

/** Names said of a group; the rest are counted. */
const SHOWN_NAMES = 8;

export function TopBar() {
  const f = selectedFast.value, a = selected.value;
  const age = linkAge(f);
  const who = f?.in_charge ?? "unknown";
  const linkClass = replaying.value ? "" : age === null ? "" : age >= LINK_ALARM_S ? "bad" : "";
  const grey = age === null || age >= LINK_GREY_S;
  return (
    <header class="top">
      <div class="cell mission"><h1 class="label">{t("title")} · {venue.value?.name ? localName(venue.value.name) : t("mission")}</h1><span class="value" title={plan.value?.name}>{plan.value?.name ?? t("no_mission")}</span></div>
      <div class={`cell ${who === "autopilot_failsafe" ? "bad" : who === "safety_pilot" || who === "other_station" ? "odd" : ""}`} data-testid="who"><span class="label">{fleet.value && a ? `${a.name} · ` : ""}{t("who")}</span><span class="value">{f ? word("in_charge", who) : "–"}</span></div>
      <div class={`cell ${linkClass}`} data-testid="link"><span class="label">{fleet.value && a ? `${a.name} · ` : ""}{t("link")}</span><span class={`value ${grey && !linkClass ? "stale" : ""}`} style={{ minWidth: "74px" }}>{age === null ? "–" : `${age.toFixed(1)} ${t("seconds")}`}</span></div>
      <div class={`cell ${connection.value === "open" ? "" : "bad"}`} data-testid="connection"><span class="label">{t("connection")}</span><span class="value">{t(connection.value === "open" ? "connected" : connection.value === "connecting" ? "connecting" : "lost")}</span></div>
      <div class="cell buttons">
        {blocked.value && !muted.value && !replaying.value && <span class="tag odd">{t("sound_blocked")}</span>}
        {replaying.value ? <span class="tag replay">{t("replay_note")}</span> : a?.simulated ? <span class="tag">{t("sim_note")}</span> : null}
        {mayPlan.value && <button type="button" data-do="plan-screen" aria-pressed={screen.value === "plan"} onClick={() => { screen.value = screen.value === "plan" ? "operate" : "plan"; }}>{t("plan_screen")}<kbd>P</kbd></button>}
        <button type="button" data-do="air" aria-pressed={screen.value === "air"} onClick={() => { screen.value = screen.value === "air" ? "operate" : "air"; }}>{t("screen_air")}<kbd>T</kbd></button>
        <button type="button" data-do="cases" class={overdueIncidents.value.length ? "odd" : ""} aria-pressed={screen.value === "cases"} onClick={() => { screen.value = screen.value === "cases" ? "operate" : "cases"; }}>{t("incidents")}{openIncidents.value.length > 0 && <b class="count">{overdueIncidents.value.length ? "▲ " : ""}{openIncidents.value.length}</b>}<kbd>I</kbd></button>
        <button type="button" aria-pressed={muted.value} aria-label={muted.value ? t("unmute") : t("mute")} title={muted.value ? t("unmute") : t("mute")} onClick={() => { wake(); setMuted(!muted.value); }}><Icon name={muted.value ? "quiet" : "sound"} /></button>
        <button type="button" onClick={toggleTheme}>{theme.value === "day" ? t("night") : t("day")}<kbd>N</kbd></button>
        <button type="button" onClick={toggleLang} lang={lang.value === "en" ? "zh-CN" : "en"}>{t("language")}<kbd>L</kbd></button>
        <MeButton />
        <button type="button" onClick={showHelp} aria-label={t("help")} title={t("help")}>?</button>
        <button type="button" class="primary" disabled={replaying.value || !a || !mayStop.value} onClick={holdAll}>{t("hold_all")}</button>
      </div>
    </header>
  );
}

/** How many have confirmed a hold-all, and who has not: said until everybody has. */
function HeldAll() {
  const h = heldAllShown.value;
  if (!h) return null;
  const done = h.confirmed === h.all;
  return (
    <div class={`alarm held ${done ? "notice" : "high acked"}`} data-hold-all={`${h.confirmed}/${h.all}`}>
      <span aria-hidden="true">{done ? "✓" : "…"}</span>
      <div class="what"><strong>{h.all ? t("held_all", { n: h.confirmed, all: h.all }) : t("held_none")}</strong>{!done && <div>{t("held_open", { names: h.open.slice(0, SHOWN_NAMES).join(" "), more: h.open.length > SHOWN_NAMES ? h.open.length - SHOWN_NAMES : null })}</div>}{h.ground > 0 && <span class="small"> · {t("held_ground", { n: h.ground })}</span>}</div>
      <button type="button" onClick={() => { heldAll.value = null; }}>{t("done")}</button>
    </div>
  );
}

function whose(ids: number[]): string {
  if (!fleet.value || !ids.length) return "";
  const names = ids.slice(0, SHOWN_NAMES).map(nameOf).join(" ");
  return `${names}${ids.length > SHOWN_NAMES ? ` +${ids.length - SHOWN_NAMES}` : ""} · `;
}

/** The alarm whose putting aside is asked about. */
const shelving = signal<string | null>(null);

function Shelve({ a }: { a: AlarmRow }) {
  const [why, setWhy] = useState("");
  const [minutes, setMinutes] = useState<number>(SHELF_MINUTES[0]);
  const done = async () => { if (await shelve(a, a.ids, why.trim(), minutes)) shelving.value = null; };
  return (
    <form class="alarm notice shelve" data-form="shelve" onSubmit={(e) => { e.preventDefault(); if (why.trim()) void done(); }}>
      <label class="field what"><span>{t("shelve_why")}</span><input type="text" data-field="shelve-why" maxLength={120} value={why} onInput={(e) => setWhy(e.currentTarget.value)} /></label>
      <label class="field"><span>{t("shelve_for")}</span><select data-field="shelve-for" value={minutes} onChange={(e) => setMinutes(Number(e.currentTarget.value))}>{SHELF_MINUTES.map((m) => <option key={m} value={m}>{t("n_minutes", { n: m })}</option>)}</select></label>
      <button type="submit" class="primary" data-do="shelve-it" disabled={!why.trim()}>{t("shelve_do")}</button>
      <button type="button" onClick={() => { shelving.value = null; }}>{t("cancel")}</button>
    </form>
  );
}

/** What was put aside stays in sight. */
function Shelf() {
  if (!shelved.value.length) return null;
  return (
    <details class="shelf" data-shelved={shelved.value.length}>
      <summary>{t("shelved_n", { n: shelved.value.length })}</summary>
      {shelved.value.map((s) => <div key={s.id} class="alarm notice"><span class="what">{t("shelved_left", { words: s.words, left: minutesWords(s.until - now.value), why: s.why })}</span><button type="button" data-do="unshelve" onClick={() => unshelve(s.id)}>{t("unshelve")}</button></div>)}
    </details>
  );
}

export function Alarms() {
  const list = alarmRows.value;
  const rest = list.length - SHOWN_ALARMS;
  return (
    <div class="alarms" role="alert" aria-live="assertive">
      {list.slice(0, SHOWN_ALARMS).map((a) => (
        <div key={a.id} class={`alarm ${a.priority} ${a.acked ? "acked" : ""}`} data-alarm={a.id} data-of={a.aircrafts.join(" ")}>
          <span class="mark" aria-hidden="true">{MARK[a.priority]}</span>
          <div class="what"><strong>{word("priority", a.priority)} · {whose(a.aircrafts)}{a.what()}</strong><div>{a.act()}</div></div>
          {fleet.value && a.aircraft !== null && a.aircraft !== selected.value?.id && <button type="button" onClick={() => { chosenId.value = a.aircraft; }}>{t("select_it", { name: nameOf(a.aircraft) })}</button>}
          {mayShelve(a) && <button type="button" data-do="shelve" onClick={() => { shelving.value = shelving.value === a.id ? null : a.id; }}>{t("shelve")}</button>}
          {a.acked ? <span>{t("acked")}</span> : <button type="button" onClick={() => a.ids.forEach(acknowledge)}>{t("ack")}<kbd>A</kbd></button>}
        </div>
      ))}
      {list.slice(0, SHOWN_ALARMS).filter((a) => a.id === shelving.value && mayShelve(a)).map((a) => <Shelve key={a.id} a={a} />)}
      <Shelf />
      <HeldAll />
      {rest > 0 && <div class="alarm notice"><span>{t("alarm_more", { n: rest })}</span></div>}
    </div>
  );
}
