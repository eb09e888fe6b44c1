//! The rules file: what counts as a person, a bonnet, a stranger, and what to say about it.
//!
//! Data, parsed raw and resolved once. A fault names its key and line, because the reader is somebody at a kitchen
//! table with a text editor. Never reads a file itself; the text is an argument.

use super::schema::ZoneRole;
use missions::anomaly::Priority;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The rules built into the binary.
pub const DEFAULT_RULES: &str = include_str!("../../rules/default.toml");
/// A drone that belongs here: police, the show, the broadcaster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterEntry {
    /// The Remote ID serial number it broadcasts.
    pub uas_id: String,
    /// What people call it.
    pub name: String,
}

/// A rules file (empty: [`DEFAULT_RULES`]) with more drones on its roster.
#[must_use]
pub fn with_roster(rules: &str, roster: &[RosterEntry]) -> String {
    let rules = if rules.trim().is_empty() {
        DEFAULT_RULES
    } else {
        rules
    };
    let mut out = rules.to_owned();
    for entry in roster {
        out.push_str("\n[[roster]]\n");
        // Two strings: nothing that TOML could not hold.
        out.push_str(&toml::to_string(entry).unwrap_or_default());
    }
    out
}

/// Longest rules file, bytes.
const MAX_LEN: usize = 256 * 1024;
/// Longest roster.
const MAX_ROSTER: usize = 2000;
/// Most rules of one kind.
const MAX_RULES: usize = 32;
/// Longest rule id, bytes: what fits the wire.
const MAX_RULE_ID: usize = 24;

/// Why a rules file is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("rules file, line {line}, `{key}`: {words}")]
pub struct RulesError {
    /// From 1; 0 when the fault has no line.
    pub line: usize,
    /// Dotted key, as far as it can be told.
    pub key: String,
    /// What is wrong.
    pub words: String,
}

/// A number that must lie in `LO..=HI`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Num<const LO: i32, const HI: i32>(f64);
impl<const LO: i32, const HI: i32> TryFrom<f64> for Num<LO, HI> {
    type Error = String;
    fn try_from(v: f64) -> Result<Self, String> {
        if v >= f64::from(LO) && v <= f64::from(HI) {
            Ok(Num(v))
        } else {
            Err(format!("{v} must lie between {LO} and {HI}"))
        }
    }
}
impl<const LO: i32, const HI: i32> Num<LO, HI> {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// Two numbers, the smaller first.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "(f64, f64)")]
pub struct Span(f64, f64);
impl TryFrom<(f64, f64)> for Span {
    type Error = String;
    fn try_from((lo, hi): (f64, f64)) -> Result<Self, String> {
        if lo.is_finite() && hi.is_finite() && lo >= 0.0 && lo < hi {
            Ok(Span(lo, hi))
        } else {
            Err(format!(
                "[{lo}, {hi}] must be two numbers, the smaller first, none below 0"
            ))
        }
    }
}
impl Span {
    /// Whether `v` lies within.
    #[must_use]
    pub fn holds(self, v: f64) -> bool {
        v >= self.0 && v <= self.1
    }
}

/// `[thermal]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct Thermal {
    pub contrast_k: Num<0, 200>,
    pub contrast_sigma: Num<1, 100>,
    pub min_pixels: Num<1, 10_000>,
    pub border_px: Num<0, 100>,
    pub min_height_m: Num<0, 1000>,
    pub max_pixel_m: Num<0, 100>,
    pub hot_k: Num<200, 1000>,
}

/// `[placing]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct Placing {
    pub attitude_error_deg: Num<0, 45>,
    pub heading_error_deg: Num<0, 90>,
    pub ground_error_m: Num<0, 100>,
    pub pixel_error_px: Num<0, 100>,
    pub timing_error_s: Num<0, 10>,
}

/// `[tracks]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct Tracks {
    pub confirm_hits: Num<1, 64>,
    pub confirm_frames: Num<1, 64>,
    pub gate_m: Num<0, 100>,
    pub walk_mps: Num<0, 20>,
    pub drop_s: Num<0, 600>,
}

/// `[models.person]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct PersonModel {
    pub area_m2: Span,
    pub peak_k: Span,
    pub elongation_max: Num<1, 1000>,
    pub hot_fraction_max: Num<0, 1>,
}

/// `[models.warm_vehicle]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct VehicleModel {
    pub area_min_m2: Num<0, 10_000>,
    pub peak_min_k: Num<200, 2000>,
}

/// `[models]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct Models {
    pub person: PersonModel,
    pub warm_vehicle: VehicleModel,
}

