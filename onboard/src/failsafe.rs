//! What the autopilot must do by itself when the companion is dead, as parameters, and what that means for an officer.
//!
//! Neither autopilot has a failsafe for a lost companion in a mission; both have one for a lost ground station, and to the
//! autopilot the companion stands for the ground station. Names and meanings: parameter lists recorded from ArduCopter
//! 4.7.0-dev and PX4 1.15.

use crate::facts::Kind;

/// Which values are right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Want {
    /// This one.
    Equal(f64),
    /// This or less, above zero.
    AtMost(f64),
    /// Any of these; the first is written.
    OneOf(&'static [f64]),
}

impl Want {
    /// Whether `value` is right (to a float's rounding).
    #[must_use]
    pub fn met_by(&self, value: f64) -> bool {
        let same = |w: f64| (w - value).abs() <= 1e-4 * w.abs().max(1.0);
        match self {
            Want::Equal(w) => same(*w),
            Want::AtMost(w) => value > 0.0 && (value <= *w || same(*w)),
            Want::OneOf(set) => set.iter().any(|w| same(*w)),
        }
    }
    /// What to write when it is not.
    #[must_use]
    pub fn value(&self) -> f64 {
        match self {
            Want::Equal(w) | Want::AtMost(w) => *w,
            Want::OneOf(set) => set.first().copied().unwrap_or(0.0),
        }
    }
}

/// One requirement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Requirement {
    /// Parameter.
    pub name: &'static str,
    /// Right values.
    pub want: Want,
    /// What it does, for people.
    pub why: &'static str,
}

/// What a plan fixes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlanFigures {
    /// Height of the return above home, metres.
    pub return_above_home_m: f64,
    /// Ceiling of the fence above home, metres.
    pub ceiling_above_home_m: f64,
    /// Whether rally points are set.
    pub rally: bool,
    /// Cruise speed, m/s.
    pub speed_mps: f64,
}

