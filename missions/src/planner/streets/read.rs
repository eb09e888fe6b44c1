//! The text files of the LineCoverage-dataset (UNC Charlotte): places and required streets.
//!
//! `node_data`: a line a place: id, east and north in metres, latitude, longitude, height. `req_edge_list`: a line a
//! street: the ids of its ends.

use super::StreetFault;
use crate::plane::EastNorth;
use std::collections::BTreeMap;

/// Places in metres, and streets as pairs of their numbers.
pub type Network = (Vec<EastNorth>, Vec<(usize, usize)>);

/// Reads both files' text.
///
/// # Errors
/// [`StreetFault::BadLine`] with the file, the line and what is wrong with it.
pub fn line_coverage(node_data: &str, req_edge_list: &str) -> Result<Network, StreetFault> {
    let mut number: BTreeMap<&str, usize> = BTreeMap::new();
    let mut places = Vec::new();
    for (i, text) in node_data
        .lines()
        .enumerate()
        .filter(|l| !l.1.trim().is_empty())
    {
        let bad = |what: &str| StreetFault::BadLine {
            file: "node_data",
            line: i + 1,
            what: what.into(),
        };
        let mut words = text.split_whitespace();
        let id = words.next().ok_or_else(|| bad("no id"))?;
        let mut metres = || {
            words
                .next()
                .and_then(|w| w.parse::<f64>().ok())
                .filter(|x| x.is_finite())
                .ok_or_else(|| bad("a place is an id, metres east and metres north"))
        };
        let place = EastNorth::new(metres()?, metres()?);
        if number.insert(id, places.len()).is_some() {
            return Err(bad("the id stands there twice"));
        }
        places.push(place);
    }
    let mut streets = Vec::new();
    for (i, text) in req_edge_list
        .lines()
        .enumerate()
        .filter(|l| !l.1.trim().is_empty())
    {
        let bad = |what: &str| StreetFault::BadLine {
            file: "req_edge_list",
            line: i + 1,
            what: what.into(),
        };
        let mut words = text.split_whitespace();
        let mut end = || {
            let id = words.next().ok_or_else(|| bad("a street is two ids"))?;
            number
                .get(id)
                .copied()
                .ok_or_else(|| bad("no place has this id"))
        };
        streets.push((end()?, end()?));
    }
    Ok((places, streets))
}
