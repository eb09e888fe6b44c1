//! GeoTIFF elevation tiles in geographic coordinates (OGC 19-008r4): one band, WGS-84 degrees, north up.

use super::{Grid, MAX_TILE_POSTS, Posts, TerrainError, Tile, VOID, VerticalDatum, is_height};
use sha2::{Digest, Sha256};
use std::io::Cursor;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

/// GeoKeys.
const MODEL_TYPE: u16 = 1024;
const RASTER_TYPE: u16 = 1025;
const GEOGRAPHIC_TYPE: u16 = 2048;
const VERTICAL_TYPE: u16 = 4096;

/// Reads a tile. `datum` says what its heights are above where the file does not (most do not); `error_m` how far they
/// may be off.
///
/// # Errors
/// [`TerrainError`]: not such a TIFF, a projected one, or heights above nobody knows what.
pub fn read_geotiff(
    name: &str,
    bytes: &[u8],
    datum: Option<VerticalDatum>,
    error_m: f64,
) -> Result<Tile<'static>, TerrainError> {
    let no = |what: &str| TerrainError::NotGeoTiff {
        name: name.to_owned(),
        what: what.to_owned(),
    };
    let tiff = |e: tiff::TiffError| no(&e.to_string());
    let mut limits = Limits::default();
    limits.decoding_buffer_size = 8 * MAX_TILE_POSTS;
    limits.intermediate_buffer_size = 8 * MAX_TILE_POSTS;
    let mut file = Decoder::new(Cursor::new(bytes))
        .map_err(tiff)?
        .with_limits(limits);
    let (cols, rows) = file.dimensions().map_err(tiff)?;
    let (cols, rows) = (cols as usize, rows as usize);
    if rows.saturating_mul(cols) > MAX_TILE_POSTS || rows < 2 || cols < 2 {
        return Err(no("it has too many heights, or too few"));
    }
    let keys = file
        .get_tag_u16_vec(Tag::GeoKeyDirectoryTag)
        .map_err(|_| no("no GeoKeys: it does not say where it lies"))?;
    let key = |id: u16| {
        keys.chunks_exact(4).skip(1).find_map(|k| match k {
            [i, 0, 1, value] if *i == id => Some(*value),
            _ => None,
        })
    };
    if key(MODEL_TYPE) != Some(2) || key(GEOGRAPHIC_TYPE) != Some(4326) {
        return Err(no(
            "it is not in WGS-84 degrees (EPSG:4326): convert it, for example with gdalwarp -t_srs EPSG:4326",
        ));
    }
    let datum = match key(VERTICAL_TYPE) {
        Some(5773) => VerticalDatum::Egm96,
        Some(3855) => VerticalDatum::Egm2008,
        None | Some(0 | 32_767) => {
            datum.ok_or_else(|| TerrainError::DatumUnknown(name.to_owned()))?
        }
        Some(_) => {
            return Err(no(
                "its heights are above another surface than the EGM96 or EGM2008 geoid",
            ));
        }
    };
    let scale = file
        .get_tag_f64_vec(Tag::ModelPixelScaleTag)
        .map_err(|_| no("no pixel scale (rotated grids are not read)"))?;
    let tie = file
        .get_tag_f64_vec(Tag::ModelTiepointTag)
        .map_err(|_| no("no tie point"))?;
    let (Some([sx, sy]), [i, j, _, x, y, _]) = (scale.first_chunk(), tie.as_slice()) else {
        return Err(no("its tie points are not read; one is"));
    };
    // A pixel is an area unless the file says that it is a point: then heights stand at its corner, else in its middle.
    let half = if key(RASTER_TYPE) == Some(2) {
        0.0
    } else {
        0.5
    };
    let grid = Grid {
        north_deg: y - (half - j) * sy,
        west_deg: x + (half - i) * sx,
        lat_step_deg: *sy,
        lon_step_deg: *sx,
        rows,
        cols,
    };
    if !grid.is_sane() {
        return Err(no("its posts stand nowhere on earth"));
    }
    let no_data: Option<f64> = file
        .get_tag_ascii_string(Tag::GdalNodata)
        .ok()
        .and_then(|t| t.trim_matches(['\0', ' ']).parse().ok());
    let decimetres: Vec<i32> = {
        let to_dm = |m: f64| {
            let known = m.is_finite() && no_data != Some(m) && m != -32_768.0;
            let dm = (m * 10.0).round();
            if known && dm.abs() < 1e6 && is_height(dm as i32) {
                dm as i32
            } else {
                VOID
            }
        };
        match file.read_image().map_err(tiff)? {
            DecodingResult::U8(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::I8(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::U16(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::I16(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::U32(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::I32(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::F32(v) => v.into_iter().map(|m| to_dm(f64::from(m))).collect(),
            DecodingResult::F64(v) => v.into_iter().map(to_dm).collect(),
            _ => return Err(no("its heights are of a kind that is not read")),
        }
    };
    if decimetres.len() != rows * cols {
        return Err(no("it has more than one band: heights have one"));
    }
    if !(0.0..1_000.0).contains(&error_m) {
        return Err(no("the height error is no length"));
    }
    Ok(Tile {
        name: name.to_owned(),
        sha256: Sha256::digest(bytes).into(),
        grid,
        posts: Posts::Decimetres(decimetres),
        datum,
        error_m,
    })
}
