//! Proves a plan's steps in its fence: every leg and stay, every return, landing sites, energy.

use super::corners;
use super::steps::{MAX_STEPS, orbit_is_sane};
use super::{
    HEIGHT_ERROR_M, MAX_ITEMS, PlanFault, PlanFile, PlanItem, Returns, Step, StepKind,
    aloft_window, fault, leg_fault, margin_of, steps,
};
use crate::energy::{self, Timed};
use crate::fence::contain::Rules;
use crate::fence::{ContainedLeg, Fence, Leg};
use crate::place::Alt;

/// Home may stand this much above or below what the tile says, besides the tile's own error, metres: a roof, a bank.
const HOME_ABOVE_GROUND_M: f64 = 10.0;

/// Checks the steps of a plan in its fence: every leg, every return, landing sites, energy.
///
/// # Errors
/// [`PlanFault`] with item and place.
pub fn check_items(file: &PlanFile, fence: &Fence) -> Result<(Vec<ContainedLeg>, f64), PlanFault> {
    check_shape(file)?;
    let steps = steps(file);
    if steps.len() > MAX_STEPS {
        return Err(fault(
            "plan.too_long",
            format!("the plan flies more than {MAX_STEPS} straight pieces"),
        ));
    }
    let timeline = energy::timeline(file);
    check_wind(file, &timeline)?;
    let estimate = energy::estimate(file);
    let whole = Rules {
        margin_m: margin_of(file, file.speed_mps),
        height_error_m: HEIGHT_ERROR_M,
        when: aloft_window(file.launch_window, estimate.time_s),
        over_crowds: file.over_crowds,
    };
    // Straight up and down at home and at landing sites, slowly: the margin of that speed. Never over a crowd.
    let spot = Rules {
        margin_m: margin_of(file, file.vehicle.climb_mps),
        over_crowds: false,
        ..whole
    };
    check_home_height(file, fence)?;
    check_sites(file, fence, &steps, &spot)?;
    let mut legs = Vec::with_capacity(steps.len() + 1);
    let mut clear_m = f64::INFINITY;
    let mut mint = |item: usize, what: &str, leg: Leg, rules: &Rules| -> Result<(), PlanFault> {
        let l = fence
            .contain_with(&leg, rules)
            .map_err(|f| leg_fault(item, what, &f))?;
        clear_m = clear_m.min(l.clearance_m());
        legs.push(l);
        Ok(())
    };
    let returns = Returns::new(file, fence, whole);
    let mut before: Option<&Timed> = None;
    for t in &timeline {
        let s = &t.step;
        let leg = leg_of(file, s);
        let when = energy::window(file, t, 0.0);
        match s.kind {
            StepKind::Climb | StepKind::Down => {
                let what = if s.kind == StepKind::Climb {
                    "the climb from home"
                } else {
                    "the landing"
                };
                mint(s.item, what, leg, &Rules { when, ..spot })?;
            }
            StepKind::Fly => {
                let own = Rules {
                    margin_m: margin_of(file, s.speed_mps),
                    when,
                    ..whole
                };
                mint(s.item, "the leg to it", leg, &own)?;
                if let Some(p) = before.filter(|p| p.step.kind == StepKind::Fly) {
                    corners::check(file, fence, &p.step, s, &own)?;
                }
                if s.hold_s > 0.0 {
                    let stay = Leg {
                        from: leg.to,
                        from_alt: leg.to_alt,
                        ..leg
                    };
                    let rules = Rules {
                        over_crowds: false,
                        ..own
                    };
                    mint(s.item, "hovering there", stay, &rules)?;
                }
                let home_s = longest_return_s(file, fence, t);
                let own = Rules {
                    when: energy::window(file, t, home_s),
                    ..own
                };
                check_return(&returns, s, &leg, &own)?;
            }
            StepKind::Return => {}
        }
        // A piece too short to turn or slow down on changes nothing: what was before it still counts.
        let up_m = (s.to_alt.metres() - s.from_alt.metres()).abs();
        if t.length_m >= 0.5 || up_m > 0.5 || s.hold_s > 0.0 {
            before = Some(t);
        }
    }
    check_energy(file, fence, &timeline)?;
    Ok((legs, clear_m))
}

