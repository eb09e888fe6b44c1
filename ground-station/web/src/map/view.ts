// The map: zones, fence and plan by OpenLayers, everything that moves on one canvas above it. No tiles, no request. North is up.
import OlMap from "ol/Map.js";
import View from "ol/View.js";
import Feature from "ol/Feature.js";
import VectorLayer from "ol/layer/Vector.js";
import VectorSource from "ol/source/Vector.js";
import Polygon, { circular } from "ol/geom/Polygon.js";
import LineString from "ol/geom/LineString.js";
import Point from "ol/geom/Point.js";
import ScaleLine from "ol/control/ScaleLine.js";
import Style from "ol/style/Style.js";
import Fill from "ol/style/Fill.js";
import DragPan from "ol/interaction/DragPan.js";
import MouseWheelZoom from "ol/interaction/MouseWheelZoom.js";
import PinchZoom from "ol/interaction/PinchZoom.js";
import DoubleClickZoom from "ol/interaction/DoubleClickZoom.js";
import KeyboardPan from "ol/interaction/KeyboardPan.js";
import KeyboardZoom from "ol/interaction/KeyboardZoom.js";
import { fromLonLat, toLonLat } from "ol/proj.js";
import { createEmpty, extend, getHeight, getWidth, isEmpty } from "ol/extent.js";
import type { Plan, LonLat } from "../api.ts";
import type { Draft, Drawn, Geometry } from "../drawing.ts";
import { createHands, type Hands } from "./draw.ts";
import { labelStyle, PALETTES, planStyle, zoneStyles, type Theme } from "./style.ts";

/** Drawn below first. */
const ORDER = ["inclusion", "watch_zone", "show", "crowd", "no_look", "exclusion", "line", "launch", "landing"];
/** A press this near to an outline means it, pixels. */
const NEAR_PX = 10;

const MANY_FIELDS = 6;

export interface MapView {
  setVenue(v: Draft | null, roleWord: (role: string) => string, label: (f: Drawn) => string): void;
  /** `tracks`: a recorded flight and the same plan flown again. `fates`: where the flights of the rehearsal came down, with what went wrong in each. */
  setPlan(p: Plan | null, fates: { at: LonLat; label: string }[], tracks: { recorded: LonLat[]; again: LonLat[] } | null): void;
  setTheme(t: Theme): void;
  /** Device-independent pixel of a place, or null before the first frame. */
  pixel(at: LonLat): [number, number] | null;
  centre(): LonLat | null;
  moveTo(at: LonLat): void;
  fit(): void;
  zoom(by: number): void;
  resized(): void;
  /** The zone drawn at a pixel, by its id: the topmost. */
  zoneAt(pixel: [number, number]): string | null;
  /** Drawing and changing zones. */
  hands: Hands;
}

/** What is told of a drawing on the map. */
export interface Drawings { onDrawn(g: Geometry, radius_m: number | null): void; onChanged(id: string, g: Geometry, radius_m: number | null): void }

