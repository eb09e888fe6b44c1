//! KML (OGC 07-147r2, "KML 2.2"): the Placemarks of a document, wherever they stand in it.
//!
//! This module walks the XML; [`super::kml_parts`] judges what was drawn. Entities beyond XML's own five are refused, so
//! that none can be made to grow; links are never followed.

use super::kml_parts::{Drawing, Placemark, Ring, finish};
use super::{
    Fault, ImportError, MAX_VERTICES, MAX_ZONES, NoteCode, Notes, Read, read_datum, shorten,
};
use crate::place::{Datum, LatLon};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deepest nesting of elements.
const MAX_DEPTH: usize = 64;
/// Most folders around a Placemark whose names are looked at.
const MAX_FOLDERS: usize = 8;
/// Longest text that is kept of a name or a value, bytes; coordinates may be longer.
const MAX_TEXT: usize = 400;

/// The first element's name without prefix; a refusal when there is none.
pub(super) fn root_element(text: &str) -> Result<String, ImportError> {
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Start(e) | Event::Empty(e)) => return Ok(local(&e)),
            Ok(Event::Eof) => {
                return Err(ImportError::file(
                    Fault::Malformed,
                    "XML without an element",
                ));
            }
            Ok(_) => {}
            Err(e) => {
                let at = line_of(text, reader.error_position());
                return Err(malformed(at, &e.to_string()));
            }
        }
    }
}

/// Reads the document.
pub(super) fn read(text: &str) -> Result<Read, ImportError> {
    let mut reader = Reader::from_str(text);
    let mut walk = Walk {
        text,
        counted: 0,
        line: 1,
        stack: Vec::new(),
        rooted: false,
        chars: String::new(),
        folders: Vec::new(),
        placemark: None,
        drawing: None,
        rings: Vec::new(),
        points: Vec::new(),
        heights: None,
        extrude: false,
        mode: String::new(),
        corners: 0,
        found: Found::default(),
    };
    loop {
        let event = reader.read_event();
        match event {
            Ok(event) => {
                walk.count_lines(reader.buffer_position());
                match event {
                    Event::Start(e) => walk.start(&e)?,
                    Event::Empty(e) => {
                        walk.start(&e)?;
                        walk.end()?;
                    }
                    Event::End(_) => walk.end()?,
                    Event::Text(t) => {
                        let t = t
                            .decode()
                            .map_err(|e| malformed(walk.line, &e.to_string()))?;
                        walk.characters(&t)?;
                    }
                    Event::CData(t) => {
                        let t = t
                            .decode()
                            .map_err(|e| malformed(walk.line, &e.to_string()))?;
                        walk.characters(&t)?;
                    }
                    Event::GeneralRef(r) => {
                        let bad = |what: &str| malformed(walk.line, what);
                        let name = r.decode().map_err(|e| bad(&e.to_string()))?;
                        if let Some(c) = r.resolve_char_ref().map_err(|e| bad(&e.to_string()))? {
                            walk.characters(c.encode_utf8(&mut [0; 4]))?;
                        } else if let Some(c) = quick_xml::escape::resolve_predefined_entity(&name)
                        {
                            walk.characters(c)?;
                        } else {
                            return Err(bad(&format!("`&{};` is not known", shorten(&name))));
                        }
                    }
                    Event::Eof => break,
                    Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
                }
            }
            Err(e) => {
                let at = line_of(text, reader.error_position());
                return Err(malformed(at, &e.to_string()));
            }
        }
    }
    if let Some(open) = walk.stack.last() {
        return Err(malformed(
            open.line,
            &format!("`{}` is never closed", shorten(&open.name)),
        ));
    }
    if !walk.rooted {
        return Err(malformed(1, "no `kml` element"));
    }
    finish(walk.found)
}

/// What was found in a document.
#[derive(Default)]
pub(super) struct Found {
    /// Name of the document.
    pub name: String,
    /// As stated in the document's extended data.
    pub datum: Option<Datum>,
    /// All Placemarks, in order.
    pub placemarks: Vec<Placemark>,
    /// Things left out.
    pub notes: Notes,
}

struct Open {
    name: String,
    /// The `name` attribute (of Data and SimpleData).
    attr: String,
    line: usize,
}

struct Walk<'a> {
    text: &'a str,
    counted: usize,
    line: usize,
    stack: Vec<Open>,
    rooted: bool,
    chars: String,
    folders: Vec<String>,
    placemark: Option<Placemark>,
    /// Kind of the geometry that is open: Polygon, LineString, LinearRing or Point.
    drawing: Option<String>,
    rings: Vec<Ring>,
    points: Vec<LatLon>,
    /// Lowest and highest third coordinate.
    heights: Option<(f64, f64)>,
    extrude: bool,
    mode: String,
    corners: usize,
    found: Found,
}

