//! Where everything stands on the page: the map on the left, title, figures and legend on the right.

use super::page::{Anchor, Ink, Mark, Page, Spot, regular};
use super::{Picture, Track, strokes};
use missions::plane::EastNorth;
use missions::venue::Role;

/// Largest map, pixels.
const MAP: (f64, f64) = (1000.0, 900.0);
/// Around the map, pixels.
const EDGE: f64 = 24.0;
/// The column of words, pixels.
const COLUMN: f64 = 360.0;
/// Between two arrows on a way, pixels.
const ARROW_EVERY: f32 = 90.0;
/// Legs shorter than this carry no arrow, pixels.
const ARROW_LEG: f32 = 16.0;
/// Room around what is drawn, as a part of its longer side.
const ROOM: f64 = 0.045;
/// Most labels of keep-outs: more would hide the map.
const MOST_LABELS: usize = 60;

const DARK: Ink = Ink(30, 34, 40, 255);
const START: Ink = Ink(22, 130, 60, 255);
const END: Ink = Ink(190, 30, 30, 255);
const LEFT_OUT: Ink = Ink(120, 120, 120, 255);

/// Colours that people with any colour sight tell apart (Okabe, Ito 2008), darkest first.
const WAYS: [Ink; 8] = [
    Ink(0, 90, 170, 255),
    Ink(205, 85, 0, 255),
    Ink(0, 135, 100, 255),
    Ink(170, 70, 140, 255),
    Ink(70, 160, 215, 255),
    Ink(215, 145, 0, 255),
    Ink(90, 60, 150, 255),
    Ink(40, 40, 40, 255),
];

/// Fill, edge, whether the edge is dashed, and the legend's words.
fn style(role: Role) -> (Ink, Ink, bool, &'static str) {
    match role {
        Role::Inclusion => (
            Ink(255, 255, 255, 255),
            Ink(40, 110, 60, 255),
            false,
            "fly inside",
        ),
        Role::Exclusion => (
            Ink(205, 50, 50, 70),
            Ink(170, 25, 25, 255),
            false,
            "keep out",
        ),
        Role::Show => (
            Ink(140, 70, 190, 50),
            Ink(110, 40, 160, 255),
            true,
            "show, keep out while on",
        ),
        Role::Crowd => (
            Ink(235, 150, 30, 60),
            Ink(190, 110, 0, 255),
            true,
            "crowd, no overflight",
        ),
        Role::WatchZone => (
            Ink(60, 120, 200, 30),
            Ink(50, 100, 180, 255),
            true,
            "watch zone",
        ),
        Role::NoLook => (
            Ink(90, 90, 90, 60),
            Ink(80, 80, 80, 255),
            true,
            "no cameras",
        ),
        Role::Launch => (
            Ink(22, 130, 60, 255),
            Ink(255, 255, 255, 255),
            false,
            "launch site",
        ),
        Role::Landing => (
            Ink(20, 110, 170, 255),
            Ink(255, 255, 255, 255),
            false,
            "landing site",
        ),
    }
}

struct Map {
    west_m: f64,
    north_m: f64,
    px_per_m: f64,
}

impl Map {
    fn at(&self, p: EastNorth) -> Spot {
        Spot {
            x: (EDGE + (p.east_m - self.west_m) * self.px_per_m) as f32,
            y: (EDGE + (self.north_m - p.north_m) * self.px_per_m) as f32,
        }
    }

    fn all(&self, places: &[EastNorth]) -> Vec<Spot> {
        places
            .iter()
            .filter(|p| p.east_m.is_finite() && p.north_m.is_finite())
            .map(|p| self.at(*p))
            .collect()
    }
}

