//! Small pictures for an officer: a crop of the thermal frame, a north-up sketch of who is where, a preview.
//!
//! Always JPEG, always within a size: quality falls, then resolution, until it fits. White is warm. Draws nothing that
//! was not measured or claimed.

use super::schema::{MAX_PICTURE_LEN, MAX_PREVIEW_LEN};
use super::thermal::Thermal;
use super::zones::{LocalZone, edges};
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use missions::plane::EastNorth;

type Rgb = [u8; 3];
const BOX: Rgb = [255, 150, 0];
const SKY: Rgb = [16, 24, 32];
const FAINT: Rgb = [60, 75, 90];
const ZONE: Rgb = [90, 130, 90];
const WHITE: Rgb = [240, 240, 240];
const RED: Rgb = [255, 70, 60];
const YELLOW: Rgb = [255, 220, 60];
/// Temperatures closer together than this are drawn as one grey, kelvin: noise is not stretched into a pattern.
const MIN_SPAN_K: f32 = 8.0;

struct Canvas {
    w: usize,
    h: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(w: usize, h: usize, colour: Rgb) -> Canvas {
        Canvas {
            w,
            h,
            rgb: colour.repeat(w * h),
        }
    }
    fn set(&mut self, x: i64, y: i64, colour: Rgb) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x < self.w
            && y < self.h
            && let Some(p) = self
                .rgb
                .get_mut((y * self.w + x) * 3..(y * self.w + x) * 3 + 3)
        {
            p.copy_from_slice(&colour);
        }
    }
    fn fill(&mut self, x: i64, y: i64, w: i64, h: i64, colour: Rgb) {
        for yy in y..y + h {
            for xx in x..x + w {
                self.set(xx, yy, colour);
            }
        }
    }
    fn frame(&mut self, x: i64, y: i64, w: i64, h: i64, colour: Rgb) {
        self.fill(x, y, w, 2, colour);
        self.fill(x, y + h - 2, w, 2, colour);
        self.fill(x, y, 2, h, colour);
        self.fill(x + w - 2, y, 2, h, colour);
    }
    /// From pixel to pixel; ends far outside are cut first, so that a line has a bounded length.
    fn line(&mut self, a: (f64, f64), b: (f64, f64), colour: Rgb) {
        let far = 20.0 * (self.w + self.h) as f64;
        if ![a.0, a.1, b.0, b.1].iter().all(|v| v.abs() < far) {
            return;
        }
        let steps = (b.0 - a.0).abs().max((b.1 - a.1).abs()).ceil().max(1.0);
        for i in 0..=steps as i64 {
            let t = i as f64 / steps;
            let (x, y) = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            self.set(x.round() as i64, y.round() as i64, colour);
        }
    }
    fn circle(&mut self, c: (f64, f64), radius: f64, colour: Rgb) {
        if !(radius.is_finite() && radius >= 1.0) {
            return;
        }
        let n = (radius * 4.0).clamp(16.0, 720.0) as usize;
        let at = |i: usize| {
            let a = i as f64 / n as f64 * std::f64::consts::TAU;
            (c.0 + radius * a.cos(), c.1 + radius * a.sin())
        };
        for i in 0..n {
            self.line(at(i), at(i + 1), colour);
        }
    }
    /// Digits, `k`, `m`, `N` and space in a 3 × 5 font.
    fn text(&mut self, x: i64, y: i64, size: i64, text: &str, colour: Rgb) {
        for (i, c) in text.chars().enumerate() {
            let rows: [u8; 5] = match c {
                '0' => [7, 5, 5, 5, 7],
                '1' => [2, 6, 2, 2, 7],
                '2' => [7, 1, 7, 4, 7],
                '3' => [7, 1, 7, 1, 7],
                '4' => [5, 5, 7, 1, 1],
                '5' => [7, 4, 7, 1, 7],
                '6' => [7, 4, 7, 5, 7],
                '7' => [7, 1, 1, 1, 1],
                '8' => [7, 5, 7, 5, 7],
                '9' => [7, 5, 7, 1, 7],
                'k' => [4, 5, 6, 5, 5],
                'm' => [0, 7, 7, 5, 5],
                'N' => [5, 7, 7, 7, 5],
                _ => [0; 5],
            };
            for (row, bits) in (0i64..).zip(rows) {
                for column in 0..3 {
                    if bits >> (2 - column) & 1 == 1 {
                        let left = x + (i as i64 * 4 + column) * size;
                        self.fill(left, y + row * size, size, size, colour);
                    }
                }
            }
        }
    }
    fn halved(&self) -> Canvas {
        let (w, h) = (self.w / 2, self.h / 2);
        let mut half = Canvas::new(w, h, [0; 3]);
        for y in 0..h {
            for x in 0..w {
                let mut mean = [0u8; 3];
                for (channel, m) in mean.iter_mut().enumerate() {
                    let at = |x: usize, y: usize| {
                        let i = (y * self.w + x) * 3 + channel;
                        u16::from(self.rgb.get(i).copied().unwrap_or(0))
                    };
                    let sum = at(2 * x, 2 * y)
                        + at(2 * x + 1, 2 * y)
                        + at(2 * x, 2 * y + 1)
                        + at(2 * x + 1, 2 * y + 1);
                    *m = (sum / 4) as u8;
                }
                half.set(x as i64, y as i64, mean);
            }
        }
        half
    }
    /// One byte a pixel, where no pixel has a colour: less to send, and better for its length.
    fn grey(&self) -> Option<Vec<u8>> {
        let pixels = self.rgb.as_chunks::<3>().0;
        pixels
            .iter()
            .all(|[r, g, b]| r == g && g == b)
            .then(|| pixels.iter().map(|[r, ..]| *r).collect())
    }
    fn jpeg(&self, quality: u8) -> Option<Vec<u8>> {
        let (w, h) = (u32::try_from(self.w).ok()?, u32::try_from(self.h).ok()?);
        let mut out = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut out, quality);
        match self.grey() {
            Some(grey) => encoder.encode(&grey, w, h, ExtendedColorType::L8),
            None => encoder.encode(&self.rgb, w, h, ExtendedColorType::Rgb8),
        }
        .ok()?;
        Some(out)
    }
    /// The best that fits.
    fn fit(&self, max_len: usize, qualities: &[u8]) -> Option<Vec<u8>> {
        for q in qualities {
            let jpeg = self.jpeg(*q)?;
            if jpeg.len() <= max_len {
                return Some(jpeg);
            }
        }
        (self.w >= 2 && self.h >= 2)
            .then(|| self.halved().fit(max_len, qualities))
            .flatten()
    }
}

