//! Cutting the posts around an area out of tiles.

use super::{Grid, MAX_POSTS, Origin, PAD, Terrain, TerrainError, Tile, VOID, is_height};
use crate::place::LatLon;

/// An area in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    /// Southern edge.
    pub south_deg: f64,
    /// Western edge.
    pub west_deg: f64,
    /// Northern edge.
    pub north_deg: f64,
    /// Eastern edge.
    pub east_deg: f64,
}

impl Bounds {
    /// Around places; `None` for none.
    #[must_use]
    pub fn around(places: impl IntoIterator<Item = LatLon>) -> Option<Bounds> {
        places.into_iter().fold(None, |b: Option<Bounds>, p| {
            let (lat, lon) = (p.lat_deg(), p.lon_deg());
            Some(match b {
                None => Bounds {
                    south_deg: lat,
                    west_deg: lon,
                    north_deg: lat,
                    east_deg: lon,
                },
                Some(b) => Bounds {
                    south_deg: b.south_deg.min(lat),
                    west_deg: b.west_deg.min(lon),
                    north_deg: b.north_deg.max(lat),
                    east_deg: b.east_deg.max(lon),
                },
            })
        })
    }
}

impl Terrain {
    /// Cuts the posts around an area out of tiles. Where tiles overlap, the first that knows a height gives it.
    ///
    /// # Errors
    /// [`TerrainError`] when no tile covers a corner, tiles do not fit together, or the area needs too many posts.
    pub fn cut_out(tiles: &[Tile<'_>], area: Bounds) -> Result<Terrain, TerrainError> {
        let middle = LatLon::from_degrees(
            (area.south_deg + area.north_deg) / 2.0,
            (area.west_deg + area.east_deg) / 2.0,
        )
        .map_err(|_| TerrainError::Damaged("the area is no area"))?;
        let Some(first) = tiles.first() else {
            return Err(TerrainError::NotCovered(middle));
        };
        let g = first.grid;
        for t in tiles {
            let same = (t.grid.lat_step_deg / g.lat_step_deg - 1.0).abs() < 1e-6
                && (t.grid.lon_step_deg / g.lon_step_deg - 1.0).abs() < 1e-6;
            let (r, c) = g.at(t.grid.north_deg, t.grid.west_deg);
            let aligned = (r - r.round()).abs() < 0.01 && (c - c.round()).abs() < 0.01;
            if !(same && aligned && t.datum == first.datum) {
                return Err(TerrainError::Mixed(t.name.clone()));
            }
        }
        let (top, left) = g.at(area.north_deg, area.west_deg);
        let (bottom, right) = g.at(area.south_deg, area.east_deg);
        let (r0, c0) = ((top - PAD).floor(), (left - PAD).floor());
        let (r1, c1) = ((bottom + PAD).ceil(), (right + PAD).ceil());
        let count = (r1 - r0 + 1.0) * (c1 - c0 + 1.0);
        if !(count > 0.0 && count <= MAX_POSTS as f64) {
            return Err(TerrainError::TooLarge(count.clamp(0.0, 1e12) as usize));
        }
        let (rows, cols) = ((r1 - r0) as usize + 1, (c1 - c0) as usize + 1);
        let grid = Grid {
            north_deg: g.north_deg - r0 * g.lat_step_deg,
            west_deg: g.west_deg + c0 * g.lon_step_deg,
            rows,
            cols,
            ..g
        };
        // Each tile's place in the cut-out, in whole posts.
        let placed: Vec<(&Tile<'_>, i64, i64)> = tiles
            .iter()
            .map(|t| {
                let (r, c) = grid.at(t.grid.north_deg, t.grid.west_deg);
                (t, r.round() as i64, c.round() as i64)
            })
            .collect();
        let mut decimetres = Vec::with_capacity(rows * cols);
        let mut used = vec![false; tiles.len()];
        for row in 0..rows as i64 {
            for col in 0..cols as i64 {
                let found = placed.iter().enumerate().find_map(|(k, (t, r, c))| {
                    let dm = t.post(
                        usize::try_from(row - r).ok()?,
                        usize::try_from(col - c).ok()?,
                    )?;
                    is_height(dm).then_some((k, dm))
                });
                if let Some((k, _)) = found
                    && let Some(u) = used.get_mut(k)
                {
                    *u = true;
                }
                decimetres.push(found.map_or(VOID, |f| f.1));
            }
        }
        let out = Terrain {
            grid,
            decimetres,
            datum: first.datum,
            error_m: tiles.iter().map(|t| t.error_m).fold(0.0, f64::max),
            origins: tiles
                .iter()
                .zip(&used)
                .filter(|(_, used)| **used)
                .map(|(t, _)| Origin {
                    name: t.name.clone(),
                    sha256: crate::plan::hex(&t.sha256),
                })
                .collect(),
        };
        if out.origins.is_empty() {
            return Err(TerrainError::NotCovered(middle));
        }
        Ok(out)
    }
}