/// South-west and north-east corner of all that is drawn.
fn extent(p: &Picture) -> Option<(EastNorth, EastNorth)> {
    let all = p
        .patches
        .iter()
        .flat_map(|a| a.rings.iter().flatten())
        .chain(p.tracks.iter().flat_map(|t| &t.places))
        .chain(p.sites.iter().map(|s| &s.at))
        .chain(p.roads.iter().flat_map(|r| [&r.0, &r.1]))
        .chain(p.left_out.iter().flat_map(|r| [&r.0, &r.1]))
        .filter(|q| q.east_m.is_finite() && q.north_m.is_finite());
    let mut out: Option<(EastNorth, EastNorth)> = None;
    for q in all {
        let (lo, hi) = out.unwrap_or((*q, *q));
        out = Some((
            EastNorth::new(lo.east_m.min(q.east_m), lo.north_m.min(q.north_m)),
            EastNorth::new(hi.east_m.max(q.east_m), hi.north_m.max(q.north_m)),
        ));
    }
    out
}

pub(super) fn lay(p: &Picture) -> Page {
    let (lo, hi) = extent(p).unwrap_or((EastNorth::new(0.0, 0.0), EastNorth::new(1.0, 1.0)));
    let room_m = ((hi.east_m - lo.east_m).max(hi.north_m - lo.north_m) * ROOM).max(1.0);
    let wide_m = hi.east_m - lo.east_m + 2.0 * room_m;
    let tall_m = hi.north_m - lo.north_m + 2.0 * room_m;
    let px_per_m = (MAP.0 / wide_m).min(MAP.1 / tall_m);
    let map = Map {
        west_m: lo.east_m - room_m,
        north_m: hi.north_m + room_m,
        px_per_m,
    };
    let (map_w, map_h) = (wide_m * px_per_m, tall_m * px_per_m);
    let mut page = Page {
        width: (map_w + COLUMN + 3.0 * EDGE) as u32,
        height: 0,
        marks: Vec::new(),
    };
    let corner = |x: f64, y: f64| Spot {
        x: (EDGE + x) as f32,
        y: (EDGE + y) as f32,
    };
    page.area(
        vec![vec![
            corner(0.0, 0.0),
            corner(map_w, 0.0),
            corner(map_w, map_h),
            corner(0.0, map_h),
        ]],
        Ink(232, 235, 238, 255),
        Some((Ink(150, 155, 160, 255), 1.0)),
    );
    areas(&mut page, &map, p);
    for (a, b) in &p.roads {
        page.line(vec![map.at(*a), map.at(*b)], Ink(160, 165, 172, 255), 4.0);
    }
    for (i, t) in p.tracks.iter().enumerate() {
        way(&mut page, &map, t, colour(i));
    }
    for (a, b) in &p.left_out {
        left_out(&mut page, map.at(*a), map.at(*b));
    }
    for (i, t) in p.tracks.iter().enumerate() {
        ends(
            &mut page,
            &map,
            t,
            if p.tracks.len() > 1 { i + 1 } else { 0 },
        );
    }
    sites(&mut page, &map, p);
    labels(&mut page, &map, p);
    if p.north_is_up {
        north(&mut page, corner(map_w - 26.0, 46.0));
    }
    scale_bar(&mut page, corner(14.0, map_h - 14.0), px_per_m, map_w);
    let bottom = column(&mut page, p, (2.0 * EDGE + map_w) as f32);
    page.height = (f64::from(bottom).max(map_h + EDGE) + EDGE) as u32;
    page
}

fn colour(i: usize) -> Ink {
    WAYS.get(i % WAYS.len()).copied().unwrap_or(DARK)
}

fn areas(page: &mut Page, map: &Map, p: &Picture) {
    for a in &p.patches {
        let (fill, edge, dashed, _) = style(a.role);
        // Sites that were drawn as areas stay readable.
        let fill = if matches!(a.role, Role::Launch | Role::Landing) {
            Ink(fill.0, fill.1, fill.2, 60)
        } else {
            fill
        };
        page.marks.push(Mark::Area {
            rings: a.rings.iter().map(|r| map.all(r)).collect(),
            fill,
            edge: Some((edge, if a.role == Role::Inclusion { 2.0 } else { 1.3 })),
            dashed,
        });
    }
}

