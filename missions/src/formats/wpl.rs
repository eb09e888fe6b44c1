//! `QGC WPL 100|110|120`: the waypoint text of Mission Planner, MAVProxy and old QGroundControl.
//!
//! <https://mavlink.io/en/file_formats/#mission_plain_text_file>. A first line of `NAV_WAYPOINT` in the sea-level frame
//! is home, as ArduPilot has it; a file that begins with another command has no home. Never judges the mission.

use super::{FormatError, Imported, MAX_ITEMS, RawItem, resolve_jumps, split_lists};
use crate::place::{Alt, Home, LatLon};
use std::fmt::Write as _;

/// Reads the text.
pub(super) fn read(text: &str) -> Result<Imported, FormatError> {
    let mut lines = text.lines().enumerate().map(|(i, l)| (i + 1, l.trim()));
    let (number, header) = lines
        .by_ref()
        .find(|(_, l)| !l.is_empty())
        .unwrap_or((1, ""));
    let version = header.strip_prefix("QGC WPL").map(str::trim);
    if !matches!(version, Some("100" | "110" | "120")) {
        return Err(FormatError::line(
            number,
            format!("`{header}` is no version known here; QGC WPL 100, 110 and 120 are"),
        ));
    }
    let mut items = Vec::new();
    let mut numbers = Vec::new();
    let mut ids = Vec::new();
    for (number, line) in lines {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (id, item) = read_line(number, line)?;
        if ids.last().is_some_and(|last| id != last + 1.0) || (ids.is_empty() && id != 0.0) {
            return Err(FormatError::line(
                number,
                format!("item number {id} is out of order; items count 0, 1, 2, …"),
            ));
        }
        if items.len() >= MAX_ITEMS {
            return Err(FormatError::line(
                number,
                format!("more than {MAX_ITEMS} items"),
            ));
        }
        ids.push(id);
        numbers.push(number);
        items.push(item);
    }
    let mut out = Imported::default();
    let has_home = items
        .first()
        .is_some_and(|i: &RawItem| i.command == 16 && i.frame == 0);
    if has_home {
        let home = items.remove(0);
        ids.remove(0);
        let number = numbers.remove(0);
        let at = || FormatError::line(number, "home is no place");
        // 0, 0 is how planners write that home was not set.
        if home.lat_deg_or_x != 0.0 || home.lon_deg_or_y != 0.0 {
            out.home = Some(Home {
                at: LatLon::from_degrees(home.lat_deg_or_x, home.lon_deg_or_y).map_err(|_| at())?,
                alt: Alt::from_metres(home.alt).map_err(|_| at())?,
            });
        }
    }
    let at = |n: usize| format!("line {}", numbers.get(n).copied().unwrap_or(0));
    resolve_jumps(&mut items, &ids, at)?;
    split_lists(items, at, &mut out)?;
    Ok(out)
}

fn read_line(number: usize, line: &str) -> Result<(f64, RawItem), FormatError> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let [
        seq,
        current,
        frame,
        command,
        p1,
        p2,
        p3,
        p4,
        x,
        y,
        z,
        autocontinue,
    ] = columns[..]
    else {
        return Err(FormatError::line(
            number,
            format!("{} columns where 12 are expected", columns.len()),
        ));
    };
    let decimal = |name: &str, text: &str| {
        text.parse::<f64>()
            .ok()
            .filter(|v| !v.is_infinite())
            .ok_or_else(|| FormatError::line(number, format!("{name} `{text}` is no number")))
    };
    let whole = |name: &str, text: &str, most: f64| {
        let v = decimal(name, text)?;
        if v.fract() == 0.0 && (0.0..=most).contains(&v) {
            Ok(v)
        } else {
            Err(FormatError::line(
                number,
                format!("{name} `{text}` is no whole number from 0 to {most}"),
            ))
        }
    };
    let item = RawItem {
        frame: whole("frame", frame, 255.0)? as u8,
        command: whole("command", command, 65_535.0)? as u16,
        current: whole("current", current, 255.0)? != 0.0,
        autocontinue: whole("autocontinue", autocontinue, 255.0)? != 0.0,
        params: [
            decimal("parameter 1", p1)?,
            decimal("parameter 2", p2)?,
            decimal("parameter 3", p3)?,
            decimal("parameter 4", p4)?,
        ],
        lat_deg_or_x: decimal("latitude", x)?,
        lon_deg_or_y: decimal("longitude", y)?,
        alt: decimal("altitude", z)?,
    };
    Ok((whole("item number", seq, 65_535.0)?, item))
}

/// Writes the mission (not fence or rally points) as `QGC WPL 110`, home first.
#[must_use]
pub fn write_wpl(plan: &Imported) -> String {
    let mut out = String::from("QGC WPL 110\n");
    let (lat, lon, alt) = plan.home.map_or((0.0, 0.0, 0.0), |h| {
        (h.at.lat_deg(), h.at.lon_deg(), h.alt.metres())
    });
    // Writing to a String cannot fail.
    let _ = writeln!(out, "0\t1\t0\t16\t0\t0\t0\t0\t{lat}\t{lon}\t{alt}\t1");
    for (i, m) in plan.mission.iter().enumerate() {
        let [p1, p2, p3, p4] = m.params;
        let _ = writeln!(
            out,
            "{}\t{}\t{}\t{}\t{p1}\t{p2}\t{p3}\t{p4}\t{}\t{}\t{}\t{}",
            i + 1,
            u8::from(m.current),
            m.frame,
            m.command,
            m.lat_deg_or_x,
            m.lon_deg_or_y,
            m.alt,
            u8::from(m.autocontinue)
        );
    }
    out
}
