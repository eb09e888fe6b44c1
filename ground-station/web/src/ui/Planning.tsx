// The planning screen: the venue is drawn and changed left of the map, the plan over it is asked for on its right. Nothing drawn is in force
// before a plan is made over it.
import { useEffect, useState } from "preact/hooks";
import type { Imported, Reason } from "../api.ts";
import { screen } from "../cases.ts";
import { asFile, begin, canRedo, canUndo, cornersFrom, cornersText, differences, discard, draft, edit, handIn, picked, redo, refused, remove, ROLES, takeImported, tool, toolsOf, undo, type Difference, type Drawn, type DrawnRole, type Tool } from "../drawing.ts";
import { localName, t } from "../i18n/index.ts";
import { fleet, reasonWords, selected } from "../store.ts";
import { mapDo, roleWord } from "./MapBox.tsx";
import { Importing, PlanForm } from "./PlanForm.tsx";

const TOOL_WORDS = { polygon: "draw_polygon", circle: "draw_circle", point: "draw_point", line: "draw_line_do" } as const satisfies Record<Tool, string>;
const CHANGE = { added: ["+", "draft_added"], changed: ["~", "draft_changed"], removed: ["−", "draft_removed"] } as const;

function Tools() {
  const [role, setRole] = useState<DrawnRole>("exclusion");
  return (
    <div class="draw-tools">
      <label class="field"><span>{t("draw_what")}</span><select data-field="role" value={role} onChange={(e) => setRole(e.currentTarget.value as DrawnRole)}>{ROLES.map((r) => <option key={r} value={r}>{roleWord(r)}</option>)}</select></label>
      <div class="row-do">
        {toolsOf(role).map((k) => <button type="button" key={k} class="grow" data-tool={k} aria-pressed={tool.value?.tool === k} onClick={() => { tool.value = tool.value?.tool === k ? null : { tool: k, role }; document.querySelector<HTMLElement>(".ol")?.focus(); }}>{t(TOOL_WORDS[k])}</button>)}
      </div>
      <div class="row-do">
        <button type="button" class="grow" data-do="undo" disabled={!canUndo.value} onClick={undo}>{t("undo")}<kbd>Ctrl+Z</kbd></button>
        <button type="button" class="grow" data-do="redo" disabled={!canRedo.value} onClick={redo}>{t("redo")}<kbd>Ctrl+Y</kbd></button>
      </div>
    </div>
  );
}

/** A limit in metres: empty is none, and words are not taken. */
function Limit({ id, label, value, onValue }: { id: string; label: string; value: number | null | undefined; onValue: (v: number | null) => void }) {
  const [text, setText] = useState(value === null || value === undefined ? "" : String(value));
  useEffect(() => { setText(value === null || value === undefined ? "" : String(value)); }, [value]);
  const wrong = text.trim() !== "" && !Number.isFinite(Number(text));
  const done = () => { if (!wrong) onValue(text.trim() === "" ? null : Number(text)); };
  return <label class="field"><span>{label}</span><input type="text" inputMode="decimal" data-field={id} value={text} aria-invalid={wrong} onInput={(e) => setText(e.currentTarget.value)} onBlur={done} onKeyDown={(e) => { if (e.key === "Enter") done(); }} /></label>;
}

/** RFC 3339 to the browser's field of the wall clock, and back. */
const wall = (at: string | null | undefined): string => { const d = new Date(at ?? NaN); return Number.isNaN(d.getTime()) ? "" : new Date(d.getTime() - d.getTimezoneOffset() * 60_000).toISOString().slice(0, 16); };
const instant = (text: string): string | null => { const d = new Date(text); return text && !Number.isNaN(d.getTime()) ? d.toISOString() : null; };

