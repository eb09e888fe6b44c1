//! Flags of `plan`, grouped as its help shows them, and how their values are read.

use clap::ValueEnum;
use missions::place::{Datum, LatLon};
use std::path::PathBuf;

/// What to fly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum PatternWord {
    /// Back and forth over the whole free area: sees all of it
    Sweep,
    /// Once around every part of the area, inside its boundary
    Perimeter,
    /// Passes along a river or a road (--line)
    Corridor,
    /// A round over places to hover at (--point)
    WatchPoints,
    /// Circles around a point of interest, looking inwards (--at)
    Orbit,
    /// IAMSAR expanding square search around --at
    ExpandingSquare,
    /// IAMSAR sector search around --at
    Sector,
    /// IAMSAR creeping line search over the area or --area
    CreepingLine,
    /// To --at by the shortest way, say to an anomaly, and hover there
    Revisit,
    /// Rounds over the places of a patrol graph (*.graph), the worst absence as short as can be
    Rounds,
    /// Every street of a network (*.node_data, or JSON from OpenStreetMap) once
    Streets,
}

impl PatternWord {
    /// Whether it reads a graph in place of a venue.
    pub(in crate::cli) fn of_a_graph(self) -> bool {
        matches!(self, PatternWord::Rounds | PatternWord::Streets)
    }

    /// The word as typed.
    pub(in crate::cli) fn text(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |v| v.get_name().to_owned())
    }
}

/// A place: in degrees, or by the id or name of something in the venue.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) enum PlaceWord {
    /// Degrees.
    At(LatLon),
    /// Id or name of a zone.
    Named(String),
}

/// A place to hover at.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct PointWord {
    pub at: PlaceWord,
    pub hold_s: Option<f64>,
}

/// Towards, degrees clockwise from north; and metres a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct FlowWord {
    pub toward_deg: f64,
    pub mps: f64,
}

/// Width and height of a camera's sensor, millimetres.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cli) struct Sensor {
    pub wide_mm: f64,
    pub tall_mm: f64,
}

/// The camera.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Camera (in place of --swath)")]
pub(in crate::cli) struct Camera {
    /// Sensor of the camera, millimetres: 13.2x8.8. Its long side lies across the way
    #[arg(long, value_name = "WxH", value_parser = sensor, requires = "focal_mm")]
    pub sensor_mm: Option<Sensor>,
    /// Focal length, true and not "35 mm equivalent", millimetres
    #[arg(long, value_name = "MM", value_parser = positive, requires = "sensor_mm")]
    pub focal_mm: Option<f64>,
    /// Pixels across the way: prints the ground sample distance
    #[arg(long, value_name = "PIXELS", requires = "sensor_mm")]
    pub pixels: Option<u32>,
    /// Overlap of neighbouring passes, percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = overlap)]
    pub overlap: f64,
}

/// Places and shapes of single patterns.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Patterns")]
pub(in crate::cli) struct Shapes {
    /// perimeter: distance from the boundary, metres; never less than the margin
    #[arg(long, value_name = "METRES", default_value_t = 20.0)]
    pub offset: f64,
    /// corridor: name of a line drawn in the venue's file, or a file (GeoJSON, KML) that draws one
    #[arg(long, value_name = "LINE|FILE")]
    pub line: Option<String>,
    /// corridor: width to be seen, metres, half to each side of the line
    #[arg(long, value_name = "METRES", default_value_t = 40.0, value_parser = positive)]
    pub width: f64,
    /// watch-points: a place LAT,LON[,SECONDS] or a zone's id[,SECONDS]; may be given many times [default: the middles of
    /// all watch zones]
    #[arg(long = "point", value_name = "PLACE", value_parser = point, allow_hyphen_values = true)]
    pub points: Vec<PointWord>,
    /// watch-points, revisit: seconds to hover where a place does not say
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = not_negative)]
    pub hold: f64,
    /// orbit: its centre; expanding-square and sector: the datum; creeping-line: the corner to begin at; revisit: the
    /// place. LAT,LON or a zone's id
    #[arg(long, value_name = "PLACE", value_parser = place, allow_hyphen_values = true)]
    pub at: Option<PlaceWord>,
    /// orbit: radius; sector: length of a leg, metres
    #[arg(long, value_name = "METRES", default_value_t = 60.0, value_parser = positive)]
    pub radius: f64,
    /// orbit: times around
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub turns: u32,
    /// Turn to the left where the pattern would turn right
    #[arg(long)]
    pub left: bool,
    /// expanding-square, creeping-line: track spacing, metres [default: the swath]
    #[arg(long, value_name = "METRES", value_parser = positive)]
    pub spacing: Option<f64>,
    /// expanding-square, sector: first leg; creeping-line: the legs; degrees clockwise from north
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true)]
    pub leg: Option<f64>,
    /// expanding-square: number of legs
    #[arg(long, value_name = "N", default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=400))]
    pub legs: u32,
    /// sector: runs, the second turned by 30 degrees
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=2))]
    pub runs: u32,
    /// Searches in water: the current, TOWARDS-DEGREES,M/S
    #[arg(long, value_name = "DEG,M/S", value_parser = flow)]
    pub current: Option<FlowWord>,
    /// Searches in water: the push of the wind, TOWARDS-DEGREES,M/S
    #[arg(long, value_name = "DEG,M/S", value_parser = flow)]
    pub leeway: Option<FlowWord>,
    /// Searches in water: age of the datum when the search begins, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = not_negative)]
    pub drift_age: f64,
}

