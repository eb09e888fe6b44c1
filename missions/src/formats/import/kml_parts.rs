//! What was drawn in a KML, as zones and lines of a venue.
//!
//! KML has no word for what an area is for. It is taken from the Placemark's extended data (`role` and the other
//! properties of our GeoJSON: `id`, `floor_m`, `ceiling_m`, `limit_frame`, `from`, `until`, `radius_m`, and `width_m` of
//! a line), else from words in the names of the Placemark and its folders, else the safe way: with no boundary stated, the
//! largest area is the boundary, and every other one is kept out of.

use super::corridor::{MAX_CORRIDOR_POINTS, MAX_WIDTH_M, corridor};
use super::join::rough_area_m2;
use super::kml::Found;
use super::{
    DrawnLine, ExactZones, Fault, ImportError, NoteCode, Notes, Read, VenueKind, make_ids_unique,
    shorten,
};
use crate::place::{Alt, Datum, LatLon};
use crate::time::{Utc, Window};
use crate::venue::{Ground, Limit, Role, Shape, Venue, Zone};
use std::collections::BTreeMap;

/// One ring of a Polygon.
pub(super) struct Ring {
    pub inner: bool,
    pub points: Vec<LatLon>,
}

/// One geometry.
pub(super) struct Drawing {
    pub line: usize,
    /// `Polygon`, `LineString`, `LinearRing` or `Point`.
    pub kind: String,
    /// Of anything but a Polygon.
    pub points: Vec<LatLon>,
    /// Of a Polygon.
    pub rings: Vec<Ring>,
    /// Lowest and highest third coordinate, metres.
    pub heights: Option<(f64, f64)>,
    pub extrude: bool,
    /// `altitudeMode`; empty is clampToGround.
    pub mode: String,
}

/// A Placemark.
#[derive(Default)]
pub(super) struct Placemark {
    pub line: usize,
    pub id: String,
    pub name: String,
    /// Names of the folders around it, innermost first.
    pub folders: Vec<String>,
    /// Extended data, keys in lower case.
    pub data: BTreeMap<String, String>,
    pub has_time: bool,
    pub drawings: Vec<Drawing>,
}

/// A zone whose role may still be open.
struct Draft {
    zone: Zone,
    stated: Option<Role>,
    /// Ceiling as drawn (an extruded area), for a boundary only.
    drawn_ceiling: Option<Limit>,
    heights_drawn: bool,
}

/// Makes the venue.
pub(super) fn finish(found: Found) -> Result<Read, ImportError> {
    let mut notes = found.notes;
    let mut drafts = Vec::new();
    let mut lines = Vec::new();
    let with_width: usize = found
        .placemarks
        .iter()
        .filter(|p| p.data.contains_key("width_m"))
        .flat_map(|p| &p.drawings)
        .map(|d| d.points.len())
        .sum();
    if with_width > MAX_CORRIDOR_POINTS {
        return Err(ImportError::file(
            Fault::TooLarge,
            format!(
                "corridors (`width_m`) along {with_width} points; at most {MAX_CORRIDOR_POINTS} in a file: simplify the lines"
            ),
        ));
    }
    for (i, p) in found.placemarks.iter().enumerate() {
        placemark(i, p, &mut drafts, &mut lines, &mut notes)?;
    }
    settle_roles(&mut drafts, &mut notes);
    let mut zones: Vec<Zone> = drafts
        .into_iter()
        .map(|d| settle_heights(d, &mut notes))
        .collect();
    make_ids_unique(&mut zones);
    Ok(Read {
        kind: VenueKind::Kml,
        venue: Venue {
            name: found.name.chars().take(120).collect(),
            datum: found.datum.unwrap_or(Datum::Unknown),
            ground: Ground::Unknown,
            zones,
            notes: String::new(),
        },
        lines,
        notes,
        exact: ExactZones::default(),
    })
}

