//! From strokes to a way: cut to what may be flown, joined by ways around, and what is left out counted.
//!
//! Whoever says what may be flown is a [`Ground`]: plain free space for drawings, the proven fence for plans that fly.

use super::{Pace, Stroke};
use crate::fence::flat;
use crate::plane::EastNorth;
use serde::{Deserialize, Serialize};

/// Pieces of a stroke are halved down to this when they do not pass as a whole, metres.
const FINEST_M: f64 = 4.0;
/// Shorter pieces are rounding at corners, metres.
const SHORTEST_M: f64 = 0.5;
/// Most places that are dropped at once from a straight way.
const MOST_DROPPED: usize = 24;

/// Where may it fly?
pub(in crate::planner) trait Ground {
    /// Pieces of the straight way that may be flown as far as outlines go, as metres from `a`.
    fn free_along(&self, a: EastNorth, b: EastNorth) -> Vec<(f64, f64)>;
    /// Whether the straight way may be flown.
    fn sees(&self, a: EastNorth, b: EastNorth) -> bool;
    /// Whether the straight way may be flown, and all of it is wanted.
    fn whole(&self, a: EastNorth, b: EastNorth) -> bool {
        self.sees(a, b)
    }
    /// A way that may be flown, both ends included.
    fn route(&self, a: EastNorth, b: EastNorth) -> Option<Vec<EastNorth>>;
    /// The place as it will be written down.
    fn on_grid(&self, p: EastNorth) -> EastNorth;
    /// The place nearest to it that may be flown over.
    fn nearest(&self, p: EastNorth) -> Option<EastNorth>;
}

/// A place of a way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Where.
    pub at: EastNorth,
    /// Seconds to hover there.
    pub hold_s: f64,
    /// Where to look on the leg to it, and there; ahead or down when absent.
    pub look_at: Option<EastNorth>,
    /// Whether the leg to it is part of the pattern, not a way between its pieces.
    pub pattern: bool,
}

/// A piece of the pattern that is not flown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeftOut {
    /// From.
    pub from: EastNorth,
    /// To; the same place for a watch point.
    pub to: EastNorth,
    /// Metres of pattern.
    pub metres: f64,
    /// Why.
    pub why: Why,
}

/// Why a piece is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// It leaves the area, or comes nearer to its outline than the margin.
    TooNear,
    /// It is shorter than a piece worth flying to, between two that are too near.
    TooShort,
    /// No way leads to it from the rest.
    NoWay,
}

/// A part of a stroke that may be flown.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::planner) struct Piece {
    /// Number of the stroke.
    pub stroke: usize,
    /// Places; one for a spot to hover at.
    pub places: Vec<EastNorth>,
    /// Seconds at the last.
    pub hold_s: f64,
    /// Where to look.
    pub look_at: Option<EastNorth>,
}

impl Piece {
    fn length_m(&self) -> f64 {
        super::length_m(&self.places)
    }
}

/// Cuts strokes to what may be flown.
pub(in crate::planner) fn cut(
    ground: &dyn Ground,
    strokes: &[Stroke],
) -> (Vec<Piece>, Vec<LeftOut>) {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut left_out = Vec::new();
    for (k, stroke) in strokes.iter().enumerate() {
        let places: Vec<EastNorth> = stroke.places.iter().map(|p| ground.on_grid(*p)).collect();
        let piece = |places| Piece {
            stroke: k,
            places,
            hold_s: 0.0,
            look_at: stroke.look_at,
        };
        let first_of_stroke = pieces.len();
        if let [spot] = places.as_slice() {
            if ground.whole(*spot, *spot) {
                pieces.push(piece(vec![*spot]));
            } else {
                left_out.push(LeftOut {
                    from: *spot,
                    to: *spot,
                    metres: 0.0,
                    why: Why::TooNear,
                });
            }
        }
        for (a, b) in places.iter().zip(places.iter().skip(1)) {
            if a == b {
                continue;
            }
            let mut open_m = 0.0;
            let whole_m = a.distance_m(*b);
            let at = |metres: f64| match metres {
                m if m <= 0.0 => *a,
                m if m >= whole_m => *b,
                m => ground.on_grid(super::lerp(*a, *b, m / whole_m)),
            };
            let mut miss = |from_m: f64, to_m: f64, why| {
                if to_m - from_m > 1e-3 {
                    left_out.push(LeftOut {
                        from: at(from_m),
                        to: at(to_m),
                        metres: to_m - from_m,
                        why,
                    });
                }
            };
            for (from_m, to_m) in passing(ground, *a, *b, whole_m, &at) {
                miss(open_m, from_m, Why::TooNear);
                open_m = to_m;
                let joins = from_m <= 0.0
                    && pieces.len() > first_of_stroke
                    && pieces.last().is_some_and(|p| p.places.last() == Some(a));
                let is_whole = from_m <= 0.0 && to_m >= whole_m;
                if to_m - from_m < SHORTEST_M && !joins && !is_whole {
                    miss(from_m, to_m, Why::TooShort);
                    continue;
                }
                match pieces.last_mut() {
                    Some(last) if joins => last.places.push(at(to_m)),
                    _ => pieces.push(piece(vec![at(from_m), at(to_m)])),
                }
            }
            miss(open_m, whole_m, Why::TooNear);
        }
        if let Some(last) = pieces.last_mut()
            && last.stroke == k
            && last.places.last() == places.last()
        {
            last.hold_s = stroke.hold_s;
        }
    }
    (pieces, left_out)
}

