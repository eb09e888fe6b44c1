//! Aircraft kept apart, in space or in time.
//!
//! Positions are straight lines in time at one speed, so the least distance of two aircraft is exact: between two corners
//! of either the square of their distance is a parabola. On the ground, before its start and after its end, an aircraft
//! is not counted. Corners are taken at full speed: an aircraft that brakes there runs late, so ask for a separation that
//! bears it.

use crate::plane::EastNorth;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Least distance where the caller does not say, metres.
pub const SEPARATION_M: f64 = 30.0;
/// Starting places tried on a closed way.
const SHIFTS: usize = 12;
/// Most delays tried for a flight.
const MOST_DELAYS: usize = 400;

/// One flight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flight {
    /// Who flies it. Flights of one aircraft follow each other and are not compared.
    pub aircraft: usize,
    /// Its places.
    pub places: Vec<EastNorth>,
    /// Whether it must begin and end where it does (a launch site): then it is not begun elsewhere on its round.
    pub from_site: bool,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct SeparationRequest {
    /// The flights, in the order in which they may claim their time.
    pub flights: Vec<Flight>,
    /// Speed over ground, m/s.
    pub speed_mps: f64,
    /// Least distance between any two aircraft in the air, metres; [`SEPARATION_M`] where nothing else is wished.
    pub separation_m: f64,
    /// Longest wait before a start, seconds.
    pub longest_delay_s: f64,
    /// Whether a height of its own may be given to an aircraft that cannot be kept apart otherwise.
    pub layers: bool,
}

/// How a flight is flown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// Who flies it.
    pub aircraft: usize,
    /// Its places in the order flown.
    pub places: Vec<EastNorth>,
    /// Seconds after the first start.
    pub start_s: f64,
    /// Seconds of the flight.
    pub lasts_s: f64,
    /// Flown the other way round than asked.
    pub reversed: bool,
    /// Begun at this place of the round asked (counted from 0).
    pub begun_at: usize,
    /// Height layer: aircraft of different layers are apart by height. 0 for all where none was needed.
    pub layer: usize,
}

/// The least distance of two flights of one layer while both are in the air.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Nearest {
    /// Number of one flight.
    pub one: usize,
    /// Number of the other.
    pub other: usize,
    /// Metres.
    pub least_m: f64,
    /// When, seconds after the first start.
    pub at_s: f64,
    /// Where the one is.
    pub one_at: EastNorth,
    /// Where the other is.
    pub other_at: EastNorth,
}

/// Flights kept apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Separated {
    /// In the order asked.
    pub flights: Vec<Timed>,
    /// For every two of different aircraft that are ever in the air together in one layer, their least distance.
    pub nearest: Vec<Nearest>,
    /// Seconds from the first start to the last landing.
    pub all_s: f64,
}

/// Why they cannot be kept apart.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SeparationRefusal {
    /// A figure.
    #[error("{what} must be {must}, and is {is}")]
    BadFigure {
        /// Which.
        what: &'static str,
        /// What it must be.
        must: &'static str,
        /// What it is.
        is: f64,
    },
    /// Nothing helps.
    #[error(
        "aircraft {} and {} come within {:.1} m of each other {:.0} s after the first start (at {:.0} m east, {:.0} m north), and {separation_m:.0} m are asked: no start within {longest_delay_s:.0} s and no direction keeps them apart; give them more time, heights of their own, or other sites",
        one + 1, other + 1, nearest.least_m, nearest.at_s, nearest.one_at.east_m, nearest.one_at.north_m
    )]
    TooNear {
        /// One aircraft.
        one: usize,
        /// The other.
        other: usize,
        /// The best that was found: how near, when, where. Its numbers are those of the flights.
        nearest: Nearest,
        /// What was asked, metres.
        separation_m: f64,
        /// What was allowed, seconds.
        longest_delay_s: f64,
    },
}

/// A flight as places with times, from the start on.
struct Track {
    at: Vec<(f64, EastNorth)>,
}

impl Track {
    fn new(places: &[EastNorth], speed_mps: f64) -> Self {
        let mut m = 0.0;
        let mut last: Option<EastNorth> = None;
        let mut at = Vec::with_capacity(places.len());
        for p in places {
            m += last.map_or(0.0, |l| l.distance_m(*p));
            at.push((m / speed_mps, *p));
            last = Some(*p);
        }
        Track { at }
    }

    fn lasts_s(&self) -> f64 {
        self.at.last().map_or(0.0, |a| a.0)
    }
}

