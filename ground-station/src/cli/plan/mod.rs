//! `plan`: a patrol inside a venue's fence, as plan.json, QGroundControl's .plan or GeoJSON, with a picture.

pub(super) mod drawn;
mod explain;
pub(super) mod flags;
mod flying;
pub(super) mod picture;
mod team;
pub(super) mod wish;

use super::settings::Settings;
use super::{geometry, graphs};
use anyhow::bail;
use drawn::Drawn;
use flags::{Camera, Files, Graphs, PatternWord, Shapes, datum, not_negative, positive};
use missions::place::Datum;
use std::process::ExitCode;

/// What the examples show.
const EXAMPLES: &str = "\
Examples:
  A drawing to compare, 20 m swath, 5 m from every edge, with its picture:
    ground-station plan park.geojson --pattern sweep --swath 20 --margin 5 -o park-sweep.geojson --draw park.svg
  The swath from the camera (sensor, focal length, overlap) at 60 m:
    ground-station plan park.kml --altitude 60 --sensor-mm 13.2x8.8 --focal-mm 8.8 --overlap 20 -o park.json
  A plan that flies: home, returns, heights and energy are proven for this aircraft:
    ground-station plan river.geojson --vehicle quad.toml --pattern perimeter --offset 25 -o patrol.json
  Three aircraft share the area:
    ground-station plan park.geojson --swath 12 --aircraft 3 -o park-3.geojson
  Three aircraft that fly it, one file each (park-1.json, park-2.json, park-3.json), two kinds, three launch sites:
    ground-station plan park.geojson --aircraft 3 --vehicle quad.toml --vehicle quad.toml --vehicle hexa.toml \\
      --launch pad-a --launch pad-b --launch 30.1021,119.9034 --swath 25 -o park.json
  One aircraft, as many batteries as it takes (park-1.json, park-2.json, …):
    ground-station plan park.geojson --vehicle quad.toml --sorties auto --swap 180 --swath 12 -o park.json
  A person in the water, seen ten minutes ago, current to the east:
    ground-station plan lake.kmz --pattern sector --at 30.1021,119.9034 --radius 150 --current 90,0.4 --drift-age 600 -o search.geojson
  Along a road that the file draws, and round the watch zones:
    ground-station plan town.kml --pattern corridor --line \"North Road\" --width 30 --swath 25 -o road.geojson
    ground-station plan town.kml --pattern watch-points --hold 20 -o watch.geojson
  Four aircraft on a patrol graph over eight hours, batteries of 25 minutes:
    ground-station plan cumberland.graph --pattern rounds --aircraft 4 --shift 8 --endurance 25 -o rounds.json --draw rounds.svg
  Every street of a network once:
    ground-station plan beijing.node_data --pattern streets --speed 7 --transit-speed 10 --wind 45,2 -o streets.geojson

Without --vehicle a plan is geometry only: the clearance is exactly --margin, there is no home and no return, and it is
marked so that nothing flies it. The same input, seed and effort give the same bytes as long as --budget-ms does not stop the
plan; a plan that it stopped says so, with the effort that was reached, which alone does not give it again.

Several aircraft that fly (--aircraft K with --vehicle; patterns sweep and watch-points): each has a plan of its own, proven
whole from its own launch site, in a file of its own: OUT-1.json to OUT-K.json. They are kept apart by places and heights, so
that it does not matter when each flies; where that cannot be (launch sites next to each other, a low ceiling) by hours, which
the launch windows of the plans say: keep to them. An autopilot's own return is not kept apart from the others.
A landing site that a plan gains (no venue names it) is told: look at it before the flight.";

