//! A patrol plan: legs proven inside a fence, the energy they need, and what to do on each loss.
//!
//! [`PlanFile`] is what travels (`plan.json`, the bundle). It claims nothing about legality: [`PatrolPlan::check`] builds
//! the fence and mints every leg again, on the ground and aboard alike.

mod check;
mod corners;
mod diversion;
mod rally;
mod returns;
mod slower;
mod steps;

pub use check::check_items;
pub use diversion::{Diversion, diversions};
pub use rally::{GainedRally, MAX_GAINED, gain_rally, gain_sites};
pub(crate) use returns::Returns;
pub use slower::{Slowed, slow_where_near};
pub use steps::{MAX_STEPS, MAX_TURNS, ORBIT_RADIUS_M, Step, StepKind, orbit_corners, steps};

use crate::energy::{Moment, Timed, Wind};
use crate::fence::contain::{LegFault, Rules};
use crate::fence::flat::{Area, Edge};
use crate::fence::{AutopilotFence, ContainedLeg, Fence, FenceDraft, FenceFault};
use crate::flight::OnLinkLoss;
use crate::place::{AboveHome, Alt, Home, LatLon};
use crate::time::{Utc, Window};
use crate::vehicle::{VehicleError, VehicleSpec};
use crate::venue::{Role, Venue, VenueError};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;
use thiserror::Error;

/// The format word of `plan.json`.
pub const FORMAT: &str = "patrol-plan/1";
/// Most items a plan may have.
pub const MAX_ITEMS: usize = 2_000;
/// Vertical margin to floors and ceilings, metres (barometer drift over a flight).
pub const HEIGHT_ERROR_M: f64 = 3.0;
/// Which landing site is nearest is judged on pieces of a leg this long, metres: short ones leave little in doubt.
const RETURN_PIECE_M: f64 = 20.0;
/// Two sites whose distances differ by less than this may each be taken for the nearest: autopilots know their own
/// position to some metres and measure distance by simpler formulas.
const NEAREST_DOUBT_M: f64 = 5.0;
/// A plan may take this much longer than estimated before its clocks are in doubt.
const TIME_SLACK: f64 = 1.5;

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum PlanItem {
    /// Climb on the spot at home. Always first.
    Takeoff {
        /// Height to reach.
        alt: Alt<AboveHome>,
    },
    /// Fly straight to a place.
    Waypoint {
        /// Where.
        at: LatLon,
        /// Height there.
        alt: Alt<AboveHome>,
        /// Seconds to hover there.
        hold_s: f64,
    },
    /// Fly around a place: straight to the nearest point of the circle, then so many turns. Flown as chords, see
    /// [`steps`].
    Orbit {
        /// Middle.
        centre: LatLon,
        /// Radius, metres.
        radius_m: f64,
        /// Height.
        alt: Alt<AboveHome>,
        /// Turns; parts of one are flown too.
        turns: f64,
        /// Seen from above.
        clockwise: bool,
    },
    /// From here on fly at this speed over ground.
    Speed {
        /// m/s.
        speed_mps: f64,
    },
    /// Return as the autopilot does and land. Last, if there.
    Return,
    /// Fly to a place at the last height and come down. Last, if there.
    Land {
        /// Where.
        at: LatLon,
    },
}

/// Steps that are not yet a plan: from a planner, a file, or a station's upload.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanDraft {
    /// Name.
    pub name: String,
    /// Steps.
    pub items: Vec<PlanItem>,
    /// Speed on legs, m/s.
    pub speed_mps: f64,
}

/// Time, way and energy.
#[derive(Clone, Copy, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// Seconds from take-off to touch-down.
    pub time_s: f64,
    /// Horizontal way, metres.
    pub distance_m: f64,
    /// Energy, Wh.
    pub energy_wh: f64,
    /// Battery left at touch-down, percent.
    pub reserve_pct: f64,
    /// Metres of the pattern asked for that are left out: not to be reached, or no legal return from there.
    #[serde(default)]
    pub left_out_m: f64,
}

