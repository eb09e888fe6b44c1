//! The rehearsal of one plan: it is flown in the simulator before it is flown, by the very companion that will fly it.
//!
//! Five flights of the whole plan: an evening with an intruder, a swimmer and a crowd that breaks through, in the day's
//! wind; and one each in which, at the place farthest from home, the radio is cut, the battery sags to its reserve, GNSS
//! is lost, or the companion loses its power for good. Ground coverage is geometry ([`seen`]); what is found is what the
//! aircraft's own eyes find in rendered thermal pictures. Nothing of it is drawn from the clock: one plan, kind and seed
//! give one rehearsal.
//!
//! What blocks a launch: a flight that leaves the fence or comes down among the public (but for the one that lost GNSS:
//! nothing keeps it from drifting with the wind, so how far is told), that does not come down, that takes the battery below the plan's
//! reserve (the evening) or empties it (the others), or a plan that is not flown whole. What was not found and not seen is
//! told, and does not block.

mod flight;
pub mod refly;
mod seen;
#[cfg(test)]
mod tests;

pub use seen::Watched;

use flight::Flown;
use missions::energy::Wind;
use missions::plan::{PatrolPlan, hex};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sim::autopilot::AutopilotKind;
use std::time::Instant;

/// Below this an emptied battery no longer carries the aircraft for sure, percent.
const EMPTY_PCT: f64 = 5.0;
/// Less of the watched ground in view than this is told, percent.
const COVERED_PCT: f64 = 50.0;

/// What goes wrong in a flight of the rehearsal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhatCase {
    /// Nothing goes wrong and nobody is staged: the way alone. No part of a rehearsal.
    Quiet,
    /// Nothing: the evening itself, with what a patrol is there to find.
    Evening,
    /// The radio is cut both ways and stays so.
    LinkLost,
    /// The battery sags to the plan's reserve at once.
    LowBattery,
    /// No satellites.
    NoGnss,
    /// The companion loses its power and stays off.
    CompanionDead,
}

impl WhatCase {
    /// Every flight of a rehearsal, in order.
    pub const ALL: [WhatCase; 5] = [
        WhatCase::Evening,
        WhatCase::LinkLost,
        WhatCase::LowBattery,
        WhatCase::NoGnss,
        WhatCase::CompanionDead,
    ];
    /// Its word in files and dictionaries.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            WhatCase::Quiet => "quiet",
            WhatCase::Evening => "evening",
            WhatCase::LinkLost => "link_lost",
            WhatCase::LowBattery => "low_battery",
            WhatCase::NoGnss => "no_gnss",
            WhatCase::CompanionDead => "companion_dead",
        }
    }
}

impl std::str::FromStr for WhatCase {
    type Err = String;
    fn from_str(s: &str) -> Result<Self, String> {
        std::iter::once(WhatCase::Quiet)
            .chain(WhatCase::ALL)
            .find(|c| c.word() == s)
            .ok_or_else(|| {
                format!(
                    "{s} is no case: quiet, evening, link_lost, low_battery, no_gnss or companion_dead"
                )
            })
    }
}

/// What is to be other than the plan says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Circumstances {
    /// Mean wind; otherwise the plan's.
    pub wind: Option<Wind>,
    /// When the fault comes, seconds after take-off; otherwise at the place of the plan farthest from home.
    pub fault_s: Option<f64>,
    /// Rules of the eyes (TOML); otherwise the demonstration's.
    pub rules: Option<String>,
}

/// Where an aircraft was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Place {
    /// Seconds after take-off.
    pub t_s: f64,
    /// Longitude, latitude, degrees WGS-84.
    pub at: [f64; 2],
    /// Metres above home.
    pub above_home_m: f64,
}

/// Something the companion did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deed {
    /// Seconds after take-off.
    pub t_s: f64,
    /// Longitude, latitude, degrees WGS-84: where the aircraft truly was.
    pub at: [f64; 2],
    /// Metres above home.
    pub above_home_m: f64,
    /// Flight state.
    pub state: String,
    /// The guard's response.
    pub response: String,
    /// And its cause.
    pub cause: String,
}