fn labels(page: &mut Page, map: &Map, p: &Picture) {
    // The largest first: they have the room.
    let mut sized: Vec<(f64, &super::Patch)> = p
        .patches
        .iter()
        .filter(|a| !a.label.is_empty() && !is_numbered(&a.label))
        .map(|a| (size_m(a), a))
        .collect();
    sized.sort_by(|x, y| y.0.total_cmp(&x.0));
    for (_, a) in sized.into_iter().take(MOST_LABELS) {
        if let Some(m) = middle(a) {
            page.words(map.at(m), &a.label, &a.plain, 12.0, Anchor::Middle);
        }
    }
}

/// Ids that the reader of a file made up (`3`, `feature 3`) tell nobody anything.
fn is_numbered(label: &str) -> bool {
    let bare = label.strip_prefix("feature").unwrap_or(label).trim();
    bare.chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '#' | '.' | '-'))
}

fn size_m(a: &super::Patch) -> f64 {
    let ring = a.rings.first().map_or(&[][..], Vec::as_slice);
    let span = |f: fn(&EastNorth) -> f64| {
        let hi = ring.iter().map(f).fold(f64::NEG_INFINITY, f64::max);
        hi - ring.iter().map(f).fold(f64::INFINITY, f64::min)
    };
    span(|q| q.east_m).max(span(|q| q.north_m))
}

/// Mean of the outer corners; of the boundary, its upper end, where its label hides least.
fn middle(a: &super::Patch) -> Option<EastNorth> {
    let ring = a.rings.first()?;
    if a.role == Role::Inclusion {
        return ring
            .iter()
            .max_by(|x, y| x.north_m.total_cmp(&y.north_m))
            .copied();
    }
    let n = ring.len() as f64;
    (n > 0.0).then(|| {
        let sum = |f: fn(&EastNorth) -> f64| ring.iter().map(f).sum::<f64>() / n;
        EastNorth::new(sum(|q| q.east_m), sum(|q| q.north_m))
    })
}

fn way(page: &mut Page, map: &Map, t: &Track, ink: Ink) {
    let places = map.all(&t.places);
    // Many legs on one map: thin lines keep them apart.
    let width = if places.len() > 600 { 1.2 } else { 2.0 };
    let mut since = ARROW_EVERY / 2.0;
    let mut arrows = Vec::new();
    for w in places.windows(2) {
        let [a, b] = w else { continue };
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = dx.hypot(dy);
        since += length;
        if since < ARROW_EVERY || length < ARROW_LEG {
            continue;
        }
        since = 0.0;
        let at = Spot {
            x: a.x + dx * 0.5,
            y: a.y + dy * 0.5,
        };
        arrows.push(arrow(at, dx / length, dy / length));
    }
    page.line(places, ink, width);
    for a in arrows {
        page.area(vec![a], ink, None);
    }
}

/// A head that points along (dx, dy), a unit vector.
fn arrow(at: Spot, dx: f32, dy: f32) -> Vec<Spot> {
    let to = |along: f32, across: f32| Spot {
        x: at.x + along * dx - across * dy,
        y: at.y + along * dy + across * dx,
    };
    vec![to(6.0, 0.0), to(-4.0, 4.2), to(-2.0, 0.0), to(-4.0, -4.2)]
}

fn ends(page: &mut Page, map: &Map, t: &Track, number: usize) {
    let (Some(first), Some(last)) = (t.places.first(), t.places.last()) else {
        return;
    };
    let (first, last) = (map.at(*first), map.at(*last));
    let white = Some((Ink(255, 255, 255, 255), 1.5));
    page.area(
        vec![regular(last, 7.5, 4, std::f32::consts::FRAC_PI_4)],
        END,
        white,
    );
    page.area(vec![regular(first, 5.5, 24, 0.0)], START, white);
    if number > 0 {
        let words = number.to_string();
        let at = Spot {
            x: first.x + 9.0,
            y: first.y - 6.0,
        };
        page.words(at, &words, &words, 13.0, Anchor::Start);
    }
}

