// The patrol schedule: who patrols what, how often, when it was last flown, what was found, who mends it by when.
import { useState } from "preact/hooks";
import type { Patrol } from "../api.ts";
import { chosenPatrol, chosenRound, isOverdue, signer, when } from "../cases.ts";
import { t, word } from "../i18n/index.ts";
import { has, isOpen, mayStop } from "../session.ts";
import { patrols, plan, replaying } from "../store.ts";
import { Due as DueField, dueIn, Frame, Line, useStep } from "./CaseForms.tsx";
import { Due } from "./Cases.tsx";
import { Why } from "./Door.tsx";

/** How often, minutes. */
const OFTEN = [30, 60, 120, 240, 480, 1440, 2880, 10080] as const;
const plans = (): boolean => isOpen.value || has("supervisor");

function Often({ value, onValue }: { value: number; onValue: (m: number) => void }) {
  const all = OFTEN.includes(value as (typeof OFTEN)[number]) ? OFTEN : [...OFTEN, value].sort((a, b) => a - b);
  return <label class="field"><span>{t("how_often")}</span><select data-field="every" value={value} onChange={(e) => onValue(Number(e.currentTarget.value))}>{all.map((m) => <option key={m} value={m}>{often(m)}</option>)}</select></label>;
}
const often = (m: number): string => (m < 120 ? t("every_minutes", { n: m }) : m < 2880 ? t("every_hours", { n: m / 60 }) : t("every_days", { n: m / 1440 }));

function Add({ onDone }: { onDone: () => void }) {
  const [name, setName] = useState(plan.value?.name ?? "");
  const [of, setOf] = useState(plan.value?.name ?? "");
  const [owner, setOwner] = useState(signer.value);
  const [every, setEvery] = useState(1440);
  const { busy, reason, run } = useStep(null, (told) => { if (told.number) chosenPatrol.value = told.number; onDone(); });
  return (
    <Frame name="patrol" title={t("patrol_add")} busy={busy} ready={Boolean(name.trim() && owner.trim())} onCancel={onDone} onSubmit={() => void run({ kind: "patrol_add", name, plan: of, owner, every_min: every })}>
      <Line id="patrol-name" label={t("what_is_patrolled")} value={name} onValue={setName} />
      <Line id="patrol-plan" label={t("patrol_plan")} value={of} onValue={setOf} max={120} />
      <div class="pair"><Line id="patrol-owner" label={t("answers_for_it")} value={owner} onValue={setOwner} /><Often value={every} onValue={setEvery} /></div>
      <Why reason={reason} />
    </Frame>
  );
}

export function PatrolList() {
  const [adding, setAdding] = useState(false);
  const list = [...patrols.value].sort((a, b) => Number(a.stopped !== null) - Number(b.stopped !== null) || (a.due_ms ?? 0) - (b.due_ms ?? 0));
  const open = (p: Patrol) => p.findings.filter((f) => f.mended_ms === null);
  return (
    <>
      {!adding && !replaying.value && plans() && <div class="case-head"><button type="button" data-do="patrol-add" onClick={() => setAdding(true)}>{t("patrol_add")}</button></div>}
      <div class="scroll" tabIndex={0} role="region" aria-label={t("patrols")}>
        {adding && <Add onDone={() => setAdding(false)} />}
        {list.length ? <ul aria-label={t("patrols")}>{list.map((p) => (
          <li key={p.number}><button type="button" class={`case-item ${p.stopped !== null ? "closed" : isOverdue(p.due_ms) ? "high" : ""}`} aria-pressed={chosenPatrol.value === p.number} data-patrol={p.number} onClick={() => { chosenPatrol.value = p.number; }}>
            <span class="line"><strong>{p.name}</strong></span>
            <span class="line small">{p.stopped !== null ? <span class="tag">{t("patrol_stopped")}</span> : <Due at={p.due_ms} />}{open(p).length > 0 && <span class={open(p).some((f) => isOverdue(f.due_ms)) ? "due late" : "due"}>{t("to_mend", { n: open(p).length })}</span>}</span>
            <span class="line small">{t("last_flown", { at: p.last ? when(p.last.t_ms) : t("never_flown") })} · {p.owner}</span>
          </button></li>))}</ul> : <p class="empty">{t("no_patrols")}</p>}
      </div>
    </>
  );
}

type Doing = null | "found" | "flown" | "change" | "stop" | { mend: number };

