//! Did every staged anomaly arrive exactly once, in the right place, and nothing else?

use crate::{
    site::Flat,
    world::things::{Thing, ThingKind},
};
use missions::{
    anomaly::{Anomaly, AnomalyKind},
    time::{Mono, Utc},
};
use std::time::Duration;

/// Farther than this from a thing an anomaly is not about it, metres.
const MEANT_M: f64 = 100.0;

/// What came of the staged things.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// Things that had to be flagged.
    pub staged: u32,
    /// Of those, flagged at least once.
    pub delivered: u32,
    /// Of those, flagged more than once.
    pub doubled: u32,
    /// Decoys put out.
    pub decoys: u32,
    /// Anomalies about a decoy, a spectator or nothing.
    pub false_alarms: u32,
    /// Worst distance between an anomaly's place and where its thing truly was, metres; 0 without any.
    pub location_error_m: f64,
    /// Faults in plain words, for the log.
    pub words: Vec<String>,
}

/// Judges what the ground holds against what was staged. `start`: the world's UTC at [`Mono::ZERO`].
#[must_use]
pub fn judge(things: &[Thing], start: Utc, flat: &Flat, anomalies: &[Anomaly]) -> Judgement {
    let mut j = Judgement {
        staged: things.iter().filter(|t| t.kind.must_be_flagged()).count() as u32,
        decoys: things.iter().filter(|t| t.kind.is_decoy()).count() as u32,
        ..Judgement::default()
    };
    let mut flags = vec![0u32; things.len()];
    for a in anomalies {
        let meant = things
            .iter()
            .enumerate()
            .filter(|(_, t)| could_mean(a, t))
            .map(|(i, t)| (i, error_m(a, t, start, flat)))
            .filter(|(_, m)| *m < MEANT_M)
            .min_by(|a, b| a.1.total_cmp(&b.1));
        match meant {
            Some((i, m)) if things[i].kind.must_be_flagged() => {
                flags[i] += 1;
                j.location_error_m = j.location_error_m.max(m);
            }
            Some((i, _)) if things[i].kind == ThingKind::Surge => {}
            Some((i, m)) => {
                j.false_alarms += 1;
                j.words.push(format!(
                    "anomaly {} ({:?} {}) is about a {:?} {m:.1} m away",
                    a.number, a.kind, a.subject, things[i].kind
                ));
            }
            None => {
                j.false_alarms += 1;
                j.words.push(format!(
                    "anomaly {} ({:?} {}) is about nothing staged",
                    a.number, a.kind, a.subject
                ));
            }
        }
    }
    for (thing, n) in things.iter().zip(flags) {
        if !thing.kind.must_be_flagged() {
            continue;
        }
        j.delivered += u32::from(n > 0);
        j.doubled += u32::from(n > 1);
        if n != 1 {
            j.words.push(format!(
                "{:?} {} (thing {}) was reported {n} times",
                thing.kind, thing.subject, thing.id
            ));
        }
    }
    j
}

fn could_mean(a: &Anomaly, t: &Thing) -> bool {
    match a.kind {
        // A spoofed or mixed-up serial must not be excused by a place near another drone.
        AnomalyKind::UnknownDrone => {
            (t.kind.broadcasts() || t.kind == ThingKind::OwnRemoteId) && a.subject == t.subject
        }
        AnomalyKind::PersonInZone => t.kind.is_warm(),
    }
}

