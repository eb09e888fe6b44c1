// The keys, in a dialog.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { t, type UiKey } from "../i18n/index.ts";

const open = signal(false);
export const showHelp = (): void => { open.value = !open.value; };

const KEYS: [string, UiKey][] = [["Space", "key_hold"], ["Shift+Space", "key_hold_all"], ["R", "key_return"], ["A", "key_ack"], ["1–9", "key_select"], ["F", "key_fit"], ["I", "key_cases"], ["P", "key_plan"], ["T", "key_air"], ["N", "key_night"], ["L", "key_lang"], ["← →", "key_step"], ["[ ]", "key_rate"], ["?", "key_help"]];

export function Help() {
  const ref = useRef<HTMLDialogElement>(null);
  const shown = open.value;
  useEffect(() => {
    if (shown) ref.current?.showModal();
    else ref.current?.close();
  }, [shown]);
  return (
    <dialog ref={ref} aria-labelledby="help-title" onClose={() => { open.value = false; }}>
      <h2 id="help-title">{t("keys_title")}</h2>
      <dl>{KEYS.map(([k, w]) => <div key={k} style={{ display: "contents" }}><dt><kbd>{k}</kbd></dt><dd>{t(w)}</dd></div>)}</dl>
      <button type="button" class="primary" onClick={() => { open.value = false; }}>{t("close")}</button>
    </dialog>
  );
}
