//! One area shared by several ways, each as long as its weight says.
//!
//! First the area is covered by one way ([`super::plan`]). Its legs are parted among the sharers (`part`), each gets a
//! first way over its own legs, and then all ways are annealed together over one lattice of what they see (`joint`): what
//! one gives up another may take over. Metres of a way that is too long for its weight are dearer than those of one that
//! is too short, until they are even. A sharer with a site flies from it and back to it, and that counts.

mod joint;
mod loops;
mod part;
#[cfg(test)]
mod tests;
mod time;

use super::free::{Free, Part};
use super::geom::{Dice, P, dist, length_m, pt};
use super::lines::Line;
use super::polish::Costs;
use super::raster::Raster;
use super::tour::Tour;
use super::ways::Ways;
use super::{
    CoverPlan, CoverRefusal, CoverRequest, SEEN_PART_OF_RADIUS, box_of, free as free_space, turns,
};
use crate::plane::EastNorth;
use geo::{Area, Centroid, Contains};
use loops::{Pace, Parted};
use part::{Cut, allot, legs_of, main_direction, pieces_by_length};
use time::Time;

/// One who shares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sharer {
    /// Where it starts and must come back to.
    pub site: Option<EastNorth>,
    /// Its share of the metres, against the others'.
    pub weight: f64,
}

/// Why nothing can be shared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ShareFault {
    /// The area cannot be covered at all.
    Cover(CoverRefusal),
    /// A site outside the free space at the margin.
    SiteOutside {
        /// Whose.
        sharer: usize,
        /// The free place nearest to it.
        nearest: Option<EastNorth>,
    },
    /// A part of the free space that no sharer can get to from its site.
    Unreached {
        /// Number of the part, largest first, from 1.
        part: usize,
        /// Square metres.
        area_m2: f64,
        /// Its middle.
        middle: EastNorth,
    },
}

/// The shares.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    /// For each sharer its ways, one a part of the free space that it works in. A way from a site begins and ends there.
    pub ways: Vec<Vec<Vec<EastNorth>>>,
    /// The same area covered by one way (one a part).
    pub alone: CoverPlan,
    /// Part of the reachable area seen, 0 to 1.
    pub coverage: f64,
    /// Least distance from the target's outline, metres, as [`super::CoverStats::clearance_m`].
    pub clearance_m: f64,
    /// Corners of more than 15°.
    pub turns: usize,
    /// Moves made, those of the one way included.
    pub effort: u64,
    /// Whether anything was cut short for want of time: else the same request gives the same bytes.
    pub hurried: bool,
}

/// Part of the budget that the one way may use.
const ALONE: f64 = 0.3;
/// Where laying and ordering lines took more than this part of it, time presses: the one way is given its shape only.
const PRESSING: f64 = 0.01;
/// Part of the budget after which ways that are polished together are cold.
const POLISHED: f64 = 0.89;
/// Part of the budget after which only mending is done.
const JOINT: f64 = 0.96;
/// Of the time of the one way, what its first stage may use where time does not press.
const ALONE_SHAPED: f64 = 0.4;
/// Of an attempt's time, what parting one way into loops may use, and what finding their shape may.
const PARTED: f64 = 0.15;
const SHAPED: f64 = 0.35;
/// Manners of parting that are polished a little before the best of them is polished well.
const STARTS: usize = 3;
/// So uneven is as good as even.
const EVEN: f64 = 1.015;
/// So uneven, and so much longer than one alone, is good enough not to try on.
const GOOD: f64 = 1.025;
/// Times that loops are made and polished, each time by other dice, until they are good.
const ATTEMPTS: u64 = 4;
/// Dice by which one way is parted into loops.
const DICE: u64 = 4;
/// The first attempt costs a fraction of the others, and is mostly good: patience, dice, and manners polished.
const EASY: (f64, u64, usize) = (0.4, 4, 1);
/// Dice at most, where none of them gave even loops.
const MOST_DICE: u64 = 10;
/// Times that the legs are parted, each time more evenly.
const EVENINGS: usize = 4;

