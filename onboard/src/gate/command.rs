//! Commands from the ground: an allow-list by message, command, parameters and state. What is not on it is refused.
//!
//! Commands are read from the raw payload, so that a number newer than the dialect is refused by its number and not lost.

use crate::facts::{Facts, Kind, Mode};
use link::frame::Frame;
use missions::fence::{Fence, Leg};
use missions::place::{Alt, LatLon};
use missions::time::{Mono, Window};
use missions::vehicle::VehicleSpec;
use std::time::Duration;

/// COMMAND_LONG and COMMAND_INT alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command {
    /// Number.
    pub command: u16,
    /// Parameters; 5 and 6 are degrees for a COMMAND_INT with a place.
    pub p: [f64; 7],
    /// Frame of a COMMAND_INT.
    pub frame: Option<u8>,
    /// Addressed system.
    pub system: u8,
    /// Addressed component.
    pub component: u8,
}

impl Command {
    /// From a frame with id 75 or 76.
    #[must_use]
    pub fn read(frame: &Frame) -> Option<Command> {
        let mut b = [0u8; 40];
        for (to, from) in b.iter_mut().zip(frame.payload()) {
            *to = *from;
        }
        let word = |at: usize| -> [u8; 4] {
            b.get(at..at + 4)
                .and_then(|s| s.try_into().ok())
                .unwrap_or_default()
        };
        let float = |at: usize| f64::from(f32::from_le_bytes(word(at)));
        let byte = |at: usize| b.get(at).copied().unwrap_or(0);
        let place = |at: usize| f64::from(i32::from_le_bytes(word(at))) * 1e-7;
        let int = match frame.header().msg_id {
            75 => true,
            76 => false,
            _ => return None,
        };
        let (p5, p6) = if int {
            (place(16), place(20))
        } else {
            (float(16), float(20))
        };
        Some(Command {
            p: [float(0), float(4), float(8), float(12), p5, p6, float(24)],
            command: u16::from_le_bytes([byte(28), byte(29)]),
            system: byte(30),
            component: byte(31),
            frame: int.then(|| byte(32)),
        })
    }
}

/// What decides.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// Time.
    pub now: Mono,
    /// Vehicle.
    pub facts: &'a Facts,
    /// A plan is on the aircraft, read back equal, and its fence in force.
    pub plan_ready: bool,
    /// Why arming is blocked although a plan is ready (first failed preflight check), if it is.
    pub not_ready: Option<&'a str>,
    /// The fence in force.
    pub fence: Option<&'a Fence>,
    /// Vehicle figures of the plan.
    pub spec: &'a VehicleSpec,
    /// Margin for legs flown by command, metres.
    pub margin_m: f64,
    /// When a leg flown now may be flown.
    pub when: Window,
    /// Where the plan's items are, as the autopilot counts them.
    pub item_place: &'a dyn Fn(u16) -> Option<LatLon>,
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Not on the list.
    NotAllowed,
    /// No plan that may fly.
    NoPlan,
    /// A preflight check fails.
    Preflight,
    /// In the air.
    Airborne,
    /// On the ground.
    NotAirborne,
    /// No fence in force.
    NoFence,
    /// A number that is none.
    BadNumber,
}

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruling {
    /// Send it on as it is.
    Forward,
    /// Send it on; it will change the mode to this.
    ForwardMode(Mode),
    /// Send ArduCopter's BRAKE instead of LOITER, which reads a throttle stick that may not be there.
    Brake,
    /// Answer ACCEPTED without sending it on: it changes nothing.
    Accepted,
    /// Refuse.
    Refuse(Why, String),
    /// The way would leave the fence here.
    RefuseAt(LatLon, String),
}

fn refuse(why: Why, words: impl Into<String>) -> Ruling {
    Ruling::Refuse(why, words.into())
}

/// Messages whose rate no station may lower: guard and eyes live on them. (id, slowest interval, µs).
pub const STREAMS: [(u32, i32); 13] = [
    (33, 100_000),    // GLOBAL_POSITION_INT
    (30, 50_000),     // ATTITUDE
    (24, 500_000),    // GPS_RAW_INT
    (1, 500_000),     // SYS_STATUS
    (2, 1_000_000),   // SYSTEM_TIME
    (42, 500_000),    // MISSION_CURRENT
    (245, 500_000),   // EXTENDED_SYS_STATE
    (147, 1_000_000), // BATTERY_STATUS
    (242, 2_000_000), // HOME_POSITION
    (74, 250_000),    // VFR_HUD
    (231, 1_000_000), // WIND_COV
    (65, 1_000_000),  // RC_CHANNELS
    (230, 1_000_000), // ESTIMATOR_STATUS
];

