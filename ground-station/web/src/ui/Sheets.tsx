// The bottom sheets: launch, land at a site, go look here. They take room from the map and never cover it.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { metresBetween, type Imported, type LonLat, type Reason } from "../api.ts";
import { CODES, type Code } from "../i18n/codes.ts";
import { lossWords } from "../alarms.ts";
import { checkFigure, localName, t, word } from "../i18n/index.ts";
import { signedAs } from "../session.ts";
import { fleet, importVenue, plan, preflight, reasonWords, selected, selectedFast, send, sendPlan, sheet, upload, venue } from "../store.ts";
import { Refly } from "./Refly.tsx";
import { isRehearsed, Override, Rehearsal } from "./Rehearsal.tsx";
import { Slide } from "./Slide.tsx";

const close = () => { sheet.value = null; };
/** With several aircraft every sheet says whose it is. */
const whose = (title: string): string => (fleet.value && selected.value ? `${selected.value.name} · ${title}` : title);

function Frame({ title, children }: { title: string; children: ComponentChildren }) {
  useEffect(() => {
    const key = (e: KeyboardEvent) => { if (e.key === "Escape") close(); };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  return <section class="sheet" aria-label={title}><header><h2>{title}</h2><button type="button" onClick={close}>{t("close")}<kbd>Esc</kbd></button></header>{children}</section>;
}

function Launch() {
  const a = selected.value, p = plan.value;
  const list = preflight.value.find((x) => x.aircraft === a?.id) ?? null;
  const [purpose, setPurpose] = useState("");
  const [incident, setIncident] = useState("");
  const [pilot, setPilot] = useState(signedAs.value ?? localStorage.getItem("pilot") ?? "");
  const [armed, setArmed] = useState(false);
  const [refusal, setRefusal] = useState<(() => string) | null>(null);
  const id = a?.id;
  useEffect(() => { if (id !== undefined) void send({ kind: "preflight", aircraft: id }); }, [id]);
  const waiting = list ? list.checks.filter((c) => c.status !== "pass").length : null;
  const filled = Boolean(purpose.trim() && incident.trim() && pilot.trim());
  // The aircraft says whether it is ready: a check that this aircraft cannot measure may be unknown and block nothing.
  const ready = Boolean(list?.ready), rehearsed = isRehearsed();
  useEffect(() => { if (!ready || !filled || !rehearsed) setArmed(false); }, [ready, filled, rehearsed]);
  if (!a || !p) return <Frame title={t("launch")}><p class="refusal">{word("refusal", "desk.no_plan")}</p></Frame>;
  const u = upload.value ?? p.upload;
  const launch = async () => {
    if (!signedAs.value) localStorage.setItem("pilot", pilot.trim());
    const r = await send({ kind: "launch", aircraft: a.id, purpose: purpose.trim(), incident: incident.trim(), pilot: pilot.trim() });
    if (r.accepted) close();
    else { setArmed(false); setRefusal(() => () => reasonWords(r.reason)); }
  };
  return (
    <Frame title={t("launch_title", { name: a.name })}>
      <div class="cols">
        <div>
          <Gained />
          {u.state !== "on_aircraft" && <Upload />}
          <h3 class="hidden-visually">{t("preflight")}</h3>
          {list ? <ul class="checks">{list.checks.map((c) => (
            <li key={c.check} class={c.status} data-check={c.check}>
              <span class="mark" aria-hidden="true">{c.status === "pass" ? "✓" : c.status === "fail" ? "✕" : "…"}</span>
              <span class="name">{word("check", c.check)}</span>
              <span class="figure">{checkFigure(c.check, c.value)} <span class={c.status === "pass" ? "hidden-visually" : ""}>{t(c.status === "pass" ? "pass" : c.status === "fail" ? "fail" : list.ready ? "not_measured" : "waiting")}</span></span>
            </li>))}</ul> : <p role="status">{t("no_preflight")}</p>}
          {list?.lines && <ul class="checks" data-lines>{list.lines.map((l) => (
            <li key={l.line} class={l.trust === "signed" ? "pass" : "unknown"}>
              <span class="mark" aria-hidden="true">{l.trust === "signed" ? "✓" : "…"}</span>
              <span class="name">{t("line_trust", { n: l.line, trust: t(l.trust === "signed" ? "trust_signed" : l.trust === "wired_lab" ? "trust_wired_lab" : "trust_none") })}</span>
              <span class="figure">{l.up ? "" : t("line_silent")}</span>
            </li>))}</ul>}
          <button type="button" style={{ marginTop: "8px" }} onClick={() => void send({ kind: "preflight", aircraft: a.id })}>{t("recheck")}</button>
          <Rehearsal />
        </div>
        <div>
          <label class="field"><span>{t("purpose")}</span><input type="text" maxLength={120} value={purpose} onInput={(e) => setPurpose(e.currentTarget.value)} /></label>
          <div class="pair">
            <label class="field"><span>{t("incident")}</span><input type="text" maxLength={60} value={incident} onInput={(e) => setIncident(e.currentTarget.value)} /></label>
            <label class="field"><span>{t("pilot")}</span><input type="text" maxLength={60} autocomplete="name" readOnly={signedAs.value !== null} value={pilot} onInput={(e) => setPilot(e.currentTarget.value)} /></label>
          </div>
          {refusal && <p class="refusal" role="alert">{refusal()}</p>}
          {!ready ? <p class="consequence" role="status">{waiting === null ? t("no_preflight") : t("fix_checks", { n: waiting })}</p>
            : !filled ? <p class="consequence" role="status">{t("fill_all")}</p>
            : !rehearsed ? <p class="consequence" role="status" data-unrehearsed>{t("rehearsal_wait")}</p>
            : <p class="consequence">{t("launch_consequence", { plan: p.name, min: Math.max(1, Math.round(p.time_s / 60)), loss: lossWords(p.on_link_loss) })}</p>}
          <Override />
          {armed ? <Slide words={t("slide_launch")} onDone={() => void launch()} />
            : <button type="button" class="primary" style={{ width: "100%", minHeight: "56px" }} disabled={!ready || !filled || !rehearsed} onClick={() => { setRefusal(null); setArmed(true); }}>{t("arm_slide")}</button>}
        </div>
      </div>
    </Frame>
  );
}

/** Landing sites the planner chose by itself: somebody must have seen them. */
function Gained() {
  const gained = plan.value?.gained ?? [];
  if (!gained.length) return null;
  return <p class="refusal" role="status" data-gained={gained.length}>{t("gained", { n: gained.length, places: gained.map(([lon, lat]) => `${lat.toFixed(5)}, ${lon.toFixed(5)}`).join("; ") })}</p>;
}

const HEIGHT_M = { least: 10, most: 120, usual: 45 };

/** The fields of each pattern; what is left empty the planner chooses. */
const FIELDS = {
  sweep: ["swath"], perimeter: ["offset"], corridor: ["line", "width", "swath"], watch_points: ["hold"], orbit: ["place", "radius", "turns"],
  expanding_square: ["place", "swath", "legs", "course", "current", "current_mps"], sector_search: ["place", "radius", "course", "current", "current_mps"], creeping_line: ["swath", "course"], revisit: ["place", "hold"],
} as const satisfies Record<Code<"pattern">, readonly string[]>;
type Field = (typeof FIELDS)[Code<"pattern">][number];
/** The wish's member of each field, and whether it is words. */
const MEMBER: Record<Field, string> = { swath: "swath_m", offset: "offset_m", line: "line", width: "width_m", hold: "hold_s", place: "place", radius: "radius_m", turns: "turns", legs: "legs", course: "leg_deg", current: "current_deg", current_mps: "current_mps" };
/** The day's wind goes with every pattern. */
const WIND = { wind_from: "wind_from_deg", wind: "wind_mps" } as const;
type Air = keyof typeof WIND;
const AIR = Object.keys(WIND) as Air[];
const WORDY: ReadonlySet<Field> = new Set(["line", "place"]);

function Making() {
  const p = plan.value;
  const [pattern, setPattern] = useState<Code<"pattern">>("sweep");
  const [height, setHeight] = useState(String(HEIGHT_M.usual));
  const [figures, setFigures] = useState<Partial<Record<Field, string>>>({});
  const [air, setAir] = useState<Partial<Record<Air, string>>>({});
  const [imported, setImported] = useState<Imported | null>(null);
  const [over, setOver] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Reason | null>(null);
  const height_m = Number(height);
  const fields: readonly Field[] = FIELDS[pattern];
  const wrong = (f: Field) => { const v = figures[f]?.trim(); return Boolean(v) && !WORDY.has(f) && !Number.isFinite(Number(v)); };
  const wrongAir = (f: Air) => { const v = air[f]?.trim(), other = AIR.some((g) => air[g]?.trim()); return v ? !Number.isFinite(Number(v)) : other; };
  const sane = !AIR.some(wrongAir) && Number.isFinite(height_m) && height_m >= HEIGHT_M.least && height_m <= HEIGHT_M.most && !fields.some(wrong);
  const take = async (path: "/api/plan" | "/api/plan/make", body: string) => {
    setBusy(true);
    setRefusal(null);
    const r = await sendPlan(path, body);
    setBusy(false);
    if (!r.accepted) setRefusal(r.reason ?? { code: "unknown", params: {} });
  };
  const wish = () => {
    const out: Record<string, unknown> = { pattern, alt_m: height_m, imported: over && Boolean(imported?.accepted) };
    for (const f of fields) {
      const v = figures[f]?.trim();
      if (v) out[MEMBER[f]] = WORDY.has(f) ? v : Number(v);
    }
    for (const f of AIR) {
      const v = air[f]?.trim();
      if (v) out[WIND[f]] = Number(v);
    }
    return JSON.stringify(out);
  };
  return (
    <Frame title={whose(t("plan_title"))}>
      {p && <p><strong>{p.name}</strong> · {t("plan_figures", { km: (p.distance_m / 1000).toFixed(1), min: Math.max(1, Math.round(p.time_s / 60)), alt: Math.round(p.alt_max_m), reserve: Math.round(p.reserve_pct) })} · {t("loss_behaviour")}: {lossWords(p.on_link_loss)}</p>}
      <Gained />
      <div class="trio">
        <label class="field"><span>{t("pattern")}</span><select value={pattern} onChange={(e) => setPattern(e.currentTarget.value as Code<"pattern">)}>{CODES.pattern.map((c) => <option key={c} value={c}>{word("pattern", c)}</option>)}</select></label>
        <label class="field"><span>{t("plan_height")}</span><input type="text" inputMode="numeric" value={height} aria-invalid={!sane} onInput={(e) => setHeight(e.currentTarget.value)} /></label>
        <button type="button" class="primary" disabled={busy || !sane} onClick={() => void take("/api/plan/make", wish())}>{busy ? t("making") : t("make")}</button>
        <label class="file"><span>{t("from_file")}</span><input type="file" accept=".json,application/json" disabled={busy} onChange={(e) => { const f = e.currentTarget.files?.[0]; if (f) void f.text().then((text) => take("/api/plan", text)); }} /></label>
      </div>
      <div class="trio">
        {AIR.map((f) => <label key={f} class="field"><span>{t(`field_${f}`)}</span><input type="text" data-field={f} inputMode="decimal" placeholder={t("still_air")} value={air[f] ?? ""} aria-invalid={wrongAir(f)} onInput={(e) => setAir({ ...air, [f]: e.currentTarget.value })} /></label>)}
        {fields.map((f) => <label key={f} class="field"><span>{t(`field_${f}`)}</span><input type="text" data-field={f} inputMode={WORDY.has(f) ? "text" : "decimal"} placeholder={f === "place" ? "" : t("choose")} value={figures[f] ?? ""} aria-invalid={wrong(f)} onInput={(e) => setFigures({ ...figures, [f]: e.currentTarget.value })} /></label>)}
      </div>
      {refusal && <p class="refusal" role="alert">{reasonWords(refusal)}{refusal.params["words"] ? <span class="small"> ({t("import_words")}: {refusal.params["words"]})</span> : null}</p>}
      <Importing imported={imported} onDone={(i) => { setImported(i); setOver(i.accepted); }} />
      {imported?.accepted && <label class="check"><input type="checkbox" checked={over} onChange={(e) => setOver(e.currentTarget.checked)} /> {t("import_use")}</label>}
      {p && <Upload />}
      <Rehearsal />
      <Override />
    </Frame>
  );
}

/** A venue file: the datum is asked first, because most files do not say it. */
function Importing({ imported, onDone }: { imported: Imported | null; onDone: (i: Imported) => void }) {
  const [datum, setDatum] = useState("");
  const [busy, setBusy] = useState(false);
  const read = async (f: File) => {
    setBusy(true);
    onDone(await importVenue(f, datum));
    setBusy(false);
  };
  return (
    <div class="import">
      <h3>{t("import")}</h3>
      <div class="trio">
        <label class="field"><span>{t("import_datum")}</span><select data-field="datum" value={datum} onChange={(e) => setDatum(e.currentTarget.value)}><option value="">{t("datum_file")}</option><option value="wgs84">WGS-84 / CGCS2000</option><option value="gcj02">GCJ-02</option><option value="bd09">BD-09</option></select></label>
        <label class="file"><span>{busy ? t("importing") : t("import_file")}</span><input type="file" data-field="venue" disabled={busy} accept=".geojson,.json,.kml,.kmz,.plan,.txt,.waypoints,.fen" onChange={(e) => { const f = e.currentTarget.files?.[0]; e.currentTarget.blur(); if (f) void read(f); }} /></label>
      </div>
      {imported && !imported.accepted && <p class="refusal" role="alert" data-import="refused">{reasonWords(imported.reason)}{imported.reason?.params["words"] ? <span class="small"> ({t("import_words")}: {imported.reason.params["words"]})</span> : null}</p>}
      {imported?.accepted && <div role="status" data-import="taken">
        <p>✓ {t("import_ok", { name: imported.name, kind: word("venue_kind", imported.kind ?? ""), zones: imported.zones, boundaries: imported.boundaries, keep_outs: imported.keep_outs })}</p>
        <ul class="small">{(imported.notes ?? []).map((n, i) => <li key={i} data-note={n.code}>{n.about ? `${n.about}: ` : ""}{word("import_note", n.code)} <span class="small">({t("import_words")}: {n.words})</span></li>)}</ul>
      </div>}
    </div>
  );
}

/** How far the plan has come on its way to the aircraft. */
function Upload() {
  const a = selected.value, u = upload.value;
  if (!u || u.state === "on_aircraft") return u ? <p class="small">✓ {word("plan_state", "on_aircraft")}</p> : null;
  if (u.state === "sending" || u.state === "checking") return <div role="status">{t("uploading", { sent: u.sent, total: u.total })}<div class="progress"><i style={{ width: `${u.total ? (u.sent / u.total) * 100 : 0}%` }} /></div></div>;
  return <p class="refusal">{u.reason ? reasonWords(u.reason) : t("not_uploaded")} <button type="button" disabled={!a} onClick={() => { if (a) void send({ kind: "upload", aircraft: a.id }); }}>{t("upload_again")}</button></p>;
}

function Land() {
  const a = selected.value, here = selectedFast.value?.at ?? null;
  const [site, setSite] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const sites = (venue.value?.features ?? []).filter((f) => f.properties.role === "landing" || f.properties.role === "launch");
  const chosen = sites.find((s) => s.properties.id === site);
  const at = (s: (typeof sites)[number]): LonLat => (s.geometry.type === "Point" ? s.geometry.coordinates : (s.geometry.coordinates[0]?.[0] as LonLat));
  const land = async () => { if (a && site && (await send({ kind: "land_at", aircraft: a.id, site })).accepted) close(); else setTurn(turn + 1); };
  return (
    <Frame title={whose(t("land_title"))}>
      {sites.length === 0 && <p>{t("no_sites")}</p>}
      <div class="sites">{sites.map((s) => <button key={s.properties.id} type="button" aria-pressed={s.properties.id === site} onClick={() => { setSite(s.properties.id); setTurn(turn + 1); }}>{localName(s.properties.name)} · {word("zone_role", s.properties.role)}{here ? ` · ${t("distance", { m: Math.round(metresBetween(here, at(s))) })}` : ""}</button>)}</div>
      {chosen && <><p class="consequence">{t("land_consequence", { site: localName(chosen.properties.name) })}</p><Slide key={`${site}-${turn}`} words={t("slide_land")} onDone={() => void land()} /></>}
    </Frame>
  );
}

function Look({ at }: { at: LonLat }) {
  const a = selected.value, here = selectedFast.value?.at ?? null;
  return (
    <Frame title={whose(t("look_title"))}>
      <p>{t("look_place", { lat: at[1].toFixed(6), lon: at[0].toFixed(6), m: here ? Math.round(metresBetween(here, at)) : null })}</p>
      <p class="consequence">{t("look_consequence")}</p>
      <div class="sites">
        <button type="button" class="primary" style={{ minHeight: "56px", minWidth: "200px" }} ref={(el) => el?.focus()} onClick={() => { if (a) void send({ kind: "look", aircraft: a.id, lat_deg: at[1], lon_deg: at[0] }); close(); }}>{t("look_confirm")}</button>
        <button type="button" style={{ minHeight: "56px" }} onClick={close}>{t("cancel")}</button>
      </div>
    </Frame>
  );
}

export function Sheet() {
  const s = sheet.value;
  if (!s) return null;
  return s.kind === "plan" ? <Making /> : s.kind === "refly" ? <Frame title={t("refly_title")}><Refly /></Frame> : s.kind === "launch" ? <Launch /> : s.kind === "land" ? <Land /> : <Look at={s.at} key={s.at.join()} />;
}
