//! One flight of a rehearsal: the plan with the companion that flies it, one thing going wrong, judged by the oracles.

use super::seen::{Seen, Watched, contains};
use super::{Case, Circumstances, Deed, Found, Place, WhatCase};
use crate::desk::DeskConfig;
use crate::rehearse::headless::{goals, rules_with_roster};
use crate::rehearse::officer::{LOOK, Officer, Words};
use crate::rehearse::rig::{Rig, RigConfig};
use link::signing::Trust;
use link::state::StateReport;
use missions::anomaly::{Anomaly, AnomalyKind};
use missions::energy::timeline;
use missions::place::LatLon;
use missions::plan::{PatrolPlan, StepKind};
use missions::plane::LocalPlane;
use missions::time::Mono;
use missions::venue::{Role, Venue};
use serde_json::Value;
use sim::autopilot::{AutopilotKind, Trouble};
use sim::fault::{After, Fault, House, Planned, Side, Way};
use sim::oracle::Completion;
use sim::scenario::Scenario;
use sim::vehicle::AirframeSpec;
use sim::world::things::ThingKind;
use std::collections::BTreeMap;
use std::time::Duration;

/// A flight gets the plan's reckoned time and so much more, simulated seconds.
const MORE_S: f64 = 900.0;
/// Down and disarmed for so long, it stays down.
const DOWN_FOR: Duration = Duration::from_secs(4);
/// What the companion does is listed no longer than this.
const MOST_DEEDS: usize = 40;
/// People who break through the barrier.
const SURGE: u32 = 20;
/// In these flights the camera only keeps the eyes alive: nothing is staged, frames a second.
const IDLE_CAMERA_HZ: f64 = 0.2;
/// Farther from a staged thing than this an alarm is not about it, metres.
const MEANT_M: f64 = 40.0;
/// Places of the track a second.
const TRACK_HZ: f64 = 2.0;
/// Wind where the plan states none, metres a second.
const USUAL_WIND_MPS: (f64, f64) = (1.0, 4.0);

/// What one flight came to.
pub(super) struct Flown {
    /// What the result tells of it.
    pub case: Case,
    /// Places flown, and all of them.
    pub places: (u32, u32),
    /// Every place in order, and at rest at home.
    pub complete: bool,
    /// Zones in view.
    pub watched: Vec<Watched>,
    /// What was staged.
    pub found: Vec<Found>,
    /// What the officer's script could not do, in words.
    pub problems: Vec<String>,
    /// Mean wind at most, m/s.
    pub wind_mps: f64,
    /// From switching on to the end, simulated seconds.
    pub simulated_s: f64,
    /// SHA-256 of everything said, hex.
    pub trace: String,
    /// Where it was in the air, [`TRACK_HZ`] times a second.
    pub track: Vec<Place>,
    /// Alarms on the ground, by rule.
    pub alarms: BTreeMap<String, u32>,
}

/// When something goes wrong, seconds after take-off: as the aircraft comes to the place of the plan farthest from home.
fn worst_moment_s(plan: &PatrolPlan) -> f64 {
    let file = plan.file();
    let plane = LocalPlane::new(file.home.at);
    let far_m = |at: LatLon| {
        let p = plane.to_local(at);
        p.east_m.hypot(p.north_m)
    };
    timeline(file)
        .iter()
        .filter(|t| t.step.kind == StepKind::Fly)
        .max_by(|a, b| far_m(a.step.to).total_cmp(&far_m(b.step.to)))
        .map_or(20.0, |t| t.end_s.max(10.0))
}

/// The airframe of the plan's vehicle: mass, power and battery are its own; how it turns and brakes is the class's.
fn airframe(plan: &PatrolPlan) -> AirframeSpec {
    let v = &plan.file().vehicle;
    let usual = AirframeSpec::default();
    let class = missions::vehicle::VehicleSpec::default_quad();
    let larger = v.mass_kg / class.mass_kg;
    AirframeSpec {
        mass_kg: usual.mass_kg * larger,
        drag_area_m2: usual.drag_area_m2 * larger,
        drag_area_vertical_m2: usual.drag_area_vertical_m2 * larger,
        hover_w: usual.hover_w * v.hover_w / class.hover_w,
        capacity_mah: usual.capacity_mah * v.battery_wh / class.battery_wh,
        // The same share of the voltage is lost under load.
        resistance_ohm: usual.resistance_ohm * class.hover_w / v.hover_w.max(1.0),
        ..usual
    }
}

