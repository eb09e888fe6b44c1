//! From a venue and a wish to a plan: patterns, ways around, time and energy.
//!
//! Whatever a pattern proposes is proven by [`crate::plan::PatrolPlan::check`]; a proposal that is not legal is
//! tightened and tried again, and in the end refused with the reason.

pub mod cover;
pub mod fleet;
pub mod patterns;
mod perimeter;
pub mod rounds;
pub mod streets;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;

use crate::fence::contain::Rules;
use crate::fence::flat::{self, Area, Edge};
use crate::fence::route::Router;
use crate::fence::{Fence, FenceDraft, FenceFault};
use crate::flight::OnLinkLoss;
use crate::place::{AboveHome, Alt, Home, LatLon};
use crate::plan::{
    Estimate, FORMAT, HEIGHT_ERROR_M, PatrolPlan, PlanFault, PlanFile, PlanItem, Returns,
    aloft_window, hex, margin_m,
};
use crate::plane::{EastNorth, LocalPlane};
use crate::time::Window;
use crate::vehicle::VehicleSpec;
use crate::venue::{Shape, Venue};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What to fly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case")]
pub enum Pattern {
    /// Back and forth over the free area.
    Sweep {
        /// Distance between lines, metres.
        swath_m: f64,
        /// Direction of the lines, degrees clockwise from north; chosen when absent.
        angle_deg: Option<f64>,
    },
    /// Once around, inside the boundary.
    Perimeter {
        /// Distance from the boundary, metres; never less than the margin.
        offset_m: f64,
    },
}

/// A wish.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatrolRequest {
    /// Name of the plan.
    pub name: String,
    /// What to fly.
    pub pattern: Pattern,
    /// How high.
    pub alt: Alt<AboveHome>,
    /// How fast, m/s; the vehicle's cruise speed when absent.
    pub speed_mps: Option<f64>,
    /// Least margin a person asks for, metres.
    pub margin_m: f64,
    /// When it may be launched.
    pub launch_window: Window,
    /// Only inside this zone of the venue, by id.
    pub area: Option<String>,
    /// What to do when the ground link is lost.
    pub on_link_loss: OnLinkLoss,
    /// Whether there is a permit to fly over assembled crowds.
    pub over_crowds: bool,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PlanRefusal {
    /// The venue has no launch site.
    #[error("the venue has no launch site: draw one with role `launch`")]
    NoLaunchSite,
    /// The ground's height is not known.
    #[error(
        "the ground's height is not stated, so heights above home mean nothing: state `flat_ground` and `ground_amsl_m`"
    )]
    NoGround,
    /// A figure of the request.
    #[error("{0}")]
    BadRequest(String),
    /// The fence.
    #[error("the fence: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Fence(Vec<FenceFault>),
    /// The margin leaves nothing to fly in.
    #[error("at a margin of {margin_m:.1} m and {alt_m:.0} m above home nothing is left to fly in")]
    NothingLeft {
        /// Metres.
        margin_m: f64,
        /// Metres above home.
        alt_m: f64,
    },
    /// Part of the area cannot be reached.
    #[error("there is no way inside the fence from {from} to {to}")]
    NoWay {
        /// From.
        from: LatLon,
        /// To.
        to: LatLon,
    },
    /// The plan was made and did not pass.
    #[error("{0}")]
    NotLegal(PlanFault),
}

/// A piece of pattern to fly, proven.
pub(crate) struct Line {
    pub a: LatLon,
    pub b: LatLon,
}

/// A way from the start and back to it.
pub(crate) struct Way {
    pub places: Vec<LatLon>,
    /// Metres of it that are pattern, not transit.
    pub patrolled_m: f64,
    /// Metres of pattern that could not be reached, or not returned from.
    pub left_out_m: f64,
}

/// What a pattern works with.
pub(crate) struct Ground2d<'a> {
    pub fence: &'a Fence,
    pub router: &'a Router<'a>,
    pub rules: Rules,
    pub alt_amsl_m: f64,
    /// Only inside this.
    pub zone: Option<Area>,
    pub start: LatLon,
}

/// Patterns are laid this much further from things than the plan is checked with, metres.
const ROOM_M: f64 = 0.5;
/// Pieces of pattern are cut no finer than this, metres.
const FINEST_M: f64 = 4.0;
/// A waypoint this near to the straight way past it is left out, metres.
const STRAIGHT_M: f64 = 0.3;

