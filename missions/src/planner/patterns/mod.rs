//! The patterns that officers fly: geometry on the local plane, in metres, for a free space with holes and a margin.
//!
//! [`draw`] lays a pattern as strokes, cuts them to what keeps the margin, and leads from piece to piece by ways inside
//! free space; what is left out is counted and said. It knows no fence, no height and no return: `plan_patrol` lays the
//! same strokes and proves every leg. No clock, no dice of its own: the same request gives the same drawing.
//!
//! Searches follow the IAMSAR Manual (IMO/ICAO), volume III, section "Search patterns", and volume II, chapter 5.

mod corridor;
mod creeping;
pub(in crate::planner) mod draw;
pub(in crate::planner) mod join;
pub(in crate::planner) mod lay;
pub(in crate::planner) mod rings;
mod searches;
mod spots;
#[cfg(test)]
mod tests;

pub use draw::{DrawRefusal, DrawRequest, Drawing, DrawingStats, draw};
pub use join::{LeftOut, Stop, Why};
use lay::Stroke;

use crate::place::LatLon;
use crate::plane::EastNorth;
use serde::{Deserialize, Serialize};

/// What to fly. `P` is a place: [`LatLon`] in a request, [`EastNorth`] on the local plane.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case")]
#[serde(bound(deserialize = "P: Deserialize<'de>"))]
pub enum Pattern<P = LatLon> {
    /// Back and forth over the free area, in the order and direction that make the shortest way.
    Sweep {
        /// Width seen along a straight leg, metres.
        swath_m: f64,
        /// Direction of the lines, degrees clockwise from north; chosen when absent.
        angle_deg: Option<f64>,
    },
    /// Once around every part of the free area, inside its boundary.
    Perimeter {
        /// Distance from the boundary, metres; never less than the margin.
        offset_m: f64,
    },
    /// Parallel passes along a river or a road.
    Corridor {
        /// Its middle.
        line: Vec<P>,
        /// Width to be seen, metres, half to each side.
        width_m: f64,
        /// Width seen along a straight leg, metres.
        swath_m: f64,
    },
    /// A round over places to hover at, in the order that makes the shortest way.
    WatchPoints {
        /// The places, in any order.
        points: Vec<WatchPoint<P>>,
    },
    /// Around a point of interest, looking inwards.
    Orbit {
        /// What is looked at. It may lie where nothing may fly.
        centre: P,
        /// How.
        #[serde(flatten)]
        round: Round,
    },
    /// IAMSAR expanding square (SS): legs d, d, 2d, 2d, 3d, 3d … from the datum outwards, 90° turns. A second search of the
    /// same area turns the first leg by 45°.
    ExpandingSquare {
        /// Where the search object is most likely.
        datum: P,
        /// Track spacing, and length of the first two legs, metres.
        spacing_m: f64,
        /// Direction of the first leg, degrees clockwise from north; the manual takes it into the wind.
        first_leg_deg: f64,
        /// Number of legs.
        legs: u32,
        /// Which way it turns; the manual turns right.
        #[serde(default)]
        turn: Hand,
        /// For what drifts.
        #[serde(default)]
        drift: Option<Drift>,
    },
    /// IAMSAR sector search (VS): three triangles through the datum, nine legs of one radius, 120° turns. A second run is
    /// turned by 30°.
    SectorSearch {
        /// Where the search object is most likely.
        datum: P,
        /// Length of every leg, metres.
        radius_m: f64,
        /// Direction of the first leg, degrees clockwise from north; the manual takes it down drift.
        first_leg_deg: f64,
        /// One run or two.
        runs: u32,
        /// Which way it turns; the manual turns right.
        #[serde(default)]
        turn: Hand,
        /// For what drifts.
        #[serde(default)]
        drift: Option<Drift>,
    },
    /// IAMSAR creeping line (CS) or parallel track (PS): legs of one direction, strictly one after the other, beginning
    /// half a track spacing inside the corner next to the commence point.
    CreepingLine {
        /// Track spacing, metres; drawn a little together so that the legs fill the area evenly.
        spacing_m: f64,
        /// Direction of the legs, degrees clockwise from north; along the short side when absent (creeping line).
        leg_deg: Option<f64>,
        /// Begin at the corner next to here; next to the start when absent.
        commence: Option<P>,
        /// Only inside this ring (not closed); the whole free area when absent.
        #[serde(default)]
        area: Option<Vec<P>>,
    },
    /// To one place, say of an anomaly, by the shortest way, and hover or circle there.
    Revisit {
        /// The place. Where nothing may hover over it, the nearest place is taken, looking at it.
        place: P,
        /// Seconds to hover, when it is not circled.
        hold_s: f64,
        /// Circle it instead.
        #[serde(default)]
        round: Option<Round>,
    },
}

/// A place to hover at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatchPoint<P = LatLon> {
    /// Where.
    pub at: P,
    /// Seconds.
    pub hold_s: f64,
}

/// Circles around something.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Round {
    /// Metres.
    pub radius_m: f64,
    /// How often around.
    pub turns: u32,
    /// `right` flies clockwise as seen from above.
    #[serde(default)]
    pub turn: Hand,
}

/// Which way a pattern turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// To starboard.
    #[default]
    Right,
    /// To port.
    Left,
}

impl Hand {
    fn sign(self) -> f64 {
        match self {
            Hand::Right => 1.0,
            Hand::Left => -1.0,
        }
    }
}

/// A steady motion over ground.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Where it goes to, degrees clockwise from north.
    pub toward_deg: f64,
    /// Metres a second.
    pub mps: f64,
}