fn to_p(p: EastNorth) -> P {
    pt(p.east_m, p.north_m)
}

fn to_en(p: P) -> EastNorth {
    EastNorth::new(p.x, p.y)
}

/// Shares an area. `stop` is asked whether the given part of the time allowed is used up; what stands then is legal.
///
/// # Errors
/// [`ShareFault`].
pub(crate) fn share(
    request: &CoverRequest,
    sharers: &[Sharer],
    stop: &mut dyn FnMut(f64) -> bool,
) -> Result<Shares, ShareFault> {
    // Wished ends are one way's.
    let request = &CoverRequest {
        start: None,
        end: None,
        ..request.clone()
    };
    let time = &Time::new(stop);
    // The one way of each part of the area has its spell, and the first of its stages a part of that; all of it where
    // there is no time for the second, for what that betters is parted and found anew (open ways are only cut).
    let looped = sharers.len() > 1 && (request.closed || sharers.iter().any(|s| s.site.is_some()));
    let (mut spell, mut end, mut pressed) = (time.spell(ALONE), ALONE, false);
    let led = |stage: usize, of_left: f64, done: f64| {
        if done <= 0.0 {
            let now = time.used();
            if stage == 0 {
                pressed = looped && now > PRESSING;
                end = now + of_left * (ALONE - now).max(0.0);
                let first = if pressed { 1.0 } else { ALONE_SHAPED };
                spell = time.spell(now + first * (end - now));
            } else {
                spell = time.spell(end);
            }
        }
        if stage > 0 && pressed {
            time.hurry();
            return 1.0;
        }
        spell.at(time, done)
    };
    let alone = super::plan_led(request, || time.over(ALONE), led).map_err(ShareFault::Cover)?;
    let free = Free::new(&request.target, request.margin_m, request.swath_m / 2.0);
    let homes = homes(&free, request.swath_m, sharers)?;
    let routes: Vec<Vec<P>> = alone
        .routes
        .iter()
        .map(|r| r.iter().copied().map(to_p).collect())
        .collect();
    // A part without a way is seen from elsewhere, and asks for nothing.
    let mut way_of: Vec<Vec<P>> = vec![Vec::new(); free.parts.len()];
    for r in routes {
        let inside = |p: &Part| r.iter().filter(|q| holds(p, **q)).count();
        let home = (0..free.parts.len())
            .max_by_key(|i| (free.parts.get(*i).map_or(0, inside), usize::MAX - i));
        if let Some(w) = home.and_then(|h| way_of.get_mut(h)) {
            *w = r;
        }
    }
    let works: Vec<f64> = way_of
        .iter()
        .map(|w| {
            if w.is_empty() {
                0.0
            } else {
                length_m(w).max(1e-3)
            }
        })
        .collect();
    let weights: Vec<f64> = sharers.iter().map(|s| s.weight).collect();
    let allotted = allot(&works, &homes, &weights);
    let mut out: Vec<Vec<Vec<EastNorth>>> = vec![Vec::new(); sharers.len()];
    let mut effort = alone.stats.effort;
    let (mut asked, mut unseen) = (0.0, 0.0);
    let mut all: Vec<Vec<P>> = Vec::new();
    let all_m2: f64 = free.parts.iter().map(|p| p.reachable.unsigned_area()).sum();
    let mut left_m2 = all_m2;
    for (k, (part, way)) in free.parts.iter().zip(&way_of).enumerate() {
        let area_m2 = part.reachable.unsigned_area();
        asked += area_m2;
        let of_left = area_m2 / left_m2.max(area_m2);
        left_m2 -= area_m2;
        if way.is_empty() {
            continue;
        }
        let who = allotted.get(k).map_or(&[][..], Vec::as_slice);
        if who.is_empty() {
            return Err(ShareFault::Unreached {
                part: k + 1,
                area_m2,
                middle: part
                    .shape
                    .centroid()
                    .map_or(EastNorth::new(0.0, 0.0), |c| to_en(c.0)),
            });
        }
        let group: Vec<Member> = who
            .iter()
            .map(|(s, weight)| {
                let site = sharers.get(*s).and_then(|s| s.site).map(to_p);
                Member {
                    site,
                    weight: *weight,
                    closed: request.closed || site.is_some(),
                }
            })
            .collect();
        let moves = (request.effort as f64 * area_m2 / all_m2) as u64;
        let now = time.used();
        let task = Task {
            request,
            free: &free,
            part,
            group: &group,
            moves,
            until: now + of_left * (POLISHED - now).max(0.0),
            along_rad: main_direction(&legs_of(way, 0.6 * request.swath_m)),
            seed: request
                .seed
                .wrapping_mul(0x9E37_79B9)
                .wrapping_add(7 + k as u64),
        };
        let done = share_part(&task, way, time);
        effort += done.moves;
        unseen += area_m2 * (1.0 - done.coverage);
        for ((s, _), way) in who.iter().zip(done.ways) {
            if way.is_empty() {
                continue;
            }
            if let Some(o) = out.get_mut(*s) {
                o.push(way.iter().copied().map(to_en).collect());
            }
            all.push(way);
        }
    }
    let edges = free_space::edges(&request.target);
    let far_m = request.margin_m + request.swath_m;
    Ok(Shares {
        clearance_m: all
            .iter()
            .map(|w| free.clearance_m(w, &edges, far_m))
            .fold(far_m, f64::min),
        turns: all.iter().map(|w| turns(w)).sum(),
        ways: out,
        coverage: if asked > 0.0 {
            1.0 - unseen / asked
        } else {
            1.0
        },
        alone,
        effort,
        hurried: time.was_short(),
    })
}