function Corners({ f }: { f: Drawn }) {
  const [text, setText] = useState(cornersText(f.geometry));
  const [wrong, setWrong] = useState(false);
  useEffect(() => { setText(cornersText(f.geometry)); setWrong(false); }, [f.geometry]);
  const done = () => {
    const g = cornersFrom(text, f.geometry);
    setWrong(g === null);
    // Corners that were not touched keep every digit they had.
    if (g && cornersText(g) !== cornersText(f.geometry)) edit(f.properties.id, (x) => ({ ...x, geometry: g }) as Drawn);
  };
  return (
    <label class="field"><span>{t("zone_corners")}</span>
      <textarea data-field="corners" rows={5} spellcheck={false} value={text} aria-invalid={wrong} onInput={(e) => setText(e.currentTarget.value)} onBlur={done} />
      {wrong && <small class="refusal" role="alert">{t("zone_corners_wrong")}</small>}
    </label>
  );
}

function ZoneForm({ f }: { f: Drawn }) {
  const { id } = f.properties;
  const set = (change: Record<string, unknown>) => edit(id, (x) => {
    const properties: Record<string, unknown> = { ...x.properties, ...change };
    for (const k of Object.keys(properties)) if (properties[k] === null) delete properties[k];
    // A limit says over what it is measured; without one there is nothing to say.
    if (properties["floor_m"] === undefined && properties["ceiling_m"] === undefined) delete properties["limit_frame"];
    else properties["limit_frame"] ??= "above_home";
    return { ...x, properties } as unknown as Drawn;
  });
  const p = f.properties;
  return (
    <section class="case-form zone-form" data-zone={id} aria-label={localName(p.name)}>
      <label class="field"><span>{t("name")}</span><input type="text" data-field="zone-name" maxLength={80} value={p.name} onChange={(e) => { const name = e.currentTarget.value.trim(); if (name) set({ name }); }} /></label>
      {p.role !== "line" && <>
        <label class="field"><span>{t("zone_is")}</span><select data-field="zone-role" value={p.role} onChange={(e) => set({ role: e.currentTarget.value })}>{ROLES.filter((r) => r !== "line").map((r) => <option key={r} value={r}>{roleWord(r)}</option>)}</select></label>
        <div class="pair">
          <Limit id="floor" label={t("zone_floor")} value={p.floor_m} onValue={(v) => set({ floor_m: v })} />
          <Limit id="ceiling" label={t("zone_ceiling")} value={p.ceiling_m} onValue={(v) => set({ ceiling_m: v })} />
        </div>
        {(p.floor_m !== undefined || p.ceiling_m !== undefined) && <label class="field"><span>{t("zone_over")}</span><select data-field="frame" value={p.limit_frame ?? "above_home"} onChange={(e) => set({ limit_frame: e.currentTarget.value })}><option value="above_home">{t("frame_home")}</option><option value="above_ground">{t("frame_ground")}</option><option value="amsl">{t("frame_amsl")}</option></select></label>}
        <div class="hours">
          <label class="field"><span>{t("zone_from")}</span><input type="datetime-local" data-field="from" value={wall(p.from)} onChange={(e) => set({ from: instant(e.currentTarget.value) })} /></label>
          <label class="field"><span>{t("zone_until")}</span><input type="datetime-local" data-field="until" value={wall(p.until)} onChange={(e) => set({ until: instant(e.currentTarget.value) })} /></label>
        </div>
        {f.geometry.type === "Point" && p.role !== "launch" && p.role !== "landing" && <Limit id="zone-radius" label={t("field_radius")} value={p.radius_m} onValue={(v) => { if (v !== null && v > 0) set({ radius_m: v }); }} />}
      </>}
      <Corners f={f} key={id} />
      <div class="do"><button type="button" data-do="zone-show" onClick={() => { const g = f.geometry, at = g.type === "Point" ? g.coordinates : g.type === "LineString" ? g.coordinates[0] : g.coordinates[0]?.[0]; if (at) mapDo.moveTo(at); }}>{t("show")}</button><button type="button" data-do="zone-remove" onClick={() => remove(id)}>{t("zone_remove")}</button></div>
    </section>
  );
}

function ZoneItem({ f, change }: { f: Drawn; change: Difference | undefined }) {
  const { id, name, role } = f.properties, on = picked.value === id;
  return (
    <li>
      <button type="button" class="zone-item" data-zone-item={id} aria-pressed={on} onClick={() => { picked.value = on ? null : id; tool.value = null; }}>
        <strong>{localName(name)}</strong><span class="small">{roleWord(role)}</span>{change && <span class="tag" data-change={change.kind}>{CHANGE[change.kind][0]} {t(CHANGE[change.kind][1])}</span>}
      </button>
      {on && <ZoneForm f={f} />}
    </li>
  );
}

