// Every code the server may send, and the only place they are listed on this side. build.mjs writes codes.json from it,
// and a Rust test holds that file and the Rust enums together. The dictionaries must have a sentence for each (the types see to it).

export const CODES = {
  /** PATROL_STATE.flight_state, in wire order. */
  flight_state: ["boot", "recovering", "grounded", "ready", "taking_off", "patrolling", "investigating", "holding", "returning", "landing", "manual"],
  /** PATROL_STATE.in_charge. */
  in_charge: ["unknown", "companion", "safety_pilot", "autopilot_failsafe", "other_station"],
  /** PATROL_STATE.verdict. */
  verdict: ["unknown", "inside", "near", "outside"],
  /** PATROL_STATE.response. */
  response: ["continue", "warn", "hold", "return", "land_here"],
  /** PATROL_STATE.cause. */
  cause: ["none", "officer", "fence", "link_loss", "battery", "position", "autopilot", "plan_complete", "no_officer"],
  /** PATROL_STATE.plan_state. */
  plan_state: ["none", "staged", "writing", "reading_back", "on_aircraft", "dirty", "refused"],
  /** PATROL_PREFLIGHT, in wire order. */
  check: ["plan_read_back", "fence_armed", "failsafe_parameters", "position_quality", "battery_for_plan", "home_inside", "ground_link", "storage", "clock", "own_remote_id", "wind", "autopilot_ready"],
  anomaly_kind: ["unknown_drone", "person_in_zone"],
  priority: ["urgent", "high", "notice"],
  zone_role: ["inclusion", "exclusion", "show", "crowd", "watch_zone", "no_look", "launch", "landing"],
  on_link_loss: ["hold_then_return", "return", "continue"],
  order_kind: ["launch", "hold", "resume", "return", "land_at", "look"],
  order_state: ["sent", "accepted", "refused", "done", "failed", "expired"],
  dismiss_reason: ["animal", "staff", "vehicle", "known_drone", "sensor", "other"],
  /** Why something was refused: link::codes and the desk. */
  refusal: [
    "unknown",
    // link::codes::Refusal
    "refusal.no_fence",
    "refusal.leg_leaves",
    "refusal.return_leaves",
    "refusal.landing_site",
    "refusal.energy",
    "refusal.plan_not_read",
    "refusal.fence_invalid",
    "refusal.fence_differs",
    "refusal.unsupported_item",
    "refusal.unsupported_frame",
    "refusal.bad_number",
    "refusal.too_many",
    "refusal.would_change",
    "refusal.not_on_aircraft",
    "refusal.airborne",
    "refusal.not_narrower",
    "refusal.preflight",
    "refusal.token",
    "refusal.expired",
    "refusal.wrong_state",
    "refusal.not_allowed",
    "refusal.target_outside",
    "refusal.no_way",
    "refusal.busy",
    "refusal.autopilot_refused",
    "refusal.autopilot_silent",
    "refusal.read_back_differs",
    "refusal.storage",
    "refusal.plan_differs",
    "refusal.mission_shape",
    "refusal.real_aircraft",
    "refusal.jump_loop",
    "refusal.safety_pilot",
    "refusal.no_position",
    "refusal.hash_differs",
    "refusal.other_station",
    "refusal.launch_window",
    "refusal.no_link",
    "refusal.timeout",
    "refusal.incomplete",
    // the desk and its server
    "desk.bad_request",
    "refly.only_in_a_replay", "refly.failed", "desk.replay_only",
    "desk.no_aircraft",
    "desk.no_plan",
    "desk.not_in_charge",
    "desk.site_unknown", "desk.shelve_reason", "desk.shelve_time",
    "desk.anomaly_unknown",
    "desk.no_reason",
    "desk.not_delivered",
    "desk.not_all",
    // people::Denied
    "people.log_in",
    "people.log_in_again",
    "people.locked",
    "people.not_allowed",
    "people.wrong",
    "people.wait",
    "people.code_wrong",
    "people.totp_wrong",
    "people.password_short",
    "people.password_long",
    "people.password_common",
    "people.password_name",
    "people.name_taken",
    "people.name_bad",
    "people.unknown",
    "people.last_admin",
    "people.no_roles",
    "people.too_many",
    "people.store_failed",
    "people.not_you",
    "people.bad_request",
    "desk.not_rehearsed",
    "desk.rehearsal_blocks",
    // missions::plan::PlanFault and the planner
    "plan.not_read",
    "plan.not_written",
    "plan.format",
    "plan.geometry_only",
    "plan.fence_differs",
    "plan.vehicle",
    "plan.venue",
    "plan.fence",
    "plan.leg_leaves",
    "plan.too_long",
    "plan.speed",
    "plan.margin",
    "plan.no_takeoff",
    "plan.empty",
    "plan.no_end",
    "plan.second_takeoff",
    "plan.hold",
    "plan.early_end",
    "plan.orbit",
    "plan.place",
    "plan.corner_leaves",
    "plan.wind",
    "plan.no_way_back",
    "plan.home_height",
    "plan.energy",
    "plan.estimate",
    "plan.height",
    "plan.landing_site",
    "plan.return_leaves",
    "plan.no_launch_site",
    "plan.no_ground",
    "plan.bad_request",
    "plan.nothing_left",
    "plan.no_way",
    "plan.datum_outside",
    "plan.nothing_to_fly",
    // the console's planning form and its import of venues
    "plan.no_place",
    "plan.no_line",
    "plan.no_watch_zone",
    "plan.wind_half",
    "plan.gained",
    "import.gone",
    "import.too_large",
    "import.unknown_kind",
    "import.malformed",
    "import.coordinate",
    "import.value",
    "import.datum",
    "import.empty",
    // incidents, patrols and the report
    "incident.unknown",
    "incident.wrong_state",
    "incident.not_on_scene",
    "incident.same_person",
    "incident.words_missing",
    "incident.words_long",
    "incident.name_bad",
    "incident.due_past",
    "incident.due_far",
    "incident.no_clock",
    "incident.no_place",
    "incident.no_task",
    "incident.too_many",
    "incident.steps_full",
    "incident.full",
    "incident.anomaly_taken",
    "incident.anomaly_open",
    "patrol.unknown",
    "patrol.stopped",
    "patrol.every",
    "patrol.too_many",
    "patrol.no_finding",
    "report.in_flight",
    "report.no_record",
    "report.failed",
  ],
  /** people::Role, and what each may. */
  role: ["viewer", "pilot", "supervisor", "evidence", "admin"],
  role_may: ["viewer", "pilot", "supervisor", "evidence", "admin"],
  person_state: ["ready", "waiting", "disabled"],
  /** Remarks on a venue file that was read: missions::formats::import::NoteCode. */
  import_note: ["datum_not_stated", "datum_by_argument", "datum_converted", "role_assumed", "height_not_used", "height_widened", "time_widened", "left_out", "restriction", "no_boundary", "remark"],
  /** What a venue file was. */
  venue_kind: ["geo_json", "kml", "qgc_plan", "ardu_pilot", "ed269", "ed318"],
  /** missions::planner::patterns::Pattern. */
  pattern: ["sweep", "perimeter", "corridor", "watch_points", "orbit", "expanding_square", "sector_search", "creeping_line", "revisit"],
  /** The flights of a rehearsal: ground_station::rehearse::study::WhatCase. */
  rehearsal_case: ["quiet", "evening", "link_lost", "low_battery", "no_gnss", "companion_dead"],
  /** What is staged in its evening. */
  rehearsal_staged: ["swimmer", "intruder", "surge"],
  /** What it found wrong. */
  rehearsal_finding: [
    "rehearsal.never_flew", "rehearsal.left_fence", "rehearsal.drifted_out", "rehearsal.down_in_crowd", "rehearsal.not_down", "rehearsal.battery", "rehearsal.not_whole",
    "rehearsal.not_found", "rehearsal.nothing_staged", "rehearsal.not_covered",
  ],
  /** incidents::State, Step, Outcome and TaskState. */
  incident_state: ["open", "tasked", "on_scene", "outcome", "reviewed", "closed"],
  incident_step: ["open", "link", "note", "task", "task_refused", "arrive", "extend", "outcome", "review", "close", "reopen", "patrol_add", "patrol_change", "patrol_stop", "patrol_flown", "found", "mended"],
  incident_outcome: ["resolved", "warned", "handed_over", "nothing_found", "false_alarm"],
  task_state: ["sent", "refused", "on_scene", "ended"],
  /** people::access::INTENTS. */
  intent: ["hold", "return", "resume", "launch", "land_at", "look", "upload", "take_control", "hand_over", "preflight", "confirm", "dismiss", "acknowledge", "shelve", "override_rehearsal", "replay"],
  /** The after-action report: where the record's stamps come from, what its verification says, kinds of alarms, and its own words. */
  clock_source: ["unknown", "machine", "aircraft", "simulated"],
  record_state: ["complete", "unsealed", "receipted", "open", "damaged"],
  alarm_kind: ["anomaly", "link", "guard", "failsafe", "safety_pilot", "other_station", "no_officer", "no_officer_acted", "recorder", "eyes", "incident_overdue", "patrol_overdue", "mend_overdue"],
  report: ["title", "flight", "from_to", "zone", "venue", "plan", "purpose", "pilot", "incident_no", "time", "what", "who", "state", "none", "map", "legend_plan", "legend_flown", "legend_start", "legend_end", "legend_inside", "legend_exclusion", "legend_show", "legend_crowd", "legend_watch", "legend_no_look", "legend_launch", "legend_landing", "aircraft", "airborne", "distance", "highest", "battery", "coverage", "coverage_none", "coverage_how", "freshness", "alarms", "raised", "acknowledged", "acted", "closed", "median", "worst", "counted", "alarms_how", "timeline", "timeline_more", "incidents", "incident", "due", "owner", "outcome", "reviewed_by", "evidence", "patrols", "last_flown", "never", "every", "found", "orders", "answer", "accepted", "refused", "fate", "files", "file", "bytes", "as_recorded", "changed", "not_covered", "verification", "signed_by", "head", "entries", "clock", "clock_step", "clock_none", "receipts", "lost", "picture", "pictures_more", "made_by", "seconds", "minutes", "hours", "metres", "overdue", "before", "people"],
  /** Lines of the event log. */
  event: [
    "aircraft_found", "link_lost", "link_back", "plan_loaded", "plan_sending", "plan_on_aircraft", "plan_refused", "order_sent", "order_accepted", "order_refused", "order_done", "order_failed", "order_expired",
    "launch_recorded", "state", "in_charge", "response", "armed", "disarmed", "anomaly", "anomaly_confirmed", "anomaly_dismissed", "picture", "status_text", "companion_text", "recorder_failed", "recorder_started", "eyes_failed", "eyes_running", "refused", "patrol_done",
    "rehearsal_passed", "rehearsal_blocked", "rehearsal_failed", "rehearsal_overridden",
    "incident_step", "patrol_step", "incident_refused", "incident_overdue", "patrol_overdue", "mend_overdue",
    "session_lost", "control", "control_asked", "hand_over", "no_officer", "no_officer_acted", "alarm_shelved",
  ],
} as const;

type Codes = typeof CODES;
export type CodeGroup = keyof Codes;
export type Code<G extends CodeGroup> = Codes[G][number];
export type FlightState = Code<"flight_state">;
export type InCharge = Code<"in_charge">;
export type Verdict = Code<"verdict">;
export type Response = Code<"response">;
export type Cause = Code<"cause">;
export type ZoneRole = Code<"zone_role">;
export type Priority = Code<"priority">;
export type AnomalyKind = Code<"anomaly_kind">;
export type DismissReason = Code<"dismiss_reason">;

/** What a dictionary holds for the codes: one sentence for each. `{name}` is filled from the parameters. */
export type CodeWords = { [G in CodeGroup]: { [C in Code<G>]: string } } & {
  /** The figure of each preflight check, in words. */
  check_figure: { [C in Code<"check">]: string };
};
