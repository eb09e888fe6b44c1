// An officer draws on the planning screen: a keep-out with its ceiling and hours, circles and lines by mouse and by keys, each step back and
// forth; a plan over it brings it into force, and what is refused is shown on the zone. Against a running `demo` that has not launched.
//   node tests/browser/drawing.spec.mjs BASE_URL OUT_DIR [--minutes N]
import { readFileSync } from "node:fs";
import { open } from "./kit.mjs";

const { base, page, row, shot, until, axe, smallTargets, finish } = await open();
const differences = async () => Number(await page.locator("[data-differences]").getAttribute("data-differences"));
const item = (id) => page.locator(`[data-zone-item="${id}"]`);
const role = (r) => page.locator("[data-field=role]").selectOption(r);
/** What the server tells a page that comes now. */
const snapshot = () => page.evaluate(() => new Promise((done) => { const s = new WebSocket(`ws://${location.host}/api/live`); s.onmessage = (e) => { if (typeof e.data === "string") { s.close(); done(JSON.parse(e.data)); } }; }));
const inside = ([x, y], ring) => { let odd = false; for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) { const [xi, yi] = ring[i], [xj, yj] = ring[j]; if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd; } return odd; };
const make = page.locator("[data-do=make]");
async function made() {
  await make.click();
  await until(async () => await make.isDisabled(), 1_000);
  await until(async () => await make.isEnabled(), 60_000);
  await page.waitForTimeout(400);
  const refusal = page.locator(".plan-form p.refusal[role=alert]");
  return (await refusal.count()) ? (await refusal.first().innerText()).trim() : null;
}

