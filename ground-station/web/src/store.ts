// All that the page knows, as signals, and the one connection that fills it. A snapshot replaces everything; alarms are never dropped:
// a gap in the sequence closes the socket, and the next snapshot brings what was missed.
import { batch, computed, effect, signal } from "@preact/signals";
import { readBatch, type Aircraft, type Anomaly, type Answer, type Event, type Fast, type Hello, type Imported, type Incident, type Patrol, type Intent, type LonLat, type Message, type Plan, type Preflight, type Reason, type Reflown, type Replay, type Snapshot, type Upload, type Venue } from "./api.ts";
import { chosen, lang, t, word } from "./i18n/index.ts";
import { CODES } from "./i18n/codes.ts";

export const hello = signal<Hello | null>(null);
export const connection = signal<"connecting" | "open" | "closed">("connecting");
export const venue = signal<Venue | null>(null);
/** Every plan that an aircraft is to fly. */
export const plans = signal<Plan[]>([]);
export const aircraft = signal<Aircraft[]>([]);
export const anomalies = signal<Anomaly[]>([]);
export const preflight = signal<Preflight[]>([]);
export const log = signal<Event[]>([]);
export const replay = signal<Replay | null>(null);
/** Everything that is not closed, and the closed of late. */
export const incidents = signal<Incident[]>([]);
export const patrols = signal<Patrol[]>([]);
/** Newest figures by aircraft id, and when they came (performance clock, ms). */
export const fast = signal<ReadonlyMap<number, Fast>>(new Map());
export const fastAt = signal(0);
/** The page's own clock, ticking four times a second, for ages. */
export const now = signal(performance.now());
/** Server time of the newest batch, ms since 1970. */
export const serverMs = signal(0);
/** When anything last came from the server. */
export const heardAt = signal(performance.now());

export const chosenId = signal<number | null>(null);
export const chosenAnomaly = signal<string | null>(null);
/** In a replay: what came of flying its plan again. */
export const reflown = signal<Reflown | null>(null);
export const sheet = signal<null | { kind: "plan" } | { kind: "refly" } | { kind: "launch" } | { kind: "land" } | { kind: "look"; at: LonLat }>(null);
/** A refusal that belongs to a place, shown there. */
export const refusedAt = signal<null | { at: LonLat; what: () => string; text: () => string }>(null);
/** Answers to commands, newest last. */
export const answers = signal<{ id: number; ok: boolean; text: () => string }[]>([]);

export const selected = computed<Aircraft | null>(() => aircraft.value.find((a) => a.id === chosenId.value) ?? aircraft.value[0] ?? null);
/** The selected aircraft's plan. A plan that names nobody is for all. */
export const plan = computed<Plan | null>(() => planOf(selected.value?.id));
export function planOf(id: number | undefined): Plan | null {
  return plans.value.find((p) => !p.aircraft || (id !== undefined && p.aircraft.includes(id))) ?? (id === undefined ? plans.value[0] ?? null : null);
}
/** How far the plan is on its way to the selected aircraft. */
export const upload = computed<Upload | null>(() => selected.value?.upload ?? plan.value?.upload ?? null);
/** More than one: names are said, and orders say whose. */
export const fleet = computed(() => aircraft.value.length > 1);
export const nameOf = (id: number | null | undefined): string => aircraft.value.find((a) => a.id === id)?.name ?? (id === null || id === undefined ? "" : `P${id}`);
export const selectedFast = computed<Fast | null>(() => (selected.value ? fast.value.get(selected.value.id) ?? null : null));
export const replaying = computed(() => replay.value !== null || hello.value?.mode === "replay");
export const AIRBORNE: ReadonlySet<string> = new Set(["taking_off", "patrolling", "investigating", "holding", "returning", "landing", "manual", "recovering"]);
export const airborne = computed(() => AIRBORNE.has(selectedFast.value?.flight_state ?? ""));

