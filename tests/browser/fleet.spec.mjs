// Several aircraft on one page, against `ground-station demo --aircraft N --auto`: the list, keys, each one's own plan, hold-all that
// counts who has confirmed, and whose news it is.
//   node tests/browser/fleet.spec.mjs BASE_URL OUT_DIR [--minutes N]
import { open } from "./kit.mjs";

const { base, page, deadline, row, shot, until, axe, smallTargets, finish } = await open();
const ALOFT = ["taking_off", "patrolling", "investigating", "holding", "returning", "landing"];
const states = () => page.locator("[data-fleet]").evaluateAll((l) => l.map((e) => e.dataset.state));

let failed = null;
try {
  await page.goto(base);
  const n = await until(async () => { const c = await page.locator("[data-fleet]").count(); return c > 1 && c; }, 30_000);
  row("aircraft in the list", n, n > 1);
  row("no mark of an alarm in a quiet start", await page.locator(".alarm.urgent").count(), (await page.locator(".alarm.urgent").count()) === 0);

  // Keys choose, and the card, the plan and the top bar are the chosen one's.
  const seen = new Set();
  for (let i = 1; i <= Math.min(n, 9); i++) {
    await page.keyboard.press(String(i));
    await page.waitForTimeout(200);
    const name = await page.locator("#craft-name").innerText();
    const top = await page.locator("[data-testid=link] .label").innerText();
    row(`key ${i}`, [name, top], name === `P${i}` && top.startsWith(name));
    seen.add(await page.locator(".mission .value").innerText());
  }
  row("each has its own plan", [...seen], seen.size === Math.min(n, 9));
  await axe("fleet on the ground, day");
  await smallTargets("fleet");

  // All are launched by --auto, each after the rehearsal of its own plan.
  const all = await until(async () => (await states()).every((s) => ALOFT.includes(s)), deadline - Date.now());
  row("all are in the air", await states(), Boolean(all));
  await until(async () => (await states()).every((s) => s === "patrolling"), 60_000);
  await shot("fleet-zh-day");

  // One press stops all of them, and says how many have said so.
  const pressed = Date.now();
  await page.keyboard.press("Shift+Space");
  const held = await until(async () => (await page.locator("[data-hold-all]").getAttribute("data-hold-all")) === `${n}/${n}`, 15_000);
  row("hold-all: every one has confirmed, ms", Date.now() - pressed, Boolean(held));
  const holding = await until(async () => (await states()).every((s) => s === "holding"), 15_000);
  row("hold-all: every one holds", await states(), Boolean(holding));
  await shot("fleet-held");

  // An order to one is one's: the others hold on.
  await page.keyboard.press("2");
  await until(() => page.locator("[data-do=resume]:not([disabled])").count(), 5_000);
  await page.click("[data-do=resume]");
  const one = await until(async () => (await states())[1] === "patrolling", 15_000);
  const rest = (await states()).filter((s, i) => i !== 1);
  row("one resumes, the others hold", await states(), Boolean(one) && rest.every((s) => s === "holding"));
  await page.click("#tab-log");
  const news = await page.locator(".log li span").first().innerText();
  row("news say whose they are", news, /P\d/.test(news));

  await page.keyboard.press("n");
  await page.keyboard.press("l");
  await page.waitForTimeout(500);
  await axe("fleet, night, en");
  await shot("fleet-en-night");
} catch (e) {
  failed = e;
}
await finish(failed);
