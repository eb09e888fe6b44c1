// What the rehearsal of the plan came to, and the word of a duty officer who answers for a launch without one.
import { useState } from "preact/hooks";
import { metresBetween, type Finding, type LonLat, type RehearsedCase } from "../api.ts";
import { localName, t, word } from "../i18n/index.ts";
import { mayAnswer, signedAs } from "../session.ts";
import { fleet, plan, reasonWords, selected, send, sheet, venue } from "../store.ts";

/** Farther from a site than this it did not land there, metres. */
const AT_SITE_M = 8;

export const minutes = (s: number): string => `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, "0")}`;

const zoneName = (id: string): string => {
  const f = (venue.value?.features ?? []).find((z) => z.properties.id === id);
  return f ? localName(f.properties.name) || id : id;
};

function findingWords(f: Finding): string {
  const p = { ...f.params };
  if (typeof p["case"] === "string") p["case"] = word("rehearsal_case", p["case"]);
  if (typeof p["what"] === "string") p["what"] = word("rehearsal_staged", p["what"]);
  if (typeof p["zone"] === "string") p["zone"] = zoneName(p["zone"]);
  return word("rehearsal_finding", f.code, p);
}

function caseWords(c: RehearsedCase): string {
  const p = plan.value;
  const sites = p ? [p.home, ...p.rally] : [];
  const there = sites.some((s) => metresBetween(s, c.landed_at) <= AT_SITE_M);
  const m = Math.round(c.from_home_m);
  return t("rehearsal_case", {
    case: word("rehearsal_case", c.case), at: c.fault_s === null ? null : minutes(c.fault_s), after: minutes(c.flight_s), pct: Math.round(c.battery_pct), m: c.min_clearance_m,
    where: c.landed ? t(there ? "rehearsal_home" : "rehearsal_away", { m }) : t("rehearsal_up"),
  });
}

/** For the map while a plan is made or launched: where each failure would end. What comes down at one place is named once. */
export function fates(): { at: LonLat; label: string }[] {
  const s = sheet.value, x = plan.value?.rehearsal?.result;
  if (!x || (s?.kind !== "plan" && s?.kind !== "launch")) return [];
  const out: { at: LonLat; words: string[] }[] = [];
  for (const c of x.cases) {
    if (c.fault_s === null || !c.landed) continue;
    const near = out.find((o) => metresBetween(o.at, c.landed_at) <= AT_SITE_M);
    if (near) near.words.push(word("rehearsal_case", c.case));
    else out.push({ at: c.landed_at, words: [word("rehearsal_case", c.case)] });
  }
  return out.map((o) => ({ at: o.at, label: o.words.join("\n") }));
}

/** Whether the plan may be launched as far as its rehearsal goes. */
export function isRehearsed(): boolean {
  const r = plan.value?.rehearsal;
  return !r?.needed || r.state === "passed" || r.overridden !== null;
}

export function Rehearsal() {
  const r = plan.value?.rehearsal;
  if (!r || (!r.needed && r.state === "none")) return null;
  const x = r.result;
  return (
    <section class="rehearsal" data-rehearsal={r.state} aria-label={t("rehearsal")}>
      <h3>{t("rehearsal")}</h3>
      {r.state === "none" && <p role="status">{t("rehearsal_none")}</p>}
      {r.state === "waiting" && <p role="status">{t("rehearsal_waiting")}</p>}
      {r.state === "running" && <div role="status">{t("rehearsal_running", { pct: Math.round(r.part * 100) })}<div class="progress"><i style={{ width: `${r.part * 100}%` }} /></div></div>}
      {r.state === "failed" && <p class="refusal" role="alert">{t("rehearsal_failed", { words: r.words })}</p>}
      {x && <>
        <p class={r.state === "passed" ? "" : "refusal"} role="status"><strong>{r.state === "passed" ? `✓ ${t("rehearsal_passed")}` : `✕ ${t("rehearsal_blocked")}`}</strong></p>
        {x.blocking.length > 0 && <ul class="refusal">{x.blocking.map((f, i) => <li key={i} data-finding={f.code}>{findingWords(f)}</li>)}</ul>}
        <p class="small quiet">{t("rehearsal_about", { places: x.places[0], all: x.places[1], wind: x.wind_mps, pace: Math.round(x.real_time_factor), seed: x.seed })}</p>
        <ul class="small">
          {x.watched.map((w) => <li key={w.zone}>{t("rehearsal_zone", { zone: zoneName(w.zone), pct: Math.round(w.covered_pct), age: minutes(w.worst_age_s) })}</li>)}
          {x.found.map((f, i) => <li key={i}>{f.found_s === null ? t("rehearsal_not_found", { what: word("rehearsal_staged", f.what) }) : t("rehearsal_found", { what: word("rehearsal_staged", f.what), age: minutes(Math.max(0, f.found_s - Math.max(0, f.appears_s))) })}</li>)}
          {x.notes.map((f, i) => <li key={`n${i}`} data-finding={f.code}>{findingWords(f)}</li>)}
        </ul>
        <details><summary>{t("rehearsal_details")}</summary>
          <ul class="small">{x.cases.map((c) => <li key={c.case} data-case={c.case}>{caseWords(c)}
            {c.fault_s !== null && c.deeds.length > 0 && <ul>{c.deeds.map((d, i) => <li key={i}>{minutes(d.t_s)} {word("flight_state", d.state)}{d.cause === "none" ? "" : ` · ${word("cause", d.cause)}`}</li>)}</ul>}</li>)}</ul>
        </details>
      </>}
      {r.overridden && <p role="status" data-overridden>{t("rehearsal_overridden", { officer: r.overridden.officer, reason: r.overridden.reason })}</p>}
    </section>
  );
}

/** A duty officer lets the plan fly all the same: by name, with a reason, in the record. */
export function Override() {
  const r = plan.value?.rehearsal;
  const [officer, setOfficer] = useState(signedAs.value ?? "");
  const [reason, setReason] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  if (!mayAnswer.value || !r?.needed || r.state === "passed" || r.overridden) return null;
  const answer = async () => {
    const a = await send({ kind: "override_rehearsal", officer: officer.trim(), reason: reason.trim(), ...(fleet.value && selected.value ? { aircraft: selected.value.id } : {}) });
    setRefusal(a.accepted ? null : reasonWords(a.reason));
  };
  return (
    <details class="override"><summary>{t("rehearsal_override")}</summary>
      <div class="pair">
        <label class="field"><span>{t("rehearsal_override_who")}</span><input type="text" data-field="duty" maxLength={60} readOnly={signedAs.value !== null} value={officer} onInput={(e) => setOfficer(e.currentTarget.value)} /></label>
        <label class="field"><span>{t("rehearsal_override_why")}</span><input type="text" data-field="why" maxLength={200} value={reason} onInput={(e) => setReason(e.currentTarget.value)} /></label>
      </div>
      {refusal && <p class="refusal" role="alert">{refusal}</p>}
      <button type="button" disabled={!officer.trim() || !reason.trim()} onClick={() => void answer()}>{t("rehearsal_override_do")}</button>
    </details>
  );
}