export function createMap(target: HTMLElement, onFrame: () => void, onPress: (at: LonLat, pixel: [number, number]) => void, drawings: Drawings): MapView {
  let theme: Theme = "day";
  let fitted = false;
  /** True once a hand moved the map: from then on a change of size leaves it where it is. */
  let touched = false;
  const zones = new VectorSource();
  const labels = new VectorSource();
  const plan = new VectorSource();
  const mask = new VectorSource();
  const maskLayer = new VectorLayer({ source: mask });
  const zoneLayer = new VectorLayer({ source: zones });
  const planLayer = new VectorLayer({ source: plan });
  const labelLayer = new VectorLayer({ source: labels, declutter: true });
  const view = new View({ center: fromLonLat([0, 0]), zoom: 15, minZoom: 11, maxZoom: 21, enableRotation: false });
  // The second press of a double one ends a shape, and must not move the map under it.
  const twice = new DoubleClickZoom();
  const map = new OlMap({
    target, view, layers: [maskLayer, zoneLayer, planLayer, labelLayer],
    controls: [new ScaleLine({ minWidth: 90 })],
    interactions: [new DragPan(), new MouseWheelZoom(), new PinchZoom(), twice, new KeyboardPan(), new KeyboardZoom()],
  });
  const hands = createHands(map, (drawing) => { twice.setActive(!drawing); if (drawing) touched = true; }, drawings.onDrawn, drawings.onChanged);
  map.on("postrender", onFrame);
  map.on("pointerdrag", () => { touched = true; });
  target.addEventListener("wheel", () => { touched = true; }, { passive: true });
  target.addEventListener("keydown", (e) => { if (/^Arrow|^[+-]$/.test(e.key)) touched = true; });
  map.on("singleclick", (e) => {
    const [lon, lat] = toLonLat(e.coordinate);
    if (lon !== undefined && lat !== undefined) onPress([lon, lat], [e.pixel[0] ?? 0, e.pixel[1] ?? 0]);
  });

  const metric = (p: LonLat) => fromLonLat(p);
  function extent() {
    const all = createEmpty();
    const fence = zones.getFeatures().filter((f) => f.get("role") === "inclusion");
    for (const f of fence.length ? fence : zones.getFeatures()) { const g = f.getGeometry(); if (g) extend(all, g.getExtent()); }
    const planExtent = plan.getFeatures().length ? plan.getExtent() : null;
    if (planExtent && !isEmpty(planExtent)) extend(all, planExtent);
    return all;
  }
  function fit(): void {
    const e = extent();
    if (isEmpty(e) || !map.getSize()) return;
    // The camera inset lies at the top right: go below it or beside it, whichever leaves the venue larger.
    const [w = 0, h = 0] = map.getSize() ?? [];
    const inset = target.parentElement?.querySelector(".camera")?.getBoundingClientRect();
    const across = getWidth(e), up = getHeight(e);
    const scale = (p: number[]) => Math.min((w - (p[1] ?? 0) - (p[3] ?? 0)) / across, (h - (p[0] ?? 0) - (p[2] ?? 0)) / up);
    const below = [Math.max(40, (inset?.height ?? 0) + 24), 36, 60, 66], beside = [34, (inset?.width ?? 0) + 28, 56, 66];
    view.fit(e, { padding: scale(below) >= scale(beside) ? below : beside, maxZoom: 19, duration: fitted && !matchMedia("(prefers-reduced-motion: reduce)").matches ? 200 : 0 });
    fitted = true;
    touched = false;
  }
  function restyle(): void {
    zoneLayer.setStyle(zoneStyles(theme));
    labelLayer.setStyle(labelStyle(theme));
    planLayer.setStyle(planStyle(theme));
    maskLayer.setStyle(new Style({ fill: new Fill({ color: PALETTES[theme].outside }) }));
    target.style.background = PALETTES[theme].ground;
  }
  restyle();

  return {
    setVenue(v, roleWord, label) {
      zones.clear(); labels.clear(); mask.clear();
      if (!v) return;
      const sorted = [...v.features].sort((a, b) => ORDER.indexOf(a.properties.role) - ORDER.indexOf(b.properties.role));
      const holes: number[][][] = [];
      // Fifty fields with their pads: the aircraft's names are what is looked for.
      const crowded = sorted.filter((f) => f.properties.role === "inclusion").length > MANY_FIELDS;
      for (const f of sorted) {
        const { role, id } = f.properties, radius_m = "radius_m" in f.properties ? f.properties.radius_m : null;
        let shape: Polygon | null = null;
        let at: number[];
        if (f.geometry.type === "Polygon") {
          shape = new Polygon(f.geometry.coordinates.map((ring) => ring.map(metric)));
          at = shape.getInteriorPoint().getCoordinates().slice(0, 2);
        } else if (f.geometry.type === "LineString") {
          const line = new LineString(f.geometry.coordinates.map(metric));
          zones.addFeature(new Feature({ geometry: line, role, zone: id }));
          at = line.getCoordinateAt(0.5);
        } else {
          at = metric(f.geometry.coordinates);
          if (radius_m) shape = circular(f.geometry.coordinates, radius_m, 64).transform("EPSG:4326", "EPSG:3857") as Polygon;
        }
        const site = role === "launch" || role === "landing";
        if (shape) zones.addFeature(new Feature({ geometry: shape, role, zone: id }));
        if (site) zones.addFeature(new Feature({ geometry: new Point(at), role, zone: id, pin: true }));
        if (role === "inclusion" && shape) {
          holes.push(...shape.getCoordinates().slice(0, 1));
          const top = shape.getCoordinates()[0]?.reduce((best, c) => ((c[1] ?? 0) > (best[1] ?? 0) ? c : best)) ?? at;
          labels.addFeature(new Feature({ geometry: new Point(top), role, label: crowded ? "" : roleWord(role), below: false }));
        } else if (!crowded || role !== "launch") labels.addFeature(new Feature({ geometry: new Point(at), role, label: label(f) || roleWord(role), below: site }));
      }
      if (holes.length) {
        const [w, s] = fromLonLat([-179, -80]) as [number, number], [e, n] = fromLonLat([179, 80]) as [number, number];
        mask.addFeature(new Feature({ geometry: new Polygon([[[w, s], [e, s], [e, n], [w, n], [w, s]], ...holes]) }));
      }
      if (!touched) fit();
    },
    setPlan(p, fates, tracks) {
      plan.clear();
      for (const kind of ["recorded", "again"] as const) if (tracks) plan.addFeature(new Feature({ geometry: new LineString(tracks[kind].map(metric)), kind }));
      if (!p) return;
      plan.addFeature(new Feature({ geometry: new LineString(p.path.map(([lon, lat]) => metric([lon, lat]))), kind: "path" }));
      for (const at of p.items) if (at) plan.addFeature(new Feature({ geometry: new Point(metric(at)), kind: "item" }));
      for (const at of p.rally) plan.addFeature(new Feature({ geometry: new Point(metric(at)), kind: "rally" }));
      for (const f of fates) plan.addFeature(new Feature({ geometry: new Point(metric(f.at)), kind: "fate", label: f.label }));
    },
    setTheme(t) { theme = t; restyle(); hands.setTheme(t); },
    pixel(at) {
      const p = map.getPixelFromCoordinate(metric(at));
      return p && p[0] !== undefined && p[1] !== undefined ? [p[0], p[1]] : null;
    },
    centre() {
      const c = view.getCenter();
      if (!c) return null;
      const [lon, lat] = toLonLat(c);
      return lon === undefined || lat === undefined ? null : [lon, lat];
    },
    moveTo(at) { touched = true; view.animate({ center: metric(at), duration: 200 }); },
    fit,
    zoom(by) { touched = true; view.animate({ zoom: (view.getZoom() ?? 15) + by, duration: 120 }); },
    resized() { map.updateSize(); if (!touched) fit(); },
    zoneAt(pixel) {
      return map.forEachFeatureAtPixel(pixel, (f) => (f.get("zone") as string | undefined) ?? null, { layerFilter: (l) => l === zoneLayer, hitTolerance: NEAR_PX }) ?? null;
    },
    hands,
  };
}
