//! Twelve computed checks before a launch, and the token that lets one launch happen.
//!
//! A check that cannot be computed is unknown, never passed. Order and figures are those of PATROL_PREFLIGHT.

use crate::config::Config;
use crate::facts::{Facts, Kind};
use crate::failsafe::Requirement;
use crate::params::Params;
use missions::plan::PatrolPlan;
use missions::time::{Mono, Now};
use std::time::Duration;

/// How many checks there are.
pub const CHECKS: usize = 12;
/// Their codes, in order.
pub const CODES: [&str; CHECKS] = [
    "plan_read_back",
    "fence_armed",
    "failsafe_parameters",
    "position_quality",
    "battery_for_plan",
    "home_inside",
    "ground_link",
    "storage",
    "clock",
    "own_remote_id",
    "wind",
    "autopilot_ready",
];
/// A token may be used this long.
pub const TOKEN_LIFE: Duration = Duration::from_secs(60);
/// A new token is given out this often while all checks pass.
const TOKEN_RENEW: Duration = Duration::from_secs(20);
/// Facts older than this are unknown.
const FRESH: Duration = Duration::from_secs(3);

/// How a check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Cannot be computed.
    Unknown,
    /// Fine.
    Pass,
    /// Not fine.
    Fail,
}

/// One check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Check {
    /// Status.
    pub status: Status,
    /// Figure measured.
    pub value: Option<f64>,
}

/// What the checks look at.
pub struct PreflightIn<'a> {
    /// Time, UTC from the aircraft.
    pub now: Now,
    /// Settings.
    pub config: &'a Config,
    /// Vehicle.
    pub facts: &'a Facts,
    /// Parameters read.
    pub params: &'a Params,
    /// What they must be.
    pub required: &'a [Requirement],
    /// Plan in force, read back equal.
    pub plan: Option<&'a PatrolPlan>,
    /// Silence of the ground.
    pub ground_silent: Option<Duration>,
    /// The store works.
    pub storage_ok: bool,
}

/// The list, and the tokens given out.
#[derive(Clone, Debug)]
pub struct Preflight {
    checks: [Check; CHECKS],
    tokens: Vec<(u32, Mono)>,
    counter: u32,
    salt: u64,
}

fn pass_if(ok: bool, value: Option<f64>) -> Check {
    Check {
        status: if ok { Status::Pass } else { Status::Fail },
        value,
    }
}
const UNKNOWN: Check = Check {
    status: Status::Unknown,
    value: None,
};

impl Preflight {
    /// A list of unknowns. `salt` tells the tokens of two companions apart.
    #[must_use]
    pub fn new(salt: u64) -> Self {
        Preflight {
            checks: [UNKNOWN; CHECKS],
            tokens: Vec::new(),
            counter: 0,
            salt,
        }
    }
    /// The checks, in order.
    #[must_use]
    pub fn checks(&self) -> &[Check; CHECKS] {
        &self.checks
    }

