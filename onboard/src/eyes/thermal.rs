//! Thermal frames: decoded, freed of their background, cut into warm blobs.
//!
//! Temperatures in kelvin, image coordinates in pixels from the left upper corner (the centre of the first pixel is
//! 0.5, 0.5). Measures only; what a blob *is*, and where on the ground, is said elsewhere. Every image is bounded
//! before anything is allocated for it.

use super::rules;
use image::ImageDecoder;
use image::codecs::png::PngDecoder;
use link::camera::{CameraFrame, CameraHeader};
use std::io::Cursor;
use thiserror::Error;

/// Most pixels of a frame (a 1280 × 1024 sensor is the largest on the market).
const MAX_PIXELS: usize = 1280 * 1024;
/// Side of a background tile, pixels.
const TILE: usize = 32;
/// Pixels that are looked through at once for something warm.
const COLD_PIECE: usize = 64;
/// Most blobs of one frame; a scene with more is not looked at closely.
const MAX_BLOBS: usize = 256;
/// A frame with a larger part above the threshold has no background to speak of.
const MAX_WARM_PART: f64 = 0.25;
/// Noise below this is the grain of the counts, not of the scene, kelvin.
const NOISE_FLOOR_K: f32 = 0.02;

/// Why a frame is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FrameFault {
    /// The header is nonsense.
    #[error("camera header: {0}")]
    Header(&'static str),
    /// The image is no 16-bit (or 8-bit) grey PNG of the stated size.
    #[error("thermal image: {0}")]
    Image(String),
}

/// A decoded frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Thermal {
    /// Pixels.
    pub width: usize,
    /// Pixels.
    pub height: usize,
    /// Row by row.
    pub kelvin: Vec<f32>,
}

/// Something warm.
#[derive(Clone, Debug, PartialEq)]
pub struct Blob {
    /// Contrast-weighted centre, pixels.
    pub x: f64,
    /// Contrast-weighted centre, pixels.
    pub y: f64,
    /// Left, top, right, bottom, pixels, right and bottom exclusive.
    pub bbox: [usize; 4],
    /// Pixels above the threshold.
    pub pixels: usize,
    /// Summed contrast over peak contrast: the size it would have, were it evenly warm. Pixels.
    pub area_px: f64,
    /// Warmest pixel, kelvin.
    pub peak_k: f64,
    /// Mean of the pixels above half the peak contrast, kelvin.
    pub mean_k: f64,
    /// The ground around it, kelvin.
    pub background_k: f64,
    /// Long over short axis, from second moments.
    pub elongation: f64,
    /// Part of its pixels hotter than `hot_k`.
    pub hot_fraction: f64,
    /// Cut off by the frame's edge.
    pub at_border: bool,
}

/// What a frame holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// In scan order.
    pub blobs: Vec<Blob>,
    /// Robust noise of the background, kelvin.
    pub noise_k: f64,
    /// The scene is too warm or too busy; the blobs are not all.
    pub overwhelmed: bool,
}

/// Checks a header before anything is believed or allocated.
///
/// # Errors
/// [`FrameFault::Header`].
pub fn check_header(h: &CameraHeader) -> Result<(), FrameFault> {
    let pixels = (h.width as usize).checked_mul(h.height as usize);
    if h.width < 16 || h.height < 16 || pixels.is_none_or(|p| p > MAX_PIXELS) {
        return Err(FrameFault::Header("size is not that of a thermal camera"));
    }
    if !(h.focal_px.is_finite() && h.focal_px >= 1.0 && h.focal_px <= 1e6) {
        return Err(FrameFault::Header("focal length"));
    }
    if !(h.mount_pitch_deg.is_finite() && h.mount_pitch_deg.abs() <= 180.0) {
        return Err(FrameFault::Header("mount angle"));
    }
    let scale_ok = h.kelvin_per_count.is_finite()
        && h.kelvin_per_count > 0.0
        && h.kelvin_per_count <= 10.0
        && h.kelvin_offset.is_finite()
        && h.kelvin_offset.abs() <= 2000.0;
    if !scale_ok {
        return Err(FrameFault::Header("temperature scale"));
    }
    Ok(())
}

