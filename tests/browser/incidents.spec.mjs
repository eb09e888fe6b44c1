// Incidents at the console in a real browser, against a station that has one anomaly and two people: from the first sign to
// the closed file, the patrol schedule, and the report that a supervisor signs.
//   node tests/browser/incidents.spec.mjs BASE_URL OUT_DIR --code SECRET_OF_PILOT,SECRET_OF_SUPERVISOR [--minutes N]
import { join } from "node:path";
import { open, totp } from "./kit.mjs";

const { base, out, page, code, row, shot, until, axe, smallTargets, finish } = await open(/status of (401|403|404|423)/);
const [pilot, supervisor] = code.split(",");
const PASSWORD = "correct horse battery";

const holds = (what, came) => row(what, Boolean(came), Boolean(came));
const field = (name) => page.locator(`[data-field=${name}]`);
const lang = () => page.evaluate(() => document.documentElement.lang);
const theme = () => page.evaluate(() => document.documentElement.dataset.theme ?? "day");
const stateOf = (n) => page.locator(`[data-case="${n}"]`).getAttribute("data-state");
const becomes = (n, state) => until(async () => (await stateOf(n)) === state, 10_000);
const submit = () => page.click("[data-do=submit]");
const next = (name) => page.locator(`[data-step=${name}]`).first().click();
/** In both themes and both languages, as it stands; the keys work from anywhere but a field. */
async function seen(name) {
  await page.evaluate(() => document.activeElement?.blur());
  for (const key of ["l", "n", "l", "n"]) {
    await axe(`${name}, ${await lang()}, ${await theme()}`);
    await shot(`${name}-${await lang()}-${await theme()}`);
    await page.keyboard.press(key);
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
async function logout() {
  await page.locator("[data-do=me]").first().click();
  await page.click("[data-do=logout]");
  return until(async () => (await page.locator("[data-door=login]").count()) === 1, 15_000);
}

let failed = null;
try {
  await page.goto(base);
  holds("the pilot is in", await login("王建国", pilot));

  // An anomaly is not sent away without a reason; confirmed, it is an incident.
  await page.locator("[data-anomaly][data-state=open]").waitFor({ timeout: 20_000 });
  await shot("anomaly");
  await page.locator("[data-anomaly] button.primary").click();
  await page.locator("[data-anomaly][data-state=confirmed]").waitFor({ timeout: 10_000 });
  await page.evaluate(() => document.activeElement?.blur());
  await page.keyboard.press("i");
  await page.locator("[data-incident='1']").click();
  row("confirmed is an incident", await stateOf(1), (await stateOf(1)) === "open");
  const picture = await until(() => page.evaluate(() => { const i = document.querySelector(".evidence img"); return i && i.naturalWidth > 0; }), 10_000);
  holds("its picture is there", picture);
  const sha = await page.locator("[data-sha256]").innerText();
  row("with its hash", sha, /^[0-9a-f]{64}$/.test(sha));
  await smallTargets("an incident");
  await seen("incident-open");

  // A ground team is sent, with an owner and a deadline, by the keyboard alone.
  await page.locator("[data-step=task]").focus();
  await page.keyboard.press("Enter");
  await page.locator("[data-form=task]").waitFor();
  await axe(`task form, ${await lang()}`);
  await smallTargets("the task form");
  await field("to").selectOption("team");
  await field("team").fill("江边二组");
  await field("owner").fill("陈强");
  await field("words").fill("到护栏处查看，劝离");
  await shot("task-form");
  await page.locator("[data-do=submit]").focus();
  await page.keyboard.press("Enter");
  holds("somebody is sent", await becomes(1, "tasked"));
  await next("arrive");
  await submit();
  holds("they are there", await becomes(1, "on_scene"));
  await next("outcome");
  await page.locator("[data-field=outcome]").selectOption("warned");
  await field("words").fill("两名游客已劝离，护栏完好");
  await submit();
  holds("it is said what came of it", await becomes(1, "outcome"));
  row("a pilot is not offered the review", await page.locator("[data-step=review]").count(), (await page.locator("[data-step=review]").count()) === 0);
  await seen("incident-outcome");

  // Another one by hand, on the map.
  await page.click("[data-do=by-hand]");
  await page.locator("[data-form=open]").waitFor();
  const box = await page.locator(".ol").boundingBox();
  await page.mouse.click(box.x + box.width * 0.45, box.y + box.height * 0.5);
  await until(async () => /\d{2,3}\.\d{6}/.test(await page.locator("[data-form=open] p").first().innerText()), 5_000);
  await field("words").last().fill("岸边有人燃放烟花");
  await shot("by-hand");
  await submit();
  holds("an incident by hand", await until(async () => (await stateOf(2)) === "open", 10_000));
  holds("the pilot logs out", await logout());

  // Another person reviews; the file is closed.
  holds("the supervisor is in", await login("赵敏", supervisor));
  if (!(await page.locator(".cases").count())) await page.click("[data-do=cases]");
  await page.locator("[data-incident='1']").click();
  await next("review");
  await shot("review-form");
  await submit();
  holds("another person reviewed it", await becomes(1, "reviewed"));
  await next("close");
  await submit();
  holds("closed", await becomes(1, "closed"));
  row("all steps stand in its time line", await page.locator(".case-log li").count(), Boolean(await until(async () => (await page.locator(".case-log li").count()) === 6, 10_000)));
  await page.locator("[data-field=filter]").selectOption("closed");
  row("the list shows what is closed", await page.locator("[data-incident]").count(), (await page.locator("[data-incident]").count()) === 1);
  await seen("incident-closed");

  // The schedule: what is patrolled how often, what was found, who mends it by when.
  await page.click("#case-tab-patrols");
  await page.click("[data-do=patrol-add]");
  await field("patrol-name").fill("江堤夜间巡查");
  await field("patrol-owner").fill("李娜");
  await submit();
  await page.locator("[data-patrol-detail='1']").waitFor({ timeout: 10_000 });
  await next("found");
  await field("mender").fill("市政养护");
  await field("words").fill("三号闸护栏缺口两米");
  await submit();
  await page.locator(".findings li").waitFor({ timeout: 10_000 });
  await smallTargets("the schedule");
  await seen("patrols");
  await next("flown");
  await submit();
  holds("the patrol is done", await until(async () => !/从未/.test(await page.locator("[data-patrol='1']").innerText()), 10_000));

  // The report, in both languages: nothing asked of any machine, nothing run, printable.
  for (const [tag, closed] of [["zh-CN", "已结案"], ["en", "closed"]]) {
    if ((await lang()) !== tag) { await page.evaluate(() => document.activeElement?.blur()); await page.keyboard.press("l"); await page.waitForTimeout(150); }
    const opened = page.context().waitForEvent("page");
    await page.click("[data-do=report]");
    const report = await opened;
    const asked = [];
    report.on("request", (r) => asked.push(r.url()));
    await report.waitForLoadState();
    const text = await report.locator("body").innerText();
    row(`the report tells the incident, ${tag}`, text.slice(0, 60), text.includes(closed) && text.includes("陈强") && text.includes(sha));
    row(`the report asks nothing of any machine, ${tag}`, asked, asked.filter((u) => !u.startsWith(base) && !u.startsWith("data:")).length === 0);
    row(`the report's style is in force, ${tag}`, await report.evaluate(() => getComputedStyle(document.querySelector("table")).borderCollapse), (await report.evaluate(() => getComputedStyle(document.querySelector("table")).borderCollapse)) === "collapse");
    await axe(`report, ${tag}`, report);
    await report.pdf({ path: join(out, `report-${tag}.pdf`), format: "A4", preferCSSPageSize: true });
    await report.close();
  }
} catch (e) {
  failed = e;
}
await finish(failed);
