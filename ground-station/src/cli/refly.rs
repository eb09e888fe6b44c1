//! `refly`: a recorded flight flown again in the simulator, and both tracks side by side.

use super::demo::kind;
use super::plan::picture as drawing;
use super::rehearse::bar;
use crate::console::ReflyWish;
use crate::draw::{Picture, Track};
use crate::evidence::export::Facts;
use crate::record;
use crate::rehearse::AutopilotKind;
use crate::rehearse::study::refly::{Flight, Refly, Wish, refly};
use crate::rehearse::study::{Circumstances, Place, WhatCase};
use anyhow::Context;
use missions::energy::Wind;
use missions::plan::PatrolPlan;
use missions::plane::LocalPlane;
use missions::venue::Venue;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Flags of `refly`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The plan in the recording is flown again by the companion's own code. `quiet` stages nobody; `evening` stages \
an intruder, a swimmer and a crowd, so that other rules can be tried; the others are the failures of a rehearsal.\n\
Both tracks are judged by the same oracle. Ends with 0 when the new flight stayed inside the fence and came down, 1 when not."
)]
pub struct ReflyArgs {
    /// Folder of a recorded flight
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What goes wrong: quiet, evening, link_lost, low_battery, no_gnss or companion_dead
    #[arg(long, value_name = "CASE", default_value = "quiet")]
    case: WhatCase,
    /// When it goes wrong, seconds after take-off [default: at the place of the plan farthest from home]
    #[arg(long, value_name = "S", value_parser = seconds)]
    fault_at: Option<f64>,
    /// Mean wind, m/s [default: the plan's]
    #[arg(long, value_name = "MPS", requires = "wind_from", value_parser = mps)]
    wind: Option<f64>,
    /// Where the wind comes from, degrees from true north
    #[arg(long, value_name = "DEG", requires = "wind", value_parser = bearing)]
    wind_from: Option<f64>,
    /// Rules file of the companion's eyes (TOML) [default: the demonstration's]
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Another plan than the recording's
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// MAVLink system whose track is meant [default: the one that flew longest]
    #[arg(long, value_name = "N")]
    system: Option<u8>,
    /// Which autopilot the simulator behaves like: px4 or ardupilot [default: as recorded]
    #[arg(long = "as", value_name = "KIND", value_parser = kind)]
    kind: Option<AutopilotKind>,
    /// Everything random follows from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Picture of both tracks, *.svg or *.png
    #[arg(long, value_name = "FILE")]
    draw: Option<PathBuf>,
}

fn within(s: &str, least: f64, most: f64, what: &str) -> Result<f64, String> {
    let v: f64 = s.parse().map_err(|_| format!("{s} is no number"))?;
    if (least..=most).contains(&v) {
        Ok(v)
    } else {
        Err(format!("{what} of {least} to {most}, not {s}"))
    }
}

fn seconds(s: &str) -> Result<f64, String> {
    within(s, 0.0, 36_000.0, "seconds")
}

fn mps(s: &str) -> Result<f64, String> {
    within(s, 0.0, 30.0, "m/s")
}

fn bearing(s: &str) -> Result<f64, String> {
    within(s, 0.0, 360.0, "degrees")
}

/// Both or none: half a wind is no wind.
fn wind(from_deg: Option<f64>, speed_mps: Option<f64>) -> Option<Wind> {
    Some(Wind {
        from_deg: from_deg?,
        speed_mps: speed_mps?,
        unsure_mps: 0.0,
    })
}

