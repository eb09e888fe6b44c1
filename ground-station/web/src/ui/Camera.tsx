// The newest preview of the camera aboard, with its age. Loads only when a newer one is there.
import { useEffect, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { t } from "../i18n/index.ts";
import { now, replaying, selected, serverMs, fastAt } from "../store.ts";

const OLD_S = 5;
const shut = signal(false);

export function Camera() {
  const a = selected.value;
  const at = a?.camera_ms ?? null;
  const [shown, setShown] = useState<{ url: string; at: number } | null>(null);
  const id = a?.id;
  useEffect(() => {
    if (id === undefined || at === null) { setShown(null); return; }
    let gone = false;
    const url = `/api/camera/${id}?t=${Math.round(at)}`;
    const image = new Image();
    image.onload = () => { if (!gone) setShown({ url, at }); };
    image.src = url;
    return () => { gone = true; };
  }, [id, at]);
  if (!a) return null;
  if (shut.value) return <div class="camera shut"><button type="button" onClick={() => { shut.value = false; }}>{t("open_camera")}</button></div>;
  const moving = replaying.value ? 0 : Math.max(0, now.value - fastAt.value);
  const age = shown ? Math.max(0, (serverMs.value + moving - shown.at) / 1000) : null;
  return (
    <figure class={`camera ${age !== null && age > OLD_S ? "old" : ""}`}>
      {shown ? <img src={shown.url} alt={t("camera_alt")} width="246" height="196" /> : <div class="none">{t("no_camera")}</div>}
      <figcaption><span>{t("camera")} · {age === null ? t("never") : t("age", { s: age < 10 ? age.toFixed(1) : Math.round(age) })}</span><button type="button" onClick={() => { shut.value = true; }}>{t("shut")}</button></figcaption>
    </figure>
  );
}
