//! `plan` without a vehicle: geometry only. No home, no return, no heights in force: a drawing to look at and compare,
//! marked `flyable: false`, which `fly` refuses.

pub(in crate::cli) mod ground;
mod patterned;
mod shared;
mod sweep;

use super::plan::Plan;
use super::plan::drawn::{Drawn, Route};
use super::plan::flags::PatternWord;
use super::settings::import;
use crate::draw::Picture;
use ground::Ground;
use link_io::Clock;
use missions::plane::EastNorth;
use serde_json::{Map, Value};
use std::time::Duration;

/// What a room hands back: ways, figures, words, and what is left out.
#[derive(Default)]
pub(in crate::cli) struct Patterned {
    pub routes: Vec<Route>,
    pub figures: Map<String, Value>,
    pub words: Vec<String>,
    pub notes: Vec<String>,
    pub left_out: Vec<(EastNorth, EastNorth)>,
}

/// The planner's budget of time: a closure that only ever ends the search early.
pub(in crate::cli) struct Budget {
    clock: Clock,
    limit: Duration,
    late: bool,
}

impl Budget {
    pub(in crate::cli) fn new(ms: u64) -> Self {
        Budget {
            clock: Clock::start(),
            limit: Duration::from_millis(ms),
            late: false,
        }
    }

    /// Part of the time that is used up.
    pub(in crate::cli) fn part(&self) -> f64 {
        let spent = self.clock.now().mono.since(missions::time::Mono::ZERO);
        spent.as_secs_f64() / self.limit.as_secs_f64().max(1e-9)
    }

    /// Whether it is over; remembered.
    pub(in crate::cli) fn over(&mut self) -> bool {
        self.late |= self.part() >= 1.0;
        self.late
    }

    pub(in crate::cli) fn was_over(&self) -> bool {
        self.late
    }

    /// A plan that was stopped cooled as if there were more to come, so its effort alone does not give it again.
    pub(in crate::cli) fn words(a: &Plan, reached: u64) -> String {
        format!(
            "stopped by --budget-ms {} at effort {reached}: for the same bytes on any machine give an --effort that ends in time",
            a.drawing.budget_ms
        )
    }
}

/// Plans.
pub(in crate::cli) fn draw(a: &Plan) -> anyhow::Result<Drawn> {
    let got = import(&a.files.venue, a.datum)?;
    let ground = Ground::new(&got, a.area.as_deref())?;
    let done = match a.pattern {
        PatternWord::Sweep if a.aircraft > 1 => shared::shared(a, &ground)?,
        PatternWord::Sweep => sweep::sweep(a, &ground)?,
        _ => patterned::patterned(a, &ground, &got)?,
    };
    let name = a.name.clone().unwrap_or_else(|| got.venue.name.clone());
    let mut picture = Picture {
        title: format!("{name}: {}", a.pattern.text()),
        plain_title: format!("{}: {}", plain(a, &name), a.pattern.text()),
        north_is_up: true,
        ..Picture::default()
    };
    picture.add_venue(&got.venue, &ground.plane);
    picture.left_out = done.left_out;
    Ok(Drawn {
        name,
        plane: Some(ground.plane),
        routes: done.routes,
        figures: done.figures,
        words: done.words,
        notes: done
            .notes
            .into_iter()
            .chain(got.notes.into_iter().map(|n| n.words))
            .collect(),
        picture,
    })
}

/// The name if it is ASCII, else the file's.
fn plain(a: &Plan, name: &str) -> String {
    if name.is_ascii() {
        return name.to_owned();
    }
    a.files
        .venue
        .file_stem()
        .map(|s| s.to_string_lossy().into_owned())
        .filter(|s| s.is_ascii())
        .unwrap_or_else(|| "venue".into())
}
