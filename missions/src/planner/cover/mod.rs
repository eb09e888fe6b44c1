//! Coverage: a short way that sees all of an area with holes, and never comes nearer to its outline than the margin.
//!
//! Pure geometry on the local plane, in metres. [`plan`] lays parallel lines in the direction that needs the least of
//! them, orders them, leads the transits round the holes, and then anneals the way itself against a lattice of what it
//! sees. A legal plan stands from the first milliseconds on; effort, or the caller's `stop`, decides how far it is
//! polished. The same request gives the same bytes. No clock: `stop` may look at one.

mod free;
mod geom;
mod grid;
mod lines;
mod near;
#[cfg(test)]
mod oracle;
mod path;
mod polish;
mod raster;
mod seek;
pub(crate) mod share;
pub(in crate::planner) mod space;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_free;
mod tidy;
mod tour;
mod ways;

use crate::plane::EastNorth;
use free::{Free, Part};
use geo::{Area, BoundingRect, Coord, LineString, MultiPolygon, Polygon};
use geom::{P, dist, length_m, pt};
use lines::Line;
use path::Path;
use polish::{Cooling, Costs, Polish};
use raster::Raster;
use thiserror::Error;
use tour::Tour;
use ways::Ways;

/// Part of the reachable target that must be seen.
pub const COVERAGE: f64 = 0.999;
/// Aimed at, on our own lattice, so that another's drawing of discs still finds [`COVERAGE`].
const AIM: f64 = 0.99912;
/// The judge draws discs with 96 corners inside the circle: what lies beyond the middle of their sides is not counted.
const SEEN_PART_OF_RADIUS: f64 = 0.9996;
/// Rounds of measuring and mending.
const ROUNDS: u64 = 6;
/// Most ways through one part.
const MORE_WAYS: usize = 8;
/// Sets of lines looked at for what they leave unseen.
const TRIES: usize = 24;
/// Directions, and sets of lines looked at, where a plan is wanted at once.
const AT_ONCE: (usize, usize) = (4, 6);
/// Most legs a way may have.
const MAX_LINES: usize = 60_000;

/// What a corner costs where the caller does not say, as a part of the swath.
pub const CORNER_SWATHS: f64 = 0.03;

/// What to cover, and how. [`CoverRequest::new`] fills in all but the first three.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverRequest {
    /// What is to be seen: boundary less keep-outs, metres on the local plane.
    pub target: MultiPolygon<f64>,
    /// Width seen along a straight leg, metres: twice the radius of the round footprint.
    pub swath_m: f64,
    /// Least distance of the way from the target's outline, metres.
    pub margin_m: f64,
    /// Whether each way ends where it began.
    pub closed: bool,
    /// Of the dice.
    pub seed: u64,
    /// Moves of the annealing; 0 gives the first plan. [`thorough`] proposes a number.
    pub effort: u64,
    /// What a corner costs beside the metres flown, metres: an aircraft brakes there.
    pub corner_m: f64,
    /// Course of the lines, degrees clockwise from the plane's north (either way along it); the best found where `None`.
    /// Transits, turns and what polishing bends to see the last corners keep no course.
    pub angle_deg: Option<f64>,
    /// Where an open way had best begin: the straight leg from here to its first place is counted as if flown, and not
    /// drawn. A closed way begins at its place nearest to here.
    pub start: Option<EastNorth>,
    /// Where an open way had best end, likewise.
    pub end: Option<EastNorth>,
}