impl Ground2d<'_> {
    fn nothing_left(&self) -> PlanRefusal {
        PlanRefusal::NothingLeft {
            margin_m: self.rules.margin_m,
            alt_m: self.alt_amsl_m - self.fence.home().alt.metres(),
        }
    }

    fn length_m(&self, l: &Line) -> f64 {
        let plane = self.fence.plane();
        plane.to_local(l.a).distance_m(plane.to_local(l.b))
    }

    /// Proven pieces of a line at least `shortest_m` long, and the metres that are free but not proven (no legal return).
    fn flyable_pieces(&self, line: Edge, boundary_m: f64, shortest_m: f64) -> (Vec<Line>, f64) {
        let length_m = line.0.distance_m(line.1);
        let at = |metres: f64| {
            let t = metres / length_m;
            self.fence.plane().to_latlon(EastNorth::new(
                line.0.east_m + t * (line.1.east_m - line.0.east_m),
                line.0.north_m + t * (line.1.north_m - line.0.north_m),
            ))
        };
        let sees = |from: f64, to: f64| match (at(from), at(to)) {
            (Some(a), Some(b)) => self.router.sees(a, b),
            _ => false,
        };
        let mut out = Vec::new();
        let mut lost_m = 0.0;
        let free = self
            .fence
            .free_along(line, boundary_m, self.alt_amsl_m, &self.rules);
        for (from, to) in self.within_zone(line, free) {
            if to - from < shortest_m {
                continue;
            }
            // Halve until each half is proven or too fine, then join neighbours where the whole is proven.
            let mut proven: Vec<(f64, f64)> = Vec::new();
            let mut todo = vec![(from, to)];
            while let Some((from, to)) = todo.pop() {
                if sees(from, to) {
                    match proven.last_mut() {
                        Some(last) if last.1 == from && sees(last.0, to) => last.1 = to,
                        _ => proven.push((from, to)),
                    }
                } else if to - from > FINEST_M {
                    let mid = (from + to) / 2.0;
                    todo.push((mid, to));
                    todo.push((from, mid));
                } else {
                    lost_m += to - from;
                }
            }
            for (from, to) in proven {
                if to - from < shortest_m {
                    lost_m += to - from;
                } else if let (Some(a), Some(b)) = (at(from), at(to)) {
                    out.push(Line { a, b });
                }
            }
        }
        (out, lost_m)
    }

    /// Cuts pieces of a line to the zone asked for.
    fn within_zone(&self, line: Edge, pieces: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
        let Some(zone) = &self.zone else {
            return pieces;
        };
        let length_m = line.0.distance_m(line.1);
        let mut cuts = zone.crossings(line);
        cuts.sort_by(f64::total_cmp);
        let mut out = Vec::new();
        for (from, to) in pieces {
            let mut last = from;
            for cut in cuts
                .iter()
                .map(|t| t * length_m)
                .filter(|c| *c > from && *c < to)
                .chain([to])
            {
                let t = (last + cut) / 2.0 / length_m;
                let mid = EastNorth::new(
                    line.0.east_m + t * (line.1.east_m - line.0.east_m),
                    line.0.north_m + t * (line.1.north_m - line.0.north_m),
                );
                if zone.contains(mid) {
                    out.push((last, cut));
                }
                last = cut;
            }
        }
        out
    }

    /// Drops waypoints that change nothing.
    fn tidy(&self, mut way: Vec<LatLon>) -> Vec<LatLon> {
        way.dedup();
        let plane = self.fence.plane();
        let mut out: Vec<LatLon> = Vec::with_capacity(way.len());
        for (i, at) in way.iter().enumerate() {
            if let (Some(before), Some(after)) = (out.last(), way.get(i + 1)) {
                let straight = (plane.to_local(*before), plane.to_local(*after));
                let p = plane.to_local(*at);
                let between = flat::point_to_edge_m(p, straight) < STRAIGHT_M
                    && straight.0.distance_m(p) < straight.0.distance_m(straight.1);
                if between && self.router.sees(*before, *after) {
                    continue;
                }
            }
            out.push(*at);
        }
        out
    }
}