/// One flight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Case {
    /// What went wrong.
    pub case: &'static str,
    /// When, seconds after take-off.
    pub fault_s: Option<f64>,
    /// Whether it came down and disarmed.
    pub landed: bool,
    /// Where it is at the end: longitude, latitude, degrees WGS-84.
    pub landed_at: [f64; 2],
    /// How far from home that is, metres.
    pub from_home_m: f64,
    /// Whether that is among the public.
    pub in_crowd: bool,
    /// Seconds in the air.
    pub flight_s: f64,
    /// Battery at the end, percent.
    pub battery_pct: f64,
    /// Least true distance to a fence element in the air, metres; negative: outside. `None`: it never flew.
    pub min_clearance_m: Option<f64>,
    /// The zone that distance is to.
    pub clearance_zone: String,
    /// What the companion did from the fault on; nothing where it is off.
    pub deeds: Vec<Deed>,
}

/// Something staged that a patrol should report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// `swimmer`, `intruder` or `surge`.
    pub what: &'static str,
    /// Longitude, latitude at the end, degrees WGS-84.
    pub at: [f64; 2],
    /// When it was first where it must not be, seconds after take-off.
    pub appears_s: f64,
    /// How long the camera's picture held its place, seconds.
    pub in_view_s: f64,
    /// When it was reported, seconds after take-off; `None`: never.
    pub found_s: Option<f64>,
}

/// A code of the console's dictionaries with figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Code.
    pub code: &'static str,
    /// Figures and names.
    pub params: Map<String, Value>,
}

/// What a rehearsal came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rehearsal {
    /// SHA-256 of the plan, hex: of this plan only.
    pub plan: String,
    /// Name of the plan.
    pub name: String,
    /// The autopilot it was flown with.
    pub autopilot: &'static str,
    /// Everything random follows from it.
    pub seed: u64,
    /// Mean wind, at most, m/s.
    pub wind_mps: f64,
    /// Places of the plan flown in the evening, and all of them.
    pub places: (u32, u32),
    /// Whether nothing blocks a launch.
    pub passed: bool,
    /// What blocks.
    pub blocking: Vec<Finding>,
    /// What is worth knowing.
    pub notes: Vec<Finding>,
    /// How well each watch zone was watched in the evening.
    pub watched: Vec<Watched>,
    /// What was staged in the evening.
    pub found: Vec<Found>,
    /// The flights, the evening first.
    pub cases: Vec<Case>,
    /// Simulated seconds in all.
    pub simulated_s: f64,
    /// Simulated seconds a real second; not part of what follows from the seed.
    pub real_time_factor: f64,
    /// The evening's trace: the same for the same plan, kind and seed.
    pub trace: String,
}

