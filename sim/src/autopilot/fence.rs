//! The autopilot's own fence: polygons and circles of its fence list, no heights but a ceiling.

use link::items::{WireItem, cmd};
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};

/// The fence list on the plane.
#[derive(Clone, Debug, Default)]
pub struct OwnFence {
    inside: Vec<Vec<EastNorth>>,
    outside: Vec<Vec<EastNorth>>,
    circles_in: Vec<(EastNorth, f64)>,
    circles_out: Vec<(EastNorth, f64)>,
}

impl OwnFence {
    /// Reads the list, as far as it makes sense.
    #[must_use]
    pub fn read(items: &[WireItem], plane: &LocalPlane) -> Self {
        let mut out = OwnFence::default();
        let local = |i: &WireItem| LatLon::from_e7(i.x, i.y).ok().map(|p| plane.to_local(p));
        let mut k = 0;
        while let Some(it) = items.get(k) {
            match it.command {
                cmd::FENCE_POLYGON_INCLUSION | cmd::FENCE_POLYGON_EXCLUSION => {
                    let n = (it.p[0] as usize).max(1);
                    let ring: Vec<EastNorth> =
                        items.iter().skip(k).take(n).filter_map(local).collect();
                    if ring.len() >= 3 {
                        if it.command == cmd::FENCE_POLYGON_INCLUSION {
                            out.inside.push(ring)
                        } else {
                            out.outside.push(ring)
                        }
                    }
                    k += n;
                }
                cmd::FENCE_CIRCLE_INCLUSION | cmd::FENCE_CIRCLE_EXCLUSION => {
                    if let Some(c) = local(it) {
                        let circle = (c, f64::from(it.p[0]));
                        if it.command == cmd::FENCE_CIRCLE_INCLUSION {
                            out.circles_in.push(circle)
                        } else {
                            out.circles_out.push(circle)
                        }
                    }
                    k += 1;
                }
                _ => k += 1,
            }
        }
        out
    }
    /// Whether there is anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inside.is_empty()
            && self.outside.is_empty()
            && self.circles_in.is_empty()
            && self.circles_out.is_empty()
    }
    /// Whether a place is where it may be (every inclusion contains it, no exclusion does).
    #[must_use]
    pub fn allows(&self, p: EastNorth) -> bool {
        self.inside.iter().all(|r| contains(r, p))
            && self.circles_in.iter().all(|(c, r)| c.distance_m(p) <= *r)
            && !self.outside.iter().any(|r| contains(r, p))
            && !self.circles_out.iter().any(|(c, r)| c.distance_m(p) < *r)
    }
}

fn contains(ring: &[EastNorth], p: EastNorth) -> bool {
    let mut inside = false;
    let mut j = ring.len() - 1;
    for i in 0..ring.len() {
        let (a, b) = (ring[i], ring[j]);
        if (a.north_m > p.north_m) != (b.north_m > p.north_m)
            && p.east_m
                < (b.east_m - a.east_m) * (p.north_m - a.north_m) / (b.north_m - a.north_m)
                    + a.east_m
        {
            inside = !inside;
        }
        j = i;
    }
    inside
}
