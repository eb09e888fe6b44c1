//! Writes the three lists to the autopilot, reads them back and compares by meaning. Says "equal" only after that.

use super::judged::Judged;
use link::common::MavMessage as Common;
use link::frame::{Frame, Msg};
use link::items::{Dialect, ListKind};
use link::meaning::same_meaning;
use link::transfer::{Downloader, Progress, Uploader};
use missions::time::{Mono, Now};
use std::time::Duration;

/// The fence goes first, so that a mission is never aboard without one.
pub const ALL: &[ListKind] = &[ListKind::Fence, ListKind::Mission, ListKind::Rally];
/// In flight: the mission being flown is not touched.
pub const FENCE: &[ListKind] = &[ListKind::Fence];
/// Whole attempts.
const TRIES: u8 = 3;
/// Items that are asked for ahead when ArduPilot's list is read back: it reads all that waits in its port before it
/// sleeps, and each request waits for the loop only once.
const AHEAD: usize = 3;
/// Between attempts.
const PAUSE: Duration = Duration::from_millis(500);

#[derive(Clone, Debug)]
enum Doing {
    Pause(Mono),
    Up(Uploader),
    Down(Downloader),
}

/// How writing stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Writing {
    /// Writing or reading back.
    Busy {
        /// Reading back.
        reading: bool,
    },
    /// All three lists were read back equal.
    Equal,
    /// Given up.
    Failed(String),
}

/// The writer.
#[derive(Clone, Debug)]
pub struct Writer {
    dialect: Dialect,
    target: (u8, u8),
    /// Lists still to do, in order.
    kinds: &'static [ListKind],
    /// Only compare (after a restart), do not write.
    verify_only: bool,
    at: usize,
    tries: u8,
    now: Doing,
    state: Writing,
}

impl Writer {
    /// Writes and verifies.
    #[must_use]
    pub fn new(
        dialect: Dialect,
        target: (u8, u8),
        verify_only: bool,
        kinds: &'static [ListKind],
    ) -> Self {
        Writer {
            dialect,
            target,
            kinds,
            verify_only,
            at: 0,
            tries: 0,
            now: Doing::Pause(Mono::ZERO),
            state: Writing::Busy {
                reading: verify_only,
            },
        }
    }
    /// How it stands.
    #[must_use]
    pub fn state(&self) -> &Writing {
        &self.state
    }
    /// Takes a frame of the autopilot's.
    pub fn handle(&mut self, now: Now, frame: &Frame, msg: &Msg) {
        match &mut self.now {
            Doing::Up(u) => u.handle(now, msg),
            Doing::Down(d) => d.handle(now, frame),
            Doing::Pause(_) => {}
        }
    }
    /// The next message for the autopilot.
    pub fn poll(&mut self) -> Option<Common> {
        match &mut self.now {
            Doing::Up(u) => u.poll(),
            Doing::Down(d) => d.poll(),
            Doing::Pause(_) => None,
        }
    }
    /// Goes on; call on every wakeup and after every frame.
    pub fn tick(&mut self, now: Now, plan: &Judged) {
        if !matches!(self.state, Writing::Busy { .. }) {
            return;
        }
        let Some(kind) = self.kinds.get(self.at).copied() else {
            self.state = Writing::Equal;
            return;
        };
        match &mut self.now {
            Doing::Pause(until) if now.mono < *until => {}
            Doing::Pause(_) => {
                self.now = if self.verify_only {
                    Doing::Down(self.reader(kind))
                } else {
                    Doing::Up(Uploader::new(kind, plan.list(kind).to_vec(), self.target))
                };
                self.state = Writing::Busy {
                    reading: self.verify_only,
                };
                self.tick_transfer(now);
            }
            Doing::Up(u) => {
                u.tick(now);
                match u.progress() {
                    Progress::Running { .. } => {}
                    // The last acknowledgement may be what was lost: the read-back tells the truth.
                    Progress::Done | Progress::Unsure => {
                        self.now = Doing::Down(self.reader(kind));
                        self.state = Writing::Busy { reading: true };
                        self.tick_transfer(now);
                    }
                    Progress::Refused(r) => {
                        let why = format!("the autopilot refused the {kind:?} list: {r:?}");
                        self.again(now, why);
                    }
                    Progress::Silent => {
                        self.again(now, format!("no answer while writing the {kind:?} list"))
                    }
                }
            }
            Doing::Down(d) => {
                d.tick(now);
                match d.progress() {
                    Progress::Running { .. } => {}
                    Progress::Done => {
                        match same_meaning(kind, self.dialect, plan.list(kind), d.items()) {
                            Ok(()) => {
                                self.at += 1;
                                self.tries = 0;
                                self.now = Doing::Pause(now.mono);
                                if self.at >= self.kinds.len() {
                                    self.state = Writing::Equal;
                                } else {
                                    self.tick(now, plan);
                                }
                            }
                            Err(diff) => {
                                let why = format!("{kind:?} read back differs: {diff:?}");
                                if self.verify_only {
                                    self.state = Writing::Failed(why);
                                } else {
                                    self.again(now, why);
                                }
                            }
                        }
                    }
                    Progress::Refused(_) | Progress::Unsure | Progress::Silent => {
                        self.again(
                            now,
                            format!("no answer while reading the {kind:?} list back"),
                        );
                    }
                }
            }
        }
    }

    fn reader(&self, kind: ListKind) -> Downloader {
        let ahead = match self.dialect {
            Dialect::ArduPilot => AHEAD,
            Dialect::Px4 => 0,
        };
        Downloader::new(kind, self.target).ahead(ahead)
    }

    fn tick_transfer(&mut self, now: Now) {
        match &mut self.now {
            Doing::Up(u) => u.tick(now),
            Doing::Down(d) => d.tick(now),
            Doing::Pause(_) => {}
        }
    }

    fn again(&mut self, now: Now, why: String) {
        self.tries += 1;
        if self.tries >= TRIES {
            self.state = Writing::Failed(why);
        } else {
            self.now = Doing::Pause(now.mono.after(PAUSE));
        }
    }
}