/// Least distance between the anomaly's place and the thing's, from when it was first seen until it was flagged.
fn error_m(a: &Anomaly, t: &Thing, start: Utc, flat: &Flat) -> f64 {
    if t.path.is_empty() {
        return 0.0;
    }
    let at = flat.spot(a.at.lat_deg(), a.at.lon_deg());
    let mono = |u: Utc| Mono(u.0.saturating_sub(start.0).max(0) as u64);
    // A clock may be off by some tenths of a second (GNSS time reaches the companion once a second).
    let slack_us = 500_000;
    let from = Mono(mono(a.first_seen).0.saturating_sub(slack_us));
    let until = Mono(mono(a.flagged).0.saturating_add(slack_us));
    if until < t.from || from >= t.until {
        return f64::INFINITY;
    }
    let mut least = f64::INFINITY;
    let mut now = from.max(t.from);
    // Bounded: an anomaly may take long to be flagged, but not a day.
    for _ in 0..200_000 {
        least = least.min(t.place(now).0.distance_m(at));
        if now >= until {
            break;
        }
        now = now.after(Duration::from_millis(100));
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{site::Spot, world::things::Knot};
    use missions::{
        anomaly::{Ellipse, Priority},
        place::LatLon,
    };

    const START: Utc = Utc(1_790_856_120_000_000);

    fn flat() -> Flat {
        Flat::about(27.787, 120.091)
    }

    fn standing(id: u32, kind: ThingKind, subject: &str, x: f64) -> Thing {
        Thing {
            id,
            kind,
            subject: subject.into(),
            from: Mono::from_millis(10_000),
            until: Mono(u64::MAX),
            path: vec![Knot {
                at: Mono::ZERO,
                spot: Spot::new(x, 0.0),
                above_ground_m: 0.0,
            }],
            size_m: (0.5, 0.5),
            heading_rad: 0.0,
            kelvin: 307.0,
        }
    }

    fn anomaly(number: u32, kind: AnomalyKind, subject: &str, x: f64) -> Anomaly {
        let (lat, lon) = flat().degrees(Spot::new(x, 0.0));
        Anomaly {
            number,
            kind,
            priority: Priority::High,
            rule: "r".into(),
            subject: subject.into(),
            first_seen: Utc(START.0 + 20_000_000),
            flagged: Utc(START.0 + 22_000_000),
            at: LatLon::from_degrees(lat, lon).unwrap(),
            alt_amsl_m: None,
            error: Ellipse {
                major_m: 2.0,
                minor_m: 2.0,
                bearing_deg: 0.0,
            },
            confidence: 0.9,
            picture_sha256: None,
            picture_len: 0,
        }
    }

    #[test]
    fn each_once_and_nothing_else_is_a_clean_flight() {
        let things = [
            standing(1, ThingKind::Person, "bank", 0.0),
            standing(2, ThingKind::UnknownDrone, "SIMX", 200.0),
            standing(3, ThingKind::WarmBonnet, "bank", 60.0),
        ];
        let got = judge(
            &things,
            START,
            &flat(),
            &[
                anomaly(1, AnomalyKind::PersonInZone, "bank", 4.0),
                anomaly(2, AnomalyKind::UnknownDrone, "SIMX", 203.0),
            ],
        );
        assert_eq!((got.staged, got.delivered, got.doubled), (2, 2, 0));
        assert_eq!((got.decoys, got.false_alarms), (1, 0));
        assert!((got.location_error_m - 4.0).abs() < 0.02, "{got:?}");
        assert!(got.words.is_empty());
    }

    #[test]
    fn a_lost_a_doubled_and_a_false_one_are_each_counted() {
        let things = [
            standing(1, ThingKind::Person, "bank", 0.0),
            standing(2, ThingKind::Person, "bank", 300.0),
            standing(3, ThingKind::WarmBonnet, "bank", 60.0),
        ];
        let got = judge(
            &things,
            START,
            &flat(),
            &[
                anomaly(1, AnomalyKind::PersonInZone, "bank", 1.0),
                anomaly(2, AnomalyKind::PersonInZone, "bank", 1.5),
                anomaly(3, AnomalyKind::PersonInZone, "bank", 58.0),
                anomaly(4, AnomalyKind::UnknownDrone, "SIMX", 10.0),
                anomaly(5, AnomalyKind::PersonInZone, "bank", 1_000.0),
            ],
        );
        assert_eq!((got.staged, got.delivered, got.doubled), (2, 1, 1));
        assert_eq!(got.false_alarms, 3);
        assert_eq!(got.words.len(), 5);
    }

    #[test]
    fn something_reported_before_it_was_there_is_not_that_thing() {
        let things = [standing(1, ThingKind::Person, "bank", 0.0)];
        let mut early = anomaly(1, AnomalyKind::PersonInZone, "bank", 0.0);
        early.first_seen = Utc(START.0 + 1_000_000);
        early.flagged = Utc(START.0 + 2_000_000);
        let got = judge(&things, START, &flat(), &[early]);
        assert_eq!((got.delivered, got.false_alarms), (0, 1));
    }
}
