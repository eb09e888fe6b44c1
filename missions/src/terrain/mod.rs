//! Heights of the ground, as a bounded cut-out of elevation tiles. Bytes in, heights out; opens no files.
//!
//! A plan that is judged above the ground carries the very posts it was judged with (in its venue, some kilobytes), not
//! the name of a tile: the companion then needs no elevation data of its own, and ground and air cannot disagree. The
//! digest of the posts is part of the fence's digest; the digests of the tiles they were cut from are kept as their
//! origin.
//!
//! Heights are above mean sea level, by the geoid the tile states (EGM96 or EGM2008, which differ by less than 1 m
//! almost everywhere). A post that is a void is unknown, and so is every cell that touches it. Unknown is never flown
//! over.

mod cut;
mod geotiff;
mod hgt;
mod written;

pub use cut::Bounds;
pub use geotiff::read_geotiff;
pub use hgt::read_hgt;

use crate::place::LatLon;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Most posts of a cut-out: 3.8 × 3.8 km at 1 arc second, 11 × 11 km at 3; some 80 kB in a plan.
pub const MAX_POSTS: usize = 16_384;
/// Most posts of a tile.
pub const MAX_TILE_POSTS: usize = 16_000_000;
/// Absolute height error of SRTM, metres, 90 %, worst continent (Rodríguez et al. 2006, table 1: 5.6 to 9.0 m).
pub const SRTM_ERROR_M: f64 = 9.0;
/// Posts around the area asked for, so that its edge can be interpolated.
const PAD: f64 = 2.0;
/// No height of the earth in decimetres: a void. Never leaves this module.
const VOID: i32 = i32::MIN;

/// Which surface heights are above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerticalDatum {
    /// EGM96 geoid (EPSG:5773): SRTM.
    #[serde(rename = "EGM96")]
    Egm96,
    /// EGM2008 geoid (EPSG:3855): Copernicus GLO-30.
    #[serde(rename = "EGM2008")]
    Egm2008,
}

/// Why heights cannot be had.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum TerrainError {
    /// The file's size fits no SRTM tile.
    #[error(
        "{name}: {bytes} bytes are no .hgt tile; 1201 × 1201 or 3601 × 3601 heights of two bytes are read"
    )]
    NotHgt {
        /// File name.
        name: String,
        /// Its size.
        bytes: usize,
    },
    /// The name does not say which degree.
    #[error("{0}: a .hgt tile is named after its south-west corner, for example N43E007.hgt")]
    NoCorner(String),
    /// Not a TIFF, or one that is not read.
    #[error("{name}: {what}")]
    NotGeoTiff {
        /// File name.
        name: String,
        /// What is wrong.
        what: String,
    },
    /// Heights of unknown reference.
    #[error(
        "{0}: it does not say what its heights are above; state EGM96 or EGM2008 (ellipsoid heights are tens of metres off)"
    )]
    DatumUnknown(String),
    /// Tiles that do not fit together.
    #[error("{0}: its posts do not fit those of the other tiles; use tiles of one kind")]
    Mixed(String),
    /// No tile covers it.
    #[error("no tile covers {0}")]
    NotCovered(LatLon),
    /// Too many posts.
    #[error(
        "the area needs {0} height posts; at most {MAX_POSTS} travel with a plan: use coarser tiles or a smaller area"
    )]
    TooLarge(usize),
    /// A cut-out in a file that contradicts itself.
    #[error("the terrain in the file is damaged: {0}")]
    Damaged(&'static str),
}

/// A tile in memory.
pub struct Tile<'a> {
    name: String,
    sha256: [u8; 32],
    grid: Grid,
    posts: Posts<'a>,
    datum: VerticalDatum,
    error_m: f64,
}

enum Posts<'a> {
    /// SRTM: big-endian metres, -32768 void. Read in place.
    Hgt(&'a [u8]),
    Decimetres(Vec<i32>),
}

/// Where posts stand: rows from north, columns from west.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grid {
    north_deg: f64,
    west_deg: f64,
    lat_step_deg: f64,
    lon_step_deg: f64,
    rows: usize,
    cols: usize,
}

impl Grid {
    /// Fractional row and column of a place.
    fn at(&self, lat_deg: f64, lon_deg: f64) -> (f64, f64) {
        (
            (self.north_deg - lat_deg) / self.lat_step_deg,
            (lon_deg - self.west_deg) / self.lon_step_deg,
        )
    }
    fn is_sane(&self) -> bool {
        let step = |s: f64| s.is_finite() && s > 1e-7 && s < 1.0;
        step(self.lat_step_deg)
            && step(self.lon_step_deg)
            && self.north_deg.abs() <= 91.0
            && self.west_deg.abs() <= 181.0
            && self.rows >= 2
            && self.cols >= 2
    }
}

