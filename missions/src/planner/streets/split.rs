//! A tour cut into flights that a battery lasts for.
//!
//! Route first, cluster second (Beasley 1983; Ulusoy 1985): for the given order of the streets, the cheapest cuts are a
//! shortest path over "the flight from street i to street j".

use super::super::rounds::kit::At;
use super::{Pass, StreetFault, StreetNetwork};

/// Cuts a tour into flights from and to `base`, none longer than `endurance_s`, with the least time in sum for this order.
/// The tour is also tried from every street as the first, at most 64 of them evenly spread.
///
/// # Errors
/// [`StreetFault::BeyondBattery`] when one street alone is too far; [`StreetFault::NoSuchPlace`] for a base that is no place.
pub fn split_by_battery(
    network: &StreetNetwork,
    tour: &[Pass],
    base: usize,
    endurance_s: f64,
) -> Result<Vec<Vec<Pass>>, StreetFault> {
    if base >= network.places() {
        return Err(StreetFault::NoSuchPlace {
            street: 0,
            place: base,
            places: network.places(),
        });
    }
    for p in tour {
        let needed_s = flight_s(network, std::slice::from_ref(p), base);
        if endurance_s.is_nan() || needed_s > endurance_s {
            return Err(StreetFault::BeyondBattery {
                street: p.street,
                needed_s,
                endurance_s,
            });
        }
    }
    let m = tour.len();
    let mut best: (f64, Vec<Vec<Pass>>) = (f64::INFINITY, Vec::new());
    let tries = m.min(64);
    for k in 0..tries {
        let mut order = tour.to_vec();
        order.rotate_left(k * m / tries);
        let (cost_s, cuts) = cheapest_cuts(network, &order, base, endurance_s);
        if cost_s < best.0 - 1e-9 {
            let flights = cuts
                .iter()
                .filter_map(|(a, b)| order.get(*a..*b).map(<[Pass]>::to_vec))
                .collect();
            best = (cost_s, flights);
        }
    }
    Ok(best.1)
}

/// Seconds of a flight from the base over the passes and back.
#[must_use]
pub fn flight_s(network: &StreetNetwork, passes: &[Pass], base: usize) -> f64 {
    let mut at = base;
    let mut sum = 0.0;
    for p in passes {
        sum += network.transit_s(at, network.start(*p)) + network.pass_s(*p);
        at = network.end(*p);
    }
    sum + network.transit_s(at, base)
}

fn cheapest_cuts(
    network: &StreetNetwork,
    order: &[Pass],
    base: usize,
    endurance_s: f64,
) -> (f64, Vec<(usize, usize)>) {
    let m = order.len();
    let mut least = vec![f64::INFINITY; m + 1];
    let mut from = vec![0usize; m + 1];
    least.put(0, 0.0);
    for i in 0..m {
        let mut out_s = 0.0;
        let mut at = base;
        for j in i..m {
            let p = order.at(j);
            out_s += network.transit_s(at, network.start(p)) + network.pass_s(p);
            at = network.end(p);
            let whole = out_s + network.transit_s(at, base);
            // Not a break: the way home may become shorter again, but the way out never does.
            if out_s > endurance_s {
                break;
            }
            if whole <= endurance_s && least.at(i) + whole < least.at(j + 1) {
                least.put(j + 1, least.at(i) + whole);
                from.put(j + 1, i);
            }
        }
    }
    let mut cuts = Vec::new();
    let mut end = m;
    while end > 0 {
        cuts.push((from.at(end), end));
        end = from.at(end);
    }
    cuts.reverse();
    (least.at(m), cuts)
}
