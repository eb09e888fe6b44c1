// The aircraft card, and below it the event log and the map as a list.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { bearing, metresBetween, type Aircraft, type Fast, type LonLat } from "../api.ts";
import { BATTERY_HIGH_PCT, BATTERY_URGENT_PCT, gravestOf, LINK_ALARM_S, LINK_GREY_S, lossWords, MARK, sortedAnomalies } from "../alarms.ts";
import { localName, t, word } from "../i18n/index.ts";
import { AIRBORNE, aircraft, airborne, chosenId, eventWords, fast, fleet, linkAge, logShown, nameOf, now, plan, planOf, replaying, selected, selectedFast, send, venue } from "../store.ts";
import { mayFly, signedAs } from "../session.ts";
import { askLook, hours } from "./MapBox.tsx";

function Figure({ label, value, unit, tone = "", children, id }: { label: string; value: string; unit: string; tone?: string; children?: ComponentChildren; id: string }) {
  return <div class={tone} data-figure={id}><dt>{label}</dt><dd>{value}{value !== "–" && <small> {unit}</small>}{children}</dd></div>;
}

const text = (v: number | null | undefined, digits: number): string => (v === null || v === undefined ? "–" : v.toFixed(digits));

/** The name given at the last launch or here. */
const pilot = (): string => (signedAs.value ?? localStorage.getItem("pilot") ?? "").trim();

function Card({ a, f }: { a: Aircraft; f: Fast | null }) {
  const age = linkAge(f);
  const stale = age === null || age >= LINK_GREY_S;
  const pct = f?.battery_pct ?? null;
  const battery = !airborne.value || pct === null ? "" : pct < BATTERY_URGENT_PCT ? "bad" : pct < BATTERY_HIGH_PCT ? "odd" : "";
  const margin = airborne.value ? (f?.verdict === "outside" ? "bad" : f?.verdict === "near" ? "odd" : f?.verdict === "unknown" ? "bad" : "") : "";
  const guard = f && f.response !== "continue";
  const whyTone = !guard || f.cause === "officer" || f.cause === "plan_complete" || f.cause === "none" ? "" : f.response === "land_here" ? "bad" : "odd";
  const items = plan.value?.items.length ?? null;
  return (
    <section class="craft" aria-labelledby="craft-name">
      <header><h2 id="craft-name">{a.name}</h2><span class="quiet small">{[a.autopilot?.toUpperCase(), a.mode].filter(Boolean).join(" · ")}</span></header>
      <p class={`state ${stale ? "stale" : ""}`} data-testid="state" data-state={f?.flight_state ?? ""}>{f ? word("flight_state", f.flight_state) : "–"}</p>
      <p><span class={`why ${whyTone}`}>{guard ? `${word("response", f.response)}${f.cause === "none" ? "" : ` · ${word("cause", f.cause)}`}` : f && f.cause !== "none" ? word("cause", f.cause) : " "}</span></p>
      <dl class={`figures ${stale ? "stale" : ""}`}>
        <Figure id="endurance" label={t("endurance")} value={text(f?.endurance_min == null ? null : Math.max(0, f.endurance_min), (f?.endurance_min ?? 0) < 10 ? 1 : 0)} unit={t("minutes")} tone={battery} />
        <Figure id="battery" label={t("battery")} value={text(pct, 0)} unit="%" tone={battery}><div class="bar" aria-hidden="true"><i style={{ width: `${Math.max(0, Math.min(100, pct ?? 0))}%` }} /></div></Figure>
        <Figure id="height" label={t("height")} value={text(f?.alt_above_home_m, 0)} unit={t("metres")} />
        <Figure id="speed" label={t("speed")} value={text(f?.ground_speed_mps, 1)} unit={t("mps")} />
        <Figure id="margin" label={t("to_fence")} value={text(f?.margin_m, 0)} unit={t("metres")} tone={margin} />
        <Figure id="climb" label={t("climb")} value={text(f?.climb_mps, 1)} unit={t("mps")} />
      </dl>
      <dl class="facts">
        <div><dt>{t("loss_behaviour")}</dt><dd><strong>{lossWords(a.on_link_loss)}</strong></dd></div>
        <div><dt>{t("plan_on")}</dt><dd>{word("plan_state", a.plan_state)}{f?.item !== null && f?.item !== undefined && airborne.value ? ` · ${t("item")} ${f.item + 1}${items ? `/${items}` : ""}` : ""}</dd></div>
        {a.gps && <div><dt>GNSS</dt><dd>{a.gps.satellites ?? "–"} {t("satellites")}{a.wind_mps === null ? "" : ` · ${t("wind")} ${a.wind_mps.toFixed(1)} ${t("mps")}`}</dd></div>}
        {a.order && <div><dt>{t("order")}</dt><dd>{word("order_kind", a.order.kind)} · {word("order_state", a.order.state)}</dd></div>}
        {a.control && <div data-control><dt>{t("control_of")}</dt><dd>{a.control.station === null ? t("nobody") : `${a.control.officer ? `${a.control.officer} · ` : ""}${t("station_n", { n: a.control.station })}`}
          {a.control.refused + a.control.dropped > 0 && <span class="quiet small"> · {t("frames_refused", { refused: a.control.refused, dropped: a.control.dropped })}</span>}
          {!replaying.value && a.control.hand_over !== "none" && <button type="button" disabled={!pilot() || !mayFly.value} onClick={() => void send({ kind: "take_control", officer: pilot() })}>{t("take_control")}</button>}</dd></div>}
        {(a.eyes === "restarting" || a.eyes === "failed") && <div><dt>{t("eyes_off")}</dt><dd>{t(a.eyes === "failed" ? "eyes_failed" : "eyes_restarting")}</dd></div>}
      </dl>
    </section>
  );
}

