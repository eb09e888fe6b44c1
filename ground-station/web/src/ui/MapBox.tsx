// The map with its canvas of moving things, the camera inset and the answers to commands.
import { effect, untracked } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LonLat } from "../api.ts";
import { LINK_ALARM_S, LINK_GREY_S, seen } from "../alarms.ts";
import { lang, localName, t, word } from "../i18n/index.ts";
import { PALETTES } from "../map/style.ts";
import { draw, Trails } from "../map/sprites.ts";
import { createMap, type MapView } from "../map/view.ts";
import { add, draft, picked, pickedFeature, reshape, tool, type Drawn } from "../drawing.ts";
import { airborne, anomalies, answers, chosenAnomaly, chosenId, fast, fleet, forget, linkAge, nameOf, now, plan, refusedAt, replaying, selected, selectedFast, serverMs, sheet, venue } from "../store.ts";
import { chosenIncident, openIncidents, placing, screen } from "../cases.ts";
import { mayFly } from "../session.ts";
import { fates } from "./Rehearsal.tsx";
import { tracks } from "./Refly.tsx";
import { theme } from "../theme.ts";
import { Icon } from "./Icon.tsx";
import { Camera } from "./Camera.tsx";

const FLASH_MS = 1000;
const NEAR_PX = 24;

/** A zone's name, and its hours where it has some. */
export function zoneLabel(z: Drawn): string {
  const p = z.properties;
  return [localName(p.name), p.role === "line" ? "" : hours(p.from, p.until)].filter(Boolean).join("  ");
}
const hm = (at: string): string => { const d = new Date(at); return Number.isNaN(d.getTime()) ? at : [d.getHours(), d.getMinutes()].map((n) => String(n).padStart(2, "0")).join(":"); };
export const hours = (from?: string | null, until?: string | null): string => (from || until ? `${from ? hm(from) : ""}–${until ? hm(until) : ""}` : "");

/** What the rest of the page may ask of the map. */
export const mapDo: { fit(): void; moveTo(at: LonLat): void; centre(): LonLat | null; corner(): void; takeBack(): void; finish(): void } = { fit() {}, moveTo() {}, centre: () => null, corner() {}, takeBack() {}, finish() {} };

/** A role's word; a line is none of the venue's roles. */
export const roleWord = (role: string): string => (role === "line" ? t("draw_line") : word("zone_role", role));

/** Opens the look sheet for a place, when an aircraft can take it. */
export function askLook(at: LonLat): void {
  if (replaying.value || !selected.value || !airborne.value || !mayFly.value) return;
  refusedAt.value = null;
  sheet.value = { kind: "look", at };
}

/** While a shape is drawn: how, and the same by buttons. */
function DrawBar() {
  const d = tool.value;
  if (!d) return null;
  const many = d.tool === "polygon" || d.tool === "line";
  return (
    <div class="draw-bar" role="group" aria-label={t("draw_now", { what: roleWord(d.role) })}>
      <p role="status"><strong>{t("draw_now", { what: roleWord(d.role) })}</strong> {t(many ? "draw_how" : d.tool === "circle" ? "draw_how_circle" : "draw_how_point")}</p>
      {many && <button type="button" class="primary" data-do="draw-finish" onClick={() => mapDo.finish()}>{t("draw_finish")}</button>}
      {many && <button type="button" data-do="draw-back" onClick={() => mapDo.takeBack()}>{t("draw_back")}</button>}
      <button type="button" data-do="draw-cancel" onClick={() => { tool.value = null; }}>{t("cancel")}<kbd>Esc</kbd></button>
    </div>
  );
}

