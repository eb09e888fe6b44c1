//! Sightings of several frames that are one thing on the ground.
//!
//! Nearest neighbour with a gate, a Kalman filter for something that stands or walks, and a vote over the last frames
//! on what it is. Bounded; forgets what it has not seen for a while. Judges nothing.

use super::ground::GroundFix;
use super::rules::{Models, Tracks as TrackRules};
use super::thermal::Blob;
use missions::plane::EastNorth;
use missions::time::Utc;
use nalgebra::{Matrix2, Vector2};
use std::collections::VecDeque;

/// Most tracks alive.
const MAX_TRACKS: usize = 128;
/// Most sightings taken from one frame.
const MAX_SIGHTINGS: usize = 128;
/// What another class costs in the choice of the nearest, metres.
const CLASS_PENALTY_M: f64 = 3.0;

/// What a blob looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Size and temperature of a person.
    Person,
    /// Larger or hotter: a bonnet, an exhaust.
    WarmVehicle,
    /// Neither.
    Other,
}

/// What a blob of this size looks like; `pixel_m` is the side of a pixel at its depth.
#[must_use]
pub fn classify(blob: &Blob, pixel_m: f64, models: &Models) -> Class {
    let area_m2 = blob.area_px * pixel_m * pixel_m;
    let (p, v) = (&models.person, &models.warm_vehicle);
    if area_m2 >= v.area_min_m2.get() || blob.peak_k >= v.peak_min_k.get() {
        Class::WarmVehicle
    } else if p.area_m2.holds(area_m2)
        && p.peak_k.holds(blob.peak_k)
        && blob.elongation <= p.elongation_max.get()
        && blob.hot_fraction <= p.hot_fraction_max.get()
    {
        Class::Person
    } else {
        Class::Other
    }
}

/// One blob placed on the ground: an allegation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Where.
    pub fix: GroundFix,
    /// What it looks like.
    pub class: Class,
    /// Its box in the frame, pixels.
    pub bbox: [usize; 4],
}

/// One thing on the ground.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    at: Vector2<f64>,
    covariance: Matrix2<f64>,
    position_error_m: f64,
    /// Newest last; `None`: not seen in that frame.
    seen_as: VecDeque<Option<Class>>,
    /// Shutter time of the first sighting.
    pub first_utc: Option<Utc>,
    /// Shutter time of the newest sighting, autopilot µs.
    pub last_boot_us: u64,
    predicted_boot_us: u64,
    /// Box in the frame it was last seen in.
    pub bbox: [usize; 4],
    /// (rule, zone) already told, or known to be told of the same person.
    pub told: Vec<(String, String)>,
}

impl Track {
    fn new(s: &Sighting, boot_us: u64, utc: Option<Utc>) -> Track {
        Track {
            at: Vector2::new(s.fix.at.east_m, s.fix.at.north_m),
            covariance: s.fix.covariance,
            position_error_m: s.fix.position_error_m,
            seen_as: VecDeque::from([Some(s.class)]),
            first_utc: utc,
            last_boot_us: boot_us,
            predicted_boot_us: boot_us,
            bbox: s.bbox,
            told: Vec::new(),
        }
    }

    /// Where.
    #[must_use]
    pub fn at(&self) -> EastNorth {
        EastNorth::new(self.at.x, self.at.y)
    }

    /// East-north covariance, m², with the aircraft's own position error, which no filtering removes.
    #[must_use]
    pub fn covariance(&self) -> Matrix2<f64> {
        self.covariance + Matrix2::identity() * self.position_error_m.powi(2)
    }

    fn votes(&self, class: Class) -> usize {
        self.seen_as.iter().filter(|c| **c == Some(class)).count()
    }

    /// A person by enough frames of the last few, and not rather a vehicle.
    #[must_use]
    pub fn is_person(&self, rules: &TrackRules) -> bool {
        let persons = self.votes(Class::Person);
        persons as f64 >= rules.confirm_hits.get()
            && 2 * self.votes(Class::WarmVehicle) <= persons
            && self.seen_as.back() == Some(&Some(Class::Person))
    }

    /// A score, not a probability: the part of the last frames that say "person", less for few frames.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        let persons = self.votes(Class::Person) as f64;
        let frames = self.seen_as.len().max(1) as f64;
        (persons / frames * (1.0 - 0.5f64.powf(persons))).clamp(0.0, 1.0)
    }

    /// A walker may have gone anywhere within `walk_mps`.
    fn predict(&mut self, boot_us: u64, walk_mps: f64) {
        let dt_s = boot_us.saturating_sub(self.predicted_boot_us) as f64 * 1e-6;
        self.covariance += Matrix2::identity() * (walk_mps * dt_s).powi(2);
        self.predicted_boot_us = self.predicted_boot_us.max(boot_us);
    }

    fn update(&mut self, s: &Sighting, boot_us: u64) {
        let z = Vector2::new(s.fix.at.east_m, s.fix.at.north_m);
        if let Some(inverse) = (self.covariance + s.fix.covariance).try_inverse() {
            let gain = self.covariance * inverse;
            self.at += gain * (z - self.at);
            let rest = (Matrix2::identity() - gain) * self.covariance;
            self.covariance = 0.5 * (rest + rest.transpose());
        }
        self.position_error_m = s.fix.position_error_m;
        self.last_boot_us = boot_us;
        self.bbox = s.bbox;
    }

    fn gate_m(&self, s: &Sighting, rules: &TrackRules) -> f64 {
        let spread = (self.covariance + s.fix.covariance).trace().max(0.0);
        rules.gate_m.get() + 2.0 * (0.5 * spread).sqrt()
    }
}

/// All tracks alive.
#[derive(Clone, Debug, Default)]
pub struct Tracks {
    tracks: Vec<Track>,
}