let failed = null;
try {
  await page.goto(base);
  await until(() => page.locator("[data-do=plan]:not([disabled])").count(), 60_000);
  await until(async () => (await page.locator("[data-testid=state]").getAttribute("data-state")) === "ready", 60_000);
  if ((await page.evaluate(() => document.documentElement.lang)) !== "zh-CN") await page.keyboard.press("l");
  await page.keyboard.press("p");
  await page.locator(".planning").first().waitFor();
  await page.waitForTimeout(400);
  const zones = await page.locator("[data-zone-item]").count();
  row("the venue in force is on the drawing board", [zones, await differences()], zones > 5 && (await differences()) === 0);
  await axe("planning, day, zh");
  await smallTargets("planning");
  await shot("planning-zh");

  // A keep-out in the middle of the map, by the mouse.
  const box = await page.locator(".ol").boundingBox();
  const at = (x, y) => [box.x + box.width * x, box.y + box.height * y];
  const corners = [[0.46, 0.46], [0.54, 0.46], [0.54, 0.56], [0.46, 0.56]];
  await role("exclusion");
  await page.click("[data-tool=polygon]");
  row("how to draw is said", await page.locator(".draw-bar p").innerText(), (await page.locator(".draw-bar").count()) === 1);
  await axe("while drawing");
  for (const [x, y] of corners) { await page.mouse.click(...at(x, y)); await page.waitForTimeout(350); }
  await shot("drawing-zh");
  await page.click("[data-do=draw-finish]");
  await item("exclusion-1").waitFor();
  row("a keep-out is drawn and in hand", await item("exclusion-1").innerText(), (await differences()) === 1 && (await page.locator("[data-zone=exclusion-1]").count()) === 1 && (await page.locator("[data-change=added]").count()) === 1);
  row("drawing is over", await page.locator(".draw-bar").count(), (await page.locator(".draw-bar").count()) === 0);

  // Back and forth.
  await page.locator("body").click({ position: { x: 2, y: 2 } });
  await page.keyboard.press("Control+z");
  await until(async () => (await item("exclusion-1").count()) === 0, 5_000);
  const back = [await item("exclusion-1").count(), await differences()];
  await page.keyboard.press("Control+y");
  await until(async () => (await item("exclusion-1").count()) === 1, 5_000);
  row("undo and redo", [back, [await item("exclusion-1").count(), await differences()]], back.join() === "0,0" && (await item("exclusion-1").count()) === 1);

  // Its heights and its hours.
  if (!(await page.locator("[data-zone=exclusion-1]").count())) await item("exclusion-1").click();
  const form = page.locator("[data-zone=exclusion-1]");
  await form.locator("[data-field=zone-name]").fill("临时吊臂");
  await form.locator("[data-field=ceiling]").fill("80");
  await form.locator("[data-field=ceiling]").press("Enter");
  await form.locator("[data-field=frame]").waitFor();
  row("a ceiling says over what", await form.locator("[data-field=frame]").inputValue(), (await form.locator("[data-field=frame]").inputValue()) === "above_home");
  row("its name is the officer's", await item("exclusion-1").innerText(), /临时吊臂/.test(await item("exclusion-1").innerText()));
  await form.locator("[data-field=ceiling]").fill("eighty");
  await form.locator("[data-field=ceiling]").press("Enter");
  row("a word is no height", await form.locator("[data-field=ceiling]").getAttribute("aria-invalid"), (await form.locator("[data-field=ceiling]").getAttribute("aria-invalid")) === "true");
  await form.locator("[data-field=ceiling]").fill("80");
  await form.locator("[data-field=ceiling]").press("Enter");
  const corner = form.locator("[data-field=corners]");
  const text = await corner.inputValue();
  await corner.fill("north, of here");
  await corner.blur();
  row("a corner that is no place is said", await form.locator("small.refusal").innerText(), (await form.locator("small.refusal").count()) === 1);
  await corner.fill(text);
  await corner.blur();
  row("the corners are four, as they were drawn", text.split("\n").length, text.split("\n").length === 4);
  await axe("zone form, zh");
  await smallTargets("zone form");

  // A corner is dragged.
  const before = await corner.inputValue();
  await page.mouse.move(...at(...corners[2]));
  await page.mouse.down();
  await page.mouse.move(...at(0.56, 0.58), { steps: 8 });
  await page.mouse.up();
  const dragged = await until(async () => (await corner.inputValue()) !== before, 3_000);
  row("a corner is dragged", (await corner.inputValue()).split("\n").length, Boolean(dragged) && (await corner.inputValue()).split("\n").length === 4);
  await shot("zone-zh");

  // Circles, places and lines by keys, away from the keep-out.
  await role("watch_zone");
  await page.click("[data-tool=circle]");
  await page.locator(".ol").focus();
  await page.keyboard.press("Enter");
  await item("watch-zone-1").waitFor();
  row("a circle by keys", await page.locator("[data-zone=watch-zone-1] [data-field=zone-radius]").inputValue(), (await page.locator("[data-zone=watch-zone-1] [data-field=zone-radius]").inputValue()) === "30");
  await role("line");
  await page.click("[data-tool=line]");
  await page.locator(".ol").focus();
  // The east bank: right of the show, where nothing keeps out.
  for (let i = 0; i < 2; i++) { await page.keyboard.press("ArrowRight"); await page.waitForTimeout(400); }
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await page.waitForTimeout(500);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Shift+Enter");
  const line = await until(() => item("line-1").count(), 3_000);
  row("a line by keys", line, Boolean(line) && (await page.locator("[data-zone=line-1] [data-field=corners]").inputValue()).split("\n").length === 2);
  const lineName = line ? await page.locator("[data-zone=line-1] [data-field=zone-name]").inputValue() : "";
  row("all that is new is counted", await differences(), (await differences()) === 3);

  // It is a file.
  const coming = page.waitForEvent("download");
  await page.click("[data-do=save]");
  const file = await (await coming).path();
  const saved = JSON.parse(readFileSync(file, "utf8"));
  const crane = saved.features.find((f) => f.properties.id === "exclusion-1");
  row("the venue is saved as GeoJSON", [saved.features.length, crane?.properties], saved.features.length === zones + 3 && crane?.properties.ceiling_m === 80 && crane?.geometry.coordinates[0].length === 5);

  // A plan over it brings it into force, and keeps off what was drawn.
  await page.locator(".plan-form select").first().selectOption("sweep");
  await page.locator(".plan-form [data-field=swath]").fill("60");
  const refusal = await made();
  row("a plan over the venue as drawn", refusal ?? (await page.locator(".plan-form p strong").first().innerText()), refusal === null);
  const inForce = await until(async () => (await snapshot()).venue.features.some((f) => f.properties.id === "exclusion-1"), 10_000);
  const told = await snapshot();
  const ring = told.venue.features.find((f) => f.properties.id === "exclusion-1")?.geometry.coordinates[0] ?? [];
  const along = told.plan.path.slice(1).flatMap((b, i) => { const a = told.plan.path[i]; return [...Array(50).keys()].map((k) => [a[0] + ((b[0] - a[0]) * k) / 50, a[1] + ((b[1] - a[1]) * k) / 50]); });
  row("the plan keeps off it", [Boolean(inForce), along.length, along.filter((p) => inside(p, ring)).length], Boolean(inForce) && ring.length === 5 && along.length > 200 && !along.some((p) => inside(p, ring)));
  await page.waitForTimeout(600);
  row("what was drawn is in force", [await differences(), await page.locator(".profile figcaption").innerText()], (await differences()) <= 1 && (await page.locator(".profile").count()) === 1);
  await shot("planned-zh");

  // A pattern along the line, its ends put where the plan flies; a place from the map.
  const flown = told.plan.items.filter(Boolean), apart = (a, b) => Math.hypot((a[0] - b[0]) * 98_500, (a[1] - b[1]) * 111_000);
  const leg = flown.findIndex((a, i) => i > 0 && apart(flown[i - 1], a) > 60);
  await item("line-1").scrollIntoViewIfNeeded();
  await page.locator("[data-zone=line-1] [data-field=corners]").fill([flown[leg - 1], flown[leg]].map(([lon, lat]) => `${lat}, ${lon}`).join("\n"));
  await page.locator("[data-zone=line-1] [data-field=corners]").blur();
  await page.locator(".plan-form select").first().selectOption("corridor");
  await page.locator(".plan-form [data-field=line]").fill(lineName);
  await page.locator(".plan-form [data-field=width]").fill("40");
  const corridor = await made();
  row("a corridor along the drawn line", corridor ?? (await page.locator(".plan-form p strong").first().innerText()), corridor === null);
  await page.locator(".plan-form select").first().selectOption("orbit");
  await page.click("[data-do=pick-place]");
  await page.mouse.click(...at(0.3, 0.55));
  const place = await until(async () => await page.locator(".plan-form [data-field=place]").inputValue(), 3_000);
  row("a place is picked on the map", place, /^\d+\.\d+, \d+\.\d+$/.test(place ?? ""));

  // What cannot be a venue is refused, on the zone.
  await page.locator("body").click({ position: { x: 2, y: 2 } });
  const boundary = await page.locator("[data-zone-item]").first().getAttribute("data-zone-item");
  await item("exclusion-1").click();
  const [a, b, c, d] = (await page.locator("[data-zone=exclusion-1] [data-field=corners]").inputValue()).split("\n");
  await page.locator("[data-zone=exclusion-1] [data-field=corners]").fill([a, c, b, d].join("\n"));
  await page.locator("[data-zone=exclusion-1] [data-field=corners]").blur();
  await page.locator(".plan-form select").first().selectOption("perimeter");
  const crossed = await made();
  row("a keep-out that crosses itself is refused, where it does", crossed, crossed !== null && crossed.length > 5 && (await page.locator(".callout:not([hidden])").count()) === 1);
  await shot("refused-zh");
  await page.locator("body").click({ position: { x: 2, y: 2 } });
  await page.keyboard.press("Control+z");
  const taken = await until(async () => (await page.locator("[data-zone=exclusion-1] [data-field=corners]").inputValue()).split("\n")[1] === b, 5_000);
  row("and taken back", await page.locator("[data-zone=exclusion-1] [data-field=corners]").inputValue(), Boolean(taken));

  // The boundary deleted: no plan, and it is back by one step.
  await item(boundary).click();
  await page.locator(`[data-zone="${boundary}"] [data-do=zone-remove]`).click();
  const open_ = await made();
  row("without a boundary nothing is planned", open_, open_ !== null);
  row("a deleted zone is told", await page.locator("li[data-change=removed]").innerText(), (await page.locator("li[data-change=removed]").count()) === 1);
  await page.click("[data-do=undo]");
  row("a deleted zone is back", await item(boundary).count(), (await item(boundary).count()) === 1);
  await page.click("[data-do=discard]");
  row("back to the venue in force", await differences(), (await differences()) === 0);

  await page.locator("body").click({ position: { x: 2, y: 2 } });
  await page.keyboard.press("n");
  await page.keyboard.press("l");
  await item("exclusion-1").click();
  await page.waitForTimeout(400);
  await axe("planning, night, en");
  // The longer language, on a laptop and on a tablet: nothing in the top bar is cut or beyond the edge.
  for (const width of [1440, 1280, 1100]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(250);
    const cut = await page.evaluate(() => [...document.querySelectorAll(".top button, .top .tag")].filter((e) => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.textContent));
    row(`nothing is cut in the top bar at ${width}`, cut, cut.length === 0);
    await shot(`top-en-${width}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await shot("planning-night-en");
  await page.locator("body").click({ position: { x: 2, y: 2 } });
  await page.keyboard.press("p");
  row("P leads back to the flight", await page.locator(".planning").count(), (await page.locator(".planning").count()) === 0);
} catch (e) {
  failed = e;
}
await finish(failed);
