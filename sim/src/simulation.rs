//! The whole simulated world, stepped in virtual time: an aircraft behind its autopilot, things, wind, sensors.
//!
//! In: bytes to the autopilot. Out: bytes from the autopilot, Remote ID frames, camera frames, and the truth (for
//! oracles only). Never reads a clock: [`Sim::step_until`] is the clock.

use crate::{
    autopilot::{Aircraft, AircraftConfig, AircraftTruth, AutopilotKind, Environment, Trouble},
    camera::{Pose, ThermalCamera},
    fault::{After, Fault, Gust, House, Planned},
    scenario::Scenario,
    site::{Flat, Site, SiteError, Spot},
    world::{
        director::{Director, spectators},
        remote_id::{Broadcast, Receiver},
        route::MissionEar,
        things::{Thing, ThingKind},
        wind::Wind,
    },
};
use link::camera::CameraFrame;
use link::items::{ListKind, WireItem};
use missions::{
    place::{Alt, BadPlace, Home, LatLon},
    time::{Mono, Utc},
};
use std::{collections::VecDeque, time::Duration};
use thiserror::Error;

/// One step of the world, µs.
pub const STEP_US: u64 = 10_000;
/// Camera frames that wait to be fetched; the oldest is thrown away first.
const MAX_FRAMES: usize = 4;
/// Remote ID bytes that wait to be fetched.
const MAX_SENSOR_BYTES: usize = 64 << 10;
/// Ids of things staged for a flight begin here; those of spectators below.
const FIRST_STAGED_ID: u32 = 100_000;
/// Cruise speed taken for missions that name none, metres a second.
const USUAL_CRUISE_MPS: f64 = 8.0;
/// Climb rate for nominal timing, metres a second.
const USUAL_CLIMB_MPS: f64 = 2.5;

/// Higher than this above the ground it is airborne, metres.
const AIRBORNE_M: f64 = 0.3;

/// Whether a planned fault's time has come. `took_off`: when the aircraft first left the ground.
#[must_use]
pub fn is_due(p: &Planned, now: Mono, took_off: Option<Mono>) -> bool {
    let from = match p.after {
        After::Start => Some(Mono::ZERO),
        After::TakeOff => took_off,
    };
    from.is_some_and(|t| now >= t && now.since(t).as_secs_f64() >= p.at_s)
}

/// Why a world cannot be made.
#[derive(Debug, Error)]
pub enum SimError {
    /// The venue.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// The venue's launch site.
    #[error("the venue's launch site is no place: {0}")]
    Place(#[from] BadPlace),
}

/// What to simulate.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Everything random follows from it.
    pub seed: u64,
    /// Which autopilot.
    pub kind: AutopilotKind,
    /// World.
    pub scenario: Scenario,
    /// The venue's GeoJSON.
    pub venue_geojson: String,
    /// UTC at [`Mono::ZERO`].
    pub start: Utc,
    /// The aircraft's MAVLink system id.
    pub system_id: u8,
    /// Whether those who talk to it keep its time.
    pub real_pace: bool,
}

/// The truth, for oracles.
#[derive(Clone, Debug)]
pub struct Truth<'a> {
    /// World time.
    pub now: Mono,
    /// World UTC.
    pub utc: Utc,
    /// The aircraft.
    pub aircraft: AircraftTruth,
    /// Whether it is off the ground.
    pub airborne: bool,
    /// Everything in the world, spectators included.
    pub things: &'a [Thing],
    /// The projection things are placed with.
    pub flat: Flat,
}

/// The world.
#[derive(Clone)]
pub struct Sim {
    seed: u64,
    scenario: Scenario,
    site: Site,
    start: Utc,
    now: Mono,
    kind: AutopilotKind,
    aircraft: Aircraft,
    home: Home,
    wind: Wind,
    camera: ThermalCamera,
    receiver: Receiver,
    ear: MissionEar,
    things: Vec<Thing>,
    was_armed: bool,
    flights: u64,
    frames: VecDeque<CameraFrame>,
    sensor: Vec<u8>,
    next_frame: Mono,
    next_second: Mono,
    /// Faults of the scenario that this world plays itself and has not yet played.
    faults: Vec<Planned>,
    took_off: Option<Mono>,
}

