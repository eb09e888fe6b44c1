//! One aircraft of the world with what it carries: autopilot, camera, Remote ID receiver, and the air around it.
//!
//! In a fleet each has its own line, noise, gusts and errors; the ground, the mean wind and the things are the world's.

use crate::{
    autopilot::{Aircraft, AircraftConfig, AircraftTruth, AutopilotKind, Environment},
    camera::{Pose, ThermalCamera},
    fault::Gust,
    scenario::{CameraSpec, Scenario},
    site::{Flat, Site, Spot},
    world::{
        remote_id::{Broadcast, Receiver},
        route::{MissionEar, Route},
        things::Thing,
        wind::{Wind, WindSpec},
    },
};
use link::camera::CameraFrame;
use missions::{
    place::{Alt, BadPlace, Home, LatLon},
    time::{Mono, Utc},
};
use std::{collections::VecDeque, time::Duration};

/// Camera frames that wait to be fetched; the oldest is thrown away first.
pub(crate) const MAX_FRAMES: usize = 4;
/// Remote ID bytes that wait to be fetched.
pub(crate) const MAX_SENSOR_BYTES: usize = 64 << 10;
/// Cruise speed taken for missions that name none, metres a second.
const USUAL_CRUISE_MPS: f64 = 8.0;
/// Climb rate for nominal timing, metres a second.
const USUAL_CLIMB_MPS: f64 = 2.5;
/// Aircraft that share a launch site stand like the seeds of a sunflower around it, some three metres apart.
const APART_M: f64 = 2.0;
/// The golden angle, rad.
const GOLDEN_RAD: f64 = 2.399_963_229_728_653;

/// What a fleet's aircraft number `n` (from 0) begins with.
pub(crate) struct Berth<'a> {
    /// Its number.
    pub n: u8,
    /// How many stand on the same launch site before it.
    pub beside: u8,
    /// The world's seed.
    pub seed: u64,
    /// Which autopilot.
    pub kind: AutopilotKind,
    /// The world.
    pub scenario: &'a Scenario,
    /// The venue.
    pub site: &'a Site,
    /// Its launch site.
    pub launch: Spot,
    /// MAVLink system id.
    pub system_id: u8,
    /// Whether its clients keep its time.
    pub real_pace: bool,
    /// The fleet's first aircraft, once it is there: all see the same ground.
    pub first: Option<&'a Craft>,
}

/// One aircraft.
#[derive(Clone)]
pub(crate) struct Craft {
    kind: AutopilotKind,
    pub(crate) aircraft: Aircraft,
    home_spot: Spot,
    wind: Wind,
    camera: ThermalCamera,
    receiver: Receiver,
    ear: MissionEar,
    mac: [u8; 6],
    /// The truth after the last step.
    pub(crate) truth: AircraftTruth,
    was_armed: bool,
    /// Ids of the things its last flight was staged with.
    pub(crate) staged: std::ops::Range<u32>,
    frames: VecDeque<CameraFrame>,
    pub(crate) sensor: Vec<u8>,
    next_frame: Mono,
}

