// Height along the plan, over the launch point, with the highest and the lowest leg in figures.
import { metresBetween, type Plan } from "../api.ts";
import { t } from "../i18n/index.ts";

const W = 360, H = 96, PAD = 4;

export function Profile({ p }: { p: Plan }) {
  let along = 0;
  const points = p.path.map(([lon, lat, alt], i) => {
    const q = p.path[i - 1];
    if (q) along += metresBetween([q[0], q[1]], [lon, lat]);
    return [along, alt] as const;
  });
  if (points.length < 2 || along <= 0) return null;
  const top = Math.max(...points.map(([, alt]) => alt), 1);
  const line = points.map(([d, alt]) => `${(PAD + (d / along) * (W - 2 * PAD)).toFixed(1)},${(H - PAD - (Math.max(0, alt) / top) * (H - 2 * PAD)).toFixed(1)}`).join(" ");
  const words = t("profile_words", { top: Math.round(top), km: (along / 1000).toFixed(2) });
  return (
    <figure class="profile">
      <svg viewBox={`0 0 ${W} ${H}`} role="img" aria-label={words} preserveAspectRatio="none">
        <polyline points={`${PAD},${H - PAD} ${line} ${W - PAD},${H - PAD}`} fill="currentColor" fill-opacity="0.12" stroke="none" />
        <polyline points={line} fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke" />
      </svg>
      <figcaption class="small quiet">{words}</figcaption>
    </figure>
  );
}