/// Rounds and streets.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Rounds and streets")]
pub(in crate::cli) struct Graphs {
    /// rounds: importance of a place, NUMBER=WEIGHT; 1 where not said
    #[arg(long = "importance", value_name = "PLACE=WEIGHT", value_parser = weight)]
    pub importance: Vec<(usize, f64)>,
    /// rounds: every aircraft its own round, as orders that cannot be foreseen need
    #[arg(long)]
    pub one_each: bool,
    /// watch-points with --aircraft: hours of the shift over which no point is left for longer than told [default: 1].
    /// rounds: plan a shift of so many hours too, with orders drawn by chance within the promise (--seed draws them)
    #[arg(long, value_name = "HOURS", value_parser = positive)]
    pub shift: Option<f64>,
    /// rounds: promised longest absence, seconds [default: half as much again as the rounds give]
    #[arg(long, value_name = "SECONDS", value_parser = positive, requires = "shift")]
    pub promise: Option<f64>,
    /// rounds, streets: what a battery lasts, minutes, reserve taken off [default: no swaps]
    #[arg(long, value_name = "MINUTES", value_parser = positive)]
    pub endurance: Option<f64>,
    /// rounds, streets: number of the place where batteries are swapped
    #[arg(long, value_name = "PLACE", default_value_t = 0)]
    pub base: usize,
    /// rounds, --sorties: a battery swap takes so long, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60.0, value_parser = not_negative)]
    pub swap: f64,
    /// rounds: where a way is written with two lengths, take the shorter; a promise needs the longer
    #[arg(long)]
    pub shorter: bool,
    /// streets: speed through the air on the ways across, metres a second [default: as along streets]
    #[arg(long, value_name = "M/S", value_parser = positive)]
    pub transit_speed: Option<f64>,
    /// streets, and every plan with --vehicle: the wind, TOWARDS-DEGREES,M/S; a plan that flies takes a quarter of it as
    /// unsure in any direction
    #[arg(long, value_name = "DEG,M/S", value_parser = flow)]
    pub wind: Option<FlowWord>,
}

pub(in crate::cli) fn datum(s: &str) -> Result<Datum, String> {
    match s.to_ascii_uppercase().replace(['-', '_'], "").as_str() {
        "WGS84" => Ok(Datum::Wgs84),
        "GCJ02" => Ok(Datum::Gcj02),
        "BD09" => Ok(Datum::Bd09),
        _ => Err("WGS-84, GCJ-02 or BD-09".into()),
    }
}

fn number(s: &str) -> Result<f64, String> {
    s.trim()
        .parse::<f64>()
        .ok()
        .filter(|x| x.is_finite())
        .ok_or_else(|| format!("`{s}` is no number"))
}

pub(in crate::cli) fn positive(s: &str) -> Result<f64, String> {
    number(s).and_then(|x| {
        (x > 0.0)
            .then_some(x)
            .ok_or_else(|| "give more than 0".into())
    })
}

pub(in crate::cli) fn not_negative(s: &str) -> Result<f64, String> {
    number(s).and_then(|x| {
        (x >= 0.0)
            .then_some(x)
            .ok_or_else(|| "give 0 or more".into())
    })
}

fn overlap(s: &str) -> Result<f64, String> {
    number(s).and_then(|x| {
        (0.0..95.0)
            .contains(&x)
            .then_some(x)
            .ok_or_else(|| "give 0 to 95 percent".into())
    })
}