/// Makes a plan.
///
/// # Errors
/// [`PlanRefusal`] says why not and what would help.
pub fn plan_patrol(
    venue: &Venue,
    vehicle: &VehicleSpec,
    request: &PatrolRequest,
) -> Result<PatrolPlan, PlanRefusal> {
    let start = venue.launch_site().ok_or(PlanRefusal::NoLaunchSite)?;
    let ground = venue.ground.height_at(start).ok_or(PlanRefusal::NoGround)?;
    let home = Home {
        at: start,
        alt: ground,
    };
    let speed_mps = request.speed_mps.unwrap_or(vehicle.cruise_mps);
    check_request(request)?;
    let fence = FenceDraft::from_venue(venue, home)
        .check()
        .map_err(PlanRefusal::Fence)?;
    let rally: Vec<LatLon> = venue
        .landing_sites()
        .into_iter()
        .map(|s| s.1)
        .filter(|p| *p != start)
        .collect();
    let mut file = PlanFile {
        format: FORMAT.into(),
        name: request.name.clone(),
        venue: venue.to_value(),
        vehicle: vehicle.clone(),
        home,
        items: Vec::new(),
        rally,
        speed_mps,
        margin_m: request.margin_m,
        launch_window: request.launch_window,
        on_link_loss: request.on_link_loss,
        return_alt: request.alt,
        over_crowds: request.over_crowds,
        fence_digest: hex(&fence.digest()),
        estimate: Estimate::default(),
        flyable: true,
        wind: crate::energy::Wind::default(),
    };
    let margin_m = margin_m(&file);
    let mut first: Option<PlanRefusal> = None;
    let mut best: Option<(f64, PatrolPlan)> = None;
    for return_alt in return_heights(&fence, request.alt) {
        file.return_alt = return_alt;
        let made = propose(&fence, &file, request, margin_m + ROOM_M).and_then(|(items, way)| {
            let mut file = PlanFile {
                items,
                ..file.clone()
            };
            file.estimate = Estimate {
                left_out_m: tidy_number(way.left_out_m),
                ..estimate(&file)
            };
            PatrolPlan::check(file)
                .map(|p| (way.patrolled_m, p))
                .map_err(PlanRefusal::NotLegal)
        });
        match made {
            Ok((patrolled_m, plan)) => {
                // A higher return passes over things that the patrol goes around: it must buy a tenth more ground seen.
                if best.as_ref().is_none_or(|(b, _)| patrolled_m > b * 1.1) {
                    best = Some((patrolled_m, plan));
                }
            }
            // Another return height gives no energy.
            Err(
                e @ PlanRefusal::NotLegal(PlanFault {
                    code: "plan.energy",
                    ..
                }),
            ) if best.is_none() => {
                return Err(e);
            }
            // The first reason, at the lowest return, is the one an officer can understand.
            Err(e) => first = first.or(Some(e)),
        }
    }
    match best {
        Some((_, plan)) => Ok(plan),
        None => Err(first.unwrap_or(PlanRefusal::NothingLeft {
            margin_m,
            alt_m: request.alt.metres(),
        })),
    }
}

fn check_request(r: &PatrolRequest) -> Result<(), PlanRefusal> {
    let bad = |w: String| Err(PlanRefusal::BadRequest(w));
    match r.pattern {
        Pattern::Sweep { swath_m, angle_deg } => {
            if !(swath_m.is_finite() && (1.0..=1_000.0).contains(&swath_m)) {
                return bad(format!("swath {swath_m} m is not between 1 and 1000"));
            }
            if angle_deg.is_some_and(|a| !a.is_finite()) {
                return bad("the angle is no number".into());
            }
        }
        Pattern::Perimeter { offset_m } => {
            if !(offset_m.is_finite() && offset_m >= 0.0) {
                return bad(format!("offset {offset_m} m is no distance"));
            }
        }
    }
    if !(r.margin_m.is_finite() && r.margin_m >= 0.0) {
        return bad(format!("margin {} m is no distance", r.margin_m));
    }
    if r.alt.metres() < 5.0 {
        return bad(format!(
            "{} m above home is too low to patrol at",
            r.alt.metres()
        ));
    }
    if r.launch_window.until <= r.launch_window.from {
        return bad("the launch window ends before it begins".into());
    }
    Ok(())
}

