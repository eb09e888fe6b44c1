//! Who did what: one line for each use and each refusal, and for what is repeated every second one line a minute.

use missions::time::Mono;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The same again within this is counted, not told.
const SAME_FOR: Duration = Duration::from_secs(60);
/// Different things of people who are logged in that are counted at a time; whatever else they do has a line of its own.
const MAX_KINDS: usize = 448;
/// Different things of strangers that are counted at a time. A room of their own: a flood of made-up names must not leave
/// an officer's deed without its line.
const MAX_STRANGERS: usize = 64;
/// Lines kept for the page.
pub const KEPT: usize = 500;

/// One line, as it stands in the record's `events.jsonl` under `access`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Access {
    /// Who, by name; `None`: nobody was logged in.
    pub who: Option<String>,
    /// From which address; empty: this station itself.
    #[serde(default)]
    pub from: String,
    /// What: method and path of the endpoint's row, or what the station did.
    pub what: String,
    /// On what: a person, an intent, a picture's hash.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// The key of the refusal; `None`: allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<String>,
    /// How many times it came again since its last line.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub again: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// What was told of late.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    counting: BTreeMap<Access, (Mono, u32)>,
    /// How many of those are strangers'.
    strangers: usize,
    kept: VecDeque<(i64, Access)>,
    /// Lines that nobody could be told apart in any more, so many were there.
    overflow: u32,
}

impl Journal {
    /// Takes one; what is to be written now, if anything. `repeats`: the same again soon is only counted.
    pub fn take(&mut self, now: Mono, utc_ms: i64, access: Access, repeats: bool) -> Vec<Access> {
        let mut out = self.due(now, utc_ms);
        if repeats {
            if let Some((_, again)) = self.counting.get_mut(&access) {
                *again = again.saturating_add(1);
                return out;
            }
            if access.who.is_none() {
                if self.strangers >= MAX_STRANGERS {
                    self.overflow = self.overflow.saturating_add(1);
                    return out;
                }
                self.strangers += 1;
                self.counting.insert(access.clone(), (now, 0));
            } else if self.counting.len() - self.strangers < MAX_KINDS {
                self.counting.insert(access.clone(), (now, 0));
            }
        }
        self.keep(utc_ms, &access);
        out.push(access);
        out
    }

    /// Counts whose minute is over.
    pub fn due(&mut self, now: Mono, utc_ms: i64) -> Vec<Access> {
        self.counted(utc_ms, |since| now.since(since) >= SAME_FOR)
    }

    /// All counts: the record closes.
    pub fn end(&mut self, utc_ms: i64) -> Vec<Access> {
        self.counted(utc_ms, |_| true)
    }

    fn counted(&mut self, utc_ms: i64, is_over: impl Fn(Mono) -> bool) -> Vec<Access> {
        let mut out = Vec::new();
        let mut strangers = 0;
        self.counting.retain(|access, (since, again)| {
            let over = is_over(*since);
            if over && *again > 0 {
                out.push(Access {
                    again: *again,
                    ..access.clone()
                });
            }
            strangers += usize::from(!over && access.who.is_none());
            !over
        });
        self.strangers = strangers;
        if self.overflow > 0 && self.strangers < MAX_STRANGERS {
            out.push(Access {
                who: None,
                from: String::new(),
                what: "many others".into(),
                about: String::new(),
                denied: None,
                again: std::mem::take(&mut self.overflow),
            });
        }
        for a in &out {
            self.keep(utc_ms, a);
        }
        out
    }

    fn keep(&mut self, utc_ms: i64, access: &Access) {
        if self.kept.len() >= KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back((utc_ms, access.clone()));
    }

    /// The last lines, oldest first: milliseconds since 1970 UTC, and what.
    pub fn kept(&self) -> impl Iterator<Item = &(i64, Access)> {
        self.kept.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(n: u32) -> Access {
        Access {
            who: Some("Li".into()),
            from: "127.0.0.1".into(),
            what: "GET /api/camera/{aircraft}".into(),
            about: n.to_string(),
            denied: None,
            again: 0,
        }
    }

    #[test]
    fn what_comes_every_second_is_one_line_a_minute_with_its_count() {
        let mut j = Journal::default();
        let mut lines = Vec::new();
        for s in 0..150u64 {
            lines.extend(j.take(Mono::ZERO.after(Duration::from_secs(s)), 0, look(1), true));
        }
        let again: Vec<u32> = lines.iter().map(|a| a.again).collect();
        assert_eq!(again, [0, 59, 0, 59, 0]);
        // The record closes within a minute: what was only counted is told.
        let last: Vec<u32> = j.end(0).iter().map(|a| a.again).collect();
        assert_eq!((last, j.end(0)), (vec![29], vec![]));
        // What changes something is never folded.
        let each: usize = (0..5)
            .map(|_| j.take(Mono::ZERO, 0, look(2), false).len())
            .sum();
        assert_eq!(each, 5);
    }

    #[test]
    fn a_flood_of_strangers_is_bounded_and_counted_and_hides_nobody_who_is_known() {
        let mut j = Journal::default();
        let stranger = |n: u32| Access {
            who: None,
            denied: Some("people.wrong".into()),
            ..look(n)
        };
        let told: usize = (0..10_000)
            .map(|n| j.take(Mono::ZERO, 0, stranger(n), true).len())
            .sum();
        assert_eq!(told, MAX_STRANGERS);
        // Whoever is logged in still has a line for everything.
        for n in 0..2_000 {
            assert_eq!(j.take(Mono::ZERO, 0, look(n), true), [look(n)]);
        }
        let later = j.due(Mono::ZERO.after(SAME_FOR), 0);
        assert_eq!(
            later.last().map(|a| a.again),
            Some(10_000 - u32::try_from(MAX_STRANGERS).unwrap())
        );
        assert_eq!(j.kept().count(), KEPT);
    }
}
