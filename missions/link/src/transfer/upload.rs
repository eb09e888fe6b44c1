//! Sends a list to an autopilot.

use super::{MAX_ITEMS, Progress};
use crate::common::{MISSION_COUNT_DATA, MavMessage, MavMissionResult};
use crate::frame::Msg;
use crate::items::{ListKind, WireItem};
use missions::time::{Mono, Now};
use std::collections::VecDeque;
use std::time::Duration;

/// Wait for an answer to the count; grows by half each time.
const COUNT_RETRY: Duration = Duration::from_millis(250);
/// Longest such wait.
const COUNT_RETRY_MAX: Duration = Duration::from_millis(1_000);
/// Counts sent before giving up.
const COUNT_TRIES: u32 = 10;
/// Silence after an item before it is sent again. The receiver asks again by itself (PX4 each 0.26 s, ArduPilot each
/// second), and ArduPilot aborts an upload at an item it did not ask for: so first let three of its requests get lost.
const NUDGE: Duration = Duration::from_millis(3_400);
/// The same after the last item, which does no harm when it comes twice.
const NUDGE_LAST: Duration = Duration::from_millis(800);
/// Items sent again without an answer before giving up.
const NUDGES: u32 = 5;
/// An item asked for again so soon after it was sent is a request that the line doubled: a second answer would make
/// ArduPilot abort. A receiver that means it asks again.
const ECHO: Duration = Duration::from_millis(150);
/// Times an upload that the receiver dropped is begun anew.
const RESTARTS: u32 = 5;

/// PX4 forgets an upload whose partner died only after 5 s without a word, and takes each new count for such a word.
const FORGETS: Duration = Duration::from_millis(5_600);
/// Requests of somebody else's upload heard before it counts as one, and how long the count went unanswered by then.
const STRAYS: u32 = 2;
const STRAY_AFTER: Duration = Duration::from_millis(400);

/// Sends a list.
///
/// ```text
/// COUNT ──request 0──► items ──request n──► all sent ──ACK 0──► Done
///   ▲                    │ receiver dropped it   │ no ACK, or it forgot us ──► Unsure
///   └────────────────────┘                       │ any other ACK ──► Refused
/// ```
#[derive(Clone, Debug)]
pub struct Uploader {
    kind: ListKind,
    items: Vec<WireItem>,
    target: (u8, u8),
    progress: Progress,
    /// Highest item asked for; `None` while the count is not answered.
    highest: Option<usize>,
    /// Item last sent.
    recent: usize,
    /// When it was sent.
    sent: Mono,
    all_sent: bool,
    tries: u32,
    restarts: u32,
    /// First count that was not answered, and requests heard since that belong to no upload of ours.
    first_count: Option<Mono>,
    strays: u32,
    next: Mono,
    out: VecDeque<MavMessage>,
}

