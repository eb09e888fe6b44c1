// The screen of incidents: the list beside the map, one incident with its evidence and its time line. The map and the safe orders stay where they are.
import { useEffect, useState } from "preact/hooks";
import type { Deed, Incident } from "../api.ts";
import { MARK } from "../alarms.ts";
import { chosen, chosenIncident, fetchJson, incidentName, isOverdue, minutesWords, NEXT, nowMs, placing, screen, tab, when } from "../cases.ts";
import { CODES } from "../i18n/codes.ts";
import { lang, t, word } from "../i18n/index.ts";
import { has, isOpen, mayStop } from "../session.ts";
import { anomalies, incidents, patrols, reasonWords, replaying } from "../store.ts";
import { assignee, Frame, Line, Signature, Steps, useStep } from "./CaseForms.tsx";
import { Why } from "./Door.tsx";
import { mapDo } from "./MapBox.tsx";
import { PatrolDetail, PatrolList } from "./Patrols.tsx";
import { chosenAnomaly } from "../store.ts";

const FILTERS = ["not_closed", "overdue", "all", ...CODES.incident_state] as const;
type Filter = (typeof FILTERS)[number];
const filterWords = (f: Filter): string => (f === "not_closed" ? t("filter_not_closed") : f === "overdue" ? t("filter_overdue") : f === "all" ? t("filter_all") : word("incident_state", f));

export function Due({ at, done = false }: { at: number | null; done?: boolean }) {
  if (at === null || done) return null;
  const late = isOverdue(at);
  return <span class={late ? "due late" : "due"}>{late ? `▲ ${t("overdue_by", { late: minutesWords(nowMs.value - at) })}` : t("due_in", { left: minutesWords(at - nowMs.value) })}</span>;
}

function choose(i: Incident): void {
  chosenIncident.value = i.number;
  chosenAnomaly.value = i.seen[0]?.id ?? null;
  mapDo.moveTo(i.at);
}

function Item({ i }: { i: Incident }) {
  const on = chosenIncident.value === i.number;
  return (
    <li><button type="button" class={`case-item ${i.state === "closed" ? "closed" : i.priority}`} aria-pressed={on} data-incident={i.number} data-state={i.state} onClick={() => choose(i)}>
      <span class="line"><span class={`mark ${i.state === "closed" ? "" : i.priority}`} aria-hidden="true">{MARK[i.priority]}</span><strong>{i.number} · {incidentName(i)}</strong></span>
      <span class="line small"><span class="tag">{word("incident_state", i.state)}</span><Due at={i.due_ms} /></span>
      <span class="line small">{when(i.opened_ms)}{i.owner ? ` · ${i.owner}` : ""}</span>
    </button></li>
  );
}

function ByHand({ onDone }: { onDone: () => void }) {
  const [words, setWords] = useState("");
  const [priority, setPriority] = useState<(typeof CODES.priority)[number]>("high");
  const at = placing.value?.at ?? null;
  const { busy, reason, run } = useStep(null, (told) => { placing.value = null; if (told.number) chosenIncident.value = told.number; onDone(); });
  const cancel = () => { placing.value = null; onDone(); };
  return (
    <Frame name="open" title={t("open_by_hand")} busy={busy} ready={at !== null && Boolean(words.trim())} onCancel={cancel}
      onSubmit={() => { if (at) void run({ kind: "open", words, priority, lat_deg: at[1], lon_deg: at[0] }); }}>
      <p role="status">{at ? t("place_is", { lat: at[1].toFixed(6), lon: at[0].toFixed(6) }) : t("place_press")}</p>
      <button type="button" data-do="centre" onClick={() => { const c = mapDo.centre(); if (c) placing.value = { at: c }; }}>{t("place_centre")}</button>
      <label class="field"><span>{t("how_urgent")}</span><select data-field="priority" value={priority} onChange={(e) => setPriority(e.currentTarget.value as typeof priority)}>{CODES.priority.map((p) => <option key={p} value={p}>{word("priority", p)}</option>)}</select></label>
      <Line id="words" label={t("what_is_it")} value={words} onValue={setWords} max={500} area />
      <Why reason={reason} />
    </Frame>
  );
}

/** Confirmed anomalies that are in no incident: the opening failed, or they were confirmed before there were incidents. */
function Loose() {
  const inside = new Set(incidents.value.flatMap((i) => i.seen.map((s) => s.id)));
  const loose = anomalies.value.filter((a) => a.state === "confirmed" && !inside.has(a.id));
  const { busy, reason, run } = useStep(null, (told) => { if (told.number) chosenIncident.value = told.number; });
  if (!loose.length || replaying.value || !mayStop.value) return null;
  return <div class="loose">{loose.slice(0, 5).map((a) => <button type="button" key={a.id} disabled={busy} onClick={() => void run({ kind: "open", anomaly: a.id, words: "", priority: a.priority, lat_deg: a.lat_deg, lon_deg: a.lon_deg })}>{t("open_from", { n: a.number, kind: word("anomaly_kind", a.kind) })}</button>)}<Why reason={reason} /></div>;
}

