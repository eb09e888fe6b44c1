//! A wish from the page becomes a plan, or a reason with its place.

use super::import::Imported;
use crate::desk::{Reason, plan_reason};
use missions::energy::Wind;
use missions::fence::FenceFault;
use missions::flight::OnLinkLoss;
use missions::place::{Alt, LatLon};
use missions::planner::{
    Drift, Flow, Hand, PatrolRequest, Pattern, PlanRefusal, Round, WatchPoint, plan_patrol,
};
use missions::time::{Utc, Window};
use missions::vehicle::VehicleSpec;
use missions::venue::{Role, Venue};
use serde::Deserialize;
use std::time::Duration;

/// Such a plan may be launched for so long.
const LAUNCH_WITHIN: Duration = Duration::from_secs(30 * 60);
/// Swath as a share of the height: a camera 50 degrees across sees 0.93 of it.
const SWATH_SHARE: f64 = 0.9;
/// Least distance of a perimeter from the boundary, metres.
const OFFSET_M: f64 = 25.0;
/// Least margin to the fence, metres; the vehicle's own is added by the planner.
const MARGIN_M: f64 = 5.0;
/// Hover this long on a lost link before returning, seconds.
const LINK_LOSS_WAIT_S: f64 = 10.0;
/// Hover this long at a watch point, seconds.
const HOLD_S: f64 = 10.0;
/// Radius of an orbit, and of a sector search, metres.
const RADIUS_M: f64 = 60.0;
/// Legs of an expanding square.
const LEGS: u32 = 12;

/// What the page asks for. What is left out is filled in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wish {
    pattern: Asked,
    /// Metres above home.
    alt_m: f64,
    #[serde(default)]
    speed_mps: Option<f64>,
    #[serde(default)]
    margin_m: Option<f64>,
    /// Only inside this zone.
    #[serde(default)]
    area: Option<String>,
    /// Over this venue that was read, by its id, not over the one in force.
    #[serde(default)]
    pub(super) imported: Option<String>,
    #[serde(default)]
    swath_m: Option<f64>,
    #[serde(default)]
    offset_m: Option<f64>,
    /// `LAT,LON`, or the id of a zone.
    #[serde(default)]
    place: Option<String>,
    /// Name of a line that the imported file draws.
    #[serde(default)]
    line: Option<String>,
    #[serde(default)]
    width_m: Option<f64>,
    #[serde(default)]
    radius_m: Option<f64>,
    #[serde(default)]
    turns: Option<u32>,
    #[serde(default)]
    hold_s: Option<f64>,
    #[serde(default)]
    legs: Option<u32>,
    #[serde(default)]
    leg_deg: Option<f64>,
    /// Towards, degrees clockwise from north.
    #[serde(default)]
    current_deg: Option<f64>,
    #[serde(default)]
    current_mps: Option<f64>,
    /// Where the day's wind comes from, degrees clockwise from north.
    #[serde(default)]
    wind_from_deg: Option<f64>,
    /// How strong it is, m/s; left out, the air is taken as still.
    #[serde(default)]
    wind_mps: Option<f64>,
}

/// A pattern by its word, with the wish's figures; or told in full.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Asked {
    Word(Shape),
    Exact(Pattern<LatLon>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Shape {
    Sweep,
    Perimeter,
    Corridor,
    WatchPoints,
    Orbit,
    ExpandingSquare,
    SectorSearch,
    CreepingLine,
    Revisit,
}

/// What a plan is made from.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    /// Where.
    pub venue: Venue,
    /// With what: that of the plan before, else that of the settings.
    pub vehicle: VehicleSpec,
    /// It may be launched from now on.
    pub now: Utc,
}

/// plan.json for a wish. Takes seconds.
pub(super) fn make(
    basis: &Basis,
    imported: Option<&Imported>,
    wish: &Wish,
) -> Result<Vec<u8>, Reason> {
    let (venue, lines) = match (&wish.imported, imported) {
        (None, _) => (&basis.venue, &[][..]),
        (Some(_), Some(i)) => (&i.venue, i.lines.as_slice()),
        (Some(_), None) => return Err(Reason::new("import.gone")),
    };
    let alt = Alt::from_metres(wish.alt_m).map_err(|_| Reason::new("plan.bad_request"))?;
    let pattern = pattern(wish, venue, lines)?;
    let request = PatrolRequest {
        name: format!("{} {} {:.0} m", venue.name, pattern.name(), wish.alt_m),
        pattern,
        alt,
        speed_mps: wish.speed_mps,
        margin_m: wish.margin_m.unwrap_or(MARGIN_M),
        launch_window: Window {
            from: basis.now,
            until: basis.now.after(LAUNCH_WITHIN),
        },
        area: wish.area.clone(),
        on_link_loss: OnLinkLoss::HoldThenReturn {
            wait_s: LINK_LOSS_WAIT_S,
        },
        over_crowds: false,
        wind: wind(wish)?,
    };
    plan_patrol(venue, &basis.vehicle, &request)
        .map(|p| p.to_json())
        .map_err(|r| reason(&r))
}

