//! A recorded flight flown again in the simulator, by the companion's own code, with other wind, another fault or other
//! rules; and both tracks side by side.
//!
//! The recorded track is where the aircraft said it was; the new one is where the simulated aircraft truly was. Both are
//! judged by the same oracle, which shares nothing with the fence that either was flown by.

use super::flight::fly;
use super::{Case, Circumstances, Place, WhatCase};
use crate::evidence::export::Facts;
use crate::record::line::Fact;
use anyhow::{Context, ensure};
use link::common::{MavAutopilot, MavMessage as Common};
use link::frame::Msg;
use missions::plan::{PatrolPlan, hex};
use missions::plane::{EastNorth, LocalPlane};
use serde::Serialize;
use sim::autopilot::AutopilotKind;
use sim::oracle::Containment;
use std::collections::BTreeMap;

/// In the air above this, metres over home: what a barometer makes of standing on the ground is less.
const AIRBORNE_M: f64 = 1.0;
/// Places of a recorded track at most; a longer one is thinned.
const MOST_PLACES: usize = 20_000;

/// One of the two flights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Flight {
    /// From take-off to the last place in the air, seconds.
    pub flight_s: f64,
    /// Over ground, metres.
    pub length_m: f64,
    /// Highest, metres above home.
    pub highest_m: f64,
    /// Least distance to a fence element in the air, metres; negative: outside.
    pub min_clearance_m: Option<f64>,
    /// The zone that is.
    pub clearance_zone: String,
    /// Alarms on the ground, by rule.
    pub alarms: BTreeMap<String, u32>,
    /// Where it was, in order.
    pub track: Vec<Place>,
}

/// How far the tracks are apart over ground: of every place of either, to the nearest of the other's legs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Apart {
    /// Half of the places are nearer, metres.
    pub p50_m: f64,
    /// 95 of 100 are nearer, metres.
    pub p95_m: f64,
    /// The farthest, metres.
    pub most_m: f64,
    /// Where that is: longitude, latitude, degrees WGS-84.
    pub most_at: [f64; 2],
    /// Between the two last places, metres.
    pub ends_m: f64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Refly {
    /// SHA-256 of the plan, hex.
    pub plan: String,
    /// Its name.
    pub name: String,
    /// The autopilot it was flown again with.
    pub autopilot: &'static str,
    /// Everything random follows from it.
    pub seed: u64,
    /// Wind at most, m/s.
    pub wind_mps: f64,
    /// As it was recorded.
    pub recorded: Flight,
    /// As it was flown again.
    pub again: Flight,
    /// What the new flight came to, as a rehearsal tells it.
    pub case: Case,
    /// Between them.
    pub apart: Apart,
    /// What the officer's script could not do, in words.
    pub problems: Vec<String>,
}

/// What is flown again, and how.
#[derive(Clone, Debug)]
pub struct Wish {
    /// What goes wrong.
    pub case: WhatCase,
    /// What is other than the plan says.
    pub other: Circumstances,
    /// Otherwise that of the recording.
    pub kind: Option<AutopilotKind>,
    /// Everything random follows from it.
    pub seed: u64,
    /// MAVLink system whose track is meant; otherwise the one that flew longest.
    pub system: Option<u8>,
}

/// The autopilot that speaks in a recording.
fn recorded_kind(facts: &Facts, system: u8) -> Option<AutopilotKind> {
    facts.frames.iter().find_map(|(_, frame)| {
        let h = frame.header();
        if h.system != system || h.msg_id != 0 {
            return None;
        }
        match frame.decode() {
            Msg::Common(m) => match *m {
                Common::HEARTBEAT(d) if d.autopilot == MavAutopilot::MAV_AUTOPILOT_PX4 => {
                    Some(AutopilotKind::Px4)
                }
                Common::HEARTBEAT(d)
                    if d.autopilot == MavAutopilot::MAV_AUTOPILOT_ARDUPILOTMEGA =>
                {
                    Some(AutopilotKind::ArduPilot)
                }
                _ => None,
            },
            _ => None,
        }
    })
}