/// Decodes a frame to kelvin.
///
/// # Errors
/// [`FrameFault`].
pub fn decode(frame: &CameraFrame) -> Result<Thermal, FrameFault> {
    let h = &frame.header;
    check_header(h)?;
    let (width, height) = (h.width as usize, h.height as usize);
    let fault = |e: image::ImageError| FrameFault::Image(e.to_string());
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(h.width);
    limits.max_image_height = Some(h.height);
    limits.max_alloc = Some(16 << 20);
    let png = PngDecoder::with_limits(Cursor::new(&frame.image), limits).map_err(fault)?;
    if png.dimensions() != (h.width, h.height) {
        return Err(FrameFault::Image(
            "another size than the header says".into(),
        ));
    }
    let wide = match png.color_type() {
        image::ColorType::L16 => true,
        image::ColorType::L8 => false,
        other => return Err(FrameFault::Image(format!("{other:?} is not grey"))),
    };
    let bytes = if wide { 2 } else { 1 } * width * height;
    if png.total_bytes() != bytes as u64 {
        return Err(FrameFault::Image(
            "another size than the header says".into(),
        ));
    }
    let mut raw = vec![0u8; bytes];
    png.read_image(&mut raw).map_err(fault)?;
    let (offset, scale) = (h.kelvin_offset as f32, h.kelvin_per_count as f32);
    let kelvin = if wide {
        raw.as_chunks::<2>()
            .0
            .iter()
            .map(|b| offset + scale * f32::from(u16::from_ne_bytes(*b)))
            .collect()
    } else {
        raw.iter().map(|&b| offset + scale * f32::from(b)).collect()
    };
    Ok(Thermal {
        width,
        height,
        kelvin,
    })
}

fn median(v: &mut [f32]) -> f32 {
    let mid = v.len() / 2;
    if v.is_empty() {
        return 0.0;
    }
    *v.select_nth_unstable_by(mid, f32::total_cmp).1
}

/// The background, as medians of tiles.
#[derive(Clone)]
struct Background {
    columns: usize,
    rows: usize,
    tiles: Vec<f32>,
    noise_k: f32,
}

impl Background {
    /// Medians of tiles and the median deviation from them: a blob smaller than half a tile moves neither.
    fn of(image: &Thermal) -> Background {
        let (columns, rows) = (
            image.width.div_ceil(TILE).max(1),
            image.height.div_ceil(TILE).max(1),
        );
        let mut raw = Vec::with_capacity(columns * rows);
        let mut deviations = Vec::with_capacity(image.kelvin.len() / 4 + 1);
        let mut samples = Vec::with_capacity(TILE * TILE / 4);
        for row in 0..rows {
            for column in 0..columns {
                samples.clear();
                let right = ((column + 1) * TILE).min(image.width);
                // Every other pixel of every other row: a quarter is plenty for a median.
                for y in (row * TILE..((row + 1) * TILE).min(image.height)).step_by(2) {
                    let line = y * image.width + column * TILE..y * image.width + right;
                    samples.extend(image.kelvin.get(line).unwrap_or(&[]).iter().step_by(2));
                }
                let m = median(&mut samples);
                raw.push(m);
                deviations.extend(samples.iter().map(|s| (s - m).abs()));
            }
        }
        // A tile filled by one hot thing is overruled by its neighbours.
        let tiles = (0..rows * columns)
            .map(|i| {
                let (r, c) = (i / columns, i % columns);
                let mut near: Vec<f32> = (r.saturating_sub(1)..(r + 2).min(rows))
                    .flat_map(|y| (c.saturating_sub(1)..(c + 2).min(columns)).map(move |x| (y, x)))
                    .filter_map(|(y, x)| raw.get(y * columns + x).copied())
                    .collect();
                median(&mut near)
            })
            .collect();
        Background {
            columns,
            rows,
            tiles,
            noise_k: (1.4826 * median(&mut deviations)).max(NOISE_FLOOR_K),
        }
    }