/// The day's wind. One figure without the other says nothing that can be reckoned with.
fn wind(w: &Wish) -> Result<Wind, Reason> {
    let wind = match (w.wind_from_deg, w.wind_mps) {
        (None, None | Some(0.0)) => Wind::default(),
        (Some(from_deg), Some(mps)) => Wind::stated(from_deg, mps),
        _ => return Err(Reason::new("plan.wind_half")),
    };
    if wind.is_sane() {
        Ok(wind)
    } else {
        Err(Reason::new("plan.bad_request"))
    }
}

fn pattern(
    w: &Wish,
    venue: &Venue,
    lines: &[missions::formats::import::DrawnLine],
) -> Result<Pattern<LatLon>, Reason> {
    let shape = match &w.pattern {
        Asked::Exact(p) => return Ok(p.clone()),
        Asked::Word(s) => *s,
    };
    let swath_m = w.swath_m.unwrap_or_else(|| (w.alt_m * SWATH_SHARE).round());
    let round = Round {
        radius_m: w.radius_m.unwrap_or(RADIUS_M),
        turns: w.turns.unwrap_or(1),
        turn: Hand::Right,
    };
    let drift = w.current_mps.filter(|v| *v > 0.0).map(|mps| Drift {
        current: Flow {
            toward_deg: w.current_deg.unwrap_or(0.0),
            mps,
        },
        ..Drift::default()
    });
    let at = || place(w.place.as_deref().unwrap_or(""), venue);
    let hold_s = w.hold_s.unwrap_or(HOLD_S);
    Ok(match shape {
        Shape::Sweep => Pattern::Sweep {
            swath_m,
            angle_deg: w.leg_deg,
        },
        Shape::Perimeter => Pattern::Perimeter {
            offset_m: w.offset_m.unwrap_or(OFFSET_M),
        },
        Shape::Corridor => {
            let named = |l: &&missions::formats::import::DrawnLine| {
                w.line.as_ref().is_none_or(|n| l.name == *n)
            };
            let line = lines
                .iter()
                .find(named)
                .ok_or_else(|| Reason::new("plan.no_line"))?;
            Pattern::Corridor {
                line: line.points.clone(),
                width_m: w.width_m.unwrap_or(2.0 * swath_m),
                swath_m,
            }
        }
        Shape::WatchPoints => {
            let points: Vec<WatchPoint<LatLon>> = venue
                .zones_of(Role::WatchZone)
                .filter_map(|z| z.shape.middle())
                .map(|at| WatchPoint { at, hold_s })
                .collect();
            if points.is_empty() {
                return Err(Reason::new("plan.no_watch_zone"));
            }
            Pattern::WatchPoints { points }
        }
        Shape::Orbit => Pattern::Orbit {
            centre: at()?,
            round,
        },
        Shape::ExpandingSquare => Pattern::ExpandingSquare {
            datum: at()?,
            spacing_m: swath_m,
            first_leg_deg: w.leg_deg.unwrap_or(0.0),
            legs: w.legs.unwrap_or(LEGS),
            turn: Hand::Right,
            drift,
        },
        Shape::SectorSearch => Pattern::SectorSearch {
            datum: at()?,
            radius_m: w.radius_m.unwrap_or(RADIUS_M),
            first_leg_deg: w.leg_deg.unwrap_or(0.0),
            runs: 1,
            turn: Hand::Right,
            drift,
        },
        Shape::CreepingLine => Pattern::CreepingLine {
            spacing_m: swath_m,
            leg_deg: w.leg_deg,
            commence: match w.place.as_deref() {
                None | Some("") => None,
                Some(p) => Some(place(p, venue)?),
            },
            area: None,
        },
        Shape::Revisit => Pattern::Revisit {
            place: at()?,
            hold_s,
            round: None,
        },
    })
}