/// What must be set on an autopilot of `kind` before it may arm on a plan.
#[must_use]
pub fn requirements(kind: Kind, plan: &PlanFigures) -> Vec<Requirement> {
    let r = |name, want, why| Requirement { name, want, why };
    match kind {
        Kind::ArduPilot => vec![
            r(
                "FENCE_TYPE",
                Want::Equal(5.0),
                "fence: ceiling and polygons (no circle round home)",
            ),
            r(
                "FENCE_ALT_MAX",
                Want::Equal(plan.ceiling_above_home_m),
                "fence: ceiling above home, m",
            ),
            r(
                "FENCE_ACTION",
                Want::Equal(1.0),
                "fence breach: return, or land where a return is impossible",
            ),
            r("FENCE_ENABLE", Want::Equal(1.0), "fence: on"),
            r(
                "FS_GCS_ENABLE",
                Want::Equal(1.0),
                "companion silent: return",
            ),
            r(
                "FS_GCS_TIMEOUT",
                Want::AtMost(5.0),
                "companion silent for so many seconds",
            ),
            r(
                "FS_OPTIONS",
                Want::Equal(0.0),
                "no failsafe is switched off in a mission",
            ),
            r(
                "FS_EKF_ACTION",
                Want::OneOf(&[1.0, 3.0]),
                "position lost: land",
            ),
            r(
                "RTL_ALT",
                Want::Equal((plan.return_above_home_m * 100.0).round()),
                "height of the return above home, cm",
            ),
            r(
                "RTL_CONE_SLOPE",
                Want::Equal(0.0),
                "the return always climbs to that height",
            ),
            r("RTL_CLIMB_MIN", Want::Equal(0.0), "and not above it"),
            r(
                "RTL_ALT_FINAL",
                Want::Equal(0.0),
                "the return ends on the ground",
            ),
            r(
                "RALLY_INCL_HOME",
                Want::Equal(1.0),
                "the return goes to the nearest of home and rally points",
            ),
            r(
                "GUID_OPTIONS",
                Want::Equal(16.0),
                "a commanded velocity holds no position: a descent from a pulled one does not follow it",
            ),
            r("BATT_FS_LOW_ACT", Want::Equal(2.0), "battery low: return"),
            r(
                "BATT_FS_CRT_ACT",
                Want::Equal(1.0),
                "battery critical: land",
            ),
            r(
                "WPNAV_SPEED",
                Want::AtMost((plan.speed_mps * 100.0).round()),
                "speed in the mission and in the return, cm/s",
            ),
        ],
        Kind::Px4 => vec![
            r("GF_ACTION", Want::Equal(3.0), "fence breach: return"),
            r("GF_MAX_HOR_DIST", Want::Equal(0.0), "no circle round home"),
            r(
                "GF_MAX_VER_DIST",
                Want::Equal(plan.ceiling_above_home_m),
                "fence: ceiling above home, m",
            ),
            r("NAV_DLL_ACT", Want::Equal(2.0), "companion silent: return"),
            r(
                "COM_DL_LOSS_T",
                Want::AtMost(10.0),
                "companion silent for so many seconds",
            ),
            r("NAV_RCL_ACT", Want::Equal(2.0), "RC lost: return"),
            r(
                "COM_RCL_EXCEPT",
                Want::OneOf(&[4.0, 5.0, 6.0, 7.0]),
                "but not out of the companion's descent from a pulled position",
            ),
            r(
                "COM_OBL_RC_ACT",
                Want::Equal(4.0),
                "companion silent in that descent: land",
            ),
            r(
                "COM_LOW_BAT_ACT",
                Want::OneOf(&[3.0, 2.0]),
                "battery low: return, critical: land",
            ),
            r(
                "RTL_RETURN_ALT",
                Want::Equal(plan.return_above_home_m),
                "height of the return above home, m",
            ),
            r(
                "RTL_TYPE",
                Want::Equal(0.0),
                "the return goes straight to the nearest of home and rally points",
            ),
            r(
                "RTL_CONE_ANG",
                Want::Equal(0.0),
                "the return always climbs to that height",
            ),
            r(
                "RTL_LAND_DELAY",
                Want::Equal(0.0),
                "the return ends on the ground",
            ),
            r(
                "MPC_XY_CRUISE",
                Want::AtMost(plan.speed_mps),
                "speed in the mission and in the return, m/s",
            ),
        ],
        Kind::Other => Vec::new(),
    }
}

/// One row of what happens when something fails: how it is seen, who does what, by when, and what ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Row {
    /// Stable name.
    pub id: &'static str,
    /// What fails.
    pub cause: &'static str,
    /// How it is seen.
    pub detection: &'static str,
    /// Who acts.
    pub who: &'static str,
    /// What is done.
    pub response: &'static str,
    /// From the failure to the response, at the latest; `null` where the autopilot's own timer decides.
    pub within_ms: Option<u32>,
    /// The same in words.
    pub within: &'static str,
    /// What ends it.
    pub clears: &'static str,
    /// A test that plays it.
    pub scenario: &'static str,
}