impl CoverRequest {
    /// An open way over `target` at a swath and a margin in metres, polished well, everything else left to the planner.
    #[must_use]
    pub fn new(target: MultiPolygon<f64>, swath_m: f64, margin_m: f64) -> Self {
        CoverRequest {
            effort: thorough(target.unsigned_area(), swath_m),
            corner_m: CORNER_SWATHS * swath_m,
            target,
            swath_m,
            margin_m,
            closed: false,
            seed: 1,
            angle_deg: None,
            start: None,
            end: None,
        }
    }
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum CoverRefusal {
    /// A figure makes no sense.
    #[error("{what} must be {must}, and is {is}")]
    BadFigure {
        /// Which.
        what: &'static str,
        /// What it must be.
        must: &'static str,
        /// What it is.
        is: f64,
    },
    /// No area.
    #[error("the keep-outs leave nothing of the area to be seen")]
    NoTarget,
    /// The margin is too wide.
    #[error(
        "a margin of {margin_m} m leaves nothing to fly in: no place of the {area_m2:.0} m² is that far from every edge"
    )]
    MarginLeavesNothing {
        /// Metres.
        margin_m: f64,
        /// Of the target.
        area_m2: f64,
    },
    /// Too fine a swath for so large an area.
    #[error(
        "a swath of {swath_m} m over {area_m2:.0} m² needs more than {most} lines: widen the swath or split the area"
    )]
    TooManyLines {
        /// Metres.
        swath_m: f64,
        /// Of the target.
        area_m2: f64,
        /// Most lines.
        most: usize,
    },
    /// The planner's own proof failed.
    #[error("no legal way was found through part {part} of the area")]
    NoWay {
        /// Number of the part, largest first.
        part: usize,
    },
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct CoverPlan {
    /// One way for each part of the free space that hangs together, largest first. A closed way repeats its first place.
    pub routes: Vec<Vec<EastNorth>>,
    /// Figures.
    pub stats: CoverStats,
}

/// Figures of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoverStats {
    /// Length of all ways, metres.
    pub length_m: f64,
    /// Corners of more than 15°.
    pub turns: usize,
    /// Area of the target, square metres.
    pub target_m2: f64,
    /// Area of what a way at the margin can see, square metres.
    pub reachable_m2: f64,
    /// Part of the reachable area seen, 0 to 1.
    pub coverage: f64,
    /// Least distance from the target's outline, metres; as far as it was looked for (margin + swath).
    pub clearance_m: f64,
    /// Length against seen area ÷ swath.
    pub ratio: f64,
    /// Moves made; less than asked only where `stop` said so.
    pub effort: u64,
}

/// Moves that polish a target of this size well: some for every swath-square.
#[must_use]
pub fn thorough(target_m2: f64, swath_m: f64) -> u64 {
    (((target_m2 / (swath_m * swath_m)).max(0.0) * 150.0) as u64).saturating_add(20_000)
}

/// Boundary less keep-outs, cleaned (even–odd within a polygon; overlapping polygons merge).
#[must_use]
pub fn target(inclusions: &[Polygon<f64>], exclusions: &[Polygon<f64>]) -> MultiPolygon<f64> {
    use geo::BooleanOps;
    // A union of many counts how often a place is wound round, so a ring drawn clockwise would take instead of give:
    // each is cleaned by itself first, which also turns it the right way.
    let union = |polygons: &[Polygon<f64>]| {
        let nothing = MultiPolygon(Vec::new());
        let clean: Vec<Polygon<f64>> = polygons.iter().flat_map(|p| p.union(&nothing).0).collect();
        geo::unary_union(&clean)
    };
    let inside = union(inclusions);
    if exclusions.is_empty() {
        return inside;
    }
    inside.difference(&union(exclusions))
}

/// Plans. `stop` is asked often and ends the polishing early; what stands by then is legal, and still led by what it
/// has not seen, in bounded time.
///
/// # Errors
/// Where figures make no sense, or nothing can be flown; see [`CoverRefusal`].
pub fn plan(request: &CoverRequest, stop: impl FnMut() -> bool) -> Result<CoverPlan, CoverRefusal> {
    plan_led(request, stop, |_, _, done| done)
}

