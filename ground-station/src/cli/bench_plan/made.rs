//! Made-up venues: outlines with bays, keep-outs like buildings, of any number of corners; drawn by dice from a seed.

use anyhow::Context;
use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Where made-up venues lie: nowhere in particular.
const ORIGIN: (f64, f64) = (30.0, 120.0);

type Ring = Vec<(f64, f64)>;

/// A venue in metres.
pub(super) struct Made {
    pub outer: Ring,
    pub holes: Vec<Ring>,
}

impl Made {
    /// As a venue file.
    pub(super) fn write(&self, dir: &Path, name: &str) -> anyhow::Result<PathBuf> {
        let plane = LocalPlane::new(LatLon::from_degrees(ORIGIN.0, ORIGIN.1)?);
        let ring = |r: &Ring| -> Vec<Value> {
            r.iter()
                .chain(r.first())
                .map(|p| {
                    let (lat, lon) = plane.to_degrees(EastNorth::new(p.0, p.1));
                    json!([lon, lat])
                })
                .collect()
        };
        let feature = |role: &str, r: &Ring| {
            json!({"type": "Feature", "properties": {"role": role},
                "geometry": {"type": "Polygon", "coordinates": [ring(r)]}})
        };
        let features: Vec<Value> = std::iter::once(feature("inclusion", &self.outer))
            .chain(self.holes.iter().map(|h| feature("exclusion", h)))
            .collect();
        let path = dir.join(format!("{name}.geojson"));
        let text = json!({"type": "FeatureCollection", "name": name, "features": features});
        std::fs::write(&path, text.to_string()).with_context(|| path.display().to_string())?;
        Ok(path)
    }

    /// Corners.
    pub(super) fn corners(&self) -> usize {
        self.outer.len() + self.holes.iter().map(Vec::len).sum::<usize>()
    }
}

pub(super) fn dice(seed: u64, salt: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(salt))
}

fn between(d: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * d.random::<f64>()
}

fn turned(ring: &[(f64, f64)], at: (f64, f64), rad: f64) -> Ring {
    let (sin, cos) = rad.sin_cos();
    ring.iter()
        .map(|p| (at.0 + p.0 * cos - p.1 * sin, at.1 + p.0 * sin + p.1 * cos))
        .collect()
}

/// Rectangle, L or T about the origin, at most `size` long.
fn building(d: &mut ChaCha8Rng, size: f64) -> Ring {
    let (w, h) = (size, size * between(d, 0.35, 1.0));
    let (x, y) = (w / 2.0, h / 2.0);
    let (u, v) = (w * between(d, 0.3, 0.6), h * between(d, 0.3, 0.6));
    match d.random_range(0..3u32) {
        0 => vec![(-x, -y), (x, -y), (x, y), (-x, y)],
        1 => vec![
            (-x, -y),
            (x, -y),
            (x, -y + v),
            (-x + u, -y + v),
            (-x + u, y),
            (-x, y),
        ],
        _ => vec![
            (-x, -y),
            (x, -y),
            (x, -y + v),
            (u / 2.0, -y + v),
            (u / 2.0, y),
            (-u / 2.0, y),
            (-u / 2.0, -y + v),
            (-x, -y + v),
        ],
    }
}

/// A closed curve around the origin whose radius is a mean and some waves: star-shaped, so it never cuts itself.
fn blob(d: &mut ChaCha8Rng, radius: f64, corners: usize, rough: f64) -> Ring {
    let waves: Vec<(f64, f64, f64)> = (0..6)
        .map(|k| {
            (
                f64::from(k + 1),
                between(d, 0.0, std::f64::consts::TAU),
                rough * between(d, 0.2, 1.0) / f64::from(k + 1).sqrt(),
            )
        })
        .collect();
    (0..corners)
        .map(|i| {
            let a = std::f64::consts::TAU * i as f64 / corners as f64;
            let wave: f64 = waves.iter().map(|(k, p, h)| h * (k * a + p).sin()).sum();
            let jag = between(d, 0.97, 1.03);
            let r = radius * (1.0 + wave).clamp(0.35, 1.8) * jag;
            (r * a.cos(), r * a.sin())
        })
        .collect()
}

