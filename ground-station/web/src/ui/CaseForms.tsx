// What an officer does next in an incident: one form at a time, large enough for a thumb, each refusal where it was asked.
import { useRef, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Incident, Step } from "../api.ts";
import { freshKey, nowMs, sign, signature, signer, step, type Stepped } from "../cases.ts";
import { CODES, type Code } from "../i18n/codes.ts";
import { t, word } from "../i18n/index.ts";
import { has, isOpen, mayFly, mayStop, who } from "../session.ts";
import { airborne, aircraft, replaying } from "../store.ts";
import { useAsk, Why } from "./Door.tsx";

export const MINUTES = [5, 10, 15, 30, 60, 120, 480, 1440, 10080] as const;

/** A form that asks for one step; an unanswered try keeps its key, so that nothing is done twice. */
export function useStep(about: number | null, onDone: (told: Stepped) => void) {
  const key = useRef(freshKey());
  const { busy, reason, ask, clear } = useAsk();
  const run = async (what: Step) => {
    const told = (await ask(() => step(key.current, about, what))) as Stepped;
    if (told.reason?.code !== "desk.not_delivered") key.current = freshKey();
    if (told.accepted) onDone(told);
  };
  return { busy, reason, run, clear };
}

export const dueIn = (minutes: number): number => nowMs.value + minutes * 60_000;
const minuteWords = (m: number): string => (m < 120 ? t("n_minutes", { n: m }) : m < 2880 ? t("n_hours", { n: m / 60 }) : t("n_days", { n: m / 1440 }));

export function Due({ value, onValue, from = MINUTES, id = "due" }: { value: number; onValue: (m: number) => void; from?: readonly number[]; id?: string }) {
  return <label class="field"><span>{t("due_within")}</span><select data-field={id} value={value} onChange={(e) => onValue(Number(e.currentTarget.value))}>{from.map((m) => <option key={m} value={m}>{minuteWords(m)}</option>)}</select></label>;
}
export function Line({ id, label, value, onValue, max = 60, area = false }: { id: string; label: string; value: string; onValue: (v: string) => void; max?: number; area?: boolean }) {
  return <label class="field"><span>{label}</span>{area ? <textarea data-field={id} rows={2} maxLength={max} value={value} onInput={(e) => onValue(e.currentTarget.value)} /> : <input type="text" data-field={id} maxLength={max} value={value} onInput={(e) => onValue(e.currentTarget.value)} />}</label>;
}
export function Frame({ title, children, onSubmit, onCancel, busy, ready, name }: { title: string; children: ComponentChildren; onSubmit: () => void; onCancel: () => void; busy: boolean; ready: boolean; name: string }) {
  return (
    <form class="case-form" data-form={name} onSubmit={(e) => { e.preventDefault(); if (ready && !busy) onSubmit(); }}>
      <h3>{title.replace("…", "")}</h3>
      {children}
      <div class="do"><button type="submit" class="primary" data-do="submit" disabled={busy || !ready}>{title.replace("…", "")}</button><button type="button" onClick={onCancel}>{t("cancel")}</button></div>
    </form>
  );
}

/** Where nobody logs in, whoever acts says who it is: a review is another person's. */
export function Signature() {
  if (!isOpen.value || replaying.value) return null;
  return <div class="signature"><Line id="signature" label={t("in_whose_name")} value={signature.value || who.value?.name || ""} onValue={sign} /></div>;
}

type Doing = null | "task" | "arrive" | "outcome" | "review" | "back" | "close" | "reopen" | "note" | "extend";

function Tasking({ i, onDone, onCancel }: { i: Incident; onDone: () => void; onCancel: () => void }) {
  const flies = mayFly.value && aircraft.value.length > 0;
  const [to, setTo] = useState(flies && airborne.value ? `a${aircraft.value[0]?.id}` : "team");
  const [team, setTeam] = useState("");
  const [owner, setOwner] = useState(signer.value);
  const [minutes, setMinutes] = useState(15);
  const [words, setWords] = useState("");
  const { busy, reason, run } = useStep(i.number, onDone);
  const submit = () => run({ kind: "task", to: to === "team" ? { team } : { aircraft: Number(to.slice(1)) }, owner, due_ms: dueIn(minutes), words });
  return (
    <Frame name="task" title={t("do_task")} busy={busy} ready={Boolean(owner.trim()) && (to !== "team" || Boolean(team.trim()))} onSubmit={() => void submit()} onCancel={onCancel}>
      <label class="field"><span>{t("who_goes")}</span><select data-field="to" value={to} onChange={(e) => setTo(e.currentTarget.value)}>
        {flies && aircraft.value.map((a) => <option key={a.id} value={`a${a.id}`}>{t("aircraft_looks", { name: a.name })}</option>)}
        <option value="team">{t("ground_team")}</option>
      </select></label>
      {to === "team" ? <Line id="team" label={t("team_name")} value={team} onValue={setTeam} /> : <p class="consequence">{t("look_consequence")}</p>}
      <div class="pair"><Line id="owner" label={t("answers_for_it")} value={owner} onValue={setOwner} /><Due value={minutes} onValue={setMinutes} /></div>
      <Line id="words" label={t("what_to_do")} value={words} onValue={setWords} max={500} area />
      <Why reason={reason} />
    </Frame>
  );
}