impl Sim {
    /// A world at rest, the aircraft on its launch site.
    ///
    /// # Errors
    /// [`SimError`] when the venue cannot be staged.
    pub fn new(config: SimConfig) -> Result<Self, SimError> {
        let site = Site::from_geojson(&config.venue_geojson)?;
        let launch = site
            .of_role("launch")
            .next()
            .ok_or(SiteError::Lacks("launch site"))?
            .form
            .middle();
        let (lat, lon) = site.flat.degrees(launch);
        let home = Home {
            at: LatLon::from_degrees(lat, lon)?,
            alt: Alt::from_metres(site.ground_amsl_m)?,
        };
        let seed = config.seed;
        let aircraft = Aircraft::new(AircraftConfig {
            seed,
            real_pace: config.real_pace,
            ..AircraftConfig::new(config.kind, home, config.system_id)
        });
        let things = spectators(seed, &site, config.scenario.staging.spectators, 1);
        Ok(Sim {
            seed,
            site,
            start: config.start,
            now: Mono::ZERO,
            kind: config.kind,
            aircraft,
            home,
            wind: Wind::new(config.scenario.wind, seed, 0x01),
            camera: ThermalCamera::new(config.scenario.camera.clone(), seed, 0x02),
            receiver: Receiver::new(config.system_id, seed, 0x03),
            ear: MissionEar::default(),
            things,
            was_armed: false,
            flights: 0,
            frames: VecDeque::new(),
            sensor: Vec::new(),
            next_frame: Mono::ZERO,
            next_second: Mono::ZERO,
            faults: config
                .scenario
                .faults
                .iter()
                .filter(|p| p.fault.is_of_the_world())
                .copied()
                .collect(),
            took_off: None,
            scenario: config.scenario,
        })
    }

    /// World time.
    #[must_use]
    pub fn now(&self) -> Mono {
        self.now
    }
    /// World UTC.
    #[must_use]
    pub fn utc(&self) -> Utc {
        self.start.after(self.now.since(Mono::ZERO))
    }
    /// Where the aircraft starts.
    #[must_use]
    pub fn home(&self) -> Home {
        self.home
    }
    /// The venue as the world sees it.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// What the autopilot holds in one of its lists: the truth, for oracles.
    #[must_use]
    pub fn stored(&self, kind: ListKind) -> &[WireItem] {
        self.aircraft.stored(kind)
    }

    /// Moves the world on to the last whole step at or before `until`.
    pub fn step_until(&mut self, until: Mono) {
        while self.now.0 + STEP_US <= until.0 {
            self.step();
        }
    }