fn left_out(page: &mut Page, a: Spot, b: Spot) {
    if (a.x - b.x).hypot(a.y - b.y) < 3.0 {
        for (dx, dy) in [(4.0, 4.0), (4.0, -4.0)] {
            let ends = vec![
                Spot {
                    x: a.x - dx,
                    y: a.y - dy,
                },
                Spot {
                    x: a.x + dx,
                    y: a.y + dy,
                },
            ];
            page.line(ends, LEFT_OUT, 1.6);
        }
    } else {
        page.marks.push(Mark::Line {
            places: vec![a, b],
            ink: LEFT_OUT,
            width: 1.6,
            dashed: true,
        });
    }
}

fn sites(page: &mut Page, map: &Map, p: &Picture) {
    for s in &p.sites {
        let at = map.at(s.at);
        match s.role {
            Some(role) => {
                let (fill, edge, _, _) = style(role);
                page.area(vec![regular(at, 8.0, 3, 0.0)], fill, Some((edge, 1.5)));
            }
            None => page.area(
                vec![regular(at, 3.5, 16, 0.0)],
                Ink(255, 255, 255, 255),
                Some((DARK, 1.2)),
            ),
        }
        if !s.label.is_empty() {
            let beside = Spot {
                x: at.x + 10.0,
                y: at.y + 4.0,
            };
            page.words(beside, &s.label, &s.plain, 12.0, Anchor::Start);
        }
    }
}

fn north(page: &mut Page, at: Spot) {
    page.area(
        vec![vec![
            Spot {
                x: at.x,
                y: at.y - 26.0,
            },
            Spot {
                x: at.x + 8.0,
                y: at.y,
            },
            Spot {
                x: at.x,
                y: at.y - 6.0,
            },
            Spot {
                x: at.x - 8.0,
                y: at.y,
            },
        ]],
        DARK,
        Some((Ink(255, 255, 255, 255), 1.0)),
    );
    let below = Spot {
        x: at.x,
        y: at.y + 16.0,
    };
    page.words(below, "N", "N", 15.0, Anchor::Middle);
}

/// A round length of about a fifth of the map.
fn scale_bar(page: &mut Page, at: Spot, px_per_m: f64, map_w: f64) {
    let about_m = map_w / 5.0 / px_per_m;
    let power = 10f64.powf(about_m.log10().floor());
    let metres = [5.0, 2.0, 1.0]
        .iter()
        .map(|k| k * power)
        .find(|m| *m <= about_m)
        .unwrap_or(power);
    let end = Spot {
        x: at.x + (metres * px_per_m) as f32,
        y: at.y,
    };
    page.line(vec![at, end], Ink(255, 255, 255, 230), 7.0);
    page.line(vec![at, end], DARK, 3.0);
    let words = if metres >= 1000.0 {
        format!("{} km", metres / 1000.0)
    } else {
        format!("{metres} m")
    };
    let above = Spot {
        x: at.x,
        y: at.y - 8.0,
    };
    page.words(above, &words, &words, 13.0, Anchor::Start);
}

/// Words to the column's width, broken at spaces.
fn wrapped(text: &str, size: f32) -> Vec<String> {
    // A sign of another script is about twice as wide as a stroke letter.
    let wide = |s: &str| {
        strokes::width(s, size) + s.chars().filter(|c| !c.is_ascii()).count() as f32 * size * 0.35
    };
    let mut out: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match out.last_mut() {
            Some(l) if wide(l) + wide(" ") + wide(word) <= COLUMN as f32 => {
                l.push(' ');
                l.push_str(word);
            }
            _ => out.push(String::new()),
        }
        // A word that is wider than the column, or begins a line: letter by letter.
        if out.last().is_some_and(String::is_empty) {
            for c in word.chars() {
                let full = out
                    .last()
                    .is_some_and(|l| wide(l) + wide(&c.to_string()) > COLUMN as f32);
                if full {
                    out.push(String::new());
                }
                if let Some(l) = out.last_mut() {
                    l.push(c);
                }
            }
        }
    }
    out
}

