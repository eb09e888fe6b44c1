//! `rehearse`: a plan is flown in the simulator, by the companion that will fly it, before it is flown.

use super::demo::kind;
use crate::rehearse::AutopilotKind;
use crate::rehearse::study::{Case, Finding, Rehearsal, rehearse};
use anyhow::Context;
use missions::plan::PatrolPlan;
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::process::ExitCode;

/// Seeds that a page can show and a person can type.
const SEEDS: u64 = 10_000;

/// Flags of `rehearse`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Five flights: the evening with an intruder, a swimmer and a crowd that breaks through; and one each with \
the radio cut, the battery low, GNSS lost and the companion dead, at the place farthest from home.\n\
Ends with 0 when nothing blocks a launch, 1 when something does, 2 on bad usage."
)]
pub struct Rehearse {
    /// plan.json, as `plan` writes it
    #[arg(value_name = "PLAN")]
    plan: PathBuf,
    /// Which autopilot the simulator behaves like: px4 or ardupilot
    #[arg(long = "as", value_name = "KIND", default_value = "px4", value_parser = kind)]
    kind: AutopilotKind,
    /// Everything random follows from it: gusts, where the swimmer is, when the intruder comes
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// What the console asks for: a rehearsal whose dice follow from the plan, so that the same plan is told the same.
///
/// # Errors
/// As [`rehearse`].
pub fn for_the_console(
    plan: &PatrolPlan,
    autopilot: &str,
    go_on: &mut dyn FnMut(f64) -> bool,
) -> anyhow::Result<Option<(bool, Value)>> {
    let kind = kind(autopilot).unwrap_or(AutopilotKind::Px4);
    let told = rehearse(plan, kind, plan.id() % SEEDS, go_on)?;
    told.map(|r| Ok((r.passed, serde_json::to_value(&r)?)))
        .transpose()
}

/// A bar of a thousand parts.
pub fn bar() -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new(1_000);
    if let Ok(style) =
        indicatif::ProgressStyle::with_template("rehearsing {bar:30} {percent} %  {elapsed}")
    {
        bar.set_style(style);
    }
    bar
}

/// Runs it.
pub fn run(a: &Rehearse, json: bool) -> anyhow::Result<ExitCode> {
    let name = a.plan.display();
    let bytes = std::fs::read(&a.plan).with_context(|| format!("cannot read {name}"))?;
    let plan = PatrolPlan::from_json(&bytes).with_context(|| format!("{name} cannot be flown"))?;
    let bar = bar();
    let told = rehearse(&plan, a.kind, a.seed, &mut |part| {
        bar.set_position((part * 1_000.0) as u64);
        true
    })?;
    bar.finish_and_clear();
    let r = told.context("the rehearsal was broken off")?;
    if json {
        println!("{}", serde_json::to_string_pretty(&r)?);
    } else {
        print!("{}", in_words(&r));
    }
    Ok(if r.passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn in_words(r: &Rehearsal) -> String {
    let mut out = format!(
        "plan            {}\n\
         flown           {} of {} places as {}, seed {}, wind up to {:.1} m/s\n",
        r.name, r.places.0, r.places.1, r.autopilot, r.seed, r.wind_mps
    );
    for w in &r.watched {
        out += &format!(
            "watched         {:.0} % of {}, at most {:.0} s without a look\n",
            w.covered_pct, w.zone, w.worst_age_s
        );
    }
    for f in &r.found {
        let found = f.found_s.map_or_else(
            || "NOT reported".to_owned(),
            |s| format!("reported at {s:.0} s"),
        );
        out += &format!(
            "{:<15} there from {:.0} s, {:.0} s in the picture, {found}\n",
            f.what,
            f.appears_s.max(0.0),
            f.in_view_s
        );
    }
    for c in &r.cases {
        out += &case(c);
    }
    for n in &r.notes {
        out += &format!("note            {}\n", finding(n));
    }
    for b in &r.blocking {
        out += &format!("BLOCKS          {}\n", finding(b));
    }
    out += &format!(
        "{:.0} s simulated, {:.0} times real time: {}\n",
        r.simulated_s,
        r.real_time_factor,
        if r.passed {
            "nothing blocks a launch"
        } else {
            "may NOT be launched"
        }
    );
    out
}

fn case(c: &Case) -> String {
    let fault = c
        .fault_s
        .map_or_else(String::new, |s| format!(" at {s:.0} s"));
    let clearance = c.min_clearance_m.map_or_else(
        || "never flew".to_owned(),
        |m| format!("{m:.1} m to {}", c.clearance_zone),
    );
    let mut line = format!(
        "{:<15} {}{} m from home after {:.0} s, battery {:.0} %, least clearance {clearance}\n",
        format!("{}{fault}", c.case),
        if c.landed { "down " } else { "still UP " },
        c.from_home_m.round(),
        c.flight_s,
        c.battery_pct,
    );
    if c.case != "evening" {
        for d in &c.deeds {
            line += &format!(
                "{:>15} {:.0} s: {} ({}), {}, {:.0} m above home\n",
                "", d.t_s, d.response, d.cause, d.state, d.above_home_m
            );
        }
    }
    line
}

fn finding(f: &Finding) -> String {
    told(f.code, &f.params)
}

/// What blocks a launch, from a result as the console has it.
pub fn blocking(result: &Value) -> String {
    let all = result.get("blocking").and_then(Value::as_array);
    let each = all.into_iter().flatten().filter_map(|b| {
        let code = b.get("code")?.as_str()?;
        Some(told(code, b.get("params")?.as_object()?))
    });
    each.collect::<Vec<_>>().join("; ")
}

fn told(code: &str, params: &Map<String, Value>) -> String {
    let params: Vec<String> = params.iter().map(|(k, v)| format!("{k} {v}")).collect();
    format!("{code} ({})", params.join(", "))
}