/// The seed of aircraft number `n` of a world.
fn own_seed(n: u8, seed: u64) -> u64 {
    seed.wrapping_add(u64::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

impl Craft {
    /// At rest on its place.
    ///
    /// # Errors
    /// When that is no place.
    pub(crate) fn new(berth: &Berth<'_>) -> Result<Self, BadPlace> {
        let Berth {
            n,
            beside,
            scenario,
            site,
            ..
        } = berth;
        // The first is what a world of one has: one seed, one trace, however large the fleet could be.
        let seed = own_seed(*n, berth.seed);
        let (radius_m, angle) = (
            APART_M * f64::from(*beside).sqrt(),
            GOLDEN_RAD * f64::from(*beside),
        );
        let stand = Spot::new(
            berth.launch.x_m + radius_m * angle.sin(),
            berth.launch.y_m + radius_m * angle.cos(),
        );
        let (lat, lon) = site.flat.degrees(stand);
        let home = Home {
            at: LatLon::from_degrees(lat, lon)?,
            alt: Alt::from_metres(site.ground_amsl_m)?,
        };
        let aircraft = Aircraft::new(AircraftConfig {
            seed,
            real_pace: berth.real_pace,
            airframe: scenario.airframe.clone().unwrap_or_default(),
            ..AircraftConfig::new(berth.kind, home, berth.system_id)
        });
        let mut wind = Wind::new(scenario.wind, berth.seed, 0x01);
        if *n > 0 {
            wind.gust_by(seed, 0x01);
        }
        let camera = match berth.first {
            Some(first) => first.camera.another(seed, 0x02),
            None => ThermalCamera::new(scenario.camera.clone(), seed, 0x02),
        };
        Ok(Craft {
            kind: berth.kind,
            truth: aircraft.truth(),
            aircraft,
            home_spot: site.flat.spot(home.at.lat_deg(), home.at.lon_deg()),
            wind,
            camera,
            receiver: Receiver::new(berth.system_id, seed, 0x03),
            ear: MissionEar::default(),
            mac: [0x02, 0x50, 0x41, 0x54, *n, 0x01],
            was_armed: false,
            staged: 0..0,
            frames: VecDeque::new(),
            sensor: Vec::new(),
            next_frame: Mono::ZERO,
        })
    }

    /// What it draws from here on follows from the world's new seed.
    pub(crate) fn reseed(&mut self, n: u8, wind: WindSpec, seed: u64) {
        let own = own_seed(n, seed);
        self.wind.reseed(wind, seed, 0x01);
        if n > 0 {
            self.wind.gust_by(own, 0x01);
        }
        self.aircraft.reseed(own);
        self.receiver.reseed(own, 0x03);
    }

    /// It comes into a gust.
    pub(crate) fn gust(&mut self, gust: Gust) {
        self.wind.gust(gust);
    }

    /// Moves on by `dt_s` from the time `utc`. Whether its motors have just started.
    pub(crate) fn step(&mut self, dt_s: f64, ground_amsl_m: f64, utc: Utc) -> bool {
        let before = &self.truth;
        let wind_ned_mps = self
            .wind
            .step(dt_s, before.alt_amsl_m - ground_amsl_m, before.vel_ned);
        self.aircraft.step(dt_s, &Environment { wind_ned_mps, utc });
        self.truth = self.aircraft.truth();
        let starts = self.truth.armed && !self.was_armed;
        self.was_armed = self.truth.armed;
        starts
    }

    pub(crate) fn spot(&self, flat: &Flat) -> Spot {
        flat.spot(self.truth.lat_deg, self.truth.lon_deg)
    }

    /// The way it is about to fly, as its autopilot was told.
    pub(crate) fn route(&self, flat: &Flat) -> Route {
        self.ear.route(
            flat,
            self.spot(flat),
            self.kind == AutopilotKind::ArduPilot,
            USUAL_CRUISE_MPS,
            USUAL_CLIMB_MPS,
        )
    }

    /// Takes a picture when one is due.
    pub(crate) fn shoot(&mut self, now: Mono, spec: &CameraSpec, site: &Site, things: &[Thing]) {
        if now < self.next_frame {
            return;
        }
        self.next_frame = self
            .next_frame
            .after(Duration::from_secs_f64(1.0 / spec.rate_hz));
        let pose = Pose {
            spot: self.spot(&site.flat),
            above_ground_m: self.truth.alt_amsl_m - site.ground_amsl_m,
            ned_from_body: self.truth.ned_from_body(),
            boot_us: self.truth.boot_us,
        };
        let frame = self.camera.shoot(&pose, things, now);
        if self.frames.len() == MAX_FRAMES {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
    }

    /// What it broadcasts about itself under this serial number.
    pub(crate) fn broadcast<'a>(&self, serial: &'a str, site: &Site) -> Broadcast<'a> {
        let [north, east, down] = self.truth.vel_ned;
        Broadcast {
            serial,
            mac: self.mac,
            spot: self.spot(&site.flat),
            above_ground_m: self.truth.alt_amsl_m - site.ground_amsl_m,
            velocity_mps: (east, north, -down),
            operator: self.home_spot,
        }
    }

    /// One second of what its Remote ID receiver hears.
    pub(crate) fn listen(
        &mut self,
        now: Mono,
        utc: Utc,
        site: &Site,
        broadcasts: &[Broadcast<'_>],
    ) {
        if self.sensor.len() > MAX_SENSOR_BYTES {
            self.sensor.clear();
        }
        let here = (
            self.spot(&site.flat),
            self.truth.alt_amsl_m - site.ground_amsl_m,
        );
        for b in broadcasts {
            self.receiver.hear(
                now,
                utc,
                &site.flat,
                site.ground_amsl_m,
                here,
                b,
                &mut self.sensor,
            );
        }
    }

    /// Bytes that reach its autopilot.
    pub(crate) fn autopilot_in(&mut self, now: Mono, bytes: &[u8]) {
        self.ear.hear(now, bytes);
        self.aircraft.mavlink_in(now, bytes);
        // Orders change what is true at once (the motors start), not at the next step.
        self.truth = self.aircraft.truth();
    }

    /// The next camera frame.
    pub(crate) fn camera_out(&mut self) -> Option<CameraFrame> {
        self.frames.pop_front()
    }
}
