// What hands may do: the safe orders are one press; launching and landing open a sheet.
import { Icon } from "./Icon.tsx";
import { t } from "../i18n/index.ts";
import { mayFly, mayStop } from "../session.ts";
import { airborne, plan, replaying, selected, selectedFast, send, sheet } from "../store.ts";

/** Hold and return are offered whenever there is an aircraft: whether they make sense is the aircraft's to say. */
export function holdSelected(): void { const a = selected.value; if (a && !replaying.value) void send({ kind: "hold", aircraft: a.id }); }
export function returnSelected(): void { const a = selected.value; if (a && !replaying.value) void send({ kind: "return", aircraft: a.id }); }

export function Actions() {
  const a = selected.value, f = selectedFast.value;
  const off = replaying.value || !a || !mayStop.value;
  const ground = off || !mayFly.value;
  const state = f?.flight_state;
  const grounded = state === "grounded" || state === "ready" || state === "boot" || state === undefined;
  return (
    <div class="actions" role="group" aria-label={t("order")}>
      <button type="button" class="hold primary" disabled={off} onClick={holdSelected} data-do="hold"><Icon name="hold" /> {t("hold")}<kbd>Space</kbd></button>
      <button type="button" class="wide" disabled={off} onClick={returnSelected} data-do="return"><Icon name="back" /> {t("return")}<kbd>R</kbd></button>
      {grounded ? (
        <>
          <button type="button" disabled={replaying.value || !mayStop.value} onClick={() => { sheet.value = { kind: "plan" }; }} data-do="plan">{t("plan")}</button>
          <button type="button" class="wide" disabled={ground || !plan.value} onClick={() => { sheet.value = { kind: "launch" }; }} data-do="launch"><Icon name="up" /> {t("launch")}</button>
        </>
      ) : (
        <>
          <button type="button" class="wide" disabled={ground || !(state === "holding" || state === "investigating")} onClick={() => { if (a) void send({ kind: "resume", aircraft: a.id }); }} data-do="resume"><Icon name="play" /> {t("resume")}</button>
          <button type="button" disabled={ground || !airborne.value} onClick={() => { sheet.value = { kind: "land" }; }} data-do="land"><Icon name="down" /> {t("land")}</button>
        </>
      )}
    </div>
  );
}
