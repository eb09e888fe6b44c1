//! The rule "a person is in a zone where nobody should be", and the memory that keeps it from being told twice.

use super::ground::ellipse;
use super::rules::{PersonInZone, Rules};
use super::tracks::{Track, Tracks};
use super::zones::LocalZone;
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::time::{Mono, Utc};
use std::collections::VecDeque;
use std::time::Duration;

/// Most reported places remembered.
const MAX_REMEMBERED: usize = 512;

/// At most so many a minute.
#[derive(Clone, Debug, Default)]
pub struct RateLimit {
    fired: VecDeque<Mono>,
}
impl RateLimit {
    /// Whether one more is allowed now; counts it if so.
    pub fn allow(&mut self, now: Mono, per_minute: f64) -> bool {
        while self
            .fired
            .front()
            .is_some_and(|t| now.since(*t) >= Duration::from_secs(60))
        {
            self.fired.pop_front();
        }
        let ok = (self.fired.len() as f64) < per_minute;
        if ok {
            self.fired.push_back(now);
        }
        ok
    }
}

/// A rule fired on a track.
#[derive(Clone, Debug, PartialEq)]
pub struct PersonFlag {
    /// The rule.
    pub rule: PersonInZone,
    /// The zone.
    pub zone_id: String,
    /// Where.
    pub at: EastNorth,
    /// One-sigma error.
    pub error: missions::anomaly::Ellipse,
    /// 0..=1.
    pub confidence: f64,
    /// First sighting.
    pub first_utc: Option<Utc>,
    /// Box in the present frame.
    pub bbox: [usize; 4],
}

#[derive(Clone, Debug)]
struct Remembered {
    rule: String,
    zone: String,
    at: LatLon,
    last_seen: Mono,
}

/// What was already told, and how fast.
#[derive(Clone, Debug, Default)]
pub struct People {
    remembered: VecDeque<Remembered>,
    rate: RateLimit,
}