/// The recorded flight of `system`, or of the one that flew longest, judged by the oracle.
fn recorded(
    facts: &Facts,
    venue_geojson: &str,
    system: Option<u8>,
) -> anyhow::Result<(u8, Flight)> {
    let tracks = facts.tracks();
    let in_air = |fixes: &[&crate::evidence::export::Fix]| {
        fixes
            .iter()
            .filter(|f| f.above_home_m > AIRBORNE_M && f.armed != Some(false))
            .count()
    };
    let (system, fixes) = match system {
        Some(s) => {
            let fixes = tracks
                .get(&s)
                .with_context(|| format!("no aircraft with the system id {s} is in it"))?;
            (s, fixes)
        }
        None => tracks
            .iter()
            .max_by_key(|(_, fixes)| in_air(fixes))
            .map(|(s, fixes)| (*s, fixes))
            .context("no aircraft told where it was")?,
    };
    let flying: Vec<_> = fixes
        .iter()
        .filter(|f| f.above_home_m > AIRBORNE_M && f.armed != Some(false))
        .collect();
    let (Some(first), Some(last)) = (flying.first(), flying.last()) else {
        anyhow::bail!("aircraft {system} never flew in it");
    };
    let seconds = |us: i64| (us as f64) * 1e-6;
    let every = flying.len().div_ceil(MOST_PLACES).max(1);
    let mut oracle = Containment::new(venue_geojson)?;
    for f in &flying {
        oracle.observe(f.utc.0, true, f.lat_deg, f.lon_deg, f.alt_amsl_m);
    }
    let track: Vec<Place> = flying
        .iter()
        .step_by(every)
        .map(|f| Place {
            t_s: seconds(f.utc.0.saturating_sub(first.utc.0)),
            at: [f.lon_deg, f.lat_deg],
            above_home_m: f.above_home_m,
        })
        .collect();
    let mut alarms: BTreeMap<String, u32> = BTreeMap::new();
    for l in &facts.lines {
        if let Fact::Anomaly { anomaly, new: true } = &l.fact
            && let Some(rule) = anomaly.get("rule").and_then(|r| r.as_str())
        {
            *alarms.entry(rule.to_owned()).or_default() += 1;
        }
    }
    let worst = oracle.worst().map(|w| (w.metres, w.zone.clone()));
    let flight_s = seconds(last.utc.0.saturating_sub(first.utc.0));
    Ok((system, flight(track, flight_s, worst, alarms)))
}

fn flight(
    track: Vec<Place>,
    flight_s: f64,
    worst: Option<(f64, String)>,
    alarms: BTreeMap<String, u32>,
) -> Flight {
    let plane = track
        .first()
        .and_then(|p| missions::place::LatLon::from_degrees(p.at[1], p.at[0]).ok())
        .map(LocalPlane::new);
    let places = plane.map_or_else(Vec::new, |plane| local(&plane, &track));
    Flight {
        flight_s,
        length_m: places
            .windows(2)
            .map(|w| match w {
                [a, b] => a.distance_m(*b),
                _ => 0.0,
            })
            .sum(),
        highest_m: track.iter().map(|p| p.above_home_m).fold(0.0, f64::max),
        min_clearance_m: worst.as_ref().map(|w| w.0),
        clearance_zone: worst.map_or_else(String::new, |w| w.1),
        alarms,
        track,
    }
}

fn local(plane: &LocalPlane, track: &[Place]) -> Vec<EastNorth> {
    track
        .iter()
        .map(|p| plane.to_local_degrees(p.at[1], p.at[0]))
        .collect()
}

/// Metres from a place to a leg.
fn off_leg_m(p: EastNorth, a: EastNorth, b: EastNorth) -> f64 {
    let (dx, dy) = (b.east_m - a.east_m, b.north_m - a.north_m);
    let long = dx * dx + dy * dy;
    let along = if long > 0.0 {
        (((p.east_m - a.east_m) * dx + (p.north_m - a.north_m) * dy) / long).clamp(0.0, 1.0)
    } else {
        0.0
    };
    p.distance_m(EastNorth::new(
        a.east_m + along * dx,
        a.north_m + along * dy,
    ))
}

/// Metres from a place to a way; a way of one place is that place.
fn off_way_m(p: EastNorth, way: &[EastNorth]) -> f64 {
    let legs = way.windows(2).map(|w| match w {
        [a, b] => off_leg_m(p, *a, *b),
        _ => f64::INFINITY,
    });
    let single = way.iter().take(1).map(|a| p.distance_m(*a));
    legs.chain(single).fold(f64::INFINITY, f64::min)
}

