// Time in a recording: scrubber with alarm ticks, play and pause, 0.25 to 16 times.
import { useRef } from "preact/hooks";
import { MARK } from "../alarms.ts";
import { t } from "../i18n/index.ts";
import { replay, send, serverMs, sheet } from "../store.ts";
import { Icon } from "./Icon.tsx";
import { clock } from "./Left.tsx";

const RATES = [0.25, 0.5, 1, 2, 4, 8, 16];
const STEP_MS = 5000;

const order = (op: "play" | "pause" | "seek" | "speed", value = 0) => void send({ kind: "replay", op, value });
const nowMs = () => { const r = replay.value; return r ? Math.min(r.end_ms, Math.max(r.start_ms, serverMs.value || r.now_ms)) : 0; };
export function stepReplay(direction: number): void { const r = replay.value; if (r) order("seek", Math.min(r.end_ms, Math.max(r.start_ms, nowMs() + direction * STEP_MS))); }
export function rateReplay(direction: number): void { const r = replay.value; if (r) { const i = RATES.indexOf(r.speed); order("speed", RATES[Math.min(RATES.length - 1, Math.max(0, (i < 0 ? 2 : i) + direction))] ?? 1); } }
export function toggleReplay(): void { const r = replay.value; if (r) order(r.playing ? "pause" : "play"); }

export function ReplayBar() {
  const r = replay.value;
  const pending = useRef(0);
  if (!r) return null;
  const at = nowMs(), span = Math.max(1, r.end_ms - r.start_ms);
  const seek = (value: number) => { clearTimeout(pending.current); pending.current = window.setTimeout(() => order("seek", value), 120); };
  return (
    <div class="replaybar" role="group" aria-label={t("replay")}>
      <span class="tag replay">{t("replay")}</span>
      <button type="button" class="primary" onClick={toggleReplay} data-do="play"><Icon name={r.playing ? "hold" : "play"} /> {r.playing ? t("pause") : t("play")}<kbd>Space</kbd></button>
      <div class="scrub">
        <div class="ticks" aria-hidden="true">{r.ticks.map((k, i) => <i key={i} class={`mark ${k.priority}`} style={{ left: `${((k.t_ms - r.start_ms) / span) * 100}%` }}>{MARK[k.priority]}</i>)}</div>
        <input type="range" aria-label={t("scrub")} aria-valuetext={clock(at)} min={r.start_ms} max={r.end_ms} step={1000} value={at} onInput={(e) => seek(Number(e.currentTarget.value))} />
      </div>
      <span class="clock">{clock(at)} / {clock(r.end_ms)}</span>
      <button type="button" data-do="refly" aria-pressed={sheet.value?.kind === "refly"} onClick={() => { sheet.value = sheet.value?.kind === "refly" ? null : { kind: "refly" }; }}>{t("refly")}</button>
      <label><span class="hidden-visually">{t("rate")}</span><select value={r.speed} onChange={(e) => order("speed", Number(e.currentTarget.value))}>{RATES.map((x) => <option key={x} value={x}>{x}×</option>)}</select></label>
    </div>
  );
}
