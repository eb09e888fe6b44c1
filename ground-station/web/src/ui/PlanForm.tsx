// A plan is asked for: the pattern and its fields, the day's wind, or a plan's file; then how it fares. Used beside the flight and on the planning screen.
import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Answer, Imported, Reason } from "../api.ts";
import { lossWords } from "../alarms.ts";
import { placing } from "../cases.ts";
import { CODES, type Code } from "../i18n/codes.ts";
import { t, word } from "../i18n/index.ts";
import { importVenue, plan, reasonWords, selected, send, sendPlan, upload } from "../store.ts";
import { Profile } from "./Profile.tsx";
import { Override, Rehearsal } from "./Rehearsal.tsx";

/** Landing sites the planner chose by itself: somebody must have seen them. */
export function Gained() {
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

/** `basis`: another one answers what was refused over the last. `over`: what the plan is made over when it is asked for: an id of a venue that was read, null for the one in force, or why there is none. */
export function PlanForm({ over, basis = null, children }: { over: () => Promise<{ id: string | null } | { reason: Reason }>; basis?: unknown; children?: ComponentChildren }) {
  const p = plan.value;
  const [pattern, setPattern] = useState<Code<"pattern">>("sweep");
  const [height, setHeight] = useState(String(HEIGHT_M.usual));
  const [figures, setFigures] = useState<Partial<Record<Field, string>>>({});
  const [air, setAir] = useState<Partial<Record<Air, string>>>({});
  /** The map's next press is the place asked for. */
  const [picking, setPicking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Reason | null>(null);
  const height_m = Number(height);
  const fields: readonly Field[] = FIELDS[pattern];
  const wrong = (f: Field) => { const v = figures[f]?.trim(); return Boolean(v) && !WORDY.has(f) && !Number.isFinite(Number(v)); };
  const wrongAir = (f: Air) => { const v = air[f]?.trim(), other = AIR.some((g) => air[g]?.trim()); return v ? !Number.isFinite(Number(v)) : other; };
  const sane = !AIR.some(wrongAir) && Number.isFinite(height_m) && height_m >= HEIGHT_M.least && height_m <= HEIGHT_M.most && !fields.some(wrong);
  const take = async (path: "/api/plan" | "/api/plan/make", body: () => Promise<string | Reason>) => {
    setBusy(true);
    setRefusal(null);
    const what = await body();
    const r: Answer = typeof what === "string" ? await sendPlan(path, what) : { accepted: false, reason: what };
    setBusy(false);
    if (!r.accepted) setRefusal(r.reason ?? { code: "unknown", params: {} });
  };
  useEffect(() => { setRefusal(null); }, [basis]);
  const at = picking ? placing.value?.at ?? null : null;
  useEffect(() => {
    if (!at) return;
    setFigures((f) => ({ ...f, place: `${at[1].toFixed(6)}, ${at[0].toFixed(6)}` }));
    setPicking(false);
    placing.value = null;
  }, [at]);
  // Whoever leaves takes the question along.
  const asks = useRef(false);
  asks.current = picking;
  useEffect(() => () => { if (asks.current) placing.value = null; }, []);
  const wish = async (): Promise<string | Reason> => {
    const ground = await over();
    if ("reason" in ground) return ground.reason;
    const out: Record<string, unknown> = { pattern, alt_m: height_m, imported: ground.id };
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
    <>
      {p && <p><strong>{p.name}</strong> · {t("plan_figures", { km: (p.distance_m / 1000).toFixed(1), min: Math.max(1, Math.round(p.time_s / 60)), alt: Math.round(p.alt_max_m), reserve: Math.round(p.reserve_pct) })} · {t("loss_behaviour")}: {lossWords(p.on_link_loss)}</p>}
      {p && <Profile p={p} />}
      <Gained />
      <div class="trio">
        <label class="field"><span>{t("pattern")}</span><select value={pattern} onChange={(e) => setPattern(e.currentTarget.value as Code<"pattern">)}>{CODES.pattern.map((c) => <option key={c} value={c}>{word("pattern", c)}</option>)}</select></label>
        <label class="field"><span>{t("plan_height")}</span><input type="text" inputMode="numeric" value={height} aria-invalid={!sane} onInput={(e) => setHeight(e.currentTarget.value)} /></label>
        <button type="button" class="primary" disabled={busy || !sane} data-do="make" onClick={() => void take("/api/plan/make", wish)}>{busy ? t("making") : t("make")}</button>
        <label class="file"><span>{t("from_file")}</span><input type="file" accept=".json,application/json" disabled={busy} onChange={(e) => { const f = e.currentTarget.files?.[0]; if (f) void take("/api/plan", () => f.text()); }} /></label>
      </div>
      <div class="trio">
        {AIR.map((f) => <label key={f} class="field"><span>{t(`field_${f}`)}</span><input type="text" data-field={f} inputMode="decimal" placeholder={t("still_air")} value={air[f] ?? ""} aria-invalid={wrongAir(f)} onInput={(e) => setAir({ ...air, [f]: e.currentTarget.value })} /></label>)}
        {fields.map((f) => <label key={f} class="field"><span>{t(`field_${f}`)}</span><input type="text" data-field={f} inputMode={WORDY.has(f) ? "text" : "decimal"} placeholder={f === "place" ? "" : t("choose")} value={figures[f] ?? ""} aria-invalid={wrong(f)} onInput={(e) => setFigures({ ...figures, [f]: e.currentTarget.value })} /></label>)}
      </div>
      {fields.includes("place") && <button type="button" data-do="pick-place" aria-pressed={picking} onClick={() => { setPicking(!picking); placing.value = picking ? null : { at: null }; }}>{t("pick_place")}</button>}
      {refusal && <p class="refusal" role="alert">{reasonWords(refusal)}{refusal.params["words"] ? <span class="small"> ({t("import_words")}: {refusal.params["words"]})</span> : null}</p>}
      {children}
      {p && <Upload />}
      <Rehearsal />
      <Override />
    </>
  );
}

/** A venue file: the datum is asked first, because most files do not say it. */
export function Importing({ imported, onDone }: { imported: Imported | null; onDone: (i: Imported) => void }) {
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
export function Upload() {
  const a = selected.value, u = upload.value;
  if (!u || u.state === "on_aircraft") return u ? <p class="small">✓ {word("plan_state", "on_aircraft")}</p> : null;
  if (u.state === "sending" || u.state === "checking") return <div role="status">{t("uploading", { sent: u.sent, total: u.total })}<div class="progress"><i style={{ width: `${u.total ? (u.sent / u.total) * 100 : 0}%` }} /></div></div>;
  return <p class="refusal">{u.reason ? reasonWords(u.reason) : t("not_uploaded")} <button type="button" disabled={!a} onClick={() => { if (a) void send({ kind: "upload", aircraft: a.id }); }}>{t("upload_again")}</button></p>;
}