/// Flags of `plan`. With a vehicle (`--vehicle`) the plan flies: home, returns, heights, energy. Without, it is geometry
/// only.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Plan {
    #[command(flatten)]
    pub(super) files: Files,
    /// What to fly
    #[arg(long, value_name = "PATTERN", value_enum, default_value_t = PatternWord::Sweep)]
    pub(super) pattern: PatternWord,
    /// Grid of the file's coordinates where the file does not say it: WGS-84, GCJ-02 or BD-09. A plan that flies needs it
    #[arg(long, value_name = "GRID", value_parser = datum)]
    pub(super) datum: Option<Datum>,
    /// Height above the launch site, metres
    #[arg(long, value_name = "METRES", default_value_t = 60.0, value_parser = positive)]
    pub(super) altitude: f64,
    /// Speed on legs, metres a second [default: the vehicle's cruise speed, or 8]
    #[arg(long, value_name = "M/S", value_parser = positive)]
    pub(super) speed: Option<f64>,
    /// Width seen along a leg, metres [default: what the camera sees from that height]
    #[arg(long, value_name = "METRES", value_parser = positive)]
    pub(super) swath: Option<f64>,
    /// Sweep: direction of the lines, degrees from north [default: the shortest]
    #[arg(long, value_name = "DEGREES", allow_hyphen_values = true)]
    pub(super) angle: Option<f64>,
    /// Least distance to keep from the fence, metres; more is kept where the vehicle's braking needs it
    #[arg(long, value_name = "METRES", default_value_t = 5.0, value_parser = not_negative)]
    pub(super) margin: f64,
    /// Only inside this zone of the venue, by its id
    #[arg(long, value_name = "ZONE")]
    pub(super) area: Option<String>,
    /// Aircraft that share the work
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(super) aircraft: u32,
    /// Name of the plan [default: the venue's]
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Say why, where and what would help, when there is no plan or parts of it are left out
    #[arg(long)]
    pub(super) explain: bool,
    #[command(flatten)]
    pub(super) shapes: Shapes,
    #[command(flatten)]
    pub(super) camera: Camera,
    #[command(flatten)]
    pub(super) graphs: Graphs,
    #[command(flatten)]
    pub(super) flying: flying::Flying,
    #[command(flatten)]
    pub(super) team: team::TeamFlags,
    #[command(flatten)]
    pub(super) drawing: Drawing,
}

/// Flags of drawings.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Without a vehicle")]
pub(super) struct Drawing {
    /// End each way where it began
    #[arg(long)]
    pub closed: bool,
    /// Moves of the optimiser; the same effort and seed give the same bytes [default: by the size]
    #[arg(long, value_name = "N")]
    pub effort: Option<u64>,
    /// Of the optimiser's dice
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Stop optimising after so long, milliseconds; a legal plan stands by then
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub budget_ms: u64,
}

/// What the camera sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Seen {
    /// Distance between passes, metres.
    pub swath_m: f64,
    /// Footprint across and along the way, metres, and a pixel on the ground, centimetres; where a camera was given.
    pub camera: Option<(f64, f64, Option<f64>)>,
}

/// Across the way a camera without figures sees this part of its height: 48 degrees.
const USUAL_VIEW: f64 = 0.9;

impl Plan {
    /// The swath: as given, from the camera, or from the usual camera.
    pub(super) fn seen(&self) -> Seen {
        let c = &self.camera;
        let (Some(s), Some(focal_mm)) = (c.sensor_mm, c.focal_mm) else {
            return Seen {
                swath_m: self.swath.unwrap_or(self.altitude * USUAL_VIEW),
                camera: None,
            };
        };
        // A pinhole looking straight down on flat ground.
        let across_m = self.altitude * s.wide_mm.max(s.tall_mm) / focal_mm;
        let along_m = self.altitude * s.wide_mm.min(s.tall_mm) / focal_mm;
        let gsd_cm = c.pixels.map(|p| 100.0 * across_m / f64::from(p.max(1)));
        Seen {
            swath_m: self.swath.unwrap_or(across_m * (1.0 - c.overlap / 100.0)),
            camera: Some((across_m, along_m, gsd_cm)),
        }
    }
}

/// Plans and writes.
pub fn run(a: &Plan, s: &Settings) -> anyhow::Result<ExitCode> {
    if let Some(path) = &a.files.draw {
        picture::kind(path)?;
    }
    if a.pattern.of_a_graph() {
        if s.vehicle_chosen {
            bail!(
                "{} is geometry over a graph, which says nothing of fences and heights: plan without --vehicle",
                a.pattern.text()
            );
        }
        let drawn = graphs::draw(a)?;
        return drawn.finish(a, s.json);
    }
    if s.vehicle_chosen {
        return if a.team.asked(a, s) {
            team::run(a, s)
        } else {
            flying::run(a, s)
        };
    }
    if a.team.sorties.is_some() {
        bail!("--sorties: batteries are a vehicle's: give --vehicle FILE");
    }
    let drawn: Drawn = match geometry::draw(a) {
        Ok(d) => d,
        Err(e) => return Err(explain::geometry(a, e)),
    };
    drawn.finish(a, s.json)
}

#[cfg(test)]
mod tests;
