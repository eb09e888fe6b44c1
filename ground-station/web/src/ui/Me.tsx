// Who sits here: name and roles, lock, log out, one's own password; for admins people, and who did what for whoever may read it.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Role } from "../api.ts";
import { CODES } from "../i18n/codes.ts";
import { t, word } from "../i18n/index.ts";
import { act, audit, has, isOpen, people, post, sessions, who, type AuditLine, type OwnSession, type Person } from "../session.ts";
import { useAsk, Why } from "./Door.tsx";

type Page = "me" | "people" | "audit" | "password" | "sessions";
const open = signal<Page | null>(null);
export const showMe = (): void => { open.value = "me"; };
export const rolesWords = (roles: Role[]): string => roles.map((r) => word("role", r)).join(" · ");

/** The header's button: name, and what a demonstration is. */
export function MeButton() {
  const w = who.value;
  if (!w) return null;
  return <button type="button" data-do="me" title={t("me")} onClick={showMe}>{isOpen.value ? t("demo_officer") : w.name}</button>;
}

function Mine() {
  const w = who.value;
  if (!w) return null;
  if (isOpen.value) return <p data-demo>{t("demo_note")}</p>;
  return (
    <>
      <p><strong>{w.name}</strong><br />{rolesWords(w.roles)}</p>
      <div class="stack">
        <button type="button" class="primary" data-do="lock" onClick={() => { open.value = null; void act("/api/lock"); }}>{t("lock")}</button>
        <button type="button" data-do="logout" onClick={() => { open.value = null; void act("/api/logout"); }}>{t("logout")}</button>
        <button type="button" data-do="password" onClick={() => { open.value = "password"; }}>{t("password_change")}</button>
        <button type="button" data-do="sessions" onClick={() => { open.value = "sessions"; }}>{t("sessions")}</button>
        {has("admin") && <button type="button" data-do="people" onClick={() => { open.value = "people"; }}>{t("people")}</button>}
        {(has("admin") || has("supervisor") || has("evidence")) && <button type="button" data-do="audit" onClick={() => { open.value = "audit"; }}>{t("audit")}</button>}
      </div>
    </>
  );
}

function Password() {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [done, setDone] = useState(false);
  const { busy, reason, ask } = useAsk();
  const submit = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => post("/api/me/password", { old, new: next }));
    setOld(""); setNext(""); setAgain("");
    setDone(told.accepted);
  };
  const field = (id: string, label: string, value: string, set: (v: string) => void, complete: string) => <label class="field"><span>{label}</span><input type="password" data-field={id} value={value} maxLength={128} autocomplete={complete} onInput={(e) => set(e.currentTarget.value)} /></label>;
  return (
    <form onSubmit={(e) => void submit(e)}>
      {field("old", t("password_old"), old, setOld, "current-password")}
      {field("new", t("password_new"), next, setNext, "new-password")}
      {field("again", t("password_again"), again, setAgain, "new-password")}
      <p class="small quiet">{t("password_hint")}</p>
      {again !== "" && again !== next && <p class="refusal" role="alert">{t("password_differs")}</p>}
      <Why reason={reason} />
      {done && <p role="status">✓ {t("password_changed")}</p>}
      <button type="submit" class="primary" disabled={busy || !old || !next || next !== again}>{t("password_change")}</button>
    </form>
  );
}

const clock = (ago_s: number): string => new Date(Date.now() - 1000 * ago_s).toLocaleTimeString(undefined, { hour12: false });