/// `LAT,LON`, or the middle of a zone by its id.
fn place(text: &str, venue: &Venue) -> Result<LatLon, Reason> {
    let text = text.trim();
    if let Some(z) = venue.zones.iter().find(|z| z.id == text)
        && let Some(at) = z.shape.middle()
    {
        return Ok(at);
    }
    // People write a wide comma too.
    let degrees = text.split_once([',', '，']).and_then(|(lat, lon)| {
        LatLon::from_degrees(lat.trim().parse().ok()?, lon.trim().parse().ok()?).ok()
    });
    degrees.ok_or_else(|| Reason::new("plan.no_place").with("words", text))
}

fn reason(r: &PlanRefusal) -> Reason {
    let told = told(r);
    match r.obstructions().first() {
        // What stands in the way, for whoever wants it in figures; and its place, where none is told.
        Some(o) => {
            let at = told.at.or(Some([o.at.lon_deg(), o.at.lat_deg()]));
            let mut told = told.with("words", o.to_string());
            told.at = at;
            told
        }
        None => told,
    }
}

fn told(r: &PlanRefusal) -> Reason {
    match r {
        PlanRefusal::NoLaunchSite => Reason::new("plan.no_launch_site"),
        PlanRefusal::NoGround => Reason::new("plan.no_ground"),
        PlanRefusal::BadRequest(words) => {
            Reason::new("plan.bad_request").with("words", words.clone())
        }
        PlanRefusal::Fence(faults) => {
            let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
            let told = Reason::new("plan.fence").with("words", words.join("; "));
            match faults.iter().find_map(fault_at) {
                Some((zone, at)) => told.with("zone", zone).at(Some(at)),
                None => told,
            }
        }
        PlanRefusal::NothingLeft {
            margin_m, alt_m, ..
        } => Reason::new("plan.nothing_left")
            .with("margin_m", *margin_m)
            .with("alt_m", *alt_m),
        PlanRefusal::NoWay { to, .. } => Reason::new("plan.no_way").at(Some(*to)),
        PlanRefusal::DatumOutside { datum, .. } => {
            Reason::new("plan.datum_outside").at(Some(*datum))
        }
        PlanRefusal::NothingToFly { left_out } => Reason::new("plan.nothing_to_fly")
            .at(left_out.first().map(|l| l.from))
            .with("value", left_out.len()),
        PlanRefusal::NotLegal { fault, .. } => plan_reason(fault),
    }
}