/// The world of one flight.
fn scenario(plan: &PatrolPlan, what: WhatCase, other: &Circumstances) -> anyhow::Result<Scenario> {
    let file = plan.file();
    let mut s = Scenario::sixi()?;
    s.name = what.word().into();
    s.start_utc = file.launch_window.from.to_rfc3339();
    s.airframe = Some(airframe(plan));
    let stated = Some(file.wind).filter(|w| w.speed_mps > 0.0);
    if let Some(wind) = other.wind.or(stated) {
        s.wind.mean_mps = (wind.speed_mps, wind.speed_mps);
        s.wind.from_deg = Some(wind.from_deg);
    } else {
        s.wind.mean_mps = USUAL_WIND_MPS;
    }
    if what == WhatCase::Evening {
        s.staging.anomalies = (2, 2);
        s.staging.surge = SURGE;
        return Ok(s);
    }
    s.staging.anomalies = (0, 0);
    s.staging.bonnets = (0, 0);
    s.staging.spectators = 0;
    s.staging.roster_drone = None;
    s.camera.rate_hz = IDLE_CAMERA_HZ;
    let fault = match what {
        WhatCase::Evening | WhatCase::Quiet => return Ok(s),
        WhatCase::LinkLost => Fault::House(House::Cut { way: Way::Both }),
        WhatCase::LowBattery => Fault::Aircraft(Trouble::BatterySag {
            left: (file.vehicle.reserve_pct / 100.0).clamp(0.05, 0.9),
        }),
        WhatCase::NoGnss => Fault::Aircraft(Trouble::GnssLost),
        WhatCase::CompanionDead => Fault::House(House::Kill {
            side: Side::Onboard,
            power: true,
            off_s: None,
        }),
    };
    s.faults = vec![Planned {
        at_s: other.fault_s.unwrap_or_else(|| worst_moment_s(plan)),
        after: After::TakeOff,
        fault,
    }];
    Ok(s)
}