/// Seconds of the longest way home a step may need: from its far end to the site furthest away, in still air; the slack
/// of [`energy::window`] covers the wind.
fn longest_return_s(file: &PlanFile, fence: &Fence, t: &Timed) -> f64 {
    let plane = fence.plane();
    let (a, b) = (plane.to_local(t.step.from), plane.to_local(t.step.to));
    let far_m = std::iter::once(&file.home.at)
        .chain(&file.rally)
        .map(|s| plane.to_local(*s))
        .map(|s| s.distance_m(a).max(s.distance_m(b)))
        .fold(0.0, f64::max);
    let top_m = file
        .return_alt
        .metres()
        .max(t.step.from_alt.metres())
        .max(t.step.to_alt.metres());
    file.vehicle.leg_time_s(far_m, file.speed_mps)
        + top_m.max(0.0) * (1.0 / file.vehicle.climb_mps + 1.0 / file.vehicle.descend_mps)
}

/// Every leg must make progress in the plan's wind.
fn check_wind(file: &PlanFile, timeline: &[Timed]) -> Result<(), PlanFault> {
    if !file.wind.is_sane() {
        return Err(fault("plan.wind", "the wind is no wind".into()));
    }
    match timeline.iter().find(|t| t.ground_mps.is_none()) {
        None => Ok(()),
        Some(t) => Err(PlanFault {
            item: Some(t.step.item),
            at: Some(t.step.from),
            value: file.wind.speed_mps + file.wind.unsure_mps,
            ..fault(
                "plan.wind",
                format!(
                    "item {}: no progress on the leg to it in {:.0} m/s of wind (± {:.0}): this aircraft flies {:.0} m/s through the air; wait, or fly along the wind",
                    t.step.item,
                    file.wind.speed_mps,
                    file.wind.unsure_mps,
                    file.vehicle.max_air_mps()
                ),
            )
        }),
    }
}

/// Enough energy for the whole plan, and for the way home from every moment of it.
fn check_energy(file: &PlanFile, fence: &Fence, timeline: &[Timed]) -> Result<(), PlanFault> {
    let usable_wh = energy::usable_wh(file);
    let needs_wh = timeline.last().map_or(0.0, |t| t.end_wh);
    if needs_wh.is_nan() || needs_wh > usable_wh {
        return Err(PlanFault {
            value: needs_wh - usable_wh,
            ..fault(
                "plan.energy",
                format!(
                    "the plan needs {needs_wh:.0} Wh and {usable_wh:.0} Wh may be used: make it shorter by {:.0} %",
                    100.0 * (1.0 - usable_wh / needs_wh)
                ),
            )
        });
    }
    let moments = energy::moments_of(file, fence, timeline);
    match energy::tightest(&moments) {
        Some(m) if m.spare_wh.is_nan() || m.spare_wh < 0.0 => Err(PlanFault {
            item: Some(m.item),
            at: Some(m.at),
            value: -m.spare_wh,
            ..fault(
                "plan.no_way_back",
                format!(
                    "item {}: at {}, after {:.0} s, the way home to {} takes {:.0} Wh and {:.0} Wh may still be used: turn back earlier or add a landing site",
                    m.item,
                    m.at,
                    m.time_s,
                    m.site,
                    m.home_wh,
                    usable_wh - m.used_wh
                ),
            )
        }),
        _ => Ok(()),
    }
}

/// A step as a leg above the sea.
pub(super) fn leg_of(file: &PlanFile, s: &Step) -> Leg {
    Leg {
        from: s.from,
        from_alt: file.home.to_amsl(s.from_alt),
        to: s.to,
        to_alt: file.home.to_amsl(s.to_alt),
    }
}

