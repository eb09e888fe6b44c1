//! One flight of the containment campaign: the companion's pilot (facts, guard, flight) against a simulated aircraft, the
//! two joined by messages that are late but never encoded, watched by an oracle that shares nothing with the fence.
//!
//! What the guard believes and what flies differ: mass, drag, braking, delay and wind are each drawn within ± 30 %.

use super::venue::{Case, START};
use link::common::{self, MavCmd, MavMessage};
use link::items::Dialect;
use missions::flight::{Cause, Response};
use missions::plan::{PatrolPlan, PlanItem};
use missions::time::{Mono, Now, Reading};
use onboard::control::pilot::{Pilot, Standing};
use onboard::facts::Kind;
use onboard::failsafe::{PlanFigures, requirements};
use onboard::flight::Ask;
use onboard::gate::Judged;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use sim::autopilot::{Aircraft, AircraftConfig, AutopilotKind, Environment, Trouble};
use sim::oracle::Containment;
use sim::vehicle::AirframeSpec;
use sim::world::wind::{Wind, WindSpec};
use std::collections::VecDeque;
use std::time::Duration;

const STEP_S: f64 = 0.01;
const STEP_US: u64 = 10_000;
/// The wind is drawn anew this often, steps: its shortest length is metres, an aircraft's step centimetres.
const WIND_STEPS: u64 = 10;
/// Nothing flies longer than this, seconds.
const LIMIT_S: f64 = 3_600.0;
/// What our companion is called on the line.
const COMPANION: (u8, u8) = (1, 191);
const STATION: (u8, u8) = (255, 190);

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Nothing; only the ± 30 %.
    Clear,
    /// Gusts of two and a half times the standard's for the rest of the flight.
    Gusts,
    /// Somebody past the gate sends the aircraft out at full speed; the autopilot's own fence is off.
    Runaway,
    /// The same, upwards through the ceiling.
    RunawayUp,
    /// The same, in a gale of gusts.
    RunawayGusts,
    /// The ground link goes silent, and the autopilot ignores every command for five seconds.
    Deaf,
    /// The ground link goes silent.
    LinkLoss,
    /// The companion dies for good.
    CompanionDies,
    /// The companion restarts.
    CompanionRestarts,
    /// The battery loses charge at once.
    Battery,
    /// The position told stands still for twenty seconds.
    Frozen,
    /// Positions come up to a second late for twenty seconds.
    Late,
    /// Every other message is lost, both ways, for a minute.
    Gappy,
    /// The position believed leaps by up to six metres and back after twenty seconds.
    Jump,
    /// Satellites are lost: the autopilot comes down by itself and drifts with the wind.
    GnssLost,
    /// Satellites are dragged away at 0.5 to 4 m/s.
    Pulled,
}

impl Class {
    /// All of them; a seed's class is its place in this list.
    pub const ALL: [Class; 20] = [
        Class::Clear,
        Class::Runaway,
        Class::Clear,
        Class::Gusts,
        Class::Clear,
        Class::RunawayUp,
        Class::Clear,
        Class::RunawayGusts,
        Class::Clear,
        Class::Deaf,
        Class::LinkLoss,
        Class::CompanionDies,
        Class::Clear,
        Class::CompanionRestarts,
        Class::Battery,
        Class::Frozen,
        Class::Late,
        Class::Gappy,
        Class::Jump,
        Class::Clear,
    ];
    /// Flown apart: no guard can hold an aircraft whose own position is gone or false. Their drift is measured, not
    /// bounded by the fence.
    pub const WITHOUT_POSITION: [Class; 2] = [Class::GnssLost, Class::Pulled];

    /// Each of them once.
    pub fn named() -> impl Iterator<Item = Class> {
        let all: std::collections::BTreeSet<Class> = Class::ALL.into_iter().collect();
        all.into_iter()
    }
    /// Name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Class::Clear => "clear",
            Class::Gusts => "gusts",
            Class::Runaway => "runaway",
            Class::RunawayUp => "runaway-up",
            Class::RunawayGusts => "runaway-gusts",
            Class::Deaf => "deaf",
            Class::LinkLoss => "link-loss",
            Class::CompanionDies => "companion-dies",
            Class::CompanionRestarts => "companion-restarts",
            Class::Battery => "battery",
            Class::Frozen => "frozen",
            Class::Late => "late",
            Class::Gappy => "gappy",
            Class::Jump => "jump",
            Class::GnssLost => "gnss-lost",
            Class::Pulled => "pulled",
        }
    }
    /// Somebody past the gate sends it out.
    pub fn runs_away(self) -> bool {
        matches!(
            self,
            Class::Runaway | Class::RunawayUp | Class::RunawayGusts
        )
    }
}

