// How each role looks on the map, in both themes. Outlines and hatches carry the meaning; colour stays grey until something is wrong.
import Style from "ol/style/Style.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Text from "ol/style/Text.js";
import CircleStyle from "ol/style/Circle.js";
import RegularShape from "ol/style/RegularShape.js";
import type { FeatureLike } from "ol/Feature.js";
import type { ZoneRole } from "../i18n/codes.ts";

export type Theme = "day" | "night";

export interface Palette {
  ground: string; outside: string; fence: string; keepout: string; keepoutHatch: string; show: string; showHatch: string;
  crowd: string; crowdDots: string; watch: string; site: string; plan: string; label: string; halo: string;
  craft: string; craftEdge: string; craftStale: string; trail: string;
  urgent: string; high: string; notice: string; markInk: string; done: string; look: string;
}

export const PALETTES: Record<Theme, Palette> = {
  day: {
    ground: "#f6f7f7", outside: "rgba(125,136,143,0.34)", fence: "#12181c", keepout: "#3c474e", keepoutHatch: "rgba(60,71,78,0.42)",
    show: "#4c4266", showHatch: "rgba(76,66,102,0.20)", crowd: "#5a4a3a", crowdDots: "rgba(90,74,58,0.55)", watch: "#46606b",
    site: "#12181c", plan: "#2b6a8c", label: "#12181c", halo: "rgba(255,255,255,0.92)",
    craft: "#12181c", craftEdge: "#ffffff", craftStale: "#7d878d", trail: "#12181c",
    urgent: "#b3130c", high: "#b86800", notice: "#0b4f86", markInk: "#ffffff", done: "#6d777d", look: "#0b57d0",
  },
  night: {
    ground: "#0c0f11", outside: "rgba(0,0,0,0.62)", fence: "#d3d0c8", keepout: "#8d9297", keepoutHatch: "rgba(141,146,151,0.38)",
    show: "#968cb0", showHatch: "rgba(150,140,176,0.20)", crowd: "#a08c72", crowdDots: "rgba(160,140,114,0.50)", watch: "#7d99a4",
    site: "#d3d0c8", plan: "#5c9dc0", label: "#d3d0c8", halo: "rgba(7,9,11,0.90)",
    craft: "#f4f1e8", craftEdge: "#07090b", craftStale: "#777c80", trail: "#d3d0c8",
    urgent: "#ff6b5e", high: "#f2a93b", notice: "#72b3ea", markInk: "#0c0f11", done: "#858b8f", look: "#8ab8ff",
  },
};

const FONT = '"Noto Sans","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif';

/** A small tile drawn once, used as a fill. */
function tile(size: number, draw: (c: CanvasRenderingContext2D) => void): CanvasPattern | string {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const c = canvas.getContext("2d");
  if (!c) return "rgba(128,128,128,0.2)";
  draw(c);
  return c.createPattern(canvas, "repeat") ?? "rgba(128,128,128,0.2)";
}

const hatch = (colour: string, size: number, width: number) =>
  tile(size, (c) => {
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.beginPath();
    for (const o of [-size, 0, size]) { c.moveTo(o, size); c.lineTo(o + size, 0); }
    c.stroke();
  });

const dots = (colour: string) =>
  tile(10, (c) => {
    c.fillStyle = colour;
    for (const [x, y] of [[2.5, 2.5], [7.5, 7.5]] as const) { c.beginPath(); c.arc(x, y, 1.3, 0, 7); c.fill(); }
  });

const cross = (colour: string) =>
  tile(12, (c) => {
    c.strokeStyle = colour;
    c.lineWidth = 1;
    c.beginPath(); c.moveTo(0, 0); c.lineTo(12, 12); c.moveTo(0, 12); c.lineTo(12, 0); c.stroke();
  });

