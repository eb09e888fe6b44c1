//! Venues out of the files that people have: GeoJSON, KML and KMZ, QGroundControl plans, ArduPilot fences, and the
//! zones that authorities publish (EUROCAE ED-269 and ED-318).
//!
//! A file is told by its content. It is read or refused; a refusal names the place in the file and what to do. Nothing
//! here guesses in favour of flying: what is not understood of a keep-out makes it larger, higher or longer, and the
//! notes say so. No file is opened here, no link in a file is followed, and nothing panics, whatever the bytes.
//!
//! The datum: no format but our own GeoJSON has a word for it. Each format's standard means WGS-84, and in China each is
//! drawn on GCJ-02 all the same. So [`Venue::datum`] stays [`Datum::Unknown`], which no fence accepts, until the file or
//! the officer states it; what needs only the geometry may use the venue as it is. Coordinates on GCJ-02 and BD-09 are
//! moved to WGS-84 here, once, and the venue then says WGS-84.

mod corridor;
mod document;
mod exact;
mod fence_list;
mod geojson;
mod geozone;
mod geozone_parts;
mod join;
mod kml;
mod kml_parts;
mod kmz;
mod map_grid;

pub use exact::ExactZones;
pub use map_grid::{MapPoint, from_wgs84, to_wgs84};

use super::{FormatError, MAX_BYTES};
use crate::place::{Datum, LatLon};
use crate::venue::{Role, Shape, Venue, VenueError, Zone};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Most zones and lines taken from one file.
pub const MAX_ZONES: usize = 5_000;
/// Most corners taken from one file.
pub const MAX_VERTICES: usize = 200_000;
/// Most notes kept of one kind; the rest is counted.
const MAX_NOTES: usize = 40;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueKind {
    /// GeoJSON, RFC 7946, with or without our members.
    GeoJson,
    /// OGC KML 2.2, bare or zipped (KMZ).
    Kml,
    /// QGroundControl's `.plan`: its geoFence and rallyPoints.
    QgcPlan,
    /// ArduPilot's fence and rally files, `QGC WPL 110` or the old lists.
    ArduPilot,
    /// EUROCAE ED-269 zones.
    Ed269,
    /// EUROCAE ED-318 zones.
    Ed318,
}

impl VenueKind {
    /// Who says that coordinates of this kind are WGS-84.
    fn standard(self) -> &'static str {
        match self {
            VenueKind::GeoJson => "RFC 7946",
            VenueKind::Kml => "OGC KML 2.2",
            VenueKind::QgcPlan | VenueKind::ArduPilot => "MAVLink",
            VenueKind::Ed269 => "EUROCAE ED-269",
            VenueKind::Ed318 => "EUROCAE ED-318",
        }
    }
}

/// What a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// Neither file nor argument says which grid: geometry only, not to fly.
    DatumNotStated,
    /// The argument said it, not the file.
    DatumByArgument,
    /// Coordinates were moved to WGS-84.
    DatumConverted,
    /// A role was guessed from a name, or taken as the safe one.
    RoleAssumed,
    /// Drawn heights were not used.
    HeightNotUsed,
    /// A limit could not be kept, so that a keep-out became taller.
    HeightWidened,
    /// A timetable could not be kept, so that a keep-out is in force for longer.
    TimeWidened,
    /// Something drawn is no zone and was left out.
    LeftOut,
    /// A zone of an authority, with its restriction and reasons.
    Restriction,
    /// No boundary: the venue cannot be planned over before one is added.
    NoBoundary,
    /// Another remark about the format.
    Remark,
}

/// A remark about what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportNote {
    /// What it is about, for the console's sentences.
    pub code: NoteCode,
    /// Id of the zone or name of the thing; empty when it is about the whole file.
    pub about: String,
    /// In words.
    pub words: String,
}

/// A line that was drawn: no area, but what a corridor or a patrol may follow.
#[derive(Clone, Debug, PartialEq)]
pub struct DrawnLine {
    /// Name in the file.
    pub name: String,
    /// Its points, two or more, in the venue's datum.
    pub points: Vec<LatLon>,
}

/// A venue read from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportedVenue {
    /// What kind of file it was.
    pub kind: VenueKind,
    /// The venue. Its datum is [`Datum::Unknown`] when nobody stated one: then it is geometry only.
    pub venue: Venue,
    /// Open lines, which are no zones.
    pub lines: Vec<DrawnLine>,
    /// What was assumed, widened or left out.
    pub notes: Vec<ImportNote>,
    /// The file's own degrees, for drawings: of GeoJSON on WGS-84.
    pub exact: ExactZones,
}

impl ImportedVenue {
    /// Whether the datum allows flying. Everything else is judged by [`crate::fence`].
    #[must_use]
    pub fn datum_is_stated(&self) -> bool {
        self.venue.datum == Datum::Wgs84
    }
}

