//! What a scenario lets fail, and when: `[[fault]]` in its file.
//!
//! ```toml
//! [[fault]]
//! at_s = 40.0             # seconds after the start of the world
//! what = "gnss_drag"      # pulled away by a spoofer
//! north_mps = 2.0
//! east_mps = 0.0
//!
//! [[fault]]
//! at_s = 10.0
//! after = "take_off"      # seconds after it first left the ground
//! what = "cut"
//! way = "up"              # "up", "down" or "both"
//! ```
//!
//! The aircraft's own: `gnss_lost`, `gnss_frozen`, `gnss_jump` (`north_m`, `east_m`), `gnss_drag` (`north_mps`,
//! `east_mps`), `gnss_well`, `ignores`, `obeys`, `unplugged`, `plugged`, `battery_sag` (`left`), `battery_shows`
//! (`shown`), `reboot`: see [`Trouble`]. The air's: `gust`. The radio's: `radio`, `cut`, `mend`. The processes':
//! `kill`, `hang`, `disk`, `clock`: see [`House`]. A world alone (`sim --scenario FILE`) plays those of aircraft and air,
//! and with `--radio` the radio's on its own lines; a rehearsal of the whole house (`ground-station demo --headless
//! --scenario FILE`) plays them all.

use crate::autopilot::Trouble;
use crate::disk::{DiskTrouble, End};
use crate::radio::{Path, Radio, RadioSpec};
use serde::{Deserialize, Serialize};

/// Which way of the radio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Ground to aircraft.
    Up,
    /// Aircraft to ground.
    Down,
    /// Both.
    #[default]
    Both,
}

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The companion.
    Onboard,
    /// The ground station.
    Ground,
}

/// A discrete gust, 1 - cosine in time (after MIL-F-8785C 3.7.1.3): the wind swells to `mps` more and falls again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gust {
    /// At its peak, metres a second on top of the wind.
    pub mps: f64,
    /// Where it blows to, degrees from north.
    pub towards_deg: f64,
    /// From its begin to its end, seconds.
    pub lasts_s: f64,
}

/// What fails beyond the aircraft.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case", deny_unknown_fields)]
pub enum House {
    /// A gust.
    Gust(Gust),
    /// The radio is like this from now on.
    Radio {
        /// Which way.
        #[serde(default)]
        way: Way,
        /// Its character.
        spec: RadioSpec,
    },
    /// Nothing sent arrives.
    Cut {
        /// Which way.
        #[serde(default)]
        way: Way,
    },
    /// It arrives again.
    Mend {
        /// Which way.
        #[serde(default)]
        way: Way,
    },
    /// A program ends. What it wrote stays; after a power cut what it synced.
    Kill {
        /// Which.
        side: Side,
        /// The machine's power is cut.
        #[serde(default)]
        power: bool,
        /// It is started again after so long, seconds; absent: never.
        #[serde(default)]
        off_s: Option<f64>,
    },
    /// A program's loop stands still for so long; what arrives waits.
    Hang {
        /// Which.
        side: Side,
        /// Seconds.
        lasts_s: f64,
    },
    /// A program's disk fails from now on, or is well again.
    Disk {
        /// Whose.
        side: Side,
        /// What is wrong with it.
        trouble: DiskTrouble,
    },
    /// A program's wall clock is so far off from now on, seconds; absent: it has none.
    Clock {
        /// Whose.
        side: Side,
        /// Ahead of the true time, seconds.
        #[serde(default)]
        off_by_s: Option<f64>,
    },
}

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Fault {
    /// The aircraft's.
    Aircraft(Trouble),
    /// Everything else.
    House(House),
}

impl Fault {
    /// Whether a world alone can play it: it is the aircraft's or the air's.
    #[must_use]
    pub fn is_of_the_world(&self) -> bool {
        matches!(self, Fault::Aircraft(_) | Fault::House(House::Gust(_)))
    }
}