/// Runs it.
pub fn run(a: &ReflyArgs, json: bool) -> anyhow::Result<ExitCode> {
    if let Some(p) = &a.draw {
        drawing::kind(p)?;
    }
    let (dir, files) = record::open(&a.dir)?;
    let bytes = match &a.plan {
        Some(p) => std::fs::read(p).with_context(|| format!("cannot read {}", p.display()))?,
        None => files
            .plan
            .clone()
            .with_context(|| format!("{} holds no plan: give one with --plan", dir.display()))?,
    };
    let plan = PatrolPlan::from_json(&bytes).context("the plan cannot be flown")?;
    let rules = match &a.rules {
        None => None,
        Some(f) => Some(
            std::fs::read_to_string(f).with_context(|| format!("cannot read {}", f.display()))?,
        ),
    };
    let wish = Wish {
        case: a.case,
        other: Circumstances {
            wind: wind(a.wind_from, a.wind),
            fault_s: a.fault_at,
            rules,
        },
        kind: a.kind,
        seed: a.seed,
        system: a.system,
    };
    let facts = Facts::read(&files.tlog, &files.events, &|_| None);
    let bar = bar();
    let told = refly(&plan, &facts, &wish, &mut |part| {
        bar.set_position((part * 1_000.0) as u64);
        true
    })?;
    bar.finish_and_clear();
    let r = told.context("the flight was broken off")?;
    if let Some(path) = &a.draw {
        drawing::write(&picture(&r, &plan)?, path)?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&r)?);
    } else {
        print!("{}", in_words(&r));
    }
    let inside = r.again.min_clearance_m.is_some_and(|m| m > 0.0);
    Ok(if inside && r.case.landed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Places of a track that the page gets at most: enough for a map.
const PAGE_PLACES: usize = 1_500;

/// What the console's replay asks for.
///
/// # Errors
/// When the recording has no plan or nobody flew in it, or the world cannot be staged.
pub fn for_the_console(dir: &Path, wish: &ReflyWish) -> anyhow::Result<Value> {
    let (_, files) = record::open(dir)?;
    let bytes = files.plan.context("the recording holds no plan")?;
    let plan = PatrolPlan::from_json(&bytes).context("the plan cannot be flown")?;
    let facts = Facts::read(&files.tlog, &files.events, &|_| None);
    let wish = Wish {
        case: wish.case.parse().map_err(anyhow::Error::msg)?,
        other: Circumstances {
            wind: wind(wish.wind_from_deg, wish.wind_mps),
            fault_s: wish.fault_s,
            rules: None,
        },
        kind: None,
        seed: wish.seed,
        system: None,
    };
    let mut told = refly(&plan, &facts, &wish, &mut |_| true)?.context("broken off")?;
    for f in [&mut told.recorded, &mut told.again] {
        let every = f.track.len().div_ceil(PAGE_PLACES).max(1);
        f.track = f.track.iter().step_by(every).copied().collect();
    }
    Ok(serde_json::to_value(&told)?)
}

fn clearance(f: &Flight) -> String {
    f.min_clearance_m.map_or_else(
        || "clearance unknown".to_owned(),
        |m| format!("{m:.1} m to {}", f.clearance_zone),
    )
}

fn alarms(f: &Flight) -> String {
    if f.alarms.is_empty() {
        return "no alarms".into();
    }
    let each: Vec<String> = f.alarms.iter().map(|(r, n)| format!("{n} {r}")).collect();
    each.join(", ")
}

fn circumstances(r: &Refly) -> String {
    let fault = r
        .case
        .fault_s
        .map_or_else(String::new, |s| format!(" at {s:.0} s"));
    format!(
        "{}{fault}, as {}, wind up to {:.1} m/s, seed {}",
        r.case.case, r.autopilot, r.wind_mps, r.seed
    )
}

fn in_words(r: &Refly) -> String {
    let mut out = format!(
        "plan            {}\nflown again     {}\n",
        r.name,
        circumstances(r)
    );
    for (name, f) in [("recorded", &r.recorded), ("again", &r.again)] {
        out += &format!(
            "{name:<15} {:.0} s, {:.0} m, up to {:.0} m above home, {}, {}\n",
            f.flight_s,
            f.length_m,
            f.highest_m,
            clearance(f),
            alarms(f)
        );
    }
    out += &format!(
        "apart           half within {:.1} m, 95 % within {:.1} m, at most {:.1} m at {:.6}, {:.6}; ends {:.1} m\n",
        r.apart.p50_m,
        r.apart.p95_m,
        r.apart.most_m,
        r.apart.most_at[1],
        r.apart.most_at[0],
        r.apart.ends_m
    );
    for d in &r.case.deeds {
        out += &format!(
            "{:>15} {:.0} s: {} ({}), {}, {:.0} m above home\n",
            "", d.t_s, d.response, d.cause, d.state, d.above_home_m
        );
    }
    for p in &r.problems {
        out += &format!("problem         {p}\n");
    }
    out += &format!(
        "end             {}, {:.0} m from home, battery {:.0} %\n",
        if r.case.landed { "down" } else { "still UP" },
        r.case.from_home_m,
        r.case.battery_pct
    );
    out
}

fn picture(r: &Refly, plan: &PatrolPlan) -> anyhow::Result<Picture> {
    let file = plan.file();
    let plane = LocalPlane::new(file.home.at);
    let mut p = Picture {
        title: format!("{}: recorded and flown again", file.name),
        plain_title: "recorded and flown again".into(),
        figures: in_words(r).lines().skip(1).map(str::to_owned).collect(),
        north_is_up: true,
        ..Picture::default()
    };
    p.add_venue(&Venue::from_value(&file.venue)?, &plane);
    let track = |name: &str, places: &[Place]| Track {
        name: name.into(),
        places: places
            .iter()
            .map(|p| plane.to_local_degrees(p.at[1], p.at[0]))
            .collect(),
    };
    p.tracks = vec![
        track("recorded", &r.recorded.track),
        track("flown again", &r.again.track),
    ];
    Ok(p)
}