/// Why a file is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Too many bytes, zones, corners, or too deep.
    TooLarge,
    /// No kind of file that is read here.
    UnknownKind,
    /// Damaged, or against the rules of its format.
    Malformed,
    /// A coordinate that is no place.
    Coordinate,
    /// A number, time or word that cannot be used.
    Value,
    /// The file's datum is unknown here, or not the one that was stated by argument.
    Datum,
    /// Nothing in it that a venue is made of.
    Empty,
}

/// Why a file is refused, where in it, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize)]
#[error("{place}: {words}")]
pub struct ImportError {
    /// For the console's sentences.
    pub fault: Fault,
    /// `line 3`, `UASZoneList[0].geometry[1]`, `feature bank`, or `file`.
    pub place: String,
    /// What is wrong and what to do.
    pub words: String,
}

impl ImportError {
    fn new(fault: Fault, place: impl Into<String>, words: impl Into<String>) -> Self {
        ImportError {
            fault,
            place: place.into(),
            words: words.into(),
        }
    }
    fn file(fault: Fault, words: impl Into<String>) -> Self {
        Self::new(fault, "file", words)
    }
}

impl From<FormatError> for ImportError {
    fn from(e: FormatError) -> Self {
        ImportError::new(Fault::Malformed, e.place, e.words)
    }
}

impl From<VenueError> for ImportError {
    fn from(e: VenueError) -> Self {
        let (fault, place) = match &e {
            VenueError::NotJson(_) | VenueError::NotGeoJson(_) => (Fault::Malformed, "file".into()),
            VenueError::Place { feature, .. } => (Fault::Coordinate, format!("feature {feature}")),
            VenueError::Time { feature, .. } | VenueError::Feature { feature, .. } => {
                (Fault::Value, format!("feature {feature}"))
            }
            VenueError::SameId(id) => (Fault::Value, format!("feature {id}")),
        };
        let words = e.to_string();
        // The place stands in front already.
        let words = words
            .strip_prefix(&format!("{place}: "))
            .map_or(words.clone(), str::to_owned);
        ImportError::new(fault, place, words)
    }
}

/// Notes, bounded.
#[derive(Debug, Default)]
struct Notes(Vec<ImportNote>);

impl Notes {
    fn add(&mut self, code: NoteCode, about: impl Into<String>, words: impl Into<String>) {
        let of_code = self.0.iter().filter(|n| n.code == code).count();
        if of_code < MAX_NOTES {
            self.0.push(ImportNote {
                code,
                about: about.into(),
                words: words.into(),
            });
        } else if of_code == MAX_NOTES {
            self.0.push(ImportNote {
                code,
                about: String::new(),
                words: "… and more of this kind".into(),
            });
        }
    }
}

/// What a reader hands back before datum and sizes are judged.
struct Read {
    kind: VenueKind,
    venue: Venue,
    lines: Vec<DrawnLine>,
    notes: Notes,
    exact: ExactZones,
}

/// Reads a venue of any known kind. `name` is the file's name: used in words, and where the content alone does not tell
/// what a file was meant to be. `datum` is what the officer stated; `None` leaves it to the file.
///
/// # Errors
/// [`ImportError`] with the place in the file.
pub fn import_venue(
    name: &str,
    bytes: &[u8],
    datum: Option<Datum>,
) -> Result<ImportedVenue, ImportError> {
    let Read {
        kind,
        mut venue,
        mut lines,
        mut notes,
        exact,
    } = document::read(name, bytes)?;
    check(&venue, &lines)?;
    if venue.name.is_empty() {
        let stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
        venue.name = stem
            .rsplit_once('.')
            .map_or(stem, |(s, _)| s)
            .chars()
            .take(120)
            .collect();
    }
    let moved = settle_datum(kind, datum, &mut venue, &mut lines, &mut notes)?;
    if venue.zones_of(Role::Inclusion).next().is_none() {
        notes.add(
            NoteCode::NoBoundary,
            "",
            "the file draws no boundary to fly in; add it to a venue that has one",
        );
    }
    Ok(ImportedVenue {
        kind,
        venue,
        lines,
        notes: notes.0,
        // Places that were moved from another datum are no longer the file's.
        exact: if moved { ExactZones::default() } else { exact },
    })
}