impl Walk<'_> {
    fn count_lines(&mut self, position: u64) {
        let to = usize::try_from(position).unwrap_or(usize::MAX);
        let new = self.text.as_bytes().get(self.counted..to).unwrap_or(&[]);
        self.line += new.iter().filter(|b| **b == b'\n').count();
        self.counted = self.counted.max(to);
    }

    fn start(&mut self, e: &BytesStart<'_>) -> Result<(), ImportError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(ImportError::new(
                Fault::TooLarge,
                format!("line {}", self.line),
                format!("elements more than {MAX_DEPTH} deep"),
            ));
        }
        let name = local(e);
        if self.stack.is_empty() {
            if name != "kml" {
                return Err(malformed(
                    self.line,
                    &format!("`{}` where `kml` must stand", shorten(&name)),
                ));
            }
            self.rooted = true;
        }
        let attribute = |key: &str| -> Result<String, ImportError> {
            let found = e
                .try_get_attribute(key)
                .map_err(|e| malformed(self.line, &e.to_string()))?;
            let Some(a) = found else {
                return Ok(String::new());
            };
            let raw = String::from_utf8_lossy(&a.value);
            Ok(quick_xml::escape::unescape(&raw)
                .map_err(|e| malformed(self.line, &e.to_string()))?
                .chars()
                .take(MAX_TEXT)
                .collect())
        };
        let attr = attribute("name")?;
        match name.as_str() {
            "Folder" | "Document" => self.folders.push(String::new()),
            "Placemark" => {
                if self.found.placemarks.len() >= MAX_ZONES {
                    return Err(ImportError::new(
                        Fault::TooLarge,
                        format!("line {}", self.line),
                        format!("more than {MAX_ZONES} placemarks: cut the file down to the venue"),
                    ));
                }
                self.placemark = Some(Placemark {
                    line: self.line,
                    id: attribute("id")?,
                    folders: self
                        .folders
                        .iter()
                        .rev()
                        .take(MAX_FOLDERS)
                        .cloned()
                        .collect(),
                    ..Placemark::default()
                });
            }
            "Polygon" | "LineString" | "Point" => self.open_drawing(&name),
            // Part of a Polygon, or a geometry of its own.
            "LinearRing" if self.drawing.is_none() => self.open_drawing(&name),
            "Track" | "MultiTrack" | "Model" | "GroundOverlay" | "ScreenOverlay"
            | "PhotoOverlay" | "NetworkLink" => self.found.notes.add(
                NoteCode::LeftOut,
                format!("line {}", self.line),
                format!("a {name} is no area, and links are not followed: left out"),
            ),
            "TimeSpan" | "TimeStamp" if self.parent() == "Placemark" => {
                if let Some(p) = &mut self.placemark {
                    p.has_time = true;
                }
            }
            _ => {}
        }
        self.chars.clear();
        self.stack.push(Open {
            name,
            attr,
            line: self.line,
        });
        Ok(())
    }

    fn open_drawing(&mut self, kind: &str) {
        self.drawing = Some(kind.to_owned());
        self.rings.clear();
        self.points.clear();
        self.heights = None;
        self.extrude = false;
        self.mode.clear();
    }

    fn parent(&self) -> &str {
        self.stack.last().map_or("", |o| o.name.as_str())
    }

    fn characters(&mut self, t: &str) -> Result<(), ImportError> {
        if self.stack.is_empty() {
            return if t.trim().is_empty() {
                Ok(())
            } else {
                // The position is that of the text's end.
                let below = t.trim_start().matches('\n').count();
                Err(malformed(
                    self.line.saturating_sub(below),
                    "text where the `kml` element must stand",
                ))
            };
        }
        if self.parent() == "coordinates" || self.chars.len() < MAX_TEXT {
            self.chars.push_str(t);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ImportError> {
        // quick-xml has checked that names match.
        let Some(open) = self.stack.pop() else {
            return Ok(());
        };
        let chars = std::mem::take(&mut self.chars);
        let value: String = chars.trim().chars().take(MAX_TEXT).collect();
        let parent = self.parent().to_owned();
        match open.name.as_str() {
            "Folder" | "Document" => {
                self.folders.pop();
            }
            "name" => match (parent.as_str(), &mut self.placemark) {
                ("Placemark", Some(p)) => p.name = value,
                ("Folder" | "Document", _) => {
                    if parent == "Document" && self.found.name.is_empty() {
                        self.found.name.clone_from(&value);
                    }
                    if let Some(f) = self.folders.last_mut() {
                        *f = value;
                    }
                }
                _ => {}
            },
            "SimpleData" => self.data(&open.attr, value, open.line)?,
            "value" if parent == "Data" => {
                let key = self
                    .stack
                    .last()
                    .map(|o| o.attr.clone())
                    .unwrap_or_default();
                self.data(&key, value, open.line)?;
            }
            "extrude" if self.drawing.is_some() => self.extrude = value == "1" || value == "true",
            "altitudeMode" if self.drawing.is_some() => self.mode = value,
            "coordinates" if self.drawing.is_some() => self.coordinates(&chars, open.line)?,
            "LinearRing" if self.drawing.as_deref() == Some("Polygon") => {
                let points = std::mem::take(&mut self.points);
                let inner = parent == "innerBoundaryIs";
                if !inner && self.rings.iter().any(|r| !r.inner) {
                    return Err(malformed(
                        open.line,
                        "a second outer boundary in one Polygon: draw two Polygons",
                    ));
                }
                self.rings.push(Ring { inner, points });
            }
            "Polygon" | "LineString" | "LinearRing" | "Point"
                if self.drawing.as_deref() == Some(open.name.as_str()) =>
            {
                self.close_drawing(&open)?;
            }
            "Placemark" => {
                self.found.placemarks.extend(self.placemark.take());
            }
            _ => {}
        }
        Ok(())
    }

    /// A value of ExtendedData: of the Placemark, or of the document.
    fn data(&mut self, key: &str, value: String, line: usize) -> Result<(), ImportError> {
        match &mut self.placemark {
            Some(p) => {
                p.data.insert(key.trim().to_lowercase(), value);
            }
            None if key.trim().eq_ignore_ascii_case("datum") => {
                self.found.datum = Some(read_datum(&value, &format!("line {line}"))?);
            }
            None => {}
        }
        Ok(())
    }

    /// `longitude,latitude[,height]`, apart by white space (OGC KML 2.2 §10).
    fn coordinates(&mut self, text: &str, line: usize) -> Result<(), ImportError> {
        let start = self.points.len();
        for (i, tuple) in text.split_whitespace().enumerate() {
            let place = || format!("line {line}, vertex {i}");
            let parts: Vec<&str> = tuple.split(',').collect();
            let (lon, lat, height) = match parts.as_slice() {
                [lon, lat] => (*lon, *lat, None),
                [lon, lat, height] => (*lon, *lat, Some(*height).filter(|h| !h.is_empty())),
                _ => {
                    return Err(ImportError::new(
                        Fault::Coordinate,
                        place(),
                        format!(
                            "`{}` is not longitude,latitude,height without blanks between",
                            shorten(tuple)
                        ),
                    ));
                }
            };
            let number = |t: &str| {
                t.parse::<f64>().map_err(|_| {
                    ImportError::new(
                        Fault::Coordinate,
                        place(),
                        format!("`{}` is no number", shorten(t)),
                    )
                })
            };
            let at = LatLon::from_degrees(number(lat)?, number(lon)?)
                .map_err(|e| ImportError::new(Fault::Coordinate, place(), e.to_string()))?;
            if let Some(h) = height {
                let h = number(h)?;
                if !h.is_finite() {
                    return Err(ImportError::new(
                        Fault::Coordinate,
                        place(),
                        "the height is no finite number",
                    ));
                }
                let (lo, hi) = self.heights.unwrap_or((h, h));
                self.heights = Some((lo.min(h), hi.max(h)));
            }
            self.corners += 1;
            if self.corners > MAX_VERTICES {
                return Err(ImportError::new(
                    Fault::TooLarge,
                    place(),
                    format!("more than {MAX_VERTICES} corners: cut the file down to the venue"),
                ));
            }
            self.points.push(at);
        }
        if self.points.len() == start {
            return Err(ImportError::new(
                Fault::Coordinate,
                format!("line {line}"),
                "`coordinates` is empty: draw it again",
            ));
        }
        Ok(())
    }

    fn close_drawing(&mut self, open: &Open) -> Result<(), ImportError> {
        self.drawing = None;
        let points = std::mem::take(&mut self.points);
        let rings = std::mem::take(&mut self.rings);
        let drawing = Drawing {
            line: open.line,
            kind: open.name.clone(),
            points,
            rings,
            heights: self.heights,
            extrude: self.extrude,
            mode: self.mode.clone(),
        };
        if drawing.points.is_empty() && drawing.rings.is_empty() {
            return Err(ImportError::new(
                Fault::Coordinate,
                format!("line {}", open.line),
                format!("a {} without coordinates: draw it again", open.name),
            ));
        }
        match &mut self.placemark {
            // Bounded: each drawing has at least one of at most MAX_VERTICES corners.
            Some(p) => p.drawings.push(drawing),
            None => self.found.notes.add(
                NoteCode::LeftOut,
                format!("line {}", open.line),
                "drawn outside of any Placemark: left out",
            ),
        }
        Ok(())
    }
}

fn local(e: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(e.local_name().as_ref()).into_owned()
}

fn line_of(text: &str, position: u64) -> usize {
    let to = usize::try_from(position)
        .unwrap_or(usize::MAX)
        .min(text.len());
    let before = text.as_bytes().get(..to).unwrap_or(&[]);
    1 + before.iter().filter(|b| **b == b'\n').count()
}

fn malformed(line: usize, what: &str) -> ImportError {
    ImportError::new(
        Fault::Malformed,
        format!("line {line}"),
        format!("not KML ({what}): export the file again"),
    )
}