    fn tile(&self, row: usize, column: usize) -> f32 {
        let (row, column) = (row.min(self.rows - 1), column.min(self.columns - 1));
        self.tiles
            .get(row * self.columns + column)
            .copied()
            .unwrap_or(0.0)
    }

    /// One image row of background, bilinear between tile centres. `places`: where its columns are ([`between`]); those
    /// between the same two tiles follow one another and are reckoned together.
    fn row(&self, y: usize, places: &[(usize, f32)], into: &mut [f32]) {
        let (r, fy) = between(y);
        let mut rest = into;
        for span in places.chunk_by(|a, b| a.0 == b.0) {
            let Some((c, _)) = span.first().copied() else {
                continue;
            };
            let Some((now, later)) = rest.split_at_mut_checked(span.len()) else {
                return;
            };
            rest = later;
            let (nw, ne) = (self.tile(r, c), self.tile(r, c + 1));
            let (sw, se) = (self.tile(r + 1, c), self.tile(r + 1, c + 1));
            for (out, (_, fx)) in now.iter_mut().zip(span) {
                let top = nw + fx * (ne - nw);
                let low = sw + fx * (se - sw);
                *out = top + fy * (low - top);
            }
        }
    }
}

/// Between which two tile centres a row or column lies: the first of them, and how far from it to the next, 0 to 1.
fn between(i: usize) -> (usize, f32) {
    let p = (i as f32 + 0.5) / TILE as f32 - 0.5;
    let lo = p.max(0.0).floor();
    (lo as usize, (p - lo).clamp(0.0, 1.0))
}

/// Finds what is warmer than the ground around it.
#[must_use]
pub fn find(image: &Thermal, rules: &rules::Thermal) -> Found {
    let (w, h) = (image.width, image.height);
    if w == 0 || h == 0 || image.kelvin.len() != w * h {
        return Found::default();
    }
    let background = Background::of(image);
    let threshold =
        (rules.contrast_k.get() as f32).max(background.noise_k * rules.contrast_sigma.get() as f32);
    let places: Vec<(usize, f32)> = (0..w).map(between).collect();
    let mut contrast = vec![0f32; w * h];
    let mut warm = 0usize;
    for (y, (line, out)) in image
        .kelvin
        .chunks_exact(w)
        .zip(contrast.chunks_exact_mut(w))
        .enumerate()
    {
        background.row(y, &places, out);
        let mut warm_here = 0u32;
        for (k, c) in line.iter().zip(out) {
            *c = k - *c;
            warm_here = warm_here.wrapping_add(u32::from(*c >= threshold));
        }
        warm += warm_here as usize;
    }
    let mut found = Found {
        noise_k: f64::from(background.noise_k),
        ..Found::default()
    };
    if warm as f64 > MAX_WARM_PART * (w * h) as f64 {
        found.overwhelmed = true;
        return found;
    }
    let mut taken = vec![false; w * h];
    let mut members = Vec::new();
    // Most of a picture is cold: it is left out in pieces.
    let starts = contrast
        .chunks(COLD_PIECE)
        .enumerate()
        .filter(|(_, piece)| piece.iter().fold(false, |any, c| any | (*c >= threshold)))
        .flat_map(|(n, piece)| n * COLD_PIECE..n * COLD_PIECE + piece.len());
    for start in starts {
        let is_warm = contrast.get(start).is_some_and(|c| *c >= threshold);
        if !is_warm || taken.get(start).copied().unwrap_or(true) {
            continue;
        }
        grow(start, w, &contrast, threshold, &mut taken, &mut members);
        if (members.len() as f64) < rules.min_pixels.get() {
            continue;
        }
        if found.blobs.len() >= MAX_BLOBS {
            found.overwhelmed = true;
            break;
        }
        found.blobs.push(measure(image, &contrast, &members, rules));
    }
    found
}

