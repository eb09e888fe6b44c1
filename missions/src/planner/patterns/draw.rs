//! A pattern drawn over an area with holes: geometry only, legal at its margin.

use super::join::{Ground, Joined, LeftOut, Stop, cut, join, tidy};
use super::lay::{Scene, Stroke, lay};
use super::{Pace, Pattern};
use crate::fence::flat;
use crate::plane::EastNorth;
use crate::planner::cover::CoverRefusal;
use crate::planner::cover::space::{Space, SpaceWays};
use geo::{Area, MultiPolygon};
use thiserror::Error;

/// Cut ends keep this much more than the margin, metres: more than the exact test asks, less than anyone measures.
const CUT_SLACK_M: f64 = 0.003;
/// Places within this of a straight way are dropped, metres.
const STRAIGHT_M: f64 = 0.02;
/// Tries at laying what drifts: each sets off with the times that the one before took.
const DRIFT_TRIES: u32 = 8;
/// Times that agree this well put the legs within centimetres, seconds.
const AGREE_S: f64 = 0.05;
/// Turns of more than this are counted, degrees.
const TURN_DEG: f64 = 15.0;

/// What to draw, and over what.
#[derive(Clone, Debug)]
pub struct DrawRequest {
    /// Area less keep-outs, metres on the local plane; see [`crate::planner::cover::target`].
    pub target: MultiPolygon<f64>,
    /// Least distance of the way from the target's outline, metres.
    pub margin_m: f64,
    /// What to fly.
    pub pattern: Pattern<EastNorth>,
    /// Where the aircraft is; the way begins there. Without it, each part of the area that hangs together gets its way.
    pub from: Option<EastNorth>,
    /// Whether it goes back to where it began.
    pub closed: bool,
    /// How fast.
    pub pace: Pace,
    /// Moves of the sweep's optimiser; see [`crate::planner::cover::thorough`].
    pub effort: u64,
    /// Of the dice.
    pub seed: u64,
}

impl DrawRequest {
    /// A request at 8 m/s that stops at corners with 3 m/s², from anywhere, open, with no polish.
    #[must_use]
    pub fn new(target: MultiPolygon<f64>, margin_m: f64, pattern: Pattern<EastNorth>) -> Self {
        DrawRequest {
            target,
            margin_m,
            pattern,
            from: None,
            closed: false,
            pace: Pace {
                speed_mps: 8.0,
                brake_mps2: 3.0,
                start_s: 0.0,
            },
            effort: 0,
            seed: 1,
        }
    }
}

/// A drawing.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Ways: one from the start, or one for each part of the area.
    pub ways: Vec<Vec<Stop>>,
    /// What of the pattern is not flown, and why.
    pub left_out: Vec<LeftOut>,
    /// Figures.
    pub stats: DrawingStats,
}

/// Figures of a drawing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DrawingStats {
    /// Length of all ways, metres.
    pub length_m: f64,
    /// … of it pattern, not ways between its pieces.
    pub pattern_m: f64,
    /// Metres of pattern left out.
    pub left_out_m: f64,
    /// Places to hover at that are left out.
    pub spots_left_out: usize,
    /// Corners of more than 15°.
    pub turns: usize,
    /// Seconds, at the request's pace, holds included.
    pub time_s: f64,
    /// Least distance from the target's outline, metres.
    pub clearance_m: f64,
}

/// Why there is no drawing.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DrawRefusal {
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
    #[error("{margin_m:.1} m inside every edge nothing is left to fly in")]
    MarginLeavesNothing {
        /// Metres.
        margin_m: f64,
    },
    /// The coverage planner's reason.
    #[error("{0}")]
    Cover(#[from] CoverRefusal),
    /// The start is not in the area.
    #[error("the way begins outside the area{}", nearest_in_words(*from, nearest.as_ref()))]
    StartOutside {
        /// The start.
        from: EastNorth,
        /// Nearest place that may be flown over.
        nearest: Option<EastNorth>,
    },
    /// The datum of a search is where nothing may fly, or the place of an anomaly too far from where something may.
    #[error("the place lies outside the area, or nearer to its edge than the margin{}", nearest_in_words(*datum, nearest.as_ref()))]
    DatumOutside {
        /// The datum when it is reached.
        datum: EastNorth,
        /// Nearest place that may be flown over.
        nearest: Option<EastNorth>,
    },
    /// The whole pattern is left out.
    #[error("nothing of the pattern can be flown: all {} pieces of it are left out", left_out.len())]
    NothingToFly {
        /// Piece by piece.
        left_out: Vec<LeftOut>,
    },
    /// No way.
    #[error("no way inside the area leads back to the start")]
    NoWay {
        /// From.
        from: EastNorth,
        /// To.
        to: EastNorth,
    },
}