/// Whether a place lies in this part, or between its rings and the exact margin.
fn holds(part: &Part, p: P) -> bool {
    part.shape.contains(&geo::Point(p))
}

/// The part in which each sharer's site lies.
fn homes(free: &Free, swath_m: f64, sharers: &[Sharer]) -> Result<Vec<Option<usize>>, ShareFault> {
    let mut out = Vec::with_capacity(sharers.len());
    for (i, s) in sharers.iter().enumerate() {
        let Some(site) = s.site.map(to_p) else {
            out.push(None);
            continue;
        };
        let mut nearest: Option<(f64, usize, P)> = None;
        for (k, part) in free.parts.iter().enumerate() {
            if let Some(q) = Ways::new(free, part, swath_m).nearest_free(site)
                && nearest.is_none_or(|n| dist(site, q) < n.0)
            {
                nearest = Some((dist(site, q), k, q));
            }
        }
        let inside = free.parts.iter().position(|p| holds(p, site));
        // Between the rings and the margin, by what the rings lie deeper: the part next to it.
        let beside = nearest.filter(|n| n.0 < 0.1 * swath_m).map(|n| n.1);
        match inside.or(beside) {
            Some(k) if free.legal_place(site) => out.push(Some(k)),
            _ => {
                return Err(ShareFault::SiteOutside {
                    sharer: i,
                    nearest: nearest.map(|n| to_en(n.2)),
                });
            }
        }
    }
    Ok(out)
}

/// A sharer of one part.
struct Member {
    site: Option<P>,
    weight: f64,
    closed: bool,
}

/// One part, and who shares it.
struct Task<'a> {
    request: &'a CoverRequest,
    free: &'a Free,
    part: &'a Part,
    group: &'a [Member],
    moves: u64,
    /// Part of the budget by which its ways are to be cold.
    until: f64,
    /// Direction of most metres of the one way: lattices along it have the fewest rows to a leg.
    along_rad: f64,
    seed: u64,
}

/// What became of a part.
struct Done {
    ways: Vec<Vec<P>>,
    coverage: f64,
    moves: u64,
}

