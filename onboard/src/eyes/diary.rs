//! What the eyes took in, small enough to be kept: settings, poses, Remote ID, and of each camera frame what was found in
//! it and where. Fed to new eyes it gives the same judgements, and others under other rules.
//!
//! Frames themselves are not kept: two hours of them are some gigabytes. So rules on what a warm spot is (`[thermal]`,
//! `[placing]`, `[models]`) cannot be tried again from a diary; those on tracks, people, zones and drones can. Figures are kept bit by bit.

use super::ground::GroundFix;
use super::schema::{Down, Pose};
use super::tracks::{Class, Sighting};
use missions::plane::EastNorth;
use missions::time::{Mono, Now, Reading, Utc};
use nalgebra::Matrix2;

/// Longest entry that is read, bytes.
const MAX_LEN: usize = 1 << 20;
/// Sightings of one frame that are kept.
const MAX_SIGHTINGS: usize = 4_096;
/// Stands for a time or figure that is not known.
const NONE: i64 = i64::MIN;

/// An input of the eyes.
#[derive(Clone, Debug, PartialEq)]
pub enum Took {
    /// From the pilot half.
    Down(Down),
    /// Bytes of the Remote ID receiver.
    Sensor(Vec<u8>),
    /// What was found in a camera frame.
    Seen(Seen),
    /// Time passed, and drones were judged.
    Tick,
}

/// What was found in one camera frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Shutter, µs of the autopilot's clock since boot.
    pub shutter_us: u64,
    /// The same in UTC, where it is known.
    pub utc: Option<Utc>,
    /// What, and where on the local plane.
    pub sightings: Vec<Sighting>,
}

struct Put(Vec<u8>);

impl Put {
    fn u64(&mut self, v: u64) {
        self.0.extend_from_slice(&v.to_le_bytes());
    }
    fn utc(&mut self, v: Option<Utc>) {
        self.0
            .extend_from_slice(&v.map_or(NONE, |u| u.0).to_le_bytes());
    }
    fn f64(&mut self, v: f64) {
        self.u64(v.to_bits());
    }
}

struct Get<'a>(&'a [u8]);

impl Get<'_> {
    fn u8(&mut self) -> Option<u8> {
        let (v, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*v)
    }
    fn u64(&mut self) -> Option<u64> {
        let (v, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*v))
    }
    fn utc(&mut self) -> Option<Option<Utc>> {
        let v = i64::from_le_bytes(self.u64()?.to_le_bytes());
        Some((v != NONE).then_some(Utc(v)))
    }
    fn f64(&mut self) -> Option<f64> {
        self.u64().map(f64::from_bits)
    }
}

const DOWN: u8 = 0;
const POSE: u8 = 1;
const SENSOR: u8 = 2;
const SEEN: u8 = 3;
const TICK: u8 = 4;

/// An entry: when the eyes took it (their own clock), and what.
#[must_use]
pub fn encode(now: Now, took: &Took) -> Vec<u8> {
    let mut out = Put(Vec::with_capacity(128));
    out.u64(now.mono.0);
    out.utc(now.utc.valid());
    match took {
        Took::Down(Down::Pose(p)) => {
            out.0.push(POSE);
            put_pose(&mut out, p);
        }
        Took::Down(down) => {
            out.0.push(DOWN);
            let ground = match down {
                Down::Configure { ground_amsl_m, .. } => *ground_amsl_m,
                _ => None,
            };
            out.f64(ground.unwrap_or(f64::NAN));
            out.0
                .extend_from_slice(&serde_json::to_vec(down).unwrap_or_default());
        }
        Took::Sensor(bytes) => {
            out.0.push(SENSOR);
            out.0.extend_from_slice(bytes);
        }
        Took::Seen(seen) => {
            out.0.push(SEEN);
            put_seen(&mut out, seen);
        }
        Took::Tick => out.0.push(TICK),
    }
    out.0
}

fn put_pose(out: &mut Put, p: &Pose) {
    out.u64(p.boot_us);
    let [vn, ve, vd] = p.vel_ned;
    for v in [
        p.lat_deg,
        p.lon_deg,
        p.alt_amsl_m,
        p.roll,
        p.pitch,
        p.yaw,
        vn,
        ve,
        vd,
        p.pos_error_m,
    ] {
        out.f64(v);
    }
    out.utc(p.utc);
}