/// All warm pixels joined to `start` by side or corner.
fn grow(
    start: usize,
    w: usize,
    contrast: &[f32],
    threshold: f32,
    taken: &mut [bool],
    members: &mut Vec<usize>,
) {
    members.clear();
    let mut next = 0;
    let mut take = |i: usize, members: &mut Vec<usize>| {
        if let (Some(c), Some(t)) = (contrast.get(i), taken.get_mut(i))
            && *c >= threshold
            && !*t
        {
            *t = true;
            members.push(i);
        }
    };
    take(start, members);
    while let Some(&i) = members.get(next) {
        next += 1;
        let x = i % w;
        for row in [i.checked_sub(w), Some(i), i.checked_add(w)]
            .into_iter()
            .flatten()
        {
            if x > 0 {
                take(row - 1, members);
            }
            take(row, members);
            if x + 1 < w {
                take(row + 1, members);
            }
        }
    }
}

fn measure(image: &Thermal, contrast: &[f32], members: &[usize], rules: &rules::Thermal) -> Blob {
    let w = image.width;
    let pixel = |i: usize| {
        let c = f64::from(contrast.get(i).copied().unwrap_or(0.0));
        let k = f64::from(image.kelvin.get(i).copied().unwrap_or(0.0));
        ((i % w) as f64 + 0.5, (i / w) as f64 + 0.5, c, k)
    };
    let (mut sum, mut sx, mut sy) = (0.0, 0.0, 0.0);
    let (mut peak_c, mut peak_k) = (0.0f64, 0.0f64);
    let mut bbox = [usize::MAX, usize::MAX, 0, 0];
    let mut hot = 0usize;
    for &i in members {
        let (x, y, c, k) = pixel(i);
        sum += c;
        sx += c * x;
        sy += c * y;
        if c > peak_c {
            (peak_c, peak_k) = (c, k);
        }
        hot += usize::from(k >= rules.hot_k.get());
        let [l, t, r, b] = bbox;
        bbox = [
            l.min(i % w),
            t.min(i / w),
            r.max(i % w + 1),
            b.max(i / w + 1),
        ];
    }
    let (cx, cy) = (sx / sum.max(1e-9), sy / sum.max(1e-9));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    let (mut half_sum, mut half_n) = (0.0, 0usize);
    for &i in members {
        let (x, y, c, k) = pixel(i);
        xx += c * (x - cx) * (x - cx);
        yy += c * (y - cy) * (y - cy);
        xy += c * (x - cx) * (y - cy);
        if c >= 0.5 * peak_c {
            half_sum += k;
            half_n += 1;
        }
    }
    // A pixel is itself a square of variance 1/12: without it two pixels in a row would be infinitely long.
    let (xx, yy, xy) = (
        xx / sum.max(1e-9) + 1.0 / 12.0,
        yy / sum.max(1e-9) + 1.0 / 12.0,
        xy / sum.max(1e-9),
    );
    let mean = 0.5 * (xx + yy);
    let spread = (0.25 * (xx - yy) * (xx - yy) + xy * xy).sqrt();
    let border = rules.border_px.get() as usize;
    let [left, top, right, bottom] = bbox;
    Blob {
        x: cx,
        y: cy,
        bbox,
        pixels: members.len(),
        area_px: sum / peak_c.max(1e-9),
        peak_k,
        mean_k: half_sum / half_n.max(1) as f64,
        background_k: peak_k - peak_c,
        elongation: ((mean + spread) / (mean - spread).max(1e-6)).sqrt(),
        hot_fraction: hot as f64 / members.len().max(1) as f64,
        at_border: left < border
            || top < border
            || right + border > w
            || bottom + border > image.height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> rules::Thermal {
        rules::Rules::parse("").unwrap().thermal
    }

    fn flat(w: usize, h: usize, k: f32) -> Thermal {
        Thermal {
            width: w,
            height: h,
            kelvin: vec![k; w * h],
        }
    }

    fn paint(t: &mut Thermal, x: usize, y: usize, w: usize, h: usize, k: f32) {
        for yy in y..y + h {
            for xx in x..x + w {
                t.kelvin[yy * t.width + xx] = k;
            }
        }
    }

    fn header(width: u32, height: u32) -> CameraHeader {
        CameraHeader {
            camera: "t".into(),
            seq: 0,
            captured_boot_us: 0,
            width,
            height,
            focal_px: 400.0,
            mount_pitch_deg: -90.0,
            kelvin_offset: 0.0,
            kelvin_per_count: 0.01,
        }
    }

    #[test]
    fn a_warm_square_on_a_sloping_background_is_measured() {
        let mut t = flat(320, 256, 0.0);
        for (i, k) in t.kelvin.iter_mut().enumerate() {
            *k = 285.0 + 10.0 * (i % 320) as f32 / 320.0;
        }
        paint(&mut t, 100, 80, 4, 3, 307.0);
        let found = find(&t, &rules());
        assert_eq!(found.blobs.len(), 1);
        let b = &found.blobs[0];
        assert!(
            (b.x - 102.0).abs() < 0.05 && (b.y - 81.5).abs() < 0.05,
            "{b:?}"
        );
        assert_eq!((b.pixels, b.bbox), (12, [100, 80, 104, 83]));
        assert!((b.area_px - 12.0).abs() < 0.2 && (b.peak_k - 307.0).abs() < 0.01);
        assert!((b.background_k - 288.2).abs() < 0.3, "{}", b.background_k);
        assert!(b.elongation < 1.5 && b.hot_fraction == 0.0 && !b.at_border);
    }

    #[test]
    fn a_diagonal_is_one_blob_a_single_pixel_none_and_the_edge_is_noted() {
        let mut t = flat(64, 64, 290.0);
        for i in 20..26 {
            paint(&mut t, i, i, 1, 1, 305.0);
        }
        paint(&mut t, 50, 10, 1, 1, 320.0);
        paint(&mut t, 0, 40, 3, 3, 325.0);
        let found = find(&t, &rules());
        assert_eq!(found.blobs.len(), 2);
        assert!(found.blobs[0].elongation > 4.0 && !found.blobs[0].at_border);
        assert!(found.blobs[1].at_border && found.blobs[1].hot_fraction == 1.0);
    }

    #[test]
    fn a_frame_without_a_background_is_not_trusted() {
        let mut t = flat(320, 256, 290.0);
        for (i, k) in t.kelvin.iter_mut().enumerate() {
            if (i * 7919) % 100 < 40 {
                *k = 310.0;
            }
        }
        assert!(find(&t, &rules()).overwhelmed);
    }

    #[test]
    fn a_huge_or_lying_image_is_refused_before_it_is_decoded() {
        let frame = |w, h, image: Vec<u8>| CameraFrame {
            header: header(w, h),
            image,
        };
        assert!(matches!(
            decode(&frame(u32::MAX, u32::MAX, vec![])),
            Err(FrameFault::Header(_))
        ));
        let mut png = Vec::new();
        image::ImageEncoder::write_image(
            image::codecs::png::PngEncoder::new(&mut png),
            &vec![0u8; 64 * 64 * 2],
            64,
            64,
            image::ExtendedColorType::L16,
        )
        .unwrap();
        assert!(decode(&frame(64, 64, png.clone())).is_ok());
        assert!(matches!(
            decode(&frame(32, 64, png.clone())),
            Err(FrameFault::Image(_))
        ));
        // A PNG that claims 65535 × 65535.
        png[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
        assert!(matches!(
            decode(&frame(64, 64, png)),
            Err(FrameFault::Image(_))
        ));
        let mut h = header(64, 64);
        h.focal_px = f64::NAN;
        assert!(check_header(&h).is_err());
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600), w in 0u32..400, h in 0u32..400) {
            let _ = decode(&CameraFrame { header: header(w, h), image: bytes });
        }

        #[test]
        fn any_temperatures_are_survived(k in prop::collection::vec(prop_oneof![Just(f32::NAN), Just(f32::INFINITY), Just(f32::NEG_INFINITY), -1e30f32..1e30], 48 * 40)) {
            let found = find(&Thermal { width: 48, height: 40, kelvin: k }, &rules());
            prop_assert!(found.blobs.len() <= MAX_BLOBS);
        }
    }
}
