// The officers' console: puts the parts together and listens to the keys. Asks nothing of any machine but its own.
import { render } from "preact";
import "./style.css";
import { acknowledgeNext } from "./alarms.ts";
import { t, toggleLang } from "./i18n/index.ts";
import { wake } from "./sound.ts";
import { hand, isLocked, mayPlan, mayStop, state, watches } from "./session.ts";
import { aircraft, chosenId, hello, holdAll, replaying, start, venue } from "./store.ts";
import { screen } from "./cases.ts";
import { toggleTheme } from "./theme.ts";
import { Actions, holdSelected, returnSelected } from "./ui/Actions.tsx";
import { Anomalies } from "./ui/Anomalies.tsx";
import { Cases, CaseSide } from "./ui/Cases.tsx";
import { Door } from "./ui/Door.tsx";
import { Help, showHelp } from "./ui/Help.tsx";
import { Left } from "./ui/Left.tsx";
import { Drawing, Planning } from "./ui/Planning.tsx";
import { MapBox, mapDo } from "./ui/MapBox.tsx";
import { AdminPage, Me } from "./ui/Me.tsx";
import { rateReplay, ReplayBar, stepReplay, toggleReplay } from "./ui/ReplayBar.tsx";
import { Sheet } from "./ui/Sheets.tsx";
import { Intruders, Tracks } from "./ui/Airspace.tsx";
import { Alarms, TopBar } from "./ui/TopBar.tsx";

/** Nobody is logged in: there is no console yet. */
const outside = (): boolean => state.value === "first_run" || state.value === "login";

function App() {
  if (outside()) return <Door />;
  if (!watches.value) return isLocked.value ? <Door /> : <AdminPage />;
  const cases = screen.value === "cases", planning = screen.value === "plan" && mayPlan.value, air = screen.value === "air";
  return (
    <div class={`shell ${cases || planning ? "with-cases" : ""} ${replaying.value ? "replaying" : ""} ${isLocked.value ? "locked" : ""}`}>
      <TopBar />
      <Alarms />
      {cases ? <Cases /> : planning ? <Drawing /> : air ? <Tracks /> : <Left />}
      <main class="mid" aria-label={t("title")}>
        <MapBox />
        <Sheet />
        {!replaying.value && <Actions />}
      </main>
      {cases ? <CaseSide /> : planning ? <Planning /> : air ? <Intruders /> : <Anomalies />}
      <ReplayBar />
      <Help />
      <Me />
      {isLocked.value && <Door />}
      {!hello.value && !venue.value && <p class="hidden-visually" role="status">{t("loading")}</p>}
    </div>
  );
}

addEventListener("pointerdown", () => { wake(); hand(); }, { capture: true });
addEventListener("keydown", (e) => {
  wake();
  hand();
  if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented) return;
  const target = e.target as HTMLElement;
  if (target.matches("input[type=text], input[type=password], input[type=file], input[type=datetime-local], select, textarea") || target.closest("dialog")) return;
  if (outside() || !watches.value) { const k = e.key.toLowerCase(); if (k === "n") toggleTheme(); else if (k === "l") toggleLang(); return; }
  const onControl = target.matches("button, input, select, [role=tab]");
  if (e.code === "Space") {
    // Space always holds, whatever has the focus: the safe order must not depend on it.
    e.preventDefault();
    if (e.repeat || !mayStop.value) return;
    if (replaying.value) toggleReplay();
    else if (e.shiftKey) holdAll();
    else holdSelected();
    return;
  }
  if (e.repeat) return;
  const key = e.key.toLowerCase();
  // On a locked screen alarms and holding go on, nothing else.
  if (isLocked.value && !["a", "n", "l"].includes(key)) return;
  if (key === "a") acknowledgeNext();
  else if (key === "n") toggleTheme();
  else if (key === "l") toggleLang();
  else if (key === "i") screen.value = screen.value === "cases" ? "operate" : "cases";
  else if (key === "t") screen.value = screen.value === "air" ? "operate" : "air";
  else if (key === "p") { if (mayPlan.value) screen.value = screen.value === "plan" ? "operate" : "plan"; }
  else if (key === "f") mapDo.fit();
  else if (key === "r") { if (mayStop.value) returnSelected(); }
  else if (key === "?") showHelp();
  else if (key === "[") rateReplay(-1);
  else if (key === "]") rateReplay(1);
  else if (key === "arrowleft" && replaying.value && !onControl && !target.closest(".ol")) stepReplay(-1);
  else if (key === "arrowright" && replaying.value && !onControl && !target.closest(".ol")) stepReplay(1);
  else if (/^[1-9]$/.test(key)) { const a = aircraft.value[Number(key) - 1]; if (a) chosenId.value = a.id; }
});
// A button acts on the key's release: Space must not press it as well.
addEventListener("keyup", (e) => { if (e.code === "Space" && (e.target as HTMLElement).matches("button")) e.preventDefault(); });

const root = document.getElementById("app");
if (root) render(<App />, root);
start();