/** Seconds since the aircraft was heard: its link's age as the server saw it, plus how long the server has been silent. Null before the first word. */
export function linkAge(f: Fast | null): number | null {
  if (!f || f.link_age_s === null) return null;
  if (replay.value && !replay.value.playing) return f.link_age_s;
  const silent = (now.value - fastAt.value) / 1000;
  return f.link_age_s + (silent > 0.4 ? silent : 0) + (behindS.value > BEHIND_S ? behindS.value : 0);
}

/** How far this page lags behind the server, seconds: what is held back on a slow line looks new when it comes. */
export const behindS = signal(0);
/** More than this is told, and makes what is shown old. */
export const BEHIND_S = 1;
/** A lag that lasts so long is one: a word of the aircraft's clock that came late is none. */
const LASTS_MS = 1000;
/** After so long the page gives up what is under way and asks for the present. */
const CATCH_UP_MS = 3000;
/** The least that lay between the server's clock and this page's: how it is when nothing waits. */
let leastApart = Infinity;
let lastApart = { at: 0, apart: 0 };
let lagMs = 0;
let behindSince: number | null = null;
/** Nothing falls behind faster than time goes by: what jumps more is a clock that was set. */
const JUMP_MS = 500;
function howLate(server_ms: number): void {
  if (replaying.peek()) { behindS.value = 0; return; }
  const at = performance.now(), apart = at - server_ms;
  const jumped = leastApart !== Infinity && apart - lastApart.apart > at - lastApart.at + JUMP_MS;
  leastApart = jumped ? apart - lagMs : Math.min(leastApart, apart);
  lastApart = { at, apart };
  lagMs = apart - leastApart;
  behindSince = lagMs > BEHIND_S * 1000 ? behindSince ?? at : null;
  behindS.value = behindSince !== null && at - behindSince >= LASTS_MS ? lagMs / 1000 : 0;
  if (behindSince === null) return;
  // What waits on the line is old news: a new connection begins with the present.
  if (at - behindSince > CATCH_UP_MS) socket?.close();
}

/** True when the server itself is not heard: it says something at least once a second. Silence is an alarm only where something is to be heard: not at the login. */
export const serverSilent = computed(() => (hello.value === null || hears(hello.value)) && now.value - heardAt.value > 2500);

let socket: WebSocket | null = null;
setInterval(() => {
  now.value = performance.now();
  if (socket && connection.value === "open" && now.value - heardAt.value > 6000) socket.close(); // a dead line that TCP has not noticed
}, 250);

let waiting: ReturnType<typeof setTimeout> | undefined;
let lastSeq = -1;
let lastBatch = -1;
let tries = 0;

function take(s: Snapshot): void {
  batch(() => {
    venue.value = s.venue;
    plans.value = s.plans ?? (s.plan ? [s.plan] : []);
    aircraft.value = s.aircraft;
    anomalies.value = s.anomalies;
    preflight.value = s.preflight;
    log.value = s.log;
    replay.value = s.replay;
    incidents.value = s.incidents ?? [];
    patrols.value = s.patrols ?? [];
    serverMs.value = s.server_ms;
    fast.value = new Map([...fast.value].filter(([id]) => s.aircraft.some((a) => a.id === id)));
  });
  lastBatch = -1;
}

function replace<T>(list: T[], item: T, same: (a: T) => boolean): T[] {
  const i = list.findIndex(same);
  return i < 0 ? [...list, item] : list.map((x, k) => (k === i ? item : x));
}

/** A plan, new or changed: whoever is to fly it is to fly no other. */
function takePlan(p: Plan | null): void {
  if (!p) { plans.value = []; return; }
  const by = p.aircraft;
  if (!by) { plans.value = [p]; return; }
  const others = plans.value.map((q) => (q.hash === p.hash ? p : { ...q, aircraft: (q.aircraft ?? []).filter((id) => !by.includes(id)) })).filter((q) => q.hash === p.hash || (q.aircraft?.length ?? 0) > 0);
  plans.value = others.some((q) => q.hash === p.hash) ? others : [...others, p];
}

