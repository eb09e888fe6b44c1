//! Did the aircraft stay inside? Own venue reader, own projection, own distances ([`crate::site`]).

use crate::site::{Site, SiteError, SiteZone, Spot};

/// Most stays on the wrong side that are listed one by one.
const MAX_ESCAPES: usize = 1_000;

/// How far the aircraft was from the nearest thing it may not cross.
#[derive(Clone, Debug, PartialEq)]
pub struct Clearance {
    /// Metres; negative = on the wrong side by so much.
    pub metres: f64,
    /// Which zone.
    pub zone: String,
    /// When, UTC µs.
    pub utc_us: i64,
}

/// A stay on the wrong side of a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Escape {
    /// Which zone.
    pub zone: String,
    /// First moment, UTC µs.
    pub utc_us: i64,
    /// Deepest, metres.
    pub by_m: f64,
}

/// The containment oracle. Fed with the true position at every step of the world.
#[derive(Clone, Debug)]
pub struct Containment {
    site: Site,
    worst: Option<Clearance>,
    escapes: Vec<Escape>,
    samples: u64,
    /// Where it was last measured: place, height, clearance. Distances change by no more than one moves.
    last: Option<(Spot, f64, f64)>,
    /// Until then no clock of a zone changes anything, UTC µs.
    same_until_us: i64,
    /// Before then the clocks were not as they are now, UTC µs.
    same_from_us: i64,
}

impl Containment {
    /// For a venue.
    ///
    /// # Errors
    /// [`SiteError`] when the venue cannot be read.
    pub fn new(venue_geojson: &str) -> Result<Self, SiteError> {
        Ok(Containment {
            site: Site::from_geojson(venue_geojson)?,
            worst: None,
            escapes: Vec::new(),
            samples: 0,
            last: None,
            same_until_us: i64::MIN,
            same_from_us: i64::MAX,
        })
    }

    /// Clearance at a true position, metres, with the zone that limits it.
    ///
    /// Inside the boundary (all inclusion zones: any one of them will do) and below its ceiling; outside every
    /// exclusion and show zone, above, below or beside it, while its window lasts.
    #[must_use]
    pub fn clearance_m(
        &self,
        utc_us: i64,
        lat_deg: f64,
        lon_deg: f64,
        alt_amsl_m: f64,
    ) -> (f64, &str) {
        let p = self.site.flat.spot(lat_deg, lon_deg);
        let mut least = (f64::NEG_INFINITY, "no boundary");
        for zone in self.site.of_role("inclusion") {
            let mut inside_m = zone.form.depth_m(p);
            if let Some(ceiling) = zone.ceiling_amsl_m {
                inside_m = inside_m.min(ceiling - alt_amsl_m);
            }
            if inside_m > least.0 {
                least = (inside_m, &zone.id);
            }
        }
        for zone in self.site.zones.iter().filter(|z| is_keep_out(z)) {
            if zone
                .window_us
                .is_some_and(|(from, until)| utc_us < from || utc_us >= until)
            {
                continue;
            }
            let beside_m = -zone.form.depth_m(p);
            let below_m = zone
                .floor_amsl_m
                .map_or(f64::NEG_INFINITY, |f| f - alt_amsl_m);
            let above_m = zone
                .ceiling_amsl_m
                .map_or(f64::NEG_INFINITY, |c| alt_amsl_m - c);
            let over_m = below_m.max(above_m);
            let away_m = if beside_m > 0.0 && over_m > 0.0 {
                beside_m.hypot(over_m)
            } else {
                beside_m.max(over_m)
            };
            if away_m < least.0 {
                least = (away_m, &zone.id);
            }
        }
        least
    }

