// The alarm tone. WebAudio only: no file, no network. Browsers give no sound before the first press; `blocked` says so.
import { signal } from "@preact/signals";

export const muted = signal(sessionStorage.getItem("muted") === "1");
/** True until the browser lets us sound. */
export const blocked = signal(true);

let context: AudioContext | null = null;

/** Call from any press or key. */
export function wake(): void {
  context ??= new AudioContext();
  void context.resume().then(() => { blocked.value = context?.state !== "running"; });
}

export function setMuted(on: boolean): void {
  muted.value = on;
  sessionStorage.setItem("muted", on ? "1" : "0");
}

/** Two rising tones for urgent, one low for high. */
export function beep(urgent: boolean): void {
  if (muted.value || !context || context.state !== "running") return;
  const tones = urgent ? [880, 1175, 880, 1175] : [587];
  tones.forEach((hz, i) => {
    if (!context) return;
    const start = context.currentTime + i * 0.17;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.type = "square";
    tone.frequency.value = hz;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.12, start + 0.01);
    gain.gain.linearRampToValueAtTime(0, start + 0.15);
    tone.connect(gain).connect(context.destination);
    tone.start(start);
    tone.stop(start + 0.16);
  });
}