/// Pieces of a leg that pass as they will be flown: halved where the whole does not, and joined again where it does.
fn passing(
    ground: &dyn Ground,
    a: EastNorth,
    b: EastNorth,
    whole_m: f64,
    at: &dyn Fn(f64) -> EastNorth,
) -> Vec<(f64, f64)> {
    if ground.whole(a, b) {
        return vec![(0.0, whole_m)];
    }
    let mut out: Vec<(f64, f64)> = Vec::new();
    for free in ground.free_along(a, b) {
        let first = out.len();
        let mut todo = vec![free];
        while let Some((from, to)) = todo.pop() {
            if ground.sees(at(from), at(to)) {
                let joins = out.len() > first;
                match out.last_mut() {
                    Some(last) if joins && last.1 == from && ground.sees(at(last.0), at(to)) => {
                        last.1 = to;
                    }
                    _ => out.push((from, to)),
                }
            } else if to - from > FINEST_M {
                let mid = f64::midpoint(from, to);
                todo.push((mid, to));
                todo.push((from, mid));
            }
        }
    }
    out
}

/// Most places of a way from where a way on is looked for.
const MOST_ENTRIES: usize = 60;

/// The way to the first of these places through another of them, and along the legs between.
fn entered(ground: &dyn Ground, from: EastNorth, places: &[EastNorth]) -> Option<Vec<EastNorth>> {
    let stride = places.len().div_ceil(MOST_ENTRIES).max(1);
    (1..places.len()).step_by(stride).find_map(|k| {
        let (along, _) = places.split_at_checked(k + 1)?;
        let mut way = ground.route(from, *along.last()?)?;
        way.extend(along.iter().rev().skip(1));
        Some(way)
    })
}

/// The way home back along what was flown, as far as no other way leads from there. What was flown may be flown the other
/// way: it was proven as a line, with the returns from it.
fn retraced(ground: &dyn Ground, stops: &[Stop], home: EastNorth) -> Option<Vec<EastNorth>> {
    let stride = stops.len().div_ceil(MOST_ENTRIES).max(1);
    let mut back: Vec<EastNorth> = Vec::new();
    for (k, stop) in stops.iter().rev().enumerate() {
        if let Some(last) = back.last()
            && !ground.sees(*last, stop.at)
        {
            return None;
        }
        back.push(stop.at);
        if stop.at == home {
            return Some(back);
        }
        if k > 0
            && k.is_multiple_of(stride)
            && let Some(way) = ground.route(stop.at, home)
        {
            back.extend(way.into_iter().skip(1));
            return Some(back);
        }
    }
    None
}

/// Ways, joined.
pub(in crate::planner) struct Joined {
    /// One, or one for each part of the ground when no start was given.
    pub ways: Vec<Vec<Stop>>,
    /// Pieces that no way leads to.
    pub left_out: Vec<LeftOut>,
    /// When the first piece is reached, and each stroke is done, seconds.
    pub times_s: Vec<f64>,
}

