//! From what was drawn to what may be flown: every fault is named with its place.

use super::flat::{self, Area};
use super::{Fence, KeepOut, Relief};
use crate::place::{AboveHome, Alt, Datum, Home, LatLon};
use crate::plane::{EastNorth, LocalPlane};
use crate::terrain::Bounds;
use crate::venue::{Ground, Limit, Role, Shape, Venue, Zone};
use std::sync::Arc;
use thiserror::Error;

/// Most vertices a fence may have; a bound on every later loop.
pub const MAX_VERTICES: usize = 50_000;
/// Largest extent of a venue, metres: beyond it the tangent plane is no longer good to a centimetre.
pub const MAX_EXTENT_M: f64 = 20_000.0;
/// Smallest area of a boundary or keep-out, m².
const MIN_AREA_M2: f64 = 1.0;

/// Why a drawn fence cannot be flown.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum FenceFault {
    /// Datum not WGS-84.
    #[error(
        "the venue's datum is {0:?}: state WGS-84 in the file, or convert it; maps sold in China are some 500 m off"
    )]
    Datum(Datum),
    /// No boundary.
    #[error("there is no patrol boundary: draw one zone with role `inclusion`")]
    NoBoundary,
    /// Several boundaries.
    #[error(
        "there are {0} patrol boundaries: the two autopilots read that differently, so draw exactly one"
    )]
    ManyBoundaries(usize),
    /// Ring with fewer than three corners.
    #[error("`{zone}`: an outline with {corners} corners encloses nothing; draw at least three")]
    TooFewCorners {
        /// Zone id.
        zone: String,
        /// Corners found.
        corners: usize,
    },
    /// Two equal corners.
    #[error("`{zone}`: corner {corner} at {at} is there twice; remove one")]
    DuplicateCorner {
        /// Zone id.
        zone: String,
        /// Index.
        corner: usize,
        /// Place.
        at: LatLon,
    },
    /// Outline crosses itself.
    #[error("`{zone}`: the outline crosses or touches itself near {at}; move a corner")]
    SelfCrossing {
        /// Zone id.
        zone: String,
        /// Place.
        at: LatLon,
    },
    /// No area.
    #[error("`{zone}`: the outline encloses {area_m2:.2} m², which is nothing")]
    ZeroArea {
        /// Zone id.
        zone: String,
        /// Area, m².
        area_m2: f64,
    },
    /// Hole not inside.
    #[error("`{zone}`: a hole reaches out of its outline near {at}")]
    HoleOutside {
        /// Zone id.
        zone: String,
        /// Place.
        at: LatLon,
    },
    /// Crosses 180° east.
    #[error("`{zone}`: the outline crosses the antimeridian, which is not supported")]
    Antimeridian {
        /// Zone id.
        zone: String,
    },
    /// Too large.
    #[error(
        "`{zone}` reaches {extent_m:.0} m from the middle of the venue; more than {MAX_EXTENT_M:.0} m is not judged exactly"
    )]
    TooLarge {
        /// Zone id.
        zone: String,
        /// Metres.
        extent_m: f64,
    },
    /// Too many corners.
    #[error("the venue has {0} corners; at most {MAX_VERTICES} are accepted")]
    TooManyCorners(usize),
    /// Floor above ceiling.
    #[error(
        "`{zone}`: floor {floor_amsl_m:.1} m is not below ceiling {ceiling_amsl_m:.1} m (above sea level)"
    )]
    FloorAboveCeiling {
        /// Zone id.
        zone: String,
        /// Metres above sea level.
        floor_amsl_m: f64,
        /// Metres above sea level.
        ceiling_amsl_m: f64,
    },
    /// Height above unknown ground.
    #[error(
        "`{zone}`: a height above ground needs the ground: state `flat_ground` and `ground_amsl_m` in the venue, or give it elevation tiles that cover it without voids"
    )]
    GroundUnknown {
        /// Zone id.
        zone: String,
    },
    /// A point where an area is needed.
    #[error("`{zone}`: a point is no area; draw a polygon, or give it a radius")]
    NotAnArea {
        /// Zone id.
        zone: String,
    },
    /// A radius that is none.
    #[error("`{zone}`: radius {radius_m} m is not positive")]
    BadRadius {
        /// Zone id.
        zone: String,
        /// Metres.
        radius_m: f64,
    },
    /// Home out of bounds.
    #[error("home {at} is outside the patrol boundary or inside a keep-out")]
    HomeOutside {
        /// Place.
        at: LatLon,
    },
    /// The autopilot's copy cannot be made.
    #[error("the autopilot's own fence cannot be made: {0}")]
    NoAutopilotFence(String),
}