fn placemark(
    index: usize,
    p: &Placemark,
    drafts: &mut Vec<Draft>,
    lines: &mut Vec<DrawnLine>,
    notes: &mut Notes,
) -> Result<(), ImportError> {
    let own = p.data.get("id").unwrap_or(&p.id).trim();
    let id = if own.is_empty() {
        format!("placemark-{}", index + 1)
    } else {
        own.to_owned()
    };
    let name = if p.name.is_empty() {
        id.clone()
    } else {
        p.name.clone()
    };
    let (floor, ceiling) = (limit(p, "floor_m")?, limit(p, "ceiling_m")?);
    let window = window(p)?;
    if p.has_time && window.is_none() {
        notes.add(
            NoteCode::TimeWidened,
            &name,
            "TimeSpan says when a map shows it, not when it is in force: always in force. State `from` and `until` in its extended data",
        );
    }
    for d in &p.drawings {
        let is_point = d.kind == "Point";
        let stated = stated_role(p, is_point, notes, &name);
        let mut push = |shape: Shape| {
            let drawn = d.extrude && d.mode != "clampToGround" && !d.mode.is_empty();
            let low = d.heights.map(|h| h.0).filter(|h| drawn && *h > 0.0);
            drafts.push(Draft {
                zone: Zone {
                    id: id.clone(),
                    name: name.clone(),
                    role: stated.unwrap_or(Role::Exclusion),
                    shape,
                    floor,
                    ceiling,
                    window,
                },
                stated,
                drawn_ceiling: low.and_then(|h| drawn_limit(h, &d.mode)),
                heights_drawn: d.heights.is_some_and(|(lo, hi)| lo != 0.0 || hi != 0.0),
            });
        };
        match d.kind.as_str() {
            "Polygon" => push(polygon(d)?),
            "Point" => {
                let (Some(at), None) = (d.points.first(), d.points.get(1)) else {
                    return Err(ImportError::new(
                        Fault::Coordinate,
                        format!("line {}", d.line),
                        format!("a Point with {} positions; it takes one", d.points.len()),
                    ));
                };
                match (number(p, "radius_m", 0.0, 1e6)?, stated) {
                    (Some(radius_m), _) => push(Shape::Circle {
                        centre: *at,
                        radius_m,
                    }),
                    (None, Some(_)) => push(Shape::Point(*at)),
                    (None, None) => notes.add(
                        NoteCode::LeftOut,
                        &name,
                        "a point whose use nobody states: left out. Name it launch or landing, or state `role` (and `radius_m` of an obstacle) in its extended data",
                    ),
                }
            }
            _ => line(d, &name, p, &mut push, lines, notes)?,
        }
    }
    Ok(())
}

/// A LineString or bare LinearRing: closed it is an outline, with a width a corridor, else a line to follow.
fn line(
    d: &Drawing,
    name: &str,
    p: &Placemark,
    push: &mut impl FnMut(Shape),
    lines: &mut Vec<DrawnLine>,
    notes: &mut Notes,
) -> Result<(), ImportError> {
    let closed = d.points.len() >= 4 && d.points.first() == d.points.last();
    if let Some(width_m) = number(p, "width_m", 0.1, MAX_WIDTH_M)? {
        let inward = stated_role(p, false, &mut Notes::default(), name) == Some(Role::Inclusion);
        corridor(&d.points, d.line, width_m, inward)?
            .into_iter()
            .for_each(push);
    } else if closed || d.kind == "LinearRing" {
        push(Shape::Polygon {
            outer: unclosed(&d.points),
            holes: Vec::new(),
        });
        notes.add(
            NoteCode::Remark,
            name,
            "a closed line: read as the area it encloses",
        );
    } else if d.points.len() >= 2 {
        lines.push(DrawnLine {
            name: name.to_owned(),
            points: d.points.clone(),
        });
        notes.add(
            NoteCode::LeftOut,
            name,
            "a line is no area: kept as a line to follow. State `width_m` in its extended data to make it a corridor",
        );
    } else {
        return Err(ImportError::new(
            Fault::Coordinate,
            format!("line {}", d.line),
            "a LineString of one position; it takes two or more",
        ));
    }
    Ok(())
}