/// Puts rings of a given reach where none comes near another or the outline.
fn scatter(
    d: &mut ChaCha8Rng,
    outer: &Ring,
    wanted: usize,
    gap: f64,
    reach: &mut dyn FnMut(&mut ChaCha8Rng) -> (f64, Ring),
) -> Vec<Ring> {
    let span = outer
        .iter()
        .map(|p| p.0.abs().max(p.1.abs()))
        .fold(1.0, f64::max);
    let mut put: Vec<((f64, f64), f64, Ring)> = Vec::new();
    for _ in 0..wanted * 60 {
        if put.len() >= wanted {
            break;
        }
        let (r, ring) = reach(d);
        let at = (between(d, -span, span), between(d, -span, span));
        let clear = put
            .iter()
            .all(|(o, s, _)| (o.0 - at.0).hypot(o.1 - at.1) > r + s + gap);
        if clear && deep_inside(outer, at, r + gap) {
            let turn = between(d, 0.0, std::f64::consts::TAU);
            let ring = turned(&ring, at, turn);
            put.push((at, r, ring));
        }
    }
    put.into_iter().map(|p| p.2).collect()
}

/// Inside a ring and at least so far from it.
fn deep_inside(ring: &Ring, p: (f64, f64), far: f64) -> bool {
    let mut odd = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let l2 = dx * dx + dy * dy;
        let t = (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / l2.max(1e-12)).clamp(0.0, 1.0);
        if (a.0 + t * dx - p.0).hypot(a.1 + t * dy - p.1) < far {
            return false;
        }
        if (a.1 > p.1) != (b.1 > p.1) && a.0 + (p.1 - a.1) / dy * dx > p.0 {
            odd = !odd;
        }
    }
    odd
}

/// A hundred metres square with some buildings in it.
pub(super) fn block(seed: u64, buildings: usize) -> Made {
    let mut d = dice(seed, 100 + buildings as u64);
    let outer = vec![(-50.0, -50.0), (50.0, -50.0), (50.0, 50.0), (-50.0, 50.0)];
    // Smaller where there are many, so that all find room.
    let most = (26.0 - buildings as f64).max(9.0);
    let holes = scatter(&mut d, &outer, buildings, 3.0, &mut |d| {
        let size = between(d, most * 0.5, most);
        let ring = building(d, size);
        (reach_of(&ring), ring)
    });
    Made { outer, holes }
}

fn reach_of(ring: &Ring) -> f64 {
    ring.iter().map(|p| p.0.hypot(p.1)).fold(0.0, f64::max)
}

/// An outline of so many corners with so many holes of the rest: the same density whatever the number.
pub(super) fn stress(seed: u64, corners: usize, holes: usize) -> Made {
    let mut d = dice(seed, 7_000 + corners as u64);
    let of_outer = corners / 2;
    let of_hole = (corners - of_outer) / holes.max(1);
    // Some 14 holes of 25 m radius in a circle of 200 m.
    let radius = 55.0 * (holes.max(4) as f64).sqrt();
    let outer = blob(&mut d, radius, of_outer, 0.12);
    let holes = scatter(&mut d, &outer, holes, 6.0, &mut |d| {
        let r = between(d, 8.0, 22.0);
        let ring = blob(d, r, of_hole.max(3), 0.1);
        (reach_of(&ring), ring)
    });
    Made { outer, holes }
}

/// Any venue: size, corners, bays and keep-outs by dice.
pub(super) fn any(seed: u64, number: u64) -> (Made, f64, f64) {
    let mut d = dice(seed, 1_000_000 + number);
    let radius = between(&mut d, 40.0, 250.0);
    let corners = d.random_range(4..60usize);
    let rough = between(&mut d, 0.0, 0.3);
    let outer = blob(&mut d, radius, corners, rough);
    let wanted = d.random_range(0..9usize);
    let holes = scatter(&mut d, &outer, wanted, 1.0, &mut |d| {
        let size = between(d, radius * 0.08, radius * 0.4);
        let ring = if d.random_range(0..3u32) == 0 {
            let n = d.random_range(3..20usize);
            blob(d, size / 2.0, n, 0.2)
        } else {
            building(d, size)
        };
        (reach_of(&ring), ring)
    });
    let swath = between(&mut d, radius / 12.0, radius / 3.0);
    let margin = [0.0, 0.5, 2.0, 5.0]
        .get(d.random_range(0..4usize))
        .copied()
        .unwrap_or(0.0);
    (Made { outer, holes }, swath, margin)
}