/// How far two tracks are apart. `None`: one of them is empty.
fn apart(plane: &LocalPlane, one: &[Place], other: &[Place]) -> Option<Apart> {
    let (a, b) = (local(plane, one), local(plane, other));
    let ends_m = a.last()?.distance_m(*b.last()?);
    let each = |from: &[EastNorth], places: &[Place], to: &[EastNorth]| -> Vec<(f64, [f64; 2])> {
        from.iter()
            .zip(places)
            .map(|(p, place)| (off_way_m(*p, to), place.at))
            .collect()
    };
    let mut all = each(&a, one, &b);
    all.extend(each(&b, other, &a));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let part = |q: usize| all.get((all.len() - 1) * q / 100).map(|d| d.0);
    let (most_m, most_at) = all.last().copied()?;
    Some(Apart {
        p50_m: part(50)?,
        p95_m: part(95)?,
        most_m,
        most_at,
        ends_m,
    })
}

/// Flies a recording's plan again. `go_on` is told the part that is done; when it says no, there is no result.
///
/// # Errors
/// When nothing flew in the recording, or the world cannot be staged.
pub fn refly(
    plan: &PatrolPlan,
    facts: &Facts,
    wish: &Wish,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> anyhow::Result<Option<Refly>> {
    let file = plan.file();
    let venue = file.venue.to_string();
    let (system, recorded) = recorded(facts, &venue, wish.system)?;
    let kind = wish
        .kind
        .or_else(|| recorded_kind(facts, system))
        .unwrap_or(AutopilotKind::Px4);
    let Some(flown) = fly(plan, wish.case, &wish.other, kind, wish.seed, go_on)? else {
        return Ok(None);
    };
    ensure!(
        !flown.track.is_empty(),
        "it did not take off again: {}",
        flown.problems.join("; ")
    );
    let worst = flown.case.min_clearance_m;
    let again = flight(
        flown.track,
        flown.case.flight_s,
        worst.map(|m| (m, flown.case.clearance_zone.clone())),
        flown.alarms,
    );
    let plane = LocalPlane::new(file.home.at);
    let apart = apart(&plane, &recorded.track, &again.track).context("a track is empty")?;
    Ok(Some(Refly {
        plan: hex(&plan.hash()),
        name: file.name.clone(),
        autopilot: crate::rehearse::campaign::kind_name(kind),
        seed: wish.seed,
        wind_mps: flown.wind_mps,
        recorded,
        again,
        case: flown.case,
        apart,
        problems: flown.problems,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use missions::place::LatLon;

    fn place(t_s: f64, east_m: f64, north_m: f64) -> Place {
        let plane = LocalPlane::new(LatLon::from_degrees(27.8, 120.1).unwrap());
        let at = plane.to_latlon(EastNorth::new(east_m, north_m)).unwrap();
        Place {
            t_s,
            at: [at.lon_deg(), at.lat_deg()],
            above_home_m: 20.0,
        }
    }

    #[test]
    fn tracks_are_as_far_apart_as_their_farthest_place_whichever_has_it() {
        let plane = LocalPlane::new(LatLon::from_degrees(27.8, 120.1).unwrap());
        let straight: Vec<Place> = (0..=10)
            .map(|i| place(f64::from(i), 10.0 * f64::from(i), 0.0))
            .collect();
        // The same way with two places only: no place is off it.
        let sparse = [straight[0], straight[10]];
        let same = apart(&plane, &straight, &sparse).unwrap();
        assert!(same.most_m < 0.02 && same.ends_m < 0.02, "{same:?}");
        // One that goes 30 m aside in its middle: found from either side.
        let mut aside = straight.clone();
        aside[5] = place(5.0, 50.0, 30.0);
        for (a, b) in [(&straight, &aside), (&aside, &straight)] {
            let d = apart(&plane, a, b).unwrap();
            assert!((d.most_m - 30.0).abs() < 0.1, "{d:?}");
            assert!((d.most_at[1] - aside[5].at[1]).abs() < 1e-9, "{d:?}");
            assert!(d.p50_m < 12.0 && d.ends_m < 0.02, "{d:?}");
        }
        assert_eq!(apart(&plane, &straight, &[]), None);
    }
}
