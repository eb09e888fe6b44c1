//! `--explain`: why there is no plan, where, by how much, and what would help. Without the flag, one sentence.

use super::Plan;
use crate::cli::settings::Settings;
use anyhow::anyhow;
use missions::place::LatLon;
use missions::plan::PlanFault;
use missions::planner::fleet::team::TeamRefusal;
use missions::planner::patterns::DrawRefusal;
use missions::planner::{PatrolRequest, PlanEffort, PlanRefusal, plan_patrol_within};
use missions::venue::{Shape, Venue};
use std::fmt::Write;

/// What is said to somebody who did not ask for more.
const ASK: &str = "(`--explain` says where, by how much and what would help)";

/// Most obstructions told.
const MOST: usize = 20;

/// A refusal of geometry.
pub(super) fn geometry(a: &Plan, e: anyhow::Error) -> anyhow::Error {
    if !a.explain {
        return e;
    }
    let mut text = format!("{e:#}");
    let swath_m = a.seen().swath_m;
    let _ = write!(
        text,
        "\n  asked: {} at a margin of {} m, swath {swath_m:.1} m",
        a.pattern.text(),
        a.margin
    );
    if let Some(p) = nearest_place(a, &e) {
        let _ = write!(
            text,
            "\n  would help: --at {:.7},{:.7}, the nearest place that may be flown over",
            p.lat_deg(),
            p.lon_deg()
        );
    }
    if let Some(margin_m) = largest_margin(a) {
        let _ = write!(
            text,
            "\n  would help: a margin of {margin_m} m or less leaves something to fly in (tried)"
        );
    }
    anyhow!(text)
}

/// Where a search could begin instead.
fn nearest_place(a: &Plan, e: &anyhow::Error) -> Option<LatLon> {
    let (DrawRefusal::DatumOutside {
        nearest: Some(at), ..
    }
    | DrawRefusal::StartOutside {
        nearest: Some(at), ..
    }) = e.downcast_ref::<DrawRefusal>()?
    else {
        return None;
    };
    let got = crate::cli::settings::import(&a.files.venue, a.datum).ok()?;
    let ground = crate::cli::geometry::ground::Ground::new(&got, a.area.as_deref()).ok()?;
    ground.plane.to_latlon(*at)
}

/// The largest margin below the one asked for that leaves something to fly in, by halving; `None` when none does.
fn largest_margin(a: &Plan) -> Option<f64> {
    let got = crate::cli::settings::import(&a.files.venue, a.datum).ok()?;
    let ground = crate::cli::geometry::ground::Ground::new(&got, a.area.as_deref()).ok()?;
    let fits = |margin_m: f64| {
        use geo::{Area, Buffer};
        ground.target.buffer(-margin_m).unsigned_area() > 1.0
    };
    if fits(a.margin) || !fits(0.01) {
        return None;
    }
    let (mut good, mut bad) = (0.01, a.margin);
    for _ in 0..12 {
        let mid = (good + bad) / 2.0;
        if fits(mid) {
            good = mid;
        } else {
            bad = mid;
        }
    }
    Some((good * 10.0).floor() / 10.0)
}

/// A refusal of a plan that was to fly.
pub(super) fn flying(
    a: &Plan,
    s: &Settings,
    venue: &Venue,
    request: &PatrolRequest,
    refusal: PlanRefusal,
) -> anyhow::Error {
    let head = format!("no plan over {}: {refusal}", venue.name);
    if !a.explain {
        return anyhow!("{head} {ASK}");
    }
    let mut text = head;
    if let PlanRefusal::NotLegal { fault, .. } = &refusal {
        place(&mut text, venue, fault);
    }
    let all = refusal.obstructions();
    for o in all.iter().take(MOST) {
        let _ = write!(text, "\n  in the way: {o}");
    }
    if all.len() > MOST {
        let _ = write!(text, "\n  … and {} more", all.len() - MOST);
    }
    for r in remedies(s, venue, request) {
        let _ = write!(text, "\n  would help: {r} (tried)");
    }
    anyhow!(text)
}

