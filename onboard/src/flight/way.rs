//! Hold, the way home, the way to a place: routes inside the fence, flown point by point.

use super::{Driving, Flight, Mode};
use super::{FlightState, Goal, LOOK, OrderEvent, Point, Then, Way, World};
use missions::fence::Leg;
use missions::flight::Cause;
use missions::place::{Alt, LatLon};
use missions::plane::EastNorth;
use std::time::Duration;

/// A last stretch this long or shorter needs no way of its own, metres.
const NEAR_M: f64 = 3.0;

impl Flight {
    pub(super) fn keep_resume(&mut self, w: &World<'_>) {
        if let (FlightState::Patrolling { item }, Some(p)) = (self.state, w.position()) {
            self.resume = Some((
                item,
                Point {
                    at: p.at,
                    alt_amsl_m: p.alt_amsl_m,
                },
            ));
        }
    }

    /// Stop and hover.
    pub(super) fn hold(&mut self, w: &World<'_>, why: Cause) {
        self.keep_resume(w);
        self.way = None;
        self.step = None;
        self.return_at = None;
        let resume_item = match self.state {
            FlightState::Investigating { resume_item, .. }
            | FlightState::Holding { resume_item, .. } => resume_item,
            _ => self.item(w),
        };
        self.state = FlightState::Holding { why, resume_item };
        self.other_station = false;
        self.drive.set(w.mono(), Goal::Mode(Mode::Hold));
    }

    /// Down, here. Only where control or energy leaves nothing else, or by the plan.
    pub(super) fn land_here(&mut self, w: &World<'_>, why: Cause) {
        self.way = None;
        self.step = None;
        self.state = FlightState::Landing { why };
        self.drive.set(w.mono(), Goal::Mode(Mode::Land));
    }

    /// Down from a position that is pulled away: no landing that holds it, for that follows it.
    pub(super) fn descend(&mut self, w: &World<'_>, why: Cause) {
        self.way = None;
        self.step = None;
        self.return_at = None;
        self.state = FlightState::Landing { why };
        self.other_station = false;
        self.drive.set(w.mono(), Goal::Descend);
    }

    /// Home inside the fence: by the autopilot's own return where its straight line is proven, else along a route
    /// until it is.
    pub(super) fn go_home(&mut self, w: &World<'_>, why: Cause) {
        let already = matches!(self.state, FlightState::Returning { .. });
        self.keep_resume(w);
        self.step = None;
        self.return_at = None;
        self.state = FlightState::Returning { why };
        self.other_station = false;
        let Some(home) = w.plan.map(|p| p.file().home.at) else {
            self.way = None;
            self.drive.set(w.mono(), Goal::Mode(Mode::Return));
            return;
        };
        if already && self.way.is_some() {
            return;
        }
        let points = match w.position() {
            Some(p) if !self.return_is_clear(w, p.at, p.alt_amsl_m) => self
                .route(w, p.at, home, p.alt_amsl_m)
                .or_else(|| self.away_then_home(w, p.at, home, p.alt_amsl_m))
                .unwrap_or_default(),
            _ => Vec::new(),
        };
        self.start_way(w, points, Then::Return);
    }

    /// Whether the autopilot's return from `from` stays inside: climb, straight line to the nearest of home and rally
    /// points at the return height.
    fn return_is_clear(&self, w: &World<'_>, from: LatLon, alt_amsl_m: f64) -> bool {
        let Some(plan) = w.plan else { return true };
        let file = plan.file();
        let plane = *plan.fence().plane();
        let here = plane.to_local(from);
        let Some(goal) = std::iter::once(file.home.at)
            .chain(file.rally.iter().copied())
            .min_by(|a, b| {
                let d = |p: &LatLon| plane.to_local(*p).distance_m(here);
                d(a).total_cmp(&d(b))
            })
        else {
            return false;
        };
        let high = file.home.to_amsl(file.return_alt).metres().max(alt_amsl_m);
        self.clear(w, from, alt_amsl_m, from, high) && self.clear(w, from, high, goal, high)
    }