function Steps({ p }: { p: Patrol }) {
  const [doing, setDoing] = useState<Doing>(null);
  const [words, setWords] = useState("");
  const [mender, setMender] = useState("");
  const [minutes, setMinutes] = useState(1440);
  const [owner, setOwner] = useState(p.owner);
  const [every, setEvery] = useState(p.every_min);
  const done = () => { setDoing(null); setWords(""); };
  const { busy, reason, run } = useStep(p.number, done);
  if (replaying.value || !mayStop.value) return null;
  const same = { busy, onCancel: done };
  const text = (label: string) => <><Line id="words" label={label} value={words} onValue={setWords} max={500} area /><Why reason={reason} /></>;
  if (doing === "found") return <Frame {...same} name="found" title={t("found_add")} ready={Boolean(words.trim() && mender.trim())} onSubmit={() => void run({ kind: "found", words, mender, due_ms: dueIn(minutes) })}><div class="pair"><Line id="mender" label={t("who_mends")} value={mender} onValue={setMender} /><DueField value={minutes} onValue={setMinutes} /></div>{text(t("what_was_found"))}</Frame>;
  if (doing === "flown") return <Frame {...same} name="flown" title={t("mark_flown")} ready onSubmit={() => void run({ kind: "patrol_flown", whole: true, words })}>{text(t("note"))}</Frame>;
  if (doing === "change") return <Frame {...same} name="change" title={t("patrol_change")} ready={Boolean(words.trim() && owner.trim())} onSubmit={() => void run({ kind: "patrol_change", owner, every_min: every, words })}><div class="pair"><Line id="patrol-owner" label={t("answers_for_it")} value={owner} onValue={setOwner} /><Often value={every} onValue={setEvery} /></div>{text(t("why"))}</Frame>;
  if (doing === "stop") return <Frame {...same} name="stop" title={t("patrol_stop")} ready={Boolean(words.trim())} onSubmit={() => void run({ kind: "patrol_stop", words })}>{text(t("why"))}</Frame>;
  if (doing) return <Frame {...same} name="mended" title={t("mended")} ready={Boolean(words.trim())} onSubmit={() => void run({ kind: "mended", finding: doing.mend, words })}>{text(t("how_mended"))}</Frame>;
  return (
    <div class="case-steps" role="group" aria-label={t("next_steps")}>
      {p.stopped === null && <button type="button" class="primary" data-step="found" onClick={() => setDoing("found")}>{t("found_add")}</button>}
      {p.findings.filter((f) => f.mended_ms === null).map((f) => <button type="button" key={f.number} data-step="mended" onClick={() => setDoing({ mend: f.number })}>{t("mended_n", { n: f.number })}</button>)}
      {p.stopped === null && <button type="button" data-step="flown" onClick={() => setDoing("flown")}>{t("mark_flown")}</button>}
      {p.stopped === null && plans() && <button type="button" data-step="change" onClick={() => setDoing("change")}>{t("patrol_change")}</button>}
      {p.stopped === null && plans() && <button type="button" data-step="stop" onClick={() => setDoing("stop")}>{t("patrol_stop")}</button>}
    </div>
  );
}

export function PatrolDetail() {
  const p = chosenRound.value;
  if (!p) return <p class="empty">{t("choose_patrol")}</p>;
  return (
    <section class="case" data-patrol-detail={p.number} aria-labelledby="patrol-title" key={p.number}>
      <header><h2 id="patrol-title">{p.name}</h2><p class="state">{p.stopped !== null ? `${t("patrol_stopped")}: ${p.stopped}` : <Due at={p.due_ms} />}</p></header>
      <Steps p={p} key={p.number} />
      <dl class="facts">
        <div><dt>{t("answers_for_it")}</dt><dd>{p.owner}</dd></div>
        <div><dt>{t("how_often")}</dt><dd>{often(p.every_min)}</dd></div>
        <div><dt>{t("patrol_plan_short")}</dt><dd>{p.plan || t("by_hand_only")}</dd></div>
        <div><dt>{t("flown_last")}</dt><dd>{p.last ? `${when(p.last.t_ms)} · ${p.last.by} · ${t("n_anomalies", { n: p.last.anomalies })}` : t("never_flown")}</dd></div>
        {p.broken_off && <div><dt>{t("broken_off")}</dt><dd>{when(p.broken_off.t_ms)} · {p.broken_off.by}</dd></div>}
      </dl>
      <h3>{t("findings")}</h3>
      {p.findings.length ? <ul class="findings">{p.findings.map((f) => <li key={f.number}><strong>{f.number}. {f.words}</strong><div class="small">{t("mends", { name: f.mender })} · {f.mended_ms !== null ? `✓ ${t("mended_at", { at: when(f.mended_ms), name: f.mended_by })}` : <Due at={f.due_ms} />}</div></li>)}</ul> : <p class="quiet">{t("none_found")}</p>}
      <h3>{t("history")}</h3>
      <ol class="case-log" aria-label={t("history")}>{p.deeds.map((d) => <li key={d.n}><time>{when(d.t_ms)}</time><div><strong>{word("incident_step", d.step.kind)}</strong> · {d.who}<div class="quiet">{"words" in d.step ? d.step.words : ""}</div></div></li>)}</ol>
    </section>
  );
}