/// Least distance of two tracks with these starts while both fly: (metres, seconds, where, where); `None` where they
/// never do.
fn closest(
    a: &Track,
    a_start_s: f64,
    b: &Track,
    b_start_s: f64,
) -> Option<(f64, f64, EastNorth, EastNorth)> {
    let mut best: Option<(f64, f64, EastNorth, EastNorth)> = None;
    let (mut i, mut j) = (0, 0);
    while let (Some(a0), Some(a1), Some(b0), Some(b1)) =
        (a.at.get(i), a.at.get(i + 1), b.at.get(j), b.at.get(j + 1))
    {
        let (a_from, a_to) = (a0.0 + a_start_s, a1.0 + a_start_s);
        let (b_from, b_to) = (b0.0 + b_start_s, b1.0 + b_start_s);
        let (from, to) = (a_from.max(b_from), a_to.min(b_to));
        if from <= to {
            let (p, q) = (
                on(a0.1, a1.1, a_from, a_to, from),
                on(b0.1, b1.1, b_from, b_to, from),
            );
            let (r, s) = (
                on(a0.1, a1.1, a_from, a_to, to),
                on(b0.1, b1.1, b_from, b_to, to),
            );
            // The way from one to the other, at the beginning and at the end of this spell.
            let (dx, dy) = (q.east_m - p.east_m, q.north_m - p.north_m);
            let (ex, ey) = (s.east_m - r.east_m - dx, s.north_m - r.north_m - dy);
            let e2 = ex * ex + ey * ey;
            let t = if e2 > 0.0 {
                (-(dx * ex + dy * ey) / e2).clamp(0.0, 1.0)
            } else {
                0.0
            };
            let m = (dx + t * ex).hypot(dy + t * ey);
            if best.is_none_or(|b| m < b.0) {
                let between = |p: EastNorth, r: EastNorth| {
                    EastNorth::new(
                        p.east_m + t * (r.east_m - p.east_m),
                        p.north_m + t * (r.north_m - p.north_m),
                    )
                };
                best = Some((m, from + t * (to - from), between(p, r), between(q, s)));
            }
        }
        if a_to <= b_to {
            i += 1;
        } else {
            j += 1;
        }
    }
    best
}

/// Where an aircraft is at a time on a leg.
fn on(a: EastNorth, b: EastNorth, from_s: f64, to_s: f64, at_s: f64) -> EastNorth {
    let t = if to_s > from_s {
        ((at_s - from_s) / (to_s - from_s)).clamp(0.0, 1.0)
    } else {
        0.0
    };
    EastNorth::new(
        a.east_m + t * (b.east_m - a.east_m),
        a.north_m + t * (b.north_m - a.north_m),
    )
}

/// Least distances of flights as they are timed, without changing anything.
#[must_use]
pub fn nearest(flights: &[Timed], speed_mps: f64) -> Vec<Nearest> {
    let tracks: Vec<Track> = flights
        .iter()
        .map(|f| Track::new(&f.places, speed_mps))
        .collect();
    let mut out = Vec::new();
    for (other, (g, u)) in flights.iter().zip(&tracks).enumerate() {
        for (one, (f, t)) in flights.iter().zip(&tracks).enumerate().take(other) {
            if f.aircraft != g.aircraft
                && f.layer == g.layer
                && let Some((least_m, at_s, one_at, other_at)) = closest(t, f.start_s, u, g.start_s)
            {
                out.push(Nearest {
                    one,
                    other,
                    least_m,
                    at_s,
                    one_at,
                    other_at,
                });
            }
        }
    }
    out
}

/// Keeps flights apart: as they are where that does, else by another direction, another place to begin a round, a later
/// start, or (where allowed) a height of its own, tried in this order, flight after flight. The same request gives the
/// same answer.
///
/// # Errors
/// [`SeparationRefusal`]: who, where and when, or a figure that makes no sense.
pub fn separate(request: &SeparationRequest) -> Result<Separated, SeparationRefusal> {
    check(request)?;
    let n = request.flights.len();
    let mut order: Vec<usize> = (0..n).collect();
    let mut refused = None;
    // Whoever could not be placed comes first the next time.
    for _ in 0..n.max(1) {
        match placed(request, &order, false) {
            Ok(flights) => return Ok(finished(flights, request.speed_mps)),
            Err((last, refusal)) => {
                refused.get_or_insert(refusal);
                let Some(at) = order.iter().position(|i| *i == last) else {
                    break;
                };
                if at == 0 {
                    break;
                }
                order.remove(at);
                order.insert(0, last);
            }
        }
    }
    let order: Vec<usize> = (0..n).collect();
    if request.layers
        && let Ok(flights) = placed(request, &order, true)
    {
        return Ok(finished(flights, request.speed_mps));
    }
    match refused {
        Some(r) => Err(r),
        None => Ok(finished(Vec::new(), request.speed_mps)),
    }
}

fn finished(flights: Vec<Timed>, speed_mps: f64) -> Separated {
    Separated {
        nearest: nearest(&flights, speed_mps),
        all_s: flights
            .iter()
            .map(|f| f.start_s + f.lasts_s)
            .fold(0.0, f64::max),
        flights,
    }
}

fn check(r: &SeparationRequest) -> Result<(), SeparationRefusal> {
    let bad = |what, must, is| Err(SeparationRefusal::BadFigure { what, must, is });
    // Written so that NaN is refused too.
    if !(r.speed_mps > 0.0 && r.speed_mps < 1e3) {
        return bad("the speed", "above 0 and below 1000 m/s", r.speed_mps);
    }
    if !(r.separation_m >= 0.0 && r.separation_m < 1e6) {
        return bad("the separation", "0 or more metres", r.separation_m);
    }
    if !(r.longest_delay_s >= 0.0 && r.longest_delay_s <= 86_400.0) {
        return bad("the longest wait", "0 to 86400 s", r.longest_delay_s);
    }
    let places = r.flights.iter().flat_map(|f| &f.places);
    let wrong = places
        .flat_map(|p| [p.east_m, p.north_m])
        .find(|v| !v.is_finite() || v.abs() > 1e7);
    match wrong {
        Some(is) => bad("every coordinate", "a number of metres", is),
        None => Ok(()),
    }
}