function List() {
  const [filter, setFilter] = useState<Filter>("not_closed");
  const [hand, setHand] = useState(false);
  const [older, setOlder] = useState<Incident[]>([]);
  const known = new Set(incidents.value.map((i) => i.number));
  const all = [...older.filter((i) => !known.has(i.number)), ...incidents.value];
  const fits = (i: Incident) => (filter === "all" ? true : filter === "not_closed" ? i.state !== "closed" : filter === "overdue" ? i.state !== "closed" && isOverdue(i.due_ms) : i.state === filter);
  const shown = all.filter(fits).sort((a, b) => Number(a.state === "closed") - Number(b.state === "closed") || (a.due_ms ?? Infinity) - (b.due_ms ?? Infinity) || b.number - a.number);
  const first = Math.min(...all.map((i) => i.number));
  const more = async () => { const got = await fetchJson<{ incidents: Incident[] }>(`/api/incidents?before=${first}`); if (got) setOlder([...older, ...got.incidents]); };
  return (
    <>
      <div class="case-head">
        <label class="field"><span>{t("shown")}</span><select data-field="filter" value={filter} onChange={(e) => setFilter(e.currentTarget.value as Filter)}>{FILTERS.map((f) => <option key={f} value={f}>{filterWords(f)}</option>)}</select></label>
        {!hand && !replaying.value && mayStop.value && <button type="button" data-do="by-hand" onClick={() => { setHand(true); placing.value = { at: null }; }}>{t("open_by_hand")}</button>}
      </div>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("incidents")}>
        {hand && <ByHand onDone={() => setHand(false)} />}
        <Loose />
        {shown.length ? <ul aria-label={t("incidents")}>{shown.map((i) => <Item key={i.number} i={i} />)}</ul> : <p class="empty">{t("no_incidents")}</p>}
        {filter !== "not_closed" && filter !== "overdue" && Number.isFinite(first) && first > 1 && <button type="button" class="wide" onClick={() => void more()}>{t("older")}</button>}
      </div>
    </>
  );
}

/** Left of the map. */
export function Cases() {
  const pick = (id: "incidents" | "patrols", n: number) => (
    <button type="button" role="tab" id={`case-tab-${id}`} aria-selected={tab.value === id} aria-controls="case-panel" tabIndex={tab.value === id ? 0 : -1} onClick={() => { tab.value = id; }}
      onKeyDown={(e) => { if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return; e.preventDefault(); e.stopPropagation(); tab.value = id === "incidents" ? "patrols" : "incidents"; document.getElementById(`case-tab-${tab.value}`)?.focus(); }}>
      {t(id)} ({n})</button>
  );
  return (
    <aside class="left cases" aria-label={t("incidents")}>
      <div class="panel-head"><h2>{t("incidents_title")}</h2><button type="button" data-do="operate" onClick={() => { screen.value = "operate"; placing.value = null; }}>{t("back_to_flight")}</button></div>
      <div class="tabs" role="tablist">{pick("incidents", incidents.value.filter((i) => i.state !== "closed").length)}{pick("patrols", patrols.value.filter((p) => p.stopped === null).length)}</div>
      <div class="case-panel" role="tabpanel" id="case-panel" aria-labelledby={`case-tab-${tab.value}`}>{tab.value === "incidents" ? <List /> : <PatrolList />}</div>
      <div class="case-foot"><Signature /><ReportButton /></div>
    </aside>
  );
}

/** What a step says beside its kind. */
function deedWords(d: Deed): string {
  const s = d.step;
  const out: (string | null)[] = [];
  if ("to" in s) out.push(assignee(s.to));
  if ("owner" in s) out.push(t("owner_is", { name: s.owner }));
  if ("due_ms" in s) out.push(t("due_at", { at: when(s.due_ms) }));
  if ("outcome" in s) out.push(word("incident_outcome", s.outcome));
  if ("agree" in s) out.push(s.agree ? `✓ ${t("agreed")}` : `✕ ${t("sent_back")}`);
  if ("code" in s) out.push(word("refusal", s.code));
  if ("words" in s && s.words) out.push(s.words);
  return out.filter(Boolean).join(" · ");
}

