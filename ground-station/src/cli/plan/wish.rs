//! From flags to a pattern over a venue: places by degrees or by name, lines by name or out of a file.

use super::Plan;
use super::flags::{PatternWord, PlaceWord};
use crate::cli::settings::import;
use anyhow::{Context, bail};
use missions::formats::import::DrawnLine;
use missions::place::LatLon;
use missions::planner::patterns::{Drift, Flow, Hand, Pattern, Round, WatchPoint};
use missions::venue::{Role, Venue};
use std::path::Path;

/// The pattern that the flags ask for.
pub(in crate::cli) fn pattern(
    a: &Plan,
    venue: &Venue,
    lines: &[DrawnLine],
) -> anyhow::Result<Pattern<LatLon>> {
    let s = &a.shapes;
    let swath_m = a.seen().swath_m;
    let turn = if s.left { Hand::Left } else { Hand::Right };
    let round = Round {
        radius_m: s.radius,
        turns: s.turns,
        turn,
    };
    let needed = |what: &str| -> anyhow::Result<LatLon> {
        let at = s.at.as_ref().with_context(|| {
            format!(
                "{}: give {what} with --at LAT,LON or --at ZONE",
                a.pattern.text()
            )
        })?;
        place(at, venue)
    };
    Ok(match a.pattern {
        PatternWord::Sweep => Pattern::Sweep {
            swath_m,
            angle_deg: a.angle,
        },
        PatternWord::Perimeter => Pattern::Perimeter { offset_m: s.offset },
        PatternWord::Corridor => Pattern::Corridor {
            line: line(a, lines)?,
            width_m: s.width,
            swath_m,
        },
        PatternWord::WatchPoints => Pattern::WatchPoints {
            points: points(a, venue)?,
        },
        PatternWord::Orbit => Pattern::Orbit {
            centre: needed("its centre")?,
            round,
        },
        PatternWord::ExpandingSquare => Pattern::ExpandingSquare {
            datum: needed("the datum")?,
            spacing_m: s.spacing.unwrap_or(swath_m),
            first_leg_deg: s.leg.unwrap_or(0.0),
            legs: s.legs,
            turn,
            drift: drift(a),
        },
        PatternWord::Sector => Pattern::SectorSearch {
            datum: needed("the datum")?,
            radius_m: s.radius,
            first_leg_deg: s.leg.unwrap_or(0.0),
            runs: s.runs,
            turn,
            drift: drift(a),
        },
        PatternWord::CreepingLine => Pattern::CreepingLine {
            spacing_m: s.spacing.unwrap_or(swath_m),
            leg_deg: s.leg,
            commence: s.at.as_ref().map(|p| place(p, venue)).transpose()?,
            area: None,
        },
        PatternWord::Revisit => Pattern::Revisit {
            place: needed("the place")?,
            hold_s: s.hold,
            round: None,
        },
        PatternWord::Rounds | PatternWord::Streets => {
            bail!("{} is planned over a graph", a.pattern.text())
        }
    })
}

fn drift(a: &Plan) -> Option<Drift> {
    let s = &a.shapes;
    if s.current.is_none() && s.leeway.is_none() {
        return None;
    }
    let flow = |f: Option<super::flags::FlowWord>| {
        f.map_or(Flow::default(), |f| Flow {
            toward_deg: f.toward_deg,
            mps: f.mps,
        })
    };
    Some(Drift {
        current: flow(s.current),
        leeway: flow(s.leeway),
        age_s: s.drift_age,
    })
}

/// A place by degrees, or the middle of a zone by its id, else by its name.
pub(super) fn place(word: &PlaceWord, venue: &Venue) -> anyhow::Result<LatLon> {
    let name = match word {
        PlaceWord::At(p) => return Ok(*p),
        PlaceWord::Named(n) => n,
    };
    let zone = venue
        .zones
        .iter()
        .find(|z| z.id == *name)
        .or_else(|| venue.zones.iter().find(|z| z.name == *name));
    let Some(zone) = zone else {
        let known: Vec<&str> = venue.zones.iter().take(20).map(|z| z.id.as_str()).collect();
        bail!(
            "the venue has no zone `{name}`; it has {}",
            known.join(", ")
        );
    };
    zone.shape
        .middle()
        .with_context(|| format!("zone `{name}` has no middle"))
}

fn points(a: &Plan, venue: &Venue) -> anyhow::Result<Vec<WatchPoint<LatLon>>> {
    let hold_s = a.shapes.hold;
    let out: Vec<WatchPoint<LatLon>> = if a.shapes.points.is_empty() {
        venue
            .zones_of(Role::WatchZone)
            .filter_map(|z| z.shape.middle())
            .map(|at| WatchPoint { at, hold_s })
            .collect()
    } else {
        let of = |p: &super::flags::PointWord| -> anyhow::Result<WatchPoint<LatLon>> {
            Ok(WatchPoint {
                at: place(&p.at, venue)?,
                hold_s: p.hold_s.unwrap_or(hold_s),
            })
        };
        a.shapes.points.iter().map(of).collect::<Result<_, _>>()?
    };
    if out.is_empty() {
        bail!("the venue draws no watch zone: give places with --point LAT,LON[,SECONDS]");
    }
    Ok(out)
}

/// A line by its name in the venue's file, or the only line of another file.
fn line(a: &Plan, lines: &[DrawnLine]) -> anyhow::Result<Vec<LatLon>> {
    let names = |lines: &[DrawnLine]| {
        let all: Vec<String> = lines.iter().map(|l| format!("`{}`", l.name)).collect();
        if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        }
    };
    let Some(wanted) = &a.shapes.line else {
        return match lines {
            [one] => Ok(one.points.clone()),
            _ => bail!(
                "corridor: give --line NAME or --line FILE; lines drawn in the venue's file: {}",
                names(lines)
            ),
        };
    };
    if let Some(l) = lines.iter().find(|l| l.name == *wanted) {
        return Ok(l.points.clone());
    }
    let path = Path::new(wanted);
    if !path.is_file() {
        bail!(
            "--line {wanted}: no such line in the venue's file (it draws {}), and no such file",
            names(lines)
        );
    }
    let got = import(path, a.datum)?;
    match got.lines.as_slice() {
        [one] => Ok(one.points.clone()),
        other => bail!(
            "--line {wanted}: the file must draw one line; it draws {}",
            names(other)
        ),
    }
}
