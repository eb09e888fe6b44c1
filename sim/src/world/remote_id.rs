//! What a Remote ID receiver on the aircraft hears and reports: OPEN_DRONE_ID_* messages with the fields, units and
//! quantisation of ASTM F3411-22a. It knows nothing about who is meant; our own broadcast is heard like any other.

use crate::site::{Flat, Spot};
use link::{
    common::{
        MavMessage, MavOdidHeightRef, MavOdidHorAcc, MavOdidIdType, MavOdidOperatorLocationType,
        MavOdidSpeedAcc, MavOdidStatus, MavOdidTimeAcc, MavOdidUaType, MavOdidVerAcc,
        OPEN_DRONE_ID_BASIC_ID_DATA, OPEN_DRONE_ID_LOCATION_DATA, OPEN_DRONE_ID_SYSTEM_DATA,
    },
    frame::Stamper,
};
use missions::time::{Mono, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use std::collections::BTreeMap;

/// Component id of a Remote ID receiver (`MAV_COMP_ID_ODID_TXRX_1`).
pub const RECEIVER_COMPONENT: u8 = 236;
/// Farther than this nothing is heard, metres.
pub const RANGE_M: f64 = 1_500.0;
/// F3411's epoch for System timestamps: 2019-01-01T00:00:00Z, seconds since 1970.
const F3411_EPOCH_S: i64 = 1_546_300_800;

/// One broadcaster at one moment.
#[derive(Clone, Debug)]
pub struct Broadcast<'a> {
    /// ANSI/CTA-2063-A serial number, at most 20 characters.
    pub serial: &'a str,
    /// Transmitter's MAC address.
    pub mac: [u8; 6],
    /// True place.
    pub spot: Spot,
    /// True height above the ground, metres.
    pub above_ground_m: f64,
    /// True velocity: east, north, up, metres a second.
    pub velocity_mps: (f64, f64, f64),
    /// Where its operator stands.
    pub operator: Spot,
}

/// The receiver.
#[derive(Clone, Debug)]
pub struct Receiver {
    stamper: Stamper,
    rng: ChaCha8Rng,
    /// Slowly wandering GNSS error of each broadcaster, metres.
    gnss_error_m: BTreeMap<[u8; 6], [f64; 3]>,
}

impl Receiver {
    /// A receiver aboard `system`.
    #[must_use]
    pub fn new(system: u8, seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Receiver {
            stamper: Stamper::new(system, RECEIVER_COMPONENT),
            rng,
            gnss_error_m: BTreeMap::new(),
        }
    }

    /// What it hears from here on follows from this seed.
    pub fn reseed(&mut self, seed: u64, stream: u64) {
        self.rng = ChaCha8Rng::seed_from_u64(seed);
        self.rng.set_stream(stream);
    }

