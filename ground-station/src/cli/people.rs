//! `people`: who may log in at this station, for whoever owns its account. The same file as the console's.

use super::settings::Settings;
use crate::evidence::io::random;
use crate::people::store::{People, Person};
use crate::people::{Denied, Role, io, secret};
use anyhow::bail;
use link_io::Clock;
use missions::time::Utc;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::ExitCode;

/// Flags of `people`.
#[derive(Debug, clap::Args)]
pub struct PeopleArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Everybody, their roles, and whether they can log in
    List,
    /// Make a person; prints the code for the first login, which is good for seven days
    Add {
        /// Name, as typed at login
        name: String,
        /// What this person may, may be given several times
        #[arg(long, required = true, value_delimiter = ',')]
        role: Vec<Role>,
    },
    /// Shut somebody out; the record keeps the name
    Disable {
        /// Name
        name: String,
    },
    /// Let somebody in again
    Enable {
        /// Name
        name: String,
    },
    /// Forget password and telephone; prints a new code for a first login
    Reset {
        /// Name
        name: String,
    },
    /// Give somebody these roles and no others
    Roles {
        /// Name
        name: String,
        /// viewer, pilot, supervisor, evidence, admin
        #[arg(required = true, value_delimiter = ',')]
        roles: Vec<Role>,
    },
}

/// A refusal in the words of a terminal.
fn words(why: Denied) -> &'static str {
    match why {
        Denied::NameTaken => "somebody has this name; give another, or `people reset` it",
        Denied::NameBad => "this is no name: 1 to 40 signs, no / \\ \" < >",
        Denied::Unknown => "nobody has this name; see `people list`",
        Denied::LastAdmin => {
            "nobody could make people any more; make another admin first, who must have logged in once"
        }
        Denied::NoRoles => "a person needs a role: viewer, pilot, supervisor, evidence or admin",
        Denied::TooMany => "the list is full",
        _ => why.key(),
    }
}

fn state(p: &Person, now: Utc) -> &'static str {
    match &p.code {
        _ if p.disabled => "shut out",
        Some(c) if c.until_us <= now.0 => "code too old: reset",
        Some(_) => "waits for first login",
        None if p.enrolled() => "can log in",
        None => "cannot log in: reset",
    }
}

/// Two columns of signs: Chinese ones are twice as wide.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

fn padded(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

fn role_words(roles: &BTreeSet<Role>) -> String {
    roles.iter().map(|r| r.key()).collect::<Vec<_>>().join(", ")
}

fn list(people: &People, now: Utc, as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let all: Vec<Value> = people
            .list()
            .iter()
            .map(|p| json!({"name": p.name, "roles": p.roles, "disabled": p.disabled, "enrolled": p.enrolled(), "state": state(p, now), "made": Utc(p.made_us).to_rfc3339()}))
            .collect();
        println!("{}", serde_json::to_string_pretty(&json!({"people": all}))?);
        return Ok(());
    }
    if people.list().is_empty() {
        println!("nobody yet: `ground-station serve` prints the code that makes the first admin");
        return Ok(());
    }
    let names = people
        .list()
        .iter()
        .map(|p| width(&p.name))
        .max()
        .unwrap_or(0)
        .max(4);
    let roles = people
        .list()
        .iter()
        .map(|p| role_words(&p.roles).len())
        .max()
        .unwrap_or(0);
    for p in people.list() {
        println!(
            "{}  {}  {}",
            padded(&p.name, names),
            padded(&role_words(&p.roles), roles),
            state(p, now)
        );
    }
    Ok(())
}

/// Runs it.
pub fn run(a: &PeopleArgs, s: &Settings) -> anyhow::Result<ExitCode> {
    let now = Clock::start().now().utc.valid();
    let Some(now) = now else {
        bail!("this machine's clock is not set; a code for a first login could not end");
    };
    let held = io::hold(&s.people)?;
    let mut people = held.read()?;
    let code = secret::one_time(&random()?);
    let (name, result, code) = match &a.what {
        What::List => {
            list(&people, now, s.json)?;
            return Ok(ExitCode::SUCCESS);
        }
        What::Add { name, role } => {
            let made = people.add(name, role.iter().copied().collect(), &code, now);
            (name, made.map(|_| ()), Some(code))
        }
        What::Disable { name } => (name, people.set_disabled(name, true), None),
        What::Enable { name } => (name, people.set_disabled(name, false), None),
        What::Reset { name } => (name, people.reset(name, &code, now), Some(code)),
        What::Roles { name, roles } => {
            let roles = roles.iter().copied().collect();
            (name, people.set_roles(name, roles), None)
        }
    };
    if let Err(why) = result {
        if s.json {
            println!("{}", json!({"accepted": false, "reason": why.key()}));
        }
        bail!("{name}: {}", words(why));
    }
    held.write(&people)?;
    let Some(p) = people.get(name) else {
        bail!("{name}: {}", words(Denied::Unknown));
    };
    if s.json {
        println!(
            "{}",
            json!({"accepted": true, "name": p.name, "roles": p.roles, "state": state(p, now), "code": code})
        );
    } else {
        println!("{}: {}; {}", p.name, role_words(&p.roles), state(p, now));
        if let Some(code) = code {
            println!("code for the first login, good for seven days: {code}");
        }
    }
    Ok(ExitCode::SUCCESS)
}
