// An officer's whole shift: logs in, reads a venue, draws what is new tonight, plans, sees the rehearsal, launches, is told of an anomaly,
// acknowledges and confirms it, sends the aircraft, diverts it, brings it home, writes the outcome; a supervisor reviews, closes and reports; with
// --replay, the flight on the same screens. Each screen in both languages.
//   node tests/browser/shift.spec.mjs BASE_URL OUT_DIR --code SECRET_OF_PILOT,SECRET_OF_SUPERVISOR [--replay] [--minutes N]
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { open, totp } from "./kit.mjs";

const { base, out, page, code, replay, row, shot, state, until, axe, finish } = await open(/status of (401|403|404|423)/);
const [pilot, supervisor] = (code ?? "").split(",");
const PASSWORD = "correct horse battery";
const ALOFT = ["taking_off", "patrolling", "investigating", "holding", "returning", "landing"];
const VENUE = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "missions", "venues", "sixi-river.geojson");

const holds = (what, came) => row(what, came === true ? true : came ?? null, Boolean(came));
const field = (name) => page.locator(`[data-field=${name}]`);
const lang = () => page.evaluate(() => document.documentElement.lang);
const free = () => page.evaluate(() => document.activeElement?.blur());
/** As it stands, in both languages; it comes back to the first. */
async function both(name) {
  await free();
  for (let i = 0; i < 2; i++) {
    await axe(`${name}, ${await lang()}`);
    await shot(`${name}-${await lang()}`);
    await page.keyboard.press("l");
    await page.waitForTimeout(150);
  }
  const words = await page.evaluate(() => document.body.innerText.match(/\{[a-z_]+\}/));
  row(`every word has a sentence, ${name}`, words, words === null);
}
async function login(name, secret) {
  await field("name").waitFor({ timeout: 20_000 });
  await field("name").fill(name);
  await field("password").fill(PASSWORD);
  await field("totp").fill(totp(secret));
  await page.click("[data-do=login]");
  return until(async () => (await page.locator(".ol canvas").count()) > 0, 20_000);
}
const caseState = () => page.locator("[data-case]").getAttribute("data-state");
const next = async (name) => { await page.locator(`[data-step=${name}]`).first().click(); };
const submit = () => page.click("[data-do=submit]");

