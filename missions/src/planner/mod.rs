//! From a venue and a wish to a plan: patterns, ways around, time and energy.
//!
//! Whatever a pattern proposes is proven by [`crate::plan::PatrolPlan::check`]; a proposal that is not legal is
//! tightened and tried again, and in the end refused with the reason.

mod perimeter;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;

use crate::fence::contain::Rules;
use crate::fence::route::Router;
use crate::fence::{Fence, FenceDraft, FenceFault};
use crate::flight::OnLinkLoss;
use crate::place::{AboveHome, Alt, Home, LatLon};
use crate::plan::{
    Estimate, FORMAT, HEIGHT_ERROR_M, PatrolPlan, PlanFault, PlanFile, PlanItem, Returns,
    aloft_window, hex, margin_m,
};
use crate::plane::LocalPlane;
use crate::time::Window;
use crate::vehicle::VehicleSpec;
use crate::venue::{Ground, Shape, Venue};
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

/// What a pattern works with.
pub(crate) struct Ground2d<'a> {
    pub fence: &'a Fence,
    pub router: &'a Router<'a>,
    pub returns: &'a Returns<'a>,
    pub alt: Alt<crate::place::Amsl>,
    pub rules: Rules,
    pub alt_amsl_m: f64,
    /// Free region, metres on the fence's plane, with the margin taken off.
    pub free: geo::MultiPolygon<f64>,
    pub start: LatLon,
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
    let Ground::Flat(ground) = venue.ground else {
        return Err(PlanRefusal::NoGround);
    };
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
    };
    let base_m = margin_m(&file);
    let mut first: Option<PlanRefusal> = None;
    let mut best: Option<(f64, PatrolPlan)> = None;
    for return_alt in return_heights(&fence, request.alt) {
        file.return_alt = return_alt;
        // A pattern that keeps a little further from things is legal where one on the margin fails by rounding.
        for extra_m in [0.5, 3.0, 8.0] {
            let made = propose(&fence, &file, request, base_m + extra_m).and_then(
                |(items, patrolled_m)| {
                    let mut file = PlanFile {
                        items,
                        ..file.clone()
                    };
                    file.estimate = estimate(&file);
                    PatrolPlan::check(file)
                        .map(|p| (patrolled_m, p))
                        .map_err(PlanRefusal::NotLegal)
                },
            );
            match made {
                Ok((patrolled_m, plan)) => {
                    // A higher return must buy something: 2 % more ground seen.
                    if best.as_ref().is_none_or(|(b, _)| patrolled_m > b * 1.02) {
                        best = Some((patrolled_m, plan));
                    }
                    break;
                }
                // The first reason, at the least margin, is the one an officer can understand.
                Err(e) => first = first.or(Some(e)),
            }
        }
    }
    match best {
        Some((_, plan)) => Ok(plan),
        None => Err(first.unwrap_or(PlanRefusal::NothingLeft {
            margin_m: base_m,
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
) -> Result<(Vec<PlanItem>, f64), PlanRefusal> {
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
    let mut free = fence.free_region(
        margin_m + crate::fence::route::SLACK_M,
        alt_amsl.metres(),
        &rules,
    );
    if let Some(id) = &request.area {
        free = within_zone(fence.plane(), file, id, free)?;
    }
    use geo::Area as _;
    if free.unsigned_area() < 1.0 {
        return Err(PlanRefusal::NothingLeft {
            margin_m,
            alt_m: request.alt.metres(),
        });
    }
    let g = Ground2d {
        fence,
        router: &router,
        returns: &returns,
        alt: alt_amsl,
        rules,
        alt_amsl_m: alt_amsl.metres(),
        free,
        start: file.home.at,
    };
    let (way, patrolled_m) = match request.pattern {
        Pattern::Sweep { swath_m, angle_deg } => sweep::sweep(&g, swath_m, angle_deg)?,
        Pattern::Perimeter { offset_m } => perimeter::perimeter(&g, offset_m)?,
    };
    let mut items = vec![PlanItem::Takeoff { alt: request.alt }];
    items.extend(way.into_iter().skip(1).map(|at| PlanItem::Waypoint {
        at,
        alt: request.alt,
        hold_s: 0.0,
    }));
    // The way ends over home: the last waypoint becomes the landing.
    if matches!(items.last(), Some(PlanItem::Waypoint { at, .. }) if *at == file.home.at) {
        items.pop();
    }
    items.push(PlanItem::Land { at: file.home.at });
    Ok((items, patrolled_m))
}

fn within_zone(
    plane: &LocalPlane,
    file: &PlanFile,
    id: &str,
    free: geo::MultiPolygon<f64>,
) -> Result<geo::MultiPolygon<f64>, PlanRefusal> {
    use geo::BooleanOps as _;
    let venue =
        Venue::from_value(&file.venue).map_err(|e| PlanRefusal::BadRequest(e.to_string()))?;
    let zone = venue
        .zones
        .iter()
        .find(|z| z.id == id)
        .ok_or_else(|| PlanRefusal::BadRequest(format!("the venue has no zone `{id}`")))?;
    let Shape::Polygon { outer, .. } = &zone.shape else {
        return Err(PlanRefusal::BadRequest(format!(
            "zone `{id}` is not a polygon"
        )));
    };
    let ring: Vec<(f64, f64)> = outer
        .iter()
        .map(|p| {
            let q = plane.to_local(*p);
            (q.east_m, q.north_m)
        })
        .collect();
    Ok(free.intersection(&geo::Polygon::new(ring.into(), Vec::new())))
}

/// Time, way and energy of a plan's steps: rest to rest on every leg, still air.
#[must_use]
pub fn estimate(file: &PlanFile) -> Estimate {
    let plane = LocalPlane::new(file.home.at);
    let v = &file.vehicle;
    let (mut at, mut alt_m) = (file.home.at, 0.0);
    let mut e = Estimate::default();
    let mut spend = |seconds: f64, watts: f64| {
        e.time_s += seconds;
        e.energy_wh += seconds * watts / 3600.0;
    };
    let mut distance_m = 0.0;
    let mut level = |from: LatLon, to: LatLon, spend: &mut dyn FnMut(f64, f64)| {
        let d = plane.to_local(from).distance_m(plane.to_local(to));
        distance_m += d;
        if d > 0.0 {
            spend(v.leg_time_s(d, file.speed_mps), v.cruise_w);
        }
    };
    let vertical = |from_m: f64, to_m: f64, spend: &mut dyn FnMut(f64, f64)| {
        if to_m > from_m {
            spend((to_m - from_m) / v.climb_mps, v.climb_w);
        } else {
            spend((from_m - to_m) / v.descend_mps, v.hover_w);
        }
    };
    for item in &file.items {
        match item {
            PlanItem::Takeoff { alt } => {
                vertical(alt_m, alt.metres(), &mut spend);
                alt_m = alt.metres();
            }
            PlanItem::Waypoint {
                at: to,
                alt,
                hold_s,
            } => {
                level(at, *to, &mut spend);
                vertical(alt_m, alt.metres(), &mut spend);
                spend(*hold_s, v.hover_w);
                (at, alt_m) = (*to, alt.metres());
            }
            PlanItem::Return => {
                let up_m = file.return_alt.metres().max(alt_m);
                vertical(alt_m, up_m, &mut spend);
                level(at, file.home.at, &mut spend);
                vertical(up_m, 0.0, &mut spend);
                (at, alt_m) = (file.home.at, 0.0);
            }
            PlanItem::Land { at: to } => {
                level(at, *to, &mut spend);
                vertical(alt_m, 0.0, &mut spend);
                (at, alt_m) = (*to, 0.0);
            }
        }
    }
    e.distance_m = distance_m;
    e.reserve_pct = 100.0 * (1.0 - e.energy_wh / v.battery_wh);
    e
}
