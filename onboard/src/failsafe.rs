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

/// One row of what happens when something fails: cause, who acts, what is done, after how long.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Row {
    /// What fails.
    pub cause: &'static str,
    /// Who acts.
    pub who: &'static str,
    /// What is done.
    pub action: &'static str,
    /// When.
    pub after: &'static str,
}

/// The table an officer sees before take-off.
#[must_use]
pub fn table() -> Vec<Row> {
    let r = |cause, who, action, after| Row {
        cause,
        who,
        action,
        after,
    };
    vec![
        r(
            "fence, keep-out, ceiling, floor or clock would be crossed",
            "companion",
            "hold, then return inside the fence",
            "before the edge: margin(v)",
        ),
        r(
            "the autopilot ignores hold or return",
            "companion",
            "repeat, then return, then land",
            "2 s each",
        ),
        r(
            "boundary or ceiling crossed",
            "autopilot",
            "return",
            "at the autopilot's own, smaller fence",
        ),
        r(
            "ground link silent",
            "companion",
            "what the plan says (hold then return, return, go on)",
            "3 s",
        ),
        r(
            "ground link back",
            "companion",
            "nothing by itself: the officer says resume",
            "-",
        ),
        r(
            "companion or its line dead",
            "autopilot",
            "return at the plan's height; height and clock of keep-outs are lost",
            "ArduPilot 5 s; PX4 10 s + 5 s hold",
        ),
        r(
            "battery needed for the way home",
            "companion",
            "return",
            "at once",
        ),
        r(
            "battery low, critical",
            "autopilot",
            "return, land",
            "at once",
        ),
        r(
            "position unknown or older than a second",
            "companion",
            "alarm, hold",
            "1 s",
        ),
        r("position lost", "autopilot", "land", "at once"),
        r("RC lost", "autopilot", "return", "0.5 s"),
        r(
            "safety pilot takes over by RC",
            "companion",
            "warns only, until handed back",
            "at once",
        ),
        r(
            "companion restarts aloft",
            "companion",
            "guard on; hands off until an order comes",
            "2 s",
        ),
        r(
            "eyes fail",
            "companion",
            "restarted; flight goes on",
            "1 s and longer each time",
        ),
        r(
            "disk fails",
            "companion",
            "alarm; flight goes on; anomalies from memory",
            "at once",
        ),
        r(
            "plan not read back equal",
            "companion",
            "does not arm; marked dirty on disk",
            "at once",
        ),
    ]
}
