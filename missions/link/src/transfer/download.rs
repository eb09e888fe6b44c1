//! Fetches a list from an autopilot.

use super::{MAX_ITEMS, Progress, ack};
use crate::common::{
    MISSION_REQUEST_INT_DATA, MISSION_REQUEST_LIST_DATA, MavMessage, MavMissionResult,
};
use crate::frame::{Frame, Msg};
use crate::items::{ListKind, WireItem};
use missions::time::{Mono, Now};
use std::collections::VecDeque;
use std::time::Duration;

/// Wait for an answer; grows by a quarter each time. Stray answers do no harm here: only the item asked for is taken.
const RETRY: Duration = Duration::from_millis(250);
/// Longest such wait.
const RETRY_MAX: Duration = Duration::from_millis(600);
/// Times the same thing is asked before giving up.
const TRIES: u32 = 20;

/// Fetches a list.
#[derive(Clone, Debug)]
pub struct Downloader {
    kind: ListKind,
    target: (u8, u8),
    total: Option<usize>,
    items: Vec<WireItem>,
    progress: Progress,
    tries: u32,
    next: Option<Mono>,
    /// Items asked for beyond the next one.
    ahead: usize,
    /// One past the highest item asked for.
    asked: usize,
    out: VecDeque<MavMessage>,
}

impl Downloader {
    /// Starts to fetch from `target`.
    #[must_use]
    pub fn new(kind: ListKind, target: (u8, u8)) -> Self {
        Downloader {
            kind,
            target,
            total: None,
            items: Vec::new(),
            progress: Progress::Running { done: 0, total: 0 },
            tries: 0,
            next: Some(Mono::ZERO),
            ahead: 0,
            asked: 0,
            out: VecDeque::new(),
        }
    }
    /// Asks for up to `n` items before the first of them has come. Only where the other side serves each request by
    /// itself, as ArduPilot does; PX4 ends a download at a request out of turn, so one lost frame would end it.
    #[must_use]
    pub fn ahead(mut self, n: usize) -> Self {
        self.ahead = n;
        self
    }
    /// Which list.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.kind
    }
    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
    /// What was fetched, whole only when done.
    #[must_use]
    pub fn items(&self) -> &[WireItem] {
        &self.items
    }
    /// When to call [`Downloader::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        if self.progress.is_over() {
            None
        } else {
            self.next
        }
    }
    /// The next message to send.
    pub fn poll(&mut self) -> Option<MavMessage> {
        self.out.pop_front()
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now) {
        if self.progress.is_over() || self.next.is_none_or(|t| now.mono < t) {
            return;
        }
        if self.tries >= TRIES {
            self.progress = Progress::Silent;
            return;
        }
        self.ask(now);
    }

    fn ask(&mut self, now: Now) {
        let grown = RETRY * 5u32.pow(self.tries.min(5)) / 4u32.pow(self.tries.min(5));
        self.tries += 1;
        self.next = Some(now.mono.after(grown.min(RETRY_MAX)));
        let (target_system, target_component) = self.target;
        let mission_type = self.kind.to_wire();
        let Some(total) = self.total else {
            self.out.push_back(MavMessage::MISSION_REQUEST_LIST(
                MISSION_REQUEST_LIST_DATA {
                    target_system,
                    target_component,
                    mission_type,
                },
            ));
            return;
        };
        // After silence everything from the first missing item on is asked for again.
        let from = if self.tries > 1 {
            self.items.len()
        } else {
            self.asked.max(self.items.len())
        };
        let end = (self.items.len() + self.ahead + 1).min(total);
        self.asked = end.max(from);
        for seq in from..end {
            self.out
                .push_back(MavMessage::MISSION_REQUEST_INT(MISSION_REQUEST_INT_DATA {
                    seq: u16::try_from(seq).unwrap_or(u16::MAX),
                    target_system,
                    target_component,
                    mission_type,
                }));
        }
    }

    fn finish(&mut self) {
        self.progress = Progress::Done;
        self.out.push_back(ack(
            self.target,
            self.kind.to_wire(),
            MavMissionResult::MAV_MISSION_ACCEPTED,
        ));
    }

    /// Takes a frame of the other side; others are ignored.
    pub fn handle(&mut self, now: Now, frame: &Frame) {
        if self.progress.is_over() {
            return;
        }
        if let Some((seq, kind, item)) = WireItem::from_frame(frame) {
            let Some(total) = self.total else { return };
            if kind == self.kind && usize::from(seq) == self.items.len() && self.items.len() < total
            {
                self.items.push(item);
                self.tries = 0;
                self.progress = Progress::Running {
                    done: self.items.len(),
                    total,
                };
                if self.items.len() == total {
                    self.finish()
                } else {
                    self.ask(now)
                }
            }
            return;
        }
        let Msg::Common(m) = frame.decode() else {
            return;
        };
        match *m {
            MavMessage::MISSION_COUNT(c)
                if ListKind::from_wire(c.mission_type) == Some(self.kind)
                    && self.total.is_none() =>
            {
                let total = usize::from(c.count);
                if total > MAX_ITEMS {
                    self.progress = Progress::Refused(MavMissionResult::MAV_MISSION_NO_SPACE);
                    return;
                }
                self.total = Some(total);
                self.tries = 0;
                self.progress = Progress::Running { done: 0, total };
                if total == 0 {
                    self.finish()
                } else {
                    self.ask(now)
                }
            }
            MavMessage::MISSION_ACK(a)
                if ListKind::from_wire(a.mission_type) == Some(self.kind)
                    && a.mavtype != MavMissionResult::MAV_MISSION_ACCEPTED =>
            {
                self.progress = Progress::Refused(a.mavtype);
            }
            _ => {}
        }
    }
}