const LOG_LIMIT = 400;

function onText(m: Message): void {
  if (m.type === "snapshot") { take(m); lastSeq = m.seq; return; }
  if (lastSeq >= 0 && m.seq !== lastSeq + 1) {
    if (m.seq <= lastSeq) return;
    socket?.close(); // something was missed: come back for a snapshot
    return;
  }
  lastSeq = m.seq;
  switch (m.type) {
    case "aircraft": aircraft.value = replace(aircraft.value, m.aircraft, (a) => a.id === m.aircraft.id); break;
    case "anomaly": anomalies.value = replace(anomalies.value, m.anomaly, (a) => a.id === m.anomaly.id); break;
    case "preflight": preflight.value = replace(preflight.value, m.preflight, (p) => p.aircraft === m.preflight.aircraft); break;
    case "plan": takePlan(m.plan); break;
    case "venue": venue.value = m.venue; break;
    case "rehearsal": {
      plans.value = plans.value.map((p) => (p.rehearsal && (!m.plan || p.hash === m.plan) ? { ...p, rehearsal: { ...p.rehearsal, state: "running", part: m.part } } : p));
      break;
    }
    case "incident": incidents.value = replace(incidents.value, m.incident, (i) => i.number === m.incident.number); break;
    case "patrol": patrols.value = replace(patrols.value, m.patrol, (p) => p.number === m.patrol.number); break;
    case "replay": replay.value = m.replay; break;
    case "event":
      log.value = [...log.value, m.event].slice(-LOG_LIMIT);
      if (m.event.at && (m.event.code.endsWith("refused") || m.event.code === "order_failed")) {
        const e = m.event;
        refusedAt.value = { at: e.at as LonLat, what: () => t("log"), text: () => eventWords(e) };
      }
      break;
  }
}

/** Fifty aircraft tell of themselves a hundred times a second: what comes within this is taken together, drawn once. */
const TOGETHER_MS = 40;
let came: string[] = [];
let taking: ReturnType<typeof setTimeout> | undefined;
function takeTexts(): void {
  clearTimeout(taking);
  taking = undefined;
  const texts = came;
  came = [];
  const of = socket;
  // A gap closes the socket; what came after it is in the next snapshot.
  batch(() => { for (const text of texts) if (socket === of && (of?.readyState ?? 1) === 1) onText(JSON.parse(text) as Message); });
}
function onWord(text: string): void {
  came.push(text);
  // Timers of a page that nobody sees are slowed down; its alarms are not.
  if (lastSeq < 0 || document.hidden) takeTexts();
  else taking ??= setTimeout(takeTexts, TOGETHER_MS);
}

function onBatch(buffer: ArrayBuffer): void {
  const b = readBatch(buffer);
  if (!b || (b.seq <= lastBatch && lastBatch - b.seq < 0x7fffffff)) return;
  lastBatch = b.seq;
  batch(() => {
    const next = new Map(fast.value);
    for (const a of b.aircraft) next.set(a.id, a);
    fast.value = next;
    fastAt.value = performance.now();
    serverMs.value = b.server_ms;
    howLate(b.server_ms);
  });
}

/** Asks anew who this is and with which token. */
export async function refreshHello(): Promise<Hello | null> {
  try {
    const answer = await fetch("/api/hello", { cache: "no-store" });
    if (!answer.ok) return null;
    const h = (await answer.json()) as Hello;
    const before = hello.value;
    if (JSON.stringify(before) !== JSON.stringify(h)) hello.value = h;
    if (!chosen() && h.lang) lang.value = h.lang;
    // Somebody came, went, or is another: what was shown was the other's.
    if (before && sameAs(before) !== sameAs(h)) { forgetAll(); again(); }
    return h;
  } catch {
    return null;
  }
}
const sameAs = (h: Hello): string => JSON.stringify([h.who ?? null, hears(h)]);
/** Whether the server has anything to say to this page. */
function hears(h: Hello): boolean {
  return (h.state ?? "open") === "open" || (["in", "locked", "over"].includes(h.state ?? "") && (h.who?.roles.some((r) => r !== "admin") ?? false));
}