export const clock = (ms: number): string => { const d = new Date(ms); return [d.getHours(), d.getMinutes(), d.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":"); };

/** More lines than this are for the replay. */
const SHOWN_EVENTS = 200;

function Log() {
  const list = logShown.value;
  if (!list.length) return <p class="empty">{t("log_empty")}</p>;
  return <ol class="log" aria-label={t("log")}>{list.slice(-SHOWN_EVENTS).reverse().map((e, i) => <li key={i}><time>{clock(e.t_ms)}</time><span class={/refused|failed|lost|expired/.test(e.code) ? "refused" : ""}>{eventWords(e)}</span></li>)}</ol>;
}

function centreOf(f: { type: "Polygon"; coordinates: LonLat[][] } | { type: "Point"; coordinates: LonLat }): LonLat {
  if (f.type === "Point") return f.coordinates;
  const ring = f.coordinates[0] ?? [];
  const n = Math.max(1, ring.length - 1);
  return ring.slice(0, n).reduce<LonLat>((s, c) => [s[0] + c[0] / n, s[1] + c[1] / n], [0, 0]);
}

function MapList() {
  const origin = plan.value?.home ?? selected.value?.home ?? null;
  const where = (at: LonLat) => (origin ? t("bearing", { deg: Math.round(bearing(origin, at)), m: Math.round(metresBetween(origin, at)) }) : `${at[1].toFixed(5)}, ${at[0].toFixed(5)}`);
  const look = (at: LonLat, name: string) => <button type="button" disabled={!airborne.value || replaying.value || !mayFly.value} aria-label={`${t("look_there")}: ${name}`} onClick={() => askLook(at)}>{t("look_there")}</button>;
  const head = <thead class="hidden-visually"><tr><th scope="col">{t("name")}</th><th scope="col">{t("place")}</th><th scope="col">{t("look_there")}</th></tr></thead>;
  return (
    <>
      <table class="list"><caption>{t("things")}{origin && <span class="quiet small"> · {t("from_home")}</span>}</caption>{head}
        <tbody>
          {[...fast.value.values()].map((f) => <tr key={f.id}><th scope="row">➤ {nameOf(f.id)}<div class="quiet small">{word("flight_state", f.flight_state)}</div></th><td>{f.at ? where(f.at) : t("unknown")}</td><td /></tr>)}
          {sortedAnomalies.value.map((m) => <tr key={m.id}><th scope="row">{MARK[m.priority]} {m.number} {word("anomaly_kind", m.kind)}</th><td>{where([m.lon_deg, m.lat_deg])}</td><td>{look([m.lon_deg, m.lat_deg], `${m.number}`)}</td></tr>)}
        </tbody>
      </table>
      <table class="list"><caption>{t("zones")}</caption>{head}
        <tbody>{(venue.value?.features ?? []).map((z) => {
          const at = centreOf(z.geometry);
          const { floor_m, ceiling_m } = z.properties;
          return <tr key={z.properties.id}><th scope="row">{localName(z.properties.name)}<div class="quiet small">{word("zone_role", z.properties.role)}{ceiling_m !== null && ceiling_m !== undefined ? ` · ${t("limits", { floor: floor_m ?? 0, ceiling: ceiling_m })}` : ""}{hours(z.properties.from, z.properties.until) ? ` · ${hours(z.properties.from, z.properties.until)}` : ""}</div></th><td>{where(at)}</td><td>{z.properties.role === "inclusion" ? null : look(at, localName(z.properties.name))}</td></tr>;
        })}</tbody>
      </table>
    </>
  );
}

