//! Once around every piece that the offset leaves, inside the outline.

use super::ground::Ground;
use super::{GRID_M, Patterned};
use crate::cli::plan::Plan;
use crate::cli::plan::drawn::Route;
use anyhow::bail;
use geo::Buffer;
use geo::buffer::{BufferStyle, LineJoin};
use missions::plane::EastNorth;
use serde_json::json;

/// Step of a round join, radians.
const ROUND_RAD: f64 = 0.1;

pub(super) fn around(a: &Plan, ground: &Ground) -> anyhow::Result<Patterned> {
    let offset_m = a.shapes.offset.max(a.margin) + GRID_M;
    // Chords of a round join lie inside the arc, which here is nearer to the corner: reach out by what they lose.
    let by_m = offset_m / (ROUND_RAD / 2.0).cos();
    let left = ground
        .target
        .buffer_with_style(BufferStyle::new(-by_m).line_join(LineJoin::Round(ROUND_RAD)));
    let mut out = Patterned::default();
    for p in &left.0 {
        let ring: Vec<EastNorth> = p
            .exterior()
            .0
            .iter()
            .map(|c| EastNorth::new(c.x, c.y))
            .collect();
        if ring.len() > 3 {
            out.routes.push(Route::new(1, ring));
        }
    }
    if out.routes.is_empty() {
        bail!("at {offset_m:.1} m from the outline nothing is left to fly around");
    }
    let length_m: f64 = out.routes.iter().map(Route::length_m).sum();
    out.figures.insert("margin_m".into(), json!(a.margin));
    out.figures
        .insert("offset_m".into(), json!(a.shapes.offset.max(a.margin)));
    out.words
        .push(format!("{length_m:.0} m in {} way(s)", out.routes.len()));
    Ok(out)
}