/// Patrol height first, then higher in steps up to the ceiling.
fn return_heights(fence: &Fence, alt: Alt<AboveHome>) -> Vec<Alt<AboveHome>> {
    let top_m = fence.ceiling_amsl_m().map_or(alt.metres(), |c| {
        c - fence.home().alt.metres() - HEIGHT_ERROR_M - 1.0
    });
    let mut out = vec![alt];
    for step_m in [20.0, 40.0] {
        if alt.metres() + step_m < top_m
            && let Ok(a) = Alt::from_metres(alt.metres() + step_m)
        {
            out.push(a);
        }
    }
    if top_m > alt.metres()
        && let Ok(a) = Alt::from_metres(top_m)
    {
        out.push(a);
    }
    out
}

/// Items, and the metres of them that are pattern (not transit).
fn propose(
    fence: &Fence,
    file: &PlanFile,
    request: &PatrolRequest,
    margin_m: f64,
) -> Result<(Vec<PlanItem>, Way), PlanRefusal> {
    let alt_amsl = file.home.to_amsl(request.alt);
    // The flight's length is not known yet: forty minutes after the launch window cover the battery.
    let when = aloft_window(file.launch_window, 2_400.0);
    let rules = Rules {
        margin_m,
        height_error_m: HEIGHT_ERROR_M,
        when,
        over_crowds: request.over_crowds,
    };
    let returns = Returns::new(
        file,
        fence,
        Rules {
            margin_m: crate::plan::margin_m(file),
            ..rules
        },
    );
    let also = Box::new(|leg: &crate::fence::Leg| returns.check_along(leg).is_ok());
    let router = Router::requiring(fence, alt_amsl, rules, Some(also));
    let zone = match &request.area {
        Some(id) => Some(zone_area(fence.plane(), file, id)?),
        None => None,
    };
    let g = Ground2d {
        fence,
        router: &router,
        rules,
        alt_amsl_m: alt_amsl.metres(),
        zone,
        start: file.home.at,
    };
    let way = match request.pattern {
        Pattern::Sweep { swath_m, angle_deg } => sweep::sweep(&g, swath_m, angle_deg)?,
        Pattern::Perimeter { offset_m } => perimeter::perimeter(&g, offset_m)?,
    };
    let mut items = vec![PlanItem::Takeoff { alt: request.alt }];
    items.extend(
        way.places
            .iter()
            .copied()
            .skip(1)
            .map(|at| PlanItem::Waypoint {
                at,
                alt: request.alt,
                hold_s: 0.0,
            }),
    );
    // The way ends over home: the last waypoint becomes the landing.
    if matches!(items.last(), Some(PlanItem::Waypoint { at, .. }) if *at == file.home.at) {
        items.pop();
    }
    items.push(PlanItem::Land { at: file.home.at });
    Ok((items, way))
}

fn zone_area(plane: &LocalPlane, file: &PlanFile, id: &str) -> Result<Area, PlanRefusal> {
    let venue =
        Venue::from_value(&file.venue).map_err(|e| PlanRefusal::BadRequest(e.to_string()))?;
    let zone = venue
        .zones
        .iter()
        .find(|z| z.id == id)
        .ok_or_else(|| PlanRefusal::BadRequest(format!("the venue has no zone `{id}`")))?;
    let ring =
        |r: &Vec<LatLon>| -> Vec<EastNorth> { r.iter().map(|p| plane.to_local(*p)).collect() };
    match &zone.shape {
        Shape::Polygon { outer, holes } => Ok(Area::Rings(
            std::iter::once(outer).chain(holes).map(ring).collect(),
        )),
        Shape::Circle { centre, radius_m } => Ok(Area::Disc {
            centre: plane.to_local(*centre),
            radius_m: *radius_m,
        }),
        Shape::Point(_) => Err(PlanRefusal::BadRequest(format!(
            "zone `{id}` is a point, not an area"
        ))),
    }
}

/// Time, way and energy of a plan's steps: see [`crate::energy::estimate`].
#[must_use]
pub fn estimate(file: &PlanFile) -> Estimate {
    crate::energy::estimate(file)
}

/// To a thousandth: JSON numbers of few digits are the same number after every reading and writing.
fn tidy_number(x: f64) -> f64 {
    (x * 1000.0).round() / 1000.0
}
