// Drawing on the map: new shapes by presses or by keys, and corners that are dragged. Keeps nothing: each change is told, and comes back as a zone.
import type OlMap from "ol/Map.js";
import Feature from "ol/Feature.js";
import VectorLayer from "ol/layer/Vector.js";
import VectorSource from "ol/source/Vector.js";
import Polygon from "ol/geom/Polygon.js";
import LineString from "ol/geom/LineString.js";
import Point from "ol/geom/Point.js";
import Circle from "ol/geom/Circle.js";
import type OlGeometry from "ol/geom/Geometry.js";
import Draw from "ol/interaction/Draw.js";
import Modify from "ol/interaction/Modify.js";
import Style from "ol/style/Style.js";
import Stroke from "ol/style/Stroke.js";
import Fill from "ol/style/Fill.js";
import CircleStyle from "ol/style/Circle.js";
import MultiPoint from "ol/geom/MultiPoint.js";
import { fromLonLat, toLonLat } from "ol/proj.js";
import type { LonLat } from "../api.ts";
import { CIRCLE_M, type Drawn, type Geometry, type Tool } from "../drawing.ts";
import { PALETTES, type Theme } from "./style.ts";

const TYPES = { polygon: "Polygon", circle: "Circle", point: "Point", line: "LineString" } as const;
/** Where corners are kept: a centimetre on the ground. */
const DIGITS = 7;

export interface Hands {
  /** What is drawn by the next presses; null: nothing, corners can be dragged. */
  draw(t: Tool | null): void;
  /** Whose corners can be dragged. */
  hold(f: Drawn | null): void;
  /** By keys: a corner at the map's centre, the last one away, the shape done. */
  corner(): void;
  takeBack(): void;
  done(): void;
  setTheme(t: Theme): void;
}

const place = (c: number[]): LonLat => { const [lon = 0, lat = 0] = toLonLat(c); return [Number(lon.toFixed(DIGITS)), Number(lat.toFixed(DIGITS))]; };
/** Mercator stretches with the latitude: a metre on the map is shorter on the ground. */
const stretch = (at: LonLat): number => Math.cos((at[1] * Math.PI) / 180);
const metric = (p: LonLat) => fromLonLat(p);

function told(g: OlGeometry | undefined): { geometry: Geometry; radius_m: number | null } | null {
  if (g instanceof Polygon) return { geometry: { type: "Polygon", coordinates: g.getCoordinates().map((ring) => ring.map(place)) }, radius_m: null };
  if (g instanceof LineString) return { geometry: { type: "LineString", coordinates: g.getCoordinates().map(place) }, radius_m: null };
  if (g instanceof Circle) {
    const at = place(g.getCenter());
    return { geometry: { type: "Point", coordinates: at }, radius_m: Math.max(1, Math.round(g.getRadius() * stretch(at) * 10) / 10) };
  }
  return g instanceof Point ? { geometry: { type: "Point", coordinates: place(g.getCoordinates()) }, radius_m: null } : null;
}

function shapeOf(f: Drawn): OlGeometry {
  const g = f.geometry;
  if (g.type === "Polygon") return new Polygon(g.coordinates.map((ring) => ring.map(metric)));
  if (g.type === "LineString") return new LineString(g.coordinates.map(metric));
  const r = "radius_m" in f.properties ? f.properties.radius_m : null;
  return r ? new Circle(metric(g.coordinates), r / stretch(g.coordinates)) : new Point(metric(g.coordinates));
}

export function createHands(map: OlMap, busy: (drawing: boolean) => void, onDrawn: (g: Geometry, radius_m: number | null) => void, onChanged: (id: string, g: Geometry, radius_m: number | null) => void): Hands {
  let theme: Theme = "day";
  let now: Draw | null = null, kind: Tool | null = null, held: string | null = null;
  const source = new VectorSource<Feature<OlGeometry>>();
  const layer = new VectorLayer({ source, zIndex: 5 });
  map.addLayer(layer);
  const style = (): Style[] => {
    const p = PALETTES[theme];
    const handle = new CircleStyle({ radius: 7, fill: new Fill({ color: p.halo }), stroke: new Stroke({ color: p.look, width: 3 }) });
    return [
      new Style({ stroke: new Stroke({ color: p.halo, width: 7 }) }),
      new Style({ stroke: new Stroke({ color: p.look, width: 3 }), fill: new Fill({ color: "rgba(80,130,210,0.14)" }), image: handle }),
      new Style({
        image: handle,
        geometry: (f) => {
          const g = f.getGeometry();
          return g instanceof Polygon ? new MultiPoint(g.getCoordinates().flat()) : g instanceof LineString ? new MultiPoint(g.getCoordinates()) : g instanceof Circle ? new Point(g.getCenter()) : undefined;
        },
      }),
    ];
  };
  // A finger is wider than a mouse's tip.
  const modify = new Modify({ source, pixelTolerance: matchMedia("(pointer: coarse)").matches ? 22 : 12, style: () => style().slice(1, 2) });
  map.addInteraction(modify);
  modify.on("modifyend", () => {
    const change = told(source.getFeatures()[0]?.getGeometry());
    if (held !== null && change) onChanged(held, change.geometry, change.radius_m);
  });
  layer.setStyle(style());

  function stop(): void {
    if (now) map.removeInteraction(now);
    now = null;
    modify.setActive(true);
    busy(false);
  }
  return {
    draw(t) {
      stop();
      kind = t;
      if (t === null) return;
      now = new Draw({ type: TYPES[t], style: style(), stopClick: true });
      now.on("drawend", (e) => { const made = told(e.feature.getGeometry()); if (made) onDrawn(made.geometry, made.radius_m); });
      modify.setActive(false);
      map.addInteraction(now);
      busy(true);
    },
    hold(f) {
      held = f?.properties.id ?? null;
      source.clear();
      if (f) source.addFeature(new Feature(shapeOf(f)));
    },
    corner() {
      const c = map.getView().getCenter();
      if (!c || !now) return;
      if (kind === "point" || kind === "circle") onDrawn({ type: "Point", coordinates: place(c) }, kind === "circle" ? CIRCLE_M : null);
      else now.appendCoordinates([c]);
    },
    takeBack() { now?.removeLastPoint(); },
    done() { now?.finishDrawing(); },
    setTheme(t) { theme = t; layer.setStyle(style()); },
  };
}
