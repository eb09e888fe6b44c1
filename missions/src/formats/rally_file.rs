//! ArduPilot's old rally file: `RALLY latitude longitude altitude break-altitude landing-direction flags`.
//!
//! Altitudes are above home, metres. Break altitude, direction and flags are for fixed wings and are noted, not kept.

use super::{FormatError, Imported, MAX_ITEMS, RallyPoint};
use crate::place::{Alt, LatLon};

/// Reads the text.
pub(super) fn read(text: &str) -> Result<Imported, FormatError> {
    let mut out = Imported::default();
    for (i, line) in text.lines().enumerate() {
        let (number, line) = (i + 1, line.trim());
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let columns: Vec<&str> = line.split_whitespace().collect();
        let ["RALLY", lat, lon, alt, break_alt, direction, flags] = columns[..] else {
            return Err(FormatError::line(
                number,
                "not `RALLY latitude longitude altitude break-altitude direction flags`",
            ));
        };
        let decimal = |t: &str| {
            t.parse::<f64>()
                .ok()
                .filter(|v| v.is_finite())
                .ok_or_else(|| FormatError::line(number, format!("`{t}` is no number")))
        };
        let bad = |e: crate::place::BadPlace| FormatError::line(number, e.to_string());
        if out.rally.len() >= MAX_ITEMS {
            return Err(FormatError::line(
                number,
                format!("more than {MAX_ITEMS} points"),
            ));
        }
        out.rally.push(RallyPoint {
            at: LatLon::from_degrees(decimal(lat)?, decimal(lon)?).map_err(bad)?,
            alt: Alt::from_metres(decimal(alt)?).map_err(bad)?,
        });
        for t in [break_alt, direction, flags] {
            if decimal(t)? != 0.0 && out.notes.is_empty() {
                out.notes.push(format!(
                    "line {number}: break altitude, landing direction and flags are for fixed wings and were left out"
                ));
            }
        }
    }
    Ok(out)
}