/// Judges one command.
#[must_use]
pub fn judge(c: &Command, s: &Situation<'_>) -> Ruling {
    let [p1, p2, p3, _, p5, p6, p7] = c.p;
    let airborne = s.facts.airborne();
    match c.command {
        // COMPONENT_ARM_DISARM. The magic second parameter forces: never. NaN is "not used" (MAVSDK).
        400 if p2 != 0.0 && !p2.is_nan() => refuse(
            Why::NotAllowed,
            "forced arming or disarming is never allowed",
        ),
        400 if p1 == 1.0 => arm(s, Ruling::Forward),
        400 if airborne => refuse(Why::Airborne, "disarming in the air is never allowed"),
        400 => Ruling::Forward,
        // NAV_TAKEOFF
        22 => takeoff(p7, s),
        // MISSION_START
        300 if p1 > 0.0 => refuse(Why::NotAllowed, "a mission starts at its first item"),
        // Some autopilots arm by it.
        300 if !s.facts.armed => arm(s, Ruling::ForwardMode(Mode::Mission)),
        300 => with_plan(s, Ruling::ForwardMode(Mode::Mission)),
        // NAV_RETURN_TO_LAUNCH, NAV_LAND, NAV_LOITER_UNLIM: always a way to safety.
        20 => Ruling::ForwardMode(Mode::Return),
        21 if p5 == 0.0 && p6 == 0.0 || p5.is_nan() => Ruling::ForwardMode(Mode::Land),
        21 => refuse(Why::NotAllowed, "land here, or order a landing at a site"),
        17 => Ruling::ForwardMode(Mode::Hold),
        // DO_SET_MODE
        176 => set_mode(p2, p3, s),
        // DO_REPOSITION
        192 => reposition(c, s),
        // DO_PAUSE_CONTINUE
        193 if p1 == 0.0 => Ruling::ForwardMode(Mode::Hold),
        193 => with_plan(s, Ruling::ForwardMode(Mode::Mission)),
        // DO_CHANGE_SPEED: braking margins were computed for the plan's speed.
        178 if p2 <= s.spec.cruise_mps => Ruling::Forward,
        178 => refuse(Why::NotAllowed, "faster than the fence margins allow"),
        // DO_SET_MISSION_CURRENT
        224 => jump(p1, s),
        // DO_FENCE_ENABLE: on only.
        207 if p1 == 1.0 => Ruling::Forward,
        207 => refuse(Why::NotAllowed, "the fence stays on"),
        // SET_MESSAGE_INTERVAL
        511 => interval(p1, p2),
        // GET_MESSAGE_INTERVAL, REQUEST_MESSAGE, REQUEST_PROTOCOL_VERSION, REQUEST_AUTOPILOT_CAPABILITIES, GET_HOME_POSITION.
        510 | 512 | 519 | 520 | 410 => Ruling::Forward,
        n => refuse(
            Why::NotAllowed,
            format!("command {n} is not allowed from the ground"),
        ),
    }
}

fn with_plan(s: &Situation<'_>, then: Ruling) -> Ruling {
    if s.plan_ready {
        then
    } else {
        refuse(
            Why::NoPlan,
            "no plan on the aircraft that was read back equal",
        )
    }
}

fn arm(s: &Situation<'_>, then: Ruling) -> Ruling {
    if !s.plan_ready {
        return refuse(Why::NoPlan, "arming needs a plan and fence read back equal");
    }
    match s.not_ready {
        Some(check) => refuse(Why::Preflight, format!("preflight: {check}")),
        None => then,
    }
}

fn takeoff(p7: f64, s: &Situation<'_>) -> Ruling {
    let (Some(fence), Some(here)) = (
        s.fence,
        s.facts.fresh_position(s.now, Duration::from_secs(2)),
    ) else {
        return refuse(Why::NoFence, "no fence in force, or no position");
    };
    if !s.plan_ready {
        return refuse(Why::NoPlan, "take-off needs a plan read back equal");
    }
    // PX4 takes the height as AMSL, ArduCopter above home. Without one PX4 climbs 2.5 m (MIS_TAKEOFF_ALT); 10 m are proved.
    let ground = here.alt_amsl_m - here.above_home_m;
    let to = match s.facts.kind {
        Some(Kind::ArduPilot) if p7.is_finite() => ground + p7,
        Some(Kind::Px4) if p7.is_finite() && p7 != 0.0 => p7,
        _ => ground + 10.0,
    };
    leg(
        fence,
        s,
        here.at,
        here.alt_amsl_m.max(ground + 5.0).min(to.max(ground + 5.0)),
        here.at,
        to,
    )
    .map_or_else(|r| r, |()| Ruling::ForwardMode(Mode::TakeOff))
}