fn put_seen(out: &mut Put, seen: &Seen) {
    out.u64(seen.shutter_us);
    out.utc(seen.utc);
    for s in seen.sightings.iter().take(MAX_SIGHTINGS) {
        let c = s.fix.covariance;
        for v in [
            s.fix.at.east_m,
            s.fix.at.north_m,
            c.m11,
            c.m12,
            c.m21,
            c.m22,
            s.fix.position_error_m,
            s.fix.pixel_m,
            s.fix.height_m,
        ] {
            out.f64(v);
        }
        out.0.push(match s.class {
            Class::Person => 0,
            Class::WarmVehicle => 1,
            Class::Other => 2,
        });
        for v in s.bbox {
            out.u64(v as u64);
        }
    }
}

/// Reads an entry; `None` when it is damaged or of a later kind.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<(Now, Took)> {
    if bytes.len() > MAX_LEN {
        return None;
    }
    let mut get = Get(bytes);
    let now = Now {
        mono: Mono(get.u64()?),
        utc: get.utc()?.map_or(Reading::Missing, Reading::Valid),
    };
    let took = match get.u8()? {
        DOWN => {
            let ground = get.f64()?;
            let mut down: Down = serde_json::from_slice(get.0).ok()?;
            if let Down::Configure { ground_amsl_m, .. } = &mut down {
                // The text may be off by the last bit.
                *ground_amsl_m = (!ground.is_nan()).then_some(ground);
            }
            Took::Down(down)
        }
        POSE => Took::Down(Down::Pose(Pose {
            boot_us: get.u64()?,
            lat_deg: get.f64()?,
            lon_deg: get.f64()?,
            alt_amsl_m: get.f64()?,
            roll: get.f64()?,
            pitch: get.f64()?,
            yaw: get.f64()?,
            vel_ned: [get.f64()?, get.f64()?, get.f64()?],
            pos_error_m: get.f64()?,
            utc: get.utc()?,
        })),
        SENSOR => Took::Sensor(get.0.to_vec()),
        SEEN => Took::Seen(get_seen(&mut get)?),
        TICK => Took::Tick,
        _ => return None,
    };
    Some((now, took))
}

fn get_seen(get: &mut Get<'_>) -> Option<Seen> {
    let (shutter_us, utc) = (get.u64()?, get.utc()?);
    let mut sightings = Vec::new();
    while !get.0.is_empty() && sightings.len() < MAX_SIGHTINGS {
        let at = EastNorth::new(get.f64()?, get.f64()?);
        let covariance = Matrix2::new(get.f64()?, get.f64()?, get.f64()?, get.f64()?);
        let fix = GroundFix {
            at,
            covariance,
            position_error_m: get.f64()?,
            pixel_m: get.f64()?,
            height_m: get.f64()?,
        };
        let class = match get.u8()? {
            0 => Class::Person,
            1 => Class::WarmVehicle,
            2 => Class::Other,
            _ => return None,
        };
        let mut side = || get.u64().and_then(|v| usize::try_from(v).ok());
        sightings.push(Sighting {
            fix,
            class,
            bbox: [side()?, side()?, side()?, side()?],
        });
    }
    Some(Seen {
        shutter_us,
        utc,
        sightings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pose(v: f64) -> Pose {
        Pose {
            boot_us: 7,
            lat_deg: v,
            lon_deg: -v,
            alt_amsl_m: v * 3.0,
            roll: v.sin(),
            pitch: v.cos(),
            yaw: v / 3.0,
            vel_ned: [v / 7.0, -v, v * 1e-9],
            pos_error_m: v * v,
            utc: Some(Utc(-5)),
        }
    }

    proptest! {
        #[test]
        fn every_bit_comes_back(v in -180.0f64..180.0, mono in any::<u64>(), n in 0usize..5, bbox in any::<[u32; 4]>()) {
            let sighting = Sighting {
                fix: GroundFix {
                    at: EastNorth::new(v, v / 3.0),
                    covariance: Matrix2::new(v, v / 7.0, 1e-300, -v),
                    position_error_m: v,
                    pixel_m: v / 11.0,
                    height_m: v,
                },
                class: Class::WarmVehicle,
                bbox: bbox.map(|b| b as usize),
            };
            let seen = Seen { shutter_us: mono, utc: None, sightings: vec![sighting; n] };
            let configure = Down::Configure {
                rules: "a = 1".into(),
                zones: Vec::new(),
                ground_amsl_m: Some(v / 3.0),
                own_system: None,
            };
            for took in [
                Took::Down(Down::Pose(pose(v))),
                Took::Down(configure),
                Took::Sensor(vec![1, 2, 3]),
                Took::Seen(seen),
                Took::Tick,
            ] {
                let now = Now { mono: Mono(mono), utc: Reading::Missing };
                prop_assert_eq!(decode(&encode(now, &took)), Some((now, took)));
            }
        }

        #[test]
        fn damage_is_refused_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }
    }
}
