// The airspace: tracks and volumes left of the map, unknown drones on its right. Shows and says; whoever decides is an officer.
import { bearing, type Anomaly, type LonLat } from "../api.ts";
import { closest, CLOSE_ACROSS_M, CLOSE_UP_M, intruders, nearestOwn, tracks, volumes, type Track } from "../airspace.ts";
import { nowMs, screen } from "../cases.ts";
import { localName, t, word } from "../i18n/index.ts";
import { mayFly } from "../session.ts";
import { airborne, chosenAnomaly, chosenId, now, replaying } from "../store.ts";
import { Item } from "./Anomalies.tsx";
import { askLook, hours, mapDo } from "./MapBox.tsx";

const age = (ms: number): string => (ms < 120_000 ? t("age_s", { n: Math.max(0, Math.round(ms / 1000)) }) : t("age_min", { n: Math.floor(ms / 60_000) }));
const heightOf = (k: Track): string => (k.above_home_m !== null ? t("height_home", { m: Math.round(k.above_home_m) }) : k.amsl_m !== null ? t("height_amsl", { m: Math.round(k.amsl_m) }) : t("height_unknown"));

function choose(k: Track): void {
  if (k.aircraft !== null) chosenId.value = k.aircraft;
  if (k.anomaly) chosenAnomaly.value = k.anomaly.id;
  if (k.at) mapDo.moveTo(k.at);
}

function TrackRow({ k }: { k: Track }) {
  return (
    <li class="air-item" data-track={k.id}>
      <div class="line"><strong>{k.source === "own" ? "➤" : "▲"} {k.name}</strong>{k.at && <button type="button" onClick={() => choose(k)} aria-label={`${t("show")}: ${k.name}`}>{t("show")}</button>}</div>
      <div class="small">{t("track_of", { source: t(k.source === "own" ? "track_own" : "track_remote_id"), height: heightOf(k), age: k.seen_ms === null ? null : age(nowMs.value - k.seen_ms) })}</div>
    </li>
  );
}

const W = 300, H = 190, LEFT = 34, ROOM = 20;
/** Heights side by side: volumes with limits over launch or the ground as bars, our aircraft as lines across. */
function Ladder() {
  void now.value;
  const bars = volumes.value.filter((v) => v.state === "now" && v.frame !== "amsl" && (v.floor_m !== null || v.ceiling_m !== null)).slice(0, 8);
  const own = tracks.value.filter((k) => k.source === "own" && k.above_home_m !== null);
  const top = Math.max(60, ...bars.map((b) => b.ceiling_m ?? 0), ...own.map((k) => (k.above_home_m ?? 0) + 10));
  const y = (m: number) => H - ROOM - (Math.max(0, Math.min(top, m)) / top) * (H - 2 * ROOM);
  const step = top > 200 ? 100 : top > 100 ? 50 : 20;
  const marks = Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => i * step);
  const wide = (W - LEFT) / Math.max(1, bars.length);
  return (
    <figure class="ladder"><h3>{t("ladder")}</h3>
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={t("ladder_words", { n: own.length, zones: bars.length, top: Math.round(top) })}>
        {marks.map((m) => <g key={m}><line x1={LEFT} x2={W} y1={y(m)} y2={y(m)} stroke="currentColor" stroke-opacity="0.2" /><text x={LEFT - 4} y={y(m) + 4} text-anchor="end">{m}</text></g>)}
        {bars.map((b, i) => <g key={b.id}><rect x={LEFT + i * wide + 4} width={Math.max(6, wide - 8)} y={y(b.ceiling_m ?? top)} height={Math.max(2, y(b.floor_m ?? 0) - y(b.ceiling_m ?? top))} fill="currentColor" fill-opacity={b.role === "inclusion" ? 0.06 : 0.22} stroke="currentColor" stroke-opacity="0.5" /><text x={LEFT + i * wide + wide / 2} y={H - 6} text-anchor="middle">{localName(b.name).slice(0, Math.floor(wide / 11))}</text></g>)}
        {own.map((k) => <g key={k.id}><line x1={LEFT} x2={W} y1={y(k.above_home_m ?? 0)} y2={y(k.above_home_m ?? 0)} stroke="currentColor" stroke-width="2" /><text x={W - 4} y={y(k.above_home_m ?? 0) - 4} text-anchor="end" font-weight="700">{k.name} {Math.round(k.above_home_m ?? 0)} m</text></g>)}
      </svg>
    </figure>
  );
}

