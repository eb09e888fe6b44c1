// In a replay: the recorded plan flown again in the simulator, in another wind or with something going wrong, and both tracks side by side.
import { useState } from "preact/hooks";
import type { Reflown, ReflownFlight, LonLat } from "../api.ts";
import { CODES } from "../i18n/codes.ts";
import { t, word } from "../i18n/index.ts";
import { post, type Told } from "../session.ts";
import { reflown } from "../store.ts";
import { Why } from "./Door.tsx";
import { minutes } from "./Rehearsal.tsx";

/** A simulated evening with its camera takes the longest. */
const LIMIT_MS = 120_000;

/** For the map: the recorded track and the new one. */
export const tracks = (): { recorded: LonLat[]; again: LonLat[] } | null => {
  const r = reflown.value;
  return r && { recorded: r.recorded.track.map((p) => p.at), again: r.again.track.map((p) => p.at) };
};

const alarmsWords = (f: ReflownFlight): string => Object.entries(f.alarms).map(([rule, n]) => `${rule} ${n}`).join(" · ") || "0";
const m1 = (v: number): string => v.toFixed(1);

export function Refly() {
  const [what, setWhat] = useState<string>("quiet");
  const [from, setFrom] = useState("");
  const [wind, setWind] = useState("");
  const [at, setAt] = useState("");
  const [busy, setBusy] = useState(false);
  const [refused, setRefused] = useState<Told["reason"]>(null);
  const r = reflown.value;
  const number = (v: string): number | null => (v.trim() === "" ? null : Number(v));
  const bad = [from, wind, at].some((v) => v.trim() !== "" && !Number.isFinite(Number(v))) || (from.trim() === "") !== (wind.trim() === "");
  const go = async (e: Event) => {
    e.preventDefault();
    setBusy(true);
    setRefused(null);
    const told = (await post("/api/refly", { case: what, wind_from_deg: number(from), wind_mps: number(wind), fault_s: number(at), seed: 1 }, LIMIT_MS)) as Told & { again?: Reflown };
    setBusy(false);
    if (told.accepted && told.again) reflown.value = told.again;
    else setRefused(told.reason);
  };
  const fault = what !== "quiet" && what !== "evening";
  return (
    <div class="cols">
      <form onSubmit={(e) => void go(e)}>
        <p class="small">{t("refly_note")}</p>
        <label class="field"><span>{t("refly_case")}</span><select data-field="case" value={what} onChange={(e) => setWhat(e.currentTarget.value)}>{CODES.rehearsal_case.map((c) => <option key={c} value={c}>{word("rehearsal_case", c)}</option>)}</select></label>
        <div class="trio even">
          <label class="field"><span>{t("field_wind_from")}</span><input type="text" inputMode="decimal" data-field="wind-from" value={from} onInput={(e) => setFrom(e.currentTarget.value)} /></label>
          <label class="field"><span>{t("field_wind")}</span><input type="text" inputMode="decimal" data-field="wind" value={wind} onInput={(e) => setWind(e.currentTarget.value)} /></label>
          {fault && <label class="field"><span>{t("refly_at")}</span><input type="text" inputMode="decimal" data-field="fault-at" value={at} onInput={(e) => setAt(e.currentTarget.value)} /></label>}
        </div>
        <Why reason={refused} />
        <button type="submit" class="primary" data-do="refly-go" disabled={busy || bad}>{busy ? t("refly_busy") : t("refly_do")}</button>
      </form>
      {r && <div data-reflown={r.case.case} role="status">
        <table class="list"><thead><tr><th scope="col"></th><th scope="col"><span class="key recorded" aria-hidden="true"></span> {t("refly_recorded")}</th><th scope="col"><span class="key again" aria-hidden="true"></span> {t("refly_again")}</th></tr></thead>
          <tbody>
            <tr><th scope="row">{t("refly_time")}</th>{[r.recorded, r.again].map((f, i) => <td key={i}>{minutes(f.flight_s)}</td>)}</tr>
            <tr><th scope="row">{t("refly_length")}</th>{[r.recorded, r.again].map((f, i) => <td key={i}>{Math.round(f.length_m)} m</td>)}</tr>
            <tr><th scope="row">{t("refly_clearance")}</th>{[r.recorded, r.again].map((f, i) => <td key={i} class={f.min_clearance_m !== null && f.min_clearance_m <= 0 ? "refused" : ""}>{f.min_clearance_m === null ? "–" : `${m1(f.min_clearance_m)} m`}</td>)}</tr>
            <tr><th scope="row">{t("refly_alarms")}</th>{[r.recorded, r.again].map((f, i) => <td key={i}>{alarmsWords(f)}</td>)}</tr>
          </tbody></table>
        <p class="small" data-apart={r.apart.p95_m}>{t("refly_apart", { p50: m1(r.apart.p50_m), p95: m1(r.apart.p95_m), most: m1(r.apart.most_m), ends: m1(r.apart.ends_m) })}</p>
        <p class="small">{t("refly_end", { where: r.case.landed ? t("refly_down", { m: Math.round(r.case.from_home_m) }) : t("rehearsal_up"), pct: Math.round(r.case.battery_pct), wind: m1(r.wind_mps), seed: r.seed })}</p>
        {r.case.fault_s !== null && r.case.deeds.length > 0 && <ul class="small">{r.case.deeds.map((d, i) => <li key={i}>{minutes(d.t_s)} {word("flight_state", d.state)}{d.cause === "none" ? "" : ` · ${word("cause", d.cause)}`}</li>)}</ul>}
      </div>}
    </div>
  );
}
