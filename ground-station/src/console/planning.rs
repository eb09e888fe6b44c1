//! A wish from the page becomes a plan, or a reason with its place.

use crate::desk::{Reason, plan_reason};
use missions::flight::OnLinkLoss;
use missions::place::Alt;
use missions::planner::{PatrolRequest, Pattern, PlanRefusal, plan_patrol};
use missions::time::{Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::Venue;
use serde::Deserialize;
use std::time::Duration;

/// Such a plan may be launched for so long.
const LAUNCH_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Swath as a share of the height: a camera 50 degrees across sees 0.93 of it.
const SWATH_SHARE: f64 = 0.9;
/// Least distance of a perimeter from the boundary, metres.
const OFFSET_M: f64 = 25.0;
/// Least margin to the fence, metres; the vehicle's own is added by the planner.
const MARGIN_M: f64 = 5.0;
/// Hover this long on a lost link before returning, seconds.
const LINK_LOSS_WAIT_S: f64 = 10.0;

/// What the page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    pattern: Shape,
    /// Metres above home.
    alt_m: f64,
    #[serde(default)]
    speed_mps: Option<f64>,
    #[serde(default)]
    swath_m: Option<f64>,
    #[serde(default)]
    offset_m: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Sweep,
    Perimeter,
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    /// Where.
    pub venue: Venue,
    /// With what: that of the plan before, else the simulator's.
    pub vehicle: VehicleSpec,
    /// It may be launched from now on.
    pub now: Utc,
}

/// plan.json for a wish. Takes seconds.
pub(super) fn make(basis: &Basis, wish: &Wish) -> Result<Vec<u8>, Reason> {
    let alt = Alt::from_metres(wish.alt_m).map_err(|_| Reason::new("plan.bad_request"))?;
    let (word, pattern) = match wish.pattern {
        Shape::Sweep => (
            "sweep",
            Pattern::Sweep {
                swath_m: wish
                    .swath_m
                    .unwrap_or_else(|| (wish.alt_m * SWATH_SHARE).round()),
                angle_deg: None,
            },
        ),
        Shape::Perimeter => (
            "perimeter",
            Pattern::Perimeter {
                offset_m: wish.offset_m.unwrap_or(OFFSET_M),
            },
        ),
    };
    let request = PatrolRequest {
        name: format!("{} {word} {:.0} m", basis.venue.name, wish.alt_m),
        pattern,
        alt,
        speed_mps: wish.speed_mps,
        margin_m: MARGIN_M,
        launch_window: Window {
            from: basis.now,
            until: basis.now.after(LAUNCH_WITHIN),
        },
        area: None,
        on_link_loss: OnLinkLoss::HoldThenReturn {
            wait_s: LINK_LOSS_WAIT_S,
        },
        over_crowds: false,
    };
    plan_patrol(&basis.venue, &basis.vehicle, &request)
        .map(|p| p.to_json())
        .map_err(|r| reason(&r))
}

fn reason(r: &PlanRefusal) -> Reason {
    match r {
        PlanRefusal::NoLaunchSite => Reason::new("plan.no_launch_site"),
        PlanRefusal::NoGround => Reason::new("plan.no_ground"),
        PlanRefusal::BadRequest(words) => {
            Reason::new("plan.bad_request").with("words", words.clone())
        }
        PlanRefusal::Fence(faults) => {
            let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Reason::new("plan.fence").with("words", words.join("; "))
        }
        PlanRefusal::NothingLeft {
            margin_m, alt_m, ..
        } => Reason::new("plan.nothing_left")
            .with("margin_m", *margin_m)
            .with("alt_m", *alt_m),
        PlanRefusal::NoWay { to, .. } => Reason::new("plan.no_way").at(Some(*to)),
        PlanRefusal::DatumOutside { datum, .. } => Reason::new("plan.no_way").at(Some(*datum)),
        PlanRefusal::NothingToFly { left_out } => {
            Reason::new("plan.no_way").at(left_out.first().map(|l| l.from))
        }
        PlanRefusal::NotLegal { fault, .. } => plan_reason(fault),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_becomes_a_plan_that_is_taken_and_a_bad_one_a_code() {
        let basis = Basis {
            venue: Venue::sixi_river(),
            vehicle: VehicleSpec::default_quad(),
            now: Utc(1_790_856_000_000_000),
        };
        let wish = |text: &str| serde_json::from_str::<Wish>(text).unwrap();
        let bytes = make(&basis, &wish(r#"{"pattern": "perimeter", "alt_m": 60}"#)).unwrap();
        missions::plan::PatrolPlan::from_json(&bytes).unwrap();
        let low = make(&basis, &wish(r#"{"pattern": "sweep", "alt_m": 1}"#)).unwrap_err();
        assert_eq!(low.code, "plan.bad_request");
        let high = make(&basis, &wish(r#"{"pattern": "sweep", "alt_m": 900}"#)).unwrap_err();
        assert!(high.code.starts_with("plan."), "{high:?}");
        assert!(serde_json::from_str::<Wish>(r#"{"pattern": "spiral", "alt_m": 9}"#).is_err());
    }
}