/// Flies piece after piece in the order given, from `start` where there is one, and `back` to the beginning.
///
/// # Errors
/// The two places between which there is no way back.
pub(in crate::planner) fn join(
    ground: &dyn Ground,
    pieces: Vec<Piece>,
    strokes: usize,
    start: Option<EastNorth>,
    back: bool,
    pace: &Pace,
) -> Result<Joined, (EastNorth, EastNorth)> {
    let mut ways = Vec::new();
    let mut left_out = Vec::new();
    let mut done: Vec<Option<f64>> = vec![None; strokes + 1];
    let mut waiting = pieces;
    loop {
        let mut way = Way::new(pace);
        if let Some(s) = start {
            way.go(s, None, false);
        }
        let mut rest = Vec::new();
        for piece in waiting {
            let Some(first) = piece.places.first().copied() else {
                continue;
            };
            let there = match way.here() {
                None => Some(vec![first]),
                Some(here) if here == first => Some(Vec::new()),
                Some(here) => ground
                    .route(here, first)
                    .or_else(|| entered(ground, here, &piece.places)),
            };
            let Some(there) = there else {
                rest.push(piece);
                continue;
            };
            for p in there {
                way.go(p, None, false);
            }
            if let Some(t) = done.first_mut() {
                t.get_or_insert(way.clock_s);
            }
            for p in piece.places.iter().skip(1) {
                way.go(*p, piece.look_at, true);
            }
            way.hold(piece.hold_s, piece.look_at);
            if let Some(t) = done.get_mut(piece.stroke + 1) {
                *t = Some(way.clock_s);
            }
        }
        if back
            && let (Some(here), Some(begin)) = (way.here(), way.stops.first().map(|s| s.at))
            && here != begin
        {
            let home = ground
                .route(here, begin)
                .or_else(|| retraced(ground, &way.stops, begin))
                .ok_or((here, begin))?;
            for p in home {
                way.go(p, None, false);
            }
        }
        ways.push(way.stops);
        if start.is_some() {
            left_out.extend(rest.iter().filter_map(|p| {
                Some(LeftOut {
                    from: *p.places.first()?,
                    to: *p.places.last()?,
                    metres: p.length_m(),
                    why: Why::NoWay,
                })
            }));
            break;
        }
        if rest.is_empty() {
            break;
        }
        waiting = rest;
    }
    // A stroke that is not flown is done when the one before it is.
    let mut last = pace.start_s;
    let times_s = done
        .into_iter()
        .map(|t| {
            last = t.unwrap_or(last);
            last
        })
        .collect();
    Ok(Joined {
        ways,
        left_out,
        times_s,
    })
}

struct Way<'a> {
    stops: Vec<Stop>,
    clock_s: f64,
    pace: &'a Pace,
}

impl<'a> Way<'a> {
    fn new(pace: &'a Pace) -> Self {
        Way {
            stops: Vec::new(),
            clock_s: pace.start_s,
            pace,
        }
    }

    fn here(&self) -> Option<EastNorth> {
        self.stops.last().map(|s| s.at)
    }

    fn go(&mut self, at: EastNorth, look_at: Option<EastNorth>, pattern: bool) {
        if let Some(here) = self.here() {
            if here == at {
                return;
            }
            self.clock_s += self.pace.leg_time_s(here.distance_m(at));
        }
        self.stops.push(Stop {
            at,
            hold_s: 0.0,
            look_at,
            pattern,
        });
    }

    fn hold(&mut self, hold_s: f64, look_at: Option<EastNorth>) {
        self.clock_s += hold_s;
        if hold_s > 0.0
            && let Some(s) = self.stops.last_mut()
        {
            s.hold_s += hold_s;
            s.look_at = look_at;
        }
    }
}

/// Drops places of ways between pieces that change nothing: each lies within `within_m` of the straight way past it, and
/// that may be flown. Places of the pattern stay.
pub(in crate::planner) fn tidy(ground: &dyn Ground, way: &[Stop], within_m: f64) -> Vec<Stop> {
    let mut out: Vec<Stop> = Vec::with_capacity(way.len());
    let mut i = 0;
    while let Some(stop) = way.get(i) {
        out.push(*stop);
        let mut next = i + 1;
        for j in i + 2..way.len().min(i + MOST_DROPPED) {
            let (Some(to), Some(between)) = (way.get(j), way.get(i + 1..j)) else {
                break;
            };
            let straight = (stop.at, to.at);
            let mut far_m = 0.0;
            let dull = between.iter().all(|s| {
                let d = stop.at.distance_m(s.at);
                let ahead = d + 1e-9 >= far_m && d <= straight.0.distance_m(straight.1);
                far_m = d;
                ahead
                    && s.hold_s <= 0.0
                    && !s.pattern
                    && !to.pattern
                    && flat::point_to_edge_m(s.at, straight) < within_m
            });
            if !dull {
                break;
            }
            if ground.sees(stop.at, to.at) {
                next = j;
            }
        }
        i = next;
    }
    out
}
