//! The report's map: venue, planned path, flown tracks, anomalies and incidents, in the report's language.

use super::Lang;
use super::coverage::aloft;
use super::figures::{Figures, plane_of};
use super::words::{local_name, say, say_with};
use crate::draw::{Picture, Site, Track, on_plane};
use crate::evidence::export::Facts;
use missions::place::LatLon;
use missions::plan::PatrolPlan;
use missions::plane::EastNorth;
use missions::venue::Venue;
use serde_json::Value;

/// A track's places lie this far apart at least, metres.
const APART_M: f64 = 2.0;
/// Places of one track at most.
const MAX_PLACES: usize = 20_000;

/// The picture's own words and those of the report that stand for them.
const LEGEND: [(&str, &str); 10] = [
    ("start", "legend_start"),
    ("end (under the start if there)", "legend_end"),
    ("fly inside", "legend_inside"),
    ("keep out", "legend_exclusion"),
    ("show, keep out while on", "legend_show"),
    ("crowd, no overflight", "legend_crowd"),
    ("watch zone", "legend_watch"),
    ("no cameras", "legend_no_look"),
    ("launch site", "legend_launch"),
    ("landing site", "legend_landing"),
];

fn place(v: &Value) -> Option<LatLon> {
    let of = |name: &str| v.get(name).and_then(Value::as_f64);
    LatLon::from_degrees(of("lat_deg")?, of("lon_deg")?).ok()
}

/// As SVG; `None`: the record names no place at all.
pub(super) fn map(f: &Figures, facts: &Facts, plan: Option<&[u8]>, lang: Lang) -> Option<String> {
    let plan = plan.and_then(|b| PatrolPlan::from_json(b).ok());
    let venue = facts.venue.as_ref().and_then(|v| Venue::from_value(v).ok());
    let plane = plane_of(venue.as_ref(), plan.as_ref(), &facts.fixes)?;
    let mut p = Picture {
        north_is_up: true,
        // A page of A4 is half as wide as the picture.
        larger: 1.4,
        legend: LEGEND
            .iter()
            .map(|(own, key)| ((*own).to_owned(), say(lang, key)))
            .collect(),
        ..Picture::default()
    };
    if let Some(mut v) = venue {
        for z in &mut v.zones {
            z.name = local_name(lang, &z.name).to_owned();
        }
        p.add_venue(&v, &plane);
    }
    if let Some(plan) = &plan {
        let places: Vec<LatLon> = plan.path().iter().map(|(at, _)| *at).collect();
        p.tracks.push(Track {
            name: say(lang, "legend_plan"),
            places: on_plane(&plane, &places),
        });
    }
    for (system, fixes) in facts.tracks() {
        let mut places: Vec<EastNorth> = Vec::new();
        for fix in fixes.into_iter().filter(|f| aloft(f)) {
            let Ok(at) = LatLon::from_degrees(fix.lat_deg, fix.lon_deg) else {
                continue;
            };
            let at = plane.to_local(at);
            let far = places
                .last()
                .is_none_or(|b| (b.east_m - at.east_m).hypot(b.north_m - at.north_m) >= APART_M);
            if far && places.len() < MAX_PLACES {
                places.push(at);
            }
        }
        if places.len() > 1 {
            p.tracks.push(Track {
                name: format!("{} {system}", say(lang, "legend_flown")),
                places,
            });
        }
    }
    let mut site = |at: LatLon, label: String| {
        p.sites.push(Site {
            role: None,
            at: plane.to_local(at),
            plain: label.clone(),
            label,
        });
    };
    for a in &f.anomalies {
        if let (Some(at), Some(n)) = (place(a), a.get("number").and_then(Value::as_u64)) {
            site(at, format!("#{n}"));
        }
    }
    for c in &f.incidents {
        let at = c.incident.get("at").and_then(Value::as_array);
        let figure = |i: usize| at.and_then(|a| a.get(i)).and_then(Value::as_f64);
        let by_hand = c
            .incident
            .get("seen")
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty);
        if let (true, Some(lon), Some(lat)) = (by_hand, figure(0), figure(1))
            && let Ok(at) = LatLon::from_degrees(lat, lon)
        {
            let n = c.incident.get("number").cloned().unwrap_or_default();
            site(at, say_with(lang, "incident", &[("n", n)]));
        }
    }
    Some(p.svg())
}
