//! `plan --aircraft K` and `--sorties` with a vehicle: a plan an aircraft or a battery, each in a file of its own.

use super::Plan;
use super::flags::{PatternWord, PlaceWord, not_negative, place, positive};
use super::{explain, flying, picture, wish};
use crate::cli::geometry::Budget;
use crate::cli::settings::{Settings, import};
use crate::draw::{Picture, Track, on_plane};
use anyhow::{Context, bail};
use missions::place::LatLon;
use missions::plan::{PatrolPlan, hex};
use missions::plane::LocalPlane;
use missions::planner::PlanEffort;
use missions::planner::fleet::team::{
    Craft, Keeping, KeptBy, Team, TeamFlight, plan_sorties, plan_team,
};
use missions::venue::Venue;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Shift over which watch points are shared where none is given, hours.
const SHIFT_H: f64 = 1.0;

/// Flags of plans for several aircraft or batteries.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Several aircraft or batteries, with a vehicle")]
pub(in crate::cli) struct TeamFlags {
    /// Launch site of an aircraft: LAT,LON or a zone's id; once an aircraft, in their order [default: the venue's launch
    /// sites in their order, and again from the first where there are fewer]
    #[arg(long, value_name = "PLACE", value_parser = place, allow_hyphen_values = true)]
    pub launch: Vec<PlaceWord>,
    /// Least distance between two aircraft over ground, metres; where it is not kept, heights or hours keep them apart
    #[arg(long, value_name = "METRES", default_value_t = 30.0, value_parser = positive)]
    pub separation: f64,
    /// Least difference in height otherwise, metres: aircraft are raised in steps of this. 0 leaves all at one height
    #[arg(long, value_name = "METRES", default_value_t = 10.0, value_parser = not_negative)]
    pub layer: f64,
    /// Longest wait for a start where hours must keep them apart, minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 240.0, value_parser = not_negative)]
    pub longest_wait: f64,
    /// sweep: one aircraft flies it on several batteries, changed at its launch site (--swap): as few as do (auto), or N
    #[arg(long, value_name = "auto|N", value_parser = sorties, conflicts_with = "aircraft")]
    pub sorties: Option<Sorties>,
}

/// How many batteries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Sorties {
    /// As few as do.
    Auto,
    /// So many.
    Number(usize),
}

fn sorties(s: &str) -> Result<Sorties, String> {
    match s {
        "auto" => Ok(Sorties::Auto),
        n => n
            .parse()
            .ok()
            .filter(|n| (1..=16).contains(n))
            .map(Sorties::Number)
            .ok_or_else(|| format!("`{n}` is neither auto nor 1 to 16")),
    }
}

impl TeamFlags {
    /// Whether this is more than one aircraft with one battery from the venue's launch site.
    pub(super) fn asked(&self, a: &Plan, s: &Settings) -> bool {
        a.aircraft > 1 || self.sorties.is_some() || !self.launch.is_empty() || s.vehicles.len() > 1
    }
}

fn crafts(a: &Plan, s: &Settings, venue: &Venue) -> anyhow::Result<Vec<Craft>> {
    let k = usize::try_from(a.aircraft)?;
    if s.vehicles.len() > k {
        bail!(
            "{} vehicles and --aircraft {k}: give --vehicle once, or once an aircraft",
            s.vehicles.len()
        );
    }
    if s.vehicles.len() > 1 && s.vehicles.len() < k {
        bail!(
            "--aircraft {k} and {} vehicles: give --vehicle once for all, or once an aircraft",
            s.vehicles.len()
        );
    }
    if a.team.launch.len() > k {
        bail!("{} launch sites and {k} aircraft", a.team.launch.len());
    }
    (0..k)
        .map(|i| {
            Ok(Craft {
                vehicle: s.vehicles.get(i).unwrap_or(&s.vehicle).clone(),
                launch: a
                    .team
                    .launch
                    .get(i)
                    .map(|w| wish::place(w, venue))
                    .transpose()?,
            })
        })
        .collect()
}

/// `park.json` and 2: `park-2.json`.
fn numbered(out: &Path, i: usize) -> PathBuf {
    let stem = out.file_stem().and_then(|s| s.to_str()).unwrap_or("plan");
    let ending = out.extension().and_then(|s| s.to_str()).unwrap_or("json");
    out.with_file_name(format!("{stem}-{}.{ending}", i + 1))
}