/** One style set per theme: `(feature) => styles`. The label is put on the feature as `label`. */
export function zoneStyles(theme: Theme): (f: FeatureLike) => Style[] {
  const p = PALETTES[theme];
  const shapes: Record<ZoneRole | "line", Style[]> = {
    line: [new Style({ stroke: new Stroke({ color: p.halo, width: 5 }) }), new Style({ stroke: new Stroke({ color: p.watch, width: 2.4, lineDash: [12, 4] }) })],
    inclusion: [new Style({ stroke: new Stroke({ color: p.halo, width: 6 }) }), new Style({ stroke: new Stroke({ color: p.fence, width: 2.6 }) })],
    exclusion: [new Style({ fill: new Fill({ color: hatch(p.keepoutHatch, 9, 1.6) }), stroke: new Stroke({ color: p.keepout, width: 2.4 }) })],
    show: [new Style({ fill: new Fill({ color: hatch(p.showHatch, 14, 3) }), stroke: new Stroke({ color: p.show, width: 2, lineDash: [10, 5] }) })],
    crowd: [new Style({ fill: new Fill({ color: dots(p.crowdDots) }), stroke: new Stroke({ color: p.crowd, width: 1.6 }) })],
    watch_zone: [new Style({ fill: new Fill({ color: "rgba(120,150,160,0.10)" }), stroke: new Stroke({ color: p.watch, width: 1.6, lineDash: [3, 4] }) })],
    no_look: [new Style({ fill: new Fill({ color: cross(p.keepoutHatch) }), stroke: new Stroke({ color: p.keepout, width: 1.6, lineDash: [2, 3] }) })],
    launch: [new Style({ stroke: new Stroke({ color: p.site, width: 1.6 }) })],
    landing: [new Style({ stroke: new Stroke({ color: p.site, width: 1.6, lineDash: [6, 3] }) })],
  };
  const site = (letter: string) => new Style({
    image: new CircleStyle({ radius: 11, fill: new Fill({ color: p.halo }), stroke: new Stroke({ color: p.site, width: 2 }) }),
    text: new Text({ text: letter, font: `700 13px ${FONT}`, fill: new Fill({ color: p.site }), offsetY: 1 }),
  });
  const sites: Partial<Record<ZoneRole | "line", Style>> = { launch: site("H"), landing: site("L") };
  return (f) => {
    const role = f.get("role") as ZoneRole | "line";
    const at = sites[role];
    const shape = shapes[role] ?? [];
    return at && f.get("pin") ? [at] : shape;
  };
}

/** Names, decluttered by the layer, a little below the pins of the sites. */
export function labelStyle(theme: Theme): (f: FeatureLike) => Style {
  const p = PALETTES[theme];
  return (f) => new Style({
    text: new Text({
      text: String(f.get("label") ?? ""),
      font: `${f.get("role") === "inclusion" ? 700 : 600} 13px ${FONT}`,
      fill: new Fill({ color: p.label }),
      stroke: new Stroke({ color: p.halo, width: 4 }),
      offsetY: f.get("below") ? 24 : 0,
      overflow: true,
    }),
  });
}

/** Plan legs: `kind` is path, way home, or a way point. */
export function planStyle(theme: Theme): (f: FeatureLike) => Style {
  const p = PALETTES[theme];
  const path = new Style({ stroke: new Stroke({ color: p.plan, width: 2 }) });
  const point = new Style({ image: new RegularShape({ points: 4, radius: 4.5, angle: 0, fill: new Fill({ color: p.halo }), stroke: new Stroke({ color: p.plan, width: 1.6 }) }) });
  const recorded = new Style({ stroke: new Stroke({ color: p.label, width: 3 }), zIndex: 1 });
  const again = new Style({ stroke: new Stroke({ color: p.high, width: 3, lineDash: [9, 6] }), zIndex: 2 });
  const rally = new Style({ image: new RegularShape({ points: 3, radius: 8, fill: new Fill({ color: p.halo }), stroke: new Stroke({ color: p.plan, width: 2 }) }) });
  const cross = new RegularShape({ points: 4, radius: 9, radius2: 0, angle: Math.PI / 4, stroke: new Stroke({ color: p.label, width: 2.6 }) });
  const fate = (label: string) => new Style({ image: cross, text: new Text({ text: label, font: `600 12px ${FONT}`, textBaseline: "bottom", offsetY: -10, fill: new Fill({ color: p.label }), stroke: new Stroke({ color: p.halo, width: 4 }), overflow: true }), zIndex: 2 });
  return (f) => (f.get("kind") === "fate" ? fate(String(f.get("label") ?? "")) : f.get("kind") === "recorded" ? recorded : f.get("kind") === "again" ? again : f.get("kind") === "path" ? path : f.get("kind") === "rally" ? rally : point);
}