export function MapBox() {
  const box = useRef<HTMLDivElement>(null);
  const target = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const callout = useRef<HTMLDivElement>(null);
  const view = useRef<MapView | null>(null);
  const [focused, setFocused] = useState(false);

  useEffect(() => {
    const host = target.current, surface = canvas.current, around = box.current;
    if (!host || !surface || !around) return;
    const trails = new Trails();
    let queued = false;
    const paint = () => {
      queued = false;
      const c = surface.getContext("2d");
      const v = view.current;
      if (!c || !v) return;
      const ratio = devicePixelRatio || 1;
      c.setTransform(ratio, 0, 0, ratio, 0, 0);
      c.clearRect(0, 0, surface.width, surface.height);
      const s = sheet.peek();
      draw(c, {
        palette: PALETTES[theme.peek()], pixel: v.pixel, trails,
        craft: [...fast.peek().values()].map((f) => {
          const age = linkAge(f);
          return {
            f, name: nameOf(f.id), chosen: f.id === selected.peek()?.id,
            stale: age === null || age >= LINK_GREY_S,
            abnormal: f.verdict === "outside" || (age ?? 0) >= LINK_ALARM_S || f.in_charge === "autopilot_failsafe" ? "urgent" : f.verdict === "near" || f.in_charge === "safety_pilot" || f.in_charge === "other_station" ? "high" : "none",
          };
        }),
        anomalies: anomalies.peek().map((a) => ({ a, word: (fleet.peek() ? `${nameOf(a.aircraft)} ` : "") + word("anomaly_kind", a.kind), chosen: a.id === chosenAnomaly.peek(), fresh: a.state === "open" && !seen.peek().has(a.id) })),
        // Those opened from an anomaly have its mark already.
        incidents: openIncidents.peek().filter((i) => !i.seen.length || i.number === chosenIncident.peek()).map((i) => ({ at: i.at, number: i.number, chosen: screen.peek() === "cases" && i.number === chosenIncident.peek(), mark: !i.seen.length })),
        target: s?.kind === "look" ? s.at : placing.peek()?.at ?? null,
        order: selected.peek()?.order && selectedFast.peek()?.flight_state === "investigating" ? selected.peek()?.order?.at ?? null : null,
        width: host.clientWidth,
        flash: Math.floor(performance.now() / (FLASH_MS / 2)) % 2 === 1 && !matchMedia("(prefers-reduced-motion: reduce)").matches,
      });
      const r = refusedAt.peek();
      if (callout.current) {
        const q = r && v.pixel(r.at);
        callout.current.style.left = `${Math.min(Math.max(q?.[0] ?? 0, 200), host.clientWidth - 140)}px`;
        callout.current.style.top = `${Math.max(q?.[1] ?? 0, 110)}px`;
      }
    };
    const queue = () => { if (!queued) { queued = true; requestAnimationFrame(paint); } };
    const press = (at: LonLat, pixel: [number, number]) => {
      if (tool.peek()) return;
      if (placing.peek()) { placing.value = { at }; return; }
      if (screen.peek() === "plan") { picked.value = view.current?.zoneAt(pixel) ?? null; return; }
      const hit = anomalies.peek().find((a) => { const q = view.current?.pixel([a.lon_deg, a.lat_deg]); return q && Math.hypot(q[0] - pixel[0], q[1] - pixel[1]) < NEAR_PX; });
      const craft = fleet.peek() ? [...fast.peek().values()].find((f) => { const q = f.at && view.current?.pixel(f.at); return q && Math.hypot(q[0] - pixel[0], q[1] - pixel[1]) < NEAR_PX; }) : undefined;
      if (hit) chosenAnomaly.value = hit.id;
      else if (craft) chosenId.value = craft.id;
      else askLook(at);
    };
    const map = createMap(host, queue, press, {
      onDrawn(g, radius_m) {
        const drawn = tool.peek();
        if (!drawn) return;
        tool.value = null;
        add(drawn.role, g, radius_m, (n) => `${roleWord(drawn.role)} ${n}`);
      },
      onChanged: reshape,
    });
    view.current = map;
    mapDo.fit = map.fit;
    mapDo.moveTo = map.moveTo;
    mapDo.centre = map.centre;
    mapDo.corner = map.hands.corner;
    mapDo.takeBack = map.hands.takeBack;
    mapDo.finish = map.hands.done;
    const size = () => {
      const ratio = devicePixelRatio || 1;
      surface.width = Math.round(around.clientWidth * ratio);
      surface.height = Math.round(around.clientHeight * ratio);
      map.resized();
      queue();
    };
    const watch = new ResizeObserver(size);
    watch.observe(around);
    size();
    const stops = [
      effect(() => { void lang.value; map.setVenue(screen.value === "plan" ? draft.value : venue.value, roleWord, zoneLabel); }),
      effect(() => { map.hands.draw(screen.value === "plan" ? tool.value?.tool ?? null : null); }),
      effect(() => { map.hands.hold(screen.value === "plan" && !tool.value ? pickedFeature.value : null); }),
      effect(() => { map.setPlan(plan.value, fates(), tracks()); untracked(map.resized); }),
      effect(() => { map.setTheme(theme.value); queue(); }),
      effect(() => { for (const f of fast.value.values()) if (f.at) trails.add(f.id, serverMs.peek(), f.at); queue(); }),
      effect(() => { void anomalies.value; void chosenAnomaly.value; void sheet.value; void refusedAt.value; void seen.value; void now.value; void lang.value; void selected.value; void openIncidents.value; void chosenIncident.value; void placing.value; void screen.value; queue(); }),
    ];
    return () => { stops.forEach((stop) => stop()); watch.disconnect(); };
  }, []);

  const keys = (e: KeyboardEvent) => {
    if (e.target !== target.current) return;
    if (tool.peek() && (e.key === "Enter" || e.key === "Backspace")) {
      e.preventDefault();
      if (e.key === "Backspace") mapDo.takeBack();
      else if (e.shiftKey) mapDo.finish();
      else mapDo.corner();
      return;
    }
    if (e.key !== "Enter") return;
    const at = view.current?.centre();
    if (at && placing.peek()) { e.preventDefault(); placing.value = { at }; return; }
    if (at && screen.peek() !== "plan") { e.preventDefault(); askLook(at); }
  };
  const canLook = airborne.value && !replaying.value;
  return (
    <div class="mapbox" ref={box}>
      <div class="ol" ref={target} tabIndex={0} role="application" aria-label={t("map_label")} onKeyDown={keys} onFocus={(e) => setFocused((e.target as HTMLElement).matches(":focus-visible"))} onBlur={() => setFocused(false)} />
      <canvas class="sprites" ref={canvas} aria-hidden="true" />
      {focused && <svg class="crosshair" viewBox="0 0 40 40" aria-hidden="true"><path d="M20 2v13M20 25v13M2 20h13M25 20h13" stroke="currentColor" stroke-width="2" /></svg>}
      <div class="map-tools">
        <button type="button" aria-label={t("zoom_in")} onClick={() => view.current?.zoom(0.7)}>+</button>
        <button type="button" aria-label={t("zoom_out")} onClick={() => view.current?.zoom(-0.7)}>−</button>
        <button type="button" aria-label={t("fit")} title={t("fit")} onClick={() => view.current?.fit()}><Icon name="fit" /></button>
        <button type="button" aria-label={t("follow")} title={t("follow")} onClick={() => { const at = selectedFast.value?.at; if (at) view.current?.moveTo(at); }}><Icon name="follow" /></button>
      </div>
      <div class="north" aria-hidden="true"><b>▲</b>{t("north")}</div>
      {tool.value && <DrawBar />}
      {canLook && !sheet.value && screen.value !== "plan" && <p class="map-hint">{focused ? t("map_hint_keys") : t("map_hint")}</p>}
      <Camera />
      <div class="callout" ref={callout} hidden={!refusedAt.value} role="status">
        {refusedAt.value && <>✕ {refusedAt.value.what()}: {word("order_state", "refused")}<br />{refusedAt.value.text()} <button type="button" onClick={() => { refusedAt.value = null; }}>{t("done")}</button></>}
      </div>
      <div class="answers" role="status" aria-live="polite">
        {answers.value.map((a) => (
          <div key={a.id} class={`answer ${a.ok ? "" : "no"}`}><span>{a.ok ? "" : "✕ "}{a.text()}</span>{!a.ok && <button type="button" onClick={() => forget(a.id)}>{t("done")}</button>}</div>
        ))}
      </div>
    </div>
  );
}
