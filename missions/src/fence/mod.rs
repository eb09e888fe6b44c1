//! The fence: one boundary, keep-outs, floors, ceilings and clocks. Built only by checking.
//!
//! Everything about a fence is judged on the local tangent plane at its middle, in metres, with heights above mean sea
//! level. Unknown is never inside.

mod autopilot;
pub mod contain;
mod draft;
pub mod flat;
mod ground;
pub mod route;
#[cfg(test)]
mod tests;
mod verdict;

pub use autopilot::AutopilotFence;
pub use contain::{ContainedLeg, Leg, LegFault, Obstacle};
pub use draft::{FenceDraft, FenceFault};
pub use verdict::Verdict;

use crate::place::{Home, LatLon};
use crate::plane::LocalPlane;
use crate::terrain::Terrain;
use crate::time::Window;
use crate::venue::{Role, Shape};
use flat::Area;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A volume to stay out of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeepOut {
    /// Id in the venue.
    pub id: String,
    /// Exclusion, show, or crowd (crowds bar legs that have no permit, never the aircraft's being there).
    pub role: Role,
    /// Outline.
    pub shape: Shape,
    /// Lowest height, metres above mean sea level; `None` is the ground.
    pub floor_amsl_m: Option<f64>,
    /// Highest height, metres above mean sea level; `None` is the sky.
    pub ceiling_amsl_m: Option<f64>,
    /// When; `None` is always.
    pub window: Option<Window>,
}

impl KeepOut {
    /// Whether its heights come within `error_m` of `[low, high]`.
    #[must_use]
    pub fn touches_heights(&self, low_amsl_m: f64, high_amsl_m: f64, error_m: f64) -> bool {
        self.floor_amsl_m.is_none_or(|f| high_amsl_m > f - error_m)
            && self.ceiling_amsl_m.is_none_or(|c| low_amsl_m < c + error_m)
    }
    /// Whether it is in force at any time in `when`.
    #[must_use]
    pub fn touches_time(&self, when: Window) -> bool {
        self.window
            .is_none_or(|w| w.overlaps(when.from, when.until))
    }
}

/// A checked fence.
#[derive(Clone, Debug)]
pub struct Fence {
    home: Home,
    plane: LocalPlane,
    boundary_latlon: Vec<LatLon>,
    boundary: Area,
    floor_amsl_m: Option<f64>,
    ceiling_amsl_m: Option<f64>,
    window: Option<Window>,
    keepouts: Vec<KeepOut>,
    /// Same order as `keepouts`.
    areas: Vec<Area>,
    /// Limits above ground that is not flat.
    relief: Option<Relief>,
}

/// The ground, and the boundary's limits above it. Keep-outs' limits above ground are resolved once, over their whole
/// area and to the safe side: people draw those small.
#[derive(Clone, Debug)]
pub(crate) struct Relief {
    pub terrain: Arc<Terrain>,
    pub floor_above_ground_m: Option<f64>,
    pub ceiling_above_ground_m: Option<f64>,
}

impl Fence {
    /// Home, which fixes the heights above it.
    #[must_use]
    pub fn home(&self) -> Home {
        self.home
    }
    /// The plane all geometry is done on.
    #[must_use]
    pub fn plane(&self) -> &LocalPlane {
        &self.plane
    }
    /// Outer ring of the boundary, not closed.
    #[must_use]
    pub fn boundary_latlon(&self) -> &[LatLon] {
        &self.boundary_latlon
    }
    /// The boundary on the plane.
    #[must_use]
    pub fn boundary(&self) -> &Area {
        &self.boundary
    }
    /// Everything to stay out of, crowds included.
    #[must_use]
    pub fn keepouts(&self) -> &[KeepOut] {
        &self.keepouts
    }
    /// Keep-outs with their outlines on the plane.
    pub fn keepout_areas(&self) -> impl Iterator<Item = (&KeepOut, &Area)> {
        self.keepouts.iter().zip(&self.areas)
    }
    /// Lowest height to fly at, metres above mean sea level. Above ground that is not flat, the lowest anywhere; legs
    /// are judged with the ground below them.
    #[must_use]
    pub fn floor_amsl_m(&self) -> Option<f64> {
        self.floor_amsl_m
    }
    /// Highest height to fly at, metres above mean sea level. Above ground that is not flat, the highest anywhere.
    #[must_use]
    pub fn ceiling_amsl_m(&self) -> Option<f64> {
        self.ceiling_amsl_m
    }
    /// The ground, where it is not flat.
    #[must_use]
    pub fn terrain(&self) -> Option<&Terrain> {
        self.relief.as_ref().map(|r| r.terrain.as_ref())
    }
    /// The boundary's ceiling above ground that is not flat, metres.
    #[must_use]
    pub fn ceiling_above_ground_m(&self) -> Option<f64> {
        self.relief.as_ref()?.ceiling_above_ground_m
    }
    /// Hours of the boundary itself; outside them nothing is inside. `None` is always.
    #[must_use]
    pub fn window(&self) -> Option<Window> {
        self.window
    }

    /// SHA-256 over everything that is judged: same fence, same digest, on the ground and aboard.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut h = Sha256::new();
        let place = |h: &mut Sha256, p: LatLon| {
            h.update(p.lat_e7().to_be_bytes());
            h.update(p.lon_e7().to_be_bytes());
        };
        let height = |h: &mut Sha256, m: Option<f64>| match m {
            None => h.update([0]),
            Some(m) => {
                h.update([1]);
                // Millimetres: finer than anything measures, coarse enough to survive text.
                h.update(((m * 1000.0).round() as i64).to_be_bytes());
            }
        };
        let hours = |h: &mut Sha256, w: Option<Window>| match w {
            None => h.update([0]),
            Some(w) => {
                h.update([1]);
                h.update(w.from.0.to_be_bytes());
                h.update(w.until.0.to_be_bytes());
            }
        };
        h.update(b"patrol-fence/1");
        place(&mut h, self.home.at);
        height(&mut h, Some(self.home.alt.metres()));
        h.update((self.boundary_latlon.len() as u64).to_be_bytes());
        for p in &self.boundary_latlon {
            place(&mut h, *p);
        }
        height(&mut h, self.floor_amsl_m);
        height(&mut h, self.ceiling_amsl_m);
        hours(&mut h, self.window);
        h.update((self.keepouts.len() as u64).to_be_bytes());
        for k in &self.keepouts {
            h.update((k.id.len() as u64).to_be_bytes());
            h.update(k.id.as_bytes());
            h.update(k.role.text().as_bytes());
            h.update([0]);
            height(&mut h, k.floor_amsl_m);
            height(&mut h, k.ceiling_amsl_m);
            hours(&mut h, k.window);
            match &k.shape {
                Shape::Polygon { outer, holes } => {
                    h.update((holes.len() as u64).to_be_bytes());
                    for ring in std::iter::once(outer).chain(holes) {
                        h.update((ring.len() as u64).to_be_bytes());
                        for p in ring {
                            place(&mut h, *p);
                        }
                    }
                }
                Shape::Circle { centre, radius_m } => {
                    place(&mut h, *centre);
                    height(&mut h, Some(*radius_m));
                }
                Shape::Point(p) => place(&mut h, *p),
            }
        }
        if let Some(r) = &self.relief {
            h.update(b"terrain");
            h.update(r.terrain.digest());
            height(&mut h, r.floor_above_ground_m);
            height(&mut h, r.ceiling_above_ground_m);
        }
        h.finalize().into()
    }
}
