//! Zones in local metres: how deep inside one a place lies.
//!
//! For judging what the camera saw, not for flying: the fence has its own geometry.

use super::schema::{ZoneForEyes, ZoneRole, ZoneShape};
use missions::plane::{EastNorth, LocalPlane};
use missions::time::{Utc, Window};

/// Most zones and most vertices of all of them that are kept.
const MAX_ZONES: usize = 500;
const MAX_VERTICES: usize = 50_000;

/// One zone in local metres.
#[derive(Clone, Debug, PartialEq)]
pub struct LocalZone {
    /// Id in the venue.
    pub id: String,
    /// Role.
    pub role: ZoneRole,
    shape: LocalShape,
    window: Option<Window>,
}

#[derive(Clone, Debug, PartialEq)]
enum LocalShape {
    /// Outer ring and holes: the even-odd rule needs no telling which is which.
    Rings(Vec<Vec<EastNorth>>),
    Disc {
        centre: EastNorth,
        radius_m: f64,
    },
}

/// Projects zones; those that are no area (fewer than three vertices, no radius) and those beyond the bounds are left
/// out and counted.
#[must_use]
pub fn project(zones: &[ZoneForEyes], plane: &LocalPlane) -> (Vec<LocalZone>, usize) {
    let mut out = Vec::new();
    let mut left_out = 0;
    let mut vertices = 0usize;
    for zone in zones {
        let shape = match &zone.shape {
            ZoneShape::Polygon { outer, holes } if outer.len() >= 3 => {
                vertices += outer.len() + holes.iter().map(Vec::len).sum::<usize>();
                Some(LocalShape::Rings(
                    std::iter::once(outer)
                        .chain(holes)
                        .map(|ring| ring.iter().map(|p| plane.to_local(*p)).collect())
                        .collect(),
                ))
            }
            ZoneShape::Circle { centre, radius_m } if radius_m.is_finite() && *radius_m > 0.0 => {
                Some(LocalShape::Disc {
                    centre: plane.to_local(*centre),
                    radius_m: *radius_m,
                })
            }
            ZoneShape::Polygon { .. } | ZoneShape::Circle { .. } => None,
        };
        match shape {
            Some(shape) if out.len() < MAX_ZONES && vertices <= MAX_VERTICES => {
                out.push(LocalZone {
                    id: zone.id.clone(),
                    role: zone.role,
                    shape,
                    window: zone.window,
                });
            }
            _ => left_out += 1,
        }
    }
    (out, left_out)
}

impl LocalZone {
    /// Whether it counts at `utc`; always while the time is unknown.
    #[must_use]
    pub fn active(&self, utc: Option<Utc>) -> bool {
        match (self.window, utc) {
            (Some(w), Some(t)) => w.from <= t && t < w.until,
            (None, _) | (_, None) => true,
        }
    }

    /// Outer rings and holes, for drawing; empty for a disc.
    #[must_use]
    pub fn rings(&self) -> &[Vec<EastNorth>] {
        match &self.shape {
            LocalShape::Rings(rings) => rings,
            LocalShape::Disc { .. } => &[],
        }
    }

    /// Distance to the nearest edge, metres: positive inside, negative outside.
    #[must_use]
    pub fn depth_m(&self, p: EastNorth) -> f64 {
        match &self.shape {
            LocalShape::Disc { centre, radius_m } => radius_m - centre.distance_m(p),
            LocalShape::Rings(rings) => {
                let mut inside = false;
                let mut nearest = f64::INFINITY;
                for ring in rings {
                    for (a, b) in edges(ring) {
                        nearest = nearest.min(to_segment_m(p, a, b));
                        if (a.north_m > p.north_m) != (b.north_m > p.north_m) {
                            let t = (p.north_m - a.north_m) / (b.north_m - a.north_m);
                            inside ^= p.east_m < a.east_m + t * (b.east_m - a.east_m);
                        }
                    }
                }
                if inside { nearest } else { -nearest }
            }
        }
    }
}

/// Edges of an unclosed ring, the closing one included.
pub fn edges(ring: &[EastNorth]) -> impl Iterator<Item = (EastNorth, EastNorth)> + '_ {
    ring.iter()
        .copied()
        .zip(ring.iter().copied().cycle().skip(1))
}

fn to_segment_m(p: EastNorth, a: EastNorth, b: EastNorth) -> f64 {
    let (de, dn) = (b.east_m - a.east_m, b.north_m - a.north_m);
    let len2 = de * de + dn * dn;
    let t = if len2 > 0.0 {
        (((p.east_m - a.east_m) * de + (p.north_m - a.north_m) * dn) / len2).clamp(0.0, 1.0)
    } else {
        0.0
    };
    p.distance_m(EastNorth::new(a.east_m + t * de, a.north_m + t * dn))
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::place::LatLon;

    fn ring(plane: &LocalPlane, size_m: f64) -> Vec<LatLon> {
        [(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)]
            .iter()
            .map(|(e, n)| {
                plane
                    .to_latlon(EastNorth::new(e * size_m, n * size_m))
                    .unwrap()
            })
            .collect()
    }

    #[test]
    fn depth_is_positive_inside_negative_outside_and_in_a_hole() {
        let plane = LocalPlane::new(LatLon::from_degrees(27.787, 120.091).unwrap());
        let zone = |shape| ZoneForEyes {
            id: "z".into(),
            role: ZoneRole::WatchZone,
            shape,
            window: None,
        };
        let (z, left_out) = project(
            &[
                zone(ZoneShape::Polygon {
                    outer: ring(&plane, 50.0),
                    holes: vec![ring(&plane, 10.0)],
                }),
                zone(ZoneShape::Circle {
                    centre: plane.origin(),
                    radius_m: 20.0,
                }),
                zone(ZoneShape::Polygon {
                    outer: vec![],
                    holes: vec![],
                }),
                zone(ZoneShape::Circle {
                    centre: plane.origin(),
                    radius_m: f64::NAN,
                }),
            ],
            &plane,
        );
        assert_eq!((z.len(), left_out), (2, 2));
        let depth = |e, n| z[0].depth_m(EastNorth::new(e, n));
        assert!((depth(0.0, 0.0) + 10.0).abs() < 0.02);
        assert!((depth(30.0, 0.0) - 20.0).abs() < 0.02);
        assert!((depth(0.0, 60.0) + 10.0).abs() < 0.02);
        assert!((z[1].depth_m(EastNorth::new(0.0, 25.0)) + 5.0).abs() < 1e-6);
    }

    #[test]
    fn a_window_counts_while_it_lasts_and_while_the_time_is_unknown() {
        let plane = LocalPlane::new(LatLon::from_degrees(0.0, 0.0).unwrap());
        let (z, _) = project(
            &[ZoneForEyes {
                id: "z".into(),
                role: ZoneRole::WatchZone,
                shape: ZoneShape::Circle {
                    centre: plane.origin(),
                    radius_m: 1.0,
                },
                window: Some(Window {
                    from: Utc(10),
                    until: Utc(20),
                }),
            }],
            &plane,
        );
        assert!(z[0].active(None) && z[0].active(Some(Utc(10))));
        assert!(!z[0].active(Some(Utc(9))) && !z[0].active(Some(Utc(20))));
    }
}