/// The part of a frame from `(x, y)`, `w` × `h`, each pixel `zoom` wide, stretched over its own range of temperatures.
fn thermal_canvas(
    t: &Thermal,
    (x0, y0, w, h): (usize, usize, usize, usize),
    zoom: usize,
) -> Canvas {
    let row = |y: usize| {
        let from = (y0 + y) * t.width + x0;
        t.kelvin.get(from..from + w).unwrap_or(&[])
    };
    let mut sample: Vec<f32> = (0..h)
        .step_by(2)
        .flat_map(|y| row(y).iter().step_by(2).copied())
        .filter(|k| k.is_finite())
        .collect();
    let mut at = |part: usize| {
        let n = sample.len() * part / 1000;
        if n < sample.len() {
            *sample.select_nth_unstable_by(n, f32::total_cmp).1
        } else {
            0.0
        }
    };
    let low = at(20);
    let high = at(995).max(low + MIN_SPAN_K);
    let grey = |k: f32| ((k - low) / (high - low) * 235.0 + 10.0).clamp(0.0, 255.0) as u8;
    let mut c = Canvas::new(w * zoom, h * zoom, [0; 3]);
    for y in 0..h {
        if zoom == 1 {
            let line = c.rgb.get_mut(y * w * 3..(y + 1) * w * 3).unwrap_or(&mut []);
            for (pixel, k) in line.as_chunks_mut::<3>().0.iter_mut().zip(row(y)) {
                *pixel = [grey(*k); 3];
            }
            continue;
        }
        for (x, k) in row(y).iter().enumerate() {
            let (x, y, zoom) = ((x * zoom) as i64, (y * zoom) as i64, zoom as i64);
            c.fill(x, y, zoom, zoom, [grey(*k); 3]);
        }
    }
    c
}