impl People {
    /// Judges the tracks seen in the frame taken at `boot_us`.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is another thing a judgement stands on"
    )]
    pub fn judge(
        &mut self,
        now: Mono,
        boot_us: u64,
        utc: Option<Utc>,
        tracks: &mut Tracks,
        zones: &[LocalZone],
        plane: &LocalPlane,
        rules: &Rules,
    ) -> Vec<PersonFlag> {
        let mut flags = Vec::new();
        for track in tracks.iter_mut() {
            if track.last_boot_us != boot_us || !track.is_person(&rules.tracks) {
                continue;
            }
            for rule in &rules.person_in_zone {
                flags.extend(self.judge_one(now, utc, track, zones, plane, rule));
            }
        }
        flags
    }

    fn judge_one(
        &mut self,
        now: Mono,
        utc: Option<Utc>,
        track: &mut Track,
        zones: &[LocalZone],
        plane: &LocalPlane,
        rule: &PersonInZone,
    ) -> Option<PersonFlag> {
        let at = track.at();
        let error = ellipse(&track.covariance());
        let inside = |roles: &[_], margin_m: f64| {
            zones
                .iter()
                .filter(|z| roles.contains(&z.role) && z.active(utc))
                .map(|z| (z, z.depth_m(at)))
                .filter(|(_, depth)| *depth >= margin_m)
                .max_by(|a, b| a.1.total_cmp(&b.1))
        };
        if inside(&rule.not_in, 0.0).is_some() {
            return None;
        }
        let (zone, _) = inside(&rule.zones, rule.inside_sigma.get() * error.major_m)?;
        let told_here = track.told.iter().any(|(r, z)| {
            *r == rule.id
                && (*z == zone.id || zones.iter().any(|o| o.id == *z && o.depth_m(at) >= 0.0))
        });
        let place = plane.to_latlon(at)?;
        let known = self.remember(now, rule, &zone.id, place, plane, told_here);
        if told_here {
            return None;
        }
        if known {
            track.told.push((rule.id.clone(), zone.id.clone()));
            return None;
        }
        let confidence = track.confidence();
        if confidence < rule.min_confidence.get()
            || !self.rate.allow(now, rule.max_per_minute.get())
        {
            return None; // Asked again at the next frame that shows the track.
        }
        track.told.push((rule.id.clone(), zone.id.clone()));
        if self.remembered.len() >= MAX_REMEMBERED {
            self.remembered.pop_front();
        }
        self.remembered.push_back(Remembered {
            rule: rule.id.clone(),
            zone: zone.id.clone(),
            at: place,
            last_seen: now,
        });
        Some(PersonFlag {
            rule: rule.clone(),
            zone_id: zone.id.clone(),
            at,
            error,
            confidence,
            first_utc: track.first_utc,
            bbox: track.bbox,
        })
    }

    /// Whether somebody was already reported here; if so he was seen again now, and `follow`ed to where he is.
    fn remember(
        &mut self,
        now: Mono,
        rule: &PersonInZone,
        zone: &str,
        place: LatLon,
        plane: &LocalPlane,
        follow: bool,
    ) -> bool {
        let memory = Duration::from_secs_f64(rule.memory_s.get());
        self.remembered
            .retain(|r| r.rule != rule.id || now.since(r.last_seen) <= memory);
        let here = plane.to_local(place);
        let nearest = self
            .remembered
            .iter_mut()
            .filter(|r| r.rule == rule.id && r.zone == zone)
            .map(|r| (plane.to_local(r.at).distance_m(here), r))
            .filter(|(d, _)| *d <= rule.same_place_m.get())
            .min_by(|a, b| a.0.total_cmp(&b.0));
        match nearest {
            Some((_, r)) => {
                r.last_seen = r.last_seen.max(now);
                if follow {
                    r.at = place;
                }
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eyes::ground::GroundFix;
    use crate::eyes::schema::{ZoneForEyes, ZoneRole, ZoneShape};
    use crate::eyes::tracks::{Class, Sighting};
    use crate::eyes::zones::project;
    use nalgebra::Matrix2;

    struct Story {
        plane: LocalPlane,
        zones: Vec<LocalZone>,
        rules: Rules,
        tracks: Tracks,
        people: People,
        t_us: u64,
    }

    impl Story {
        fn new(roles: &[(ZoneRole, f64, f64)]) -> Story {
            let plane = LocalPlane::new(LatLon::from_degrees(27.787, 120.091).unwrap());
            let zones: Vec<_> = roles
                .iter()
                .enumerate()
                .map(|(i, (role, east, radius_m))| ZoneForEyes {
                    id: format!("z{i}"),
                    role: *role,
                    shape: ZoneShape::Circle {
                        centre: plane.to_latlon(EastNorth::new(*east, 0.0)).unwrap(),
                        radius_m: *radius_m,
                    },
                    window: None,
                })
                .collect();
            let (zones, _) = project(&zones, &plane);
            Story {
                plane,
                zones,
                rules: Rules::parse("").unwrap(),
                tracks: Tracks::default(),
                people: People::default(),
                t_us: 1_000_000,
            }
        }
        /// `n` frames, two a second, of people at these eastings; the zones of the reports.
        fn watch(&mut self, n: usize, easts: &[f64]) -> Vec<String> {
            let mut told = Vec::new();
            for _ in 0..n {
                self.t_us += 500_000;
                let seen: Vec<_> = easts
                    .iter()
                    .map(|e| Sighting {
                        fix: GroundFix {
                            at: EastNorth::new(*e, 0.0),
                            covariance: Matrix2::identity(),
                            position_error_m: 1.0,
                            pixel_m: 0.15,
                            height_m: 60.0,
                        },
                        class: Class::Person,
                        bbox: [0, 0, 2, 2],
                    })
                    .collect();
                self.tracks
                    .frame(self.t_us, None, &seen, &self.rules.tracks);
                let flags = self.people.judge(
                    Mono(self.t_us),
                    self.t_us,
                    None,
                    &mut self.tracks,
                    &self.zones,
                    &self.plane,
                    &self.rules,
                );
                told.extend(flags.into_iter().map(|f| f.zone_id));
            }
            told
        }
    }

    #[test]
    fn a_person_is_told_once_also_when_the_aircraft_passes_again() {
        let mut s = Story::new(&[(ZoneRole::WatchZone, 0.0, 50.0)]);
        assert_eq!(s.watch(10, &[5.0]), ["z0"]);
        s.t_us += 120_000_000;
        assert_eq!(s.watch(10, &[11.0]), Vec::<String>::new());
        s.t_us += 120_000_000;
        assert_eq!(s.watch(10, &[11.0, -35.0]), ["z0"]); // somebody else, forty metres away
        s.t_us += 1_900_000_000;
        assert_eq!(s.watch(10, &[5.0]), ["z0"]); // half an hour later it is news again
    }

    #[test]
    fn crowd_and_no_look_zones_and_the_ground_outside_are_not_judged() {
        let mut s = Story::new(&[
            (ZoneRole::Crowd, 0.0, 50.0),
            (ZoneRole::WatchZone, 200.0, 50.0),
            (ZoneRole::NoLook, 230.0, 10.0),
        ]);
        assert!(s.watch(10, &[0.0, 100.0, 149.0, 230.0]).is_empty());
        assert_eq!(s.watch(10, &[210.0]), ["z1"]);
    }

    #[test]
    fn overlapping_zones_give_one_report_and_a_walker_into_another_zone_gives_a_second() {
        let mut s = Story::new(&[
            (ZoneRole::WatchZone, 0.0, 20.0),
            (ZoneRole::WatchZone, 5.0, 40.0),
            (ZoneRole::WatchZone, 100.0, 20.0),
        ]);
        assert_eq!(s.watch(6, &[2.0]), ["z1"]);
        let mut told = Vec::new();
        for i in 0..130 {
            told.extend(s.watch(1, &[2.0 + 0.75 * f64::from(i)]));
        }
        assert_eq!(told, ["z2"]);
    }

    #[test]
    fn a_flood_is_spread_over_time_and_nobody_in_it_is_lost() {
        let mut s = Story::new(&[(ZoneRole::WatchZone, 0.0, 5000.0)]);
        let many: Vec<f64> = (0..30).map(|i| f64::from(i) * 40.0).collect();
        assert_eq!(s.watch(20, &many).len(), 12);
        assert_eq!(s.watch(300, &many).len(), 18);
    }
}