/// How a flight went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What went wrong.
    pub class: Class,
    /// Seconds aloft.
    pub flown_s: f64,
    /// Least clearance by the oracle, metres; negative: outside.
    pub least_m: f64,
    /// Where that was.
    pub zone: String,
    /// Flew every place of the plan and landed at home or a rally point.
    pub complete: bool,
    /// Down and disarmed.
    pub landed: bool,
    /// Holds, returns and landings the guard asked for.
    pub interventions: u32,
    /// Ground speed when the guard first acted, m/s.
    pub acted_at_mps: f64,
    /// Metres from where the fault began to where it came to rest (position faults only).
    pub drift_m: f64,
    /// Places of the plan flown, and how many there are.
    pub places: (usize, usize),
    /// Why it first left its plan before the end; empty: never.
    pub left_for: String,
}

/// The plan as one autopilot takes it.
pub struct Loaded {
    judged: Judged,
    kind: AutopilotKind,
    params: Vec<(&'static str, f64)>,
}

impl Loaded {
    /// The companion's own check of the plan's bytes, and what it would write.
    pub fn new(case: &Case, kind: AutopilotKind) -> Result<Loaded, String> {
        let (dialect, own) = match kind {
            AutopilotKind::Px4 => (Dialect::Px4, Kind::Px4),
            AutopilotKind::ArduPilot => (Dialect::ArduPilot, Kind::ArduPilot),
        };
        let judged = Judged::of_bundle(&case.plan.to_json(), dialect).map_err(|f| f.words)?;
        let file = judged.plan.file();
        let params = requirements(
            own,
            &PlanFigures {
                return_above_home_m: file.return_alt.metres(),
                ceiling_above_home_m: judged.ceiling_above_home_m,
                rally: !file.rally.is_empty(),
                speed_mps: file.speed_mps,
            },
        )
        .iter()
        .map(|r| (r.name, r.want.value()))
        .collect();
        Ok(Loaded {
            judged,
            kind,
            params,
        })
    }
}

/// Late delivery, in order.
#[derive(Default)]
struct Line {
    queue: VecDeque<(Mono, MavMessage)>,
}

impl Line {
    fn send(&mut self, at: Mono, m: MavMessage) {
        let at = self.queue.back().map_or(at, |(t, _)| at.max(*t));
        if self.queue.len() < 4_096 {
            self.queue.push_back((at, m));
        }
    }
    fn due(&mut self, now: Mono) -> Option<MavMessage> {
        if self.queue.front()?.0 > now {
            return None;
        }
        self.queue.pop_front().map(|(_, m)| m)
    }
}

struct Drawn {
    down_s: f64,
    up_s: f64,
    wind: Wind,
    gusty: Wind,
    accel_mps2: f64,
    airframe: AirframeSpec,
}

fn draw(seed: u64, rng: &mut ChaCha8Rng, brake_mps2: f64, react_s: f64) -> Drawn {
    let mut off = || 0.7 + 0.6 * rng.random::<f64>();
    let (mass, drag, braking, delay, wind, gusts) = (off(), off(), off(), off(), off(), off());
    let usual = AirframeSpec::default();
    let airframe = AirframeSpec {
        mass_kg: usual.mass_kg * mass,
        thrust_to_weight: usual.thrust_to_weight / mass,
        hover_w: usual.hover_w * mass.powf(1.5),
        drag_area_m2: usual.drag_area_m2 * drag,
        drag_area_vertical_m2: usual.drag_area_vertical_m2 * drag,
        ..usual
    };
    let down_s = 0.02 + 0.06 * rng.random::<f64>();
    // What the file calls reaction holds the age of a position and the time a demand takes to be felt, some 0.2 s.
    let up_s = (react_s * delay - 0.2 - down_s).max(0.01);
    let spec = WindSpec {
        mean_mps: (0.0, 8.0 * wind),
        gusts,
        from_deg: None,
    };
    Drawn {
        down_s,
        up_s,
        wind: Wind::new(spec, seed, 0x31),
        gusty: Wind::new(
            WindSpec {
                gusts: 2.5 * gusts,
                ..spec
            },
            seed,
            0x31,
        ),
        accel_mps2: brake_mps2 * braking,
        airframe,
    }
}

fn station_beat() -> MavMessage {
    MavMessage::HEARTBEAT(common::HEARTBEAT_DATA {
        mavtype: common::MavType::MAV_TYPE_GCS,
        autopilot: common::MavAutopilot::MAV_AUTOPILOT_INVALID,
        system_status: common::MavState::MAV_STATE_ACTIVE,
        mavlink_version: 3,
        ..Default::default()
    })
}

fn new_pilot() -> Pilot {
    let mut p = Pilot::default();
    p.facts.id = Some((1, 1));
    p
}

/// Whether every place of the plan was flown, and the aircraft is down where it may be: by the truth alone, metres north,
/// east, down of home. Reckoned here, on a sphere's degree: nothing of what flies is asked.
struct Flown {
    places: Vec<[f64; 3]>,
    next: usize,
    /// How near the next place it came, metres.
    nearest_m: f64,
    sites: Vec<[f64; 3]>,
    /// Autopilots cut corners, the faster the more.
    reach_m: f64,
}

fn away_m([n, e, _]: [f64; 3], [to_n, to_e, _]: [f64; 3]) -> f64 {
    (n - to_n).hypot(e - to_e)
}

impl Flown {
    fn new(plan: &PatrolPlan) -> Flown {
        let file = plan.file();
        let (lat, lon) = (file.home.at.lat_deg(), file.home.at.lon_deg());
        // Metres of a degree on the ellipsoid, by the usual series: exact to centimetres over a patrol.
        let r = lat.to_radians();
        let lat_m = 111_132.954 - 559.822 * (2.0 * r).cos() + 1.175 * (4.0 * r).cos();
        let lon_m = 111_412.84 * r.cos() - 93.5 * (3.0 * r).cos();
        let local = |at: missions::place::LatLon, up_m: f64| {
            [
                (at.lat_deg() - lat) * lat_m,
                (at.lon_deg() - lon) * lon_m,
                -up_m,
            ]
        };
        Flown {
            places: file
                .items
                .iter()
                .filter_map(|i| match i {
                    PlanItem::Waypoint { at, alt, .. } => Some(local(*at, alt.metres())),
                    _ => None,
                })
                .collect(),
            next: 0,
            nearest_m: f64::INFINITY,
            sites: std::iter::once(file.home.at)
                .chain(file.rally.iter().copied())
                .map(|p| local(p, 0.0))
                .collect(),
            reach_m: 12.0 + file.speed_mps,
        }
    }
    fn see(&mut self, here: [f64; 3]) {
        let [_, _, down_m] = here;
        while let Some(at) = self.places.get(self.next) {
            let [_, _, down] = at;
            let away_m = away_m(*at, here);
            if away_m > self.reach_m || (down - down_m).abs() > 5.0 {
                self.nearest_m = self.nearest_m.min(away_m);
                return;
            }
            self.next += 1;
            self.nearest_m = f64::INFINITY;
        }
    }
    fn complete(&self, here: [f64; 3]) -> bool {
        self.next == self.places.len() && self.sites.iter().any(|s| away_m(*s, here) < 6.0)
    }
}

/// Flies one plan once. One seed, one flight.
///
/// # Errors
/// When the plan cannot be put aboard, which a checked plan always can.
pub fn fly(
    case: &Case,
    loaded: &Loaded,
    seed: u64,
    class: Class,
    guard_acts: bool,
) -> Result<Outcome, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(0xF1);
    let j = &loaded.judged;
    let file = j.plan.file();
    let mut drawn = draw(
        seed,
        &mut rng,
        file.vehicle.brake_mps2,
        file.vehicle.react_s,
    );
    let fault_at_s = 12.0 + rng.random::<f64>() * (file.estimate.time_s * 0.85 - 12.0).max(5.0);
    let heading = rng.random::<f64>() * std::f64::consts::TAU;
    let strength = rng.random::<f64>();