/// A crop around a warm blob, its box drawn. `None` when the box is not in the frame.
#[must_use]
pub fn person(t: &Thermal, bbox: [usize; 4]) -> Option<Vec<u8>> {
    let [left, top, right, bottom] = bbox;
    if right > t.width || bottom > t.height || left >= right || top >= bottom {
        return None;
    }
    let side = (6 * (right - left).max(bottom - top)).clamp(48, 128);
    let (w, h) = (side.min(t.width), side.min(t.height));
    let x0 = ((left + right) / 2).saturating_sub(w / 2).min(t.width - w);
    let y0 = ((top + bottom) / 2).saturating_sub(h / 2).min(t.height - h);
    let zoom = (320 / side).max(1);
    let mut c = thermal_canvas(t, (x0, y0, w, h), zoom);
    let px = |v: usize, origin: usize| ((v.saturating_sub(origin)) * zoom) as i64;
    let pad = zoom as i64 + 3;
    c.frame(
        px(left, x0) - pad,
        px(top, y0) - pad,
        px(right, x0) - px(left, x0) + 2 * pad,
        px(bottom, y0) - px(top, y0) + 2 * pad,
        BOX,
    );
    c.fit(MAX_PICTURE_LEN, &[85, 70, 50, 30, 15])
}

/// The whole frame, small. `None` for a frame without pixels.
#[must_use]
pub fn preview(t: &Thermal) -> Option<Vec<u8>> {
    if t.width < 16 || t.height < 16 {
        return None;
    }
    let whole = thermal_canvas(t, (0, 0, t.width, t.height), 1);
    if t.width * t.height > 200_000 {
        whole.halved().fit(MAX_PREVIEW_LEN, &[60, 40, 20])
    } else {
        whole.fit(MAX_PREVIEW_LEN, &[60, 40, 20])
    }
}

/// Who is where, north up, ourselves in the middle.
#[derive(Clone, Debug)]
pub struct Sketch<'a> {
    /// Ourselves on the local plane.
    pub own: EastNorth,
    /// Our heading, radians from north.
    pub yaw: f64,
    /// Where the drone says it is.
    pub drone: Option<EastNorth>,
    /// One-sigma error of that; without it, of where the receiver could have heard it, around us.
    pub error_m: f64,
    /// Where it says its pilot is.
    pub operator: Option<EastNorth>,
    /// Outlines for orientation.
    pub zones: &'a [LocalZone],
}