    /// The world moved: where the aircraft truly is, and whether it is in the air.
    pub fn observe(
        &mut self,
        utc_us: i64,
        airborne: bool,
        lat_deg: f64,
        lon_deg: f64,
        alt_amsl_m: f64,
    ) {
        if !airborne {
            return;
        }
        self.samples += 1;
        // What cannot be worse than the worst, and cannot be an escape, need not be measured: exact, and many times
        // faster over a wide venue.
        let spot = self.site.flat.spot(lat_deg, lon_deg);
        if let (Some((p, alt, metres)), Some(worst)) = (self.last, &self.worst)
            && (self.same_from_us..self.same_until_us).contains(&utc_us)
        {
            // A millimetre for the projection's rounding.
            let at_least = metres - spot.distance_m(p).hypot(alt_amsl_m - alt) - 1e-3;
            if at_least > 0.0 && at_least > worst.metres {
                return;
            }
        }
        self.clocks(utc_us);
        let (metres, zone) = self.clearance_m(utc_us, lat_deg, lon_deg, alt_amsl_m);
        // A position that is no number is nowhere: outside.
        let metres = if metres.is_nan() {
            f64::NEG_INFINITY
        } else {
            metres
        };
        let zone = zone.to_owned();
        self.last = metres.is_finite().then_some((spot, alt_amsl_m, metres));
        if metres <= 0.0 {
            let room = self.escapes.len() < MAX_ESCAPES;
            match self.escapes.last_mut() {
                Some(e) if e.zone == zone => e.by_m = e.by_m.max(-metres),
                _ if room => self.escapes.push(Escape {
                    zone: zone.clone(),
                    utc_us,
                    by_m: -metres,
                }),
                _ => {}
            }
        }
        if self.worst.as_ref().is_none_or(|w| metres < w.metres) {
            self.worst = Some(Clearance {
                metres,
                zone,
                utc_us,
            });
        }
    }

    /// How far the aircraft may move from where it was last measured, metres, before the next judgement can matter: 0
    /// when it must be judged now. For callers that know distances cheaper than degrees.
    #[must_use]
    pub fn free_m(&self, utc_us: i64) -> f64 {
        match (&self.last, &self.worst) {
            (Some((_, _, metres)), Some(worst))
                if (self.same_from_us..self.same_until_us).contains(&utc_us) =>
            {
                (metres - worst.metres.max(0.0) - 1e-2).max(0.0)
            }
            _ => 0.0,
        }
    }

    fn clocks(&mut self, utc_us: i64) {
        if (self.same_from_us..self.same_until_us).contains(&utc_us) {
            return;
        }
        let edges = self
            .site
            .zones
            .iter()
            .filter_map(|z| z.window_us)
            .flat_map(|(from, until)| [from, until]);
        self.same_from_us = i64::MIN;
        self.same_until_us = i64::MAX;
        for edge in edges {
            if edge <= utc_us {
                self.same_from_us = self.same_from_us.max(edge);
            } else {
                self.same_until_us = self.same_until_us.min(edge);
            }
        }
    }

    /// The closest it came so far; `None` before it flew.
    #[must_use]
    pub fn worst(&self) -> Option<&Clearance> {
        self.worst.as_ref()
    }
    /// Stays on the wrong side.
    #[must_use]
    pub fn escapes(&self) -> &[Escape] {
        &self.escapes
    }
    /// Positions judged.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }
}