/// From when a fault's time counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum After {
    /// The start of the world.
    #[default]
    Start,
    /// The first moment off the ground.
    TakeOff,
}

/// One `[[fault]]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "toml::Table")]
pub struct Planned {
    /// When, seconds.
    pub at_s: f64,
    /// From when that counts.
    pub after: After,
    /// What.
    #[serde(flatten)]
    pub fault: Fault,
}

/// Names of the faults in [`House`], as a file has them.
const HOUSE: [&str; 8] = [
    "gust", "radio", "cut", "mend", "kill", "hang", "disk", "clock",
];

impl TryFrom<toml::Table> for Planned {
    type Error = String;

    fn try_from(mut t: toml::Table) -> Result<Self, String> {
        let at_s = match t.remove("at_s") {
            Some(toml::Value::Float(x)) => x,
            Some(toml::Value::Integer(n)) => n as f64,
            Some(_) => return Err("a fault's at_s is a number of seconds".into()),
            None => return Err("a fault needs at_s, seconds".into()),
        };
        let after = match t.remove("after") {
            None => After::Start,
            Some(v) => v
                .try_into()
                .map_err(|_| "a fault's after is \"start\" or \"take_off\"".to_owned())?,
        };
        let what = match t.get("what") {
            Some(toml::Value::String(s)) => s.clone(),
            _ => return Err("a fault needs what = \"…\"".into()),
        };
        let named = |e: toml::de::Error| format!("fault \"{what}\": {}", e.message());
        let fault = if HOUSE.contains(&what.as_str()) {
            Fault::House(t.try_into().map_err(named)?)
        } else {
            Fault::Aircraft(t.try_into().map_err(named)?)
        };
        let p = Planned { at_s, after, fault };
        p.check()
            .map_err(|why| format!("fault \"{what}\": {why}"))?;
        Ok(p)
    }
}

impl Planned {
    /// What makes no sense.
    fn check(&self) -> Result<(), String> {
        let within = |name: &str, x: f64, lo: f64, hi: f64| {
            if (lo..=hi).contains(&x) {
                Ok(())
            } else {
                Err(format!("{name} = {x} is not between {lo} and {hi}"))
            }
        };
        within("at_s", self.at_s, 0.0, 1e6)?;
        match self.fault {
            Fault::Aircraft(t) => match t {
                Trouble::GnssJump { north_m, east_m } => {
                    within("north_m", north_m, -1e5, 1e5)?;
                    within("east_m", east_m, -1e5, 1e5)
                }
                Trouble::GnssDrag {
                    north_mps,
                    east_mps,
                } => {
                    within("north_mps", north_mps, -100.0, 100.0)?;
                    within("east_mps", east_mps, -100.0, 100.0)
                }
                Trouble::BatterySag { left } => within("left", left, 0.0, 1.0),
                Trouble::BatteryShows { shown } => within("shown", shown, 0.0, 1.0),
                _ => Ok(()),
            },
            Fault::House(h) => match h {
                House::Gust(g) => {
                    within("mps", g.mps, 0.0, 40.0)?;
                    within("towards_deg", g.towards_deg, -360.0, 360.0)?;
                    within("lasts_s", g.lasts_s, 0.1, 120.0)
                }
                House::Radio { spec, .. } => spec.check(),
                House::Kill { off_s, .. } => within("off_s", off_s.unwrap_or(0.0), 0.0, 1e6),
                House::Hang { lasts_s, .. } => within("lasts_s", lasts_s, 0.0, 1e6),
                House::Clock { off_by_s, .. } => {
                    within("off_by_s", off_by_s.unwrap_or(0.0), -1e8, 1e8)
                }
                House::Cut { .. } | House::Mend { .. } | House::Disk { .. } => Ok(()),
            },
        }
    }
}