/// Draws a sketch.
#[must_use]
pub fn sketch(s: &Sketch) -> Option<Vec<u8>> {
    const SIDE: usize = 360;
    const MAX_ZONE_EDGES: usize = 2000;
    let middle = SIDE as f64 / 2.0;
    let reach = s
        .drone
        .map_or(1.1 * s.error_m, |d| d.distance_m(s.own))
        .max(s.operator.map_or(0.0, |o| o.distance_m(s.own).min(5000.0)));
    if !reach.is_finite() {
        return None;
    }
    let m_per_px = (1.25 * reach).max(100.0) / middle;
    let at = |p: EastNorth| {
        (
            middle + (p.east_m - s.own.east_m) / m_per_px,
            middle - (p.north_m - s.own.north_m) / m_per_px,
        )
    };
    let mut c = Canvas::new(SIDE, SIDE, SKY);
    let lines = s
        .zones
        .iter()
        .flat_map(|z| z.rings())
        .flat_map(|r| edges(r));
    for (a, b) in lines.take(MAX_ZONE_EDGES) {
        c.line(at(a), at(b), ZONE);
    }
    let step_m = nice_step_m(0.8 * middle * m_per_px);
    for ring in 1..=3 {
        let radius = f64::from(ring) * step_m / m_per_px;
        if radius < middle {
            c.circle((middle, middle), radius, FAINT);
            let label = if step_m * f64::from(ring) >= 10_000.0 {
                format!("{}km", (step_m * f64::from(ring) / 1000.0).round())
            } else {
                format!("{}m", (step_m * f64::from(ring)).round())
            };
            c.text(
                (middle + 4.0) as i64,
                (middle - radius + 3.0) as i64,
                2,
                &label,
                WHITE,
            );
        }
    }
    c.text(SIDE as i64 - 22, 8, 4, "N", WHITE);
    c.line(
        (SIDE as f64 - 17.0, 60.0),
        (SIDE as f64 - 17.0, 34.0),
        WHITE,
    );
    // Ourselves: an arrow along the heading.
    let (sin, cos) = s.yaw.sin_cos();
    let turned = |forward: f64, right: f64| {
        (
            middle + forward * sin + right * cos,
            middle - forward * cos + right * sin,
        )
    };
    for right in [-7.0, -3.5, 0.0, 3.5, 7.0] {
        c.line(turned(13.0, 0.0), turned(-9.0, right), WHITE);
    }
    if let Some(o) = s.operator {
        let (x, y) = at(o);
        c.frame(x as i64 - 6, y as i64 - 6, 12, 12, YELLOW);
    }
    match s.drone {
        Some(d) => {
            let (x, y) = at(d);
            c.line((middle, middle), (x, y), FAINT);
            c.circle((x, y), s.error_m / m_per_px, RED);
            for r in 0..9 {
                let r = f64::from(r);
                c.line((x - r, y), (x, y - r), RED);
                c.line((x, y - r), (x + r, y), RED);
                c.line((x + r, y), (x, y + r), RED);
                c.line((x, y + r), (x - r, y), RED);
            }
        }
        None => c.circle((middle, middle), s.error_m / m_per_px, RED),
    }
    c.fit(MAX_PICTURE_LEN, &[80, 60, 40, 20])
}

/// A third of `reach_m`, rounded down to 1, 2 or 5 times a power of ten.
fn nice_step_m(reach_m: f64) -> f64 {
    let third = (reach_m / 3.0).clamp(1.0, 1e7);
    let decade = 10f64.powf(third.log10().floor());
    decade
        * match third / decade {
            v if v >= 5.0 => 5.0,
            v if v >= 2.0 => 2.0,
            _ => 1.0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(w: usize, h: usize) -> Thermal {
        let mut x = 1u32;
        Thermal {
            width: w,
            height: h,
            kelvin: (0..w * h)
                .map(|_| {
                    x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    260.0 + (x >> 16) as f32 / 65535.0 * 80.0
                })
                .collect(),
        }
    }

    #[test]
    fn a_preview_carries_no_colour_and_a_boxed_person_does() {
        let read = |jpeg: &[u8]| image::load_from_memory(jpeg).unwrap().color();
        assert_eq!(
            read(&preview(&noise(320, 256)).unwrap()),
            image::ColorType::L8
        );
        assert_eq!(
            read(&person(&noise(320, 256), [10, 10, 12, 12]).unwrap()),
            image::ColorType::Rgb8
        );
    }

    #[test]
    fn even_pure_noise_fits() {
        for (w, h) in [(16, 16), (320, 256), (640, 512), (1280, 1024), (1280, 20)] {
            let jpeg = preview(&noise(w, h)).unwrap();
            assert!(jpeg.len() <= MAX_PREVIEW_LEN && jpeg.starts_with(&[0xff, 0xd8]));
            let jpeg = person(&noise(w, h), [10, 10, 12, 12]).unwrap();
            assert!(jpeg.len() <= MAX_PICTURE_LEN, "{}", jpeg.len());
        }
        assert!(person(&noise(32, 32), [10, 10, 40, 12]).is_none());
    }

    #[test]
    fn a_sketch_survives_any_distance() {
        for d in [0.0, 1.0, 1e3, 1e6, 1e300, f64::NAN, f64::INFINITY] {
            let s = Sketch {
                own: EastNorth::new(0.0, 0.0),
                yaw: 1.0,
                drone: Some(EastNorth::new(d, -d)),
                error_m: d,
                operator: Some(EastNorth::new(d, 3.0)),
                zones: &[],
            };
            if let Some(jpeg) = sketch(&s) {
                assert!(jpeg.len() <= MAX_PICTURE_LEN);
            }
        }
        assert_eq!(nice_step_m(1700.0), 500.0);
    }
}