async function shift() {
  await page.goto(base);
  await both("login");
  if ((await lang()) !== "zh-CN") await page.locator(".door-foot button").first().click();
  holds("the pilot is in", await login("王建国", pilot));
  if ((await lang()) !== "zh-CN") await page.keyboard.press("l");

  // The venue of the evening is read, and what is new tonight is drawn into it.
  await page.keyboard.press("p");
  await page.locator(".planning").first().waitFor();
  await field("datum").selectOption("wgs84");
  await field("venue").setInputFiles(VENUE);
  const read = await until(async () => (await page.locator("[data-import=taken]").count()) && (await page.locator("[data-import=taken] p").innerText()), 10_000);
  holds("the venue is read", read);
  await page.waitForTimeout(600);
  await field("role").selectOption("no_look");
  await page.click("[data-tool=circle]");
  await page.locator(".ol").focus();
  await page.keyboard.press("Enter");
  holds("a house that no camera looks at is drawn", await until(() => page.locator("[data-zone-item='no-look-1']").count(), 5_000));
  await page.locator(".plan-form select").first().selectOption("watch_points");
  await page.locator(".plan-form .field input").first().fill("60");
  await page.locator(".plan-form [data-field=hold]").fill("25");
  await page.click("[data-do=make]");
  const planned = await until(async () => (await page.locator(".plan-form p strong").first().innerText()).includes("watch_points") && (await page.locator(".plan-form p strong").first().innerText()), 60_000);
  holds("a plan over it", planned);
  const passed = await until(() => page.locator("[data-rehearsal=passed]").count(), 180_000);
  row("its rehearsal passes", await page.locator("[data-rehearsal]").getAttribute("data-rehearsal"), Boolean(passed));
  await both("planned");
  await page.keyboard.press("p");

  // Preflight by the aircraft, a purpose, a deliberate gesture.
  await until(() => page.locator("[data-do=launch]:not([disabled])").count(), 60_000);
  await page.click("[data-do=launch]");
  const inputs = page.locator(".sheet input[type=text]");
  await inputs.nth(0).fill("灯光秀安保巡查");
  await inputs.nth(1).fill("2026-1125");
  const ready = await until(() => page.locator(".sheet button.primary:not([disabled])").count(), 90_000);
  row("preflight passes", await page.locator(".checks li[data-check]").evaluateAll((l) => l.filter((e) => !e.classList.contains("pass")).map((e) => e.dataset.check)), Boolean(ready));
  await both("launch");
  await page.locator(".sheet button.primary").click();
  await page.locator(".slide").waitFor();
  await page.locator(".slide").focus();
  await page.keyboard.down("Enter");
  await page.waitForTimeout(1700);
  await page.keyboard.up("Enter");
  holds("airborne", await until(async () => ALOFT.includes(await state()), 60_000));

  // An anomaly: acknowledged by a key, confirmed, an incident.
  const found = await until(() => page.locator("[data-anomaly][data-state=open]").count(), 240_000);
  holds("an anomaly is told", found);
  await both("anomaly");
  await page.keyboard.press("a");
  holds("acknowledged", await until(async () => (await page.locator(".anomaly.fresh").count()) === 0, 5_000));
  await page.keyboard.press("t");
  await page.locator(".left.air").waitFor();
  await both("airspace");
  row("the air is told: our own track, the volumes", [await page.locator("[data-track]").count(), await page.locator("[data-volume]").count()], (await page.locator("[data-track='own-1']").count()) === 1 && (await page.locator("[data-volume]").count()) > 5);
  await page.keyboard.press("t");
  await page.locator("[data-anomaly][data-state=open] button.primary").first().click();
  await page.locator("[data-anomaly][data-state=confirmed]").first().waitFor({ timeout: 10_000 });
  await free();
  await page.keyboard.press("i");
  await page.locator("[data-incident]").first().click();
  // The aircraft is sent to look.
  await next("task");
  await field("to").selectOption({ index: 0 });
  await field("owner").fill("王建国");
  await submit();
  const went = await until(async () => { const s = await caseState(); return s === "on_scene" || (s === "open" && (await page.locator(".case-log li").count()) > 2) ? s : null; }, 120_000);
  row("the aircraft is there", went, went === "on_scene");
  await both("on-scene");
  await free();
  await page.keyboard.press("i");

  // Diverted to another place, then home.
  await until(async () => ["holding", "investigating"].includes(await state()), 30_000);
  const looks = () => page.locator(".log li").evaluateAll((l) => l.filter((e) => e.innerText.includes("前往察看")).length);
  await page.click("#tab-log");
  const before = await looks();
  await page.click("#tab-list");
  await page.locator("table.list").nth(1).locator("tr", { hasText: "北侧堰坝禁区" }).locator("button").click();
  await page.locator(".sheet button.primary").click();
  await page.click("#tab-log");
  // Sent, and answered by the aircraft.
  const order = await until(async () => (await looks()) >= before + 2 && (await page.locator(".callout:not([hidden])").count()) === 0, 20_000);
  row("diverted", [before, await looks(), await state()], Boolean(order));
  await page.waitForTimeout(3_000);
  await free();
  await page.keyboard.press("r");
  holds("it turns home", await until(async () => ["returning", "landing", "grounded", "ready"].includes(await state()), 15_000));
  await both("returning");
  holds("it is down", await until(async () => ["grounded", "ready"].includes(await state()), 150_000));

  // What came of it; who flew does not review.
  await page.keyboard.press("i");
  await page.locator("[data-incident]").first().click();
  await next("outcome");
  await field("outcome").selectOption("resolved");
  await field("words").fill("落水儿童已救起，移交家属");
  await submit();
  holds("the outcome stands", await until(async () => (await caseState()) === "outcome", 10_000));
  row("the pilot is not offered the review", await page.locator("[data-step=review]").count(), (await page.locator("[data-step=review]").count()) === 0);
  await page.locator("[data-do=me]").first().click();
  await page.click("[data-do=logout]");
  await until(async () => (await page.locator("[data-door=login]").count()) === 1, 15_000);
  holds("the supervisor is in", await login("赵敏", supervisor));
  if (!(await page.locator(".cases").count())) await page.keyboard.press("i");
  await page.locator("[data-incident]").first().click();
  await next("review");
  await submit();
  holds("reviewed by another", await until(async () => (await caseState()) === "reviewed", 10_000));
  await next("close");
  await submit();
  holds("closed", await until(async () => (await caseState()) === "closed", 10_000));
  await both("closed");
  for (const [tag, closed] of [["zh-CN", "已结案"], ["en", "closed"]]) {
    if ((await lang()) !== tag) { await free(); await page.keyboard.press("l"); await page.waitForTimeout(150); }
    const coming = page.context().waitForEvent("page");
    await page.click("[data-do=report]");
    const report = await coming;
    await report.waitForLoadState();
    const text = await report.locator("body").innerText();
    row(`the report tells the shift, ${tag}`, text.slice(0, 60), text.includes(closed) && text.includes("落水儿童已救起") && text.includes("王建国"));
    await axe(`report, ${tag}`, report);
    await report.screenshot({ path: join(out, `report-${tag}.png`), fullPage: true });
    await report.close();
  }
}

async function again() {
  await page.goto(base);
  await until(() => page.locator(".replaybar").count(), 20_000);
  row("commands are off", await page.locator("[data-do=hold]:not([disabled]), [data-do=plan-screen]").count(), (await page.locator("[data-do=hold]:not([disabled]), [data-do=plan-screen]").count()) === 0);
  if (await page.locator("[data-do=play]").innerText().then((w) => /播放|Play/.test(w))) await page.click("[data-do=play]");
  await page.locator(".replaybar select").selectOption("16");
  holds("the anomaly comes by", await until(() => page.locator("[data-anomaly]").count(), 90_000));
  await both("replay");
  await page.keyboard.press("i");
  const closed = await until(async () => { const i = page.locator("[data-incident]").first(); return (await i.count()) && (await i.getAttribute("data-state")); }, 60_000);
  holds("so does its incident", closed);
}

let failed = null;
try {
  await (replay ? again() : shift());
} catch (e) {
  failed = e;
}
await finish(failed);