/// Flies it. `go_on` is asked now and then, with the part flown; `false` breaks off.
pub(super) fn fly(
    plan: &PatrolPlan,
    what: WhatCase,
    other: &Circumstances,
    kind: AutopilotKind,
    seed: u64,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> anyhow::Result<Option<Flown>> {
    let file = plan.file();
    let scenario = scenario(plan, what, other)?;
    let half_view = scenario.camera.half_view();
    let fault_s = scenario.faults.first().map(|f| f.at_s);
    let wind_mps = scenario.wind.mean_mps;
    let roster = scenario.staging.roster_drone.clone();
    let own_remote_id = scenario.staging.own_remote_id.clone();
    let venue = Venue::from_value(&file.venue)?;
    let mut rig = Rig::new(RigConfig {
        seed,
        kind,
        scenario,
        venue_geojson: staged(&file.venue, file.home.at).to_string(),
        onboard: onboard::Config {
            new_store_id: seed.wrapping_mul(2).wrapping_add(1),
            eyes_rules: other
                .rules
                .clone()
                .unwrap_or_else(|| rules_with_roster(roster.as_deref())),
            own_remote_id: own_remote_id.unwrap_or_default(),
            ground_trust: vec![Trust::Signed],
            ..onboard::Config::default()
        },
        desk: DeskConfig {
            venue: venue.clone(),
            ..DeskConfig::default()
        },
    })?;
    rig.watch_aboard();
    let ground_amsl_m = file.home.alt.metres();
    let mut seen = Seen::new(&venue, file.home.at, half_view);
    let wanted = goals(plan);
    let mut completion = Completion::new(&wanted, file.home.at.lat_deg(), file.home.at.lon_deg());
    let bytes = plan.to_json();
    let words = Words {
        purpose: "rehearsal".into(),
        incident: what.word().into(),
        pilot: "rehearsal".into(),
    };
    let mut officer = Officer::new(words, true);
    let limit_s = file.estimate.time_s + MORE_S;
    let (mut next_look, mut down_since) = (Mono::ZERO, None::<Mono>);
    let mut took_off = None::<Mono>;
    let mut deeds: Vec<Deed> = Vec::new();
    let mut known: Option<StateReport> = None;
    let mut in_view: Vec<f64> = Vec::new();
    let mut last_step = Mono::ZERO;
    let mut track: Vec<Place> = Vec::new();
    while rig.now().mono.as_secs_f64() < limit_s {
        if rig.advance() {
            let truth = rig.truth();
            let (a, now) = (truth.aircraft, truth.now);
            if truth.airborne {
                took_off.get_or_insert(now);
                down_since = None;
            }
            completion.observe(truth.airborne, a.armed, a.lat_deg, a.lon_deg, a.alt_amsl_m);
            if let (Some(from), true) = (took_off, truth.airborne)
                && let Ok(at) = LatLon::from_degrees(a.lat_deg, a.lon_deg)
            {
                let up_m = a.alt_amsl_m - ground_amsl_m;
                let t_s = now.since(from).as_secs_f64();
                seen.look(at, up_m, t_s);
                if track.last().is_none_or(|p| t_s - p.t_s >= 1.0 / TRACK_HZ) {
                    track.push(Place {
                        t_s,
                        at: [a.lon_deg, a.lat_deg],
                        above_home_m: up_m,
                    });
                }
                let spot = truth.flat.spot(a.lat_deg, a.lon_deg);
                in_view.resize(truth.things.len(), 0.0);
                let dt_s = now.since(last_step).as_secs_f64();
                for (thing, s) in truth.things.iter().zip(&mut in_view) {
                    if thing.kind == ThingKind::Bystander || !thing.is_present(now) {
                        continue;
                    }
                    let (there, _) = thing.place(now);
                    if there.distance_m(spot) <= up_m * half_view {
                        *s += dt_s;
                    }
                }
            }
            last_step = now;
            if took_off.is_some() && !truth.airborne && !a.armed {
                let since = *down_since.get_or_insert(now);
                // Without a fault the officer waits until everything is receipted.
                if now.since(since) >= DOWN_FOR && (what != WhatCase::Evening || officer.is_over())
                {
                    break;
                }
            }
        }
        if took_off.is_none() && officer.is_over() {
            break;
        }
        let now = rig.now().mono;
        if now < next_look {
            continue;
        }
        next_look = now.after(LOOK);
        if let Some(deed) = officer.look(now, rig.desk()) {
            use crate::rehearse::officer::Deed as Act;
            let answer = match &deed {
                Act::LoadPlan => rig.load_plan(&bytes),
                Act::Intent(intent) => rig.command(intent),
            };
            officer.answered(now, &deed, &answer);
        }
        rig.take_heard();
        rig.take_events();
        rig.take_logs();
        if let (Some(from), Some(state)) = (took_off, rig.aboard_state()) {
            let told = |s: &StateReport| (s.phase, s.response, s.cause);
            if known.as_ref().is_none_or(|k| told(k) != told(&state)) && deeds.len() < MOST_DEEDS {
                let a = rig.truth().aircraft;
                deeds.push(Deed {
                    t_s: now.since(from).as_secs_f64(),
                    at: [a.lon_deg, a.lat_deg],
                    above_home_m: a.alt_amsl_m - ground_amsl_m,
                    state: word(&state.phase),
                    response: word(&state.response),
                    cause: word(&state.cause),
                });
            }
            known = Some(state);
        }
        let part = took_off.map_or(0.0, |t| {
            now.since(t).as_secs_f64() / file.estimate.time_s.max(1.0)
        });
        if !go_on(part.min(1.0)) {
            return Ok(None);
        }
    }
    let truth = rig.truth();
    let a = truth.aircraft;
    let now = truth.now;
    let landed = took_off.is_some() && down_since.is_some();
    let plane = LocalPlane::new(file.home.at);
    let here = plane.to_local_degrees(a.lat_deg, a.lon_deg);
    let flight_s = took_off.map_or(0.0, |t| down_since.unwrap_or(now).since(t).as_secs_f64());
    let worst = rig.containment().worst();
    let case = Case {
        case: what.word(),
        fault_s,
        landed,
        landed_at: [a.lon_deg, a.lat_deg],
        from_home_m: here.east_m.hypot(here.north_m),
        in_crowd: venue
            .zones_of(Role::Crowd)
            .any(|z| contains(&plane, &z.shape, here)),
        flight_s,
        battery_pct: 100.0 * a.battery,
        min_clearance_m: worst.map(|w| w.metres),
        clearance_zone: worst.map_or_else(String::new, |w| w.zone.clone()),
        // What happened before the fault is the plan itself.
        deeds: deeds
            .into_iter()
            .filter(|d| fault_s.is_none_or(|f| d.t_s >= f))
            .collect(),
    };
    let anomalies: Vec<Anomaly> = rig.desk().anomalies().map(|(_, x)| x.clone()).collect();
    let found = found(&rig, took_off, &in_view, &anomalies);
    let mut alarms: BTreeMap<String, u32> = BTreeMap::new();
    for a in &anomalies {
        *alarms.entry(a.rule.clone()).or_default() += 1;
    }
    Ok(Some(Flown {
        case,
        places: (completion.met() as u32, completion.goals() as u32),
        complete: completion.is_complete(),
        watched: seen.watched(flight_s),
        found,
        problems: officer.problems().to_vec(),
        wind_mps: wind_mps.1,
        simulated_s: now.as_secs_f64(),
        trace: rig.trace().hex(),
        track,
        alarms,
    }))
}

/// Of everything staged that the patrol should report: how long it was in view, and when it was reported.
fn found(rig: &Rig, took_off: Option<Mono>, in_view: &[f64], anomalies: &[Anomaly]) -> Vec<Found> {
    let truth = rig.truth();
    let Some(from) = took_off else {
        return Vec::new();
    };
    let mono = |a: &Anomaly| Mono(a.flagged.0.saturating_sub(rig.start().0).max(0) as u64);
    let mut out: Vec<Found> = Vec::new();
    for (i, t) in truth.things.iter().enumerate() {
        let what = match t.kind {
            ThingKind::Person => "swimmer",
            ThingKind::UnknownDrone => "intruder",
            ThingKind::Surge => "surge",
            _ => continue,
        };
        let about = |a: &&Anomaly| match (a.kind, t.kind) {
            (AnomalyKind::UnknownDrone, ThingKind::UnknownDrone) => a.subject == t.subject,
            (AnomalyKind::PersonInZone, ThingKind::Person | ThingKind::Surge) => {
                let at = truth.flat.spot(a.at.lat_deg(), a.at.lon_deg());
                t.place(mono(a)).0.distance_m(at) < MEANT_M
            }
            _ => false,
        };
        let found_s = anomalies
            .iter()
            .filter(about)
            .map(|a| mono(a).since(from).as_secs_f64())
            .min_by(f64::total_cmp);
        let seen_s = in_view.get(i).copied().unwrap_or(0.0);
        let (lat, lon) = truth.flat.degrees(t.place(truth.now).0);
        // Who breaks through is a case from the moment he stands where nobody may be.
        let there = match (t.kind, t.path.last()) {
            (ThingKind::Surge, Some(last)) => last.at,
            _ => t.from,
        };
        let entry = Found {
            what,
            at: [lon, lat],
            appears_s: (there.0 as f64 - from.0 as f64) * 1e-6,
            in_view_s: seen_s,
            found_s,
        };
        // A surge is one thing, however many run.
        match out.iter_mut().find(|f| what == "surge" && f.what == what) {
            Some(f) => {
                f.in_view_s = f.in_view_s.max(seen_s);
                f.found_s = match (f.found_s, found_s) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
            }
            None => out.push(entry),
        }
    }
    out
}

/// A wire word as the console's dictionaries have it: `TakingOff` is `taking_off`.
fn word<T: std::fmt::Debug>(t: &T) -> String {
    let mut out = String::new();
    for c in format!("{t:?}").chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// The venue with the launch site first that the plan begins from: the world puts its aircraft on the first.
fn staged(venue: &Value, home: LatLon) -> Value {
    let mut venue = venue.clone();
    let Some(features) = venue.get_mut("features").and_then(Value::as_array_mut) else {
        return venue;
    };
    let plane = LocalPlane::new(home);
    let away_m = |f: &Value| -> Option<f64> {
        if f.pointer("/properties/role")? != "launch" {
            return None;
        }
        let place = f.pointer("/geometry/coordinates")?;
        let [lon, lat] = [place.get(0)?.as_f64()?, place.get(1)?.as_f64()?];
        let at = plane.to_local(LatLon::from_degrees(lat, lon).ok()?);
        Some(at.east_m.hypot(at.north_m))
    };
    let nearest = features
        .iter()
        .enumerate()
        .filter_map(|(i, f)| Some((i, away_m(f)?)))
        .min_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((i, _)) = nearest {
        // Nothing moves where the first launch site is the one.
        let first = features.iter().position(|f| away_m(f).is_some());
        if let Some(first) = first.filter(|first| *first < i) {
            let own = features.remove(i);
            features.insert(first, own);
        }
    }
    venue
}
