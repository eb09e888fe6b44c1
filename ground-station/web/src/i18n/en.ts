// English. `{x}` is filled from the parameters; a part in [square brackets] is left out when a parameter in it is missing.
import type { CodeWords } from "./codes.ts";
import type { zh } from "./zh.ts";

const codes: CodeWords = {
  flight_state: {
    boot: "Waiting for autopilot", recovering: "Restarted aloft, checking", grounded: "On ground, no plan", ready: "On ground, ready", taking_off: "Taking off", patrolling: "Patrolling",
    investigating: "Going to look", holding: "Holding", returning: "Returning", landing: "Landing", manual: "Safety pilot, manual",
  },
  in_charge: { unknown: "Unknown", companion: "This system", safety_pilot: "Safety pilot (RC)", autopilot_failsafe: "Autopilot failsafe", other_station: "Other station" },
  verdict: { unknown: "Fence position unknown", inside: "Inside fence", near: "Near fence", outside: "Outside fence" },
  response: { continue: "Normal", warn: "Warned", hold: "Made to hold", return: "Sent home", land_here: "Made to land here" },
  cause: { none: "none", officer: "officer's order", fence: "would cross the fence", link_loss: "link lost", battery: "battery needed for the way home", position: "position not trusted", autopilot: "autopilot's own action", plan_complete: "plan complete" },
  plan_state: { none: "no plan", staged: "staged", writing: "writing to autopilot", reading_back: "reading back", on_aircraft: "on aircraft, read back equal", dirty: "must be checked again", refused: "refused" },
  check: {
    plan_read_back: "Plan read back equal", fence_armed: "Autopilot fence on", failsafe_parameters: "Failsafe parameters", position_quality: "Position quality", battery_for_plan: "Battery for plan", home_inside: "Home inside fence",
    ground_link: "Ground link", storage: "Storage aboard", clock: "Clock", own_remote_id: "Own Remote ID", wind: "Wind", autopilot_ready: "Autopilot ready",
  },
  anomaly_kind: { unknown_drone: "Unknown drone", person_in_zone: "Person in closed zone" },
  priority: { urgent: "Urgent", high: "High", notice: "Notice" },
  zone_role: { inclusion: "Patrol fence", exclusion: "No-fly", show: "Show airspace", crowd: "Crowd", watch_zone: "Closed zone", no_look: "No camera", launch: "Launch", landing: "Alternate" },
  on_link_loss: { hold_then_return: "hold {wait_s} s, then return", return: "return at once", continue: "carry on with the plan" },
  order_kind: { launch: "Launch", hold: "Hold", resume: "Resume", return: "Return", land_at: "Land at site", look: "Go and look" },
  order_state: { sent: "sent, waiting for aircraft", accepted: "aircraft accepted", refused: "refused", done: "done", failed: "failed", expired: "expired" },
  dismiss_reason: { animal: "Animal", staff: "Staff", vehicle: "Vehicle or hot object", known_drone: "Registered drone", sensor: "Sensor error", other: "Other" },
  refusal: {
    unknown: "no reason given", bad_request: "request not understood; reload the page", replay_only: "this is a replay; no commands", no_aircraft: "no such aircraft", no_link: "no link to the aircraft; nothing was sent", no_plan: "there is no plan; make one first",
    plan_not_on_aircraft: "plan is not read back equal on the aircraft", plan_hash_differs: "plan aboard differs from ours; upload again", plan_invalid: "plan failed its check", leg_outside_fence: "a leg leaves the fence[ by {value} m][ (item {item})]", place_outside_fence: "this place is outside the fence[ by {value} m]",
    near_fence: "too near the fence[, only {value} m], less than the safety margin", keep_out: "this place is inside the no-fly zone[ “{zone}”]", above_ceiling: "above the ceiling[ by {value} m]", below_floor: "below the lowest height[ by {value} m]", fence_invalid: "fence failed its check", fence_missing: "no fence aboard, no take-off",
    fence_differs: "fence aboard differs from the plan's", return_outside_fence: "the way home from there would leave the fence", energy: "not enough battery to go there and home", not_ready: "aircraft is not ready", preflight_failed: "preflight failed; see the red lines", token_expired: "the checks are too old; check again",
    order_expired: "order expired, not carried out", not_airborne: "aircraft is not in the air", airborne: "aircraft is in the air", not_holding: "aircraft is not holding", safety_pilot_flies: "the safety pilot flies; no orders until handed back", failsafe_flies: "the autopilot's failsafe flies",
    autopilot_refused: "autopilot refused", read_back_differs: "read-back differs from what was written", transfer_timeout: "transfer timed out; try again", not_simulated: "not a simulated aircraft; this version launches only those", site_unknown: "no such landing site", anomaly_unknown: "no such anomaly",
    storage_failed: "could not write the record", busy: "the last order is not finished", outside_launch_window: "outside the plan's launch window", not_delivered: "did not reach the server; try again",
  },
  event: {
    aircraft_found: "Aircraft {name} found", link_lost: "Link lost", link_back: "Link back", plan_loaded: "Plan “{name}” loaded", plan_sending: "Uploading plan", plan_on_aircraft: "Plan on aircraft, read back equal", plan_refused: "Plan refused: {reason}",
    order_sent: "{kind}: sent", order_accepted: "{kind}: aircraft accepted", order_refused: "{kind}: refused, {reason}", order_done: "{kind}: done", order_failed: "{kind}: failed, {reason}", order_expired: "{kind}: expired",
    launch_recorded: "Launch record: {purpose}, incident {incident}, pilot {pilot}", state: "State: {state}", in_charge: "In charge: {who}", response: "{response}, cause: {cause}", armed: "Motors armed", disarmed: "Motors disarmed",
    anomaly: "Anomaly {number}: {kind}", anomaly_confirmed: "Anomaly {number} confirmed", anomaly_dismissed: "Anomaly {number} dismissed: {reason}", picture: "Picture of anomaly {number} received", status_text: "Autopilot: {text}",
    recorder_failed: "Recording failed; flight goes on; check the disk", recorder_started: "Recording started", eyes_failed: "Detection aboard stopped", eyes_running: "Detection aboard running", refused: "Refused: {reason}", patrol_done: "Patrol done",
  },
};