impl Tracks {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tracks.len()
    }
    /// None.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }
    /// All, to be judged.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut()
    }
    /// Forgets everything (another local plane, another clock).
    pub fn clear(&mut self) {
        self.tracks.clear();
    }

    /// Takes what one frame saw. Frames come in the order of their shutter times.
    pub fn frame(
        &mut self,
        boot_us: u64,
        utc: Option<Utc>,
        sightings: &[Sighting],
        rules: &TrackRules,
    ) {
        let drop_us = (rules.drop_s.get() * 1e6) as u64;
        self.tracks
            .retain(|t| boot_us.saturating_sub(t.last_boot_us) <= drop_us);
        let sightings = sightings.get(..MAX_SIGHTINGS).unwrap_or(sightings);
        for t in &mut self.tracks {
            t.predict(boot_us, rules.walk_mps.get());
        }
        let mut pairs = Vec::new();
        for (i, t) in self.tracks.iter().enumerate() {
            for (j, s) in sightings.iter().enumerate() {
                let d = t.at().distance_m(s.fix.at);
                if d <= t.gate_m(s, rules) {
                    let same = t.seen_as.iter().rev().flatten().next() == Some(&s.class);
                    pairs.push((d + if same { 0.0 } else { CLASS_PENALTY_M }, i, j));
                }
            }
        }
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let mut of_track: Vec<Option<usize>> = vec![None; self.tracks.len()];
        let mut used = vec![false; sightings.len()];
        for (_, i, j) in pairs {
            if let (Some(slot @ None), Some(taken @ false)) = (of_track.get_mut(i), used.get_mut(j))
            {
                *slot = Some(j);
                *taken = true;
            }
        }
        let window = rules.confirm_frames.get() as usize;
        for (t, j) in self.tracks.iter_mut().zip(of_track) {
            let s = j.and_then(|j| sightings.get(j));
            if let Some(s) = s {
                t.update(s, boot_us);
            }
            t.seen_as.push_back(s.map(|s| s.class));
            while t.seen_as.len() > window {
                t.seen_as.pop_front();
            }
        }
        for (s, used) in sightings.iter().zip(used) {
            if !used && self.tracks.len() < MAX_TRACKS {
                self.tracks.push(Track::new(s, boot_us, utc));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eyes::rules::Rules;
    use proptest::prelude::*;

    fn seen(east_m: f64, north_m: f64, class: Class) -> Sighting {
        Sighting {
            fix: GroundFix {
                at: EastNorth::new(east_m, north_m),
                covariance: Matrix2::identity(),
                position_error_m: 1.0,
                pixel_m: 0.15,
                height_m: 60.0,
            },
            class,
            bbox: [0, 0, 3, 3],
        }
    }

    #[test]
    fn a_person_is_confirmed_by_three_frames_of_five_and_placed_better_than_once() {
        let rules = Rules::parse("").unwrap().tracks;
        let mut t = Tracks::default();
        for (i, e) in [10.8, 9.4, f64::NAN, 9.9].iter().enumerate() {
            let s: Vec<_> = e
                .is_finite()
                .then(|| seen(*e, 0.0, Class::Person))
                .into_iter()
                .collect();
            t.frame(i as u64 * 500_000, Some(Utc(7)), &s, &rules);
            let track = t.iter_mut().next().unwrap();
            assert_eq!(track.is_person(&rules), i == 3);
        }
        assert_eq!(t.len(), 1);
        let track = t.iter_mut().next().unwrap();
        assert!((track.at().east_m - 10.0).abs() < 0.5);
        assert!(track.covariance().m11 < 2.0 && track.covariance().m11 > 1.0);
        assert!(track.confidence() > 0.6 && track.first_utc == Some(Utc(7)));
    }

    #[test]
    fn a_bonnet_beside_a_person_stays_another_thing_and_a_flicker_is_no_person() {
        let rules = Rules::parse("").unwrap().tracks;
        let mut t = Tracks::default();
        for i in 0..5u64 {
            let flicker = if i % 3 == 0 {
                Class::Person
            } else {
                Class::WarmVehicle
            };
            t.frame(
                i * 500_000,
                None,
                &[
                    seen(0.0, 0.0, Class::Person),
                    seen(2.5, 0.0, Class::WarmVehicle),
                    seen(40.0, 0.0, flicker),
                ],
                &rules,
            );
        }
        let persons: Vec<f64> = t
            .iter_mut()
            .filter(|t| t.is_person(&rules))
            .map(|t| t.at().east_m)
            .collect();
        assert_eq!(persons, [0.0]);
    }

    #[test]
    fn what_is_out_of_sight_is_forgotten_and_a_walker_is_followed() {
        let rules = Rules::parse("").unwrap().tracks;
        let mut t = Tracks::default();
        for i in 0..40u64 {
            t.frame(
                i * 500_000,
                None,
                &[seen(i as f64 * 0.7, 0.0, Class::Person)],
                &rules,
            );
            assert_eq!(t.len(), 1);
        }
        t.frame(40 * 500_000 + 4_000_000, None, &[], &rules);
        assert!(t.is_empty());
    }

    proptest! {
        #[test]
        fn floods_are_bounded(n in 0usize..600, seed in any::<u64>()) {
            let rules = Rules::parse("").unwrap().tracks;
            let mut t = Tracks::default();
            let many: Vec<_> = (0..n).map(|i| seen((i as u64 ^ seed) as f64 % 1e4, i as f64 * 13.0, Class::Person)).collect();
            for i in 0..3 {
                t.frame(i * 500_000, None, &many, &rules);
                prop_assert!(t.len() <= MAX_TRACKS);
            }
        }
    }
}