impl Task<'_> {
    /// All that is flown, dearer by what the longest flight is beyond nearly even: what ways are chosen by.
    fn score_m(&self, ways: &[Vec<P>]) -> f64 {
        let sum_m: f64 = ways.iter().map(|w| length_m(w)).sum();
        sum_m.max(self.worst(ways) / EVEN)
    }

    /// By how much ways are more uneven, or together longer than one alone, than is good enough; 0 where they are good.
    fn lack(&self, ways: &[Vec<P>], alone_m: f64) -> f64 {
        let sum_m: f64 = ways.iter().map(|w| length_m(w)).sum();
        let (longer, uneven) = (
            sum_m / alone_m.max(1e-9),
            self.worst(ways) / sum_m.max(1e-9),
        );
        (longer.max(uneven) - GOOD).max(0.0)
    }

    /// The longest flight for its weight: what all this is about.
    fn worst(&self, ways: &[Vec<P>]) -> f64 {
        let whole: f64 = self.group.iter().map(|m| m.weight).sum();
        ways.iter()
            .zip(self.group)
            .map(|(w, m)| length_m(w) * whole / m.weight.max(1e-12))
            .fold(0.0, f64::max)
    }
}

fn share_part(task: &Task<'_>, way: &[P], time: &Time<'_>) -> Done {
    let swath_m = task.request.swath_m;
    let ways = Ways::new(task.free, task.part, swath_m);
    let looped = task.group.iter().any(|m| m.closed);
    let siteless = task.group.iter().all(|m| m.site.is_none());
    if looped && siteless && task.group.len() > 1 {
        let alone_m = length_m(way);
        let mut best: Option<((f64, f64), Done)> = None;
        let mut moves = 0;
        for attempt in 0..ATTEMPTS {
            let began = time.used();
            let starts = loops(task, way, attempt, time);
            if starts.is_empty() {
                break;
            }
            let done = joint::polish(task, &ways, starts, true, time);
            moves += done.moves;
            let worth = (task.lack(&done.ways, alone_m), task.score_m(&done.ways));
            if best.as_ref().is_none_or(|b| worth < b.0) {
                best = Some((worth, done));
            }
            if worth.0 <= 0.0 || task.moves == 0 {
                break;
            }
            // Another only where there is time for it.
            let now = time.used();
            if 2.0 * now - began > task.until {
                time.hurry();
                break;
            }
        }
        if let Some((_, done)) = best {
            return Done { moves, ..done };
        }
    }
    // A way that passes itself nowhere near is parted leg by leg.
    let starts = if !looped || (task.group.len() == 1 && siteless) {
        // Cut to length, the one way stays as good as it is.
        let weights: Vec<f64> = task.group.iter().map(|m| m.weight).collect();
        vec![pieces_by_length(way, &weights)]
    } else {
        first_ways(task, &ways, way, time)
    };
    joint::polish(task, &ways, starts, looped, time)
}

/// The one way parted into loops by several dice, the most promising first.
fn loops(task: &Task<'_>, way: &[P], attempt: u64, time: &Time<'_>) -> Vec<Vec<Vec<P>>> {
    let weights: Vec<f64> = task.group.iter().map(|m| m.weight).collect();
    let (patience, dice, starts) = if attempt == 0 {
        EASY
    } else {
        (1.0, DICE, STARTS)
    };
    let now = time.used();
    let end = now + PARTED * (task.until - now).max(0.0);
    let mut found: Vec<Parted> = Vec::new();
    for n in 0..MOST_DICE {
        let hasty = task.moves == 0 || time.over(end);
        let best = found.iter().min_by(|a, b| a.cost_m.total_cmp(&b.cost_m));
        let even = best.is_some_and(|b| b.worst <= GOOD);
        if (hasty && best.is_some()) || (n >= dice && even) {
            break;
        }
        let seed = task.seed.wrapping_add(n + MOST_DICE * attempt);
        let pace = Pace {
            patience: if hasty { 0.05 } else { patience },
            again: false,
        };
        found.extend(loops::parted(
            task.free,
            &[way.to_vec()],
            &weights,
            task.request.swath_m,
            pace,
            seed,
            &mut || time.over(end),
        ));
    }
    found.sort_by(|a, b| a.cost_m.total_cmp(&b.cost_m));
    found.truncate(starts);
    found.into_iter().map(|f| f.ways).collect()
}