fn polygon(d: &Drawing) -> Result<Shape, ImportError> {
    let mut outer = None;
    let mut holes = Vec::new();
    for r in &d.rings {
        let points = unclosed(&r.points);
        if points.len() < 3 {
            return Err(ImportError::new(
                Fault::Coordinate,
                format!("line {}", d.line),
                format!(
                    "a ring of {} corners; it takes 3 or more: draw it again",
                    points.len()
                ),
            ));
        }
        if r.inner {
            holes.push(points);
        } else {
            outer = Some(points);
        }
    }
    let outer = outer.ok_or_else(|| {
        ImportError::new(
            Fault::Malformed,
            format!("line {}", d.line),
            "a Polygon without outerBoundaryIs: draw it again",
        )
    })?;
    Ok(Shape::Polygon { outer, holes })
}

pub(super) fn unclosed(points: &[LatLon]) -> Vec<LatLon> {
    let mut ring = points.to_vec();
    if ring.len() > 1 && ring.first() == ring.last() {
        ring.pop();
    }
    ring
}

/// Role by extended data, else by the words in names. `None`: nobody says.
fn stated_role(p: &Placemark, is_point: bool, notes: &mut Notes, name: &str) -> Option<Role> {
    if let Some(text) = p.data.get("role").filter(|t| !t.trim().is_empty()) {
        let role = Role::from_text(text);
        // `from_text` takes what it does not know for a boundary; here only the word itself is one.
        if role != Role::Inclusion || role_by_words(text, is_point) == Some(Role::Inclusion) {
            return Some(role);
        }
        notes.add(
            NoteCode::RoleAssumed,
            name,
            format!("the role `{}` is not known", shorten(text)),
        );
    }
    let names = std::iter::once(&p.name).chain(p.folders.iter());
    for text in names {
        if let Some(role) = role_by_words(text, is_point) {
            notes.add(
                NoteCode::RoleAssumed,
                name,
                format!("{} by the name `{}`", role.text(), shorten(text)),
            );
            return Some(role);
        }
    }
    None
}

/// Words in names that say what an area is for; keeping out goes before everything else.
fn role_by_words(text: &str, is_point: bool) -> Option<Role> {
    let t = text.trim().to_lowercase().replace(['-', ' '], "_");
    let has = |words: &[&str]| words.iter().any(|w| t.contains(w));
    if has(&[
        "excl", "no_fly", "nofly", "nfz", "keep_out", "keepout", "obstacle", "restrict", "prohib",
        "forbid", "禁飞", "禁止", "禁区", "限飞", "障碍",
    ]) {
        return Some(Role::Exclusion);
    }
    if has(&["crowd", "人群", "观众"]) {
        return Some(Role::Crowd);
    }
    if has(&["light_show", "灯光秀", "表演区"]) || t == "show" {
        return Some(Role::Show);
    }
    if has(&["no_look", "禁拍"]) {
        return Some(Role::NoLook);
    }
    if has(&["watch_zone", "watchzone", "警戒"]) {
        return Some(Role::WatchZone);
    }
    if is_point {
        if has(&["launch", "takeoff", "take_off", "home", "起飞", "起降"]) {
            return Some(Role::Launch);
        }
        if has(&["landing", "rally", "备降", "降落"]) {
            return Some(Role::Landing);
        }
        return None;
    }
    has(&[
        "inclusion",
        "boundary",
        "geofence",
        "patrol",
        "边界",
        "巡逻",
        "巡查",
    ])
    .then_some(Role::Inclusion)
}

/// Gives areas that nobody named a role: the largest is the boundary if none is stated, the others are kept out of.
fn settle_roles(drafts: &mut [Draft], notes: &mut Notes) {
    let has_boundary = drafts.iter().any(|d| d.stated == Some(Role::Inclusion));
    let size = |d: &Draft| match &d.zone.shape {
        Shape::Polygon { outer, .. } => rough_area_m2(outer),
        Shape::Circle { radius_m, .. } => std::f64::consts::PI * radius_m * radius_m,
        Shape::Point(_) => 0.0,
    };
    let mut largest: Option<(usize, f64)> = None;
    if !has_boundary {
        for (i, d) in drafts.iter().enumerate() {
            let s = size(d);
            if d.stated.is_none() && largest.is_none_or(|(_, best)| s > best) {
                largest = Some((i, s));
            }
        }
    }
    for (i, d) in drafts.iter_mut().enumerate() {
        if d.stated.is_some() {
            continue;
        }
        let words = if largest.is_some_and(|(l, _)| l == i) {
            d.zone.role = Role::Inclusion;
            "states no role: taken as the boundary, being the largest area"
        } else {
            d.zone.role = Role::Exclusion;
            "states no role: kept out of. Name it boundary, or state `role` in its extended data, if it is to be flown in"
        };
        notes.add(NoteCode::RoleAssumed, &d.zone.name, words);
    }
}