/// A refusal of a team's plans: which aircraft, and why.
pub(super) fn team(a: &Plan, venue: &Venue, refusal: &TeamRefusal) -> anyhow::Error {
    let head = format!("no plans over {}: {refusal}", venue.name);
    if !a.explain {
        return anyhow!("{head} {ASK}");
    }
    let mut text = head;
    match refusal {
        TeamRefusal::Plan { refusal, .. } => {
            if let PlanRefusal::NotLegal { fault, .. } = refusal.as_ref() {
                place(&mut text, venue, fault);
            }
            for o in refusal.obstructions().iter().take(MOST) {
                let _ = write!(text, "\n  in the way: {o}");
            }
        }
        TeamRefusal::TooNear { at: p, .. } => at(&mut text, venue, "where", *p),
        _ => {}
    }
    anyhow!(text)
}

fn place(text: &mut String, venue: &Venue, fault: &PlanFault) {
    let _ = write!(text, "\n  code: {}", fault.code);
    if let Some(item) = fault.item {
        let _ = write!(text, "\n  step: {}", item + 1);
    }
    if let Some(p) = fault.at {
        at(text, venue, "where", p);
    }
    if fault.value.is_finite() {
        let _ = write!(text, "\n  by how much: {:.2}", fault.value);
    }
}

/// A place in degrees, and the zone it is in or nearest to.
fn at(text: &mut String, venue: &Venue, what: &str, p: LatLon) {
    let _ = write!(text, "\n  {what}: {:.7}, {:.7}", p.lat_deg(), p.lon_deg());
    let plane = missions::plane::LocalPlane::new(p);
    let nearest = venue
        .zones
        .iter()
        .filter_map(|z| {
            let ring: Vec<_> = match &z.shape {
                Shape::Polygon { outer, .. } => outer.iter().map(|q| plane.to_local(*q)).collect(),
                Shape::Circle { centre, radius_m } => {
                    let c = plane.to_local(*centre);
                    return Some((((c.east_m.hypot(c.north_m)) - radius_m).abs(), z));
                }
                Shape::Point(_) => return None,
            };
            let edges = ring.iter().zip(ring.iter().cycle().skip(1));
            let d = edges
                .map(|(a, b)| {
                    let (dx, dy) = (b.east_m - a.east_m, b.north_m - a.north_m);
                    let l2 = dx * dx + dy * dy;
                    let t = if l2 > 0.0 {
                        (-(a.east_m * dx + a.north_m * dy) / l2).clamp(0.0, 1.0)
                    } else {
                        0.0
                    };
                    (a.east_m + t * dx).hypot(a.north_m + t * dy)
                })
                .fold(f64::INFINITY, f64::min);
            Some((d, z))
        })
        .min_by(|x, y| x.0.total_cmp(&y.0));
    if let Some((d, z)) = nearest {
        let _ = write!(
            text,
            ", {d:.1} m from the edge of `{}` ({}{}{})",
            z.id,
            z.role.text(),
            if z.name.is_empty() { "" } else { ", " },
            z.name
        );
    }
}

/// Changes of the request that were tried and give a plan: the smallest of each kind.
fn remedies(s: &Settings, venue: &Venue, request: &PatrolRequest) -> Vec<String> {
    let mut out = Vec::new();
    // Unpolished: whether there is a plan at all.
    let effort = PlanEffort {
        moves: Some(0),
        ..PlanEffort::default()
    };
    let works =
        |r: &PatrolRequest| plan_patrol_within(venue, &s.vehicle, r, &effort, || false).is_ok();
    let cruise = request.speed_mps.unwrap_or(s.vehicle.cruise_mps);
    for part in [0.75, 0.5, 0.35] {
        let slower = PatrolRequest {
            speed_mps: Some(cruise * part),
            ..request.clone()
        };
        if works(&slower) {
            out.push(format!(
                "--speed {:.1}: slower needs less distance from the fence",
                cruise * part
            ));
            break;
        }
    }
    if request.margin_m > 0.0 {
        for part in [0.5, 0.0] {
            let nearer = PatrolRequest {
                margin_m: request.margin_m * part,
                ..request.clone()
            };
            if works(&nearer) {
                out.push(format!("--margin {:.1}", request.margin_m * part));
                break;
            }
        }
    }
    for metres in [20.0, 30.0, 45.0, 60.0, 80.0, 100.0] {
        if let Ok(alt) = missions::place::Alt::from_metres(metres)
            && (metres - request.alt.metres()).abs() > 1.0
        {
            let other = PatrolRequest {
                alt,
                ..request.clone()
            };
            if works(&other) {
                out.push(format!("--altitude {metres:.0}"));
                break;
            }
        }
    }
    out
}
