// The console in a real browser, against a running server (or ground-station/web/dev/mock.mjs): a flight, or its replay.
//   node tests/browser/console.spec.mjs BASE_URL OUT_DIR [--replay] [--minutes N]
import { join } from "node:path";
import { open } from "./kit.mjs";

const { base, out, page, replay, deadline, row, shot, state, until, axe, smallTargets, finish } = await open();

/** The page's own sockets, passed through, so that they can be cut, or what comes can be held back for so many ms, or changed. */
const lines = [];
await page.routeWebSocket(/\/api\/live$/, (line) => {
  const way = { cut: (how) => line.close(how), late: 0, spoil: (m) => m };
  line.connectToServer().onMessage((raw) => { const m = typeof raw === "string" ? way.spoil(raw) : raw; if (way.late) setTimeout(() => { try { line.send(m); } catch { /* the page has gone on */ } }, way.late); else line.send(m); });
  lines.push(way);
});

const ALOFT = ["taking_off", "patrolling", "investigating", "holding", "returning", "landing"];
const figure = async (id) => (await page.locator(`[data-figure=${id}] dd`).first().innerText()).trim();
/** The aircraft's bearing and distance from home, as the list beside the map says it. */
const place = async () => (await page.locator("table.list").first().locator("tbody tr td").first().innerText()).trim();