/** Where one is logged in, and an end to all of it but here. */
function Sessions() {
  const [list, setList] = useState<OwnSession[] | null>(null);
  const [password, setPassword] = useState("");
  const [ended, setEnded] = useState<number | null>(null);
  const { busy, reason, ask } = useAsk();
  const load = () => void sessions().then(setList);
  useEffect(load, []);
  const submit = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => post("/api/me/sessions/end", { password }));
    setPassword("");
    setEnded(told.accepted ? told.ended ?? 0 : null);
    load();
  };
  if (!list) return <p role="status">{t("loading")}</p>;
  return (
    <form onSubmit={(e) => void submit(e)}>
      <table class="list"><thead><tr><th scope="col">{t("session_from")}</th><th scope="col">{t("session_since")}</th><th scope="col">{t("session_seen")}</th></tr></thead>
        <tbody>{list.map((s, i) => <tr key={i} data-session={s.here ? "here" : "other"}><td>{s.from}{s.here && <> · <strong>{t("session_here")}</strong></>}{s.locked && <> · {t("session_locked")}</>}</td><td>{clock(s.opened_s)}</td><td>{clock(s.seen_s)}</td></tr>)}</tbody></table>
      {ended !== null && <p role="status">✓ {t("sessions_ended", { n: ended })}</p>}
      <Why reason={reason} />
      {list.length > 1 && <>
        <p>{t("sessions_end_do")}</p>
        <label class="field"><span>{t("password")}</span><input type="password" data-field="proof" value={password} maxLength={128} autocomplete="current-password" onInput={(e) => setPassword(e.currentTarget.value)} /></label>
        <button type="submit" class="primary" data-do="end-others" disabled={busy || !password}>{t("sessions_end")}</button>
      </>}
    </form>
  );
}

function RoleChecks({ chosen, onChange, of }: { chosen: Role[]; onChange: (r: Role[]) => void; of: string }) {
  return (
    <fieldset class="roles"><legend>{t("roles")}{of ? `: ${of}` : ""}</legend>
      {CODES.role.map((r) => <label key={r} class="check"><input type="checkbox" data-role={r} checked={chosen.includes(r)} onChange={(e) => onChange(e.currentTarget.checked ? [...chosen, r] : chosen.filter((x) => x !== r))} /> <span>{word("role", r)}<small class="quiet"> {word("role_may", r)}</small></span></label>)}
    </fieldset>
  );
}

/** A code to be read out: shown once, until the next thing is done. */
const Code = ({ name, code }: { name: string; code: string }) => <p class="consequence" role="status" data-code={code}>{t("code_for", { name })} <code>{code}</code><br /><span class="small">{t("code_note")}</span></p>;

function Row({ p, onDone, onCode }: { p: Person; onDone: () => void; onCode: (c: { name: string; code: string }) => void }) {
  const [roles, setRoles] = useState<Role[] | null>(null);
  const [sure, setSure] = useState(false);
  const { busy, reason, ask } = useAsk();
  const at = (what: string) => `/api/people/${encodeURIComponent(p.name)}/${what}`;
  const run = async (path: string, body: object) => { const told = await ask(() => post(path, body)); if (told.accepted) { if (told.code) onCode({ name: p.name, code: told.code }); setRoles(null); setSure(false); onDone(); } };
  return (
    <li data-person={p.name}>
      <div class="person"><strong>{p.name}</strong><span>{rolesWords(p.roles)}</span><span class={p.state === "ready" ? "quiet" : "tag odd"}>{word("person_state", p.state)}</span></div>
      {roles ? (
        <div><RoleChecks chosen={roles} onChange={setRoles} of={p.name} />
          <button type="button" class="primary" disabled={busy || !roles.length} onClick={() => void run(at("roles"), { roles })}>{t("save")}</button> <button type="button" onClick={() => setRoles(null)}>{t("cancel")}</button></div>
      ) : sure ? (
        <div><p>{t("reset_note")}</p><button type="button" class="primary" disabled={busy} onClick={() => void run(at("reset"), {})}>{t("reset")}</button> <button type="button" onClick={() => setSure(false)}>{t("cancel")}</button></div>
      ) : (
        <div class="row-do">
          <button type="button" disabled={busy} aria-label={`${t("roles")}: ${p.name}`} onClick={() => setRoles(p.roles)}>{t("roles")}</button>
          <button type="button" disabled={busy} aria-label={`${t("reset")}: ${p.name}`} onClick={() => setSure(true)}>{t("reset")}</button>
          <button type="button" disabled={busy} aria-label={`${t(p.disabled ? "enable" : "disable")}: ${p.name}`} onClick={() => void run(at("disable"), { disabled: !p.disabled })}>{t(p.disabled ? "enable" : "disable")}</button>
        </div>
      )}
      <Why reason={reason} />
    </li>
  );
}