/// `plan.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    /// [`FORMAT`].
    pub format: String,
    /// Name for people.
    pub name: String,
    /// The venue, as GeoJSON.
    pub venue: serde_json::Value,
    /// The aircraft planned for.
    pub vehicle: VehicleSpec,
    /// Where it starts and what heights are above.
    pub home: Home,
    /// Steps.
    pub items: Vec<PlanItem>,
    /// Alternate landing sites the autopilot may return to.
    pub rally: Vec<LatLon>,
    /// Speed on legs, m/s.
    pub speed_mps: f64,
    /// Margin asked for by a person, metres: a floor under the computed one.
    pub margin_m: f64,
    /// When it may be launched.
    pub launch_window: Window,
    /// What to do when the ground link is lost.
    pub on_link_loss: OnLinkLoss,
    /// What to do when no officer is left at any station and nobody took over in time; `None`: as when the link is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_no_officer: Option<OnLinkLoss>,
    /// Height the autopilot climbs to before it returns.
    pub return_alt: Alt<AboveHome>,
    /// Whether there is a permit to fly over assembled crowds.
    pub over_crowds: bool,
    /// The fence it was planned in, hex SHA-256.
    pub fence_digest: String,
    /// Time, way and energy.
    pub estimate: Estimate,
    /// False for geometry-only plans, which nothing will fly.
    pub flyable: bool,
    /// The wind it was planned for.
    #[serde(default, skip_serializing_if = "Wind::is_still")]
    pub wind: Wind,
    /// Those of `rally` that the planner found and no venue names: an officer must have looked at each before the flight.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gained: Vec<LatLon>,
}

/// Why a plan may not fly, with its place.
#[derive(Clone, Debug, PartialEq, Error)]
#[error("{words}")]
pub struct PlanFault {
    /// Item at fault.
    pub item: Option<usize>,
    /// Place of the fault.
    pub at: Option<LatLon>,
    /// A stable code, `plan.…`.
    pub code: &'static str,
    /// A figure that belongs to it (metres missing, Wh missing), NaN when there is none.
    pub value: f64,
    /// What happened and what to do, in English.
    pub words: String,
}

/// A plan that was checked. Only [`PatrolPlan::check`] and [`PatrolPlan::from_json`] make one.
#[derive(Clone, Debug)]
pub struct PatrolPlan {
    file: PlanFile,
    bytes: Vec<u8>,
    /// Of the bytes: asked for many times a second.
    hash: [u8; 32],
    fence: Fence,
    legs: Vec<ContainedLeg>,
    min_clearance_m: f64,
}

impl PatrolPlan {
    /// Checks a plan from its bytes and keeps them: they are what is hashed and sent.
    ///
    /// # Errors
    /// [`PlanFault`] with item and place.
    pub fn from_json(bytes: &[u8]) -> Result<PatrolPlan, PlanFault> {
        let file: PlanFile = serde_json::from_slice(bytes)
            .map_err(|e| fault("plan.not_read", format!("not a plan file: {e}")))?;
        PatrolPlan::from_parts(file, bytes.to_vec())
    }

    /// Checks a plan.
    ///
    /// # Errors
    /// [`PlanFault`] with item and place.
    pub fn check(file: PlanFile) -> Result<PatrolPlan, PlanFault> {
        let bytes =
            serde_json::to_vec(&file).map_err(|e| fault("plan.not_written", e.to_string()))?;
        PatrolPlan::from_parts(file, bytes)
    }

