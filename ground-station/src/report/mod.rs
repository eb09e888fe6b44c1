//! The after-action report of one flight: what a supervisor signs. One HTML file that asks nothing of any machine, with
//! the map, the time line, incidents and their closed loop, coverage, alarms and response times, orders, evidence and
//! its verification.
//!
//! A core but for `io/`: bytes of a record in, figures and a page out. Every figure comes from the record alone; what the
//! record does not say is told as not known.

mod alarms;
mod coverage;
mod figures;
mod html;
pub mod io;
mod map;
mod style;
#[cfg(test)]
mod tests;
mod words;

pub use alarms::{Alarm, Span, Times};
pub use coverage::Coverage;
pub use figures::{Figures, FileLine, Source, gather};
pub use html::page;
pub use style::policy;

/// The report's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// 简体中文.
    Zh,
    /// English.
    En,
}

impl Lang {
    /// By its tag; anything but `en` is Chinese, as everywhere.
    #[must_use]
    pub fn of(tag: &str) -> Lang {
        if tag == "en" { Lang::En } else { Lang::Zh }
    }

    /// Its tag.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Lang::Zh => "zh-CN",
            Lang::En => "en",
        }
    }
}

/// How the page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct How {
    /// In which language.
    pub lang: Lang,
    /// Clock of the readers: minutes ahead of UTC. The record's own times are UTC.
    pub ahead_min: i32,
}

/// Most that any clock on earth is ahead of UTC or behind it, minutes.
pub const MAX_AHEAD_MIN: i32 = 14 * 60;