/// The plans, as the flags ask.
fn made(a: &Plan, s: &Settings, budget: &mut Budget) -> anyhow::Result<(Venue, Team, Vec<String>)> {
    if !matches!(a.pattern, PatternWord::Sweep | PatternWord::WatchPoints) {
        bail!(
            "{} is flown by one aircraft with one battery from the venue's launch site: with a vehicle only sweep and watch-points are shared",
            a.pattern.text()
        );
    }
    let got = import(&a.files.venue, a.datum)?;
    let mut venue = got.venue;
    a.flying.ground.give(&mut venue)?;
    let request = flying::request(a, &venue, &got.lines)?;
    let crafts = crafts(a, s, &venue)?;
    let effort = PlanEffort {
        moves: a.drawing.effort,
        seed: a.drawing.seed,
    };
    let stop = |part: f64| {
        budget.over();
        budget.part() >= part
    };
    let planned = match (a.team.sorties, crafts.first()) {
        (Some(n), Some(craft)) => {
            let n = match n {
                Sorties::Auto => None,
                Sorties::Number(n) => Some(n),
            };
            plan_sorties(&venue, craft, &request, n, a.graphs.swap, &effort, stop)
        }
        _ => {
            let keeping = Keeping {
                across_m: a.team.separation,
                layer_m: if a.team.layer > 0.0 {
                    a.team.layer
                } else {
                    10.0
                },
                layers: a.team.layer > 0.0,
                longest_wait_s: 60.0 * a.team.longest_wait,
            };
            let shift_s = 3_600.0 * a.graphs.shift.unwrap_or(SHIFT_H);
            plan_team(&venue, &crafts, &request, &keeping, shift_s, &effort, stop)
        }
    };
    let notes = got.notes.iter().map(|n| n.words.clone()).collect();
    match planned {
        Ok(team) => Ok((venue, team, notes)),
        Err(refusal) => Err(explain::team(a, &venue, &refusal)),
    }
}