const tab = signal<"log" | "list">("log");

function Tab({ id, words }: { id: "log" | "list"; words: string }) {
  const on = tab.value === id;
  const step = (e: KeyboardEvent) => {
    if (e.key !== "ArrowLeft" && e.key !== "ArrowRight") return;
    e.preventDefault();
    e.stopPropagation();
    tab.value = id === "log" ? "list" : "log";
    document.getElementById(`tab-${tab.value}`)?.focus();
  };
  return <button type="button" role="tab" id={`tab-${id}`} aria-selected={on} aria-controls="tab-panel" tabIndex={on ? 0 : -1} onClick={() => { tab.value = id; }} onKeyDown={step}>{words}</button>;
}

/** What an aircraft on the ground waits for, in a word; nothing when it may be launched or flies. */
function waitsFor(a: Aircraft): string {
  const r = planOf(a.id)?.rehearsal, u = a.upload;
  if (u?.state === "failed") return t("fleet_upload_failed");
  if (u && (u.state === "sending" || u.state === "checking")) return t("fleet_uploading");
  if (!r?.needed || r.overridden || r.state === "passed") return "";
  return r.state === "running" ? t("fleet_rehearsing", { pct: Math.round(r.part * 100) }) : r.state === "blocked" || r.state === "failed" ? t("fleet_blocked") : t("fleet_waits");
}

function FleetRow({ a, i }: { a: Aircraft; i: number }) {
  void now.value; // four times a second is enough for fifty rows
  const f = fast.peek().get(a.id) ?? null;
  const age = linkAge(f), pct = f?.battery_pct ?? null;
  const stale = age === null || age >= LINK_GREY_S;
  const grave = gravestOf.value.get(a.id) ?? null;
  const aloft = AIRBORNE.has(f?.flight_state ?? "");
  const waits = aloft ? "" : waitsFor(a);
  const row = useRef<HTMLButtonElement>(null);
  const chosen = a.id === selected.value?.id;
  useEffect(() => { if (chosen) row.current?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  return (
    <li><button ref={row} type="button" class={`${stale ? "stale" : ""} ${grave ?? ""}`} aria-pressed={chosen} data-fleet={a.id} data-state={f?.flight_state ?? ""} onClick={() => { chosenId.value = a.id; }}>
      <span class="key" aria-hidden="true">{i < 9 ? i + 1 : ""}</span>
      <span class={`mark ${grave ?? ""}`} title={grave ? word("priority", grave) : ""}>{grave ? MARK[grave] : ""}{grave && <span class="hidden-visually">{word("priority", grave)}</span>}</span>
      <strong>{a.name}</strong>
      <span class="what">{f ? word("flight_state", f.flight_state) : "–"}{waits && <span class="waits">{waits}</span>}</span>
      <span class={`link ${age !== null && age >= LINK_ALARM_S ? "bad" : ""}`} title={t("link")}>{age === null ? "–" : stale ? `${age.toFixed(0)} ${t("seconds")}` : "✓"}{age !== null && !stale && <span class="hidden-visually">{t("link_ok")}</span>}</span>
      <span class="pct">{pct === null ? "–" : `${Math.round(pct)}%`}</span>
    </button></li>
  );
}

function Fleet() {
  void now.value;
  const up = aircraft.value.filter((a) => AIRBORNE.has(fast.peek().get(a.id)?.flight_state ?? "")).length;
  const silent = aircraft.value.filter((a) => { const age = linkAge(fast.peek().get(a.id) ?? null); return age === null || age >= LINK_ALARM_S; }).length;
  return (
    <section class="fleet" aria-label={t("fleet")}>
      <div class="panel-head"><h2>{t("fleet")} {aircraft.value.length}</h2><span class="small">{t("fleet_counts", { up, ground: aircraft.value.length - up, silent: silent || null })}</span></div>
      <ol tabIndex={-1}>{aircraft.value.map((a, i) => <FleetRow key={a.id} a={a} i={i} />)}</ol>
    </section>
  );
}

export function Left() {
  const a = selected.value;
  return (
    <aside class={`left ${fleet.value ? "many" : ""}`} aria-label={t("aircraft")}>
      {fleet.value && <Fleet />}
      {a ? <Card a={a} f={selectedFast.value} /> : <p class="empty">{t("no_aircraft")}</p>}
      <div class="tabs" role="tablist"><Tab id="log" words={t("log")} /><Tab id="list" words={t("list")} /></div>
      <div class="scroll" role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab.value}`} tabIndex={0}>{tab.value === "log" ? <Log /> : <MapList />}</div>
    </aside>
  );
}