/// Drawn heights lower a boundary's ceiling; they never make a keep-out smaller.
fn settle_heights(mut d: Draft, notes: &mut Notes) -> Zone {
    if d.zone.ceiling.is_none() && d.zone.floor.is_none() && d.heights_drawn {
        if d.zone.role == Role::Inclusion
            && let Some(limit) = d.drawn_ceiling
        {
            d.zone.ceiling = Some(limit);
            notes.add(
                NoteCode::Remark,
                &d.zone.name,
                "drawn as a body up to a height: that is the boundary's ceiling",
            );
        } else {
            notes.add(
                NoteCode::HeightNotUsed,
                &d.zone.name,
                "drawn heights are not used. State `ceiling_m`, `floor_m` and `limit_frame` in its extended data",
            );
        }
    }
    d.zone
}

/// KML's `absolute` is above the EGM96 geoid, `relativeToGround` above the ground (OGC KML 2.2 §9.20).
fn drawn_limit(metres: f64, mode: &str) -> Option<Limit> {
    match mode {
        "absolute" => Some(Limit::Amsl(Alt::from_metres(metres).ok()?)),
        "relativeToGround" => Some(Limit::AboveGround(Alt::from_metres(metres).ok()?)),
        _ => None,
    }
}

fn number(p: &Placemark, key: &str, above: f64, most: f64) -> Result<Option<f64>, ImportError> {
    let Some(text) = p.data.get(key).filter(|t| !t.trim().is_empty()) else {
        return Ok(None);
    };
    text.trim()
        .parse::<f64>()
        .ok()
        .filter(|v| *v > above && *v <= most)
        .map(Some)
        .ok_or_else(|| {
            ImportError::new(
                Fault::Value,
                format!("line {}", p.line),
                format!(
                    "{key} `{}` is no number above {above} and up to {most}",
                    shorten(text)
                ),
            )
        })
}

fn limit(p: &Placemark, key: &str) -> Result<Option<Limit>, ImportError> {
    let Some(metres) = number(p, key, -1_000.0, 100_000.0)? else {
        return Ok(None);
    };
    let bad = |words: String| ImportError::new(Fault::Value, format!("line {}", p.line), words);
    let place = |e: crate::place::BadPlace| bad(format!("{key}: {e}"));
    match p.data.get("limit_frame").map(|t| t.trim()) {
        Some("amsl") => Ok(Some(Limit::Amsl(Alt::from_metres(metres).map_err(place)?))),
        Some("above_home") => Ok(Some(Limit::AboveHome(
            Alt::from_metres(metres).map_err(place)?,
        ))),
        Some("above_ground") => Ok(Some(Limit::AboveGround(
            Alt::from_metres(metres).map_err(place)?,
        ))),
        _ => Err(bad(format!(
            "{key} is given, but limit_frame is none of amsl, above_home, above_ground: state it"
        ))),
    }
}

fn window(p: &Placemark) -> Result<Option<Window>, ImportError> {
    let bad = |words: String| ImportError::new(Fault::Value, format!("line {}", p.line), words);
    let time = |key: &str| {
        p.data
            .get(key)
            .filter(|t| !t.trim().is_empty())
            .map(|t| {
                Utc::from_rfc3339(t.trim()).ok_or_else(|| {
                    bad(format!(
                        "{key} `{}` is no time: write it as 2026-10-01T20:00:00+08:00",
                        shorten(t)
                    ))
                })
            })
            .transpose()
    };
    let (from, until) = match (time("from")?, time("until")?) {
        (None, None) => return Ok(None),
        (from, until) => (
            from.unwrap_or(Utc(i64::MIN)),
            until.unwrap_or(Utc(i64::MAX)),
        ),
    };
    if until <= from {
        return Err(bad("`until` is not after `from`".into()));
    }
    Ok(Some(Window { from, until }))
}