/** Left of the map. */
export function Tracks() {
  const c = closest.value, near = c !== null && c.across_m < CLOSE_ACROSS_M && (c.up_m === null || c.up_m < CLOSE_UP_M);
  const hm = (at: string): string => hours(at, null).replace(/–$/, "");
  return (
    <aside class="left air" aria-label={t("screen_air")}>
      <div class="panel-head"><h2>{t("screen_air")}</h2><button type="button" data-do="operate" onClick={() => { screen.value = "operate"; }}>{t("back_to_flight")}</button></div>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("tracks")}>
        <p class={`air-item ${near ? "odd" : ""}`} data-closest={c ? Math.round(c.across_m) : ""}><strong>{t("closest")}</strong><br />{c ? t("closest_pair", { a: c.a, b: c.b, across: Math.round(c.across_m), up: c.up_m === null ? null : Math.round(c.up_m) }) : t("closest_none")}</p>
        <Ladder />
        <h3>{t("tracks")} {tracks.value.length}</h3>
        {tracks.value.length ? <ul>{tracks.value.map((k) => <TrackRow key={k.id} k={k} />)}</ul> : <p class="empty">{t("no_tracks")}</p>}
        <h3>{t("volumes")} {volumes.value.length}</h3>
        <ul>{volumes.value.map((v) => (
          <li key={v.id} class={`air-item ${v.state === "now" ? "now" : ""}`} data-volume={v.id} data-state={v.state}>
            <div class="line"><strong>{localName(v.name)}</strong><span class="small">{word("zone_role", v.role)}</span></div>
            <div class="small">{v.floor_m === null && v.ceiling_m === null ? t("whole_height") : t("limits", { floor: v.floor_m ?? 0, ceiling: v.ceiling_m ?? "∞" })} · {v.state === "now" ? t("in_force") : v.state === "over" ? t("over_now") : ""}{v.state === "later" && v.from ? t("from_at", { at: hm(v.from) }) : v.state === "now" && v.until ? ` · ${t("until_at", { at: hm(v.until) })}` : ""}</div>
          </li>))}</ul>
      </div>
    </aside>
  );
}

function Intruder({ a }: { a: Anomaly }) {
  const at: LonLat = [a.lon_deg, a.lat_deg], own = nearestOwn(at);
  return (
    <>
      <li class="air-item" data-intruder={a.id}>
        <div><strong>{own ? t("nearest_own", { name: own.name, m: Math.round(own.m), deg: Math.round(bearing(own.from, at)) }) : t("unknown")}</strong></div>
        <div class="small">{t("intruder_where", { m: Math.max(1, Math.round(a.error.major_m)), age: age(nowMs.value - a.flagged_ms) })} · {a.alt_amsl_m === null ? t("height_unknown") : t("height_amsl", { m: Math.round(a.alt_amsl_m) })}</div>
        <div class="row-do"><button type="button" class="grow" disabled={!airborne.value || replaying.value || !mayFly.value} onClick={() => askLook(at)}>{t("look_there")}</button></div>
      </li>
      <Item a={a} />
    </>
  );
}

/** Right of the map. */
export function Intruders() {
  void now.value;
  return (
    <aside class="right air" aria-label={t("intruders")}>
      <div class="panel-head"><h2>{t("intruders")} {intruders.value.length}</h2></div>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("intruders")}>
        {intruders.value.length ? <ul>{intruders.value.map((a) => <Intruder key={a.id} a={a} />)}</ul> : <p class="empty">{t("no_intruders")}</p>}
      </div>
    </aside>
  );
}
