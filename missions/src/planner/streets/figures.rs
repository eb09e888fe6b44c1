//! What the tour of one street network is worth, for a benchmark: bytes in, figures out.
//!
//! The costs are those of the LineCoverage-dataset's table: seconds at 7 m/s along streets and 10 m/s across, in a wind of
//! 2 m/s towards the north-east; with these the optima of its column ILP-TourCost come out to the last digit.

use super::{AirSpeeds, Effort, StreetFault, StreetNetwork, plan_streets, read};
use serde::{Deserialize, Serialize};

/// Column ILP-TourCost of SRLCresults50cities.csv (Agarwal, Akella, arXiv:2208.09861) for four of its cities, seconds.
pub const ILP_TOUR_S: [(&str, f64); 4] = [
    ("beijing", 3243.31),
    ("chongqing", 2946.35),
    ("dongguan", 1156.75),
    ("hangzhou", 5710.64),
];

/// Figures of one network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreetFigures {
    /// Streets.
    pub streets: usize,
    /// Connected pieces of them.
    pub pieces: usize,
    /// Seconds of the tour before any search.
    pub first_s: f64,
    /// Seconds of the tour.
    pub cost_s: f64,
    /// No tour is faster than this (our own bound).
    pub bound_s: f64,
    /// Seconds of the optimum, as the caller knows it.
    pub optimum_s: Option<f64>,
    /// The tour over the optimum.
    pub ratio_to_optimum: Option<f64>,
    /// Kicks done.
    pub steps: u64,
}

/// The optimum of the table for a network of this name, if it is one of ours.
#[must_use]
pub fn known_optimum_s(name: &str) -> Option<f64> {
    ILP_TOUR_S.iter().find(|(n, _)| *n == name).map(|n| n.1)
}

/// Reads both files of a network (`NAME.node_data`, `NAME.req_edge_list`) and plans its tour.
///
/// # Errors
/// [`StreetFault`]: the file, the line, and what is wrong with it.
pub fn street_figures(
    node_data: &[u8],
    req_edge_list: &[u8],
    optimum_s: Option<f64>,
    effort: Effort,
    stop: &mut dyn FnMut() -> bool,
) -> Result<StreetFigures, StreetFault> {
    let text = |bytes, file| {
        std::str::from_utf8(bytes).map_err(|_| StreetFault::BadLine {
            file,
            line: 1,
            what: "the file is no text".into(),
        })
    };
    let (places, streets) = read::line_coverage(
        text(node_data, "node_data")?,
        text(req_edge_list, "req_edge_list")?,
    )?;
    let wind_mps = 2.0 * std::f64::consts::FRAC_1_SQRT_2;
    let air = AirSpeeds {
        patrol_mps: 7.0,
        transit_mps: 10.0,
        wind_east_mps: wind_mps,
        wind_north_mps: wind_mps,
    };
    let network = StreetNetwork::straight(places, &streets, air)?;
    let first = plan_streets(&network, Effort { steps: 0, ..effort }, stop)?;
    let plan = plan_streets(&network, effort, stop)?;
    Ok(StreetFigures {
        streets: streets.len(),
        pieces: network.pieces(),
        first_s: first.cost_s,
        cost_s: plan.cost_s,
        bound_s: plan.bound_s,
        optimum_s,
        ratio_to_optimum: optimum_s.map(|o| plan.cost_s / o),
        steps: plan.steps,
    })
}