    /// From a place too near to an edge for any route: first to the nearest place with room, by a way that leads no
    /// nearer to anything, then home.
    fn away_then_home(
        &self,
        w: &World<'_>,
        from: LatLon,
        home: LatLon,
        alt_amsl_m: f64,
    ) -> Option<Vec<Point>> {
        let plan = w.plan?;
        let fence = plan.fence();
        let plane = *fence.plane();
        let here = plane.to_local(from);
        let room_m = plan.file().vehicle.margin_m(0.0) + 1.0;
        // Under a ceiling or over a floor the way is down or up.
        for step_m in [-6.0, 6.0, -12.0, 12.0] {
            let alt = alt_amsl_m + step_m;
            if fence.clearance_m(here, alt_amsl_m, w.now.utc) >= room_m
                || fence.clearance_m(here, alt, w.now.utc) < room_m
            {
                continue;
            }
            let mut points = vec![Point {
                at: from,
                alt_amsl_m: alt,
            }];
            if !self.return_is_clear(w, from, alt) {
                let Some(rest) = self.route(w, from, home, alt) else {
                    continue;
                };
                points.extend(rest);
            }
            return Some(points);
        }
        let clear = |e: f64, n: f64| fence.clearance_m(EastNorth::new(e, n), alt_amsl_m, w.now.utc);
        let now_m = clear(here.east_m, here.north_m);
        for away_m in [3.0, 6.0, 10.0, 15.0, 25.0, 40.0] {
            let mut best: Option<(f64, LatLon)> = None;
            for k in 0..24 {
                let (sin, cos) = (f64::from(k) * std::f64::consts::TAU / 24.0).sin_cos();
                let to = |f: f64| {
                    (
                        here.east_m + away_m * f * sin,
                        here.north_m + away_m * f * cos,
                    )
                };
                let no_nearer = [0.25, 0.5, 0.75].iter().all(|f| {
                    let (e, n) = to(*f);
                    clear(e, n) >= now_m - 0.5
                });
                let (e, n) = to(1.0);
                let there_m = clear(e, n);
                if no_nearer
                    && there_m >= room_m
                    && best.is_none_or(|(b, _)| there_m > b)
                    && let Some(at) = plane.to_latlon(EastNorth::new(e, n))
                {
                    best = Some((there_m, at));
                }
            }
            let Some((_, at)) = best else { continue };
            let mut points = vec![Point { at, alt_amsl_m }];
            if !self.return_is_clear(w, at, alt_amsl_m) {
                let Some(rest) = self.route(w, at, home, alt_amsl_m) else {
                    continue;
                };
                points.extend(rest);
            }
            return Some(points);
        }
        None
    }

    /// Whether a leg is inside with the margin of a slow aircraft (the least any proof uses aloft).
    fn clear(&self, w: &World<'_>, from: LatLon, a: f64, to: LatLon, b: f64) -> bool {
        let Some(plan) = w.plan else { return false };
        let (Ok(from_alt), Ok(to_alt)) = (Alt::from_metres(a), Alt::from_metres(b)) else {
            return false;
        };
        let leg = Leg {
            from,
            from_alt,
            to,
            to_alt,
        };
        // The aircraft may stand nearer to an edge than a plan would go: what counts is that the way leads no nearer.
        let slow_m = plan.file().vehicle.margin_m(0.0);
        plan.fence().contain(&leg, slow_m, self.soon(w)).is_ok()
    }

    /// From now until the plan must be down.
    pub(super) fn soon(&self, w: &World<'_>) -> missions::time::Window {
        let aloft = w.plan.map(missions::plan::PatrolPlan::aloft_window);
        match (w.now.utc.valid(), aloft) {
            (Some(from), _) => missions::time::Window {
                from,
                until: from.after(Duration::from_secs(180)),
            },
            (None, Some(window)) => window,
            (None, None) => missions::time::Window {
                from: missions::time::Utc(0),
                until: missions::time::Utc(i64::MAX),
            },
        }
    }

