//! A cut-out as it stands in a venue's JSON, and the checks on reading it.

use super::{Grid, MAX_POSTS, Origin, Terrain, TerrainError, VOID, VerticalDatum, is_height};
use serde::{Deserialize, Serialize};

/// As it stands in a venue.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    north_deg: f64,
    west_deg: f64,
    lat_step_deg: f64,
    lon_step_deg: f64,
    rows: usize,
    cols: usize,
    datum: VerticalDatum,
    error_m: f64,
    /// Row by row from north, each from west; `null` is a void.
    heights_dm: Vec<Option<i32>>,
    origins: Vec<Origin>,
}

impl From<Terrain> for Written {
    fn from(t: Terrain) -> Self {
        Written {
            north_deg: t.grid.north_deg,
            west_deg: t.grid.west_deg,
            lat_step_deg: t.grid.lat_step_deg,
            lon_step_deg: t.grid.lon_step_deg,
            rows: t.grid.rows,
            cols: t.grid.cols,
            datum: t.datum,
            error_m: t.error_m,
            heights_dm: t
                .decimetres
                .into_iter()
                .map(|dm| (dm != VOID).then_some(dm))
                .collect(),
            origins: t.origins,
        }
    }
}

impl TryFrom<Written> for Terrain {
    type Error = TerrainError;
    fn try_from(w: Written) -> Result<Self, TerrainError> {
        let grid = Grid {
            north_deg: w.north_deg,
            west_deg: w.west_deg,
            lat_step_deg: w.lat_step_deg,
            lon_step_deg: w.lon_step_deg,
            rows: w.rows,
            cols: w.cols,
        };
        if !grid.is_sane() {
            return Err(TerrainError::Damaged("its posts stand nowhere"));
        }
        if w.heights_dm.len() > MAX_POSTS {
            return Err(TerrainError::TooLarge(w.heights_dm.len()));
        }
        if w.rows.checked_mul(w.cols) != Some(w.heights_dm.len()) {
            return Err(TerrainError::Damaged(
                "it has more or fewer posts than rows times columns",
            ));
        }
        if !(0.0..1_000.0).contains(&w.error_m) {
            return Err(TerrainError::Damaged("its error is no length"));
        }
        if w.heights_dm.iter().flatten().any(|dm| !is_height(*dm)) {
            return Err(TerrainError::Damaged("a height is none of the earth"));
        }
        Ok(Terrain {
            grid,
            decimetres: w
                .heights_dm
                .into_iter()
                .map(|dm| dm.unwrap_or(VOID))
                .collect(),
            datum: w.datum,
            error_m: w.error_m,
            origins: w.origins,
        })
    }
}