/// As [`plan`], with a cooling that may be led: `led` is told which stage is annealed (0 or 1), which part of the area still
/// to be annealed that is for, and how far its moves are; it says how far they should be.
fn plan_led(
    request: &CoverRequest,
    mut stop: impl FnMut() -> bool,
    mut led: impl FnMut(usize, f64, f64) -> f64,
) -> Result<CoverPlan, CoverRefusal> {
    let target_m2 = check(request)?;
    let radius_m = request.swath_m / 2.0;
    let free = Free::new(&request.target, request.margin_m, radius_m);
    if free.parts.is_empty() {
        return Err(CoverRefusal::MarginLeavesNothing {
            margin_m: request.margin_m,
            area_m2: target_m2,
        });
    }
    let all_m2: f64 = free.parts.iter().map(|p| p.reachable.unsigned_area()).sum();
    let mut routes: Vec<Vec<P>> = Vec::new();
    let mut effort = 0;
    let (mut asked, mut unseen) = (0.0, 0.0);
    let mut left = 1.0;
    for (k, part) in free.parts.iter().enumerate() {
        let share = part.reachable.unsigned_area() / all_m2;
        let of_left = share / f64::max(left, share);
        left -= share;
        let moves = (request.effort as f64 * share) as u64;
        let salt = k as u64;
        let done = cover_part(
            request,
            &free,
            part,
            &routes,
            moves,
            salt,
            &mut stop,
            &mut |stage, done| led(stage, of_left, done),
        )
        .ok_or(CoverRefusal::NoWay { part: k + 1 })?;
        effort += done.moves;
        asked += part.reachable.unsigned_area();
        unseen += part.reachable.unsigned_area() * (1.0 - done.coverage);
        // The proof of all that stands above: no way leaves this room without it.
        if !done.ways.iter().all(|w| free.proven(w)) {
            return Err(CoverRefusal::NoWay { part: k + 1 });
        }
        routes.extend(done.ways);
    }
    let edges = free::edges(&request.target);
    let clearance_m = routes
        .iter()
        .map(|r| free.clearance_m(r, &edges, request.margin_m + request.swath_m))
        .fold(request.margin_m + request.swath_m, f64::min);
    let length_m: f64 = routes.iter().map(|r| length_m(r)).sum();
    let seen_m2 = asked - unseen;
    Ok(CoverPlan {
        stats: CoverStats {
            length_m,
            turns: routes.iter().map(|r| turns(r)).sum(),
            target_m2,
            reachable_m2: asked,
            coverage: if asked > 0.0 { seen_m2 / asked } else { 1.0 },
            clearance_m,
            ratio: if seen_m2 > 0.0 {
                length_m * request.swath_m / seen_m2
            } else {
                f64::INFINITY
            },
            effort,
        },
        routes: routes
            .into_iter()
            .map(|r| r.into_iter().map(|p| EastNorth::new(p.x, p.y)).collect())
            .collect(),
    })
}

fn check(request: &CoverRequest) -> Result<f64, CoverRefusal> {
    let positive = |what, is: f64| {
        if is.is_finite() && is > 0.0 {
            Ok(())
        } else {
            Err(CoverRefusal::BadFigure {
                what,
                must: "a positive number",
                is,
            })
        }
    };
    positive("the swath", request.swath_m)?;
    if !(request.margin_m.is_finite() && request.margin_m >= 0.0) {
        return Err(CoverRefusal::BadFigure {
            what: "the margin",
            must: "zero or more",
            is: request.margin_m,
        });
    }
    if !(request.corner_m.is_finite() && request.corner_m >= 0.0) {
        return Err(CoverRefusal::BadFigure {
            what: "the cost of a corner",
            must: "zero or more",
            is: request.corner_m,
        });
    }
    if let Some(is) = request.angle_deg.filter(|a| !a.is_finite()) {
        return Err(CoverRefusal::BadFigure {
            what: "the course of the lines",
            must: "a number of degrees",
            is,
        });
    }
    let hints = [request.start, request.end].into_iter().flatten();
    let bad = free::edges(&request.target)
        .iter()
        .flat_map(|e| [e.0.x, e.0.y, e.1.x, e.1.y])
        .chain(hints.flat_map(|h| [h.east_m, h.north_m]))
        .find(|v| !v.is_finite() || v.abs() > 1e6);
    if let Some(is) = bad {
        return Err(CoverRefusal::BadFigure {
            what: "every coordinate",
            must: "within 1000 km of the origin",
            is,
        });
    }
    let area_m2 = request.target.unsigned_area();
    if area_m2 <= 0.0 {
        return Err(CoverRefusal::NoTarget);
    }
    let side_m = request
        .target
        .bounding_rect()
        .map_or(0.0, |b| b.width() + b.height());
    if area_m2 / (request.swath_m * request.swath_m) > 4e6 || side_m / request.swath_m > 20_000.0 {
        return Err(CoverRefusal::TooManyLines {
            swath_m: request.swath_m,
            area_m2,
            most: MAX_LINES,
        });
    }
    Ok(area_m2)
}

