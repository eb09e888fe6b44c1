//! SRTM `.hgt` tiles: one degree, 3601 or 1201 posts a side, big-endian 16-bit metres above EGM96, from the north-west
//! (NASA LP DAAC, SRTM User Guide V3).

use super::{Grid, Posts, SRTM_ERROR_M, TerrainError, Tile, VerticalDatum};
use sha2::{Digest, Sha256};

/// Reads a tile in place. The name gives its south-west corner, as `N43E007.hgt`; folders before it are ignored.
///
/// # Errors
/// [`TerrainError`] for a wrong size or a name without a corner.
pub fn read_hgt<'a>(name: &str, bytes: &'a [u8]) -> Result<Tile<'a>, TerrainError> {
    let side = match bytes.len() {
        25_934_402 => 3601,
        2_884_802 => 1201,
        bytes => {
            return Err(TerrainError::NotHgt {
                name: name.to_owned(),
                bytes,
            });
        }
    };
    let (south, west) = corner(name).ok_or_else(|| TerrainError::NoCorner(name.to_owned()))?;
    let step_deg = 1.0 / (side as f64 - 1.0);
    Ok(Tile {
        name: name.to_owned(),
        sha256: Sha256::digest(bytes).into(),
        grid: Grid {
            north_deg: f64::from(south) + 1.0,
            west_deg: f64::from(west),
            lat_step_deg: step_deg,
            lon_step_deg: step_deg,
            rows: side,
            cols: side,
        },
        posts: Posts::Hgt(bytes),
        datum: VerticalDatum::Egm96,
        error_m: SRTM_ERROR_M,
    })
}

/// South-west corner in degrees from a name.
fn corner(name: &str) -> Option<(i32, i32)> {
    let file = name.rsplit(['/', '\\']).next()?.to_uppercase();
    let part = |at: usize, len: usize, plus: &str, minus: &str| {
        let sign = match file.get(at..=at)? {
            s if s == plus => 1,
            s if s == minus => -1,
            _ => return None,
        };
        let digits = file.get(at + 1..at + 1 + len)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        Some(sign * digits.parse::<i32>().ok()?)
    };
    let (lat, lon) = (part(0, 2, "N", "S")?, part(3, 3, "E", "W")?);
    ((-90..90).contains(&lat) && (-180..180).contains(&lon)).then_some((lat, lon))
}