    /// One second of one broadcaster, as heard from `here`. Appends frames to `out`.
    #[expect(
        clippy::too_many_arguments,
        reason = "one moment of two aircraft has that many facts"
    )]
    pub fn hear(
        &mut self,
        now: Mono,
        utc: Utc,
        flat: &Flat,
        ground_amsl_m: f64,
        here: (Spot, f64),
        b: &Broadcast<'_>,
        out: &mut Vec<u8>,
    ) {
        let distance_m = here.0.distance_m(b.spot).hypot(here.1 - b.above_ground_m);
        let chance = (0.98 - (distance_m / RANGE_M).powi(4)).max(0.0);
        let error = self.gnss_error_m.entry(b.mac).or_default();
        for e in error.iter_mut() {
            let n: f64 = self.rng.sample(StandardNormal);
            *e = 0.95 * *e + 0.4 * n;
        }
        let error = *error;
        // Each message is its own advertisement and is missed on its own.
        let heard: [bool; 3] = std::array::from_fn(|_| self.rng.random::<f64>() < chance);
        let mut id_or_mac = [0u8; 20];
        id_or_mac[..6].copy_from_slice(&b.mac);
        if heard[0] {
            let mut uas_id = [0u8; 20];
            for (to, from) in uas_id.iter_mut().zip(b.serial.bytes()) {
                *to = from;
            }
            let message = MavMessage::OPEN_DRONE_ID_BASIC_ID(OPEN_DRONE_ID_BASIC_ID_DATA {
                target_system: 0,
                target_component: 0,
                id_or_mac,
                id_type: MavOdidIdType::MAV_ODID_ID_TYPE_SERIAL_NUMBER,
                ua_type: MavOdidUaType::MAV_ODID_UA_TYPE_HELICOPTER_OR_MULTIROTOR,
                uas_id,
            });
            out.extend_from_slice(self.stamper.frame(message).bytes());
        }
        if heard[1] {
            let (lat, lon) = flat.degrees(Spot::new(b.spot.x_m + error[0], b.spot.y_m + error[1]));
            let (e, n, u) = b.velocity_mps;
            let speed_mps = e.hypot(n);
            let course_deg = e.atan2(n).to_degrees().rem_euclid(360.0).round() % 360.0;
            let half = |m: f64| ((m * 2.0).round() / 2.0) as f32;
            let geodetic_m = ground_amsl_m + b.above_ground_m + error[2];
            let message = MavMessage::OPEN_DRONE_ID_LOCATION(OPEN_DRONE_ID_LOCATION_DATA {
                latitude: (lat * 1e7).round() as i32,
                longitude: (lon * 1e7).round() as i32,
                altitude_barometric: half(geodetic_m),
                altitude_geodetic: half(geodetic_m),
                height: half(b.above_ground_m),
                timestamp: (utc.0.rem_euclid(3_600_000_000) / 100_000) as f32 / 10.0,
                direction: course_deg as u16 * 100,
                // 0.25 m/s steps, in cm/s.
                speed_horizontal: ((speed_mps * 4.0).round() * 25.0) as u16,
                speed_vertical: ((u * 2.0).round() * 50.0) as i16,
                target_system: 0,
                target_component: 0,
                id_or_mac,
                status: if b.above_ground_m > 1.0 {
                    MavOdidStatus::MAV_ODID_STATUS_AIRBORNE
                } else {
                    MavOdidStatus::MAV_ODID_STATUS_GROUND
                },
                height_reference: MavOdidHeightRef::MAV_ODID_HEIGHT_REF_OVER_TAKEOFF,
                horizontal_accuracy: MavOdidHorAcc::MAV_ODID_HOR_ACC_3_METER,
                vertical_accuracy: MavOdidVerAcc::MAV_ODID_VER_ACC_3_METER,
                barometer_accuracy: MavOdidVerAcc::MAV_ODID_VER_ACC_10_METER,
                speed_accuracy: MavOdidSpeedAcc::MAV_ODID_SPEED_ACC_0_3_METERS_PER_SECOND,
                timestamp_accuracy: MavOdidTimeAcc::MAV_ODID_TIME_ACC_0_1_SECOND,
            });
            out.extend_from_slice(self.stamper.frame(message).bytes());
        }
        if heard[2] && (now.0 / 1_000_000).is_multiple_of(3) {
            let (lat, lon) = flat.degrees(b.operator);
            let message = MavMessage::OPEN_DRONE_ID_SYSTEM(OPEN_DRONE_ID_SYSTEM_DATA {
                operator_latitude: (lat * 1e7).round() as i32,
                operator_longitude: (lon * 1e7).round() as i32,
                area_ceiling: -1000.0,
                area_floor: -1000.0,
                operator_altitude_geo: ground_amsl_m as f32,
                timestamp: (utc.0 / 1_000_000 - F3411_EPOCH_S).max(0) as u32,
                area_count: 1,
                area_radius: 0,
                target_system: 0,
                target_component: 0,
                id_or_mac,
                operator_location_type:
                    MavOdidOperatorLocationType::MAV_ODID_OPERATOR_LOCATION_TYPE_TAKEOFF,
                ..OPEN_DRONE_ID_SYSTEM_DATA::DEFAULT
            });
            out.extend_from_slice(self.stamper.frame(message).bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use link::frame::{Framer, Msg};

    #[test]
    fn a_near_drone_is_heard_with_its_serial_and_place_and_a_far_one_is_not() {
        let flat = Flat::about(27.787, 120.091);
        let mut receiver = Receiver::new(1, 9, 1);
        let mut drone = Broadcast {
            serial: "SIMXC00000001",
            mac: [2, 0, 0, 0, 0, 9],
            spot: Spot::new(100.0, 50.0),
            above_ground_m: 40.0,
            velocity_mps: (3.0, 4.0, 0.0),
            operator: Spot::new(120.0, 60.0),
        };
        let here = (Spot::new(0.0, 0.0), 60.0);
        let mut bytes = Vec::new();
        for s in 0..30 {
            let now = Mono::from_millis(s * 1000);
            let utc = Utc(1_790_856_120_000_000).after(now.since(Mono::ZERO));
            receiver.hear(now, utc, &flat, 50.0, here, &drone, &mut bytes);
        }
        let mut framer = Framer::new();
        framer.push(Mono::ZERO, &bytes);
        let (mut ids, mut places) = (0, 0);
        while let Some(f) = framer.next_frame() {
            assert_eq!((f.header().system, f.header().component), (1, 236));
            let Msg::Common(m) = f.decode() else {
                panic!("not common: {f:?}")
            };
            match *m {
                MavMessage::OPEN_DRONE_ID_BASIC_ID(d) => {
                    ids += 1;
                    assert!(d.uas_id.starts_with(b"SIMXC00000001\0"));
                }
                MavMessage::OPEN_DRONE_ID_LOCATION(d) => {
                    places += 1;
                    let at = flat.spot(f64::from(d.latitude) * 1e-7, f64::from(d.longitude) * 1e-7);
                    assert!(at.distance_m(drone.spot) < 6.0);
                    assert_eq!(d.speed_horizontal, 500);
                    assert_eq!(d.direction, 3700);
                }
                _ => {}
            }
        }
        assert!(ids > 25 && places > 25, "{ids} {places}");
        drone.spot = Spot::new(1_600.0, 0.0);
        bytes.clear();
        receiver.hear(Mono::ZERO, Utc(0), &flat, 50.0, here, &drone, &mut bytes);
        assert!(bytes.is_empty());
    }
}