struct Done {
    ways: Vec<Vec<P>>,
    coverage: f64,
    moves: u64,
}

/// A part with what is needed to look at it.
struct Task<'a> {
    request: &'a CoverRequest,
    free: &'a Free,
    part: &'a Part,
    ways: Ways<'a>,
    costs: Costs,
    radius_m: f64,
    seed: u64,
    /// Of the reachable area that is to be seen on our own lattice.
    aim: f64,
    /// Moves of the annealing.
    moves: u64,
}

#[allow(
    clippy::too_many_arguments,
    reason = "one call, of things that live apart"
)]
/// Covers one part. `others` are ways already planned, which may see into it.
fn cover_part(
    request: &CoverRequest,
    free: &Free,
    part: &Part,
    others: &[Vec<P>],
    moves: u64,
    salt: u64,
    stop: &mut impl FnMut() -> bool,
    led: &mut impl FnMut(usize, f64) -> f64,
) -> Option<Done> {
    let swath_m = request.swath_m;
    let task = Task {
        request,
        free,
        part,
        ways: Ways::new(free, part, swath_m),
        costs: Costs::of(request),
        radius_m: swath_m / 2.0 * SEEN_PART_OF_RADIUS,
        seed: request.seed.wrapping_mul(0x9E37_79B9).wrapping_add(salt),
        aim: free.aim(part, AIM),
        moves,
    };
    if !others.is_empty() {
        let raster = task.lattice(task.fine(), 0.417, others);
        if raster.unseen <= task.allowed(&raster, task.aim) {
            return Some(Done {
                ways: Vec::new(),
                coverage: raster.seen_part(),
                moves: 0,
            });
        }
    }
    let (angle_rad, mut way) = task.first_way(request.seed ^ salt, stop)?;
    let done = task.anneal(angle_rad, &mut way, others, stop, led);
    let (mut ways, coverage) = task.mend(way, others);
    if request.closed {
        for way in &mut ways {
            begin_near(way, request.start);
            if let Some(p) = way.first().copied() {
                way.push(p);
            }
        }
    }
    Some(Done {
        ways,
        coverage,
        moves: done,
    })
}

