//! The whole simulated world, stepped in virtual time: aircraft behind their autopilots, things, wind, sensors.
//!
//! In: bytes to the autopilots. Out: bytes from the autopilot, Remote ID frames, camera frames, and the truth (for
//! oracles only). Never reads a clock: [`Sim::step_until`] is the clock.

use crate::{
    autopilot::{AircraftTruth, AutopilotKind, Trouble},
    craft::{Berth, Craft},
    fault::{After, Fault, Gust, House, Planned},
    scenario::Scenario,
    site::{Flat, Site, SiteError, Spot},
    world::{
        director::{Director, spectators},
        remote_id::Broadcast,
        things::Thing,
    },
};
use link::camera::CameraFrame;
use link::items::{ListKind, WireItem};
use missions::{
    place::BadPlace,
    time::{Mono, Utc},
};
use std::time::Duration;
use thiserror::Error;

/// One step of the world, µs.
pub const STEP_US: u64 = 10_000;
/// Ids of things staged for a flight begin here; those of spectators below.
const FIRST_STAGED_ID: u32 = 100_000;

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
    /// The fleet.
    #[error(
        "{0} aircraft from system id {1}: give at least one, and at most as many as there are ids up to 255"
    )]
    Fleet(u8, u8),
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
    crafts: Vec<Craft>,
    /// Remote ID serial numbers of the aircraft, in their order; empty: they broadcast nothing.
    serials: Vec<String>,
    things: Vec<Thing>,
    flights: u64,
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
        Sim::fleet(config, 1)
    }

    /// A world with `aircraft` aircraft of one kind, one a launch site of the venue in their order and side by side where
    /// there are fewer, their system ids counted up from the configuration's. They share ground, wind and things, and hear each other's Remote ID; collisions are not
    /// reckoned. Number 0 is the aircraft that [`Sim::new`] makes.
    ///
    /// # Errors
    /// [`SimError`] when the venue cannot be staged, or there are none or more than there are system ids.
    pub fn fleet(config: SimConfig, aircraft: u8) -> Result<Self, SimError> {
        if aircraft == 0 || config.system_id.checked_add(aircraft - 1).is_none() {
            return Err(SimError::Fleet(aircraft, config.system_id));
        }
        let site = Site::from_geojson(&config.venue_geojson)?;
        let pads: Vec<Spot> = site.of_role("launch").map(|z| z.form.middle()).collect();
        let seed = config.seed;
        let mut crafts: Vec<Craft> = Vec::with_capacity(usize::from(aircraft));
        // One a launch site, and again from the first where there are fewer.
        for (n, launch) in (0..aircraft).zip(pads.iter().copied().cycle()) {
            let beside = usize::from(n).checked_div(pads.len()).unwrap_or(0);
            let craft = Craft::new(&Berth {
                n,
                beside: u8::try_from(beside).unwrap_or(u8::MAX),
                seed,
                kind: config.kind,
                scenario: &config.scenario,
                site: &site,
                launch,
                system_id: config.system_id + n,
                real_pace: config.real_pace,
                first: crafts.first(),
            })?;
            crafts.push(craft);
        }
        if crafts.is_empty() {
            return Err(SiteError::Lacks("launch site").into());
        }
        let serials = match &config.scenario.staging.own_remote_id {
            Some(own) => (0..aircraft).map(|n| serial_of(own, n)).collect(),
            None => Vec::new(),
        };
        let things = spectators(seed, &site, config.scenario.staging.spectators, 1);
        Ok(Sim {
            seed,
            site,
            start: config.start,
            now: Mono::ZERO,
            crafts,
            serials,
            things,
            flights: 0,
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
    /// The venue as the world sees it.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.site
    }
    /// How many aircraft there are.
    #[must_use]
    pub fn aircraft(&self) -> usize {
        self.crafts.len()
    }

    /// What the (first) autopilot holds in one of its lists: the truth, for oracles.
    #[must_use]
    pub fn stored(&self, kind: ListKind) -> &[WireItem] {
        self.crafts.first().map_or(&[], |c| c.aircraft.stored(kind))
    }

    /// Moves the world on to the last whole step at or before `until`.
    pub fn step_until(&mut self, until: Mono) {
        while self.now.0 + STEP_US <= until.0 {
            self.step();
        }
    }

    /// Something happens to the (first) aircraft.
    pub fn trouble(&mut self, t: Trouble) {
        if let Some(c) = self.crafts.first_mut() {
            c.aircraft.trouble(t);
        }
    }
    /// A gust begins; all aircraft are in it.
    pub fn gust(&mut self, gust: Gust) {
        for c in &mut self.crafts {
            c.gust(gust);
        }
    }
    /// What is drawn from here on follows from this seed: gusts, sensor errors, pictures, and the mean wind, which turns
    /// to another one. What was drawn before stays.
    pub fn reseed(&mut self, seed: u64) {
        self.seed = seed;
        for (n, c) in (0u8..).zip(&mut self.crafts) {
            c.reseed(n, self.scenario.wind, seed);
        }
    }
    /// Whether the (first) autopilot has started and would let itself be armed: the truth, for oracles.
    #[must_use]
    pub fn autopilot_is_ready(&self) -> bool {
        self.crafts.first().is_some_and(|c| c.aircraft.is_ready())
    }
    /// When the first of them left the ground.
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
                Fault::Aircraft(t) => self.trouble(t),
                Fault::House(House::Gust(g)) => self.gust(g),
                Fault::House(_) => {}
            }
        }
    }

    fn step(&mut self) {
        if !self.faults.is_empty() {
            self.play();
        }
        let (utc, ground_amsl_m) = (self.utc(), self.site.ground_amsl_m);
        self.now = Mono(self.now.0 + STEP_US);
        for n in 0..self.crafts.len() {
            let starts = self
                .crafts
                .get_mut(n)
                .is_some_and(|c| c.step(STEP_US as f64 * 1e-6, ground_amsl_m, utc));
            if starts {
                self.stage_flight(n);
            }
        }
        if self.took_off.is_none() && self.crafts.iter().any(|c| self.airborne(&c.truth)) {
            self.took_off = Some(self.now);
        }
        for craft in &mut self.crafts {
            craft.shoot(self.now, &self.scenario.camera, &self.site, &self.things);
        }
        if self.now >= self.next_second {
            self.next_second = self.next_second.after(Duration::from_secs(1));
            self.listen();
        }
    }

    /// A flight begins: what this aircraft's last one met goes away, the director draws anew.
    fn stage_flight(&mut self, n: usize) {
        let Some(craft) = self.crafts.get_mut(n) else {
            return;
        };
        self.flights += 1;
        for thing in &mut self.things {
            if craft.staged.contains(&thing.id) && thing.until > self.now {
                thing.until = self.now;
            }
        }
        let staged = self
            .things
            .iter()
            .filter(|t| t.id >= FIRST_STAGED_ID)
            .count() as u32;
        let route = craft.route(&self.site.flat);
        let director = Director::new(
            self.seed,
            self.flights,
            &self.site,
            &route,
            self.now,
            self.scenario.camera.half_view(),
            FIRST_STAGED_ID + staged,
        );
        let drawn = director.stage(&self.scenario.staging);
        let first = FIRST_STAGED_ID + staged;
        craft.staged = first..first + drawn.len() as u32;
        self.things.extend(drawn);
    }

    /// Whatever broadcasts does so once, and every aircraft hears what reaches it.
    fn listen(&mut self) {
        let utc = self.utc();
        let own = self
            .crafts
            .iter()
            .zip(&self.serials)
            .map(|(c, serial)| c.broadcast(serial, &self.site));
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
        let broadcasts: Vec<Broadcast<'_>> = own.chain(others).collect();
        for craft in &mut self.crafts {
            craft.listen(self.now, utc, &self.site, &broadcasts);
        }
    }

    /// Bytes that reach the (first) autopilot at `now`.
    pub fn autopilot_in(&mut self, now: Mono, bytes: &[u8]) {
        self.autopilot_in_of(0, now, bytes);
    }
    /// Bytes the (first) autopilot sent since the last call.
    pub fn autopilot_out(&mut self) -> Vec<u8> {
        self.autopilot_out_of(0)
    }
    /// MAVLink frames the (first aircraft's) Remote ID receiver sent since the last call.
    pub fn sensor_out(&mut self) -> Vec<u8> {
        self.sensor_out_of(0)
    }
    /// The (first aircraft's) next camera frame.
    pub fn camera_out(&mut self) -> Option<CameraFrame> {
        self.camera_out_of(0)
    }
    /// As [`Sim::autopilot_in`], of aircraft number `n`; of one that is not there nothing comes of it.
    pub fn autopilot_in_of(&mut self, n: usize, now: Mono, bytes: &[u8]) {
        if let Some(c) = self.crafts.get_mut(n) {
            c.autopilot_in(now, bytes);
        }
    }
    /// As [`Sim::autopilot_out`], of aircraft number `n`.
    pub fn autopilot_out_of(&mut self, n: usize) -> Vec<u8> {
        self.crafts
            .get_mut(n)
            .map_or_else(Vec::new, |c| c.aircraft.mavlink_out())
    }
    /// As [`Sim::sensor_out`], of aircraft number `n`.
    pub fn sensor_out_of(&mut self, n: usize) -> Vec<u8> {
        self.crafts
            .get_mut(n)
            .map_or_else(Vec::new, |c| std::mem::take(&mut c.sensor))
    }
    /// As [`Sim::camera_out`], of aircraft number `n`.
    pub fn camera_out_of(&mut self, n: usize) -> Option<CameraFrame> {
        self.crafts.get_mut(n).and_then(Craft::camera_out)
    }
    /// The truth, about the first aircraft.
    #[must_use]
    pub fn truth(&self) -> Truth<'_> {
        let aircraft = self.crafts[0].truth;
        Truth {
            now: self.now,
            utc: self.utc(),
            airborne: self.airborne(&aircraft),
            aircraft,
            things: &self.things,
            flat: self.site.flat,
        }
    }
    /// The truth about every aircraft, and whether it is off the ground.
    pub fn fleet_truth(&self) -> impl Iterator<Item = (AircraftTruth, bool)> + '_ {
        self.crafts
            .iter()
            .map(|c| (c.truth, self.airborne(&c.truth)))
    }
    fn airborne(&self, a: &AircraftTruth) -> bool {
        a.alt_amsl_m - self.site.ground_amsl_m > AIRBORNE_M
    }
}