/// Title, figures, legend; where it ends.
fn column(page: &mut Page, p: &Picture, x: f32) -> f32 {
    let mut y = EDGE as f32 + 18.0;
    let titles = (wrapped(&p.title, 20.0), wrapped(&p.plain_title, 20.0));
    for i in 0..titles.0.len().max(titles.1.len()) {
        let line = |v: &[String]| v.get(i).cloned().unwrap_or_default();
        page.words(
            Spot { x, y },
            &line(&titles.0),
            &line(&titles.1),
            20.0,
            Anchor::Start,
        );
        y += 26.0;
    }
    y += 8.0;
    for f in &p.figures {
        for line in wrapped(f, 13.0) {
            page.words(Spot { x, y }, &line, &line, 13.0, Anchor::Start);
            y += 19.0;
        }
    }
    y += 16.0;
    let words = |page: &mut Page, y: f32, text: &str| {
        let text = p.legend.get(text).map_or(text, String::as_str);
        page.words(
            Spot {
                x: x + 34.0,
                y: y + 4.5,
            },
            text,
            text,
            13.0,
            Anchor::Start,
        );
    };
    for (i, t) in p.tracks.iter().enumerate() {
        let (a, b) = (Spot { x, y }, Spot { x: x + 24.0, y });
        page.line(vec![a, b], colour(i), 2.5);
        page.area(
            vec![arrow(Spot { x: x + 12.0, y }, 1.0, 0.0)],
            colour(i),
            None,
        );
        words(page, y, &t.name);
        y += 21.0;
    }
    let white = Some((Ink(255, 255, 255, 255), 1.5));
    if !p.tracks.is_empty() {
        let at = Spot { x: x + 12.0, y };
        page.area(vec![regular(at, 5.5, 24, 0.0)], START, white);
        words(page, y, "start");
        y += 21.0;
        let at = Spot { x: x + 12.0, y };
        page.area(
            vec![regular(at, 7.5, 4, std::f32::consts::FRAC_PI_4)],
            END,
            white,
        );
        words(page, y, "end (under the start if there)");
        y += 21.0;
    }
    if !p.left_out.is_empty() {
        left_out(page, Spot { x, y }, Spot { x: x + 24.0, y });
        words(page, y, "left out of the pattern");
        y += 21.0;
    }
    if !p.roads.is_empty() {
        page.line(
            vec![Spot { x, y }, Spot { x: x + 24.0, y }],
            Ink(160, 165, 172, 255),
            4.0,
        );
        words(page, y, "roads");
        y += 21.0;
    }
    for role in ROLES {
        let as_area = p.patches.iter().any(|a| a.role == role);
        let as_site = p.sites.iter().any(|s| s.role == Some(role));
        if !as_area && !as_site {
            continue;
        }
        let (fill, edge, dashed, text) = style(role);
        if as_area {
            let at = |dx: f32, dy: f32| Spot {
                x: x + dx,
                y: y + dy,
            };
            page.marks.push(Mark::Area {
                rings: vec![vec![
                    at(0.0, -7.0),
                    at(24.0, -7.0),
                    at(24.0, 7.0),
                    at(0.0, 7.0),
                ]],
                fill,
                edge: Some((edge, 1.3)),
                dashed,
            });
        } else {
            let at = Spot { x: x + 12.0, y };
            page.area(vec![regular(at, 8.0, 3, 0.0)], fill, Some((edge, 1.5)));
        }
        words(page, y, text);
        y += 21.0;
    }
    y
}

const ROLES: [Role; 8] = [
    Role::Inclusion,
    Role::Exclusion,
    Role::Show,
    Role::Crowd,
    Role::WatchZone,
    Role::NoLook,
    Role::Launch,
    Role::Landing,
];