    fn from_parts(file: PlanFile, bytes: Vec<u8>) -> Result<PatrolPlan, PlanFault> {
        if file.format != FORMAT {
            return Err(fault(
                "plan.format",
                format!(
                    "the format is `{}`, this program reads `{FORMAT}`",
                    file.format
                ),
            ));
        }
        if !file.flyable {
            return Err(fault(
                "plan.geometry_only",
                "this plan is geometry only: plan again with a vehicle".into(),
            ));
        }
        let fence = build_fence(&file)?;
        let digest = hex(&fence.digest());
        if digest != file.fence_digest {
            return Err(fault(
                "plan.fence_differs",
                "the fence in the file is not the one it was planned in: plan again".into(),
            ));
        }
        if !file.wind.is_sane() {
            return Err(fault("plan.wind", "the wind is no wind".into()));
        }
        if let Some(g) = file.gained.iter().find(|g| !file.rally.contains(g)) {
            return Err(fault(
                "plan.gained",
                format!(
                    "{g} is said to be a landing site to be looked at, and is none of the plan's"
                ),
            ));
        }
        let true_estimate = crate::energy::estimate(&file);
        let stated = file.estimate;
        // What is stated decides until when keep-outs with a clock count; it must not be less than what is flown.
        let near = |a: f64, b: f64| (a - b).abs() <= 0.01 * b.abs() + 1.0;
        if !(near(stated.time_s, true_estimate.time_s)
            && near(stated.distance_m, true_estimate.distance_m)
            && near(stated.energy_wh, true_estimate.energy_wh)
            && near(stated.reserve_pct, true_estimate.reserve_pct))
        {
            return Err(fault(
                "plan.estimate",
                format!(
                    "the file states {:.0} s and {:.0} Wh, its items take {:.0} s and {:.0} Wh: plan again",
                    stated.time_s, stated.energy_wh, true_estimate.time_s, true_estimate.energy_wh
                ),
            ));
        }
        let (legs, min_clearance_m) = check_items(&file, &fence)?;
        Ok(PatrolPlan {
            file,
            hash: Sha256::digest(&bytes).into(),
            bytes,
            fence,
            legs,
            min_clearance_m,
        })
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &PlanFile {
        &self.file
    }
    /// The fence, built again from the file.
    #[must_use]
    pub fn fence(&self) -> &Fence {
        &self.fence
    }
    /// Every leg, climb first.
    #[must_use]
    pub fn legs(&self) -> &[ContainedLeg] {
        &self.legs
    }
    /// Steps.
    #[must_use]
    pub fn items(&self) -> &[PlanItem] {
        &self.file.items
    }
    /// Steps in time, with their energy.
    #[must_use]
    pub fn timeline(&self) -> Vec<Timed> {
        crate::energy::timeline(&self.file)
    }
    /// Every moment of the plan with the way home from it; the one with least to spare is the point of no return
    /// ([`crate::energy::tightest`]).
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        crate::energy::moments(&self.file, &self.fence)
    }
    /// Least horizontal clearance of any leg, metres.
    #[must_use]
    pub fn min_clearance_m(&self) -> f64 {
        self.min_clearance_m
    }
    /// SHA-256 of [`PatrolPlan::to_json`].
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }
    /// The first eight bytes of the hash, as PATROL_STATE carries them.
    #[must_use]
    pub fn id(&self) -> u64 {
        let h = self.hash();
        h.iter().take(8).fold(0, |a, b| (a << 8) | u64::from(*b))
    }
    /// The bytes that are hashed, stored and sent.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        self.bytes.clone()
    }
    /// The places flown to and their heights above home, home first.
    #[must_use]
    pub fn path(&self) -> Vec<(LatLon, f64)> {
        std::iter::once((self.file.home.at, 0.0))
            .chain(
                steps(&self.file)
                    .iter()
                    .filter(|s| matches!(s.kind, StepKind::Climb | StepKind::Fly))
                    .map(|s| (s.to, s.to_alt.metres())),
            )
            .collect()
    }
    /// Heights flown, lowest leg to return height, metres above sea level: what the autopilot's fence must allow for.
    #[must_use]
    pub fn heights_amsl_m(&self) -> (f64, f64) {
        let home_m = self.file.home.alt.metres();
        let top_m = self
            .path()
            .iter()
            .map(|p| p.1)
            .fold(self.file.return_alt.metres(), f64::max);
        (home_m, home_m + top_m)
    }
    /// When it may be aloft: from the launch window's start to its end plus the flight with slack.
    #[must_use]
    pub fn aloft_window(&self) -> Window {
        aloft_window(self.file.launch_window, self.file.estimate.time_s)
    }
    /// The autopilot's own fence for this plan: drawn in from the hard fence by `inset_m`, at most `max_vertices`
    /// corners, and proven to let every leg and every return of the plan pass.
    ///
    /// # Errors
    /// [`FenceFault::NoAutopilotFence`] says what does not fit.
    pub fn autopilot_fence(
        &self,
        inset_m: f64,
        max_vertices: usize,
    ) -> Result<AutopilotFence, FenceFault> {
        let sides = self.sides();
        let made = self.fence.for_autopilot(
            inset_m,
            max_vertices,
            self.heights_amsl_m(),
            self.aloft_window(),
            &|_, area| crosses(&sides, area, inset_m),
        )?;
        let plane = self.fence.plane();
        let on_plane =
            |ring: &[LatLon]| Area::Rings(vec![ring.iter().map(|p| plane.to_local(*p)).collect()]);
        let inside = on_plane(&made.inclusion);
        let blocked = |what: &str| {
            Err(FenceFault::NoAutopilotFence(format!(
                "drawn in by {inset_m:.1} m, {what} cuts the plan, which keeps {:.1} m: plan with a larger margin",
                self.min_clearance_m
            )))
        };
        if sides
            .iter()
            .any(|e| !inside.contains(e.0) || inside.edge_to_outline_m(*e) <= 0.0)
        {
            return blocked("the boundary");
        }
        let keepouts = made
            .exclusions
            .iter()
            .map(|r| on_plane(r))
            .chain(made.circles.iter().map(|(centre, radius_m)| Area::Disc {
                centre: plane.to_local(*centre),
                radius_m: *radius_m,
            }));
        for area in keepouts {
            if crosses(&sides, &area, 0.0) {
                return blocked("a keep-out");
            }
        }
        Ok(made)
    }

    /// Ids of the keep-outs that the autopilot's own fence does not hold: the plan passes over or under them, or they
    /// are not in force. Only the companion guards those.
    #[must_use]
    pub fn guarded_by_companion_alone(&self, inset_m: f64) -> Vec<String> {
        let sides = self.sides();
        let (low, high) = self.heights_amsl_m();
        let rules = Rules {
            margin_m: 0.0,
            height_error_m: 0.0,
            when: self.aloft_window(),
            over_crowds: true,
        };
        self.fence
            .keepout_areas()
            .filter(|(k, _)| k.role != Role::Crowd)
            .filter(|(k, area)| {
                !self.fence.counts(k, low, high, &rules) || crosses(&sides, area, inset_m)
            })
            .map(|(k, _)| k.id.clone())
            .collect()
    }

    /// Every straight line the plan or one of its returns may fly along the edge of, on the fence's plane.
    fn sides(&self) -> Vec<Edge> {
        let plane = self.fence.plane();
        let rules = Rules {
            margin_m: 0.0,
            height_error_m: 0.0,
            when: self.aloft_window(),
            over_crowds: true,
        };
        let returns = Returns::new(&self.file, &self.fence, rules);
        let mut out = Vec::new();
        for leg in &self.legs {
            let leg = leg.leg();
            out.push((plane.to_local(leg.from), plane.to_local(leg.to)));
            for (from, to, site) in returns.ways(&leg) {
                let [a, b, s] = [from, to, site].map(|p| plane.to_local(p));
                out.extend([(a, s), (b, s)]);
            }
        }
        out
    }

    /// Margin every horizontal leg was proven with, metres.
    #[must_use]
    pub fn margin_m(&self) -> f64 {
        margin_m(&self.file)
    }
}