impl Task<'_> {
    /// Lines in the best direction, joined in the best order found: the direction, and a way all of which is legal.
    fn first_way(&self, seed: u64, stop: &mut impl FnMut() -> bool) -> Option<(f64, Vec<P>)> {
        let (request, part, costs, swath_m) =
            (self.request, self.part, &self.costs, self.costs.swath_m);
        let course_rad = request
            .angle_deg
            .map(|deg| (90.0 - deg).to_radians().rem_euclid(std::f64::consts::PI));
        // Wanted at once: fewer sets of lines are laid, and only the best of them is ordered.
        let at_once = self.moves == 0 || stop();
        let mut candidates = first_lines(part, costs, course_rad, at_once);
        candidates.truncate(if at_once { 1 } else { 3 });
        let mut best: Option<(f64, f64, Tour)> = None;
        let mut rough = Raster::new(&part.reachable, self.radius_m, swath_m / 8.0, 0.3);
        let mut dice = geom::Dice::new(seed);
        for c in &candidates {
            let mut tour = Tour::new(&self.ways, &c.lines, request.closed, costs);
            let mut k = 0u32;
            tour.improve(|| {
                k = k.wrapping_add(1);
                k.is_multiple_of(16) && stop()
            });
            if self.moves > 0 {
                tour.shake(100, &mut dice, &mut *stop);
            }
            let (places, broken) = tour.path();
            if candidates.len() > 1 {
                rough.clear();
                for w in places.windows(2) {
                    if let [a, b] = w {
                        rough.add(*a, *b);
                    }
                }
            }
            let ends_m = match (places.first(), places.last()) {
                (Some(a), Some(b)) => costs.ends_m(*a, *b),
                _ => 0.0,
            };
            let cost_m = length_m(&places)
                + ends_m
                + costs.corner_m * places.len() as f64
                + 3.0 / swath_m * rough.unseen as f64 * rough.sample_m2()
                + 1e6 * broken as f64;
            if best.as_ref().is_none_or(|b| cost_m < b.0) {
                best = Some((cost_m, c.angle_rad, tour));
            }
        }
        let Some((_, angle_rad, mut tour)) = best else {
            // Too small for any line: one place sees it, or it is as good as unreachable.
            let p = self.ways.nearest_free(*part.rings.first()?.first()?)?;
            return Some((0.0, vec![p, p]));
        };
        if self.moves > 0 {
            tour.shake(600, &mut dice, &mut *stop);
        }
        Some((angle_rad, tour.path().0))
    }

    /// Polishes in two stages. Returns the moves made.
    fn anneal(
        &self,
        angle_rad: f64,
        way: &mut Vec<P>,
        others: &[Vec<P>],
        stop: &mut impl FnMut() -> bool,
        led: &mut impl FnMut(usize, f64) -> f64,
    ) -> u64 {
        let swath_m = self.costs.swath_m;
        let stages = [
            (10.0, 0.093, 0.6, 0.03, 0.004),
            (32.0, 0.131, 0.4, 0.006, 0.0005),
        ];
        let mut done = 0;
        for (i, (per_swath, turned, part_of_moves, from, to)) in stages.into_iter().enumerate() {
            if self.moves == 0 || stop() {
                break;
            }
            let raster = self.lattice(per_swath, angle_rad + turned, others);
            // The last stage aims a little higher: what mending still adds is dearer.
            let aim = if i == 0 { self.aim } else { self.aim + 0.00008 };
            let mut polish = self.polish(way, raster, aim, i as u64);
            let cooling = Cooling {
                moves: (self.moves as f64 * part_of_moves) as u64,
                from_m: from * swath_m,
                to_m: to * swath_m,
            };
            polish.dearest = if i == 0 { 20.0 } else { 32.0 };
            done += polish.run(&cooling, &mut *stop, |t| led(i, t));
            *way = self.places(&polish);
        }
        done
    }

    /// Another lattice every round, turned otherwise, says what is really seen; what is short is mended, by other ways
    /// where none leads to it. Returns the ways and the part seen.
    fn mend(&self, way: Vec<P>, others: &[Vec<P>]) -> (Vec<Vec<P>>, f64) {
        // The first plan is wanted at once, and measured less finely, and so mended further.
        let aim = if self.moves == 0 {
            self.aim + 0.0001
        } else {
            self.aim
        };
        let mut ways = vec![way];
        let mut coverage = 0.0;
        for round in 0..ROUNDS {
            let mut seen_by: Vec<Vec<P>> = others.to_vec();
            for way in ways.iter_mut() {
                *way = self.tidied(way);
                seen_by.push(self.drawn(way));
            }
            let Some(way) = ways.pop() else { break };
            seen_by.pop();
            let raster = self.lattice(self.fine(), 0.417 + 0.31 * round as f64, &seen_by);
            let mut polish = self.polish(&way, raster, aim, 100 + round);
            let before = polish.raster.unseen;
            coverage = polish.raster.seen_part();
            if before <= polish.allowed || round + 1 == ROUNDS {
                ways.push(way);
                break;
            }
            polish.mend();
            coverage = polish.raster.seen_part();
            let helped = polish.raster.unseen < before;
            let short = polish.raster.unseen > polish.allowed;
            let other = if short && ways.len() < MORE_WAYS {
                polish.elsewhere(self.radius_m)
            } else {
                None
            };
            ways.push(self.places(&polish));
            match other {
                Some(places) => ways.push(places.to_vec()),
                None if !helped => break,
                None => {}
            }
        }
        if let Some(way) = ways.last_mut() {
            *way = self.tidied(way);
        }
        (ways, coverage)
    }

    fn tidied(&self, way: &[P]) -> Vec<P> {
        let mut way = tidy::tidy(self.free, &self.drawn(way));
        if self.request.closed {
            way.pop();
        }
        way
    }

    /// With the first place at the end where the way is closed.
    fn drawn(&self, way: &[P]) -> Vec<P> {
        let again = way.first().filter(|_| self.request.closed);
        way.iter().chain(again).copied().collect()
    }

    fn places(&self, polish: &Polish) -> Vec<P> {
        let mut way = polish.path.places();
        if self.request.closed {
            way.pop();
        }
        way
    }

    fn polish(&self, way: &[P], raster: Raster, aim: f64, salt: u64) -> Polish<'_> {
        let (lo, hi) = box_of(self.part);
        let path = Path::new(way, self.request.closed, self.costs.swath_m, lo, hi);
        let allowed = self.allowed(&raster, aim);
        let seed = self.seed.wrapping_add(salt);
        Polish::new(
            self.free, &self.ways, raster, path, self.costs, allowed, seed,
        )
    }

    fn allowed(&self, raster: &Raster, aim: f64) -> usize {
        ((1.0 - aim) * raster.asked as f64) as usize
    }

    /// Samples a swath that tell a thousandth of this part.
    fn fine(&self) -> f64 {
        let swaths = self.part.reachable.unsigned_area() / self.costs.swath_m.powi(2);
        let (least, samples) = if self.moves == 0 {
            (10.0, 40_000.0)
        } else {
            (32.0, 80_000.0)
        };
        (samples / swaths.max(1e-9)).sqrt().clamp(least, 128.0)
    }

    fn lattice(&self, per_swath: f64, turned_rad: f64, others: &[Vec<P>]) -> Raster {
        let step_m = self.costs.swath_m / per_swath;
        let mut r = Raster::new(&self.part.reachable, self.radius_m, step_m, turned_rad);
        for w in others.iter().flat_map(|way| way.windows(2)) {
            if let [a, b] = w {
                r.add(*a, *b);
            }
        }
        r
    }
}

