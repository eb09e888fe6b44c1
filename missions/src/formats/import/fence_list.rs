//! Fences and rally points of QGroundControl and ArduPilot, as a venue.
//!
//! Boundaries and keep-outs keep their shapes, rally points become landing sites, the planned home the launch site. The
//! mission in such a file is not part of a venue.

use super::{DrawnLine, ExactZones, Fault, ImportError, NoteCode, Notes, Read, VenueKind};
use crate::formats::Imported;
use crate::place::Datum;
use crate::venue::{Ground, Role, Shape, Venue, Zone};

/// Makes a venue of what a mission reader found.
pub(super) fn venue(kind: VenueKind, file: Imported) -> Result<Read, ImportError> {
    let mut notes = Notes::default();
    let mut zones = Vec::new();
    let mut push = |id: String, role: Role, shape: Shape| {
        zones.push(Zone {
            name: id.clone(),
            id,
            role,
            shape,
            floor: None,
            ceiling: None,
            window: None,
        });
    };
    if file.polygons.is_empty() && file.circles.is_empty() && file.rally.is_empty() {
        return Err(ImportError::file(
            Fault::Empty,
            "no fence and no rally point in it: a venue takes one of them (a mission alone is no venue; open it as a mission)",
        ));
    }
    let role = |inclusion| {
        if inclusion {
            Role::Inclusion
        } else {
            Role::Exclusion
        }
    };
    let boundaries = file.polygons.iter().filter(|p| p.inclusion).count()
        + file.circles.iter().filter(|c| c.inclusion).count();
    for (i, p) in file.polygons.into_iter().enumerate() {
        let mut outer = p.ring;
        // Some writers close the ring.
        if outer.len() > 1 && outer.first() == outer.last() {
            outer.pop();
        }
        push(
            format!("polygon-{}", i + 1),
            role(p.inclusion),
            Shape::Polygon {
                outer,
                holes: Vec::new(),
            },
        );
    }
    for (i, c) in file.circles.into_iter().enumerate() {
        push(
            format!("circle-{}", i + 1),
            role(c.inclusion),
            Shape::Circle {
                centre: c.centre,
                radius_m: c.radius_m,
            },
        );
    }
    for (i, r) in file.rally.iter().enumerate() {
        push(
            format!("rally-{}", i + 1),
            Role::Landing,
            Shape::Point(r.at),
        );
    }
    if let Some(home) = file.home {
        push("home".into(), Role::Launch, Shape::Point(home.at));
    }
    if !file.rally.is_empty() {
        notes.add(
            NoteCode::HeightNotUsed,
            "",
            "rally points became landing sites; their heights were not kept",
        );
    }
    if boundaries > 1 {
        notes.add(
            NoteCode::Remark,
            "",
            format!(
                "{boundaries} boundaries: autopilots differ on whether to stay in all of them or in any; draw one to fly"
            ),
        );
    }
    if file.breach_return.is_some() {
        notes.add(
            NoteCode::LeftOut,
            "",
            "the place to return to after a breach was left out",
        );
    }
    if !file.mission.is_empty() {
        notes.add(
            NoteCode::LeftOut,
            "",
            format!(
                "the mission ({} items) was left out; open it as a mission",
                file.mission.len()
            ),
        );
    }
    for words in file.notes {
        notes.add(NoteCode::Remark, "", words);
    }
    let lines: Vec<DrawnLine> = Vec::new();
    Ok(Read {
        kind,
        venue: Venue {
            name: String::new(),
            datum: Datum::Unknown,
            ground: Ground::Unknown,
            zones,
            notes: String::new(),
        },
        lines,
        notes,
        exact: ExactZones::default(),
    })
}
