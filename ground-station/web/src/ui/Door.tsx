// Before the console: the first run, a login, a first login with its telephone, and the locked screen. Works by keyboard and by touch.
import { useEffect, useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { Reason } from "../api.ts";
import { lang, t, toggleLang } from "../i18n/index.ts";
import { act, isLocked, mayStop, post, state, who, type Told } from "../session.ts";
import { reasonWords, send } from "../store.ts";
import { theme, toggleTheme } from "../theme.ts";

function Text({ id, label, value, onValue, secret = false, complete, hint, numeric = false, first = false }: { id: string; label: string; value: string; onValue: (v: string) => void; secret?: boolean; complete: string; hint?: string; numeric?: boolean; first?: boolean }) {
  const focus = (el: HTMLInputElement | null) => { if (first && el && document.activeElement === document.body) el.focus(); };
  return (
    <label class="field"><span>{label}</span>
      {secret ? <input type="password" data-field={id} name={id} value={value} autocomplete={complete} spellcheck={false} maxLength={128} aria-describedby={hint ? `${id}-hint` : undefined} ref={focus} onInput={(e) => onValue(e.currentTarget.value)} /> : <input type="text" data-field={id} name={id} value={value} autocomplete={complete} spellcheck={false} maxLength={128} autocapitalize="off" inputMode={numeric ? "numeric" : "text"} aria-describedby={hint ? `${id}-hint` : undefined} ref={focus} onInput={(e) => onValue(e.currentTarget.value)} />}
      {hint && <small id={`${id}-hint`} class="quiet">{hint}</small>}
    </label>
  );
}

/** A form that asks once at a time and says why not. */
export function useAsk(): { busy: boolean; reason: Reason | null; ask: (what: () => Promise<Told>) => Promise<Told>; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState<Reason | null>(null);
  const ask = async (what: () => Promise<Told>) => {
    setBusy(true);
    setReason(null);
    const told = await what();
    setBusy(false);
    if (!told.accepted) setReason(told.reason);
    return told;
  };
  return { busy, reason, ask, clear: () => setReason(null) };
}

export const Why = ({ reason }: { reason: Reason | null }) => (reason ? <p class="refusal" role="alert" data-why={reason.code}>{reasonWords(reason)}</p> : null);

function Login({ name: known, onFirst }: { name: string; onFirst: (() => void) | null }) {
  const [name, setName] = useState(known);
  const [password, setPassword] = useState("");
  const [totp, setTotp] = useState("");
  const { busy, reason, ask } = useAsk();
  const submit = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => act("/api/login", { name, password, totp }));
    if (!told.accepted) { setPassword(""); setTotp(""); }
  };
  return (
    <form onSubmit={(e) => void submit(e)}>
      <h1>{t("login_title")}</h1>
      <Text id="name" label={t("person_name")} value={name} onValue={setName} complete="username" first />
      <Text id="password" label={t("password")} value={password} onValue={setPassword} secret complete="current-password" />
      <Text id="totp" label={t("totp")} value={totp} onValue={setTotp} complete="one-time-code" hint={t("totp_hint")} numeric />
      <Why reason={reason} />
      <button type="submit" class="primary" data-do="login" disabled={busy || !name.trim() || !password || !totp.trim()}>{t("login")}</button>
      {onFirst && <button type="button" data-do="first-login" onClick={onFirst}>{t("first_login")}</button>}
    </form>
  );
}

/** The square that a telephone reads, drawn as one path. */
function Square({ rows, words }: { rows: string[]; words: string }) {
  const quiet = 4, size = rows.length + 2 * quiet;
  const path = rows.flatMap((r, y) => [...r].map((c, x) => (c === "1" ? `M${x + quiet} ${y + quiet}h1v1h-1z` : ""))).join("");
  return <svg class="square" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={words} shape-rendering="crispEdges"><rect width={size} height={size} fill="#fff" /><path d={path} fill="#000" /></svg>;
}