/// Which zone of the fence is at fault, and where it is.
fn fault_at(f: &FenceFault) -> Option<(String, LatLon)> {
    match f {
        FenceFault::DuplicateCorner { zone, at, .. }
        | FenceFault::SelfCrossing { zone, at }
        | FenceFault::HoleOutside { zone, at } => Some((zone.clone(), *at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis() -> Basis {
        Basis {
            venue: Venue::sixi_river(),
            vehicle: VehicleSpec::default_quad(),
            now: Utc(1_790_856_000_000_000),
        }
    }

    fn wish(text: &str) -> Wish {
        serde_json::from_str::<Wish>(text).unwrap()
    }

    #[test]
    fn a_wish_becomes_a_plan_that_is_taken_and_a_bad_one_a_code() {
        let basis = basis();
        let bytes = make(
            &basis,
            None,
            &wish(r#"{"pattern": "perimeter", "alt_m": 60}"#),
        )
        .unwrap();
        missions::plan::PatrolPlan::from_json(&bytes).unwrap();
        let low = make(&basis, None, &wish(r#"{"pattern": "sweep", "alt_m": 1}"#)).unwrap_err();
        assert_eq!(low.code, "plan.bad_request");
        let high = make(&basis, None, &wish(r#"{"pattern": "sweep", "alt_m": 900}"#)).unwrap_err();
        assert!(high.code.starts_with("plan."), "{high:?}");
        assert!(serde_json::from_str::<Wish>(r#"{"pattern": "spiral", "alt_m": 9}"#).is_err());
    }

    #[test]
    fn an_outline_that_crosses_itself_is_refused_with_its_zone_and_its_place() {
        let mut basis = basis();
        let boundary = basis
            .venue
            .zones
            .iter_mut()
            .find(|z| z.role == Role::Inclusion);
        let zone = boundary.unwrap();
        let missions::venue::Shape::Polygon { outer, .. } = &mut zone.shape else {
            panic!("a boundary is an outline");
        };
        outer.swap(1, 2);
        let id = zone.id.clone();
        let no = make(
            &basis,
            None,
            &wish(r#"{"pattern": "perimeter", "alt_m": 60}"#),
        )
        .unwrap_err();
        assert_eq!(
            (no.code.as_str(), &no.params["zone"]),
            ("plan.fence", &id.into())
        );
        assert!(no.at.is_some());
    }

    #[test]
    fn a_headwind_home_costs_energy_and_half_a_wind_is_no_wind() {
        let made = |more: &str| {
            let text = format!(r#"{{"pattern": "perimeter", "alt_m": 60{more}}}"#);
            make(&basis(), None, &wish(&text))
                .map(|b| missions::plan::PatrolPlan::from_json(&b).unwrap())
        };
        let still = made("").unwrap().file().estimate.energy_wh;
        let windy = made(r#", "wind_from_deg": 300, "wind_mps": 6"#)
            .unwrap()
            .file()
            .estimate
            .energy_wh;
        assert!(windy > still, "{still} Wh still, {windy} Wh in the wind");
        assert_eq!(
            made(r#", "wind_mps": 6"#).unwrap_err().code,
            "plan.wind_half"
        );
        assert_eq!(
            made(r#", "wind_from_deg": 9"#).unwrap_err().code,
            "plan.wind_half"
        );
        let storm = made(r#", "wind_from_deg": 9, "wind_mps": 90"#).unwrap_err();
        assert_eq!(storm.code, "plan.bad_request");
        let strong = made(r#", "wind_from_deg": 9, "wind_mps": 25"#).unwrap_err();
        assert!(strong.code.starts_with("plan."), "{strong:?}");
    }

    #[test]
    fn every_pattern_takes_its_fields_and_says_what_is_missing() {
        let venue = basis().venue;
        let of = |text: &str| pattern(&wish(text), &venue, &[]);
        let at = venue.launch_site().unwrap();
        let here = format!("{:.7}, {:.7}", at.lat_deg(), at.lon_deg());
        for p in ["orbit", "expanding_square", "sector_search", "revisit"] {
            let got = of(&format!(
                r#"{{"pattern": "{p}", "alt_m": 40, "place": "{here}"}}"#
            ))
            .unwrap();
            assert_eq!(got.name(), p);
            let e = of(&format!(r#"{{"pattern": "{p}", "alt_m": 40}}"#)).unwrap_err();
            assert_eq!(e.code, "plan.no_place");
        }
        assert_eq!(
            of(r#"{"pattern": "creeping_line", "alt_m": 40}"#)
                .unwrap()
                .name(),
            "creeping_line"
        );
        assert_eq!(
            of(r#"{"pattern": "watch_points", "alt_m": 40}"#)
                .unwrap()
                .name(),
            "watch_points"
        );
        assert_eq!(
            of(r#"{"pattern": "corridor", "alt_m": 40}"#)
                .unwrap_err()
                .code,
            "plan.no_line"
        );
        // A place by its zone, with a wide comma, and a pattern told in full.
        assert!(place(&venue.zones[0].id, &venue).is_ok());
        assert_eq!(place("27.8，120.1", &venue).unwrap().lat_deg(), 27.8);
        let exact =
            of(r#"{"pattern": {"pattern": "sweep", "swath_m": 30, "angle_deg": 90}, "alt_m": 40}"#)
                .unwrap();
        assert_eq!(
            exact,
            Pattern::Sweep {
                swath_m: 30.0,
                angle_deg: Some(90.0)
            }
        );
    }

    #[test]
    fn a_plan_over_an_imported_venue_needs_the_import() {
        let e = make(
            &basis(),
            None,
            &wish(r#"{"pattern": "sweep", "alt_m": 40, "imported": "id"}"#),
        )
        .unwrap_err();
        assert_eq!(e.code, "import.gone");
        let imported = Imported {
            venue: Venue::sixi_river(),
            lines: Vec::new(),
        };
        let bytes = make(
            &basis(),
            Some(&imported),
            &wish(r#"{"pattern": "perimeter", "alt_m": 60, "imported": "id"}"#),
        )
        .unwrap();
        missions::plan::PatrolPlan::from_json(&bytes).unwrap();
    }
}
