// Who sits at this page, and what may be done about it: logging in and out, locking and unlocking, people. Holds no password longer than a form does.
import { computed, effect } from "@preact/signals";
import type { Answer, Role } from "./api.ts";
import { hello, refreshHello, replaying } from "./store.ts";

/** Roles that see a flight; an admin alone makes people and sees none. */
const WATCH: ReadonlySet<Role> = new Set(["viewer", "pilot", "supervisor", "evidence"]);

export const state = computed(() => hello.value?.state ?? "open");
export const who = computed(() => hello.value?.who ?? null);
/** A demonstration or a replay: nobody logs in. */
export const isOpen = computed(() => state.value === "open");
export const isLocked = computed(() => state.value === "locked" || state.value === "over");
export const watches = computed(() => isOpen.value || (who.value?.roles.some((r) => WATCH.has(r)) ?? false));
export const has = (role: Role): boolean => who.value?.roles.includes(role) ?? false;
/** What the server would refuse anyway is not offered. */
export const mayFly = computed(() => isOpen.value || has("pilot"));
export const mayStop = computed(() => isOpen.value || has("pilot") || has("supervisor"));
/** Who may stop may also plan; a recording is not planned. */
export const mayPlan = computed(() => mayStop.value && !replaying.value);
/** A duty officer's word on a rehearsal. */
export const mayAnswer = computed(() => isOpen.value || has("supervisor"));
/** In whose name this page launches; null: whoever says so. */
export const signedAs = computed(() => (isOpen.value ? null : who.value?.name ?? null));

export type Told = Answer & { ended?: number; secret?: string; square?: string[]; uri?: string; code?: string; name?: string };

/** Posts to the doors. A refusal comes back with its reason. */
export async function post(path: string, body: object, limit_ms = 15_000): Promise<Told> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": hello.value?.csrf ?? "" }, body: JSON.stringify(body), signal: AbortSignal.timeout(limit_ms) });
      const told = (await r.json().catch(() => null)) as Told | null;
      if (told && typeof told.accepted === "boolean") return told;
      // Another session's token, or that of a server that was started anew: take the present one.
      await refreshHello();
    } catch {
      break;
    }
  }
  return { accepted: false, reason: { code: "desk.not_delivered", params: {} } };
}

/** Posts, and takes what has changed. */
export async function act(path: string, body: object = {}): Promise<Told> {
  const told = await post(path, body);
  if (told.accepted) await refreshHello();
  return told;
}

export interface Person { name: string; roles: Role[]; disabled: boolean; state: "ready" | "waiting" | "disabled"; made_ms: number; code_until_ms: number | null }
export interface AuditLine { t_ms: number; access: { who: string | null; from: string; what: string; about?: string; denied?: string; again?: number } }

async function get<T>(path: string): Promise<T | null> {
  try {
    const r = await fetch(path, { cache: "no-store" });
    if (r.status === 401 || r.status === 423) await refreshHello();
    return r.ok ? ((await r.json()) as T) : null;
  } catch {
    return null;
  }
}

export interface OwnSession { here: boolean; from: string; opened_s: number; seen_s: number; locked: boolean }
export const sessions = async (): Promise<OwnSession[] | null> => (await get<{ sessions: OwnSession[] }>("/api/me/sessions"))?.sessions ?? null;
export const people = async (): Promise<Person[] | null> => (await get<{ people: Person[] }>("/api/people"))?.people ?? null;
export const audit = async (): Promise<AuditLine[] | null> => (await get<{ lines: AuditLine[] }>("/api/audit"))?.lines ?? null;

/** A session that ended leaves nothing of the flight in the page: it begins anew. */
let had = false;
effect(() => {
  const s = state.value;
  if (had && s === "login") location.reload();
  had = s === "in" || s === "locked" || s === "over";
});

/** A hand on the screen keeps it from locking: told at most once a minute. */
const HERE_EVERY_MS = 60_000;
let told = 0;
export function hand(): void {
  if (state.value !== "in" || performance.now() - told < HERE_EVERY_MS) return;
  told = performance.now();
  void post("/api/here", {});
}

/** The server locks by its own clock: ask how it stands. */
const ASK_EVERY_MS = 20_000;
effect(() => {
  if (isOpen.value || !who.value) return;
  const timer = setInterval(() => void refreshHello(), ASK_EVERY_MS);
  return () => clearInterval(timer);
});