const fn row(
    id: &'static str,
    (cause, detection): (&'static str, &'static str),
    (who, response): (&'static str, &'static str),
    (within_ms, within): (Option<u32>, &'static str),
    clears: &'static str,
    scenario: &'static str,
) -> Row {
    Row {
        id,
        cause,
        detection,
        who,
        response,
        within_ms,
        within,
        clears,
        scenario,
    }
}

const COMPANION: &str = "companion";
const AUTOPILOT: &str = "autopilot";
const BY_ORDER: &str = "an officer's order";

/// The table an officer sees before take-off. Data, not words about code: `onboard failsafes` prints it, and a test holds
/// every row to a scenario that exists.
pub const TABLE: [Row; 28] = [
    row(
        "fence",
        (
            "boundary, keep-out, ceiling, floor or clock would be crossed",
            "way to a stop, on every position",
        ),
        (
            COMPANION,
            "hold, then home inside the fence; sent out again and again: land",
        ),
        (
            Some(100),
            "100 ms from the position; before the edge: margin(v)",
        ),
        "5 s well inside while going home",
        "the_guard_stops_a_sabotaged_mission_before_the_edge",
    ),
    row(
        "fence_autopilot",
        (
            "boundary or ceiling of the autopilot's own, smaller fence crossed",
            "autopilot's position",
        ),
        (AUTOPILOT, "return (PX4: hold 5 s first)"),
        (None, "at its own fence"),
        BY_ORDER,
        "an_autopilot_that_goes_home_by_itself_is_told_apart",
    ),
    row(
        "ignored",
        (
            "the autopilot ignores hold or return",
            "mode, speed and height it shows, never its acknowledgement",
        ),
        (COMPANION, "repeat, then return, then land"),
        (Some(3_000), "3 s each"),
        "it obeys",
        "a_deaf_autopilot_is_told_again_and_louder",
    ),
    row(
        "undone",
        (
            "a station undoes the guard's answer",
            "state of the flight while the answer stands",
        ),
        (COMPANION, "the same answer again"),
        (Some(1_500), "0.5 s after it shows"),
        "the guard's cause is over",
        "a_mission_resumed_against_the_guard_is_stopped_again",
    ),
    row(
        "link_up",
        (
            "uplink dead, downlink alive",
            "no frame of the ground for link_loss_s (default 2.85 s)",
        ),
        (
            COMPANION,
            "what the plan says: hold then return, return, or go on",
        ),
        (Some(3_000), "3 s"),
        BY_ORDER,
        "the_lost_link_does_what_the_plan_says_and_its_return_revives_nothing",
    ),
    row(
        "link_down",
        (
            "downlink dead, uplink alive",
            "the station's: no frame of the aircraft for 3 s",
        ),
        (
            "station",
            "alarm with the last place and its age; the flight goes on",
        ),
        (Some(3_000), "3 s"),
        "a frame of the aircraft",
        "the_autopilots_own_link_loss_is_answered_for_while_the_companion_lives",
    ),
    row(
        "link_one",
        (
            "one of several lines to the station",
            "nothing heard on it for 1.5 s while another is heard",
        ),
        (
            COMPANION,
            "goes on: everything over the others, big things over the best; every station told",
        ),
        (Some(1_600), "1.6 s"),
        "a frame heard on it",
        "the_radio_dies_and_nothing_is_lost_while_the_mobile_line_lives",
    ),
    row(
        "no_officer",
        (
            "no officer left at any station, the link alive",
            "the station says that its session is lost, or falls silent while others are heard",
        ),
        (
            COMPANION,
            "alarm at every station, control free; after 60 s the plan's no-officer action",
        ),
        (Some(61_000), "alarm 1 s, action 60 s"),
        "an officer who takes control; the way home: an order",
        "a_lost_session_alarms_every_station_for_a_minute_and_then_the_plan_says",
    ),
    row(
        "link_both",
        ("both directions dead", "as both of them"),
        (COMPANION, "what the plan says"),
        (Some(3_000), "3 s"),
        BY_ORDER,
        "the_lost_link_does_what_the_plan_says_and_its_return_revives_nothing",
    ),
    row(
        "companion_restart",
        (
            "companion restarts aloft",
            "armed and aloft at the first heartbeat",
        ),
        (
            COMPANION,
            "guard on at once; hands off until an order comes",
        ),
        (Some(2_500), "2.5 s"),
        "2 s of watching",
        "a_companion_that_restarts_aloft_guards_again_within_seconds",
    ),
    row(
        "companion_dead",
        (
            "companion, its power or its line dead",
            "no heartbeat of a station at the autopilot",
        ),
        (
            AUTOPILOT,
            "return at the plan's height; height and clock of keep-outs are lost",
        ),
        (None, "ArduPilot 5 s; PX4 10 s + 5 s hold"),
        BY_ORDER,
        "a_silent_station_brings_it_home_when_so_set_and_not_otherwise",
    ),
    row(
        "serial",
        (
            "serial line unplugged",
            "no position for 0.7 s, no heartbeat for 3 s",
        ),
        (
            COMPANION,
            "alarm; everything is asked for anew when it is back",
        ),
        (Some(1_500), "1.5 s"),
        "positions",
        "a_line_that_falls_silent_is_an_alarm_and_not_a_margin",
    ),
    row(
        "autopilot_reboot",
        ("autopilot reboots", "its clock runs backwards"),
        (
            COMPANION,
            "top alarm; plan, fence and parameters are verified anew before arming",
        ),
        (Some(1_000), "1 s after its first message"),
        "read back equal",
        "a_rebooted_autopilot_is_an_alarm_and_is_verified_anew",
    ),
    row(
        "position_old",
        ("no position", "none for 0.7 s"),
        (
            COMPANION,
            "alarm, hold after 0.5 s, the autopilot's return after 20 s",
        ),
        (Some(1_500), "1.5 s"),
        "positions",
        "a_line_that_falls_silent_is_an_alarm_and_not_a_margin",
    ),
    row(
        "position_lost",
        ("satellites lost", "autopilot's estimator"),
        (
            AUTOPILOT,
            "comes down level and drifts with the wind: mind the people downwind",
        ),
        (Some(1_500), "1 s"),
        "-",
        "without_satellites_it_comes_down_and_drifts_with_the_wind",
    ),
    row(
        "position_frozen",
        (
            "position frozen",
            "the same one while its velocity says that it moves, 0.65 s",
        ),
        (COMPANION, "as no position: hold"),
        (Some(1_500), "1.5 s"),
        "a position that moves",
        "a_jump_is_found_at_once_and_a_frozen_position_within_a_second",
    ),
    row(
        "position_jump",
        (
            "position leaps",
            "a step of over 3 m that its velocity does not explain",
        ),
        (COMPANION, "hold 10 s, then home with that much less room"),
        (Some(200), "the next position"),
        "30 s without another",
        "a_jump_is_found_at_once_and_a_frozen_position_within_a_second",
    ),
    row(
        "position_pulled",
        (
            "position pulled away (spoofing)",
            "4 m between position and its own velocity within 12 s: over 0.4 m/s, found within 10 m; slower, or with \
             the velocity pulled along, is not seen without a second source",
        ),
        (
            COMPANION,
            "stop and come down by velocity alone, which holds no position; the autopilot's own landing where it does not \
             obey that",
        ),
        (None, "10 m of pull"),
        "-",
        "a_pull_of_two_metres_a_second_is_found_within_ten_metres",
    ),
    row(
        "battery_need",
        (
            "battery needed for the way home, also after a sag",
            "charge against energy home and reserve, for 1 s",
        ),
        (COMPANION, "return"),
        (Some(2_000), "2 s"),
        "landing",
        "a_short_battery_comes_home",
    ),
    row(
        "battery_low",
        (
            "battery low, critical",
            "autopilot's own thresholds, by voltage too where set",
        ),
        (AUTOPILOT, "return, land"),
        (None, "at once"),
        "landing",
        "a_nearly_empty_battery_brings_it_home_or_down_as_set",
    ),
    row(
        "wind",
        (
            "wind above limits",
            "WIND_COV, where the autopilot tells it",
        ),
        (
            COMPANION,
            "before launch: blocks; aloft: the guard's margin and braking as learnt",
        ),
        (Some(500), "0.5 s"),
        "wind below the limit",
        "wind_above_the_limit_blocks_a_launch",
    ),
    row(
        "fence_stale",
        (
            "fence partial, stale or not read back equal",
            "staged set, read-back, mark on disk",
        ),
        (COMPANION, "old plan stays; no arming"),
        (Some(1_000), "1 s"),
        "the plan read back equal",
        "a_companion_that_dies_while_it_writes_flies_nothing_until_it_has_written_to_the_end",
    ),
    row(
        "clock",
        (
            "wall clock steps or is missing",
            "monotonic clock of our own beside it",
        ),
        (
            COMPANION,
            "windows of keep-outs count as open; order ages do not change",
        ),
        (Some(100), "at once"),
        "time of the aircraft's satellites",
        "a_clock_that_steps_opens_no_keep_out",
    ),
    row(
        "disk",
        ("disk full, EIO, failed fsync", "every write and sync"),
        (
            COMPANION,
            "alarm; flight goes on; anomalies from memory to the ground; no launch",
        ),
        (Some(1_000), "1 s"),
        "a write that succeeds",
        "a_full_disk_blocks_a_launch_and_no_flight",
    ),
    row(
        "rc_lost",
        ("RC lost", "autopilot"),
        (AUTOPILOT, "return"),
        (None, "its own timer, 0.5 s"),
        BY_ORDER,
        "an_autopilot_that_goes_home_by_itself_is_told_apart",
    ),
    row(
        "rc_takeover",
        ("safety pilot takes over by RC", "mode"),
        (COMPANION, "warns only, until handed back"),
        (Some(1_500), "the next heartbeat"),
        "a mode of ours",
        "the_safety_pilot_has_it_and_the_guard_only_warns",
    ),
    row(
        "eyes",
        ("eyes fail", "their process ends, or is silent"),
        (
            COMPANION,
            "started again, 1 s and longer each time; flight goes on",
        ),
        (Some(1_000), "1 s"),
        "they run",
        "it_ends_when_the_pipe_is_closed_and_fails_when_the_pipe_is_garbage",
    ),
    row(
        "not_armed",
        (
            "motors do not start, or no climb",
            "90 s after the launch order",
        ),
        (COMPANION, "the launch is given up; disarmed on the ground"),
        (Some(90_000), "90 s"),
        "a new launch order",
        "a_launch_needs_a_living_token_and_uses_it_up",
    ),
];

/// The table.
#[must_use]
pub fn table() -> &'static [Row] {
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Where scenarios stand. A row that names one which is not there tells an officer something nobody tried.
    const SOURCES: [&str; 8] = [
        include_str!("stories/lines.rs"),
        include_str!("stories/officers.rs"),
        include_str!("stories/flights.rs"),
        include_str!("stories/uploads.rs"),
        include_str!("stories/failsafes.rs"),
        include_str!("guard/trust.rs"),
        include_str!("eyes/child.rs"),
        include_str!("../../sim/tests/flights.rs"),
    ];

    #[test]
    fn every_row_has_its_own_name_and_a_scenario_that_exists() {
        let ids: BTreeSet<_> = TABLE.iter().map(|r| r.id).collect();
        assert_eq!(ids.len(), TABLE.len());
        for r in &TABLE {
            let title = format!("fn {}()", r.scenario);
            assert!(
                SOURCES.iter().any(|s| s.contains(&title)),
                "{}: no scenario `{}`",
                r.id,
                r.scenario
            );
            assert!(r.within_ms.is_some() || r.who == AUTOPILOT || r.id == "position_pulled");
        }
    }

    #[test]
    fn the_rows_of_the_issue_are_all_there() {
        for id in [
            "link_up",
            "link_down",
            "link_both",
            "link_one",
            "no_officer",
            "companion_restart",
            "autopilot_reboot",
            "serial",
            "position_lost",
            "position_jump",
            "position_frozen",
            "position_pulled",
            "battery_need",
            "wind",
            "ignored",
            "fence_stale",
            "clock",
            "disk",
        ] {
            assert!(TABLE.iter().any(|r| r.id == id), "{id}");
        }
    }
}