    /// The first check that blocks a launch: failed, or unknown where unknown is not good enough.
    #[must_use]
    pub fn blocked_by(&self) -> Option<&'static str> {
        self.checks
            .iter()
            .zip(CODES)
            .enumerate()
            .find(|(n, (c, _))| match c.status {
                Status::Pass => false,
                Status::Fail => true,
                // Own Remote ID and wind cannot be measured on every aircraft on the ground.
                Status::Unknown => !matches!(n, 9 | 10),
            })
            .map(|(_, (_, code))| code)
    }

    /// Computes all checks.
    pub fn compute(&mut self, i: &PreflightIn<'_>) {
        let now = i.now.mono;
        let fresh = |at: Mono| now.since(at) <= FRESH;
        let health = i.facts.health.filter(|h| fresh(h.at)).map(|h| h.value);
        let plan_read_back = pass_if(i.plan.is_some(), None);
        let fence_armed = match (health, i.facts.kind, i.plan) {
            (_, _, None) => pass_if(false, None),
            (None, _, _) => UNKNOWN,
            (Some(h), Some(Kind::ArduPilot), _) => pass_if(h.fence_enabled, None),
            // PX4 has no switch: the polygons are in force when they are aboard and GF_ACTION acts.
            (Some(_), Some(Kind::Px4), _) => match i.params.get("GF_ACTION") {
                Some(v) => pass_if(v >= 2.0, Some(v)),
                None => UNKNOWN,
            },
            _ => pass_if(false, None),
        };
        let wrong = i
            .required
            .iter()
            .filter(|r| i.params.get(r.name).is_some_and(|v| !r.want.met_by(v)))
            .count();
        let missing = i
            .required
            .iter()
            .filter(|r| i.params.get(r.name).is_none() && !i.params.is_absent(r.name))
            .count();
        let failsafe = if i.required.is_empty() {
            pass_if(false, None)
        } else if wrong > 0 {
            pass_if(false, Some(wrong as f64))
        } else if missing > 0 {
            Check {
                status: Status::Unknown,
                value: Some(missing as f64),
            }
        } else {
            // A parameter this autopilot does not have cannot be required of it; the ones that matter must exist.
            let absent = i
                .required
                .iter()
                .filter(|r| i.params.is_absent(r.name))
                .count();
            pass_if(2 * absent < i.required.len(), Some(0.0))
        };
        let position = match i.facts.gps.filter(|g| fresh(g.at)).map(|g| g.value) {
            None => UNKNOWN,
            Some(g) => match g.error_m {
                None => Check {
                    status: if g.fix_3d {
                        Status::Unknown
                    } else {
                        Status::Fail
                    },
                    value: None,
                },
                Some(e) => pass_if(
                    g.fix_3d
                        && e <= i.config.max_position_error_m
                        && g.satellites.is_none_or(|s| s >= i.config.min_satellites)
                        && i.facts.fresh_position(now, FRESH).is_some(),
                    Some(e),
                ),
            },
        };
        let battery = match (
            i.facts.battery_pct.filter(|b| now.since(b.at) < FRESH * 2),
            i.plan,
        ) {
            (Some(b), Some(plan)) => {
                let f = plan.file();
                let needs = f.estimate.energy_wh / f.vehicle.battery_wh.max(1e-3) * 100.0
                    + f.vehicle.reserve_pct;
                pass_if(b.value >= needs, Some(b.value - needs))
            }
            (Some(b), None) => Check {
                status: Status::Unknown,
                value: Some(b.value),
            },
            (None, _) => UNKNOWN,
        };
        let home = match (i.facts.home, i.facts.fresh_position(now, FRESH), i.plan) {
            (Some(h), Some(p), Some(plan)) => {
                let plane = plan.fence().plane();
                let want = plane.to_local(plan.file().home.at);
                let off = plane
                    .to_local(h.value.0)
                    .distance_m(want)
                    .max(plane.to_local(p.at).distance_m(want));
                pass_if(off <= i.config.max_home_offset_m, Some(off))
            }
            _ => UNKNOWN,
        };
        let link = match i.ground_silent {
            Some(s) => pass_if(s < Duration::from_secs(1), Some(s.as_secs_f64())),
            None => pass_if(false, None),
        };
        let clock = match i.now.utc.valid() {
            None => pass_if(false, None),
            Some(t) => match i.plan {
                Some(p) => {
                    let w = p.file().launch_window;
                    pass_if(t >= w.from && t < w.until, None)
                }
                None => pass_if(true, None),
            },
        };
        let remote_id = match i.facts.own_remote_id {
            Some(r) => pass_if(
                now.since(r.at) < Duration::from_secs(5),
                Some(now.since(r.at).as_secs_f64()),
            ),
            None if i.config.require_own_remote_id => pass_if(false, None),
            None => UNKNOWN,
        };
        let wind = match i
            .facts
            .wind_mps
            .filter(|w| now.since(w.at) < Duration::from_secs(10))
        {
            Some(w) => pass_if(w.value <= i.config.max_wind_mps, Some(w.value)),
            None => UNKNOWN,
        };
        let ready = match health {
            Some(h) => pass_if(h.prearm_ok && i.facts.alive(now, FRESH), None),
            None => UNKNOWN,
        };
        self.checks = [
            plan_read_back,
            fence_armed,
            failsafe,
            position,
            battery,
            home,
            link,
            pass_if(i.storage_ok, None),
            clock,
            remote_id,
            wind,
            ready,
        ];
    }

    /// The token to show; 0 while anything blocks.
    pub fn token(&mut self, now: Mono) -> u32 {
        self.tokens.retain(|(_, at)| now.since(*at) <= TOKEN_LIFE);
        if self.blocked_by().is_some() {
            return 0;
        }
        if let Some((token, _)) = self
            .tokens
            .last()
            .filter(|(_, at)| now.since(*at) < TOKEN_RENEW)
        {
            return *token;
        }
        self.counter = self.counter.wrapping_add(1);
        // Not a secret, only a number that is not reused: it shows that this very list was seen.
        let mixed = (self.salt ^ (u64::from(self.counter) << 32) ^ now.0)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let token = ((mixed >> 32) as u32).max(1);
        self.tokens.push((token, now));
        token
    }

    /// Uses a token up. True once, while it lives and nothing blocks.
    pub fn redeem(&mut self, now: Mono, token: u32) -> bool {
        self.tokens.retain(|(_, at)| now.since(*at) <= TOKEN_LIFE);
        let known = token != 0 && self.tokens.iter().any(|(t, _)| *t == token);
        if known && self.blocked_by().is_none() {
            self.tokens.clear();
            true
        } else {
            false
        }
    }
    /// Whether a token is (still) known.
    #[must_use]
    pub fn knows(&self, now: Mono, token: u32) -> bool {
        self.tokens
            .iter()
            .any(|(t, at)| *t == token && now.since(*at) <= TOKEN_LIFE)
    }
}