/// Ways over legs parted in several manners, the most promising first.
fn first_ways(task: &Task<'_>, ways: &Ways<'_>, way: &[P], time: &Time<'_>) -> Vec<Vec<Vec<P>>> {
    let swath_m = task.request.swath_m;
    let legs = legs_of(way, 0.6 * swath_m);
    let mut dice = Dice::new(task.seed);
    let mut found: Vec<(f64, Vec<Tour<'_>>)> = Vec::new();
    let mut rough = Raster::new(
        &task.part.reachable,
        swath_m / 2.0 * SEEN_PART_OF_RADIUS,
        swath_m / 8.0,
        0.3,
    );
    for cut in Cut::all(&legs) {
        let mut tours: Vec<Tour<'_>> = Vec::new();
        // Legs of equal length need not make tours of equal length: the cuts are moved a few times.
        let mut bias = vec![1.0; task.group.len()];
        for round in 0..EVENINGS {
            tours.clear();
            let parted = cut.parted(&legs, task.group, &bias, 0.3 * swath_m);
            for (mut lines, member) in parted.into_iter().zip(task.group) {
                if let Some(s) = member.site {
                    lines.push(Line { a: s, b: s });
                }
                let mut tour = Tour::new(ways, &lines, member.closed, &Costs::of(task.request));
                let mut k = 0u32;
                tour.improve(|| {
                    k = k.wrapping_add(1);
                    k.is_multiple_of(16) && time.over(JOINT)
                });
                if task.moves > 0 {
                    tour.shake(60, &mut dice, || time.over(JOINT));
                }
                tours.push(tour);
            }
            if round + 1 == EVENINGS || task.moves == 0 {
                break;
            }
            let lengths: Vec<f64> = tours
                .iter()
                .zip(task.group)
                .map(|(t, m)| length_m(&ring(t.path().0, m)) / m.weight.max(1e-12))
                .collect();
            let mean = lengths.iter().sum::<f64>() / lengths.len().max(1) as f64;
            for (b, l) in bias.iter_mut().zip(&lengths) {
                *b *= (mean / l.max(1e-9)).clamp(0.7, 1.4);
            }
        }
        let mut broken = 0;
        let places: Vec<Vec<P>> = tours
            .iter()
            .zip(task.group)
            .map(|(t, m)| {
                let (places, b) = t.path();
                broken += b;
                ring(places, m)
            })
            .collect();
        rough.clear();
        for w in places.iter().flat_map(|w| w.windows(2)) {
            if let [a, b] = w {
                rough.add(*a, *b);
            }
        }
        let sum: f64 = places.iter().map(|w| length_m(w)).sum();
        let cost_m = 0.5 * task.worst(&places)
            + sum
            + 3.0 / swath_m * rough.unseen as f64 * rough.sample_m2()
            + 1e6 * broken as f64;
        found.push((cost_m, tours));
        if task.moves == 0 && time.over(ALONE) {
            break;
        }
    }
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.truncate(if task.moves > 0 { STARTS } else { 1 });
    let mut out: Vec<Vec<Vec<P>>> = Vec::new();
    for (_, mut tours) in found {
        for t in &mut tours {
            if task.moves > 0 {
                t.shake(200, &mut dice, || time.over(JOINT));
            }
        }
        let ways: Vec<Vec<P>> = tours
            .iter()
            .zip(task.group)
            .map(|(t, m)| ring(t.path().0, m))
            .collect();
        if !out.contains(&ways) {
            out.push(ways);
        }
    }
    out
}

/// A closed way with its first place repeated, begun at the site where there is one.
fn ring(mut places: Vec<P>, member: &Member) -> Vec<P> {
    if !member.closed {
        return places;
    }
    if let Some(s) = member.site {
        // The last place next to the first may be the same.
        if places.len() > 1 && places.first() == places.last() {
            places.pop();
        }
        if let Some(at) = places.iter().position(|p| *p == s) {
            places.rotate_left(at);
        }
    }
    if let Some(p) = places.first().copied() {
        places.push(p);
    }
    places
}

/// Lower and upper corner of a part.
fn corners(part: &Part) -> (P, P) {
    box_of(part)
}