/** All people, and a new one. */
export function People() {
  const [list, setList] = useState<Person[] | null>(null);
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<Role[]>([]);
  const [code, setCode] = useState<{ name: string; code: string } | null>(null);
  const { busy, reason, ask } = useAsk();
  const load = () => void people().then(setList);
  useEffect(load, []);
  const add = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => post("/api/people", { name, roles }));
    if (!told.accepted) return;
    setCode({ name: told.name ?? name, code: told.code ?? "" });
    setName("");
    setRoles([]);
    load();
  };
  return (
    <div class="people">
      {code && <Code {...code} />}
      {list ? <ul class="person-list" aria-label={t("people")}>{list.map((p) => <Row key={p.name} p={p} onDone={load} onCode={setCode} />)}</ul> : <p role="status">{t("loading")}</p>}
      <form onSubmit={(e) => void add(e)}>
        <h3>{t("person_add")}</h3>
        <label class="field"><span>{t("person_name")}</span><input type="text" data-field="new-name" maxLength={40} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} /></label>
        <RoleChecks chosen={roles} onChange={setRoles} of="" />
        <Why reason={reason} />
        <button type="submit" class="primary" data-do="add" disabled={busy || !name.trim() || !roles.length}>{t("person_add")}</button>
      </form>
    </div>
  );
}

function Audit() {
  const [lines, setLines] = useState<AuditLine[] | null>(null);
  useEffect(() => void audit().then(setLines), []);
  if (!lines) return <p role="status">{t("loading")}</p>;
  const time = (ms: number) => new Date(ms).toLocaleTimeString(undefined, { hour12: false });
  return (
    <div class="audit" tabIndex={0} role="region" aria-label={t("audit")}>
      <table class="list"><thead><tr><th scope="col">{t("audit_time")}</th><th scope="col">{t("person_name")}</th><th scope="col">{t("audit_what")}</th><th scope="col">{t("audit_how")}</th></tr></thead>
        <tbody>{[...lines].reverse().map((l, i) => <tr key={lines.length - i}><td>{time(l.t_ms)}</td><td>{l.access.who ?? "–"}<div class="quiet small">{l.access.from}</div></td><td><code>{l.access.what}</code><div class="quiet small">{l.access.about}</div></td><td class={l.access.denied ? "refused" : ""}>{l.access.denied ? word("refusal", l.access.denied) : t("audit_done")}{l.access.again ? ` ×${l.access.again}` : ""}</td></tr>)}</tbody></table>
    </div>
  );
}

const TITLES = { me: "me", people: "people", audit: "audit", password: "password_change", sessions: "sessions" } as const;

/** The dialog behind the header's button. */
export function Me() {
  const ref = useRef<HTMLDialogElement>(null);
  const page = open.value;
  const shown = page !== null;
  useEffect(() => { if (shown) ref.current?.showModal(); else ref.current?.close(); }, [shown]);
  return (
    <dialog ref={ref} class={page === "people" || page === "audit" ? "wide" : ""} aria-labelledby="me-title" onClose={() => { open.value = null; }}>
      {page && <><header class="dialog-head"><h2 id="me-title">{t(TITLES[page])}</h2><button type="button" data-do="close" onClick={() => { open.value = null; }}>{t("close")}</button></header>
        {page === "people" ? <People /> : page === "audit" ? <Audit /> : page === "password" ? <Password /> : page === "sessions" ? <Sessions /> : <Mine />}</>}
    </dialog>
  );
}

/** An admin alone sees no flight: the page is that of people. */
export function AdminPage() {
  return (
    <div class="admin">
      <header class="top"><div class="cell mission"><h1 class="label">{t("people")}</h1><span class="value">{who.value?.name}</span></div><div class="cell buttons"><MeButton /></div></header>
      <main class="admin-main" tabIndex={0} aria-label={t("people")}><p class="quiet">{t("admin_note")}</p><People /></main>
      <Me />
    </div>
  );
}