fn nearest_in_words(from: EastNorth, nearest: Option<&EastNorth>) -> String {
    nearest.map_or(String::new(), |n| {
        format!(
            "; the nearest place inside is {:.1} m away",
            n.distance_m(from)
        )
    })
}

/// Free space as a [`Ground`].
struct FreeSpace<'a> {
    space: &'a Space,
    ways: SpaceWays<'a>,
    margin_m: f64,
}

impl Ground for FreeSpace<'_> {
    fn free_along(&self, a: EastNorth, b: EastNorth) -> Vec<(f64, f64)> {
        let length_m = a.distance_m(b);
        if !(length_m.is_finite() && length_m > 0.0) {
            return Vec::new();
        }
        let unit = (
            (b.east_m - a.east_m) / length_m,
            (b.north_m - a.north_m) / length_m,
        );
        let keep_m = self.margin_m + CUT_SLACK_M;
        let mut near: Vec<(f64, f64)> = self
            .space
            .edges()
            .filter_map(|e| flat::near_edge(a, unit, e, keep_m))
            .collect();
        near.sort_by(|x, y| x.0.total_cmp(&y.0));
        let mut out = Vec::new();
        let mut open_m = 0.0;
        for (from_m, to_m) in near.into_iter().chain([(length_m, length_m)]) {
            let until_m = from_m.min(length_m);
            // Between two pieces that are too near no edge is crossed: one place decides for all.
            let mid = super::lerp(a, b, (open_m + until_m) / 2.0 / length_m);
            if until_m > open_m && self.space.legal_place(mid) {
                out.push((open_m, until_m));
            }
            open_m = f64::max(open_m, to_m);
        }
        out
    }

    fn sees(&self, a: EastNorth, b: EastNorth) -> bool {
        self.space.legal_place(a) && (a == b || self.space.legal(a, b))
    }

    fn route(&self, a: EastNorth, b: EastNorth) -> Option<Vec<EastNorth>> {
        self.ways.way(a, b)
    }

    fn on_grid(&self, p: EastNorth) -> EastNorth {
        p
    }

    fn nearest(&self, p: EastNorth) -> Option<EastNorth> {
        self.ways.nearest(p)
    }
}

/// Draws. `stop` is asked often and ends the polishing of a sweep early.
///
/// # Errors
/// [`DrawRefusal`] says why not.
pub fn draw(request: &DrawRequest, mut stop: impl FnMut() -> bool) -> Result<Drawing, DrawRefusal> {
    let margin_m = request.margin_m;
    if !(margin_m.is_finite() && (0.0..=10_000.0).contains(&margin_m)) {
        return Err(DrawRefusal::BadFigure {
            what: "the margin",
            must: "between 0 and 10000 m",
            is: margin_m,
        });
    }
    if request.target.unsigned_area() <= 0.0 {
        return Err(DrawRefusal::NoTarget);
    }
    let space = Space::new(&request.target, margin_m);
    if space.parts().next().is_none() {
        return Err(DrawRefusal::MarginLeavesNothing { margin_m });
    }
    let ground = FreeSpace {
        space: &space,
        ways: space.ways(),
        margin_m,
    };
    // An aircraft nearer to the edge than the margin goes inside first, the shortest way.
    let (lead_in, from) = match request.from {
        Some(p) if !space.legal_place(p) => {
            let nearest = ground.nearest(p);
            let inside = nearest.filter(|n| crosses_nothing(&space, p, *n));
            match inside {
                Some(n) => (Some(p), Some(n)),
                None => return Err(DrawRefusal::StartOutside { from: p, nearest }),
            }
        }
        from => (None, from),
    };
    let mut scene = Scene {
        ground: &ground,
        target: &request.target,
        margin_m,
        from,
        back: request.closed,
        pace: request.pace,
        times_s: None,
        effort: request.effort,
        seed: request.seed,
    };
    if let (Some(p), Some(n)) = (lead_in, from) {
        scene.pace.start_s += request.pace.leg_time_s(p.distance_m(n));
    }
    let (joined, left_out) = settle(&request.pattern, scene, None, &mut stop)?;
    let ways: Vec<Vec<Stop>> = joined
        .ways
        .iter()
        .map(|way| {
            let mut way = tidy(&ground, way, STRAIGHT_M);
            if let Some(p) = lead_in {
                way.insert(
                    0,
                    Stop {
                        at: p,
                        hold_s: 0.0,
                        look_at: None,
                        pattern: false,
                    },
                );
            }
            way
        })
        .filter(|way| !way.is_empty())
        .collect();
    let stats = stats(&ways, &left_out, &space, request, lead_in.is_some());
    Ok(Drawing {
        ways,
        left_out,
        stats,
    })
}

