// The anomaly list: mark, word, picture, place, and what the officer decides.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Anomaly } from "../api.ts";
import { MARK, openAnomalies, see, seen, sortedAnomalies } from "../alarms.ts";
import { CODES } from "../i18n/codes.ts";
import { localName, t, word } from "../i18n/index.ts";
import { chosenAnomaly, fleet, nameOf, replaying, send, venue } from "../store.ts";
import { clock } from "./Left.tsx";
import { mapDo } from "./MapBox.tsx";

function subject(a: Anomaly): string {
  if (a.kind === "unknown_drone") return t("rid", { id: a.subject || "–" });
  const zone = venue.value?.features.find((f) => f.properties.id === a.subject);
  return zone ? localName(zone.properties.name) : t("in_zone", { id: a.subject || "–" });
}

export function Item({ a }: { a: Anomaly }) {
  const [dismissing, setDismissing] = useState(false);
  const [reason, setReason] = useState<string>(CODES.dismiss_reason[0]);
  const [note, setNote] = useState("");
  const ref = useRef<HTMLLIElement>(null);
  const chosen = chosenAnomaly.value === a.id;
  useEffect(() => { if (chosen) ref.current?.scrollIntoView({ block: "nearest" }); }, [chosen]);
  const open = a.state === "open";
  const fresh = open && !seen.value.has(a.id);
  const decide = async (intent: Parameters<typeof send>[0]) => { see(a.id); if ((await send(intent)).accepted) setDismissing(false); };
  return (
    <li ref={ref} class={`anomaly ${a.priority} ${open ? "open" : ""} ${fresh ? "fresh" : ""} ${chosen ? "selected" : ""}`} data-anomaly={a.id} data-state={a.state}>
      <div class="row">
        {a.picture && a.picture_ready ? <img class="pic" src={`/api/picture/${a.picture}`} alt={t("picture_alt", { n: a.number })} width="112" height="90" /> : <div class="nopic">{a.picture ? t("picture_coming") : t("picture_none")}</div>}
        <div>
          <h3><span class={`mark ${open ? a.priority : ""}`} aria-hidden="true">{MARK[a.priority]}</span>{fleet.value ? `${nameOf(a.aircraft)} · ` : ""}{a.number} · {word("anomaly_kind", a.kind)}</h3>
          <p class="meta"><strong>{word("priority", a.priority)}</strong> · {clock(a.first_seen_ms)}</p>
          <p class="meta">{subject(a)}</p>
          <p class="meta">{t("located", { m: Math.max(1, Math.round(a.error.major_m)), p: Math.round(a.confidence * 100) })}</p>
          {!open && <p class="meta"><strong>{a.state === "confirmed" ? `✓ ${t("confirmed")}` : `✕ ${t("dismissed", { reason: word("dismiss_reason", a.reason ?? "other") })}`}</strong>{a.note ? ` · ${a.note}` : ""}</p>}
        </div>
      </div>
      {dismissing && open ? (
        <form onSubmit={(e) => { e.preventDefault(); void decide({ kind: "dismiss", anomaly: a.id, reason, note }); }}>
          <label class="field"><span>{t("dismiss_why")}</span><select value={reason} onChange={(e) => setReason(e.currentTarget.value)}>{CODES.dismiss_reason.map((r) => <option key={r} value={r}>{word("dismiss_reason", r)}</option>)}</select></label>
          <label class="field"><span>{t("note")}</span><input type="text" maxLength={120} value={note} onInput={(e) => setNote(e.currentTarget.value)} /></label>
          <div class="do"><button type="submit" class="primary">{t("dismiss").replace("…", "")}</button><button type="button" onClick={() => setDismissing(false)}>{t("cancel")}</button></div>
        </form>
      ) : (
        <div class="do">
          {open && <button type="button" class="primary" disabled={replaying.value} onClick={() => void decide({ kind: "confirm", anomaly: a.id })}>{t("confirm")}</button>}
          {open && <button type="button" disabled={replaying.value} onClick={() => { see(a.id); setDismissing(true); }}>{t("dismiss")}</button>}
          {fresh && !replaying.value && <button type="button" onClick={() => see(a.id)}>{t("seen")}</button>}
          <button type="button" onClick={() => { see(a.id); chosenAnomaly.value = a.id; mapDo.moveTo([a.lon_deg, a.lat_deg]); }}>{t("show")}</button>
        </div>
      )}
    </li>
  );
}

export function Anomalies() {
  return (
    <aside class="right" aria-label={t("anomalies")}>
      <div class="panel-head"><h2>{t("anomalies")}</h2>{openAnomalies.value.length > 0 && <span class="tag">{t("open_count", { n: openAnomalies.value.length })}</span>}</div>
      <div class="scroll" tabIndex={0} role="region" aria-label={t("anomalies")}>
        {sortedAnomalies.value.length ? <ul>{sortedAnomalies.value.map((a) => <Item key={a.id} a={a} />)}</ul> : <p class="empty">{t("no_anomalies")}</p>}
      </div>
    </aside>
  );
}