/// How a person in the water drifts: total water current and leeway added (IAMSAR volume II, chapter 4). The legs are laid
/// in the frame that moves with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Total water current.
    pub current: Flow,
    /// Leeway: the wind's push, down wind.
    #[serde(default)]
    pub leeway: Flow,
    /// Age of the datum at the start, seconds.
    #[serde(default)]
    pub age_s: f64,
}

impl Drift {
    /// Metres a second east and north.
    #[must_use]
    pub fn velocity_mps(&self) -> EastNorth {
        let of = |f: Flow| {
            let (sin, cos) = f.toward_deg.to_radians().sin_cos();
            (f.mps * sin, f.mps * cos)
        };
        let ((a, b), (c, d)) = (of(self.current), of(self.leeway));
        EastNorth::new(a + c, b + d)
    }
}

/// How fast legs are flown: from rest to rest, braking and accelerating alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Metres a second.
    pub speed_mps: f64,
    /// Metres a second squared; infinite for no time lost at corners.
    pub brake_mps2: f64,
    /// Seconds before the first leg begins (the climb).
    pub start_s: f64,
}

impl Pace {
    /// Seconds for a straight leg.
    #[must_use]
    pub fn leg_time_s(&self, length_m: f64) -> f64 {
        let (v, a) = (self.speed_mps, self.brake_mps2);
        if length_m <= 0.0 {
            0.0
        } else if length_m < v * v / a {
            2.0 * (length_m / a).sqrt()
        } else {
            length_m / v + v / a
        }
    }

    /// Metres that could be flown in the time a stop at a corner takes.
    #[must_use]
    pub fn corner_m(&self) -> f64 {
        self.speed_mps * self.speed_mps / self.brake_mps2
    }
}

impl<P> Pattern<P> {
    /// Its serde name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Pattern::Sweep { .. } => "sweep",
            Pattern::Perimeter { .. } => "perimeter",
            Pattern::Corridor { .. } => "corridor",
            Pattern::WatchPoints { .. } => "watch_points",
            Pattern::Orbit { .. } => "orbit",
            Pattern::ExpandingSquare { .. } => "expanding_square",
            Pattern::SectorSearch { .. } => "sector_search",
            Pattern::CreepingLine { .. } => "creeping_line",
            Pattern::Revisit { .. } => "revisit",
        }
    }

    /// The same pattern with its places told otherwise.
    #[must_use]
    pub fn map<Q>(&self, place: impl Fn(&P) -> Q) -> Pattern<Q> {
        match self {
            Pattern::Sweep { swath_m, angle_deg } => Pattern::Sweep {
                swath_m: *swath_m,
                angle_deg: *angle_deg,
            },
            Pattern::Perimeter { offset_m } => Pattern::Perimeter {
                offset_m: *offset_m,
            },
            Pattern::Corridor {
                line,
                width_m,
                swath_m,
            } => Pattern::Corridor {
                line: line.iter().map(place).collect(),
                width_m: *width_m,
                swath_m: *swath_m,
            },
            Pattern::WatchPoints { points } => Pattern::WatchPoints {
                points: points
                    .iter()
                    .map(|w| WatchPoint {
                        at: place(&w.at),
                        hold_s: w.hold_s,
                    })
                    .collect(),
            },
            Pattern::Orbit { centre, round } => Pattern::Orbit {
                centre: place(centre),
                round: *round,
            },
            Pattern::ExpandingSquare {
                datum,
                spacing_m,
                first_leg_deg,
                legs,
                turn,
                drift,
            } => Pattern::ExpandingSquare {
                datum: place(datum),
                spacing_m: *spacing_m,
                first_leg_deg: *first_leg_deg,
                legs: *legs,
                turn: *turn,
                drift: *drift,
            },
            Pattern::SectorSearch {
                datum,
                radius_m,
                first_leg_deg,
                runs,
                turn,
                drift,
            } => Pattern::SectorSearch {
                datum: place(datum),
                radius_m: *radius_m,
                first_leg_deg: *first_leg_deg,
                runs: *runs,
                turn: *turn,
                drift: *drift,
            },
            Pattern::CreepingLine {
                spacing_m,
                leg_deg,
                commence,
                area,
            } => Pattern::CreepingLine {
                spacing_m: *spacing_m,
                leg_deg: *leg_deg,
                commence: commence.as_ref().map(&place),
                area: area.as_ref().map(|a| a.iter().map(&place).collect()),
            },
            Pattern::Revisit {
                place: at,
                hold_s,
                round,
            } => Pattern::Revisit {
                place: place(at),
                hold_s: *hold_s,
                round: *round,
            },
        }
    }
}

/// `metres` from `p` in a direction given in degrees clockwise from north.
fn step(p: EastNorth, toward_deg: f64, metres: f64) -> EastNorth {
    let (sin, cos) = toward_deg.to_radians().sin_cos();
    EastNorth::new(p.east_m + metres * sin, p.north_m + metres * cos)
}

/// `a + t (b − a)`.
fn lerp(a: EastNorth, b: EastNorth, t: f64) -> EastNorth {
    EastNorth::new(
        a.east_m + t * (b.east_m - a.east_m),
        a.north_m + t * (b.north_m - a.north_m),
    )
}

/// Length of a polyline, metres.
fn length_m(places: &[EastNorth]) -> f64 {
    places
        .iter()
        .zip(places.iter().skip(1))
        .map(|(a, b)| a.distance_m(*b))
        .sum()
}
