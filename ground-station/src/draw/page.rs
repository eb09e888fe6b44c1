//! A page: what is drawn where, in pixels from the upper left corner. No map, no venue.

/// A place on the page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub x: f32,
    pub y: f32,
}

/// Red, green, blue, and how opaque (255: wholly).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink(pub u8, pub u8, pub u8, pub u8);

/// Where words stand against their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
}

/// Something drawn.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Mark {
    /// Rings, filled by the even-odd rule.
    Area {
        rings: Vec<Vec<Spot>>,
        fill: Ink,
        edge: Option<(Ink, f32)>,
        dashed: bool,
    },
    /// A line of straight pieces.
    Line {
        places: Vec<Spot>,
        ink: Ink,
        width: f32,
        dashed: bool,
    },
    /// Words on a light ground, `plain` where only ASCII can be written.
    Words {
        at: Spot,
        text: String,
        plain: String,
        size: f32,
        ink: Ink,
        anchor: Anchor,
    },
}

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Page {
    pub width: u32,
    pub height: u32,
    pub marks: Vec<Mark>,
}

impl Page {
    pub(super) fn enlarge_letters(&mut self, by: f32) {
        for m in &mut self.marks {
            if let Mark::Words { size, .. } = m {
                *size *= by;
            }
        }
    }

    pub(super) fn area(&mut self, rings: Vec<Vec<Spot>>, fill: Ink, edge: Option<(Ink, f32)>) {
        self.marks.push(Mark::Area {
            rings,
            fill,
            edge,
            dashed: false,
        });
    }

    pub(super) fn line(&mut self, places: Vec<Spot>, ink: Ink, width: f32) {
        self.marks.push(Mark::Line {
            places,
            ink,
            width,
            dashed: false,
        });
    }

    pub(super) fn words(&mut self, at: Spot, text: &str, plain: &str, size: f32, anchor: Anchor) {
        self.marks.push(Mark::Words {
            at,
            text: text.into(),
            plain: plain.into(),
            size,
            ink: Ink(30, 34, 40, 255),
            anchor,
        });
    }
}

/// A regular polygon around a place, pointing up: discs, squares, triangles.
pub(super) fn regular(at: Spot, radius: f32, corners: u16, turned_rad: f32) -> Vec<Spot> {
    (0..corners)
        .map(|i| {
            let a = turned_rad + std::f32::consts::TAU * f32::from(i) / f32::from(corners)
                - std::f32::consts::FRAC_PI_2;
            Spot {
                x: at.x + radius * a.cos(),
                y: at.y + radius * a.sin(),
            }
        })
        .collect()
}