/// Sizes and shapes that no reader may let through.
fn check(venue: &Venue, lines: &[DrawnLine]) -> Result<(), ImportError> {
    let mut corners: usize = lines.iter().map(|l| l.points.len()).sum();
    for z in &venue.zones {
        let place = || format!("feature {}", z.id);
        match &z.shape {
            Shape::Polygon { outer, holes } => {
                for ring in std::iter::once(outer).chain(holes) {
                    corners += ring.len();
                    let distinct: BTreeSet<&LatLon> = ring.iter().take(1_000).collect();
                    if distinct.len() < 3 {
                        return Err(ImportError::new(
                            Fault::Coordinate,
                            place(),
                            format!(
                                "a ring of {} different corners; an area takes 3 or more: draw it again",
                                distinct.len()
                            ),
                        ));
                    }
                }
            }
            Shape::Circle { radius_m, .. } => {
                if !(radius_m.is_finite() && *radius_m > 0.0 && *radius_m < 1e6) {
                    return Err(ImportError::new(
                        Fault::Value,
                        place(),
                        format!("radius {radius_m} m; state one from 0 to 1000000 m"),
                    ));
                }
            }
            Shape::Point(_) => corners += 1,
        }
    }
    let things = venue.zones.len() + lines.len();
    if things > MAX_ZONES || corners > MAX_VERTICES {
        return Err(ImportError::file(
            Fault::TooLarge,
            format!(
                "{things} zones and lines with {corners} corners; at most {MAX_ZONES} and {MAX_VERTICES} are read: cut the file down to the venue"
            ),
        ));
    }
    if things == 0 {
        return Err(ImportError::file(
            Fault::Empty,
            "nothing drawn in it: a venue takes areas, circles or points",
        ));
    }
    Ok(())
}

/// Joins what the file and the officer say of the datum, and moves coordinates onto WGS-84: whether any were moved.
fn settle_datum(
    kind: VenueKind,
    argument: Option<Datum>,
    venue: &mut Venue,
    lines: &mut [DrawnLine],
    notes: &mut Notes,
) -> Result<bool, ImportError> {
    let argument = argument.filter(|d| *d != Datum::Unknown);
    match (venue.datum, argument) {
        (Datum::Unknown, None) => notes.add(
            NoteCode::DatumNotStated,
            "",
            format!(
                "datum not stated: taken as WGS-84 as {} says; geometry only, not to fly. State it in the file or by argument to fly",
                kind.standard()
            ),
        ),
        (Datum::Unknown, Some(stated)) => {
            venue.datum = stated;
            notes.add(
                NoteCode::DatumByArgument,
                "",
                format!("the file states no datum; {} was stated for it", datum_word(stated)),
            );
        }
        (file, Some(stated)) if file != stated => {
            return Err(ImportError::new(
                Fault::Datum,
                "datum",
                format!(
                    "the file says {}, the argument {}: find out which is right and state that one",
                    datum_word(file),
                    datum_word(stated)
                ),
            ));
        }
        _ => {}
    }
    let from = venue.datum;
    let moved = matches!(from, Datum::Gcj02 | Datum::Bd09);
    if moved {
        map_grid::venue_to_wgs84(venue)?;
        for line in lines {
            for p in &mut line.points {
                *p = map_grid::place_to_wgs84(from, *p).ok_or_else(|| {
                    ImportError::new(Fault::Coordinate, &line.name, "cannot be moved to WGS-84")
                })?;
            }
        }
        notes.add(
            NoteCode::DatumConverted,
            "",
            format!(
                "coordinates were moved from {} to WGS-84 (hundreds of metres in China, nothing elsewhere); compare a corner with the ground before flying",
                datum_word(from)
            ),
        );
    }
    Ok(moved)
}

fn datum_word(d: Datum) -> &'static str {
    match d {
        Datum::Wgs84 => "WGS-84",
        Datum::Gcj02 => "GCJ-02",
        Datum::Bd09 => "BD-09",
        Datum::Unknown => "unknown",
    }
}

/// A datum as files write it. CGCS2000 is WGS-84 to within a few decimetres, which is less than a receiver's error.
fn read_datum(text: &str, place: &str) -> Result<Datum, ImportError> {
    let bare: String = text
        .to_uppercase()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    match bare.as_str() {
        "WGS84" | "EPSG4326" | "CRS84" | "CGCS2000" | "EPSG4490" => Ok(Datum::Wgs84),
        "GCJ02" => Ok(Datum::Gcj02),
        "BD09" => Ok(Datum::Bd09),
        "" | "UNKNOWN" => Ok(Datum::Unknown),
        _ => Err(ImportError::new(
            Fault::Datum,
            place,
            format!(
                "`{}` is no datum known here: write WGS-84, GCJ-02 or BD-09",
                shorten(text)
            ),
        )),
    }
}

/// Gives zones of the same id their own: `x`, `x#2`, `x#3`.
fn make_ids_unique(zones: &mut [Zone]) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    // The next number to try, so that thousands of one id are numbered in one pass.
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for z in zones {
        let mut id = z.id.clone();
        while !seen.insert(id.clone()) {
            let n = next.entry(z.id.clone()).or_insert(2);
            id = format!("{}#{n}", z.id);
            *n += 1;
        }
        z.id = id;
    }
}

/// The head of a text of the file, fit for a message.
fn shorten(text: &str) -> String {
    let head: String = text.trim().chars().take(60).collect();
    if head.len() < text.trim().len() {
        format!("{head}…")
    } else {
        head
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_kml;
