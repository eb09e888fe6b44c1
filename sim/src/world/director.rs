//! The director: from the seed and the route alone, draws what a flight meets.
//!
//! Two to four anomalies and at least two decoys, at random places and times such that the geometry of the route lets
//! the camera see each warm thing for several frames after it appeared. Knows nothing of detectors and rules.

use super::{
    route::Route,
    things::{Knot, Thing, ThingKind},
};
use crate::scenario::Staging;
use crate::site::{Form, Site, SiteZone, Spot};
use missions::time::Mono;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// Warm things stand at least this far apart, so that an oracle can tell which one was meant, metres.
const APART_M: f64 = 40.0;
/// And this far inside their watch zone, metres.
const INSIDE_M: f64 = 6.0;
/// And this far from crowds and places where nobody may look, metres.
const ALOOF_M: f64 = 20.0;
/// How long the camera must have a warm thing well in the picture, seconds (four frames at 2 Hz).
const LEAST_LOOK_S: f64 = 2.0;
/// Share of the picture's half side that a tilted, gust-shaken aircraft is sure to still see.
const SURE_SHARE: f64 = 0.55;

/// People in a surge run this fast, metres a second.
const SURGE_MPS: f64 = 2.5;
/// And are there so long before the camera looks, seconds, at this share of its reckoned time.
const SURGE_BEFORE_S: f64 = 6.0;
const SURGE_EARLY: f64 = 0.75;

/// Draws one flight's things.
#[derive(Debug)]
pub struct Director<'a> {
    rng: ChaCha8Rng,
    site: &'a Site,
    route: &'a Route,
    launch: Mono,
    half_view: f64,
    next_id: u32,
    things: Vec<Thing>,
}

impl<'a> Director<'a> {
    /// For flight number `flight` of the simulation with this `seed`. `half_view`: half the picture's narrower side as
    /// a share of the height. `first_id`: id of the first thing drawn.
    #[must_use]
    pub fn new(
        seed: u64,
        flight: u64,
        site: &'a Site,
        route: &'a Route,
        launch: Mono,
        half_view: f64,
        first_id: u32,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(0x0D_0000 + flight);
        Director {
            rng,
            site,
            route,
            launch,
            half_view: half_view * SURE_SHARE,
            next_id: first_id,
            things: Vec::new(),
        }
    }

    /// Draws them all.
    #[must_use]
    pub fn stage(mut self, staging: &Staging) -> Vec<Thing> {
        let (lo, hi) = staging.anomalies;
        let anomalies = self.rng.random_range(lo..=hi.max(lo));
        let drones = if anomalies == 0 {
            0
        } else {
            1 + u32::from(anomalies > 2 && self.rng.random_bool(0.5))
        };
        let mut missing = 0;
        for _ in drones..anomalies {
            if !self.warm(ThingKind::Person) {
                missing += 1;
            }
        }
        // Where no leg passes over a watch zone there are drones instead of people.
        for _ in 0..drones + missing {
            let serial = format!(
                "SIMXC{:012}",
                self.rng.random_range(0..1_000_000_000_000u64)
            );
            self.drone(ThingKind::UnknownDrone, serial);
        }
        if staging.surge > 0 {
            self.surge(staging.surge);
        }
        let (lo, hi) = staging.bonnets;
        for _ in 0..self.rng.random_range(lo..=hi.max(lo)) {
            self.warm(ThingKind::WarmBonnet);
        }
        if let Some(serial) = &staging.roster_drone {
            self.drone(ThingKind::RosterDrone, serial.clone());
        }
        if let Some(serial) = &staging.own_remote_id {
            let thing = Thing {
                id: self.next_id,
                kind: ThingKind::OwnRemoteId,
                subject: serial.clone(),
                from: self.launch,
                until: Mono(u64::MAX),
                path: Vec::new(),
                size_m: (0.0, 0.0),
                heading_rad: 0.0,
                kelvin: 0.0,
            };
            self.add(thing);
        }
        self.things
    }

    fn add(&mut self, thing: Thing) {
        self.next_id += 1;
        self.things.push(thing);
    }

    fn after_launch(&self, s: f64) -> Mono {
        self.launch.after(Duration::from_secs_f64(s.max(0.0)))
    }

