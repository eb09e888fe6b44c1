// An officer plans in the console, on the ground: every pattern with its fields, the day's wind, a venue file in another
// datum, and what is refused. Against a running `demo` that has not launched.
//   node tests/browser/plan.spec.mjs BASE_URL OUT_DIR [--minutes N]
import { open } from "./kit.mjs";

const { base, page, row, shot, until, axe, smallTargets, finish } = await open();
const title = async () => (await page.locator(".sheet p strong").first().innerText()).trim();
const summary = async () => (await page.locator(".sheet p").first().innerText()).trim();
const minutesOf = (words) => Number(/(\d+)\s*(?:min|分钟)/.exec(words)?.[1]);
const reserveOf = (words) => Number(/(\d+)\s*%/.exec(words)?.[1]);
const make = page.locator(".sheet button.primary").first();
const put = async (fields) => { for (const [f, v] of Object.entries(fields)) await page.locator(`.sheet [data-field=${f}]`).fill(v); };
/** Presses "make" and waits for the answer: the refusal's words, or null and the plan stands above. */
async function made() {
  await make.click();
  await until(async () => await make.isDisabled(), 1_000);
  await until(async () => await make.isEnabled(), 60_000);
  await page.waitForTimeout(300);
  const refusal = page.locator(".sheet p.refusal[role=alert]");
  return (await refusal.count()) ? (await refusal.first().innerText()).trim() : null;
}

let failed = null;
try {
  await page.goto(base);
  await until(() => page.locator("[data-do=plan]:not([disabled])").count(), 60_000);
  // The first plan is on its way to the aircraft; a new one waits for it.
  await until(async () => (await page.locator("[data-testid=state]").getAttribute("data-state")) === "ready", 60_000);
  if ((await page.evaluate(() => document.documentElement.lang)) !== "zh-CN") await page.keyboard.press("l");
  await page.click("[data-do=plan]");
  await page.locator(".sheet").waitFor();
  await axe("plan sheet, day, zh");
  await smallTargets("plan sheet");

  // Each pattern with what it needs; the place is a watch zone of the demonstration's venue, by its id.
  const watch = "weir-north";
  const wishes = {
    perimeter: { offset: "30" }, watch_points: { hold: "5" }, orbit: { place: watch, radius: "30", turns: "2" },
    expanding_square: { place: watch, swath: "30", legs: "6", course: "90" }, sector_search: { place: watch, radius: "50" },
    creeping_line: { swath: "60" }, revisit: { place: watch, hold: "20" }, sweep: { swath: "60" },
  };
  for (const [pattern, fields] of Object.entries(wishes)) {
    await page.locator(".sheet select").first().selectOption(pattern);
    await put(fields);
    const before = await summary();
    const refusal = await made();
    row(`${pattern} is made`, refusal ?? (await summary()), refusal === null && (await summary()) !== before && minutesOf(await summary()) > 0);
  }
  await shot("plan-sweep-zh");

  // What is wrong is said beside the field, and nothing can be asked for with it.
  await put({ swath: "sixty" });
  row("a word for a width cannot be asked for", await make.isDisabled(), (await make.isDisabled()) && (await page.locator("[data-field=swath]").getAttribute("aria-invalid")) === "true");
  await put({ swath: "60" });
  await put({ wind: "5" });
  row("half a wind cannot be asked for", await make.isDisabled(), await make.isDisabled());

  // The wind costs time and battery.
  await put({ wind: "" });
  await page.locator(".sheet select").first().selectOption("perimeter");
  await put({ wind: "", wind_from: "" });
  await made();
  const calm = await summary();
  await put({ wind: "4", wind_from: "270" });
  const windy = await made();
  const inWind = await summary();
  row("the day's wind costs battery", [calm, windy ?? inWind], windy === null && reserveOf(inWind) < reserveOf(calm));
  await put({ wind: "25", wind_from: "270" });
  const storm = await made();
  row("a gale is refused with its reason", storm, storm !== null && storm.length > 5);
  row("and the plan before it stands", await summary(), (await summary()) === inWind);
  await shot("plan-gale-zh");
  await put({ wind: "", wind_from: "" });

  // A place outside the fence.
  await page.locator(".sheet select").first().selectOption("revisit");
  await put({ place: "27.9000, 120.2000" });
  const far = await made();
  row("a place outside the fence is refused", far, far !== null);
  row("and shown where it is", await page.locator(".callout:not([hidden])").count(), (await page.locator(".callout:not([hidden])").count()) === 1);

  // A venue file without a datum: asked, not guessed.
  const ring = [[120.0866, 27.7853], [120.0905, 27.7853], [120.0905, 27.7882], [120.0866, 27.7882], [120.0866, 27.7853]];
  const pond = [[120.0885, 27.7862], [120.0892, 27.7862], [120.0892, 27.7870], [120.0885, 27.7870], [120.0885, 27.7862]];
  const file = JSON.stringify({ type: "FeatureCollection", name: "临时场地", flat_ground: true, ground_amsl_m: 75, features: [
    { type: "Feature", properties: { role: "inclusion", id: "field" }, geometry: { type: "Polygon", coordinates: [ring] } },
    { type: "Feature", properties: { role: "exclusion", id: "pond" }, geometry: { type: "Polygon", coordinates: [pond] } },
    { type: "Feature", properties: { role: "launch", id: "pad" }, geometry: { type: "Point", coordinates: [120.0872, 27.7858] } },
  ] });
  const give = (text) => page.locator("[data-field=venue]").setInputFiles({ name: "venue.geojson", mimeType: "application/geo+json", buffer: Buffer.from(text) });
  await give("{ \"type\": \"FeatureCollection\", \"features\": [ {\"type\": ");
  const torn = await until(async () => (await page.locator("[data-import=refused]").count()) && (await page.locator("[data-import=refused]").innerText()), 10_000);
  row("a torn file is refused with its place", torn, Boolean(torn));
  await page.locator("[data-field=datum]").selectOption("gcj02");
  await give(file);
  const taken = await until(async () => (await page.locator("[data-import=taken]").count()) && (await page.locator("[data-import=taken]").innerText()), 10_000);
  row("the venue is read, its datum as chosen", taken, Boolean(taken) && (await page.locator("[data-note=datum_converted]").count()) === 1);
  await axe("plan sheet with an import, day, zh");
  await page.locator(".sheet select").first().selectOption("sweep");
  await put({ swath: "40" });
  const over = await made();
  row("a sweep over the imported venue", over ?? (await title()), over === null && /临时场地/.test(await title()));
  row("what was refused before is off the map", await page.locator(".callout:not([hidden])").count(), (await page.locator(".callout:not([hidden])").count()) === 0);
  await page.waitForTimeout(1_500);
  await shot("plan-imported-zh");
  await page.keyboard.press("Escape");
  await page.keyboard.press("n");
  await page.keyboard.press("l");
  await page.click("[data-do=plan]");
  await page.locator(".sheet").waitFor();
  await axe("plan sheet, night, en");
  await shot("plan-night-en");
} catch (e) {
  failed = e;
}
await finish(failed);