/// Serial number of aircraft number `n`: the first has the scenario's, the others that with their number at its end
/// (ANSI/CTA-2063-A has room for 20 characters).
#[must_use]
pub fn serial_of(own: &str, n: u8) -> String {
    if n == 0 {
        return own.to_owned();
    }
    let kept: String = own.chars().take(17).collect();
    format!("{kept}{n:03}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::{MAX_FRAMES, MAX_SENSOR_BYTES};
    use link::common::{COMMAND_LONG_DATA, MavCmd, MavMessage};
    use link::frame::{Frame, Stamper};

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

    fn fleet(seed: u64, aircraft: u8) -> Sim {
        let scenario = Scenario::sixi().unwrap();
        let config = SimConfig {
            seed,
            kind: AutopilotKind::Px4,
            start: scenario.start().unwrap(),
            scenario,
            venue_geojson: include_str!("../../missions/venues/sixi-river.geojson").to_owned(),
            system_id: 7,
            real_pace: true,
        };
        Sim::fleet(config, aircraft).unwrap()
    }

    #[test]
    fn the_first_of_a_fleet_is_the_aircraft_of_a_world_with_one() {
        let (mut alone, mut many) = (sim(5), fleet(5, 3));
        for tenth in 1..=450u64 {
            alone.step_until(Mono(tenth * 100_000));
            many.step_until(Mono(tenth * 100_000));
            if tenth == 400 {
                arm(&mut alone);
                arm(&mut many);
            }
            assert_eq!(alone.autopilot_out(), many.autopilot_out());
            assert_eq!(alone.camera_out(), many.camera_out());
        }
        assert_eq!(alone.truth().aircraft, many.truth().aircraft);
        let armed: Vec<bool> = many.fleet_truth().map(|(t, _)| t.armed).collect();
        assert_eq!(armed, [true, false, false], "only system 7 was told to");
    }

    #[test]
    fn a_fleet_stands_apart_and_each_speaks_and_sees_for_itself() {
        let mut s = fleet(5, 50);
        s.step_until(Mono(8_000_000));
        let said: Vec<Vec<u8>> = (0..50).map(|n| s.autopilot_out_of(n)).collect();
        let seen: Vec<CameraFrame> = (0..50).filter_map(|n| s.camera_out_of(n)).collect();
        assert_eq!(seen.len(), 50);
        let spots: Vec<_> = s
            .fleet_truth()
            .map(|(t, _)| s.site().flat.spot(t.lat_deg, t.lon_deg))
            .collect();
        for (n, ((said, spot), seen_here)) in said.iter().zip(&spots).zip(&seen).enumerate() {
            let frame = Frame::from_bytes(&first_frame(said)).unwrap();
            assert_eq!(usize::from(frame.header().system), 7 + n);
            for (other, seen_there) in spots.iter().zip(&seen).take(n) {
                assert!(spot.distance_m(*other) > 1.5, "{n}");
                assert_ne!(seen_here.image, seen_there.image);
            }
        }
        // Everybody's Remote ID is heard by everybody, under a name of its own.
        let heard = String::from_utf8_lossy(&s.sensor_out_of(49)).into_owned();
        let own = Scenario::sixi().unwrap().staging.own_remote_id.unwrap();
        let names: Vec<String> = (0..50).map(|n| serial_of(&own, n)).collect();
        assert!(names.iter().filter(|n| heard.contains(n.as_str())).count() >= 49);
    }

    fn first_frame(bytes: &[u8]) -> Vec<u8> {
        let mut framer = link::frame::Framer::new();
        framer.push(Mono::ZERO, bytes);
        framer.next_frame().unwrap().bytes().to_vec()
    }

    #[test]
    fn a_fleet_of_none_or_of_more_than_there_are_ids_is_refused() {
        for (aircraft, system_id) in [(0, 7), (2, 255), (250, 7)] {
            let scenario = Scenario::sixi().unwrap();
            let config = SimConfig {
                seed: 1,
                kind: AutopilotKind::Px4,
                start: scenario.start().unwrap(),
                scenario,
                venue_geojson: include_str!("../../missions/venues/sixi-river.geojson").to_owned(),
                system_id,
                real_pace: true,
            };
            assert!(matches!(
                Sim::fleet(config, aircraft),
                Err(SimError::Fleet(..))
            ));
        }
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