/// Turns a closed way, whose first place is not repeated, so that it begins at the place nearest to `start`.
fn begin_near(way: &mut [P], start: Option<EastNorth>) {
    let Some(s) = start.map(|s| pt(s.east_m, s.north_m)) else {
        return;
    };
    let first = way
        .iter()
        .enumerate()
        .min_by(|a, b| dist(*a.1, s).total_cmp(&dist(*b.1, s)));
    if let Some((k, _)) = first {
        way.rotate_left(k);
    }
}

/// A direction and an offset of the lines, and what they promise.
struct Candidate {
    cost_m: f64,
    angle_rad: f64,
    lines: Vec<Line>,
}

/// Sets of lines, the most promising first: by their length, their number, and what they leave unseen.
fn first_lines(
    part: &Part,
    costs: &Costs,
    course_rad: Option<f64>,
    at_once: bool,
) -> Vec<Candidate> {
    let swath_m = costs.swath_m;
    let draw_in_m = 0.35 * swath_m;
    let laid = |angle_rad: f64, (spacing_m, first_m): (f64, f64)| {
        let lines = lines::lines(&part.rings, angle_rad, spacing_m, first_m, draw_in_m);
        let cost_m =
            lines::total_m(&lines) + (1.14 * swath_m + 2.0 * costs.corner_m) * lines.len() as f64;
        let candidate = Candidate {
            cost_m,
            angle_rad,
            lines,
        };
        (!candidate.lines.is_empty()).then_some(candidate)
    };
    let even = |angle_rad: f64| {
        let (lo, hi) = lines::extent(&part.rings, angle_rad);
        // A thousandth of the area may stay unseen: three hundredths of a line are not worth another.
        let n = ((hi - lo) / swath_m - 0.03).ceil().max(1.0);
        let even_m = (hi - lo) / n;
        laid(angle_rad, (even_m, even_m / 2.0))
    };
    let directions = course_rad.map_or_else(|| lines::directions(&part.rings, 12), |c| vec![c]);
    let mut evens: Vec<Candidate> = directions.into_iter().filter_map(even).collect();
    if at_once {
        evens.sort_by(|x, y| x.cost_m.total_cmp(&y.cost_m));
        evens.truncate(AT_ONCE.0);
    }
    let tight_m = swath_m * 0.998;
    let mut found: Vec<Candidate> = Vec::new();
    for c in evens {
        let angle_rad = c.angle_rad;
        let tight = [0.2, 0.4, 0.6, 0.8].map(|first| (tight_m, first * tight_m));
        found.push(c);
        found.extend(tight.into_iter().filter_map(|t| laid(angle_rad, t)));
    }
    found.sort_by(|x, y| x.cost_m.total_cmp(&y.cost_m));
    found.truncate(if at_once { AT_ONCE.1 } else { TRIES });
    let mut raster = Raster::new(
        &part.reachable,
        swath_m / 2.0 * SEEN_PART_OF_RADIUS,
        swath_m / 6.0,
        0.3,
    );
    for c in &mut found {
        raster.clear();
        for l in &c.lines {
            raster.add(l.a, l.b);
        }
        // What stays unseen is seen at some three times what a line would cost for it: small pieces, and detours.
        c.cost_m += 3.0 / swath_m * raster.unseen as f64 * raster.sample_m2();
    }
    found.sort_by(|x, y| x.cost_m.total_cmp(&y.cost_m));
    found
}