/// A fence before it is checked.
#[derive(Clone, Debug)]
pub struct FenceDraft {
    datum: Datum,
    ground: Ground,
    home: Home,
    zones: Vec<Zone>,
}

impl FenceDraft {
    /// What of a venue is about where to fly.
    #[must_use]
    pub fn from_venue(venue: &Venue, home: Home) -> Self {
        let zones = venue
            .zones
            .iter()
            .filter(|z| {
                matches!(
                    z.role,
                    Role::Inclusion | Role::Exclusion | Role::Show | Role::Crowd
                )
            })
            .cloned()
            .collect();
        FenceDraft {
            datum: venue.datum,
            ground: venue.ground.clone(),
            home,
            zones,
        }
    }

    /// Checks everything.
    ///
    /// # Errors
    /// Every fault found, each with its zone and place.
    pub fn check(self) -> Result<Fence, Vec<FenceFault>> {
        let mut faults = Vec::new();
        if self.datum != Datum::Wgs84 {
            faults.push(FenceFault::Datum(self.datum));
        }
        let corners: usize = self.zones.iter().map(|z| corner_count(&z.shape)).sum();
        if corners > MAX_VERTICES {
            return Err(vec![FenceFault::TooManyCorners(corners)]);
        }
        let inclusions: Vec<&Zone> = self
            .zones
            .iter()
            .filter(|z| z.role == Role::Inclusion)
            .collect();
        let boundary = match inclusions.as_slice() {
            [one] => *one,
            [] => {
                faults.push(FenceFault::NoBoundary);
                return Err(faults);
            }
            many => {
                faults.push(FenceFault::ManyBoundaries(many.len()));
                return Err(faults);
            }
        };
        // A circular boundary becomes the polygon inside it: autopilots and files then agree on one outline.
        let (outer, holes) = match &boundary.shape {
            Shape::Polygon { outer, holes } => (outer.clone(), holes.clone()),
            Shape::Circle { centre, radius_m } => (circle_as_ring(*centre, *radius_m), Vec::new()),
            Shape::Point(_) => {
                faults.push(FenceFault::NotAnArea {
                    zone: boundary.id.clone(),
                });
                return Err(faults);
            }
        };
        let Some(origin) = middle_of(&outer) else {
            faults.push(FenceFault::TooFewCorners {
                zone: boundary.id.clone(),
                corners: outer.len(),
            });
            return Err(faults);
        };
        let plane = LocalPlane::new(origin);
        let outline = Shape::Polygon {
            outer: outer.clone(),
            holes: Vec::new(),
        };
        let area = check_shape(&boundary.id, &outline, &plane, &mut faults);
        let (floor_amsl_m, ceiling_amsl_m) = self.limits(boundary, &mut faults);
        let relief = self.relief(boundary);

        let mut keepouts = Vec::new();
        let mut areas = Vec::new();
        for (i, hole) in holes.iter().enumerate() {
            let id = format!("{}/hole-{}", boundary.id, i + 1);
            let shape = Shape::Polygon {
                outer: hole.clone(),
                holes: Vec::new(),
            };
            if let (Some(a), Some(b)) = (check_shape(&id, &shape, &plane, &mut faults), &area) {
                if let Some(p) = a.vertices().into_iter().find(|p| !b.contains(*p)) {
                    let at = plane.to_latlon(p).unwrap_or(origin);
                    faults.push(FenceFault::HoleOutside {
                        zone: id.clone(),
                        at,
                    });
                }
                areas.push(a);
                keepouts.push(KeepOut {
                    id,
                    role: Role::Exclusion,
                    shape,
                    floor_amsl_m: None,
                    ceiling_amsl_m: None,
                    window: None,
                });
            }
        }
        for z in self.zones.iter().filter(|z| z.role != Role::Inclusion) {
            let (floor_amsl_m, ceiling_amsl_m) = self.limits(z, &mut faults);
            if let Some(a) = check_shape(&z.id, &z.shape, &plane, &mut faults) {
                areas.push(a);
                keepouts.push(KeepOut {
                    id: z.id.clone(),
                    role: z.role,
                    shape: z.shape.clone(),
                    floor_amsl_m,
                    ceiling_amsl_m,
                    window: z.window,
                });
            }
        }
        let Some(boundary_area) = area else {
            return Err(faults);
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        let fence = Fence {
            home: self.home,
            plane,
            boundary_latlon: outer,
            boundary: boundary_area,
            floor_amsl_m,
            ceiling_amsl_m,
            window: boundary.window,
            keepouts,
            areas,
            relief,
        };
        let here = plane.to_local(self.home.at);
        let barred = fence.keepout_areas().any(|(k, a)| {
            k.role != Role::Crowd
                && k.window.is_none()
                && a.contains(here)
                && k.floor_amsl_m.is_none_or(|f| f <= self.home.alt.metres())
        });
        if !fence.boundary.contains(here) || barred {
            return Err(vec![FenceFault::HomeOutside { at: self.home.at }]);
        }
        Ok(fence)
    }

    /// Lowest and highest ground under a zone, metres above sea level, with what the heights may be off.
    fn ground_under(&self, z: &Zone) -> Option<(f64, f64)> {
        match &self.ground {
            Ground::Flat(g) => Some((g.metres(), g.metres())),
            Ground::Unknown => None,
            Ground::Terrain(t) => {
                let (low, high) = t.span_in_m(Bounds::around(z.shape.extent())?)?;
                Some((low - t.error_m(), high + t.error_m()))
            }
        }
    }

    fn relief(&self, boundary: &Zone) -> Option<Relief> {
        let Ground::Terrain(t) = &self.ground else {
            return None;
        };
        let above = |limit| match limit {
            Some(Limit::AboveGround(a)) => Some(Alt::metres(a)),
            _ => None,
        };
        Some(Relief {
            terrain: Arc::new(t.as_ref().clone()),
            floor_above_ground_m: above(boundary.floor),
            ceiling_above_ground_m: above(boundary.ceiling),
        })
    }

    fn limits(&self, z: &Zone, faults: &mut Vec<FenceFault>) -> (Option<f64>, Option<f64>) {
        let mut resolve = |limit: Option<Limit>, is_floor: bool| -> Option<f64> {
            match limit? {
                Limit::Amsl(a) => Some(a.metres()),
                Limit::AboveHome(a) => Some(self.home.to_amsl(a).metres()),
                Limit::AboveGround(a) => match self.ground_under(z) {
                    Some((low_m, high_m)) => {
                        // A keep-out grows to the safe side. The boundary's own limits are judged leg by leg; here is
                        // only what holds for all of it.
                        let ground_m = if is_floor { low_m } else { high_m };
                        Some(ground_m + a.metres())
                    }
                    None => {
                        let fault = FenceFault::GroundUnknown { zone: z.id.clone() };
                        if !faults.contains(&fault) {
                            faults.push(fault);
                        }
                        None
                    }
                },
            }
        };
        let (floor, ceiling) = (resolve(z.floor, true), resolve(z.ceiling, false));
        if let (Some(f), Some(c)) = (floor, ceiling)
            && f >= c
        {
            faults.push(FenceFault::FloorAboveCeiling {
                zone: z.id.clone(),
                floor_amsl_m: f,
                ceiling_amsl_m: c,
            });
        }
        (floor, ceiling)
    }
}

impl Fence {
    /// A fence uploaded by the standard protocol: one boundary, keep-outs of all heights and times, and a ceiling from
    /// the companion's configuration, because the wire carries none.
    ///
    /// # Errors
    /// As [`FenceDraft::check`].
    pub fn from_wire(
        inclusion: Vec<LatLon>,
        exclusions: Vec<Shape>,
        ceiling: Alt<AboveHome>,
        home: Home,
    ) -> Result<Fence, Vec<FenceFault>> {
        let zone = |id: String, role, shape, ceiling| Zone {
            name: id.clone(),
            id,
            role,
            shape,
            floor: None,
            ceiling,
            window: None,
        };
        let mut zones = vec![zone(
            "uploaded-boundary".into(),
            Role::Inclusion,
            Shape::Polygon {
                outer: inclusion,
                holes: Vec::new(),
            },
            Some(Limit::AboveHome(ceiling)),
        )];
        for (i, shape) in exclusions.into_iter().enumerate() {
            zones.push(zone(
                format!("uploaded-keep-out-{}", i + 1),
                Role::Exclusion,
                shape,
                None,
            ));
        }
        FenceDraft {
            datum: Datum::Wgs84,
            ground: Ground::Unknown,
            home,
            zones,
        }
        .check()
    }
}

fn corner_count(shape: &Shape) -> usize {
    match shape {
        Shape::Polygon { outer, holes } => outer.len() + holes.iter().map(Vec::len).sum::<usize>(),
        Shape::Circle { .. } | Shape::Point(_) => 1,
    }
}

fn middle_of(ring: &[LatLon]) -> Option<LatLon> {
    let (lo, hi) = ring
        .iter()
        .fold((None::<LatLon>, None::<LatLon>), |(lo, hi), p| {
            let min = |a: LatLon| {
                LatLon::from_e7(a.lat_e7().min(p.lat_e7()), a.lon_e7().min(p.lon_e7())).unwrap_or(a)
            };
            let max = |a: LatLon| {
                LatLon::from_e7(a.lat_e7().max(p.lat_e7()), a.lon_e7().max(p.lon_e7())).unwrap_or(a)
            };
            (Some(lo.map_or(*p, min)), Some(hi.map_or(*p, max)))
        });
    let (lo, hi) = (lo?, hi?);
    let mid = |a: i32, b: i32| i32::try_from((i64::from(a) + i64::from(b)) / 2).unwrap_or(a);
    LatLon::from_e7(mid(lo.lat_e7(), hi.lat_e7()), mid(lo.lon_e7(), hi.lon_e7())).ok()
}

/// 64 corners on the circle: the polygon lies inside it.
fn circle_as_ring(centre: LatLon, radius_m: f64) -> Vec<LatLon> {
    let plane = LocalPlane::new(centre);
    (0..64)
        .filter_map(|i| {
            let a = std::f64::consts::TAU * f64::from(i) / 64.0;
            plane.to_latlon(EastNorth::new(radius_m * a.cos(), radius_m * a.sin()))
        })
        .collect()
}

fn check_shape(
    zone: &str,
    shape: &Shape,
    plane: &LocalPlane,
    faults: &mut Vec<FenceFault>,
) -> Option<Area> {
    let before = faults.len();
    let zone = zone.to_owned();
    let area = match shape {
        Shape::Point(_) => {
            faults.push(FenceFault::NotAnArea { zone });
            return None;
        }
        Shape::Circle { centre, radius_m } => {
            if !(radius_m.is_finite() && *radius_m > 0.0) {
                faults.push(FenceFault::BadRadius {
                    zone,
                    radius_m: *radius_m,
                });
                return None;
            }
            let centre = plane.to_local(*centre);
            let extent_m = centre.east_m.hypot(centre.north_m) + radius_m;
            if extent_m > MAX_EXTENT_M {
                faults.push(FenceFault::TooLarge { zone, extent_m });
                return None;
            }
            Area::Disc {
                centre,
                radius_m: *radius_m,
            }
        }
        Shape::Polygon { outer, holes } => {
            let mut rings: Vec<Vec<EastNorth>> = Vec::new();
            for ring in std::iter::once(outer).chain(holes) {
                match check_ring(&zone, ring, plane) {
                    Ok(r) => rings.push(r),
                    Err(f) => faults.push(f),
                }
            }
            if faults.len() > before {
                return None;
            }
            if let Some((outer, holes)) = rings.split_first() {
                let whole = Area::Rings(vec![outer.clone()]);
                for (i, hole) in holes.iter().enumerate() {
                    let outside = hole.iter().find(|p| !whole.contains(**p));
                    let crossing = flat::edges(hole)
                        .find(|e| flat::edges(outer).any(|f| flat::edges_meet(*e, f)))
                        .map(|e| e.0);
                    let overlap = holes.iter().take(i).find_map(|o| {
                        flat::edges(hole)
                            .find(|e| flat::edges(o).any(|f| flat::edges_meet(*e, f)))
                            .map(|e| e.0)
                    });
                    if let Some(p) = outside.copied().or(crossing).or(overlap) {
                        let at = plane.to_latlon(p).unwrap_or(plane.origin());
                        faults.push(FenceFault::HoleOutside {
                            zone: zone.clone(),
                            at,
                        });
                    }
                }
            }
            Area::Rings(rings)
        }
    };
    (faults.len() == before).then_some(area)
}

fn check_ring(
    zone: &str,
    ring: &[LatLon],
    plane: &LocalPlane,
) -> Result<Vec<EastNorth>, FenceFault> {
    let zone = zone.to_owned();
    if ring.len() < 3 {
        return Err(FenceFault::TooFewCorners {
            zone,
            corners: ring.len(),
        });
    }
    for (i, p) in ring.iter().enumerate() {
        if ring.iter().take(i).any(|q| q == p) {
            return Err(FenceFault::DuplicateCorner {
                zone,
                corner: i,
                at: *p,
            });
        }
    }
    let (west, east) = ring.iter().fold((i32::MAX, i32::MIN), |(w, e), p| {
        (w.min(p.lon_e7()), e.max(p.lon_e7()))
    });
    if i64::from(east) - i64::from(west) > 1_800_000_000 {
        return Err(FenceFault::Antimeridian { zone });
    }
    let local: Vec<EastNorth> = ring.iter().map(|p| plane.to_local(*p)).collect();
    let extent_m = local
        .iter()
        .map(|p| p.east_m.hypot(p.north_m))
        .fold(0.0, f64::max);
    if extent_m.is_nan() || extent_m > MAX_EXTENT_M {
        return Err(FenceFault::TooLarge { zone, extent_m });
    }
    if let Some(p) = self_crossing(&local) {
        return Err(FenceFault::SelfCrossing {
            zone,
            at: plane.to_latlon(p).unwrap_or(plane.origin()),
        });
    }
    let area_m2 = flat::edges(&local)
        .map(|(a, b)| a.east_m * b.north_m - b.east_m * a.north_m)
        .sum::<f64>()
        .abs()
        / 2.0;
    if area_m2 < MIN_AREA_M2 {
        return Err(FenceFault::ZeroArea { zone, area_m2 });
    }
    Ok(local)
}

/// A place where two edges of the ring meet that should not. Sweeps over edges sorted by their western end.
fn self_crossing(ring: &[EastNorth]) -> Option<EastNorth> {
    let n = ring.len();
    let all: Vec<flat::Edge> = flat::edges(ring).collect();
    let west = |e: &flat::Edge| e.0.east_m.min(e.1.east_m);
    let east = |e: &flat::Edge| e.0.east_m.max(e.1.east_m);
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| {
        let key = |i: &usize| all.get(*i).map_or(0.0, west);
        key(a).total_cmp(&key(b))
    });
    for (k, &i) in order.iter().enumerate() {
        let Some(e) = all.get(i) else { continue };
        for &j in order.iter().skip(k + 1) {
            let Some(f) = all.get(j) else { continue };
            if west(f) > east(e) {
                break;
            }
            let apart = i.abs_diff(j);
            if apart == 1 || apart == n - 1 {
                // Neighbours share a corner; they must not fold back over each other.
                let (first, second) = if (i + 1) % n == j { (e, f) } else { (f, e) };
                if folds_back(*first, *second) {
                    return Some(first.1);
                }
            } else if flat::edges_meet(*e, *f) {
                return Some(flat::nearest_on_edge(f.0, *e));
            }
        }
    }
    None
}

fn folds_back((a, b): flat::Edge, (_, c): flat::Edge) -> bool {
    let on_ab = flat::edges_meet((a, b), (c, c)) && c != b;
    let on_bc = flat::edges_meet((b, c), (a, a)) && a != b;
    on_ab || on_bc
}