function save(): void {
  const d = draft.value;
  if (!d) return;
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([asFile(d)], { type: "application/geo+json" }));
  a.download = `${(d.name || "venue").replace(/[\\/:*?"<>|\s]+/g, "-")}.geojson`;
  a.click();
  setTimeout(() => URL.revokeObjectURL(a.href), 10_000);
}

/** Left of the map: what is drawn. */
export function Drawing() {
  const [imported, setImported] = useState<Imported | null>(null);
  useEffect(() => {
    begin();
    const keys = (e: KeyboardEvent) => {
      if (e.key === "Escape" && tool.value) { tool.value = null; return; }
      if (!(e.ctrlKey || e.metaKey) || (e.target as HTMLElement).matches("input[type=text], textarea")) return;
      const key = e.key.toLowerCase();
      if (key !== "z" && key !== "y") return;
      e.preventDefault();
      if (tool.value) mapDo.takeBack();
      else if (key === "y" || e.shiftKey) redo();
      else undo();
    };
    addEventListener("keydown", keys);
    return () => { removeEventListener("keydown", keys); tool.value = null; };
  }, []);
  const d = draft.value, list = differences.value;
  const removed = list.filter((x) => x.kind === "removed");
  const changeOf = new Map(list.map((x) => [x.id, x]));
  // What was picked by the map comes into view in the list.
  const at = picked.value;
  useEffect(() => { if (at) document.querySelector(`[data-zone-item="${CSS.escape(at)}"]`)?.scrollIntoView({ block: "nearest" }); }, [at]);
  return (
    <aside class="left cases planning" aria-label={t("venue_drawn")}>
      <div class="panel-head"><h2>{t("venue_drawn")}</h2><button type="button" data-do="operate" onClick={() => { screen.value = "operate"; }}>{t("back_to_flight")}</button></div>
      <Tools />
      <div class="scroll" tabIndex={0} role="region" aria-label={t("zones")}>
        {refused.value && <p class="refusal" role="alert" data-draft="refused">{reasonWords(refused.value)}{refused.value.params["words"] ? <span class="small"> ({t("import_words")}: {refused.value.params["words"]})</span> : null}</p>}
        {d ? <ul aria-label={t("zones")}>{d.features.map((f) => <ZoneItem key={f.properties.id} f={f} change={changeOf.get(f.properties.id)} />)}</ul> : <p class="empty">{t("no_mission")}</p>}
        {removed.length > 0 && <ul aria-label={t("draft_removed")}>{removed.map((x) => <li key={x.id} class="zone-item gone" data-change="removed">− {localName(x.name)} <span class="small">{t("draft_removed")}</span></li>)}</ul>}
      </div>
      <div class="case-foot">
        <p class="small" role="status" data-differences={list.length}>{list.length ? t("draft_differs", { n: list.length }) : t("draft_same")}</p>
        <div class="row-do"><button type="button" class="grow" data-do="discard" disabled={!list.length} onClick={discard}>{t("draft_discard")}</button><button type="button" class="grow" data-do="save" disabled={!d} onClick={save}>{t("draft_save")}</button></div>
        <Importing imported={imported} onDone={(i) => { setImported(i); if (i.accepted) { takeImported(i); mapDo.fit(); } }} />
      </div>
    </aside>
  );
}

/** Right of the map: the plan over it. */
export function Planning() {
  const over = async (): Promise<{ id: string | null } | { reason: Reason }> => handIn();
  return (
    <aside class="right cases planning" aria-label={t("plan_title")}>
      <div class="panel-head"><h2>{fleet.value && selected.value ? `${selected.value.name} · ` : ""}{t("plan_title")}</h2></div>
      <div class="scroll plan-form" tabIndex={0} role="region" aria-label={t("plan_title")}>
        <p class="small">{differences.value.length ? t("plan_over_draft", { n: differences.value.length }) : t("plan_over_venue")}</p>
        <PlanForm over={over} basis={draft.value} />
      </div>
    </aside>
  );
}