/// Lays (or takes what is `ready`), cuts and joins; what drifts again until the times agree with the way that is flown.
pub(in crate::planner) fn settle(
    pattern: &Pattern<EastNorth>,
    scene: Scene<'_>,
    ready: Option<Vec<Stroke>>,
    stop: &mut dyn FnMut() -> bool,
) -> Result<(Joined, Vec<LeftOut>), DrawRefusal> {
    let drifts = matches!(
        pattern,
        Pattern::ExpandingSquare { drift: Some(_), .. }
            | Pattern::SectorSearch { drift: Some(_), .. }
    );
    let tries = if drifts { DRIFT_TRIES } else { 1 };
    let mut times: Option<Vec<f64>> = None;
    let mut done = None;
    for _ in 0..tries {
        let strokes = match &ready {
            Some(strokes) => strokes.clone(),
            None => {
                let times_s = times.as_deref();
                lay(pattern, &Scene { times_s, ..scene }, stop)?
            }
        };
        let (pieces, mut left_out) = cut(scene.ground, &strokes);
        if pieces.is_empty() {
            return Err(DrawRefusal::NothingToFly { left_out });
        }
        let joined = join(
            scene.ground,
            pieces,
            strokes.len(),
            scene.from,
            scene.back,
            &scene.pace,
        )
        .map_err(|(from, to)| DrawRefusal::NoWay { from, to })?;
        left_out.extend(joined.left_out.iter().copied());
        let flies = joined
            .ways
            .iter()
            .flatten()
            .any(|s| s.pattern || s.hold_s > 0.0);
        let spots = strokes.iter().any(|s| s.places.len() == 1);
        let hovers = spots && joined.left_out.len() < strokes.len();
        if !(flies || hovers) {
            return Err(DrawRefusal::NothingToFly { left_out });
        }
        let agree = times.as_ref().is_some_and(|t| {
            t.iter()
                .zip(&joined.times_s)
                .all(|(a, b)| (a - b).abs() < AGREE_S)
        });
        times = Some(joined.times_s.clone());
        done = Some((joined, left_out));
        if agree {
            break;
        }
    }
    done.ok_or(DrawRefusal::NoTarget)
}

fn crosses_nothing(space: &Space, from: EastNorth, to: EastNorth) -> bool {
    // Inside stays inside: the last place is legal, and no edge is met on the way.
    space.edges().all(|e| !flat::edges_meet((from, to), e))
}

fn stats(
    ways: &[Vec<Stop>],
    left_out: &[LeftOut],
    space: &Space,
    request: &DrawRequest,
    lead_in: bool,
) -> DrawingStats {
    let mut s = DrawingStats {
        length_m: 0.0,
        pattern_m: 0.0,
        left_out_m: left_out.iter().map(|l| l.metres).fold(0.0, |a, b| a + b),
        spots_left_out: left_out.iter().filter(|l| l.from == l.to).count(),
        turns: 0,
        time_s: request.pace.start_s,
        clearance_m: f64::INFINITY,
    };
    for way in ways {
        for (a, b) in way.iter().zip(way.iter().skip(1)) {
            let metres = a.at.distance_m(b.at);
            s.length_m += metres;
            s.pattern_m += if b.pattern { metres } else { 0.0 };
            s.time_s += request.pace.leg_time_s(metres);
        }
        s.time_s += way.iter().map(|p| p.hold_s).sum::<f64>();
        let counted = way.iter().skip(usize::from(lead_in));
        for (a, b) in counted.clone().zip(counted.clone().skip(1)) {
            s.clearance_m = s.clearance_m.min(space.clearance_m(a.at, b.at));
        }
        if let [only] = way.as_slice() {
            s.clearance_m = s.clearance_m.min(space.clearance_m(only.at, only.at));
        }
        let heading = |a: &Stop, b: &Stop| {
            (b.at.east_m - a.at.east_m)
                .atan2(b.at.north_m - a.at.north_m)
                .to_degrees()
        };
        s.turns += way
            .windows(3)
            .filter(|w| match w {
                [a, b, c] => {
                    let turned = heading(b, c) - heading(a, b);
                    ((turned + 180.0).rem_euclid(360.0) - 180.0).abs() > TURN_DEG
                }
                _ => false,
            })
            .count();
    }
    s
}