function forgetAll(): void {
  batch(() => {
    venue.value = replay.value = sheet.value = refusedAt.value = reflown.value = null;
    plans.value = [];
    aircraft.value = [];
    anomalies.value = [];
    preflight.value = [];
    log.value = [];
    fast.value = new Map();
    answers.value = [];
    incidents.value = [];
    patrols.value = [];
  });
}

/** A new connection, at once. */
function again(): void {
  const old = socket;
  socket = null;
  old?.close();
  // Whoever has just come has not been waiting.
  heardAt.value = performance.now();
  clearTimeout(waiting);
  void connect();
}

async function connect(): Promise<void> {
  connection.value = "connecting";
  const h = await refreshHello();
  if (!h) { later(); return; }
  // Nobody is there yet, or nobody who may hear: the login connects.
  if (!hears(h) || socket) return;
  const s = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/live`);
  socket = s;
  s.binaryType = "arraybuffer";
  came = [];
  lastSeq = -1;
  leastApart = Infinity;
  lagMs = 0;
  behindSince = null;
  behindS.value = 0;
  s.onopen = () => { tries = 0; heardAt.value = performance.now(); connection.value = "open"; };
  s.onmessage = (e) => {
    heardAt.value = performance.now();
    if (socket !== s) return;
    if (typeof e.data === "string") onWord(e.data);
    else onBatch(e.data as ArrayBuffer);
  };
  s.onclose = () => { if (socket === s) later(); };
}

/** Back off: 0.25 s, 0.5 s, … at most 5 s. */
function later(): void {
  socket = null;
  connection.value = "closed";
  const wait = Math.min(5000, 250 * 2 ** Math.min(tries++, 5));
  clearTimeout(waiting);
  waiting = setTimeout(() => void connect(), wait);
}

let answerId = 0;
function answer(ok: boolean, text: () => string): void {
  const id = ++answerId;
  answers.value = [...answers.value.slice(-2), { id, ok, text }];
  setTimeout(() => forget(id), ok ? 4000 : 15000);
}
export function forget(id: number): void {
  answers.value = answers.value.filter((a) => a.id !== id);
}

const KIND_WORDS: Record<Intent["kind"], () => string> = {
  hold: () => t("hold"), resume: () => t("resume"), return: () => t("return"), launch: () => word("order_kind", "launch"), land_at: () => word("order_kind", "land_at"), look: () => word("order_kind", "look"),
  confirm: () => t("confirm"), dismiss: () => t("dismiss").replace("…", ""), preflight: () => t("preflight"), upload: () => t("upload_again"), override_rehearsal: () => t("rehearsal_override"), hand_over: () => t("hand_over"), take_control: () => t("take_control"), acknowledge: () => t("ack"), shelve: () => t("shelve_do"), replay: () => t("replay"),
};

export const reasonWords = (r: Reason | null): string => word("refusal", r?.code ?? "unknown", r?.params);

function key(): string {
  return crypto.randomUUID ? crypto.randomUUID() : [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const QUIET: ReadonlySet<string> = new Set(["replay", "preflight", "confirm", "dismiss", "acknowledge", "shelve"]);

/** Posts a command. The same key goes with every try, so that a lost answer never means twice. */
export async function send(intent: Intent): Promise<Answer> {
  const body = JSON.stringify({ key: key(), intent });
  const toAll = intent.kind === "hold" && intent.aircraft === null && fleet.value;
  const whose = "aircraft" in intent && intent.aircraft !== null && intent.aircraft !== undefined && fleet.value ? `${nameOf(intent.aircraft)} · ` : "";
  const what = () => (toAll ? t("hold_all") : `${whose}${KIND_WORDS[intent.kind]()}`);
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const r = await fetch("/api/command", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": hello.value?.csrf ?? "" }, body, signal: AbortSignal.timeout(2000) });
      const told = r.ok ? null : ((await r.json().catch(() => null)) as Answer | null);
      if (r.status === 403 && !told && attempt === 0) { // the server was started anew: take its new token
        await refreshHello();
        continue;
      }
      if (r.status === 401 || r.status === 423) void refreshHello();
      if (!r.ok && !told) throw new Error(String(r.status));
      const a = told ?? ((await r.json()) as Answer);
      if (!a.accepted) {
        if (intent.kind !== "look") answer(false, () => t("refused", { what: what(), why: reasonWords(a.reason) }));
        else refusedAt.value = { at: a.reason?.at ?? [intent.lon_deg, intent.lat_deg], what, text: () => reasonWords(a.reason) };
      } else if (a.reason) answer(false, () => `${what()}: ${reasonWords(a.reason)}`);
      else if (!QUIET.has(intent.kind)) answer(true, () => t("sent", { what: what() }));
      return a;
    } catch {
      await new Promise((next) => setTimeout(next, 300));
    }
  }
  answer(false, () => t("not_sent", { what: what() }));
  return { accepted: false, reason: null };
}

/** Posts a plan file, or asks for a plan to be made. Refusals come back with their reason and, where there is one, their place. */
export async function sendPlan(path: "/api/plan" | "/api/plan/make", body: string): Promise<Answer> {
  try {
    // With several in one air nobody else is given the same plan.
    const whose = fleet.value && selected.value ? `?aircraft=${selected.value.id}` : "";
    const r = await fetch(`${path}${whose}`, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": hello.value?.csrf ?? "" }, body, signal: AbortSignal.timeout(30000) });
    const told = r.ok ? null : ((await r.json().catch(() => null)) as Answer | null);
    if (!r.ok && !told) throw new Error(String(r.status));
    const a = told ?? ((await r.json()) as Answer);
    // What was refused before is answered by this plan.
    refusedAt.value = a.accepted || !a.reason?.at ? null : { at: a.reason.at, what: () => t("plan_on"), text: () => reasonWords(a.reason) };
    return a;
  } catch {
    return { accepted: false, reason: { code: "desk.not_delivered", params: {} } };
  }
}

/** Posts a venue file. It is only read: a plan made over it brings it into force. */
export async function importVenue(file: File, datum: string): Promise<Imported> {
  try {
    const r = await fetch(`/api/venue/import?${new URLSearchParams({ name: file.name, datum })}`, { method: "POST", headers: { "Content-Type": "application/octet-stream", "X-CSRF": hello.value?.csrf ?? "" }, body: await file.arrayBuffer(), signal: AbortSignal.timeout(30000) });
    if (r.status === 413) return { accepted: false, reason: { code: "import.too_large", params: { place: file.name } } };
    const told = r.ok ? null : ((await r.json().catch(() => null)) as Answer | null);
    if (!r.ok && !told) throw new Error(String(r.status));
    return told ?? ((await r.json()) as Imported);
  } catch {
    return { accepted: false, reason: { code: "desk.not_delivered", params: {} } };
  }
}

const PARAM_GROUPS: Record<string, keyof typeof CODES> = { state: "flight_state", who: "in_charge", response: "response", cause: "cause", kind: "anomaly_kind", order: "order_kind", finding: "rehearsal_finding", step: "incident_step" };

/** The sentence of a log line: codes among its parameters become words first. */
export function eventWords(e: Event): string {
  const p = { ...e.params };
  for (const [name, group] of Object.entries(PARAM_GROUPS)) {
    const v = p[name];
    if (typeof v !== "string") continue;
    p[name] = name === "cause" && v === "none" && e.code === "state" ? null : word(group, v);
  }
  if (typeof p["reason"] === "string") p["reason"] = word(e.code === "anomaly_dismissed" ? "dismiss_reason" : "refusal", p["reason"], e.params);
  // Somebody may have the aircraft without having said who it is.
  if (e.code === "control") { p["before"] ||= null; p["officer"] ||= t("unnamed"); }
  // The companion's own words come as status texts too: they are not the autopilot's.
  const text = p["text"];
  if (e.code === "status_text" && typeof text === "string" && text.startsWith("Patrol: ")) return `${fleet.value && e.aircraft !== null ? `${nameOf(e.aircraft)} · ` : ""}${word("event", "companion_text", { ...p, text: text.slice(8) })}`;
  p["name"] ??= aircraft.value.find((a) => a.id === e.aircraft)?.name;
  const words = word("event", e.code, p);
  // With several it is always said whose news it is.
  const whose = fleet.value && e.aircraft !== null ? nameOf(e.aircraft) : "";
  return !whose || words.includes(whose) ? words : `${whose} · ${words}`;
}

/** Order refusals come with the aircraft's slow fields: show a refused look where it was asked. One from before this page is old news. */
let shownOrder: string | null = null;
let shownOf: number | null = null;
effect(() => {
  const a = selected.value;
  if (!a) return;
  const o = a.order;
  const id = o ? `${o.kind} ${o.at?.join()} ${o.state}` : "";
  // Another aircraft's order is no news of this one.
  const first = shownOrder === null || shownOf !== a.id;
  shownOf = a.id;
  if (id === shownOrder) return;
  shownOrder = id;
  if (first || !o) return;
  if (o.kind === "look" && o.at && (o.state === "refused" || o.state === "failed")) refusedAt.value = { at: o.at, what: KIND_WORDS.look, text: () => reasonWords(o.reason) };
});

/** The last hold-all of this page: whom it was for, and each one's order before it. Who is on the ground is not waited for. */
export const heldAll = signal<null | { at: number; for: { id: number; before: number | null }[]; ground: number; unsent: string | null }>(null);
export const heldAllShown = computed(() => {
  const h = heldAll.value;
  if (!h) return null;
  const state = h.for.map(({ id, before }) => {
    const a = aircraft.value.find((x) => x.id === id);
    const o = a?.order && a.order.id !== before && a.order.kind === "hold" ? a.order : null;
    const holds = o !== null && (o.state === "accepted" || o.state === "done");
    return { name: a?.name ?? nameOf(id), holds, refused: o !== null && !holds && o.state !== "sent" };
  });
  return { ...h, confirmed: state.filter((s) => s.holds).length, all: state.length, open: state.filter((s) => !s.holds).map((s) => `${s.name}${s.refused ? " ✕" : ""}`) };
});
export function holdAll(): void {
  if (replaying.value) return;
  if (fleet.value) {
    const aloft = aircraft.value.filter((a) => { const s = fast.value.get(a.id)?.flight_state; return s === undefined || AIRBORNE.has(s); });
    heldAll.value = { at: performance.now(), for: aloft.map((a) => ({ id: a.id, before: a.order?.id ?? null })), ground: aircraft.value.length - aloft.length, unsent: null };
  }
  void send({ kind: "hold", aircraft: null });
}
/** Gone by itself a while after everybody has confirmed. */
const HELD_SHOWN_MS = 10_000;
effect(() => {
  const h = heldAllShown.value;
  if (h && h.confirmed === h.all && now.value - h.at > HELD_SHOWN_MS) heldAll.value = null;
});

/** The log as it is shown: four times a second is enough for words, however many aircraft tell theirs. */
export const logShown = signal<Event[]>([]);
effect(() => { void now.value; logShown.value = log.peek(); });

export const start = (): void => void connect();