function Enrol({ first, onBack }: { first: boolean; onBack: (() => void) | null }) {
  const [name, setName] = useState("");
  const [code, setCode] = useState("");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");
  const [totp, setTotp] = useState("");
  const [given, setGiven] = useState<Told | null>(null);
  const { busy, reason, ask, clear } = useAsk();
  const differ = again !== "" && again !== password;
  const begin = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => post("/api/enrol", { name, code, password }));
    if (told.accepted) { setGiven(told); setAgain(""); setPassword(""); }
  };
  const confirm = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => act("/api/enrol/confirm", { name, code, totp }));
    if (!told.accepted) setTotp("");
  };
  if (given) {
    return (
      <form onSubmit={(e) => void confirm(e)}>
        <h1>{t("telephone_title")}</h1>
        <p>{t("telephone_do")}</p>
        <Square rows={given.square ?? []} words={t("telephone_square")} />
        <p class="small">{t("telephone_by_hand")} <code data-secret>{(given.secret ?? "").replace(/(.{4})/g, "$1 ").trim()}</code></p>
        <Text id="totp" label={t("totp")} value={totp} onValue={setTotp} complete="one-time-code" hint={t("totp_hint")} numeric first />
        <Why reason={reason} />
        <button type="submit" class="primary" data-do="confirm" disabled={busy || !totp.trim()}>{t("telephone_confirm")}</button>
        <button type="button" onClick={() => { setGiven(null); clear(); }}>{t("back")}</button>
      </form>
    );
  }
  return (
    <form onSubmit={(e) => void begin(e)}>
      <h1>{t(first ? "first_run_title" : "first_login_title")}</h1>
      <p>{t(first ? "first_run_do" : "first_login_do")}</p>
      <Text id="code" label={t("first_code")} value={code} onValue={setCode} complete="off" first />
      <Text id="name" label={t(first ? "person_name_new" : "person_name")} value={name} onValue={setName} complete="username" />
      <Text id="password" label={t("password_new")} value={password} onValue={setPassword} secret complete="new-password" hint={t("password_hint")} />
      <Text id="again" label={t("password_again")} value={again} onValue={setAgain} secret complete="new-password" />
      {differ && <p class="refusal" role="alert">{t("password_differs")}</p>}
      <Why reason={reason} />
      <button type="submit" class="primary" data-do="enrol" disabled={busy || !code.trim() || !name.trim() || !password || password !== again}>{t("next")}</button>
      {onBack && <button type="button" onClick={onBack}>{t("back")}</button>}
    </form>
  );
}

function Locked({ onOther }: { onOther: () => void }) {
  const [password, setPassword] = useState("");
  const [totp, setTotp] = useState("");
  const { busy, reason, ask } = useAsk();
  const submit = async (e: Event) => {
    e.preventDefault();
    const told = await ask(() => act("/api/unlock", password ? { password } : { totp }));
    if (!told.accepted) { setPassword(""); setTotp(""); }
  };
  return (
    <form onSubmit={(e) => void submit(e)}>
      <h1>{t("locked_title")}</h1>
      <p data-who><strong>{who.value?.name}</strong></p>
      <p>{t("locked_note")}</p>
      <Text id="password" label={t("password")} value={password} onValue={setPassword} secret complete="current-password" first />
      <Text id="totp" label={t("totp_or")} value={totp} onValue={setTotp} complete="one-time-code" numeric />
      <Why reason={reason} />
      <button type="submit" class="primary" data-do="unlock" disabled={busy || !(password || totp.trim())}>{t("unlock")}</button>
      <button type="button" data-do="other" onClick={onOther}>{t("login_other")}</button>
    </form>
  );
}

function Frame({ children }: { children: ComponentChildren }) {
  return (
    <div class="door-box">
      {children}
      <div class="door-foot">
        <button type="button" onClick={toggleLang} lang={lang.value === "en" ? "zh-CN" : "en"}>{t("language")}</button>
        <button type="button" onClick={toggleTheme}>{theme.value === "day" ? t("night") : t("day")}</button>
      </div>
    </div>
  );
}

/** What stands before the console; nothing when the page is open. */
export function Door() {
  const [first, setFirst] = useState(false);
  const [other, setOther] = useState(false);
  const s = state.value;
  useEffect(() => { setFirst(false); setOther(false); }, [s]);
  return (
    <main class="door" aria-label={t("door")} data-door={s}>
      <Frame>
        {s === "first_run" ? <Enrol first onBack={null} />
          : s === "over" ? <><p class="consequence" role="status">{t("over_note")}</p><Login name={who.value?.name ?? ""} onFirst={null} /></>
          : s === "locked" && !other ? <Locked onOther={() => setOther(true)} />
          : s === "locked" ? <><Login name="" onFirst={null} /><button type="button" onClick={() => setOther(false)}>{t("back")}</button></>
          : first ? <Enrol first={false} onBack={() => setFirst(false)} />
          : <Login name="" onFirst={() => setFirst(true)} />}
        {isLocked.value && mayStop.value && <button type="button" class="primary hold-locked" data-do="hold-all" onClick={() => void send({ kind: "hold", aircraft: null })}>{t("hold_all")}</button>}
      </Frame>
    </main>
  );
}
