//! Ways to every landing site from every item of a plan, inside the fence: what the companion flies when the nearest
//! site is closed. The autopilot's own straight return is judged elsewhere and needs none of these.

use super::check::leg_of;
use super::{HEIGHT_ERROR_M, PatrolPlan, StepKind, margin_of, steps};
use crate::energy::{self, power};
use crate::fence::contain::Rules;
use crate::fence::route::Router;
use crate::place::LatLon;

/// A way from an item's end to a landing site at the height flown there.
#[derive(Clone, Debug, PartialEq)]
pub struct Diversion {
    /// Item whose end it begins at.
    pub item: usize,
    /// Where that is.
    pub from: LatLon,
    /// The site.
    pub site: LatLon,
    /// Places flown over, both ends included; `None` when there is no way inside the fence.
    pub way: Option<Vec<LatLon>>,
    /// Energy of the way and the descent, Wh, in the plan's wind at its worst; infinite without a way or against too
    /// much wind.
    pub energy_wh: f64,
    /// Usable energy left after it, Wh; below 0 the site is out of reach from there.
    pub spare_wh: f64,
}

/// Ways from the end of every item to home and every rally point. One look for ways a height and speed, so a plan of
/// many heights takes longer; bounded by items × sites.
#[must_use]
pub fn diversions(plan: &PatrolPlan) -> Vec<Diversion> {
    let (file, fence) = (plan.file(), plan.fence());
    let plane = fence.plane();
    let (v, wind) = (&file.vehicle, &file.wind);
    let usable_wh = energy::usable_wh(file);
    let timeline = energy::timeline(file);
    let count = steps(file).len();
    let mut router: Option<(f64, f64, Router<'_>)> = None;
    let mut out = Vec::new();
    for (n, t) in timeline.iter().enumerate().take(count) {
        let s = &t.step;
        let last_of_item = timeline.get(n + 1).is_none_or(|o| o.step.item != s.item);
        if s.kind != StepKind::Fly || !last_of_item {
            continue;
        }
        let alt = leg_of(file, s).to_alt;
        let key = (alt.metres(), s.speed_mps);
        if router.as_ref().is_none_or(|r| (r.0, r.1) != key) {
            let rules = Rules {
                margin_m: margin_of(file, s.speed_mps),
                height_error_m: HEIGHT_ERROR_M,
                when: plan.aloft_window(),
                over_crowds: false,
            };
            router = Some((key.0, key.1, Router::new(fence, alt, rules)));
        }
        let Some((_, _, r)) = &router else { continue };
        for site in std::iter::once(&file.home.at).chain(&file.rally) {
            let way = r.route(s.to, *site);
            let watt_s = way.as_ref().map(|way| {
                way.windows(2)
                    .map(|w| {
                        let [a, b] = w else { return 0.0 };
                        let (a, b) = (plane.to_local(*a), plane.to_local(*b));
                        let d = a.distance_m(b);
                        if d <= 0.0 {
                            return 0.0;
                        }
                        let unit = ((b.east_m - a.east_m) / d, (b.north_m - a.north_m) / d);
                        power::along(v, wind, unit, s.speed_mps)
                            .map_or(f64::INFINITY, |g| v.leg_time_s(d, g.ground_mps) * g.watts)
                    })
                    .sum::<f64>()
                    + s.to_alt.metres().max(0.0) / v.descend_mps * power::vertical_w(v, wind, false)
            });
            let energy_wh = watt_s.map_or(f64::INFINITY, |j| j / 3600.0);
            out.push(Diversion {
                item: s.item,
                from: s.to,
                site: *site,
                way,
                energy_wh,
                spare_wh: usable_wh - t.end_wh - energy_wh,
            });
        }
    }
    out
}