/// Whether any of the lines comes nearer than `by_m` to the area, or into it.
fn crosses(sides: &[Edge], area: &Area, by_m: f64) -> bool {
    sides
        .iter()
        .any(|e| area.contains(e.0) || area.edge_to_outline_m(*e) <= by_m)
}

/// Builds the fence of a plan file.
///
/// # Errors
/// [`PlanFault`] with the first fault of vehicle, venue or fence.
pub fn build_fence(file: &PlanFile) -> Result<Fence, PlanFault> {
    file.vehicle
        .check()
        .map_err(|e: VehicleError| fault("plan.vehicle", e.to_string()))?;
    let venue = Venue::from_value(&file.venue)
        .map_err(|e: VenueError| fault("plan.venue", e.to_string()))?;
    FenceDraft::from_venue(&venue, file.home)
        .check()
        .map_err(|faults: Vec<FenceFault>| {
            let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
            fault("plan.fence", words.join("; "))
        })
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The horizontal margin of a plan: what its speed needs, or what a person asked for if that is more.
#[must_use]
pub fn margin_m(file: &PlanFile) -> f64 {
    margin_of(file, file.speed_mps)
}

/// The horizontal margin at a speed, metres: what the speed needs, or what a person asked for if that is more.
#[must_use]
pub fn margin_of(file: &PlanFile, speed_mps: f64) -> f64 {
    file.margin_m.max(file.vehicle.margin_m(speed_mps))
}

/// From the launch window's start to its end plus the flight with slack.
#[must_use]
pub fn aloft_window(launch: Window, time_s: f64) -> Window {
    let slack = Duration::from_secs_f64((time_s * TIME_SLACK).clamp(0.0, 86_400.0) + 120.0);
    Window {
        from: launch.from,
        until: Utc(launch.until.0).after(slack),
    }
}

fn fault(code: &'static str, words: String) -> PlanFault {
    PlanFault {
        item: None,
        at: None,
        code,
        value: f64::NAN,
        words,
    }
}

fn leg_fault(item: usize, what: &str, f: &LegFault) -> PlanFault {
    PlanFault {
        item: Some(item),
        at: Some(f.at),
        code: "plan.leg_leaves",
        value: f.by_m,
        words: format!("item {item}: {what} {f}; move it or raise the margin's room"),
    }
}