/// Rehearses `plan`. `go_on` is told the part that is done, 0..=1, many times; when it says no, the rehearsal ends with
/// `None`.
///
/// # Errors
/// When the world cannot be staged: the simulator reads the venue with a reader of its own.
#[expect(
    clippy::disallowed_methods,
    reason = "a shell: the real clock measures the pace and never enters the simulation"
)]
pub fn rehearse(
    plan: &PatrolPlan,
    kind: AutopilotKind,
    seed: u64,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> anyhow::Result<Option<Rehearsal>> {
    let started = Instant::now();
    let all = WhatCase::ALL.len() as f64;
    let mut flown: Vec<Flown> = Vec::new();
    for what in WhatCase::ALL {
        let before = flown.len() as f64;
        let mut part = |p: f64| go_on((before + p) / all);
        match flight::fly(plan, what, &Circumstances::default(), kind, seed, &mut part)? {
            Some(f) => flown.push(f),
            None => return Ok(None),
        }
    }
    let real_s = started.elapsed().as_secs_f64().max(1e-9);
    Ok(Some(judge(plan, kind, seed, flown, real_s)))
}

fn finding(code: &'static str, params: &[(&str, Value)]) -> Finding {
    Finding {
        code,
        params: params
            .iter()
            .map(|(k, v)| ((*k).to_owned(), v.clone()))
            .collect(),
    }
}

fn judge(
    plan: &PatrolPlan,
    kind: AutopilotKind,
    seed: u64,
    flown: Vec<Flown>,
    real_s: f64,
) -> Rehearsal {
    let mut blocking = Vec::new();
    let mut notes = Vec::new();
    let round = |v: f64| json!((v * 10.0).round() / 10.0);
    let simulated_s: f64 = flown.iter().map(|f| f.simulated_s).sum();
    for f in &flown {
        let c = &f.case;
        let case = ("case", json!(c.case));
        // Without a position nothing can keep it from drifting with the wind while it comes down: how far is told, and
        // people decide.
        let adrift = c.case == WhatCase::NoGnss.word();
        match c.min_clearance_m {
            None => {
                let why = f.problems.join("; ");
                blocking.push(finding(
                    "rehearsal.never_flew",
                    &[case, ("words", json!(why))],
                ));
                continue;
            }
            // No number is no clearance.
            Some(m) if m.is_nan() || m <= 0.0 => {
                let out = [
                    case,
                    ("metres", round(-m)),
                    ("zone", json!(c.clearance_zone)),
                ];
                if adrift {
                    notes.push(finding("rehearsal.drifted_out", &out));
                } else {
                    blocking.push(finding("rehearsal.left_fence", &out));
                }
            }
            Some(_) => {}
        }
        if c.landed && c.in_crowd {
            let down = finding("rehearsal.down_in_crowd", &[("case", json!(c.case))]);
            if adrift { &mut notes } else { &mut blocking }.push(down);
        }
        if !c.landed {
            blocking.push(finding("rehearsal.not_down", &[("case", json!(c.case))]));
        }
        let least_pct = if c.case == WhatCase::Evening.word() {
            plan.file().vehicle.reserve_pct
        } else {
            EMPTY_PCT
        };
        if c.battery_pct < least_pct {
            blocking.push(finding(
                "rehearsal.battery",
                &[
                    ("case", json!(c.case)),
                    ("pct", round(c.battery_pct)),
                    ("least_pct", round(least_pct)),
                ],
            ));
        }
    }
    let evening = flown.first();
    if let Some(e) = evening {
        if e.case.min_clearance_m.is_some() && !e.complete {
            blocking.push(finding(
                "rehearsal.not_whole",
                &[("met", json!(e.places.0)), ("all", json!(e.places.1))],
            ));
        }
        for f in e.found.iter().filter(|f| f.found_s.is_none()) {
            notes.push(finding(
                "rehearsal.not_found",
                &[("what", json!(f.what)), ("in_view_s", round(f.in_view_s))],
            ));
        }
        if e.found.is_empty() {
            notes.push(finding("rehearsal.nothing_staged", &[]));
        }
        for w in e.watched.iter().filter(|w| w.covered_pct < COVERED_PCT) {
            notes.push(finding(
                "rehearsal.not_covered",
                &[("zone", json!(w.zone)), ("pct", round(w.covered_pct))],
            ));
        }
    }
    Rehearsal {
        plan: hex(&plan.hash()),
        name: plan.file().name.clone(),
        autopilot: super::campaign::kind_name(kind),
        seed,
        wind_mps: evening.map_or(0.0, |e| e.wind_mps),
        places: evening.map_or((0, 0), |e| e.places),
        passed: blocking.is_empty(),
        blocking,
        notes,
        watched: evening.map_or_else(Vec::new, |e| e.watched.clone()),
        found: evening.map_or_else(Vec::new, |e| e.found.clone()),
        trace: evening.map_or_else(String::new, |e| e.trace.clone()),
        cases: flown.into_iter().map(|f| f.case).collect(),
        simulated_s,
        real_time_factor: simulated_s / real_s,
    }
}