fn box_of(part: &Part) -> (P, P) {
    part.shape
        .bounding_rect()
        .map_or((pt(0.0, 0.0), pt(1.0, 1.0)), |b| (b.min(), b.max()))
}

fn turns(way: &[P]) -> usize {
    let mut kept: Vec<P> = Vec::new();
    for p in way {
        if kept.last().is_none_or(|q| dist(*p, *q) > 1e-3) {
            kept.push(*p);
        }
    }
    kept.windows(3)
        .filter(|w| match w {
            [a, b, c] => {
                let h = (c.y - b.y).atan2(c.x - b.x) - (b.y - a.y).atan2(b.x - a.x);
                let pi = std::f64::consts::PI;
                ((h + pi).rem_euclid(2.0 * pi) - pi).abs() > 15f64.to_radians()
            }
            _ => false,
        })
        .count()
}

/// A polygon from rings of places, outer first.
#[must_use]
pub fn polygon(rings: &[Vec<EastNorth>]) -> Polygon<f64> {
    let line = |r: &Vec<EastNorth>| {
        LineString(
            r.iter()
                .map(|p| Coord {
                    x: p.east_m,
                    y: p.north_m,
                })
                .collect(),
        )
    };
    let mut all = rings.iter().map(line);
    Polygon::new(
        all.next().unwrap_or_else(|| LineString(Vec::new())),
        all.collect(),
    )
}