/// `[remote_id]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct RemoteId {
    pub min_messages: Num<1, 1000>,
    pub id_wait_s: Num<0, 600>,
    pub position_wait_s: Num<0, 600>,
    pub absent_s: Num<1, 86_400>,
    pub receiver_range_m: Num<1, 100_000>,
    pub unknown_accuracy_m: Num<1, 100_000>,
    pub own_place_m: Num<0, 1000>,
    pub confidence: Num<0, 1>,
    pub confidence_unplaced: Num<0, 1>,
}

/// One `[[roster]]` entry: a drone that belongs here.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Remote ID as text, see [`super::remote_id::uas_id_text`].
    pub uas_id: String,
    /// For people.
    pub name: String,
}

/// One `[[person_in_zone]]` rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct PersonInZone {
    pub id: String,
    pub priority: Priority,
    pub zones: Vec<ZoneRole>,
    #[serde(default)]
    pub not_in: Vec<ZoneRole>,
    pub inside_sigma: Num<-10, 10>,
    pub same_place_m: Num<0, 1000>,
    pub memory_s: Num<0, 86_400>,
    pub min_confidence: Num<0, 1>,
    pub max_per_minute: Num<1, 600>,
}

/// One `[[unknown_drone]]` rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct UnknownDrone {
    pub id: String,
    pub priority: Priority,
    pub max_per_minute: Num<1, 600>,
}

/// A rules file that was understood.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // The keys are explained in default.toml.
pub struct Rules {
    format: String,
    pub thermal: Thermal,
    pub placing: Placing,
    pub tracks: Tracks,
    pub models: Models,
    pub remote_id: RemoteId,
    #[serde(default)]
    pub roster: Vec<Known>,
    #[serde(default)]
    pub person_in_zone: Vec<PersonInZone>,
    #[serde(default)]
    pub unknown_drone: Vec<UnknownDrone>,
}

impl Rules {
    /// Reads a rules file; an empty text means [`DEFAULT_RULES`].
    ///
    /// # Errors
    /// [`RulesError`], naming key and line.
    pub fn parse(text: &str) -> Result<Rules, RulesError> {
        let text = if text.trim().is_empty() {
            DEFAULT_RULES
        } else {
            text
        };
        if text.len() > MAX_LEN {
            return Err(RulesError {
                line: 0,
                key: String::new(),
                words: format!("longer than {MAX_LEN} bytes"),
            });
        }
        let rules: Rules = toml::from_str(text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            let (line, key) = place_of(text, at);
            RulesError {
                line,
                key,
                words: e.message().to_owned(),
            }
        })?;
        rules.check().map_err(|(key, words)| {
            let line = line_of(text, key);
            RulesError {
                line,
                key: key.to_owned(),
                words,
            }
        })?;
        Ok(rules)
    }

    /// What no single value can tell.
    fn check(&self) -> Result<(), (&'static str, String)> {
        if self.format != "patrol-rules/1" {
            return Err(("format", format!("{:?} is not patrol-rules/1", self.format)));
        }
        if self.tracks.confirm_hits.get() > self.tracks.confirm_frames.get() {
            return Err((
                "tracks.confirm_hits",
                "asks for more hits than confirm_frames has frames".into(),
            ));
        }
        if self.roster.len() > MAX_ROSTER {
            return Err(("roster", format!("more than {MAX_ROSTER} entries")));
        }
        if self.roster.iter().any(|k| k.uas_id.trim().is_empty()) {
            return Err((
                "roster.uas_id",
                "is empty: it would let everybody in".into(),
            ));
        }
        for (key, ids) in [
            (
                "person_in_zone.id",
                self.person_in_zone
                    .iter()
                    .map(|r| r.id.as_str())
                    .collect::<Vec<_>>(),
            ),
            (
                "unknown_drone.id",
                self.unknown_drone.iter().map(|r| r.id.as_str()).collect(),
            ),
        ] {
            if ids.len() > MAX_RULES {
                return Err((key, format!("more than {MAX_RULES} rules of one kind")));
            }
            if let Some(bad) = ids.iter().find(|i| i.is_empty() || i.len() > MAX_RULE_ID) {
                return Err((key, format!("{bad:?} must have 1 to {MAX_RULE_ID} bytes")));
            }
        }
        Ok(())
    }

    /// Whether this Remote ID is on the roster.
    #[must_use]
    pub fn knows(&self, uas_id: &str) -> bool {
        self.roster.iter().any(|k| k.uas_id.trim() == uas_id)
    }
}