    /// A warm thing in a watch zone, under the route. `false` when no such place was found.
    fn warm(&mut self, kind: ThingKind) -> bool {
        let site = self.site;
        let zones: Vec<&SiteZone> = site.of_role("watch_zone").collect();
        if zones.is_empty() {
            return false;
        }
        for _ in 0..3_000 {
            let zone = zones[self.rng.random_range(0..zones.len())];
            let (lo, hi) = zone.form.bounds();
            let spot = Spot::new(
                lo.x_m + (hi.x_m - lo.x_m) * self.rng.random::<f64>(),
                lo.y_m + (hi.y_m - lo.y_m) * self.rng.random::<f64>(),
            );
            if zone.form.depth_m(spot) < INSIDE_M || !self.is_aloof(spot) {
                continue;
            }
            let Some((look_s, _)) = self.route.first_look(spot, self.half_view, LEAST_LOOK_S)
            else {
                continue;
            };
            let appears_s = 2.0 + (look_s * 0.75 - 2.0).max(0.0) * self.rng.random::<f64>();
            let from = self.after_launch(appears_s);
            let thing = match kind {
                ThingKind::WarmBonnet => Thing {
                    id: self.next_id,
                    kind,
                    subject: zone.id.clone(),
                    from,
                    until: Mono(u64::MAX),
                    path: vec![Knot {
                        at: from,
                        spot,
                        above_ground_m: 0.0,
                    }],
                    size_m: (1.2, 1.6),
                    heading_rad: self.rng.random::<f64>() * std::f64::consts::TAU,
                    kelvin: 325.0 + 10.0 * self.rng.random::<f64>(),
                },
                _ => Thing {
                    id: self.next_id,
                    kind: ThingKind::Person,
                    subject: zone.id.clone(),
                    from,
                    until: Mono(u64::MAX),
                    path: self.pacing(spot, from),
                    size_m: (0.5, 0.5),
                    heading_rad: self.rng.random::<f64>() * std::f64::consts::TAU,
                    kelvin: 306.0 + 2.0 * self.rng.random::<f64>(),
                },
            };
            self.add(thing);
            return true;
        }
        false
    }

    /// `people` spectators leave the nearest crowd area together and run to a place in a watch zone under the route, to be
    /// there shortly before the aircraft looks. Nobody does where there is no crowd or no such place.
    fn surge(&mut self, people: u32) {
        let site = self.site;
        let zones: Vec<&SiteZone> = site.of_role("watch_zone").collect();
        let crowds: Vec<Spot> = site
            .of_role("crowd")
            .flat_map(|z| {
                let (lo, hi) = z.form.bounds();
                let mut at = || {
                    Spot::new(
                        lo.x_m + (hi.x_m - lo.x_m) * self.rng.random::<f64>(),
                        lo.y_m + (hi.y_m - lo.y_m) * self.rng.random::<f64>(),
                    )
                };
                let drawn: Vec<Spot> = (0..40).map(|_| at()).collect();
                drawn.into_iter().filter(|p| z.form.depth_m(*p) > INSIDE_M)
            })
            .collect();
        if zones.is_empty() || crowds.is_empty() {
            return;
        }
        for _ in 0..3_000 {
            let zone = zones[self.rng.random_range(0..zones.len())];
            let (lo, hi) = zone.form.bounds();
            let spot = Spot::new(
                lo.x_m + (hi.x_m - lo.x_m) * self.rng.random::<f64>(),
                lo.y_m + (hi.y_m - lo.y_m) * self.rng.random::<f64>(),
            );
            if zone.form.depth_m(spot) < INSIDE_M {
                continue;
            }
            let Some((look_s, _)) = self.route.first_look(spot, self.half_view, LEAST_LOOK_S)
            else {
                continue;
            };
            let from_spot = crowds
                .iter()
                .copied()
                .min_by(|a, b| a.distance_m(spot).total_cmp(&b.distance_m(spot)))
                .unwrap_or(spot);
            // The route's times are nominal and rather late than early.
            let arrive_s = look_s * SURGE_EARLY - SURGE_BEFORE_S;
            let run_s = from_spot.distance_m(spot) / SURGE_MPS;
            if run_s > arrive_s {
                continue;
            }
            for _ in 0..people {
                let turn = self.rng.random::<f64>() * std::f64::consts::TAU;
                let far_m = INSIDE_M * self.rng.random::<f64>().sqrt();
                let off =
                    |p: Spot| Spot::new(p.x_m + far_m * turn.sin(), p.y_m + far_m * turn.cos());
                let knot = |s: f64, spot: Spot| Knot {
                    at: self.after_launch(s),
                    spot: off(spot),
                    above_ground_m: 0.0,
                };
                let path = vec![knot(arrive_s - run_s, from_spot), knot(arrive_s, spot)];
                let thing = Thing {
                    id: self.next_id,
                    kind: ThingKind::Surge,
                    subject: zone.id.clone(),
                    from: self.launch,
                    until: Mono(u64::MAX),
                    path,
                    size_m: (0.5, 0.5),
                    heading_rad: turn,
                    kelvin: 306.0 + 2.0 * self.rng.random::<f64>(),
                };
                self.add(thing);
            }
            return;
        }
    }