    let mut aircraft = Aircraft::new(AircraftConfig {
        seed,
        airframe: drawn.airframe.clone(),
        heading_deg: rng.random::<f64>() * 360.0,
        ..AircraftConfig::new(loaded.kind, file.home, 1)
    });
    aircraft.speak_directly();
    let mut params = loaded.params.clone();
    match loaded.kind {
        AutopilotKind::Px4 => params.push(("MPC_ACC_HOR", drawn.accel_mps2)),
        AutopilotKind::ArduPilot => params.push(("WPNAV_ACCEL", drawn.accel_mps2 * 100.0)),
    }
    aircraft.load(&j.lists, &params)?;
    for id in [
        30, 31, 32, 36, 65, 74, 111, 141, 147, 230, 436, 12_901, 12_904,
    ] {
        aircraft.stream_every(id, -1.0);
    }
    for (id, us) in [
        (33, 1e5),
        (24, 5e5),
        (1, 5e5),
        (2, 1e6),
        (42, 5e5),
        (245, 5e5),
        (242, 2e6),
    ] {
        aircraft.stream_every(id, us);
    }

    let mut oracle = Containment::new(&case.venue_geojson).map_err(|e| e.to_string())?;
    let mut flown = Flown::new(&j.plan);
    let mut pilot = Some(new_pilot());
    let (mut up, mut down) = (Line::default(), Line::default());
    let mut now = Mono::ZERO;
    let mut wind = [0.0; 3];
    let (mut launched, mut airborne_at, mut fault_on) = (false, None::<Mono>, None::<Mono>);
    let mut restart_at = None::<Mono>;
    let mut silent_since = None::<Mono>;
    let mut attacks = 0u32;
    let mut next_beat = Mono::ZERO;
    let mut last_turn = Mono::ZERO;
    let mut last_response = Response::Continue;
    let mut fault_place = None;
    let mut end = None;
    let mut flown_steps = 0u64;
    let mut out = Outcome {
        class,
        flown_s: 0.0,
        least_m: f64::NAN,
        zone: String::new(),
        complete: false,
        landed: false,
        interventions: 0,
        acted_at_mps: f64::NAN,
        drift_m: f64::NAN,
        places: (0, flown.places.len()),
        left_for: String::new(),
    };
    let gale_class = matches!(class, Class::Gusts | Class::RunawayGusts);
    let mut judged_at = [f64::NAN; 3];
    let mut step = 0u64;
    while now.as_secs_f64() < LIMIT_S {
        step += 1;
        now = Mono(now.0 + STEP_US);
        let utc = START.after(now.since(Mono::ZERO));
        if step.is_multiple_of(WIND_STEPS) {
            let dt = STEP_S * WIND_STEPS as f64;
            let [_, _, down_m] = aircraft.position_ned_m();
            let v = aircraft.velocity_ned_mps();
            wind = if gale_class && fault_on.is_some() {
                drawn.gusty.step(dt, -down_m, v)
            } else {
                drawn.wind.step(dt, -down_m, v)
            };
        }
        aircraft.step(
            STEP_S,
            &Environment {
                wind_ned_mps: wind,
                utc,
            },
        );
        let in_fault_s = fault_on.map(|t| now.since(t).as_secs_f64());
        let gappy = class == Class::Gappy && in_fault_s.is_some_and(|s| s < 60.0);
        let late_s = match (class, in_fault_s) {
            (Class::Late, Some(s)) if s < 20.0 => 0.2 + 0.9 * strength,
            _ => 0.0,
        };
        let arrives = now.after(Duration::from_secs_f64(drawn.down_s + late_s));
        for m in aircraft.messages_out() {
            if gappy && rng.random::<bool>() {
                continue;
            }
            down.send(arrives, m);
        }
        while let Some(m) = up.due(now) {
            if !(gappy && rng.random::<bool>()) {
                aircraft.hear(COMPANION, &m);
            }
        }
        let mut look = now.since(last_turn) >= Duration::from_millis(100);
        while let Some(m) = down.due(now) {
            let Some(p) = &mut pilot else { continue };
            if let MavMessage::COMMAND_ACK(a) = &m {
                p.flight.ack(a);
            }
            p.facts.take(now, &m);
            look |= matches!(m, MavMessage::GLOBAL_POSITION_INT(_));
        }
        if let Some(p) = &mut pilot {
            if now >= next_beat {
                next_beat = now.after(Duration::from_secs(1));
                aircraft.hear(STATION, &station_beat());
            }
            if look {
                last_turn = now;
                let s = Standing {
                    now: Now {
                        mono: now,
                        utc: p.facts.utc(Now {
                            mono: now,
                            utc: Reading::Missing,
                        }),
                    },
                    guarded: Some(j),
                    flown: Some(j),
                    ground_silent: Some(silent_since.map_or(Duration::ZERO, |t| now.since(t))),
                    link_loss: Duration::from_secs(3),
                    guard_acts,
                };
                if !launched && now.as_secs_f64() > 40.0 {
                    launched = true;
                    p.order(&s, 1, Ask::Launch)
                        .map_err(|d| format!("launch: {:?}", d.0))?;
                }
                p.turn(&s);
                while let Some(m) = p.poll(&s) {
                    up.send(now.after(Duration::from_secs_f64(drawn.up_s)), m);
                }
                while p.flight.event().is_some() {}
                let r = p.finding.map_or(Response::Continue, |f| f.response);
                if r >= Response::Hold && r > last_response {
                    out.interventions += 1;
                    if out.acted_at_mps.is_nan() {
                        let [n, e, _] = aircraft.velocity_ned_mps();
                        out.acted_at_mps = n.hypot(e);
                    }
                }
                last_response = r;
                if out.left_for.is_empty()
                    && let Some(why) = p.flight.cause().filter(|c| *c != Cause::PlanComplete)
                {
                    out.left_for = format!(
                        "{why:?} at {:.0} s of {:.0}, battery {:.0} %, believed {:.0} %",
                        flown_steps as f64 * STEP_S,
                        file.estimate.time_s,
                        p.facts.battery_pct.map_or(f64::NAN, |b| b.value),
                        p.facts.charge_pct().unwrap_or(f64::NAN)
                    );
                }
            }
        }
        if restart_at.is_some_and(|t| now >= t) {
            restart_at = None;
            pilot = Some(new_pilot());
        }

        let here = aircraft.position_ned_m();
        let [north_m, east_m, down_m] = here;
        let airborne = down_m < -0.3;
        if airborne {
            airborne_at.get_or_insert(now);
            flown_steps += 1;
        }
        // The oracle is asked whenever its answer can matter: distances change by no more than one moves.
        let [n0, e0, d0] = judged_at;
        let moved2 = (north_m - n0).powi(2) + (east_m - e0).powi(2) + (down_m - d0).powi(2);
        let matters = moved2.is_nan() || moved2 >= oracle.free_m(utc.0).powi(2);
        let at_tenth = step.is_multiple_of(10);
        if airborne && matters {
            judged_at = here;
            let truth = aircraft.truth();
            oracle.observe(utc.0, true, truth.lat_deg, truth.lon_deg, truth.alt_amsl_m);
        }
        if airborne && at_tenth {
            flown.see(here);
        }
        let aloft_s = airborne_at.map_or(0.0, |t| now.since(t).as_secs_f64());
        if fault_on.is_none() && aloft_s > fault_at_s && airborne {
            fault_on = Some(now);
            fault_place = Some(here);
            let along = |v: f64| (v * heading.cos(), v * heading.sin());
            match class {
                Class::Clear | Class::Gusts | Class::Late | Class::Gappy => {}
                Class::Runaway | Class::RunawayUp | Class::RunawayGusts => {
                    let off: &[(&str, f64)] = match loaded.kind {
                        AutopilotKind::Px4 => &[("GF_ACTION", 0.0)],
                        AutopilotKind::ArduPilot => &[("FENCE_ENABLE", 0.0)],
                    };
                    aircraft.set_params(off);
                }
                Class::Deaf => {
                    silent_since = Some(now);
                    aircraft.trouble(Trouble::Ignores);
                }
                Class::LinkLoss => silent_since = Some(now),
                Class::CompanionDies => pilot = None,
                Class::CompanionRestarts => {
                    pilot = None;
                    restart_at = Some(now.after(Duration::from_secs_f64(1.0 + 3.0 * strength)));
                }
                Class::Battery => aircraft.trouble(Trouble::BatterySag {
                    left: 0.28 + 0.15 * strength,
                }),
                Class::Frozen => aircraft.trouble(Trouble::GnssFrozen),
                Class::Jump => {
                    let (north_m, east_m) = along(6.0 * strength);
                    aircraft.trouble(Trouble::GnssJump { north_m, east_m });
                }
                Class::GnssLost => aircraft.trouble(Trouble::GnssLost),
                Class::Pulled => {
                    let (north_mps, east_mps) = along(0.5 + 3.5 * strength);
                    aircraft.trouble(Trouble::GnssDrag {
                        north_mps,
                        east_mps,
                    });
                }
            }
        }
        if let Some(s) = in_fault_s {
            match class {
                Class::Deaf if s >= 5.0 => aircraft.trouble(Trouble::Obeys),
                Class::Frozen | Class::Jump if (20.0..20.02).contains(&s) => {
                    aircraft.trouble(Trouble::GnssWell);
                }
                // Whoever it is does not give up at once.
                _ if class.runs_away()
                    && f64::from(attacks) * 4.0 <= s
                    && f64::from(attacks) < 1.0 + 3.0 * strength =>
                {
                    attacks += 1;
                    let truth = aircraft.truth();
                    attack(
                        &mut aircraft,
                        class,
                        &truth,
                        heading,
                        8.0 + 4.0 * strength,
                        file.home.alt.metres(),
                    );
                }
                _ => {}
            }
        }
        if airborne_at.is_some() && !aircraft.is_armed() {
            end = Some(here);
            break;
        }
        if launched && airborne_at.is_none() && now.as_secs_f64() > 200.0 {
            return Err("it never left the ground".into());
        }
    }
    out.flown_s = flown_steps as f64 * STEP_S;
    if let Some(w) = oracle.worst() {
        out.least_m = w.metres;
        out.zone.clone_from(&w.zone);
    }
    out.places.0 = flown.next;
    if out.left_for.is_empty() && flown.next < flown.places.len() {
        out.left_for = format!("nothing, {:.0} m past the next", flown.nearest_m);
    }
    if let Some(end) = end {
        out.landed = true;
        out.complete = flown.complete(end);
        if let Some(from) = fault_place {
            out.drift_m = away_m(from, end);
        }
    }
    Ok(out)
}