impl Uploader {
    /// Starts to send `items` to `target` (system, component).
    #[must_use]
    pub fn new(kind: ListKind, items: Vec<WireItem>, target: (u8, u8)) -> Self {
        let total = items.len();
        let progress = if total > MAX_ITEMS {
            Progress::Refused(MavMissionResult::MAV_MISSION_NO_SPACE)
        } else {
            Progress::Running { done: 0, total }
        };
        Uploader {
            kind,
            items,
            target,
            progress,
            highest: None,
            recent: 0,
            sent: Mono::ZERO,
            all_sent: total == 0,
            tries: 0,
            restarts: 0,
            first_count: None,
            strays: 0,
            next: Mono::ZERO,
            out: VecDeque::new(),
        }
    }
    /// Which list.
    #[must_use]
    pub fn kind(&self) -> ListKind {
        self.kind
    }
    /// What is sent.
    #[must_use]
    pub fn items(&self) -> &[WireItem] {
        &self.items
    }
    /// Where it stands.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }
    /// When to call [`Uploader::tick`] next.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<Mono> {
        (!self.progress.is_over()).then_some(self.next)
    }
    /// The next message to send.
    pub fn poll(&mut self) -> Option<MavMessage> {
        self.out.pop_front()
    }

    /// Time passes.
    pub fn tick(&mut self, now: Now) {
        if self.progress.is_over() || now.mono < self.next {
            return;
        }
        let (tries, wait) = match self.highest {
            None => (
                COUNT_TRIES,
                (COUNT_RETRY * 3u32.pow(self.tries.min(4)) / 2u32.pow(self.tries.min(4)))
                    .min(COUNT_RETRY_MAX),
            ),
            Some(_) => (NUDGES, self.nudge()),
        };
        if self.tries >= tries {
            self.progress = if self.all_sent {
                Progress::Unsure
            } else {
                Progress::Silent
            };
            return;
        }
        self.tries += 1;
        self.next = now.mono.after(wait);
        match self.highest {
            // The receiver asks for what it misses; what was sent last may be what was lost.
            Some(_) => {
                self.sent = now.mono;
                self.send(self.recent);
            }
            None => {
                self.first_count.get_or_insert(now.mono);
                self.out
                    .push_back(MavMessage::MISSION_COUNT(MISSION_COUNT_DATA {
                        count: u16::try_from(self.items.len()).unwrap_or(u16::MAX),
                        target_system: self.target.0,
                        target_component: self.target.1,
                        mission_type: self.kind.to_wire(),
                        opaque_id: 0,
                    }));
            }
        }
    }

    fn nudge(&self) -> Duration {
        if self.all_sent { NUDGE_LAST } else { NUDGE }
    }

    fn send(&mut self, seq: usize) {
        let n = u16::try_from(seq).unwrap_or(u16::MAX);
        match self
            .items
            .get(seq)
            .and_then(|i| i.to_message(n, self.kind, self.target))
        {
            Some(m) => self.out.push_back(m),
            None => self.progress = Progress::Refused(MavMissionResult::MAV_MISSION_UNSUPPORTED),
        }
    }

    /// Takes a message of the other side; others are ignored.
    pub fn handle(&mut self, now: Now, msg: &Msg) {
        if self.progress.is_over() {
            return;
        }
        let Msg::Common(m) = msg else { return };
        let (seq, kind) = match m.as_ref() {
            MavMessage::MISSION_REQUEST_INT(r) => (r.seq, r.mission_type),
            #[allow(deprecated)]
            MavMessage::MISSION_REQUEST(r) => (r.seq, r.mission_type),
            MavMessage::MISSION_ACK(a)
                if ListKind::from_wire(a.mission_type) == Some(self.kind) =>
            {
                self.answered(now, a.mavtype);
                return;
            }
            _ => return,
        };
        let seq = usize::from(seq);
        if self.highest.is_none() && (ListKind::from_wire(kind) != Some(self.kind) || seq > 0) {
            self.stray(now);
        }
        if ListKind::from_wire(kind) != Some(self.kind) {
            return;
        }
        // A receiver goes on by one. A request beyond that is a stray of an earlier upload.
        let reachable = self.highest.map_or(0, |h| h + 1);
        if seq >= self.items.len() || seq > reachable {
            return;
        }
        if self.highest.is_some_and(|h| seq <= h) && now.mono.since(self.sent) < ECHO {
            return;
        }
        if self.highest.is_none_or(|h| seq > h) {
            self.highest = Some(seq);
            self.tries = 0;
        }
        (self.recent, self.sent) = (seq, now.mono);
        if seq + 1 == self.items.len() {
            self.all_sent = true;
        }
        self.progress = Progress::Running {
            done: self.highest.map_or(0, |h| h + 1),
            total: self.items.len(),
        };
        self.next = now.mono.after(self.nudge());
        self.send(seq);
    }

    /// A request that belongs to an upload we do not know: of a companion that died, and of whose death the autopilot
    /// has not heard. Every count of ours keeps that upload alive, so be silent until it is forgotten.
    fn stray(&mut self, now: Now) {
        let unanswered = self
            .first_count
            .is_some_and(|t| now.mono.since(t) >= STRAY_AFTER);
        self.strays += 1;
        if unanswered && self.strays >= STRAYS {
            self.strays = 0;
            self.first_count = None;
            self.next = now.mono.after(FORGETS);
        }
    }

    fn answered(&mut self, now: Now, result: MavMissionResult) {
        use MavMissionResult as R;
        // Our own resending can make a receiver that is already further complain.
        let nudged = self.highest.is_some() && self.tries > 0;
        match result {
            R::MAV_MISSION_ACCEPTED if self.all_sent => self.progress = Progress::Done,
            // An acceptance before all was asked for is of an earlier upload.
            R::MAV_MISSION_ACCEPTED => {}
            // It has finished, well or not, and forgot us: the acknowledgement that said which was lost.
            R::MAV_MISSION_ERROR | R::MAV_MISSION_INVALID_SEQUENCE if self.all_sent && nudged => {
                self.progress = Progress::Unsure;
            }
            R::MAV_MISSION_INVALID_SEQUENCE | R::MAV_MISSION_OPERATION_CANCELLED
                if self.restarts < RESTARTS =>
            {
                self.restarts += 1;
                self.highest = None;
                self.all_sent = self.items.is_empty();
                self.tries = 0;
                self.next = now.mono;
                self.progress = Progress::Running {
                    done: 0,
                    total: self.items.len(),
                };
                self.tick(now);
            }
            refused => self.progress = Progress::Refused(refused),
        }
    }
}