fn is_keep_out(zone: &SiteZone) -> bool {
    matches!(zone.role.as_str(), "exclusion" | "show")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 200 m × 200 m venue with a 120 m ceiling, a hospital disc and a show box of 30..110 m for one hour.
    fn venue() -> String {
        let flat = crate::site::Flat::about(27.787, 120.091);
        let ring = |x0: f64, y0: f64, x1: f64, y1: f64| {
            let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)];
            let text: Vec<String> = corners
                .iter()
                .map(|(x, y)| {
                    let (lat, lon) = flat.degrees(Spot::new(*x, *y));
                    format!("[{lon:.9},{lat:.9}]")
                })
                .collect();
            format!("[[{}]]", text.join(","))
        };
        let (lat, lon) = flat.degrees(Spot::new(-60.0, -60.0));
        format!(
            r#"{{"type":"FeatureCollection","name":"t","datum":"WGS-84","ground_amsl_m":50,"flat_ground":true,"features":[
            {{"type":"Feature","properties":{{"role":"inclusion","id":"edge","ceiling_m":120,"limit_frame":"above_ground"}},"geometry":{{"type":"Polygon","coordinates":{}}}}},
            {{"type":"Feature","properties":{{"role":"exclusion","id":"hospital","radius_m":15}},"geometry":{{"type":"Point","coordinates":[{lon:.9},{lat:.9}]}}}},
            {{"type":"Feature","properties":{{"role":"show","id":"show","floor_m":30,"ceiling_m":110,"limit_frame":"above_ground","from":"2026-10-01T12:00:00Z","until":"2026-10-01T13:00:00Z"}},"geometry":{{"type":"Polygon","coordinates":{}}}}}
            ]}}"#,
            ring(-100.0, -100.0, 100.0, 100.0),
            ring(0.0, 0.0, 50.0, 50.0),
        )
    }

    const DURING: i64 = 1_790_856_120_000_000;
    const AFTER: i64 = DURING + 3_600_000_000;

    fn clearance(x: f64, y: f64, above_ground_m: f64, utc_us: i64) -> (f64, String) {
        let oracle = Containment::new(&venue()).unwrap();
        let (lat, lon) = crate::site::Flat::about(27.787, 120.091).degrees(Spot::new(x, y));
        let (m, id) = oracle.clearance_m(utc_us, lat, lon, 50.0 + above_ground_m);
        (m, id.to_owned())
    }

    #[test]
    fn every_limit_is_measured_from_its_own_side() {
        let near = |(m, id): (f64, String), want: f64, zone: &str| {
            assert!(
                (m - want).abs() < 0.02 && id == zone,
                "{m} {id}, want {want} {zone}"
            );
        };
        near(clearance(-90.0, 50.0, 20.0, DURING), 10.0, "edge");
        near(clearance(-103.0, 50.0, 20.0, DURING), -3.0, "edge");
        near(clearance(-90.0, 50.0, 119.0, DURING), 1.0, "edge");
        near(clearance(-60.0, -40.0, 20.0, DURING), 5.0, "hospital");
        near(clearance(-60.0, -50.0, 20.0, DURING), -5.0, "hospital");
        near(clearance(-6.0, 25.0, 60.0, DURING), 6.0, "show");
        near(clearance(25.0, 25.0, 60.0, DURING), -25.0, "show");
        near(clearance(25.0, 25.0, 26.0, DURING), 4.0, "show");
        near(clearance(-3.0, 25.0, 26.0, DURING), 5.0, "show");
        near(clearance(25.0, 25.0, 114.0, DURING), 4.0, "show");
    }

    #[test]
    fn a_zone_counts_while_its_window_lasts() {
        assert!(clearance(25.0, 25.0, 60.0, DURING).0 < 0.0);
        assert!(clearance(25.0, 25.0, 60.0, AFTER).0 > 0.0);
    }

    #[test]
    fn an_escape_is_reported_with_zone_time_and_depth_and_the_ground_does_not_count() {
        let mut oracle = Containment::new(&venue()).unwrap();
        let flat = crate::site::Flat::about(27.787, 120.091);
        for step in 0..300i64 {
            let (lat, lon) = flat.degrees(Spot::new(-80.0, step as f64));
            oracle.observe(DURING + step * 10_000, step > 5, lat, lon, 70.0);
        }
        assert_eq!(oracle.samples(), 294);
        let [escape] = oracle.escapes() else {
            panic!("{:?}", oracle.escapes())
        };
        assert_eq!(escape.zone, "edge");
        assert!((escape.by_m - 199.0).abs() < 0.1);
        assert!((escape.utc_us - (DURING + 1_000_000)).abs() <= 20_000);
        assert!((oracle.worst().unwrap().metres + 199.0).abs() < 0.1);
    }

    #[test]
    fn skipping_what_cannot_matter_changes_no_judgement() {
        let mut quick = Containment::new(&venue()).unwrap();
        let flat = crate::site::Flat::about(27.787, 120.091);
        let (mut worst, mut out) = (f64::INFINITY, 0.0f64);
        for step in 0..60_000i64 {
            let t = step as f64 * 0.01;
            // A curve that comes near and crosses edges, and a height that does; half of it after the show.
            let (x, y) = (104.0 * (t * 0.11).sin(), 90.0 * (t * 0.07).cos());
            let alt = 100.0 + 45.0 * (t * 0.05).sin();
            let (lat, lon) = flat.degrees(Spot::new(x, y));
            let utc = if step < 30_000 { DURING } else { AFTER } + step * 10_000;
            quick.observe(utc, true, lat, lon, alt);
            let (m, _) = quick.clearance_m(utc, lat, lon, alt);
            worst = worst.min(m);
            out = out.max(-m);
        }
        assert!((quick.worst().unwrap().metres - worst).abs() < 1e-9);
        let deepest = quick.escapes().iter().map(|e| e.by_m).fold(0.0, f64::max);
        assert!((deepest - out).abs() < 1e-9 && out > 1.0, "{deepest} {out}");
    }

    #[test]
    fn a_position_that_is_no_number_is_an_escape() {
        let mut oracle = Containment::new(&venue()).unwrap();
        oracle.observe(DURING, true, f64::NAN, 120.091, 70.0);
        assert_eq!(oracle.escapes().len(), 1);
    }
}