/// Line (from 1) and dotted key at byte `at`: the table header above it and the name left of `=`.
fn place_of(text: &str, at: usize) -> (usize, String) {
    let mut table = String::new();
    let mut start = 0;
    let mut found = (0, String::new());
    for (n, line) in text.split_inclusive('\n').enumerate() {
        if start > at {
            break;
        }
        let bare = line.trim();
        if bare.starts_with('[') {
            table = bare
                .split(']')
                .next()
                .unwrap_or("")
                .trim_start_matches('[')
                .trim()
                .to_owned();
        }
        let name = match bare.split_once('=') {
            Some((name, _)) if !bare.starts_with('[') => name.trim(),
            _ => "",
        };
        let dot = if table.is_empty() || name.is_empty() {
            ""
        } else {
            "."
        };
        found = (n + 1, format!("{table}{dot}{name}"));
        start += line.len();
    }
    found
}

/// Line (from 1) of a dotted key; 0 when it is not written anywhere.
fn line_of(text: &str, key: &str) -> usize {
    let mut at = 0;
    for (n, line) in text.split_inclusive('\n').enumerate() {
        if place_of(text, at).1 == key && !line.trim().starts_with('#') {
            return n + 1;
        }
        at += line.len();
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_built_in_rules_are_good_and_an_empty_text_means_them() {
        let rules = Rules::parse(DEFAULT_RULES).unwrap();
        assert_eq!(rules, Rules::parse("  \n").unwrap());
        assert_eq!(rules.person_in_zone[0].zones, [ZoneRole::WatchZone]);
        assert!(rules.models.person.area_m2.holds(0.25));
        assert!(rules.roster.is_empty());
    }

    #[test]
    fn a_fault_names_its_key_and_line() {
        let line_with = |s: &str| {
            1 + DEFAULT_RULES
                .lines()
                .position(|l| l.starts_with(s))
                .unwrap()
        };
        let cases = [
            ("gate_m = 4.0", "gate_m = \"far\"", "tracks.gate_m"),
            ("gate_m = 4.0", "gate_m = 4000", "tracks.gate_m"),
            ("gate_m = 4.0", "gate_m = nan", "tracks.gate_m"),
            ("gate_m = 4.0", "gaet_m = 4", "tracks.gaet_m"),
            (
                "area_m2 = [0.06, 1.4]",
                "area_m2 = [1.4, 0.06]",
                "models.person.area_m2",
            ),
            (
                "priority = \"urgent\"",
                "priority = \"dire\"",
                "person_in_zone.priority",
            ),
            (
                "confirm_hits = 3",
                "confirm_hits = 30",
                "tracks.confirm_hits",
            ),
            ("format =", "format = \"x\" #", "format"),
            ("zones =", "zones = [\"pub\"] #", "person_in_zone.zones"),
        ];
        for (good, bad, key) in cases {
            let e = Rules::parse(&DEFAULT_RULES.replacen(good, bad, 1)).unwrap_err();
            assert_eq!((e.line, e.key.as_str()), (line_with(good), key), "{e}");
        }
        let missing = Rules::parse(&DEFAULT_RULES.replacen("walk_mps = 1.5", "", 1)).unwrap_err();
        assert!(
            missing.words.contains("walk_mps") && missing.key == "tracks",
            "{missing}"
        );
        assert!(Rules::parse("[[roster]]\nuas_id = \"\"").is_err());
    }

    #[test]
    fn the_roster_lets_in_whom_it_names() {
        let text =
            format!("{DEFAULT_RULES}\n[[roster]]\nuas_id = \"POLICE-2\"\nname = \"Police 2\"\n");
        let rules = Rules::parse(&text).unwrap();
        assert!(rules.knows("POLICE-2") && !rules.knows("POLICE-3"));
        let entry = RosterEntry {
            uas_id: "SHOW \"1\"".into(),
            name: "灯光秀".into(),
        };
        let added = Rules::parse(&with_roster("", std::slice::from_ref(&entry))).unwrap();
        assert_eq!(format!("{added:?}").matches("灯光秀").count(), 1);
        let empty = format!("{DEFAULT_RULES}\n[[roster]]\nuas_id = \" \"\nname = \"x\"\n");
        let e = Rules::parse(&empty).unwrap_err();
        assert_eq!(e.key, "roster.uas_id");
        assert_eq!(e.line, empty.lines().count() - 1);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,400}", at in 0usize..4000, cut in 0usize..4000) {
            let _ = Rules::parse(&text);
            let mut mangled = DEFAULT_RULES.to_owned();
            let at = (0..=at.min(mangled.len())).rev().find(|&i| mangled.is_char_boundary(i)).unwrap();
            mangled.insert_str(at, &text);
            let _ = Rules::parse(&mangled);
            let cut = (0..=cut.min(mangled.len())).rev().find(|&i| mangled.is_char_boundary(i)).unwrap();
            let _ = Rules::parse(&mangled[..cut]);
        }
    }
}