/// The ways in which a flight may be flown, the least changed first: (places, reversed, begun at).
fn manners(flight: &Flight) -> Vec<(Vec<EastNorth>, bool, usize)> {
    let turned: Vec<EastNorth> = flight.places.iter().rev().copied().collect();
    let mut out = vec![
        (flight.places.clone(), false, 0),
        (turned, true, flight.places.len().saturating_sub(1)),
    ];
    let round = flight.places.len() > 3 && flight.places.first() == flight.places.last();
    if round && !flight.from_site {
        let open = flight.places.len() - 1;
        for s in 1..SHIFTS.min(open) {
            let at = s * open / SHIFTS.min(open);
            for reversed in [false, true] {
                let mut places: Vec<EastNorth> = flight.places.iter().take(open).copied().collect();
                places.rotate_left(at);
                if let Some(p) = places.first().copied() {
                    places.push(p);
                }
                if reversed {
                    places.reverse();
                }
                out.push((places, reversed, at));
            }
        }
    }
    out
}

type Stuck = (usize, SeparationRefusal);

/// Places flight after flight in this order.
fn placed(r: &SeparationRequest, order: &[usize], layers: bool) -> Result<Vec<Timed>, Stuck> {
    let mut done: Vec<(usize, Timed, Track)> = Vec::new();
    let step_s = (r.separation_m / r.speed_mps / 2.0)
        .max(1.0)
        .max(r.longest_delay_s / MOST_DELAYS as f64);
    let delays = (r.longest_delay_s / step_s).floor() as usize;
    for i in order {
        let Some(flight) = r.flights.get(*i) else {
            continue;
        };
        // An aircraft's next flight begins when it is back from the one before.
        let ready_s = done
            .iter()
            .filter(|d| d.1.aircraft == flight.aircraft)
            .map(|d| d.1.start_s + d.1.lasts_s)
            .fold(0.0, f64::max);
        let own = done.iter().find(|d| d.1.aircraft == flight.aircraft);
        let last_layer = done.iter().map(|d| d.1.layer).max().unwrap_or(0);
        let highest = if layers { last_layer + 1 } else { 0 };
        let all = manners(flight);
        let tracks: Vec<Track> = all.iter().map(|m| Track::new(&m.0, r.speed_mps)).collect();
        let mut best: Option<(f64, Timed, Nearest)> = None;
        let mut found = None;
        'search: for layer in own.map_or(0, |d| d.1.layer)..=own.map_or(highest, |d| d.1.layer) {
            for delay in 0..=delays {
                let start_s = ready_s + delay as f64 * step_s;
                // Rounds are begun elsewhere only without a wait: a wait does as much.
                let tried = if delay == 0 { all.len() } else { 2 };
                for ((places, reversed, begun_at), track) in all.iter().zip(&tracks).take(tried) {
                    let timed = || Timed {
                        aircraft: flight.aircraft,
                        places: places.clone(),
                        start_s,
                        lasts_s: track.lasts_s(),
                        reversed: *reversed,
                        begun_at: *begun_at,
                        layer,
                    };
                    let near = done
                        .iter()
                        .filter(|d| d.1.aircraft != flight.aircraft && d.1.layer == layer)
                        .filter_map(|(k, d, t)| {
                            let c = closest(t, d.start_s, track, start_s)?;
                            Some((*k, c))
                        })
                        .min_by(|x, y| x.1.0.total_cmp(&y.1.0));
                    let Some((k, (least_m, at_s, one_at, other_at))) = near else {
                        found = Some(timed());
                        break 'search;
                    };
                    if least_m >= r.separation_m {
                        found = Some(timed());
                        break 'search;
                    }
                    if best.as_ref().is_none_or(|b| least_m > b.0) {
                        let nearest = Nearest {
                            one: k,
                            other: *i,
                            least_m,
                            at_s,
                            one_at,
                            other_at,
                        };
                        best = Some((least_m, timed(), nearest));
                    }
                }
            }
        }
        match (found, best) {
            (Some(t), _) => {
                let track = Track::new(&t.places, r.speed_mps);
                done.push((*i, t, track));
            }
            (None, Some((_, t, nearest))) => {
                let one = done
                    .iter()
                    .find(|d| d.0 == nearest.one)
                    .map_or(0, |d| d.1.aircraft);
                return Err((
                    *i,
                    SeparationRefusal::TooNear {
                        one,
                        other: t.aircraft,
                        nearest,
                        separation_m: r.separation_m,
                        longest_delay_s: r.longest_delay_s,
                    },
                ));
            }
            (None, None) => {}
        }
    }
    done.sort_by_key(|d| d.0);
    Ok(done.into_iter().map(|d| d.1).collect())
}