    /// Far enough from other warm things, crowds, no-look places and our own launch site.
    fn is_aloof(&self, spot: Spot) -> bool {
        let clear_of_zones = self.site.zones.iter().all(|z| match z.role.as_str() {
            "crowd" | "no_look" => z.form.depth_m(spot) < -ALOOF_M,
            "launch" | "landing" => spot.distance_m(z.form.middle()) > ALOOF_M,
            _ => true,
        });
        clear_of_zones
            && self.things.iter().all(|t| {
                !t.kind.is_warm() || t.path.iter().all(|k| k.spot.distance_m(spot) > APART_M)
            })
    }

    /// A person on a spot shifts about by a metre or two, slowly.
    fn pacing(&mut self, spot: Spot, from: Mono) -> Vec<Knot> {
        let mut path = Vec::new();
        let mut at = from;
        for _ in 0..200 {
            let turn = self.rng.random::<f64>() * std::f64::consts::TAU;
            let far_m = 1.5 * self.rng.random::<f64>();
            path.push(Knot {
                at,
                spot: Spot::new(spot.x_m + far_m * turn.sin(), spot.y_m + far_m * turn.cos()),
                above_ground_m: 0.0,
            });
            at = at.after(Duration::from_secs_f64(
                4.0 + 8.0 * self.rng.random::<f64>(),
            ));
        }
        path
    }

    /// A drone that crosses the site and is heard for at least a minute.
    fn drone(&mut self, kind: ThingKind, serial: String) {
        let boundary = self
            .site
            .of_role(if kind == ThingKind::RosterDrone {
                "show"
            } else {
                "inclusion"
            })
            .next()
            .or_else(|| self.site.of_role("inclusion").next())
            .map_or(Form::Point(Spot::new(0.0, 0.0)), |z| z.form.clone());
        let (lo, hi) = boundary.bounds();
        let roomy_m = if kind == ThingKind::RosterDrone {
            0.0
        } else {
            100.0
        };
        let end_s = self.route.end_s.max(120.0);
        let appears_s = 5.0 + (end_s * 0.7 - 5.0) * self.rng.random::<f64>();
        let from = self.after_launch(appears_s);
        // Not at the patrol's own height: this issue stages detections, not collisions.
        let patrol_m = self
            .route
            .legs
            .iter()
            .map(|l| l.above_home_m.0)
            .fold(0.0, f64::max);
        let above_ground_m = loop {
            let h = 25.0 + 85.0 * self.rng.random::<f64>();
            if (h - patrol_m).abs() > 15.0 {
                break h;
            }
        };
        let mps = 3.0 + 6.0 * self.rng.random::<f64>();
        let mut at = from;
        let mut path: Vec<Knot> = Vec::new();
        while at.since(from) < Duration::from_secs(75) || path.len() < 3 {
            let spot = Spot::new(
                lo.x_m - roomy_m + (hi.x_m - lo.x_m + 2.0 * roomy_m) * self.rng.random::<f64>(),
                lo.y_m - roomy_m + (hi.y_m - lo.y_m + 2.0 * roomy_m) * self.rng.random::<f64>(),
            );
            if let Some(last) = path.last() {
                at = at.after(Duration::from_secs_f64(
                    (last.spot.distance_m(spot) / mps).max(1.0),
                ));
            }
            path.push(Knot {
                at,
                spot,
                above_ground_m,
            });
        }
        let thing = Thing {
            id: self.next_id,
            kind,
            subject: serial,
            from,
            until: at,
            path,
            size_m: (0.4, 0.4),
            heading_rad: 0.0,
            kelvin: 300.0,
        };
        self.add(thing);
    }
}

