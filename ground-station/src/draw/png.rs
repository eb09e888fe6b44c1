//! A page as PNG, drawn by tiny-skia, words in our own strokes.

use super::page::{Ink, Mark, Page, Spot};
use super::strokes;
use image::{ExtendedColorType, ImageEncoder};
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash,
    Transform,
};

fn paint(i: Ink) -> Paint<'static> {
    let mut p = Paint::default();
    p.set_color(Color::from_rgba8(i.0, i.1, i.2, i.3));
    p.anti_alias = true;
    p
}

fn path(ways: &[Vec<Spot>], closed: bool) -> Option<Path> {
    let mut b = PathBuilder::new();
    for way in ways {
        for (i, p) in way.iter().enumerate() {
            if i == 0 {
                b.move_to(p.x, p.y);
            } else {
                b.line_to(p.x, p.y);
            }
        }
        if closed && !way.is_empty() {
            b.close();
        }
    }
    b.finish()
}

fn stroke(width: f32, dash: Option<[f32; 2]>) -> Stroke {
    Stroke {
        width,
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        dash: dash.and_then(|d| StrokeDash::new(d.to_vec(), 0.0)),
        ..Stroke::default()
    }
}

pub(super) fn write(page: &Page) -> Result<Vec<u8>, String> {
    let mut map = Pixmap::new(page.width, page.height)
        .ok_or_else(|| format!("no picture of {} × {} pixels", page.width, page.height))?;
    map.fill(Color::WHITE);
    let as_is = Transform::identity();
    for m in &page.marks {
        match m {
            Mark::Area {
                rings,
                fill,
                edge,
                dashed,
            } => {
                let Some(p) = path(rings, true) else { continue };
                map.fill_path(&p, &paint(*fill), FillRule::EvenOdd, as_is, None);
                if let Some((i, width)) = edge {
                    let s = stroke(*width, dashed.then_some([6.0, 4.0]));
                    map.stroke_path(&p, &paint(*i), &s, as_is, None);
                }
            }
            Mark::Line {
                places,
                ink,
                width,
                dashed,
            } => {
                if let Some(p) = path(std::slice::from_ref(places), false) {
                    let s = stroke(*width, dashed.then_some([5.0, 4.0]));
                    map.stroke_path(&p, &paint(*ink), &s, as_is, None);
                }
            }
            Mark::Words {
                at,
                plain,
                size,
                ink,
                anchor,
                ..
            } => {
                if let Some(p) = path(&strokes::strokes(plain, *at, *size, *anchor), false) {
                    let halo = stroke(size * 0.09 + 3.0, None);
                    map.stroke_path(&p, &paint(Ink(255, 255, 255, 200)), &halo, as_is, None);
                    map.stroke_path(&p, &paint(*ink), &stroke(size * 0.09, None), as_is, None);
                }
            }
        }
    }
    // The page is opaque, so premultiplied and plain colours are the same.
    let mut out = Vec::new();
    image::codecs::png::PngEncoder::new(&mut out)
        .write_image(
            map.data(),
            page.width,
            page.height,
            ExtendedColorType::Rgba8,
        )
        .map_err(|e| e.to_string())?;
    Ok(out)
}
