// People at the console in a real browser, against a fresh station with one simulated aircraft: the first run, both factors,
// roles, the locked screen over a flight.
//   node tests/browser/people.spec.mjs BASE_URL OUT_DIR --code FIRST_CODE [--minutes N]
import { open, totp } from "./kit.mjs";

const { base, page, code, row, shot, state, until, axe, smallTargets, finish } = await open(/status of (401|403|404|423)/);

const PASSWORD = "correct horse battery";
const ALOFT = ["taking_off", "patrolling", "investigating", "holding", "returning", "landing"];

/** What the page's socket was told, newest last. */
const told = [];
page.on("websocket", (line) => line.on("framereceived", ({ payload }) => { const m = typeof payload === "string" ? JSON.parse(payload) : null; if (m) told.push(m); }));

/** Passes when what was waited for came. */
const holds = (what, came) => row(what, Boolean(came), Boolean(came));
const field = (name) => page.locator(`[data-field=${name}]`);
const door = () => page.locator("[data-door]").getAttribute("data-door");
const why = async () => until(async () => page.locator("[data-why]").first().getAttribute("data-why"), 15_000);
const lang = () => page.evaluate(() => document.documentElement.lang);
const theme = () => page.evaluate(() => document.documentElement.dataset.theme ?? document.documentElement.className);
const foot = (n) => page.locator(".door-foot button").nth(n).click();
/** In both themes and both languages, as it stands. */
async function seen(name, flip = foot) {
  for (const by of [0, 1]) {
    for (const then of [0, 1]) {
      await axe(`${name}, ${await lang()}, ${await theme()}`);
      await shot(`${name}-${await lang()}-${by ? "other" : "first"}-theme`);
      await flip(0);
      await page.waitForTimeout(150);
      if (then) break;
    }
    await flip(1);
    await page.waitForTimeout(150);
  }
  const words = await page.evaluate(() => document.body.innerText.match(/\{[a-z_]+\}/));
  row(`every word has a sentence, ${name}`, words, words === null);
}
const keys = (n) => page.keyboard.press(n === 0 ? "l" : "n");

/** As a page's script could: with this session's cookie and token, whatever the page offers. */
const forged = (path, body) => page.evaluate(async ([path, body]) => {
  const { csrf } = await (await fetch("/api/hello")).json();
  const r = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": csrf }, body: JSON.stringify(body) });
  const told = await r.json().catch(() => null);
  return [r.status, told?.reason?.code ?? null];
}, [path, body]);
const said = (got, status, code) => got[0] === status && got[1] === code;

async function enrol(name, one) {
  await field("code").fill(one);
  await field("name").fill(name);
  await field("password").fill(PASSWORD);
  await field("again").fill(PASSWORD);
  await page.click("[data-do=enrol]");
  await page.locator("[data-secret]").waitFor({ timeout: 20_000 });
  return (await page.locator("[data-secret]").innerText()).trim();
}
async function confirm(secret) {
  await field("totp").fill(totp(secret));
  await page.click("[data-do=confirm]");
  return until(async () => (await page.locator("[data-door]").count()) === 0, 20_000);
}
async function out() {
  await page.locator("[data-do=me]").first().click();
  // The page begins anew: nothing of the flight stays in it.
  await Promise.all([page.waitForEvent("load", { timeout: 15_000 }), page.click("[data-do=logout]")]);
  return until(async () => (await door()) === "login", 15_000);
}