/// Plans and writes.
pub(super) fn run(a: &Plan, s: &Settings) -> anyhow::Result<ExitCode> {
    let mut budget = Budget::new(a.drawing.budget_ms);
    let (venue, team, notes) = made(a, s, &mut budget)?;
    let mut files = Vec::with_capacity(team.flights.len());
    for (i, f) in team.flights.iter().enumerate() {
        let path = numbered(&a.files.out, i);
        let bytes = flying::encode(&f.planned.plan, &path)?;
        files.push((path, bytes));
    }
    // Written when all of them are made.
    for (path, bytes) in &files {
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let plans: Vec<&PatrolPlan> = team.flights.iter().map(|f| &f.planned.plan).collect();
    let seen = flying::coverage(a, &venue, &plans);
    let mut words = summary(a, &team, seen);
    if budget.was_over() {
        words.push(format!(
            "stopped by --budget-ms {}: more time may give shorter and more even shares",
            a.drawing.budget_ms
        ));
    }
    if let Some(path) = &a.files.draw {
        picture::write(&drawing(a, &venue, &team, &words), path)?;
    }
    if s.json {
        let figures = figures(a, &team, &files, seen);
        println!("{}", serde_json::to_string_pretty(&figures)?);
        return Ok(ExitCode::SUCCESS);
    }
    for w in words {
        println!("{w}");
    }
    for (f, (path, _)) in team.flights.iter().zip(&files) {
        println!("{} -> {}", f.planned.plan.file().name, path.display());
        println!(
            "  from {}, {:.0} m above it; {:.0} % of what its battery may give",
            f.launch,
            f.planned
                .plan
                .path()
                .iter()
                .map(|p| p.1)
                .fold(0.0, f64::max),
            100.0 * f.battery_part
        );
        for w in flying::words(&f.planned.plan) {
            println!("  {w}");
        }
        let left_out = &f.planned.left_out;
        for l in left_out
            .iter()
            .take(if a.explain { left_out.len() } else { 3 })
        {
            println!("  left out: {l}");
        }
    }
    for n in notes {
        println!("note: {n}");
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(a: &Plan, team: &Team, seen: Option<f64>) -> Vec<String> {
    let lengths: Vec<f64> = team
        .flights
        .iter()
        .map(|f| f.planned.plan.file().estimate.distance_m)
        .collect();
    let mut out = vec![format!(
        "{} {}: {:.0} m in all, the longest {:.0} m; the most used battery {:.2} times the mean",
        team.flights.len(),
        if a.team.sorties.is_some() {
            "sorties"
        } else {
            "aircraft"
        },
        lengths.iter().sum::<f64>(),
        lengths.iter().copied().fold(0.0, f64::max),
        team.balance
    )];
    out.push(match (a.team.sorties.is_some(), team.kept_by) {
        (true, _) => {
            let starts: Vec<String> = team
                .flights
                .iter()
                .map(|f| f.planned.plan.file().launch_window.from.to_rfc3339())
                .collect();
            format!(
                "a battery is changed after each ({:.0} s on the ground); they start at {}",
                a.graphs.swap,
                starts.join(", ")
            )
        }
        (false, KeptBy::Space) => format!(
            "kept apart by {:.0} m over ground or {:.0} m of height, whenever each flies",
            a.team.separation, a.team.layer
        ),
        (false, KeptBy::Time) => {
            let starts: Vec<String> = team
                .flights
                .iter()
                .map(|f| format!("{:.0}", f.start_s / 60.0))
                .collect();
            format!(
                "kept apart by their hours: launched {} min after the first; keep to the launch windows (launch sites {:.0} m from each other would let them fly at once)",
                starts.join(", "),
                a.team.separation
            )
        }
    });
    if let Some(part) = seen {
        out.push(format!(
            "{:.1} % of the whole area seen at a swath of {:.1} m",
            100.0 * part,
            a.seen().swath_m
        ));
    }
    if team.unreached_m2 > 0.0 {
        out.push(format!(
            "{:.0} m² of the area are not flown over: no launch site leads there at this margin",
            team.unreached_m2
        ));
    }
    if !team.promise_s.is_empty() {
        out.push(format!(
            "flown round after round, no watch point is left for more than {:.1} min, batteries changed",
            team.promise_s.iter().copied().fold(0.0, f64::max) / 60.0
        ));
    }
    out
}

fn figures(a: &Plan, team: &Team, files: &[(PathBuf, Vec<u8>)], seen: Option<f64>) -> Value {
    let flight = |(f, (path, _)): (&TeamFlight, &(PathBuf, Vec<u8>))| {
        let plan = &f.planned.plan;
        let file = plan.file();
        let places: Vec<LatLon> = plan.path().iter().map(|p| p.0).collect();
        json!({
            "file": path,
            "hash": hex(&plan.hash()),
            "aircraft": f.aircraft + 1,
            "launch": f.launch,
            "layer": f.layer,
            "start_s": f.start_s,
            "launch_from": file.launch_window.from.to_rfc3339(),
            "launch_until": file.launch_window.until.to_rfc3339(),
            "length_m": file.estimate.distance_m,
            "pattern_m": f.planned.pattern_m,
            "turns": super::drawn::turns(&on_plane(&LocalPlane::new(file.home.at), &places)),
            "time_s": file.estimate.time_s,
            "energy_wh": file.estimate.energy_wh,
            "battery_part": f.battery_part,
            "left_out_m": file.estimate.left_out_m,
            "left_out": f.planned.left_out,
            "min_clearance_m": plan.min_clearance_m(),
            "margin_m": plan.margin_m(),
            "gained": file.gained,
        })
    };
    let lengths = team
        .flights
        .iter()
        .map(|f| f.planned.plan.file().estimate.distance_m);
    json!({
        "flyable": true,
        "pattern": a.pattern.text(),
        "aircraft": a.aircraft,
        "sorties": a.team.sorties.map(|_| team.flights.len()),
        "swap_s": a.team.sorties.map(|_| a.graphs.swap),
        "kept_by": match team.kept_by { KeptBy::Space => "space", KeptBy::Time => "time" },
        "separation_m": a.team.separation,
        "layer_m": a.team.layer,
        "balance": team.balance,
        "length_m": lengths.clone().sum::<f64>(),
        "longest_m": lengths.fold(0.0, f64::max),
        "coverage": seen,
        "unreached_m2": team.unreached_m2,
        "promise_s": team.promise_s,
        "flights": team.flights.iter().zip(files).map(flight).collect::<Vec<_>>(),
    })
}

fn drawing(a: &Plan, venue: &Venue, team: &Team, words: &[String]) -> Picture {
    let mut p = Picture {
        title: format!("{}: {}", venue.name, a.pattern.text()),
        plain_title: format!("plans: {}", a.pattern.text()),
        figures: words.to_vec(),
        north_is_up: true,
        ..Picture::default()
    };
    let Some(plane) = team.flights.first().map(|f| LocalPlane::new(f.launch)) else {
        return p;
    };
    p.add_venue(venue, &plane);
    for (i, f) in team.flights.iter().enumerate() {
        let places: Vec<LatLon> = f.planned.plan.path().iter().map(|q| q.0).collect();
        p.tracks.push(Track {
            name: format!(
                "{}, {:.2} km",
                i + 1,
                f.planned.plan.file().estimate.distance_m / 1000.0
            ),
            places: on_plane(&plane, &places),
        });
    }
    p
}

#[cfg(test)]
mod tests;