/// Spectators on the banks: `per_area` people in every crowd zone, standing close but not within `ALOOF_M` of a watch
/// zone (a real bank has a barrier).
#[must_use]
pub fn spectators(seed: u64, site: &Site, per_area: u32, first_id: u32) -> Vec<Thing> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(0x0C);
    let mut out: Vec<Thing> = Vec::new();
    for zone in site.of_role("crowd") {
        let (lo, hi) = zone.form.bounds();
        let mut placed = 0;
        for _ in 0..per_area * 40 {
            if placed == per_area {
                break;
            }
            let spot = Spot::new(
                lo.x_m + (hi.x_m - lo.x_m) * rng.random::<f64>(),
                lo.y_m + (hi.y_m - lo.y_m) * rng.random::<f64>(),
            );
            let heading_rad = rng.random::<f64>() * std::f64::consts::TAU;
            let warm = rng.random::<f64>();
            let behind_the_barrier = site
                .of_role("watch_zone")
                .all(|w| w.form.depth_m(spot) < -ALOOF_M);
            if zone.form.depth_m(spot) < 1.0 || !behind_the_barrier {
                continue;
            }
            placed += 1;
            out.push(Thing {
                id: first_id + out.len() as u32,
                kind: ThingKind::Bystander,
                subject: zone.id.clone(),
                from: Mono::ZERO,
                until: Mono(u64::MAX),
                path: vec![Knot {
                    at: Mono::ZERO,
                    spot,
                    above_ground_m: 0.0,
                }],
                size_m: (0.5, 0.5),
                heading_rad,
                kelvin: 306.0 + 2.0 * warm,
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        scenario::Scenario,
        site::Flat,
        world::route::{Leg, Route},
    };

    fn rectangle(x0: f64, y0: f64, x1: f64, y1: f64) -> Form {
        Form::Polygon(vec![vec![
            Spot::new(x0, y0),
            Spot::new(x1, y0),
            Spot::new(x1, y1),
            Spot::new(x0, y1),
        ]])
    }

    fn site() -> Site {
        let zone = |role: &str, id: &str, form: Form| SiteZone {
            id: id.into(),
            role: role.into(),
            form,
            floor_amsl_m: None,
            ceiling_amsl_m: None,
            window_us: None,
        };
        Site {
            flat: Flat::about(27.787, 120.091),
            ground_amsl_m: 50.0,
            zones: vec![
                zone("inclusion", "edge", rectangle(-450.0, -200.0, 450.0, 200.0)),
                zone("watch_zone", "west", rectangle(-400.0, -100.0, -100.0, 0.0)),
                zone("watch_zone", "east", rectangle(100.0, 0.0, 400.0, 100.0)),
                zone("crowd", "bank", rectangle(-400.0, 0.0, 0.0, 60.0)),
                zone("launch", "pad", Form::Point(Spot::new(0.0, -150.0))),
            ],
        }
    }

    /// Six legs of 800 m, 60 m apart, at 8 m/s and 60 m.
    fn route() -> Route {
        let legs = (0..6)
            .map(|i| {
                let y = -150.0 + 60.0 * f64::from(i);
                let (a, b) = if i % 2 == 0 {
                    (-400.0, 400.0)
                } else {
                    (400.0, -400.0)
                };
                let start_s = 30.0 + 120.0 * f64::from(i);
                Leg {
                    start_s,
                    end_s: start_s + 100.0,
                    from: Spot::new(a, y),
                    to: Spot::new(b, y),
                    above_home_m: (60.0, 60.0),
                }
            })
            .collect();
        Route { legs, end_s: 730.0 }
    }

    #[test]
    fn a_hundred_evenings_have_two_to_four_anomalies_two_decoys_and_nobody_out_of_sight() {
        let (site, route, scenario) = (site(), route(), Scenario::sixi().unwrap());
        let launch = Mono::from_millis(40_000);
        let half_view = scenario.camera.half_view();
        let mut counts = std::collections::BTreeSet::new();
        for seed in 0..100 {
            let draw = || {
                Director::new(seed, 1, &site, &route, launch, half_view, 10)
                    .stage(&scenario.staging)
            };
            let things = draw();
            assert_eq!(things, draw(), "one seed, one evening");
            let flagged = things.iter().filter(|t| t.kind.must_be_flagged()).count();
            assert!((2..=4).contains(&flagged), "seed {seed}: {flagged}");
            counts.insert(flagged);
            assert!(things.iter().filter(|t| t.kind.is_decoy()).count() >= 2);
            for t in things.iter().filter(|t| t.kind.is_warm()) {
                let zone = site
                    .of_role("watch_zone")
                    .find(|z| z.id == t.subject)
                    .unwrap();
                let spot = t.path[0].spot;
                assert!(zone.form.depth_m(spot) > INSIDE_M - 2.0, "{t:?}");
                let (look_s, _) = route.first_look(spot, half_view, 1.5).unwrap();
                assert!(t.from < launch.after(Duration::from_secs_f64(look_s)));
            }
            for t in things.iter().filter(|t| t.kind.broadcasts()) {
                assert!(t.until.since(t.from) >= Duration::from_secs(75));
                assert!(t.from.since(launch).as_secs_f64() < route.end_s * 0.71);
            }
        }
        assert_eq!(counts.len(), 3, "every number comes up");
    }

    #[test]
    fn without_a_route_over_watch_zones_there_are_drones_instead_of_people() {
        let (site, scenario) = (site(), Scenario::sixi().unwrap());
        let route = Route::default();
        let things =
            Director::new(3, 1, &site, &route, Mono::ZERO, 0.3, 1).stage(&scenario.staging);
        let drones = things
            .iter()
            .filter(|t| t.kind == ThingKind::UnknownDrone)
            .count();
        assert!((2..=4).contains(&drones));
        assert!(!things.iter().any(|t| t.kind.is_warm()));
    }

    #[test]
    fn a_surge_runs_from_the_crowd_into_a_watch_zone_before_the_camera_looks() {
        let (site, route, scenario) = (site(), route(), Scenario::sixi().unwrap());
        let half_view = scenario.camera.half_view();
        for seed in 0..20 {
            let mut staging = scenario.staging.clone();
            let quiet =
                Director::new(seed, 1, &site, &route, Mono::ZERO, half_view, 1).stage(&staging);
            assert!(!quiet.iter().any(|t| t.kind == ThingKind::Surge));
            staging.surge = 12;
            let things =
                Director::new(seed, 1, &site, &route, Mono::ZERO, half_view, 1).stage(&staging);
            let surge: Vec<&Thing> = things
                .iter()
                .filter(|t| t.kind == ThingKind::Surge)
                .collect();
            assert_eq!(surge.len(), 12);
            for t in surge {
                let zone = site
                    .of_role("watch_zone")
                    .find(|z| z.id == t.subject)
                    .unwrap();
                let (first, last) = (t.path.first().unwrap(), t.path.last().unwrap());
                assert!(zone.form.depth_m(last.spot) >= 0.0);
                assert!(zone.form.depth_m(first.spot) < 0.0, "{t:?}");
                let (look_s, _) = route.first_look(last.spot, half_view, 1.0).unwrap();
                assert!(last.at.as_secs_f64() <= look_s.max(1.0), "{t:?} {look_s}");
            }
        }
    }

    #[test]
    fn spectators_stay_in_their_area_and_behind_the_barrier() {
        let site = site();
        let crowd = spectators(1, &site, 100, 1);
        assert_eq!(crowd.len(), 100);
        for t in &crowd {
            let spot = t.path[0].spot;
            assert!(site.of_role("crowd").any(|z| z.form.depth_m(spot) >= 1.0));
            assert!(
                site.of_role("watch_zone")
                    .all(|z| z.form.depth_m(spot) < -ALOOF_M)
            );
        }
    }
}