fn set_mode(p2: f64, p3: f64, s: &Situation<'_>) -> Ruling {
    let Some(kind) = s.facts.kind else {
        return refuse(Why::NotAllowed, "no autopilot heard");
    };
    let custom = match kind {
        Kind::Px4 => ((p2 as u32) << 16) | ((p3 as u32) << 24),
        Kind::ArduPilot | Kind::Other => p2 as u32,
    };
    if kind == Kind::ArduPilot && custom == 5 {
        let rc = s.facts.health.is_some_and(|h| h.value.rc_healthy);
        return if rc && !s.facts.airborne() {
            Ruling::Forward
        } else {
            Ruling::Brake
        };
    }
    match Mode::decode(kind, custom) {
        Mode::Mission => with_plan(s, Ruling::ForwardMode(Mode::Mission)),
        m @ (Mode::Hold | Mode::Guided | Mode::Return | Mode::Land) => Ruling::ForwardMode(m),
        Mode::TakeOff => takeoff(f64::NAN, s),
        Mode::Sticks if !s.facts.armed => Ruling::Forward,
        Mode::Sticks | Mode::Setpoints | Mode::Other => {
            refuse(Why::NotAllowed, "that mode leaves the fence unguarded")
        }
    }
}

fn leg(
    fence: &Fence,
    s: &Situation<'_>,
    from: LatLon,
    from_amsl_m: f64,
    to: LatLon,
    to_amsl_m: f64,
) -> Result<(), Ruling> {
    let (Ok(from_alt), Ok(to_alt)) = (Alt::from_metres(from_amsl_m), Alt::from_metres(to_amsl_m))
    else {
        return Err(refuse(Why::BadNumber, "a height is no number"));
    };
    fence
        .contain(
            &Leg {
                from,
                from_alt,
                to,
                to_alt,
            },
            s.margin_m,
            s.when,
        )
        .map(|_| ())
        .map_err(|f| {
            Ruling::RefuseAt(
                f.at,
                format!("leaves the fence: {:?}, {:.0} m short", f.what, f.by_m),
            )
        })
}

fn reposition(c: &Command, s: &Situation<'_>) -> Ruling {
    let [_, _, _, _, mut lat, mut lon, z] = c.p;
    if !s.facts.airborne() {
        return refuse(Why::NotAirborne, "on the ground");
    }
    let (Some(fence), Some(here)) = (
        s.fence,
        s.facts.fresh_position(s.now, Duration::from_secs(2)),
    ) else {
        return refuse(Why::NoFence, "no fence in force, or no position");
    };
    // "Here" is spelled NaN (long) or INT32_MAX (int).
    if lat.is_nan() || lat.abs() > 200.0 {
        (lat, lon) = (here.at.lat_deg(), here.at.lon_deg());
    }
    let Ok(to) = LatLon::from_degrees(lat, lon) else {
        return refuse(Why::BadNumber, "the place is none");
    };
    let relative = matches!(c.frame, Some(3 | 6));
    let home_amsl = here.alt_amsl_m - here.above_home_m;
    let to_amsl = if z.is_nan() {
        here.alt_amsl_m
    } else if relative {
        home_amsl + z
    } else {
        z
    };
    // Whether the autopilot climbs first or last is its own affair: both corners are proved.
    for (a, b) in [
        (here.alt_amsl_m, to_amsl),
        (to_amsl, to_amsl),
        (here.alt_amsl_m, here.alt_amsl_m),
    ] {
        if let Err(r) = leg(fence, s, here.at, a, to, b) {
            return r;
        }
    }
    Ruling::ForwardMode(if s.facts.kind == Some(Kind::ArduPilot) {
        Mode::Guided
    } else {
        Mode::Hold
    })
}

fn jump(p1: f64, s: &Situation<'_>) -> Ruling {
    if !s.plan_ready {
        return refuse(Why::NoPlan, "no plan on the aircraft");
    }
    if !s.facts.airborne() {
        return if p1 <= 1.0 {
            Ruling::Forward
        } else {
            refuse(Why::NotAllowed, "a mission starts at its first item")
        };
    }
    let item = if (0.0..60_000.0).contains(&p1) {
        p1 as u16
    } else {
        u16::MAX
    };
    let (Some(fence), Some(here), Some(to)) = (
        s.fence,
        s.facts.fresh_position(s.now, Duration::from_secs(2)),
        (s.item_place)(item),
    ) else {
        return refuse(Why::NotAllowed, "no such item, or no position");
    };
    leg(fence, s, here.at, here.alt_amsl_m, to, here.alt_amsl_m)
        .map_or_else(|r| r, |()| Ruling::Forward)
}

fn interval(id: f64, interval_us: f64) -> Ruling {
    let ours = STREAMS.iter().find(|(n, _)| f64::from(*n) == id);
    match ours {
        // Slower or off would blind the guard; asking again for what already comes is granted without asking.
        Some((_, slowest)) if interval_us < 0.0 || interval_us > f64::from(*slowest) => {
            if interval_us < 0.0 {
                refuse(Why::NotAllowed, "the guard needs that stream")
            } else {
                Ruling::Accepted
            }
        }
        _ if interval_us > 0.0 && interval_us < 10_000.0 => {
            refuse(Why::NotAllowed, "faster than the line can carry")
        }
        _ => Ruling::Forward,
    }
}
