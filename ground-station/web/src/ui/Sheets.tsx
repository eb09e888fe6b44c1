// The bottom sheets: launch, land at a site, go look here. They take room from the map and never cover it.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { metresBetween, type Imported, type LonLat } from "../api.ts";
import { lossWords } from "../alarms.ts";
import { checkFigure, localName, t, word } from "../i18n/index.ts";
import { signedAs } from "../session.ts";
import { fleet, plan, preflight, reasonWords, selected, selectedFast, send, sheet, upload, venue } from "../store.ts";
import { Gained, Importing, PlanForm, Upload } from "./PlanForm.tsx";
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

/** Planning beside the flight: over the venue in force, or one from a file. */
function PlanSheet() {
  const [imported, setImported] = useState<Imported | null>(null);
  const [over, setOver] = useState(false);
  return (
    <Frame title={whose(t("plan_title"))}>
      <PlanForm over={() => Promise.resolve({ id: over ? imported?.id ?? null : null })}>
        <Importing imported={imported} onDone={(i) => { setImported(i); setOver(i.accepted); }} />
        {imported?.accepted && <label class="check"><input type="checkbox" checked={over} onChange={(e) => setOver(e.currentTarget.checked)} /> {t("import_use")}</label>}
      </PlanForm>
    </Frame>
  );
}

export function Sheet() {
  const s = sheet.value;
  if (!s) return null;
  return s.kind === "plan" ? <PlanSheet /> : s.kind === "refly" ? <Frame title={t("refly_title")}><Refly /></Frame> : s.kind === "launch" ? <Launch /> : s.kind === "land" ? <Land /> : <Look at={s.at} key={s.at.join()} />;
}