/// Order and figures of the items.
fn check_shape(file: &PlanFile) -> Result<(), PlanFault> {
    let items = &file.items;
    if items.len() > MAX_ITEMS {
        return Err(fault(
            "plan.too_long",
            format!("{} items; at most {MAX_ITEMS}", items.len()),
        ));
    }
    let max_mps = file.vehicle.max_mps;
    let flyable = |v: f64| v.is_finite() && v > 0.0 && v <= max_mps;
    if !flyable(file.speed_mps) {
        return Err(fault(
            "plan.speed",
            format!(
                "speed {} m/s is not between 0 and {max_mps}",
                file.speed_mps
            ),
        ));
    }
    if !file.margin_m.is_finite() {
        return Err(fault("plan.margin", "the margin is no number".into()));
    }
    let Some((PlanItem::Takeoff { .. }, rest)) = items.split_first() else {
        return Err(fault(
            "plan.no_takeoff",
            "a plan starts with a take-off".into(),
        ));
    };
    let Some((last, _)) = rest.split_last() else {
        return Err(fault("plan.empty", "a plan goes somewhere".into()));
    };
    if !matches!(last, PlanItem::Return | PlanItem::Land { .. }) {
        return Err(fault(
            "plan.no_end",
            "a plan ends with a return or a landing".into(),
        ));
    }
    for (i, item) in items.iter().enumerate().skip(1) {
        let wrong = |code, words: String| {
            Err(PlanFault {
                item: Some(i),
                ..fault(code, format!("item {i}: {words}"))
            })
        };
        match item {
            PlanItem::Takeoff { .. } => {
                return wrong("plan.second_takeoff", "a second take-off".into());
            }
            PlanItem::Waypoint { hold_s, .. }
                if !(hold_s.is_finite() && (0.0..=3600.0).contains(hold_s)) =>
            {
                return wrong("plan.hold", format!("hold of {hold_s} s"));
            }
            PlanItem::Orbit {
                radius_m, turns, ..
            } if !orbit_is_sane(*radius_m, *turns) => {
                return wrong(
                    "plan.orbit",
                    format!("{turns} turns at {radius_m} m are not flown"),
                );
            }
            PlanItem::Speed { speed_mps } if !flyable(*speed_mps) => {
                return wrong(
                    "plan.speed",
                    format!("speed {speed_mps} m/s is not between 0 and {max_mps}"),
                );
            }
            PlanItem::Return | PlanItem::Land { .. } if i + 1 != items.len() => {
                return wrong("plan.early_end", "the plan goes on after its end".into());
            }
            PlanItem::Waypoint { .. }
            | PlanItem::Orbit { .. }
            | PlanItem::Speed { .. }
            | PlanItem::Return
            | PlanItem::Land { .. } => {}
        }
    }
    Ok(())
}

/// Home's height must be that of the ground there, as far as tiles can tell: heights above the ellipsoid, or of another
/// place, are tens of metres off and would shift every leg.
fn check_home_height(file: &PlanFile, fence: &Fence) -> Result<(), PlanFault> {
    let Some((t, ground_m)) = fence
        .terrain()
        .and_then(|t| Some((t, t.height_m(file.home.at)?)))
    else {
        return Ok(());
    };
    let off_m = (file.home.alt.metres() - ground_m).abs();
    if off_m <= t.error_m() + HOME_ABOVE_GROUND_M {
        return Ok(());
    }
    Err(PlanFault {
        at: Some(file.home.at),
        value: off_m,
        ..fault(
            "plan.home_height",
            format!(
                "home is at {:.0} m above sea level and the ground there at {ground_m:.0} m: give home's height above sea level, not above the ellipsoid",
                file.home.alt.metres()
            ),
        )
    })
}

/// Home and the landing sites must be free straight down, at any time the aircraft may be aloft.
fn check_sites(
    file: &PlanFile,
    fence: &Fence,
    steps: &[Step],
    spot: &Rules,
) -> Result<(), PlanFault> {
    let home = file.home;
    let top_m = steps
        .iter()
        .map(|s| s.from_alt.metres().max(s.to_alt.metres()))
        .fold(file.return_alt.metres(), f64::max);
    let top =
        home.to_amsl(Alt::from_metres(top_m).map_err(|e| fault("plan.height", e.to_string()))?);
    for (k, site) in std::iter::once(&home.at).chain(&file.rally).enumerate() {
        // Down to the ground there, which may lie below home.
        let ground = fence
            .terrain()
            .and_then(|t| t.height_m(*site))
            .and_then(|m| Alt::from_metres(m.min(home.alt.metres())).ok());
        let down = Leg {
            from: *site,
            from_alt: top,
            to: *site,
            to_alt: ground.unwrap_or(home.alt),
        };
        fence.contain_with(&down, spot).map_err(|f| PlanFault {
            item: None,
            at: Some(f.at),
            code: "plan.landing_site",
            value: f.by_m,
            words: format!("landing site {k} at {site}: {f}"),
        })?;
    }
    Ok(())
}

fn check_return(returns: &Returns<'_>, s: &Step, leg: &Leg, own: &Rules) -> Result<(), PlanFault> {
    returns.check_from(leg, own).map_err(|(from, site, f)| PlanFault {
        item: Some(s.item),
        at: Some(from),
        code: "plan.return_leaves",
        value: f.by_m,
        words: format!(
            "item {}: a return from near {from} straight to {site} does not stay inside: {f}; add a landing site or change the return height",
            s.item
        ),
    })
}