    /// A route inside the fence at one height; widest margin first.
    pub(super) fn route(
        &self,
        w: &World<'_>,
        from: LatLon,
        to: LatLon,
        alt_amsl_m: f64,
    ) -> Option<Vec<Point>> {
        let plan = w.plan?;
        let alt = Alt::from_metres(alt_amsl_m).ok()?;
        let spec = &plan.file().vehicle;
        let when = self.soon(w);
        [
            plan.margin_m(),
            spec.margin_m(spec.climb_mps),
            spec.margin_m(0.0),
        ]
        .into_iter()
        .find_map(|margin_m| plan.fence().route(from, to, alt, margin_m, when))
        .map(|r| {
            r.into_iter()
                .skip(1)
                .map(|at| Point { at, alt_amsl_m })
                .collect()
        })
    }

    pub(super) fn start_way(&mut self, w: &World<'_>, points: Vec<Point>, then: Then) {
        self.drive.clear();
        self.way = Some(Way {
            points: points.into(),
            then,
        });
        self.follow_way(w);
    }

    fn distance_m(w: &World<'_>, to: &Point) -> Option<f64> {
        let (plane, p) = (w.plane()?, w.position()?);
        Some(plane.to_local(p.at).distance_m(plane.to_local(to.at)))
    }

    /// One step along the way.
    pub(super) fn follow_way(&mut self, w: &World<'_>) {
        let now = w.mono();
        let Some(mut way) = self.way.take() else {
            return;
        };
        // On the way home, the first place from which the straight return is proven will do.
        if way.then == Then::Return
            && !way.points.is_empty()
            && let Some(p) = w.position()
            && self.return_is_clear(w, p.at, p.alt_amsl_m)
        {
            way.points.clear();
        }
        while let Some(next) = way.points.front().copied() {
            let near = Self::distance_m(w, &next).is_some_and(|d| d < NEAR_M)
                && w.position()
                    .is_some_and(|p| (p.alt_amsl_m - next.alt_amsl_m).abs() < 3.0);
            let goal = Goal::Goto {
                at: next.at,
                alt_amsl_m: next.alt_amsl_m,
                above_home_m: w
                    .plan
                    .map_or(0.0, |p| next.alt_amsl_m - p.file().home.alt.metres()),
            };
            let reached = self.drive.goal() == Some(goal)
                && self.drive.state(now, w.facts, w.plane()) == Driving::Reached;
            if near || reached {
                way.points.pop_front();
                continue;
            }
            self.drive.set(now, goal);
            self.way = Some(way);
            return;
        }
        match way.then {
            Then::Return => self.drive.set(now, Goal::Mode(Mode::Return)),
            Then::Land => self.drive.set(now, Goal::Mode(Mode::Land)),
            Then::Mission => {
                self.drive.set(now, Goal::Mode(Mode::Mission));
                if self.drive.state(now, w.facts, w.plane()) == Driving::Reached {
                    self.drive.clear();
                    self.state = FlightState::Patrolling { item: self.item(w) };
                    if let Some(order) = self.order.take() {
                        self.fate(OrderEvent::done(order));
                    }
                } else {
                    self.way = Some(way);
                }
            }
            Then::Look { until } => {
                let until = until.unwrap_or(now.after(LOOK));
                if now >= until {
                    self.go_on(w);
                } else {
                    way.then = Then::Look { until: Some(until) };
                    self.way = Some(way);
                }
            }
        }
    }

    /// Back to where the plan was left, then on with it.
    pub(super) fn go_on(&mut self, w: &World<'_>) {
        let points = match (self.resume, w.position()) {
            (Some((_, left)), Some(p))
                if Self::distance_m(w, &left).is_some_and(|d| d > 2.0 * NEAR_M) =>
            {
                let mut r = self
                    .route(w, p.at, left.at, p.alt_amsl_m)
                    .unwrap_or_default();
                r.push(left);
                r
            }
            _ => Vec::new(),
        };
        self.start_way(w, points, Then::Mission);
    }
}