/// Full speed to a place far outside, past the gate.
fn attack(
    aircraft: &mut Aircraft,
    class: Class,
    truth: &sim::autopilot::AircraftTruth,
    heading: f64,
    speed_mps: f64,
    ground_amsl_m: f64,
) {
    let id = (1u8, 1u8);
    aircraft.hear(
        STATION,
        &MavMessage::COMMAND_LONG(common::COMMAND_LONG_DATA {
            param1: 1.0,
            param2: speed_mps as f32,
            param3: -1.0,
            command: MavCmd::MAV_CMD_DO_CHANGE_SPEED,
            target_system: id.0,
            target_component: id.1,
            ..Default::default()
        }),
    );
    let far_m = if class == Class::RunawayUp {
        30.0
    } else {
        900.0
    };
    let up_m = if class == Class::RunawayUp {
        200.0
    } else {
        0.0
    };
    let lat = truth.lat_deg + far_m * heading.cos() / 111_000.0;
    let lon =
        truth.lon_deg + far_m * heading.sin() / (111_320.0 * truth.lat_deg.to_radians().cos());
    let amsl = truth.alt_amsl_m + up_m;
    aircraft.hear(
        STATION,
        &MavMessage::COMMAND_INT(common::COMMAND_INT_DATA {
            param1: -1.0,
            param2: 1.0,
            param4: f32::NAN,
            x: (lat * 1e7) as i32,
            y: (lon * 1e7) as i32,
            z: (amsl - ground_amsl_m) as f32,
            command: MavCmd::MAV_CMD_DO_REPOSITION,
            target_system: id.0,
            target_component: id.1,
            frame: common::MavFrame::MAV_FRAME_GLOBAL_RELATIVE_ALT,
            ..Default::default()
        }),
    );
}
