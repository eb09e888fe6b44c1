//! Pictures of plans: the venue, the ways flown over it, and what a person reads off them before saying yes.
//!
//! A [`Picture`] is laid out once as areas, lines and words on a page; `svg` and `png` only write the page down. No file,
//! no clock, no font of the machine: an SVG keeps its words as words, a PNG writes them in strokes of our own, which know
//! ASCII only. Names in other scripts stand there as the zone's id, never as empty boxes.

mod layout;
mod page;
mod png;
mod strokes;
mod svg;
#[cfg(test)]
mod tests;

use missions::place::LatLon;
use missions::plane::{EastNorth, LocalPlane};
use missions::venue::{Limit, Role, Shape, Venue, Zone};

/// Corners of a drawn circle.
const CIRCLE_CORNERS: u32 = 72;

/// An area of the venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// What it is for.
    pub role: Role,
    /// Outer ring and holes, metres; not closed.
    pub rings: Vec<Vec<EastNorth>>,
    /// What stands in it: name and heights. Empty for nothing.
    pub label: String,
    /// The same in ASCII.
    pub plain: String,
}

/// A place of the venue.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// What it is for; a place of a patrol graph has none.
    pub role: Option<Role>,
    /// Where, metres.
    pub at: EastNorth,
    /// What stands beside it.
    pub label: String,
    /// The same in ASCII.
    pub plain: String,
}

/// What one aircraft flies.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// For the legend.
    pub name: String,
    /// Places, metres, in order.
    pub places: Vec<EastNorth>,
}

/// A picture, before it is laid out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Title.
    pub title: String,
    /// The title in ASCII.
    pub plain_title: String,
    /// Figures, a line each.
    pub figures: Vec<String>,
    /// Areas, drawn in this order.
    pub patches: Vec<Patch>,
    /// Sites.
    pub sites: Vec<Site>,
    /// Roads of a graph or network.
    pub roads: Vec<(EastNorth, EastNorth)>,
    /// Ways, one an aircraft or a flight.
    pub tracks: Vec<Track>,
    /// Pieces of the pattern that are not flown; a spot has one place twice.
    pub left_out: Vec<(EastNorth, EastNorth)>,
    /// Whether up is north (a floor map does not say).
    pub north_is_up: bool,
    /// Other words for those of the legend, by its own.
    pub legend: std::collections::BTreeMap<String, String>,
    /// How much larger letters are than usual, for a picture that is printed small; 0: as usual.
    pub larger: f32,
}

impl Picture {
    /// Puts a venue's zones and sites on the plane.
    pub fn add_venue(&mut self, venue: &Venue, plane: &LocalPlane) {
        let mut zones: Vec<&Zone> = venue.zones.iter().collect();
        zones.sort_by_key(|z| rank(z.role));
        for z in zones {
            let label = |name: &str| {
                let heights = heights(z);
                match (name.is_empty(), heights.is_empty()) {
                    (true, _) => heights,
                    (_, true) => name.to_owned(),
                    _ => format!("{name} ({heights})"),
                }
            };
            // The boundary's name is the title's.
            let name = if z.role == Role::Inclusion {
                ""
            } else {
                z.name.as_str()
            };
            let id = if z.role == Role::Inclusion {
                ""
            } else {
                z.id.as_str()
            };
            let full = label(if name.is_empty() { id } else { name });
            let plain = label(if name.is_ascii() && !name.is_empty() {
                name
            } else {
                id
            });
            match &z.shape {
                Shape::Point(p) => self.sites.push(Site {
                    role: Some(z.role),
                    at: plane.to_local(*p),
                    label: full,
                    plain,
                }),
                Shape::Polygon { outer, holes } => self.patches.push(Patch {
                    role: z.role,
                    rings: std::iter::once(outer)
                        .chain(holes)
                        .map(|r| r.iter().map(|p| plane.to_local(*p)).collect())
                        .collect(),
                    label: full,
                    plain,
                }),
                Shape::Circle { centre, radius_m } => self.patches.push(Patch {
                    role: z.role,
                    rings: vec![circle(plane.to_local(*centre), *radius_m)],
                    label: full,
                    plain,
                }),
            }
        }
    }

    /// As an SVG document.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut page = layout::lay(self);
        if self.larger > 0.0 {
            page.enlarge_letters(self.larger);
        }
        svg::write(&page)
    }

    /// As a PNG file.
    ///
    /// # Errors
    /// In words, when there is no memory for the page or it cannot be encoded.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        png::write(&layout::lay(self))
    }
}

/// What lies below is drawn first.
fn rank(role: Role) -> u8 {
    match role {
        Role::Inclusion => 0,
        Role::WatchZone => 1,
        Role::NoLook => 2,
        Role::Crowd => 3,
        Role::Show => 4,
        Role::Exclusion => 5,
        Role::Launch | Role::Landing => 6,
    }
}

fn circle(c: EastNorth, radius_m: f64) -> Vec<EastNorth> {
    (0..CIRCLE_CORNERS)
        .map(|i| {
            let a = std::f64::consts::TAU * f64::from(i) / f64::from(CIRCLE_CORNERS);
            EastNorth::new(
                c.east_m + radius_m * a.cos(),
                c.north_m + radius_m * a.sin(),
            )
        })
        .collect()
}

/// Floor and ceiling as a label: `20-60 m home`, `<=120 m AMSL`.
fn heights(z: &Zone) -> String {
    let of = |l: Limit| match l {
        Limit::Amsl(a) => (a.metres(), "AMSL"),
        Limit::AboveHome(a) => (a.metres(), "home"),
        Limit::AboveGround(a) => (a.metres(), "ground"),
    };
    match (z.floor.map(of), z.ceiling.map(of)) {
        (None, None) => String::new(),
        (Some((f, w)), None) => format!(">={f:.0} m {w}"),
        (None, Some((c, w))) => format!("<={c:.0} m {w}"),
        (Some((f, w)), Some((c, x))) if w == x => format!("{f:.0}-{c:.0} m {w}"),
        (Some((f, w)), Some((c, x))) => format!("{f:.0} m {w}-{c:.0} m {x}"),
    }
}

/// Degrees as the plane's metres.
#[must_use]
pub fn on_plane(plane: &LocalPlane, places: &[LatLon]) -> Vec<EastNorth> {
    places.iter().map(|p| plane.to_local(*p)).collect()
}