type Words<T> = { [K in keyof T]: T[K] extends string ? string : Words<T[K]> };

export const en: Words<typeof zh> = {
  codes,
  ui: {
    title: "Operate", mission: "Mission", no_mission: "No mission", link: "Link age", connection: "Console", who: "Who flies now", connected: "Connected", connecting: "Reconnecting…", lost: "Disconnected", simulated: "Simulated",
    hold_all: "Hold all", language: "中文", night: "Night", day: "Day", mute: "Mute", unmute: "Unmute", muted: "Muted", sound_blocked: "Press anywhere for sound", help: "Keys",
    aircraft: "Aircraft", no_aircraft: "No aircraft yet. It appears by itself once it is switched on.", battery: "Battery", endurance: "Flight time left", minutes: "min", height: "Height over launch", speed: "Speed", to_fence: "To fence", climb: "Climb",
    metres: "m", mps: "m/s", seconds: "s", degrees: "°", percent: "%", unknown: "unknown", mode: "Autopilot mode", satellites: "satellites", loss_behaviour: "If link lost", plan_on: "Plan", item: "Waypoint", order: "Order", wind: "Wind", eyes_off: "Detection", eyes_failed: "Detection stopped", eyes_restarting: "Detection restarting", storage_failed: "Storage failed",
    age: "{s} s ago", age_label: "Age of data", never: "no data yet",
    log: "Events", list: "Map as list", log_empty: "No events yet.", zones: "Zones", things: "Aircraft and anomalies", name: "Name", kind: "Kind", place: "Place", bearing: "{deg}° · {m} m", limits: "{floor}–{ceiling} m", from_home: "from launch", look_there: "Look",
    zoom_in: "Zoom in", zoom_out: "Zoom out", fit: "Whole venue", follow: "Follow aircraft", map_label: "Patrol map. Arrow keys move, plus and minus zoom, Enter looks at the cross.", map_hint: "Press the map: go look here", map_hint_keys: "Enter: go look at the cross", north: "N",
    camera: "Camera", no_camera: "No picture", camera_alt: "Latest picture of the camera aboard", shut: "Hide", open_camera: "Camera",
    hold: "Hold", resume: "Resume", return: "Return", land: "Land…", launch: "Launch…", close: "Close", again: "Again",
    launch_title: "Launch {name}", preflight: "Preflight", pass: "pass", fail: "fail", waiting: "waiting", no_preflight: "Waiting for the aircraft's list…", purpose: "Purpose of flight", incident: "Incident number", pilot: "Pilot's name", recheck: "Check again",
    fill_all: "Fill in purpose, incident number and name.", fix_checks: "{n} checks have not passed; no launch.", arm_slide: "Prepare launch", launch_consequence: "1 aircraft arms its motors, takes off and flies “{plan}”, about {min} min. If the link is lost: {loss}.", slide_launch: "Slide to launch · or hold Enter 1.5 s", slide_land: "Slide to land · or hold Enter 1.5 s", slide_expired: "Expired, nothing was done",
    uploading: "Uploading plan {sent}/{total}", upload_again: "Upload plan again", not_uploaded: "Plan is not on the aircraft",
    plan: "Plan…", plan_title: "Patrol plan", pattern: "Pattern", sweep: "Sweep to and fro", perimeter: "Along the fence", plan_height: "Height (m over launch)", make: "Make and upload", from_file: "Use a plan file…", making: "Working it out…", plan_figures: "{km} km · about {min} min · {alt} m at most · {reserve}% battery left at home",
    land_title: "Land where", land_consequence: "1 aircraft flies to “{site}” and lands; the patrol ends.", no_sites: "This venue has no launch or landing site.", distance: "{m} m",
    look_title: "Go look here", look_consequence: "The aircraft leaves its path and holds above this place; Resume goes back to the patrol.", look_confirm: "Go and look", look_place: "{lat}, {lon} · {m} m from the aircraft", cancel: "Cancel",
    sent: "{what}: sent, waiting for the aircraft", refused: "{what}: refused; {why}", not_sent: "{what}: did not reach the server; press again", done: "OK",
    anomalies: "Anomalies", open_count: "{n} open", no_anomalies: "No anomalies. What the aircraft finds appears here, with a sound.", picture_alt: "Picture of anomaly {n}", picture_coming: "Picture is coming", picture_none: "No picture", confirm: "Confirm", dismiss: "Dismiss…", dismiss_why: "Reason for dismissal", note: "Note (may be empty)", confirmed: "Confirmed", dismissed: "Dismissed: {reason}", show: "Map",
    located: "place ±{m} m · confidence {p}%", rid: "ID {id}", in_zone: "zone {id}", ack: "Acknowledge", acked: "Acknowledged", seen: "Seen",
    alarm_link: "Link lost for {s} s", alarm_link_do: "Aircraft will: {loss}. Check antenna and power; call the safety pilot if needed.", alarm_server: "No connection to the local server", alarm_server_do: "The page is frozen; the aircraft goes on with its plan. Reconnecting; call the safety pilot if needed.",
    alarm_outside: "Aircraft is outside the fence", alarm_outside_do: "The guard is acting; safety pilot, stand by.", alarm_near: "Aircraft is near the fence", alarm_near_do: "{m} m left. You can press Hold.", alarm_verdict: "Not known whether inside the fence", alarm_verdict_do: "Position or time not trusted. Press Hold; safety pilot, keep it in sight.",
    alarm_response: "{response}", alarm_response_do: "Cause: {cause}. When it is clear, Resume or Return.", alarm_rc: "Safety pilot flies by RC", alarm_rc_do: "This system only warns until handed back.", alarm_failsafe: "Autopilot failsafe flies", alarm_failsafe_do: "The autopilot acts by itself. Watch the state; safety pilot, stand by.", alarm_other: "Another station is in control", alarm_other_do: "Fence-checked orders from outside. If it is not your team, press Hold.",
    alarm_battery: "Battery low: {p}%", alarm_battery_do: "About {m} min left. Press Return.", alarm_storage: "Storage aboard failed", alarm_storage_do: "Anomalies may not be kept; return and check.", alarm_recorder: "Recording on the ground failed", alarm_recorder_do: "Flight goes on without a record. Check disk space.", alarm_eyes: "Detection aboard stopped", alarm_eyes_do: "Flight is safe, but no anomalies will be found.", alarm_more: "{n} more alarms",
    replay: "Replay", replay_note: "Replay, commands are off", play: "Play", pause: "Pause", scrub: "Time in the recording", rate: "Speed", sim_note: "Simulated aircraft",
    keys_title: "Keys", key_hold: "Hold", key_hold_all: "Hold all", key_ack: "Acknowledge alarm", key_lang: "Language", key_night: "Night / day", key_help: "This list", key_fit: "Whole venue", key_return: "Return", key_step: "Replay: 5 s back / forward", key_rate: "Replay: slower / faster", key_select: "Select aircraft",
    loading: "Connecting…", loss_unknown: "unknown until a plan is uploaded",
  },
};