impl Tile<'_> {
    /// Height of a post, decimetres.
    fn post(&self, row: usize, col: usize) -> Option<i32> {
        if row >= self.grid.rows || col >= self.grid.cols {
            return None;
        }
        let i = row * self.grid.cols + col;
        match &self.posts {
            Posts::Hgt(bytes) => match bytes.get(2 * i..2 * i + 2)? {
                [high, low] => {
                    let m = i16::from_be_bytes([*high, *low]);
                    (m != i16::MIN).then(|| i32::from(m) * 10)
                }
                _ => None,
            },
            Posts::Decimetres(all) => all.get(i).copied().filter(|dm| *dm != VOID),
        }
    }
}

/// A tile that heights were cut from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// File name.
    pub name: String,
    /// SHA-256 of its bytes, hex.
    pub sha256: String,
}

/// A cut-out of heights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "written::Written", into = "written::Written")]
pub struct Terrain {
    grid: Grid,
    decimetres: Vec<i32>,
    datum: VerticalDatum,
    error_m: f64,
    origins: Vec<Origin>,
}

/// From below the Dead Sea's shore to above Everest.
fn is_height(decimetres: i32) -> bool {
    (-5_000..=90_000).contains(&decimetres)
}

impl Terrain {
    /// What its heights are above.
    #[must_use]
    pub fn datum(&self) -> VerticalDatum {
        self.datum
    }
    /// How far its heights may be off, metres.
    #[must_use]
    pub fn error_m(&self) -> f64 {
        self.error_m
    }
    /// Tiles it was cut from.
    #[must_use]
    pub fn origins(&self) -> &[Origin] {
        &self.origins
    }
    /// SHA-256 over posts, their places, datum and error.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let g = &self.grid;
        let mut h = Sha256::new();
        h.update(b"patrol-terrain/1");
        for v in [g.north_deg, g.west_deg, g.lat_step_deg, g.lon_step_deg] {
            // Finer than a millimetre, and the same after every reading and writing.
            h.update(((v * 1e12).round() as i64).to_be_bytes());
        }
        for n in [g.rows, g.cols] {
            h.update((n as u64).to_be_bytes());
        }
        h.update([match self.datum {
            VerticalDatum::Egm96 => 1,
            VerticalDatum::Egm2008 => 2,
        }]);
        h.update(((self.error_m * 1000.0).round() as i64).to_be_bytes());
        for dm in &self.decimetres {
            h.update(dm.to_be_bytes());
        }
        h.finalize().into()
    }

    fn post_m(&self, row: i64, col: i64) -> Option<f64> {
        let (row, col) = (usize::try_from(row).ok()?, usize::try_from(col).ok()?);
        if row >= self.grid.rows || col >= self.grid.cols {
            return None;
        }
        self.decimetres
            .get(row * self.grid.cols + col)
            .filter(|dm| **dm != VOID)
            .map(|dm| f64::from(*dm) / 10.0)
    }

    /// Height of the ground at a place, metres above mean sea level, bilinear between posts. `None` outside the cut-out
    /// and next to a void.
    #[must_use]
    pub fn height_m(&self, at: LatLon) -> Option<f64> {
        self.height_at_m(at.lat_deg(), at.lon_deg())
    }

    fn height_at_m(&self, lat_deg: f64, lon_deg: f64) -> Option<f64> {
        let (r, c) = self.grid.at(lat_deg, lon_deg);
        if !(r.is_finite() && c.is_finite()) {
            return None;
        }
        // The last post belongs to the cell before it.
        let r0 = r.floor().min(self.grid.rows as f64 - 2.0);
        let c0 = c.floor().min(self.grid.cols as f64 - 2.0);
        let (v, u) = (r - r0, c - c0);
        if !(0.0..=1.0).contains(&v) || !(0.0..=1.0).contains(&u) {
            return None;
        }
        let (i, j) = (r0 as i64, c0 as i64);
        let nw = self.post_m(i, j)?;
        let ne = self.post_m(i, j + 1)?;
        let sw = self.post_m(i + 1, j)?;
        let se = self.post_m(i + 1, j + 1)?;
        let north = nw + u * (ne - nw);
        let south = sw + u * (se - sw);
        Some(north + v * (south - north))
    }

    /// Lowest and highest ground within `aside_m` of the straight line between two places, metres above mean sea level.
    /// Never too narrow: the posts of every cell the strip touches count, and a bilinear cell is nowhere lower or higher
    /// than its posts. `None` where any of them is unknown.
    #[must_use]
    pub fn span_m(&self, a: LatLon, b: LatLon, aside_m: f64) -> Option<(f64, f64)> {
        if !(aside_m.is_finite() && aside_m >= 0.0) {
            return None;
        }
        let (ra, ca) = self.grid.at(a.lat_deg(), a.lon_deg());
        let (rb, cb) = self.grid.at(b.lat_deg(), b.lon_deg());
        // Degrees of latitude are 110.57 km or more; of longitude 111.32 km times the cosine or more.
        let widest = a.lat_deg().abs().max(b.lat_deg().abs()).to_radians().cos();
        if widest < 0.01 {
            return None;
        }
        // A straight line on the plane bows in degrees, by less than a tenth of a metre over 2 km.
        let aside_m = aside_m + 0.5;
        let ar = aside_m / (110_570.0 * self.grid.lat_step_deg);
        let ac = aside_m / (111_320.0 * widest * self.grid.lon_step_deg);
        let (top, bottom) = (ra.min(rb) - ar, ra.max(rb) + ar);
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        if !(top.is_finite() && bottom.is_finite() && ca.is_finite() && cb.is_finite()) {
            return None;
        }
        if top < 0.0 || bottom > self.grid.rows as f64 - 1.0 {
            return None;
        }
        for row in top.floor() as i64..=bottom.floor() as i64 {
            // Columns of the line where it is within this row of cells, widened.
            let part = |r: f64| {
                if (rb - ra).abs() < 1e-12 {
                    None
                } else {
                    Some(((r - ra) / (rb - ra)).clamp(0.0, 1.0))
                }
            };
            let span = (part(row as f64 - ar), part(row as f64 + 1.0 + ar));
            let (t0, t1) = match span {
                (Some(t), Some(u)) => (t.min(u), t.max(u)),
                _ => (0.0, 1.0),
            };
            let (c0, c1) = (ca + t0 * (cb - ca), ca + t1 * (cb - ca));
            let (left, right) = (c0.min(c1) - ac, c0.max(c1) + ac);
            for col in left.floor() as i64..=right.floor() as i64 {
                for (i, j) in [
                    (row, col),
                    (row, col + 1),
                    (row + 1, col),
                    (row + 1, col + 1),
                ] {
                    // On the last row or column the cell beyond has no posts, and nothing of the strip in it.
                    let beyond = (i as usize == self.grid.rows && bottom <= row as f64)
                        || (j as usize == self.grid.cols && right <= col as f64);
                    if beyond {
                        continue;
                    }
                    let h = self.post_m(i, j)?;
                    low = low.min(h);
                    high = high.max(h);
                }
            }
        }
        (low <= high).then_some((low, high))
    }

    /// Lowest and highest ground in an area, metres above mean sea level; `None` where any of it is unknown.
    #[must_use]
    pub fn span_in_m(&self, area: Bounds) -> Option<(f64, f64)> {
        let (top, left) = self.grid.at(area.north_deg, area.west_deg);
        let (bottom, right) = self.grid.at(area.south_deg, area.east_deg);
        if !(bottom - top < 1e5 && right - left < 1e5) {
            return None;
        }
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for row in top.floor() as i64..=bottom.ceil() as i64 {
            for col in left.floor() as i64..=right.ceil() as i64 {
                let h = self.post_m(row, col)?;
                low = low.min(h);
                high = high.max(h);
            }
        }
        (low <= high).then_some((low, high))
    }
}

/// Reads a tile of either kind, told by its name: `.hgt`, or `.tif`/`.tiff` with `datum` for one that does not state its
/// own. GeoTIFF heights are taken to be as far off as SRTM's.
///
/// # Errors
/// [`TerrainError`].
pub fn read_tile<'a>(
    name: &str,
    bytes: &'a [u8],
    datum: Option<VerticalDatum>,
) -> Result<Tile<'a>, TerrainError> {
    let ending = name.rsplit('.').next().unwrap_or("").to_lowercase();
    match ending.as_str() {
        "tif" | "tiff" => read_geotiff(name, bytes, datum, SRTM_ERROR_M),
        _ => read_hgt(name, bytes),
    }
}
