// The deliberate gesture: slide to the end, or hold Enter for 1.5 s (never Space: that holds the aircraft). Expires 5 s after it was shown; then it must be asked for again.
import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../i18n/index.ts";

const HOLD_MS = 1500;
const EXPIRE_MS = 5000;
const DONE = 0.94;

export function Slide({ words, onDone }: { words: string; onDone: () => void }) {
  const [x, setX] = useState(0);
  const [left, setLeft] = useState(EXPIRE_MS);
  const [round, setRound] = useState(0);
  const track = useRef<HTMLButtonElement>(null);
  const finished = useRef(false);
  const busy = useRef(false);
  const timer = useRef(0);
  const expired = left <= 0;

  useEffect(() => {
    finished.current = false;
    track.current?.focus();
    const start = performance.now();
    const tick = setInterval(() => {
      // A gesture under way when the time runs out may end; nothing new may begin.
      const rest = EXPIRE_MS - (performance.now() - start);
      if (rest <= 0 && busy.current && rest > -HOLD_MS) return;
      setLeft(Math.max(0, rest));
      if (rest <= 0) { clearInterval(tick); cancelAnimationFrame(timer.current); setX(0); }
    }, 100);
    return () => { clearInterval(tick); cancelAnimationFrame(timer.current); };
  }, [round]);

  const finish = () => {
    if (finished.current) return;
    finished.current = true;
    busy.current = false;
    setX(1);
    onDone();
  };
  const drop = () => { busy.current = false; cancelAnimationFrame(timer.current); if (!finished.current) setX(0); };

  const pointerDown = (e: PointerEvent) => {
    const el = track.current;
    if (!el || expired) return;
    const box = el.getBoundingClientRect();
    if (e.clientX - box.left > 84) return; // only from the thumb
    el.setPointerCapture(e.pointerId);
    busy.current = true;
    const from = e.clientX, room = box.width - 72;
    const move = (m: PointerEvent) => {
      const next = Math.min(1, Math.max(0, (m.clientX - from) / room));
      setX(next);
      if (next >= DONE) { stop(); finish(); }
    };
    const up = () => { stop(); drop(); };
    const stop = () => { el.removeEventListener("pointermove", move); el.removeEventListener("pointerup", up); el.removeEventListener("pointercancel", up); };
    el.addEventListener("pointermove", move);
    el.addEventListener("pointerup", up);
    el.addEventListener("pointercancel", up);
  };
  const keyDown = (e: KeyboardEvent) => {
    if (e.key !== "Enter") return;
    e.preventDefault();
    e.stopPropagation();
    if (e.repeat || busy.current || expired) return;
    busy.current = true;
    const start = performance.now();
    const grow = () => {
      const part = (performance.now() - start) / HOLD_MS;
      setX(Math.min(1, part));
      if (part >= 1) finish();
      else timer.current = requestAnimationFrame(grow);
    };
    timer.current = requestAnimationFrame(grow);
  };
  const keyUp = (e: KeyboardEvent) => { if (e.key === "Enter") { e.preventDefault(); drop(); } };

  if (expired) return (
    <div><p class="refusal" role="status">{t("slide_expired")}</p><button type="button" class="again" onClick={() => { setLeft(EXPIRE_MS); setX(0); setRound(round + 1); }}>{t("again")}</button></div>
  );
  return (
    <div>
      <button type="button" class="slide" ref={track} onPointerDown={pointerDown} onKeyDown={keyDown} onKeyUp={keyUp} onBlur={drop}>
        <span class="fill" style={{ width: `calc(${x} * (100% - 72px) + 36px)` }} />
        <span class="words">{words}</span>
        <span class="thumb" style={{ left: `calc(4px + ${x} * (100% - 72px))` }} aria-hidden="true">»</span>
      </button>
      <div class="slide-time" aria-hidden="true"><i style={{ width: `${(left / EXPIRE_MS) * 100}%` }} /></div>
    </div>
  );
}