function History({ i }: { i: Incident }) {
  const [deeds, setDeeds] = useState<Deed[]>([]);
  useEffect(() => {
    let live = true;
    void fetchJson<{ deeds: Deed[] }>(`/api/incidents/${i.number}`).then((got) => { if (live && got) setDeeds(got.deeds); });
    return () => { live = false; };
  }, [i.number, i.steps]);
  return <ol class="case-log" aria-label={t("history")}>{deeds.map((d) => <li key={d.n}><time>{when(d.t_ms)}</time><div><strong>{word("incident_step", d.step.kind)}</strong> · {d.who}<div class="quiet">{deedWords(d)}</div></div></li>)}</ol>;
}

function Detail({ i }: { i: Incident }) {
  const hour = i.closed_ms === null;
  return (
    <section class="case" data-case={i.number} data-state={i.state} aria-labelledby="case-title">
      <header><h2 id="case-title"><span class={`mark ${i.state === "closed" ? "" : i.priority}`} aria-hidden="true">{MARK[i.priority]}</span> {t("incident_n", { n: i.number })} · {incidentName(i)}</h2>
        <p class="state">{word("incident_state", i.state)} <Due at={i.due_ms} /></p>
        {hour && <p class="consequence">{t(NEXT[i.state])}{i.owner ? ` ${t("owner_is", { name: i.owner })}` : ""}</p>}
      </header>
      <Steps i={i} key={`${i.number}-${i.state}`} />
      {i.seen.map((s) => (
        <figure class="evidence" key={s.id}>
          {s.picture && anomalies.value.find((a) => a.id === s.id)?.picture_ready !== false ? <img src={`/api/picture/${s.picture}`} alt={t("picture_alt", { n: s.number })} width="196" height="157" /> : <div class="nopic">{t("picture_none")}</div>}
          <figcaption>{t("evidence_of", { n: s.number, kind: word("anomaly_kind", s.what), name: `P${s.aircraft}`, at: when(s.flagged_ms), m: Math.max(1, Math.round(s.major_m)) })}
            {s.picture && <><br /><span class="quiet">SHA-256</span> <code data-sha256={s.picture}>{s.picture}</code></>}</figcaption>
        </figure>
      ))}
      <dl class="facts">
        <div><dt>{t("place")}</dt><dd>{i.at[1].toFixed(6)}, {i.at[0].toFixed(6)} <button type="button" onClick={() => mapDo.moveTo(i.at)}>{t("show")}</button></dd></div>
        {i.words && <div><dt>{t("what_is_it")}</dt><dd>{i.words}</dd></div>}
        {i.tasks.map((x) => <div key={x.number}><dt>{assignee(x.to)}</dt><dd>{word("task_state", x.state)}{x.code ? ` · ${word("refusal", x.code)}` : ""} · {t("owner_is", { name: x.owner })} · {t("due_at", { at: when(x.due_ms) })}{x.arrived_ms !== null && x.arrived_ms > x.due_ms ? ` · ${t("late")}` : ""}</dd></div>)}
        {i.outcome && <div><dt>{t("outcome")}</dt><dd><strong>{word("incident_outcome", i.outcome.outcome)}</strong> · {i.outcome.by}<br />{i.outcome.words}</dd></div>}
        {i.review && <div><dt>{t("reviewed_by")}</dt><dd>{i.review.by} · {when(i.review.t_ms)}{i.review.words ? ` · ${i.review.words}` : ""}</dd></div>}
        {i.reopened > 0 && <div><dt>{t("reopened")}</dt><dd>{i.reopened}</dd></div>}
      </dl>
      <h3>{t("history")}</h3>
      <History i={i} />
    </section>
  );
}

/** Right of the map. */
export function CaseSide() {
  const i = chosen.value;
  return (
    <aside class="right cases" aria-label={t("details")}>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("details")}>
        {tab.value === "patrols" ? <PatrolDetail /> : i ? <Detail i={i} key={i.number} /> : <p class="empty">{t("choose_incident")}</p>}
      </div>
    </aside>
  );
}

/** The after-action report of what is recorded or replayed, in a tab of its own. */
function ReportButton() {
  const [why, setWhy] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  if (!(isOpen.value || has("pilot") || has("supervisor") || has("evidence"))) return null;
  // The record knows UTC; whoever reads it knows the clock on the wall.
  const path = `/api/report?lang=${lang.value}&ahead_min=${-new Date().getTimezoneOffset()}`;
  const ask = async () => {
    setBusy(true);
    const told = await fetchJson<{ accepted: boolean; reason: { code: string; params: Record<string, string | number> } | null }>(`${path}&check=true`);
    setBusy(false);
    if (!told || !told.accepted) { setWhy(told?.reason ? reasonWords(told.reason) : t("lost")); return; }
    setWhy(null);
    window.open(path, "_blank", "noopener");
  };
  return <div><button type="button" class="wide" data-do="report" disabled={busy} onClick={() => void ask()}>{t("report")}</button>{why && <p class="refusal" role="alert">{why}</p>}</div>;
}