impl Radio {
    /// Plays a fault if it is the radio's. Whether it was.
    pub fn fault(&mut self, fault: &Fault) -> bool {
        let Fault::House(house) = fault else {
            return false;
        };
        let mut paths = |way: Way, f: &dyn Fn(&mut Path)| {
            if way != Way::Down {
                f(&mut self.up);
            }
            if way != Way::Up {
                f(&mut self.down);
            }
        };
        match house {
            House::Radio { way, spec } => paths(*way, &|p| p.set_spec(*spec)),
            House::Cut { way } => paths(*way, &|p| p.set_cut(true)),
            House::Mend { way } => paths(*way, &|p| p.set_cut(false)),
            _ => return false,
        }
        true
    }
}

/// How a killed program's disk is left.
#[must_use]
pub fn end_of(power: bool) -> End {
    if power { End::PowerCut } else { End::Killed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct File {
        fault: Vec<Planned>,
    }

    fn read(text: &str) -> Result<Vec<Planned>, String> {
        toml::from_str::<File>(text)
            .map(|f| f.fault)
            .map_err(|e| e.to_string())
    }

    #[test]
    fn every_fault_is_read_as_it_is_written() {
        let found = read(
            r#"
            [[fault]]
            at_s = 40
            what = "gnss_drag"
            north_mps = 2.0
            east_mps = 0.0
            [[fault]]
            at_s = 10.5
            after = "take_off"
            what = "cut"
            way = "up"
            [[fault]]
            at_s = 1.0
            what = "radio"
            spec = { loss = 0.1, burst = { loss = 1.0, into = 0.05, out_of = 0.2 } }
            [[fault]]
            at_s = 2.0
            what = "kill"
            side = "onboard"
            power = true
            off_s = 0.5
            [[fault]]
            at_s = 2.0
            what = "hang"
            side = "ground"
            lasts_s = 9.0
            [[fault]]
            at_s = 3.0
            what = "disk"
            side = "ground"
            trouble = "sync_fails"
            [[fault]]
            at_s = 3.0
            what = "clock"
            side = "ground"
            off_by_s = -3600.0
            [[fault]]
            at_s = 4.0
            what = "gust"
            mps = 8.0
            towards_deg = 90.0
            lasts_s = 4.0
            [[fault]]
            at_s = 5.0
            what = "reboot"
            "#,
        )
        .unwrap();
        assert_eq!(found.len(), 9);
        assert_eq!(
            found.iter().filter(|f| f.fault.is_of_the_world()).count(),
            3
        );
        assert_eq!(found[1].after, After::TakeOff);
        assert_eq!(found[1].fault, Fault::House(House::Cut { way: Way::Up }));
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for (text, word) in [
            ("what = 'cut'", "at_s"),
            ("at_s = 1.0", "what"),
            ("at_s = -1.0\nwhat = 'cut'", "at_s"),
            ("at_s = nan\nwhat = 'cut'", "at_s"),
            ("at_s = 1\nwhat = 'cutt'", "cutt"),
            ("at_s = 1\nwhat = 'cut'\nway = 'sideways'", "sideways"),
            ("at_s = 1\nwhat = 'cut'\nhow = 1", "how"),
            ("at_s = 1\nwhat = 'cut'\nafter = 'lunch'", "after"),
            ("at_s = 1\nwhat = 'battery_sag'\nleft = 1.5", "left"),
            (
                "at_s = 1\nwhat = 'disk'\nside = 'ground'\ntrouble = 'sad'",
                "sad",
            ),
            ("at_s = 1\nwhat = 'radio'\nspec = { loss = 2.0 }", "loss"),
            (
                "at_s = 1\nwhat = 'radio'\nspec = { burst = { loss = 1.0, into = 0.1, out_of = 0.0 } }",
                "out_of",
            ),
        ] {
            let said = read(&format!("[[fault]]\n{text}")).unwrap_err();
            assert!(said.contains(word), "{text}: {said}");
        }
    }
}