let failed = null;
try {
  // The first run: the code of the terminal makes the admin, and no other does.
  await page.goto(base);
  row("first run", await until(door, 20_000), (await door()) === "first_run");
  await seen("first-run");
  await smallTargets("first run");
  await field("code").fill("AAAAA-AAAAA-AAAAA-AAAAA");
  await field("name").fill("周敏");
  await field("password").fill(PASSWORD);
  await field("again").fill(PASSWORD);
  await page.click("[data-do=enrol]");
  row("a guessed code", await why(), (await why()) === "people.code_wrong");
  const admin = await enrol("周敏", code);
  await seen("telephone");
  await smallTargets("telephone");
  holds("the admin is in", await confirm(admin));

  // An admin alone makes people and sees no flight.
  await page.locator(".admin").waitFor({ timeout: 15_000 });
  row("an admin alone sees no map", await page.locator(".ol canvas").count(), (await page.locator(".ol canvas").count()) === 0);
  const codes = {};
  for (const [name, role] of [["李娜", "viewer"], ["王建国", "pilot"]]) {
    await field("new-name").fill(name);
    await page.locator(`form [data-role=${role}]`).check();
    await page.click("[data-do=add]");
    codes[role] = await until(async () => { const c = page.locator("[data-code]"); return (await c.innerText()).includes(name) && c.getAttribute("data-code"); }, 15_000);
    row(`${role} is made`, Boolean(codes[role]), Boolean(codes[role]));
  }
  holds("people listed", await until(async () => (await page.locator("[data-person]").count()) === 3, 15_000));
  await page.locator("[data-person]").first().click({ position: { x: 2, y: 2 } });
  await seen("people", keys);
  holds("the admin logs out", await out());

  // Password and telephone, both.
  const login = async (name, password, figures) => {
    await field("name").fill(name);
    await field("password").fill(password);
    await field("totp").fill(figures);
    await page.click("[data-do=login]");
  };
  await seen("login");
  await login("周敏", PASSWORD, "000000");
  row("a wrong code", await why(), (await why()) === "people.wrong");
  await login("周敏", PASSWORD, totp(admin, 1));
  holds("password and code", await until(async () => (await page.locator(".admin").count()) === 1, 20_000));
  await page.locator("[data-do=me]").first().click();
  await page.click("[data-do=audit]");
  const refused = await until(async () => page.locator(".audit td.refused").count(), 15_000);
  row("refusals stand in the list of who did what", refused, refused >= 2);
  await axe("who did what");
  await shot("audit");
  await page.click("[data-do=close]");
  await page.locator("[data-do=me]").first().click();
  await page.click("[data-do=sessions]");
  const own = await until(async () => page.locator("[data-session]").count(), 15_000);
  row("one's own sessions are shown", own, own === 1 && (await page.locator("[data-session=here]").count()) === 1);
  await axe("own sessions");
  await shot("sessions");
  await page.click("[data-do=close]");
  holds("logged out again", await out());

  // A viewer watches; launching is not offered, and the server refuses it.
  const first = async (name, one) => {
    await page.click("[data-do=first-login]");
    const secret = await enrol(name, one);
    return [secret, await confirm(secret)];
  };
  holds("the viewer is in", (await first("李娜", codes.viewer))[1]);
  await page.locator(".ol canvas").first().waitFor({ timeout: 20_000 });
  row("the viewer sees the aircraft", await until(state, 60_000), Boolean(await state()));
  const alarms = await page.locator(".alarm, [data-alarm]").count();
  row("nobody is alarmed by having logged in", alarms, alarms === 0);
  const offered = await page.locator("[data-do=launch]:not([disabled]), [data-do=plan]:not([disabled])").count();
  row("launching is not offered to a viewer", offered, offered === 0);
  const launch = (pilot) => ({ key: `forged-${pilot}`, intent: { kind: "launch", aircraft: 1, purpose: "p", incident: "i", pilot } });
  const viewers = await forged("/api/command", launch("李娜"));
  row("a viewer's forged launch", viewers, said(viewers, 403, "people.not_allowed"));
  const plans = await forged("/api/plan/make", { pattern: "perimeter", alt_m: 15 });
  row("a viewer's forged plan", plans, said(plans, 403, "people.not_allowed"));
  await page.locator("body").click({ position: { x: 720, y: 2 } });
  await seen("viewer", keys);
  holds("the viewer logs out", await out());

  // A pilot plans and launches, in no other's name.
  const [pilot, pilotIn] = await first("王建国", codes.pilot);
  holds("the pilot is in", pilotIn);
  await page.locator(".ol canvas").first().waitFor({ timeout: 20_000 });
  const planned = await forged("/api/plan/make", { pattern: "perimeter", alt_m: 15, offset_m: 35 });
  row("the pilot's plan", planned, planned[0] === 200 && planned[1] === null);
  const other = await forged("/api/command", launch("李娜"));
  row("a launch in another's name", other, said(other, 403, "people.not_you"));
  await until(() => page.locator("[data-do=launch]:not([disabled])").count(), 60_000);
  await page.click("[data-do=launch]");
  const text = page.locator(".sheet input[type=text]");
  await text.nth(0).fill("灯光秀安保巡查");
  await text.nth(1).fill("2026-0917");
  row("the launch is signed with the login's name", await text.nth(2).inputValue(), (await text.nth(2).inputValue()) === "王建国");
  const ready = await until(async () => (await page.locator(".checks li[data-check]").count()) === 12 && page.locator(".sheet button.primary:not([disabled])").count(), 180_000);
  row("preflight passes", ready, Boolean(ready));
  await shot("launch");
  // On a busy machine the sheet may be drawn anew under the hand: held again, as an officer would.
  for (let held = 0; held < 3 && !ALOFT.includes(await state()); held++) {
    if (!(await page.locator(".slide").count())) await page.locator(".sheet button.primary:not([disabled])").last().click({ timeout: 30_000 });
    await page.locator(".slide").waitFor({ timeout: 20_000 });
    await page.waitForTimeout(300);
    await page.keyboard.down("Enter");
    await page.waitForTimeout(1700);
    await page.keyboard.up("Enter");
    await until(async () => ALOFT.includes(await state()), 10_000);
  }
  row("airborne", await until(async () => ALOFT.includes(await state()) && state(), 60_000), ALOFT.includes(await state()));
  holds("patrolling", await until(async () => (await state()) === "patrolling", 90_000));

  // The screen locks; the patrol goes on, and is still told.
  told.length = 0;
  await page.locator("[data-do=me]").first().click();
  await page.click("[data-do=lock]");
  holds("locked", await until(async () => (await door()) === "locked", 15_000));
  await seen("locked");
  await smallTargets("locked");
  const figures = () => page.evaluate(() => [...document.querySelectorAll("[data-figure] dd")].map((e) => e.textContent).join("|"));
  const before = await figures();
  const goesOn = await until(async () => (await figures()) !== before, 15_000);
  row("a locked screen's figures go on", Boolean(goesOn), Boolean(goesOn));
  const back = await forged("/api/command", { key: "forged-return", intent: { kind: "return", aircraft: 1 } });
  row("a forged order from a locked screen", back, said(back, 423, "people.locked"));
  await field("password").fill("not this one at all");
  await page.click("[data-do=unlock]");
  row("a wrong password does not open it", await why(), (await why()) === "people.wrong");
  const events = told.filter((m) => m.type === "event").map((m) => m.event);
  const ended = events.filter((e) => ["session_lost", "no_officer", "no_officer_acted", "order_sent"].includes(e.code));
  row("a locked screen still has its officer and sends no order", ended, ended.length === 0 && told.length > 0);
  // A machine too busy to carry the link makes the aircraft hold, and says so: that is not the lock's doing.
  const starved = events.some((e) => e.code === "state" && e.params.cause === "link_loss");
  row("a locked screen stops no flight", starved ? "holding: the link was silent" : await state(), starved || (await state()) === "patrolling");
  await page.click("[data-do=hold-all]");
  holds("holding is one press from a locked screen", await until(async () => (await state()) === "holding", 20_000));
  await field("totp").fill(totp(pilot, 1));
  await page.click("[data-do=unlock]");
  holds("the telephone's code opens it", await until(async () => (await page.locator("[data-door]").count()) === 0, 15_000));
  await page.click("[data-do=resume]");
  holds("the patrol is resumed", await until(async () => (await state()) === "patrolling", 30_000));
  await shot("resumed");
  const name = await page.locator("[data-do=me]").first().innerText();
  row("in force again", name, name === "王建国");
} catch (e) {
  failed = e;
}
await finish(failed);