function Worded({ i, name, title, hint, make, onDone, onCancel, need = true, children, ready = true }: { i: Incident; name: string; title: string; hint: string; make: (words: string) => Step; onDone: () => void; onCancel: () => void; need?: boolean; children?: ComponentChildren; ready?: boolean }) {
  const [words, setWords] = useState("");
  const { busy, reason, run } = useStep(i.number, onDone);
  return (
    <Frame name={name} title={title} busy={busy} ready={ready && (!need || Boolean(words.trim()))} onSubmit={() => void run(make(words))} onCancel={onCancel}>
      {children}
      <Line id="words" label={hint} value={words} onValue={setWords} max={500} area />
      <Why reason={reason} />
    </Frame>
  );
}

function Outcome({ i, onDone, onCancel }: { i: Incident; onDone: () => void; onCancel: () => void }) {
  // From afar only these can be known.
  const all = i.state === "on_scene" ? CODES.incident_outcome : (["false_alarm", "handed_over"] as const);
  const [outcome, setOutcome] = useState<Code<"incident_outcome">>(all[0]);
  return (
    <Worded i={i} name="outcome" title={t("do_outcome")} hint={t("what_came_of_it")} make={(words) => ({ kind: "outcome", outcome, words })} onDone={onDone} onCancel={onCancel}>
      <label class="field"><span>{t("outcome")}</span><select data-field="outcome" value={outcome} onChange={(e) => setOutcome(e.currentTarget.value as Code<"incident_outcome">)}>{all.map((o) => <option key={o} value={o}>{word("incident_outcome", o)}</option>)}</select></label>
    </Worded>
  );
}

function Extend({ i, onDone, onCancel }: { i: Incident; onDone: () => void; onCancel: () => void }) {
  const [minutes, setMinutes] = useState(30);
  return <Worded i={i} name="extend" title={t("do_extend")} hint={t("why")} make={(words) => ({ kind: "extend", due_ms: dueIn(minutes), words })} onDone={onDone} onCancel={onCancel}><Due value={minutes} onValue={setMinutes} /></Worded>;
}

/** The next steps of an incident: what its state allows and this person may. */
export function Steps({ i }: { i: Incident }) {
  const [doing, setDoing] = useState<Doing>(null);
  const [task, setTask] = useState(0);
  const done = () => setDoing(null);
  if (replaying.value || !mayStop.value) return null;
  const same = { i, onDone: done, onCancel: done };
  const judges = isOpen.value || has("supervisor");
  const s = i.state;
  if (doing === "task") return <Tasking {...same} />;
  if (doing === "outcome") return <Outcome {...same} />;
  if (doing === "extend") return <Extend {...same} />;
  if (doing === "arrive") return <Worded {...same} name="arrive" title={t("do_arrive")} hint={t("what_they_say")} need={false} make={(words) => ({ kind: "arrive", task, words })} />;
  if (doing === "review") return <Worded {...same} name="review" title={t("do_review")} hint={t("note")} need={false} make={(words) => ({ kind: "review", agree: true, words })}><p class="consequence">{t("review_note")}</p></Worded>;
  if (doing === "back") return <Worded {...same} name="back" title={t("do_back")} hint={t("why")} make={(words) => ({ kind: "review", agree: false, words })} />;
  if (doing === "close") return <Worded {...same} name="close" title={t("do_close")} hint={t("note")} need={false} make={(words) => ({ kind: "close", words })} />;
  if (doing === "reopen") return <Worded {...same} name="reopen" title={t("do_reopen")} hint={t("why")} make={(words) => ({ kind: "reopen", words })} />;
  if (doing === "note") return <Worded {...same} name="note" title={t("do_note")} hint={t("what_to_note")} make={(words) => ({ kind: "note", words })} />;
  const sent = i.tasks.filter((x) => x.state === "sent");
  const button = (name: Exclude<Doing, null>, words: string, primary = false) => <button type="button" class={primary ? "primary" : ""} data-step={name} onClick={() => setDoing(name)}>{words}</button>;
  const early = s === "open" || s === "tasked" || s === "on_scene";
  return (
    <div class="case-steps" role="group" aria-label={t("next_steps")}>
      {early && button("task", t("do_task"), s === "open")}
      {sent.map((x) => <button type="button" key={x.number} class="primary" data-step="arrive" onClick={() => { setTask(x.number); setDoing("arrive"); }}>{t("arrived", { name: assignee(x.to) })}</button>)}
      {early && button("outcome", s === "on_scene" ? t("do_outcome") : t("do_outcome_afar"), s === "on_scene")}
      {s === "outcome" && judges && button("review", t("do_review"), true)}
      {s === "outcome" && judges && button("back", t("do_back"))}
      {s === "outcome" && !judges && <p class="quiet">{t("review_waits")}</p>}
      {s === "reviewed" && button("close", t("do_close"), true)}
      {(s === "closed" || s === "reviewed") && button("reopen", t("do_reopen"))}
      {s !== "closed" && button("note", t("do_note"))}
      {s !== "closed" && button("extend", t("do_extend"))}
    </div>
  );
}

export const assignee = (to: { aircraft: number } | { team: string }): string => ("team" in to ? to.team : aircraft.value.find((a) => a.id === to.aircraft)?.name ?? `P${to.aircraft}`);