fn sensor(s: &str) -> Result<Sensor, String> {
    let (w, h) = s
        .split_once(['x', 'X', '×'])
        .ok_or("give width x height, such as 13.2x8.8")?;
    Ok(Sensor {
        wide_mm: positive(w)?,
        tall_mm: positive(h)?,
    })
}

fn flow(s: &str) -> Result<FlowWord, String> {
    let (toward, mps) = s
        .split_once(',')
        .ok_or("give the direction it goes towards and its speed, such as 90,0.5")?;
    Ok(FlowWord {
        toward_deg: number(toward)?,
        mps: not_negative(mps)?,
    })
}

fn weight(s: &str) -> Result<(usize, f64), String> {
    let (place, w) = s
        .split_once('=')
        .ok_or("give PLACE=WEIGHT, such as 3=2.5")?;
    let place = place
        .trim()
        .parse()
        .map_err(|_| format!("`{place}` is no number of a place"))?;
    Ok((place, positive(w)?))
}

/// LAT,LON, or a name.
pub(in crate::cli) fn place(s: &str) -> Result<PlaceWord, String> {
    let parts: Vec<&str> = s.split(',').collect();
    match parts.as_slice() {
        [lat, lon] if number(lat).is_ok() && number(lon).is_ok() => {
            LatLon::from_degrees(number(lat)?, number(lon)?)
                .map(PlaceWord::At)
                .map_err(|e| format!("`{s}`: {e}"))
        }
        [name] if !name.trim().is_empty() => Ok(PlaceWord::Named(name.trim().to_owned())),
        _ => Err(format!("`{s}` is neither LAT,LON nor the id of a zone")),
    }
}

/// LAT,LON[,SECONDS] or NAME[,SECONDS].
fn point(s: &str) -> Result<PointWord, String> {
    let parts: Vec<&str> = s.split(',').collect();
    let (at, hold) = match parts.as_slice() {
        [lat, lon, hold] => (format!("{lat},{lon}"), Some(*hold)),
        [name, hold] if number(name).is_err() => ((*name).to_owned(), Some(*hold)),
        _ => (s.to_owned(), None),
    };
    Ok(PointWord {
        at: place(&at)?,
        hold_s: hold.map(not_negative).transpose()?,
    })
}

/// What a plan is made from and for.
#[derive(Debug, clap::Args)]
pub struct Files {
    /// Venue: GeoJSON, KML, KMZ, QGroundControl .plan, ArduPilot fence, ED-269 or ED-318 zones (roles: inclusion,
    /// exclusion, show, crowd, watch_zone, launch, landing, …). For rounds and streets: a graph
    #[arg(value_name = "VENUE")]
    pub venue: PathBuf,
    /// Where it goes: *.json (ours), *.plan (QGroundControl) or *.geojson (one LineString a way)
    #[arg(short, long, value_name = "FILE", default_value = "plan.json")]
    pub out: PathBuf,
    /// Draw the venue and the plan too: *.svg or *.png
    #[arg(long, value_name = "FILE")]
    pub draw: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_flows_and_sensors_are_read_or_refused_in_words() {
        assert!(matches!(place("60.17,24.94"), Ok(PlaceWord::At(_))));
        assert!(matches!(place("-33.9,151.2"), Ok(PlaceWord::At(_))));
        assert_eq!(place("bridge"), Ok(PlaceWord::Named("bridge".into())));
        for bad in ["", "91,0", "1,2,3", "60.17,x"] {
            assert!(place(bad).is_err(), "{bad}");
        }
        assert_eq!(point("60,24,30").unwrap().hold_s, Some(30.0));
        assert_eq!(point("bank,5").unwrap().hold_s, Some(5.0));
        assert_eq!(point("60,24").unwrap().hold_s, None);
        assert!(point("60,24,-1").is_err());
        assert_eq!(sensor("13.2x8.8").unwrap().tall_mm, 8.8);
        assert!(sensor("13.2").is_err() && sensor("0x8").is_err());
        assert!(flow("90,0.5").is_ok() && flow("0.5").is_err() && flow("nan,1").is_err());
        assert_eq!(weight("3=2.5"), Ok((3, 2.5)));
        assert!(weight("3=0").is_err() && weight("x=1").is_err());
        assert!(overlap("95").is_err() && overlap("80").is_ok());
    }
}