let failed = null;
try {
  const began = Date.now();
  await page.goto(base);
  const mapped = await until(() => page.locator(".ol canvas").count(), 15_000);
  row("first map, ms", Date.now() - began, Boolean(mapped));
  row("connected", await until(() => page.locator("[data-testid=connection]:not(.bad)").count(), 15_000), true);
  const known = await until(() => state(), 60_000);
  row("aircraft known", known, Boolean(known));
  await shot("start");

  // Both languages.
  const lang = () => page.evaluate(() => document.documentElement.lang);
  const first = await lang(), firstTitle = await page.locator("h1").innerText();
  await page.keyboard.press("l");
  await page.waitForTimeout(200);
  row("language key L", [first, await lang()], first !== (await lang()) && firstTitle !== (await page.locator("h1").innerText()));
  row("no word without a sentence", await page.evaluate(() => [...document.querySelectorAll("button,dt,dd,h2,p,span")].map((e) => e.textContent ?? "").filter((t) => /\{[a-z_]+\}/.test(t))), (await page.evaluate(() => document.body.innerText.match(/\{[a-z_]+\}/))) === null);
  if ((await lang()) !== "zh-CN") await page.keyboard.press("l");

  if (!replay) {
    // On the ground: the launch sheet with its deliberate gesture.
    if (!ALOFT.includes(await state())) {
      // The demonstration may launch by itself; give it a moment before doing it by hand.
      const byItself = await until(async () => ALOFT.includes(await state()), Number(process.env.SELF_LAUNCH_MS ?? 4000));
      if (!byItself) {
        await until(() => page.locator("[data-do=launch]:not([disabled])").count(), 120_000);
        await page.click("[data-do=launch]");
        await until(() => page.locator(".checks li").count(), 20_000);
        row("preflight lines", await page.locator(".checks li[data-check]").count(), (await page.locator(".checks li[data-check]").count()) === 12);
        row("every line says how it is trusted", await page.locator("[data-lines] li").count(), (await page.locator("[data-lines] li").count()) >= 1);
        // The plan was rehearsed by the time it may fly: what each failure would do where.
        const passed = await until(() => page.locator("[data-rehearsal=passed]").count(), 120_000);
        row("the plan's rehearsal passes", await page.locator("[data-rehearsal]").getAttribute("data-rehearsal"), Boolean(passed));
        await page.locator(".rehearsal summary").click();
        row("every flight of it is told", await page.locator("[data-case]").allInnerTexts(), (await page.locator("[data-case]").count()) === 5);
        await axe("launch sheet, day");
        await smallTargets("launch sheet");
        await shot("rehearsal-zh");
        await page.keyboard.press("l");
        await page.waitForTimeout(300);
        await axe("launch sheet, en");
        await shot("rehearsal-en");
        await page.keyboard.press("l");
        await page.locator(".rehearsal summary").click();
        const field = page.locator(".sheet input[type=text]");
        await field.nth(0).fill("灯光秀安保巡查");
        await field.nth(1).fill("2026-0917");
        await field.nth(2).fill("王建国");
        const ready = await until(() => page.locator(".sheet button.primary:not([disabled])").count(), 90_000);
        await shot("launch");
        row("preflight passes", Boolean(ready), Boolean(ready));
        await page.locator(".sheet button.primary").click();
        await page.locator(".slide").waitFor();
        // A short press of Enter must do nothing.
        await page.keyboard.press("Enter");
        await page.waitForTimeout(300);
        row("a short press does not launch", await state(), !ALOFT.includes(await state()));
        await page.keyboard.down("Enter");
        await page.waitForTimeout(1700);
        await page.keyboard.up("Enter");
      }
    }
    const aloft = await until(async () => ALOFT.includes(await state()) && (await state()), 60_000);
    row("airborne", aloft, Boolean(aloft));
    const patrolling = await until(async () => (await state()) === "patrolling", 120_000);
    row("patrolling", await state(), Boolean(patrolling));

    // It moves, on the list beside the map and in the figures.
    await page.click("#tab-list");
    const from = await place();
    const moved = await until(async () => (await place()) !== from, 20_000);
    row("aircraft moves", [from, await place()], Boolean(moved));
    await axe("map list, day");
    await page.click("#tab-log");
    row("link age", await page.locator("[data-testid=link] .value").innerText(), /\d/.test(await page.locator("[data-testid=link] .value").innerText()));
    row("who flies now", await page.locator("[data-testid=who] .value").innerText(), (await page.locator("[data-testid=who] .value").innerText()) !== "–");
    row("battery in minutes and percent", [await figure("endurance"), await figure("battery")], /\d/.test(await figure("battery")));
    await shot("patrol-day-zh");

    // One press holds; the vehicle says so.
    await page.locator("body").click({ position: { x: 2, y: 2 } });
    const pressed = Date.now();
    await page.keyboard.press("Space");
    const held = await until(async () => (await state()) === "holding", 10_000);
    row("hold reaches the aircraft, ms", Date.now() - pressed, Boolean(held));
    await shot("holding");
    const resumed = held && (await until(async () => { if (await page.locator("[data-do=resume]:not([disabled])").count()) await page.click("[data-do=resume]"); await page.waitForTimeout(1000); return (await state()) === "patrolling"; }, 15_000));
    row("resume", await state(), Boolean(resumed));

    // A place outside the fence is refused where it was asked.
    const box = await page.locator(".ol").boundingBox();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height - 14);
    if (await until(() => page.locator(".sheet").count(), 3000)) {
      await shot("look");
      await page.locator(".sheet button.primary").click();
      const refused = await until(() => page.locator(".callout:not([hidden])").count(), 10_000);
      row("look outside the fence is refused at the place", refused ? await page.locator(".callout").innerText() : null, Boolean(refused));
      await shot("refused");
      if (refused) await page.locator(".callout button").click();
    } else row("look sheet opens", await state(), false);

    // An anomaly with its picture; confirm it.
    const anomaly = await until(() => page.locator(".anomaly").count(), deadline - Date.now());
    row("anomaly appears", await page.locator(".anomaly").count(), Boolean(anomaly));
    const picture = await until(() => page.locator(".anomaly img.pic").evaluateAll((l) => l.some((i) => i.complete && i.naturalWidth > 0)), 60_000);
    row("its picture is shown", Boolean(picture), Boolean(picture));
    await shot("anomaly-day-zh");
    await axe("operate, day");
    await smallTargets("operate");
    await page.keyboard.press("a");
    const open = page.locator(".anomaly[data-state=open]").first();
    if (await open.count()) {
      const id = await open.getAttribute("data-anomaly");
      await open.locator("button.primary").click();
      const confirmed = await until(() => page.locator(`.anomaly[data-anomaly="${id}"][data-state=confirmed]`).count(), 10_000);
      row("confirm", id, Boolean(confirmed));
      // It is an incident now; the aircraft itself is sent to look, and is there, or says why not.
      await page.keyboard.press("i");
      await page.locator("[data-incident]").first().click();
      await page.locator("[data-step=task]").click();
      await page.locator("[data-field=to]").selectOption({ index: 0 });
      await page.locator("[data-field=owner]").fill("王建国");
      await page.click("[data-do=submit]");
      const state = () => page.locator("[data-case]").getAttribute("data-state");
      const went = await until(async () => ((await state()) === "on_scene" ? "on scene" : (await state()) === "open" && (await page.locator(".case-log li").count()) > 2 ? "refused" : null), 90_000);
      row("the aircraft looks at the incident, or says why not", [went, await page.locator(".case-log li").allInnerTexts()], Boolean(went));
      await shot("incident-day-zh");
      await axe("incident in flight, day, zh");
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.press("i");
    } else row("confirm", null, false);

    await page.keyboard.press("n");
    await page.keyboard.press("l");
    await page.waitForTimeout(600);
    await shot("anomaly-night-en");
    await axe("operate, night, en");

    // The connection breaks and comes back with a snapshot: nothing is lost.
    const before = await page.locator(".anomaly").count();
    const opened = lines.length, cut = Date.now();
    await lines.at(-1).cut({ code: 4000, reason: "cut by the test" });
    const back = await until(async () => lines.length > opened && (await page.locator("[data-testid=connection]:not(.bad)").count()) > 0, 10_000);
    row("comes back after a cut, ms", Date.now() - cut, Boolean(back));
    const ids = await page.locator(".anomaly").evaluateAll((l) => l.map((e) => e.dataset.anomaly));
    row("nothing missing or doubled after a cut", ids, ids.length >= before && new Set(ids).size === ids.length);

    // A line that holds everything back: what comes is old, and the page says so and asks for the present by itself.
    const slow = lines.length;
    lines.at(-1).late = 4_000;
    const told = await until(() => page.locator("[data-alarm=late]").count(), 20_000);
    row("a page that lags says so", told, Boolean(told));
    const present = await until(async () => lines.length > slow && (await page.locator("[data-testid=connection]:not(.bad)").count()) > 0, 20_000);
    row("and catches up by itself", lines.length - slow, Boolean(present) && lines.length - slow === 1);

    // An alarm that is not urgent is put aside with its reason, stays in sight, and is brought back.
    // What came of the lag is acknowledged first: two alarms are shown, the gravest on top.
    for (let i = 0; i < 8 && (await page.locator(".alarms .alarm button:has(kbd)").count()); i++) { await page.keyboard.press("a"); await page.waitForTimeout(300); }
    lines.at(-1).spoil = (m) => m.replace(/"storage_ok":(true|null)/g, '"storage_ok":false');
    const storage = await until(() => page.locator("[data-alarm=storage] [data-do=shelve]").count(), 30_000);
    row("a high alarm can be put aside, an urgent one not", [storage, await page.locator(".alarm.urgent [data-do=shelve]").count()], Boolean(storage) && (await page.locator(".alarm.urgent [data-do=shelve]").count()) === 0);
    await page.locator("[data-alarm=storage] [data-do=shelve]").click();
    row("not without a reason", await page.locator("[data-do=shelve-it]").isDisabled(), await page.locator("[data-do=shelve-it]").isDisabled());
    await axe("an alarm is put aside");
    await page.locator("[data-field=shelve-why]").fill("card is changed after this flight");
    await page.locator("[data-do=shelve-it]").click();
    const aside = await until(async () => (await page.locator("[data-shelved='1']").count()) === 1 && (await page.locator("[data-alarm=storage]").count()) === 0, 10_000);
    const noted = await until(async () => (await page.locator(".log").innerText()).includes("card is changed after this flight"), 10_000);
    row("it is aside, and the log says why", [aside, noted], Boolean(aside) && Boolean(noted));
    await page.locator(".shelf summary").click();
    await shot("shelved");
    await page.locator("[data-do=unshelve]").click();
    row("it is brought back", await page.locator("[data-alarm=storage]").count(), Boolean(await until(() => page.locator("[data-alarm=storage]").count(), 5_000)));
    lines.at(-1).spoil = (m) => m;
    await page.evaluate(() => document.activeElement?.blur());

    // Return: one press.
    await page.keyboard.press("r");
    const returning = await until(async () => ["returning", "landing", "grounded", "ready"].includes(await state()), 10_000);
    row("return reaches the aircraft", await state(), Boolean(returning));
    await shot("returning-night-en");
  } else {
    row("replay border", await page.locator(".shell.replaying").count(), (await page.locator(".shell.replaying").count()) === 1);
    const bar = await until(() => page.locator(".replaybar").count(), 10_000);
    row("scrubber", bar, Boolean(bar));
    row("commands are off", await page.locator("[data-do=hold]:not([disabled]), [data-do=return]:not([disabled]), [data-do=launch]:not([disabled])").count(), (await page.locator("[data-do=hold]:not([disabled]), [data-do=return]:not([disabled]), [data-do=launch]:not([disabled])").count()) === 0);
    const answer = await page.evaluate(async () => { const h = await (await fetch("/api/hello")).json(); const r = await fetch("/api/command", { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF": h.csrf }, body: JSON.stringify({ key: crypto.randomUUID(), intent: { kind: "hold", aircraft: null } }) }); return r.json(); });
    row("the server refuses commands too", answer, answer.accepted === false);
    const clock = async () => (await page.locator(".replaybar .clock").innerText()).split(" / ")[0];
    if (await page.locator("[data-do=play]").innerText().then((w) => /播放|Play/.test(w))) await page.click("[data-do=play]");
    await page.locator(".replaybar select").selectOption("16");
    const t0 = await clock();
    const ran = await until(async () => (await clock()) !== t0, 10_000);
    row("it plays", [t0, await clock()], Boolean(ran));
    // Early, while there is recording left: at its end a replay stands still by itself.
    await page.click("[data-do=play]");
    await page.waitForTimeout(500);
    const still = await clock();
    await page.waitForTimeout(1500);
    row("pause stands still", [still, await clock()], still === (await clock()));
    await page.locator("body").click({ position: { x: 2, y: 2 } });
    await page.keyboard.press("ArrowLeft");
    row("arrow key steps back", Boolean(await until(async () => (await clock()) !== still, 5_000)), (await clock()) !== still);
    await page.click("[data-do=play]");
    row("alarm ticks", await page.locator(".ticks i").count(), (await page.locator(".ticks i").count()) > 0);
    await page.click("#tab-list");
    const from = await place();
    row("aircraft moves", [from], Boolean(await until(async () => (await place()) !== from, 20_000)));
    await page.click("#tab-log");
    const found = await until(() => page.locator(".anomaly").count(), 60_000);
    row("anomalies come by", found, Boolean(found));
    await page.waitForTimeout(1500);
    await shot("replay-day-zh");
    await axe("replay, day");
    await smallTargets("replay");
    await page.keyboard.press("n");
    await page.keyboard.press("l");
    await page.waitForTimeout(500);
    await shot("replay-night-en");
    await axe("replay, night, en");
    // The recorded plan once more, in a storm and with the radio cut: both tracks on one map.
    await page.click("[data-do=refly]");
    await page.locator("[data-field=case]").selectOption("link_lost");
    await page.locator("[data-field=wind-from]").fill("290");
    await page.locator("[data-field=wind]").fill("9");
    await page.locator("[data-field=fault-at]").fill("60");
    await page.click("[data-do=refly-go]");
    const again = await until(() => page.locator("[data-reflown=link_lost]").count(), 120_000);
    row("the plan is flown again in the simulator", again && (await page.locator("[data-apart]").getAttribute("data-apart")), Boolean(again) && Number(await page.locator("[data-apart]").getAttribute("data-apart")) > 0);
    await page.keyboard.press("f");
    await page.waitForTimeout(800);
    await shot("refly-night-en");
    await axe("flown again, night, en");
    await smallTargets("flown again");
    await page.keyboard.press("n");
    await page.keyboard.press("l");
    await page.waitForTimeout(500);
    await shot("refly-day-zh");
    await axe("flown again, day");
    await page.keyboard.press("n");
    await page.keyboard.press("l");
    await page.click("[data-do=refly]");

    // The incident that was confirmed, and the report of this very flight.
    await page.keyboard.press("i");
    const incident = await until(() => page.locator("[data-incident]").count(), 60_000);
    row("the incident comes by", incident, Boolean(incident));
    await page.locator("[data-incident]").first().click();
    row("nothing can be done in a replay", await page.locator("[data-step]").count(), (await page.locator("[data-step]").count()) === 0);
    await shot("replay-incident-en");
    const coming = page.context().waitForEvent("page");
    await page.click("[data-do=report]");
    const report = await coming;
    await report.waitForLoadState();
    const text = await report.locator("body").innerText();
    row("the report of a closed record claims that it is whole", text.slice(0, 80), text.includes("intact and complete") && text.includes("Incident 1"));
    row("its map is drawn", await report.locator("figure svg path").count(), (await report.locator("figure svg path").count()) > 10);
    await report.pdf({ path: join(out, "report-en.pdf"), preferCSSPageSize: true });
    await report.close();
  }
} catch (e) {
  failed = e;
}
await finish(failed);