    /// Something happens to the aircraft.
    pub fn trouble(&mut self, t: Trouble) {
        self.aircraft.trouble(t);
    }
    /// A gust begins.
    pub fn gust(&mut self, gust: Gust) {
        self.wind.gust(gust);
    }
    /// What is drawn from here on follows from this seed: gusts, sensor errors, pictures, and the mean wind, which turns
    /// to another one. What was drawn before stays.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        self.wind.reseed(self.scenario.wind, seed, 0x01);
        self.aircraft.reseed(seed);
        self.receiver.reseed(seed, 0x03);
    }
    /// Whether the autopilot has started and would let itself be armed: the truth, for oracles.
    #[must_use]
    pub fn autopilot_is_ready(&self) -> bool {
        self.aircraft.is_ready()
    }
    /// When it first left the ground.
    #[must_use]
    pub fn took_off(&self) -> Option<Mono> {
        self.took_off
    }

    /// Plays the scenario's faults that are due.
    fn play(&mut self) {
        let (now, took_off) = (self.now, self.took_off);
        let due: Vec<Fault> = self
            .faults
            .extract_if(.., |p| is_due(p, now, took_off))
            .map(|p| p.fault)
            .collect();
        for f in due {
            match f {
                Fault::Aircraft(t) => self.aircraft.trouble(t),
                Fault::House(House::Gust(g)) => self.wind.gust(g),
                Fault::House(_) => {}
            }
        }
    }

    fn step(&mut self) {
        if !self.faults.is_empty() {
            self.play();
        }
        let before = self.aircraft.truth();
        let above_ground_m = before.alt_amsl_m - self.site.ground_amsl_m;
        let wind_ned_mps = self
            .wind
            .step(STEP_US as f64 * 1e-6, above_ground_m, before.vel_ned);
        let environment = Environment {
            wind_ned_mps,
            utc: self.utc(),
        };
        self.aircraft.step(STEP_US as f64 * 1e-6, &environment);
        self.now = Mono(self.now.0 + STEP_US);
        let truth = self.aircraft.truth();
        if self.took_off.is_none() && truth.alt_amsl_m - self.site.ground_amsl_m > AIRBORNE_M {
            self.took_off = Some(self.now);
        }
        if truth.armed && !self.was_armed {
            self.stage_flight(&truth);
        }
        self.was_armed = truth.armed;
        if self.now >= self.next_frame {
            self.next_frame = self
                .next_frame
                .after(Duration::from_secs_f64(1.0 / self.scenario.camera.rate_hz));
            self.shoot(&truth);
        }
        if self.now >= self.next_second {
            self.next_second = self.next_second.after(Duration::from_secs(1));
            self.listen(&truth);
        }
    }

    fn spot_of(&self, t: &AircraftTruth) -> Spot {
        self.site.flat.spot(t.lat_deg, t.lon_deg)
    }

    /// A flight begins: what the last one met goes away, the director draws anew.
    fn stage_flight(&mut self, truth: &AircraftTruth) {
        self.flights += 1;
        for thing in &mut self.things {
            if thing.kind != ThingKind::Bystander && thing.until > self.now {
                thing.until = self.now;
            }
        }
        let route = self.ear.route(
            &self.site.flat,
            self.spot_of(truth),
            self.kind == AutopilotKind::ArduPilot,
            USUAL_CRUISE_MPS,
            USUAL_CLIMB_MPS,
        );
        let staged = self
            .things
            .iter()
            .filter(|t| t.id >= FIRST_STAGED_ID)
            .count() as u32;
        let director = Director::new(
            self.seed,
            self.flights,
            &self.site,
            &route,
            self.now,
            self.scenario.camera.half_view(),
            FIRST_STAGED_ID + staged,
        );
        self.things.extend(director.stage(&self.scenario.staging));
    }

    fn shoot(&mut self, truth: &AircraftTruth) {
        let pose = Pose {
            spot: self.spot_of(truth),
            above_ground_m: truth.alt_amsl_m - self.site.ground_amsl_m,
            ned_from_body: truth.ned_from_body(),
            boot_us: truth.boot_us,
        };
        let frame = self.camera.shoot(&pose, &self.things, self.now);
        if self.frames.len() == MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    fn listen(&mut self, truth: &AircraftTruth) {
        let here = (
            self.spot_of(truth),
            truth.alt_amsl_m - self.site.ground_amsl_m,
        );
        let utc = self.utc();
        let home = self
            .site
            .flat
            .spot(self.home.at.lat_deg(), self.home.at.lon_deg());
        if self.sensor.len() > MAX_SENSOR_BYTES {
            self.sensor.clear();
        }
        let own = self.scenario.staging.own_remote_id.as_deref();
        let [north, east, down] = truth.vel_ned;
        let own = own.map(|serial| Broadcast {
            serial,
            mac: [0x02, 0x50, 0x41, 0x54, 0x00, 0x01],
            spot: here.0,
            above_ground_m: here.1,
            velocity_mps: (east, north, -down),
            operator: home,
        });
        let others = self
            .things
            .iter()
            .filter(|t| t.kind.broadcasts() && t.is_present(self.now))
            .map(|t| {
                let (spot, above_ground_m) = t.place(self.now);
                let id = t.id.to_be_bytes();
                Broadcast {
                    serial: &t.subject,
                    mac: [0x02, 0x58, id[0], id[1], id[2], id[3]],
                    spot,
                    above_ground_m,
                    velocity_mps: t.velocity_mps(self.now),
                    operator: t.path.first().map_or(spot, |k| k.spot),
                }
            });
        for b in own.into_iter().chain(others) {
            self.receiver.hear(
                self.now,
                utc,
                &self.site.flat,
                self.site.ground_amsl_m,
                here,
                &b,
                &mut self.sensor,
            );
        }
    }

    /// Bytes that reach the autopilot at `now`.
    pub fn autopilot_in(&mut self, now: Mono, bytes: &[u8]) {
        self.ear.hear(now, bytes);
        self.aircraft.mavlink_in(now, bytes);
    }
    /// Bytes the autopilot sent since the last call.
    pub fn autopilot_out(&mut self) -> Vec<u8> {
        self.aircraft.mavlink_out()
    }
    /// MAVLink frames the Remote ID receiver sent since the last call.
    pub fn sensor_out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sensor)
    }
    /// The next camera frame.
    pub fn camera_out(&mut self) -> Option<CameraFrame> {
        self.frames.pop_front()
    }
    /// The truth.
    #[must_use]
    pub fn truth(&self) -> Truth<'_> {
        let aircraft = self.aircraft.truth();
        Truth {
            now: self.now,
            utc: self.utc(),
            airborne: aircraft.alt_amsl_m - self.site.ground_amsl_m > AIRBORNE_M,
            aircraft,
            things: &self.things,
            flat: self.site.flat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::common::{COMMAND_LONG_DATA, MavCmd, MavMessage};
    use link::frame::Stamper;

    fn sim(seed: u64) -> Sim {
        let scenario = Scenario::sixi().unwrap();
        Sim::new(SimConfig {
            seed,
            kind: AutopilotKind::Px4,
            start: scenario.start().unwrap(),
            scenario,
            venue_geojson: include_str!("../../missions/venues/sixi-river.geojson").to_owned(),
            system_id: 7,
            real_pace: true,
        })
        .unwrap()
    }

    fn arm(sim: &mut Sim) {
        let m = COMMAND_LONG_DATA {
            param1: 1.0,
            command: MavCmd::MAV_CMD_COMPONENT_ARM_DISARM,
            target_system: 7,
            target_component: 1,
            ..Default::default()
        };
        let f = Stamper::new(255, 190).frame(MavMessage::COMMAND_LONG(m));
        let now = sim.now();
        sim.autopilot_in(now, f.bytes());
    }

    /// Everything that comes out in 45 seconds, the motors started after 40.
    fn everything(seed: u64) -> (Vec<u8>, Vec<CameraFrame>, Vec<u8>) {
        let mut s = sim(seed);
        let (mut bytes, mut frames, mut sensor) = (Vec::new(), Vec::new(), Vec::new());
        for tenth in 1..=450u64 {
            s.step_until(Mono(tenth * 100_000));
            if tenth == 400 {
                arm(&mut s);
            }
            bytes.extend(s.autopilot_out());
            sensor.extend(s.sensor_out());
            frames.extend(std::iter::from_fn(|| s.camera_out()));
        }
        (bytes, frames, sensor)
    }

    #[test]
    fn the_same_seed_gives_the_same_world_and_another_seed_another() {
        let first = everything(5);
        assert!(first.0.len() > 50_000 && first.1.len() > 30 && !first.2.is_empty());
        assert!(
            first == everything(5),
            "the same seed must give the same bytes and pictures"
        );
        assert!(first.0 != everything(6).0);
    }

    #[test]
    fn it_moves_in_whole_steps_and_never_beyond_what_is_asked() {
        let mut s = sim(1);
        s.step_until(Mono(25_000));
        assert_eq!(s.now(), Mono(20_000));
        s.step_until(Mono(29_999));
        assert_eq!(s.now(), Mono(20_000));
        s.step_until(Mono(30_000));
        assert_eq!(s.now(), Mono(30_000));
        assert!(!s.truth().airborne);
    }

    #[test]
    fn what_is_not_fetched_is_bounded() {
        let mut s = sim(2);
        s.step_until(Mono(200_000_000));
        assert!(s.autopilot_out().len() <= 257 << 10);
        assert!(s.sensor_out().len() <= MAX_SENSOR_BYTES + 4_096);
        let frames = std::iter::from_fn(|| s.camera_out()).count();
        assert_eq!(frames, MAX_FRAMES);
    }

    #[test]
    fn the_scenarios_faults_come_when_they_are_planned() {
        let mut scenario = Scenario::sixi().unwrap();
        let toml = "at_s = 5.0\nwhat = 'unplugged'";
        scenario.faults = vec![toml::from_str(toml).unwrap()];
        let mut s = Sim::new(SimConfig {
            seed: 1,
            kind: AutopilotKind::Px4,
            start: scenario.start().unwrap(),
            scenario,
            venue_geojson: include_str!("../../missions/venues/sixi-river.geojson").to_owned(),
            system_id: 1,
            real_pace: true,
        })
        .unwrap();
        s.step_until(Mono(4_990_000));
        assert!(!s.autopilot_out().is_empty());
        s.step_until(Mono(6_000_000));
        s.autopilot_out();
        s.step_until(Mono(8_000_000));
        assert!(s.autopilot_out().is_empty());
    }

    #[test]
    fn a_copy_with_another_seed_goes_its_own_way_and_the_same_seed_the_same() {
        let mut s = sim(5);
        s.step_until(Mono(40_000_000));
        s.autopilot_out();
        let rest = |seed: u64| {
            let mut c = s.clone();
            c.reseed(seed);
            c.step_until(Mono(45_000_000));
            c.autopilot_out()
        };
        assert!(rest(1) == rest(1) && rest(1) != rest(2));
    }

    #[test]
    fn things_are_staged_when_the_motors_start() {
        let mut s = sim(3);
        s.step_until(Mono(40_000_000));
        let staged = |s: &Sim| {
            s.truth()
                .things
                .iter()
                .filter(|t| t.id >= FIRST_STAGED_ID)
                .count()
        };
        assert_eq!(staged(&s), 0);
        arm(&mut s);
        s.step_until(Mono(40_100_000));
        assert!(s.truth().aircraft.armed);
        assert!(staged(&s) > 0);
    }
}
